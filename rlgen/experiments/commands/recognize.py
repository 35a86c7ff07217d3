"""`rlgen recognize`: what the recognizer makes of a person's own recording, with a small picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field
from tyro.conf import Positional

from rlgen.affect import AROUSAL, CATEGORIES, NUM_CATEGORIES, VALENCE
from rlgen.errors import ConfigError
from rlgen.experiments.display.pictures import save_png
from rlgen.experiments.files.whole import writable_file
from rlgen.experiments.options import Options, parse

if TYPE_CHECKING:
    from rlgen.types import Estimate

_WIDTH = 32
_EIGHTHS = " ▏▎▍▌▋▊▉"


class Recognize(Options):
    """Read the emotion in a recording of your own."""

    clip: Annotated[Path, Positional] = Field(description="speech of one turn, up to 120 s at 16 kHz (FLAC, WAV, OGG)")
    face: Path | None = Field(None, description="CSV of OpenFace FeatureExtraction of the same moment")
    face_id: int | None = Field(None, description="whose face, where the file holds several")
    recognizer: str = Field("shipped:recognizer", description="folder of a recognizer, or shipped:recognizer")
    plot: Path | None = Field(None, description="write the picture to this PNG")


def _bar(share: float) -> str:
    eighths = round(share * _WIDTH * 8)
    return ("█" * (eighths // 8) + _EIGHTHS[eighths % 8]).rstrip()


def _axis(mean: float, sd: float) -> str:
    """A line from -1 to 1 with the estimate and one standard deviation on either side."""
    cells = ["─"] * (_WIDTH + 1)

    def at(value: float) -> int:
        return round((min(max(value, -1.0), 1.0) + 1.0) / 2.0 * _WIDTH)

    cells[_WIDTH // 2] = "┼"
    for i in range(at(mean - sd), at(mean + sd) + 1):
        cells[i] = "━"
    cells[at(mean)] = "●"
    return "".join(cells)


def picture(estimate: Estimate) -> str:
    """The first row of an estimate as lines of text."""
    affect, uncertainty = estimate.affect[0], estimate.uncertainty[0]
    lines = []
    for name, share in zip(CATEGORIES, affect[:NUM_CATEGORIES], strict=True):
        lines.append(f"  {name:<10} {share:5.2f}  {_bar(float(share))}")
    lines.append(f"  certainty of the category: {1.0 - uncertainty[0]:.2f} of 1 (one minus normalised entropy)")
    for name, column, sd in (("valence", VALENCE, uncertainty[1]), ("arousal", AROUSAL, uncertainty[2])):
        lines.append(f"  {name:<8} {affect[column]:+.2f} ± {sd:.2f}  -1 {_axis(float(affect[column]), float(sd))} 1")
    return "\n".join(lines)


def draw(estimate: Estimate, title: str, path: Path) -> None:
    """Write the picture of an estimate's first row as a PNG.

    Raises:
        DataError: the file cannot be written.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Ellipse

    affect, uncertainty = estimate.affect[0], estimate.uncertainty[0]
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    bars, plane = figure.subplots(1, 2)
    bars.barh(CATEGORIES[::-1], affect[:NUM_CATEGORIES][::-1], color="#4477aa")
    bars.set(xlim=(0, 1), xlabel="probability")
    point = (float(affect[VALENCE]), float(affect[AROUSAL]))
    plane.add_patch(Ellipse(point, 2 * uncertainty[1], 2 * uncertainty[2], alpha=0.25, color="#4477aa"))
    plane.plot(*point, "o", color="#4477aa")
    plane.axhline(0, lw=0.5, color="grey")
    plane.axvline(0, lw=0.5, color="grey")
    plane.set(xlim=(-1, 1), ylim=(-1, 1), xlabel="valence", ylabel="arousal", aspect="equal")
    # A title is a text, not a formula, and holds whole characters only.
    figure.suptitle(title.encode("utf-8", "replace").decode(), fontsize=10, parse_math=False)
    save_png(figure, path)


def main(argv: Sequence[str]) -> int:
    """Read, recognise, print."""
    options = parse(Recognize, argv, "recognize")
    if options.plot is not None:
        writable_file(options.plot)
    if options.face is None and options.face_id is not None:
        raise ConfigError("--face-id says whose face of a file: give the file with --face too")
    from rlgen.perception import audio, face

    waveform = audio.read(options.clip)
    units, rate = (None, 25.0) if options.face is None else face.read_openface(options.face, options.face_id)
    from rlgen.perception.features import Recording, extract
    from rlgen.perception.recognizer import EmotionRecognizer

    recognizer = EmotionRecognizer.load(options.recognizer)
    estimate = recognizer.estimate(extract(Recording(waveform, units, rate, name=str(options.clip))))
    used = "speech" if units is None else "speech and face"
    print(f"{options.clip} ({len(waveform) / 16_000:.1f} s, {used})")
    print(picture(estimate))
    print(f"  {recognizer.description}")
    if recognizer.cohort.startswith("synthetic"):
        print(
            "  This recognizer learned from computed voices only: on a real one take it for a demonstration. "
            "Fit one to recordings with `rlgen bank build` and `rlgen fit recognizer --bank`."
        )
    print("  It describes how the recording sounds, not how the person is, and is no diagnosis.")
    if options.plot is not None:
        draw(estimate, options.clip.name, options.plot)
        print(f"  picture: {options.plot}")
    return 0
