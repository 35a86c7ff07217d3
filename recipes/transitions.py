"""`python -m recipes.transitions`: how far a turn sounds like the same speaker's turn before, as an artifact."""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recipes.readers.sources import LICENCES, json_lines, opened
from rlgen.affect import (
    ANGER,
    CATEGORIES,
    CATEGORY_VALENCE_AROUSAL,
    FEAR,
    HAPPINESS,
    NEUTRAL,
    NUM_CATEGORIES,
    SADNESS,
    SURPRISE,
)
from rlgen.errors import DataError
from rlgen.experiments.cli import call
from rlgen.experiments.options import TableOptions, parse, recorded
from rlgen.users.expression.transitions import FEELINGS, FILE, KIND, Transitions

if TYPE_CHECKING:
    from rlgen.experiments.display.tables import Row

F64 = NDArray[np.float64]
Spoken = Sequence[Sequence[int]]
"""One speaker's turns in one dialogue, each an index into `rlgen.affect.CATEGORIES`, or -1 where it has none."""

PROGRAM: Final = "python -m recipes.transitions"
_PRIOR: Final = 0.5  # Jeffreys' Dirichlet prior: half a transition in every cell
_FEWEST: Final = 100  # transitions, below which six shares say nothing
# Emotions of DailyDialog and MELD; disgust, which the shared space does not have, is left out.
_LABELS: Final[dict[str, int]] = {
    "no emotion": NEUTRAL, "neutral": NEUTRAL, "happiness": HAPPINESS, "joy": HAPPINESS, "sadness": SADNESS,
    "anger": ANGER, "fear": FEAR, "surprise": SURPRISE, "disgust": -1,
}  # fmt: skip


class FitTransitionsOptions(TableOptions):
    """Fit the transitions between emotions of a speaker's consecutive turns in MELD and DailyDialog."""

    data: Path = Field(description="folder with meld_text and dailydialog")
    out: Path = Field(default=Path("transitions"), description="folder to write; an artifact there is replaced")


def spoken_emotions(data: Path) -> dict[str, list[list[int]]]:
    """Categories of each speaker's own turns in each dialogue of MELD and DailyDialog, all splits.

    Returns:
        Data set -> turns in order, indices into `rlgen.affect.CATEGORIES`, -1 for disgust.

    Raises:
        DataError: a file is missing or damaged, or an emotion is unknown; names file and line.
    """
    found: dict[str, dict[tuple[str, ...], list[int]]] = {"meld_text": {}, "dailydialog": {}}
    for split in ("train", "dev", "test"):
        path = opened(data, f"meld_text/{split}_sent_emo.csv")
        with path.open(encoding="utf-8", errors="replace", newline="") as rows:  # only labels are taken
            for number, row in enumerate(csv.DictReader(rows), 2):
                key = (split, str(row.get("Dialogue_ID")), str(row.get("Speaker")))
                label = _label(row.get("Emotion"), f"{path}: row {number}")
                found["meld_text"].setdefault(key, []).append(label)
    path = opened(data, "dailydialog/dailydialog.jsonl")
    for number, talk in enumerate(json_lines(path), 1):
        turns = talk.get("turns") if isinstance(talk, dict) else None
        if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
            raise DataError(f"{path}: line {number} has no list 'turns' of objects; fetch the file again")
        for turn in turns:
            label = _label(turn.get("emotion"), f"{path}: line {number}")
            found["dailydialog"].setdefault((str(number), str(turn.get("speaker"))), []).append(label)
    return {name: list(talks.values()) for name, talks in found.items()}


def _label(word: object, where: str) -> int:
    label = _LABELS.get(word) if isinstance(word, str) else None
    if label is None:
        raise DataError(f"{where}: the emotion is {word!r}; it must be one of {', '.join(_LABELS)}")
    return label


def pairs(spoken: Spoken, lag: int = 1) -> NDArray[np.int64]:
    """Categories of turns that a speaker had `lag` own turns apart, `[P, 2]`; both have one."""
    found = [(a, b) for turns in spoken for a, b in zip(turns, turns[lag:], strict=False) if a >= 0 and b >= 0]
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def joint(spoken: Spoken) -> F64:
    """How often each category was followed by each in the speaker's next turn, `[6, 6]`."""
    counts = np.zeros((NUM_CATEGORIES, NUM_CATEGORIES))
    np.add.at(counts, tuple(pairs(spoken).T), 1.0)
    return counts


