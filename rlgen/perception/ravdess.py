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

from rlgen.affect import ANGER, CATEGORIES, FEAR, HAPPINESS, NEUTRAL, SADNESS, SURPRISE, from_category
from rlgen.errors import DataError
from rlgen.perception import audio
from rlgen.perception.bank import Progress, SignalBank, stored
from rlgen.perception.face import ACTION_UNITS
from rlgen.perception.features import Recording, extract, stack
from rlgen.types import F32, SegmentCatalogue

LICENCE: Final = "RAVDESS (Livingstone and Russo 2018), CC BY-NC-SA 4.0: not for commercial use, share alike"
_FACES: Final = "ravdess_face_au_and_posteriors.npz"

# The data set's emotion codes; calm counts as neutral, disgust (7) is not in the shared space.
_CATEGORY: Final = {
    1: NEUTRAL,
    2: NEUTRAL,
    3: HAPPINESS,
    4: SADNESS,
    5: ANGER,
    6: FEAR,
    8: SURPRISE,
}
# Column of each emotion code 1-8 among the published speech logits.
_LOGIT_ORDER: Final = [[5, 2, 7, 6, 3, 1, 4, 8].index(code) for code in range(1, 9)]
_INTENSITY: Final = {1: 0.6, 2: 1.0}  # "normal" and "strong"


def _faces(root: Path) -> dict[str, F32]:
    path = root / _FACES
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
    keep = np.isin(codes[:, 2], list(_CATEGORY))
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
    category = np.array([_CATEGORY[code] for code in codes[chosen, 2]], dtype=np.int64)
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


def published(root: Path, bank: SignalBank) -> dict[str, float]:
    """Accuracies of published models on the bank's own clips, in the six categories of the shared space.

    Their eight-class posteriors (Luna-Jimenez et al., Appl. Sci. 12, 2022; subject-wise folds, test
    clips) with calm added to neutral and disgust left out.

    Args:
        root: the data set's folder with the table of posteriors.
        bank: built from the recordings.

    Returns:
        `"speech"`: wav2vec 2.0, fine-tuned; `"face"`: a perceptron on the same clip averages;
        `"speech+face"`: their fusion.

    Raises:
        DataError: the bank is not of RAVDESS, or the table is missing or another one.
    """
    path = root / _FACES
    if bank.kind != "ravdess":
        raise DataError(f"a bank of kind {bank.kind} has no published figures; leave the folder out")
    try:
        with np.load(path, allow_pickle=False) as table:
            row = {str(name)[3:]: i for i, name in enumerate(table["name"])}
            index = np.array([row[Path(clip).stem[3:]] for clip in bank.clips])
            fold = table["fold"][index].astype(int)
            answers = {
                "speech": table["logits_wav2vec_ft"][fold, index][:, _LOGIT_ORDER],
                "face": table["post_au_mlp"][fold, index],
                "speech+face": table["post_fusion"][fold, index],
            }
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise DataError(f"{path}: not the table of published answers ({type(error).__name__}: {error})") from error
    merge = np.zeros((8, len(CATEGORIES)))
    for code, category in _CATEGORY.items():
        merge[code - 1, category] = 1.0
    found = {}
    for name, answer in answers.items():
        share = np.exp(answer - answer.max(axis=1, keepdims=True)) if name == "speech" else answer
        found[name] = float(((share @ merge).argmax(axis=1) == bank.catalogue.category).mean())
    return found
