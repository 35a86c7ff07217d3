"""What simulated people can say: finite labelled banks, the same for everybody.

`utterances()` has, for every topic, sadness, anger and fear at three levels of intensity, in each phase and at each
disclosure; neutral, happiness and surprise belong to people who recover and begin after the opening. Three more parts
are apart, for those who ask for them: what people say who hide a feeling, turns of a few words and of many, and what
people in crisis say, under a topic of its own.

The bank is the artifact `utterances`; `python -m recipes.utterances` composes it from the project's own phrases.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from rlgen import artifacts
from rlgen.affect import VALENCE
from rlgen.text.topics import topics
from rlgen.types import UtteranceCatalogue

if TYPE_CHECKING:
    from rlgen.text.reading.reader import Reader

KIND: Final = "utterances/1"
SHIPPED: Final = "shipped:utterances"
FILE: Final = "utterances.npz"
LABELS: Final = ("topic", "category", "intensity", "phase", "disclosure")

PHASES: Final = ("opening", "exploring", "working", "closing")
OPENING, EXPLORING, WORKING, CLOSING = range(4)
DISCLOSURES: Final = ("guarded", "plain", "open")
CRISIS: Final = "crisis"  # name of the topic

Part = Literal["general", "masked", "lengths", "crisis"]
PARTS: Final[tuple[Part, ...]] = ("general", "masked", "lengths", "crisis")


def utterances() -> UtteranceCatalogue:
    """What people say whose words are not hidden, of 4 to some 30 words."""
    return _of("general")


def with_masks() -> UtteranceCatalogue:
    """The bank, followed by matter-of-fact lines of people who hide a feeling, labelled neutral."""
    return _of("general", "masked")


def of_all_lengths() -> UtteranceCatalogue:
    """The bank, followed by turns of a few words and of one clause, which may stand in several cells, and long ones."""
    return _of("general", "lengths")


def with_crisis() -> UtteranceCatalogue:
    """The bank, followed by what people in crisis say, under the topic `CRISIS`."""
    return _of("general", "crisis")


@lru_cache(maxsize=8)
def _of(*parts: Part) -> UtteranceCatalogue:
    """Parts of the shipped bank, one after another."""
    artifact = artifacts.load(SHIPPED, KIND)
    with np.load(artifact.file(FILE), allow_pickle=False) as stored:
        texts = stored["text"].tobytes().decode("utf-8").split("\n")
        of_part = stored["part"]
        labels = {name: stored[name] for name in LABELS}
    rows = np.concatenate([np.flatnonzero(of_part == PARTS.index(part)) for part in parts])
    named = tuple(topic.name for topic in topics())
    return UtteranceCatalogue(
        text=[texts[row] for row in rows.tolist()],
        topics=(*named, CRISIS) if "crisis" in parts else named,
        **{name: array[rows].astype(np.float32 if name == "intensity" else np.int64) for name, array in labels.items()},
    )


def read_by(reader: Reader, bank: UtteranceCatalogue) -> UtteranceCatalogue:
    """A bank with the valence that the people's reader finds in its texts."""
    return replace(bank, valence=reader.read_catalogue(bank.text)[0].affect[:, VALENCE])
