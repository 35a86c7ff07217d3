"""What the judge hears of the feeling and the tone that were asked for, beside the corpus's own replies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.controls.parts import Bench, Read, affects, every, fixed
from recipes.writing.corpus import Turn
from recipes.writing.parts import to_first_person
from rlgen.affect import ANGER, FEAR, HAPPINESS, NUM_CATEGORIES, SADNESS, cosine, from_category, regulating_target
from rlgen.experiments.display.tables import Row
from rlgen.text.topics import topics
from rlgen.types import F32, Controls

ASKED: Final = (HAPPINESS, SADNESS, ANGER, FEAR)  # a reply is asked for no neutrality, and none surprises
WEIGHTS: Final = (0.0, 2.0)
"""Least and greatest emotional weight."""

TEMPERATURE: Final = 0.7
_RARE: Final = 1e-6  # a category that the judge never sees has some probability

Yardstick = Callable[[Sequence[str]], float]


@dataclass(frozen=True)
class Corpus:
    """The corpus's own replies of full depth, and what the judge makes of others.

    Attributes:
        deep: turns whose replies have full depth.
        read: what these replies are read as.
        medians: of warmth and directiveness over replies at the corners of tone.
        usual: `[6]`, median of each category's probability over the replies `deep`.
        means: `[6]`, its mean.
    """

    deep: list[Turn]
    read: Read
    medians: Mapping[str, float]
    usual: NDArray[np.float32]
    means: NDArray[np.float32]

    @classmethod
    def of(cls, bench: Bench, most: int = 1200) -> Corpus:
        """Read at most so many replies of each kind among the bench's exchanges."""
        turns = [t for t in every(bench.exchanges) if abs(t.warmth) == 1 and abs(t.directiveness) == 1][:most]
        read = bench.read([turn.reply for turn in turns])
        medians = {name: float(np.median(read.dial(name, "judge"))) for name in ("warmth", "directiveness")}
        deep = [turn for turn in every(bench.exchanges) if turn.weight == 1 and turn.category in ASKED][:most]
        full = bench.read([turn.reply for turn in deep])
        judged = full.judge.affect[:, :NUM_CATEGORIES]
        return cls(deep, full, medians, np.median(judged, axis=0), judged.mean(axis=0))

    def ceilings(self, yardsticks: Mapping[str, Yardstick]) -> dict[str, float]:
        """What the corpus's own replies of full depth reach."""
        asked = np.array([turn.category for turn in self.deep])
        tone = np.array([[turn.warmth, turn.directiveness] for turn in self.deep], dtype=np.float32)
        zero = np.zeros(len(asked), dtype=np.float32)
        found = heard(self.read, asked, Controls(tone[:, 0], tone[:, 1], zero, zero), self)
        found |= regard(self.read, affects(self.deep))
        replies = [turn.reply for turn in self.deep]
        found |= {f"perplexity, {name}": measure(replies) for name, measure in yardsticks.items()}
        return found | {"fluency, reader": float(self.read.reader.fluency.mean())}


def heard(read: Read, asked: NDArray[np.int64], controls: Controls, corpus: Corpus) -> dict[str, float]:
    """How much of what was asked the judge hears; tone counts where it was asked at an end of its range."""
    judged = read.judge.affect[:, :NUM_CATEGORIES]
    four = np.array(ASKED)[(judged / np.maximum(corpus.means, _RARE))[:, ASKED].argmax(axis=1)]
    chance = judged[np.arange(len(asked)), asked]
    found = {
        "P(asked feeling)": float(chance.mean()),
        "feeling": float((chance > corpus.usual[asked]).mean()),
        "likeliest of four": float((four == asked).mean()),
        "likeliest of six": float((judged.argmax(axis=1) == asked).mean()),
    }
    for dial in ("warmth", "directiveness"):
        wanted = getattr(controls, dial)
        at_end = np.abs(wanted) == 1
        right = (read.dial(dial, "judge") > corpus.medians[dial]) == (wanted > 0)
        found[dial] = float(right[at_end].mean()) if at_end.any() else float("nan")
    return found


def regard(read: Read, affect: F32) -> dict[str, float]:
    """Mean cosines to what the person feels, and to what would help them, which is what the reward asks for."""
    return {
        "mirroring": float(cosine(read.judge.affect, affect).mean()),
        "appropriateness": float(cosine(read.judge.affect, regulating_target(affect)).mean()),
    }


def of_bland_words(bench: Bench, corpus: Corpus) -> Row:
    """How much of a feeling comes from the estimate alone, at weight 2 beside 0: the words name a topic and no more."""
    things = [to_first_person(thing) for topic in topics() for thing in topic.things]
    asked = np.tile(np.array(ASKED), len(things))
    windows = [(f"It's about {thing}.",) for thing in things for _ in ASKED]
    affect = from_category(asked, np.full(len(asked), 0.8))
    found = []
    for weight in WEIGHTS:
        controls = fixed(bench.drawn(len(asked)), temperature=TEMPERATURE, emotional_weight=weight)
        read = bench.read(bench.say(windows, affect, controls, purpose=6))
        found.append(heard(read, asked, controls, corpus)["likeliest of four"])
    return Row("feeling asked of bland words: likeliest of four at weight 2", found[1], "", found[0])