def distressed(counts: F64) -> F64:
    """The part of `joint` in which both turns are sad, angry or fearful, `[3, 3]`."""
    part: F64 = counts[np.ix_(FEELINGS, FEELINGS)]
    return part


def agreement(counts: F64) -> tuple[float, float]:
    """Share of pairs of one category, and what independent draws with the same margins would give.

    Args:
        counts: `[C, C]`, from `joint`.
    """
    total = counts.sum()
    return float(np.trace(counts) / total), float(counts.sum(axis=0) @ counts.sum(axis=1) / total**2)


def fit(sources: Mapping[str, Spoken]) -> Transitions:
    """Fit to several data sets, each compared with its own base rates.

    Valence is that of the categories. A label misses what a turn really sounded like, which lowers the
    correlation of every pair alike: the ratio of the correlations two turns and one turn apart is free of that.

    Args:
        sources: data set -> its speakers' turns.

    Raises:
        DataError: a data set holds too few transitions.
    """
    counts, again, chance = np.zeros((NUM_CATEGORIES, NUM_CATEGORIES)), *np.zeros((2, NUM_CATEGORIES))
    lagged = {1: np.zeros(3), 2: np.zeros(3)}
    valences = CATEGORY_VALENCE_AROUSAL[:, 0].astype(np.float64)
    for name, spoken in sources.items():
        found = joint(spoken)
        if found.sum() < _FEWEST:
            raise DataError(f"{name}: holds {found.sum():.0f} pairs of own turns; at least {_FEWEST} are needed")
        counts += found
        base = found.sum(axis=0) / found.sum()
        before = found.sum(axis=1)
        again += np.diag(found) - before * base
        chance += before * (1.0 - base)
        valence = valences - base @ valences
        for lag, sums in lagged.items():
            a, b = valence[pairs(spoken, lag)].T
            sums += (a @ b, a @ a, b @ b)
    correlation = {lag: ab / np.sqrt(aa * bb) if aa * bb > 0 else 0.0 for lag, (ab, aa, bb) in lagged.items()}
    ratio = correlation[2] / correlation[1] if correlation[1] > 0 else 0.0
    kept = again / np.maximum(chance, 1.0)
    return Transitions.model_validate(
        {
            "counts": (counts + _PRIOR).tolist(),
            "kept": np.clip(kept, 0.0, 0.99).tolist(),
            "valence": float(np.clip(ratio, 0.0, 0.99)),
        }
    )


def following(fitted: Transitions) -> F64:
    """Posterior mean of the next own turn's category, `[6, 6]`, rows sum to one."""
    counts = np.array(fitted.counts)
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))


def measured(fit: Transitions, sources: dict[str, Spoken]) -> list[Row]:
    """What was fitted, and per data set how often consecutive own turns agree, beside chance."""
    from rlgen.experiments.display.tables import Row

    rows = []
    for name, spoken in sources.items():
        for part, counts in (("own turns", joint(spoken)), ("distressed own turns", distressed(joint(spoken)))):
            same, chance = agreement(counts)
            rows.append(Row(f"{name}: {part} agree", same, baseline=chance))
    rows += [Row(f"{name} again", float(p)) for name, p in zip(CATEGORIES, np.diag(following(fit)), strict=True)]
    rows += [Row(f"{name} kept", kept) for name, kept in zip(CATEGORIES, fit.kept, strict=True)]
    return [*rows, Row("autocorrelation of valence", fit.valence)]


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    options = parse(FitTransitionsOptions, argv, PROGRAM)
    from rlgen import artifacts
    from rlgen.experiments.display.tables import show

    artifacts.check_target(options.out, KIND)
    sources: dict[str, Spoken] = dict(spoken_emotions(options.data))
    fitted = fit(sources)
    rows = measured(fitted, sources)
    manifest = artifacts.Manifest(
        name="transitions",
        kind=KIND,
        description="How far a turn sounds like the same speaker's turn before it: emotion labels of everyday talk.",
        command=recorded(PROGRAM, options),
        data=[f"{LICENCES[name]}: fitted numbers only, no text" for name in sources],
        quality={row.name: round(row.value, 4) for row in rows},
        settings={f"pairs of {name}": int(joint(spoken).sum()) for name, spoken in sources.items()},
    )
    artifacts.write(options.out, {FILE: (fitted.model_dump_json() + "\n").encode()}, manifest)
    show("transitions", rows, options.as_json)
    return 0


if __name__ == "__main__":
    sys.exit(call(PROGRAM, main, sys.argv[1:]))
