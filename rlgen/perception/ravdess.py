"""Loader of RAVDESS speech: real voices, and faces as clip-average action units.

Livingstone and Russo, "The Ryerson Audio-Visual Database of Emotional Speech and Song", PLOS ONE
13, 2018; CC BY-NC-SA 4.0. The folder holds `flac16k/03-01-EE-II-SS-RR-AA.flac` (16 kHz) and, if
faces are wanted, `ravdess_face_au_and_posteriors.npz` with OpenFace averages per clip `au_mean`,
their names `au_names` and `name` of each clip (Luna-Jimenez et al., Appl. Sci. 12, 2022).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from rlgen.affect import ANGER, FEAR, HAPPINESS, NEUTRAL, SADNESS, SURPRISE, from_category
from rlgen.errors import DataError
from rlgen.perception import audio
from rlgen.perception.bank import Progress, SignalBank, stored
from rlgen.perception.face import ACTION_UNITS
from rlgen.perception.features import Recording, extract, stack
from rlgen.types import F32, SegmentCatalogue

LICENCE: Final = "RAVDESS (Livingstone and Russo 2018), CC BY-NC-SA 4.0: not for commercial use, share alike"
FACES: Final = "ravdess_face_au_and_posteriors.npz"

# The data set's emotion codes; calm counts as neutral, disgust (7) is not in the shared space.
CATEGORY_OF_CODE: Final = {
    1: NEUTRAL,
    2: NEUTRAL,
    3: HAPPINESS,
    4: SADNESS,
    5: ANGER,
    6: FEAR,
    8: SURPRISE,
}
_INTENSITY: Final = {1: 0.6, 2: 1.0}  # "normal" and "strong"


def _faces(root: Path) -> dict[str, F32]:
    path = root / FACES
    if not path.is_file():
        return {}
    try:
        with np.load(path, allow_pickle=False) as table:
            columns = [list(table["au_names"]).index(f"{unit}_r") for unit in ACTION_UNITS]
            units = table["au_mean"][:, columns].astype(np.float32)
            names = [str(name) for name in table["name"]]
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise DataError(f"{path}: not the table of action units ({type(error).__name__}); fetch it again") from error
    return dict(zip((name[3:] for name in names), units, strict=True))


def build(root: Path, actors: int | None = None, clips: int | None = None, progress: Progress = iter) -> SignalBank:
    """Build a bank from the recordings.

    Args:
        root: the data set's folder.
        actors: use the first so many actors only.
        clips: use at most so many clips an actor, spread over the emotions.
        progress: wraps the loop over clips.

    Raises:
        DataError: the folder is not laid out as described, or nothing is left after the limits.
        SignalError: a recording cannot be used.
    """
    files = sorted((root / "flac16k").glob("03-01-*.flac"))
    if not files:
        raise DataError(f"{root}: no flac16k/03-01-*.flac; give the folder with the RAVDESS speech clips at 16 kHz")
    try:
        codes = np.array([[int(part) for part in file.stem.split("-")] for file in files])
        if codes.shape[1] != 7:
            raise ValueError(f"{codes.shape[1]} parts")
    except ValueError as error:
        raise DataError(f"{root}: a file name is not of the form 03-01-EE-II-SS-RR-AA.flac ({error})") from error
    keep = np.isin(codes[:, 2], list(CATEGORY_OF_CODE))
    if actors is not None:
        keep &= np.isin(codes[:, 6], np.unique(codes[:, 6])[:actors])
    if clips is not None:
        for actor in np.unique(codes[:, 6]):
            own = np.flatnonzero(keep & (codes[:, 6] == actor))
            spread = np.round(np.linspace(0, len(own) - 1, min(clips, len(own)))).astype(int)
            keep[own] = np.isin(np.arange(len(own)), spread)
    chosen = np.flatnonzero(keep)
    if len(chosen) == 0:
        raise DataError(f"{root}: no clip is left after the limits; raise --actors or --clips")
    faces = _faces(root)
    rows = []
    for i in progress(list(chosen)):
        file = files[i]
        rows.append(extract(Recording(audio.read(file), faces.get(file.stem[3:]), name=str(file))))
    category = np.array([CATEGORY_OF_CODE[code] for code in codes[chosen, 2]], dtype=np.int64)
    strength = np.array([_INTENSITY[code] for code in codes[chosen, 3]], dtype=np.float32)
    intensity = np.where(category == NEUTRAL, 0.0, strength).astype(np.float32)
    affect = from_category(category, intensity)
    catalogue = SegmentCatalogue(
        actor=codes[chosen, 6].astype(np.int64),
        category=category,
        intensity=intensity,
        valence=np.ascontiguousarray(affect[:, -2]),
        arousal=np.ascontiguousarray(affect[:, -1]),
    )
    people = len(np.unique(catalogue.actor))
    return SignalBank(
        signals=stored(stack(rows)),
        catalogue=catalogue,
        kind="ravdess",
        cohort="ravdess",
        description=(
            f"Real: {len(chosen)} recordings of {people} actors of RAVDESS, acted emotions; faces are clip averages of "
            "action units, there is no physiology; calm counts as neutral, disgust is left out, valence and arousal "
            "follow from category and intensity."
        ),
        clips=[str(files[i].relative_to(root)) for i in chosen],
        settings={},
    )
