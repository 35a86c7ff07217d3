"""Whether replies differ from each other: at random and at centre controls, along the temperature, in a dialogue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.controls.ngrams import distinct, expectation_adjusted_distinct, tokens, top_phrase, unique
from benchmarks.controls.parts import Bench, Read, affects, contexts, every, fixed, lasts, over
from recipes.writing.corpus import FEW_TURNS, Turn
from rlgen.experiments.display.tables import Row
from rlgen.generation.consistency import Consistency, consistency
from rlgen.text.reading.repetition import repetition
from rlgen.types import F32

TEMPERATURES: Final = (0.3, 0.5, 0.7, 0.9, 1.1, 1.3)
_USUAL: Final = 0.7
_UNIQUE_TARGET, _PHRASE_TARGET, _DISTINCT_TARGET = 0.9, 0.05, 0.8


def variety(bench: Bench, at_random: Sequence[str]) -> list[Row]:
    """Unique replies, the most frequent phrase, distinctness, beside replies of the training corpus.

    Distinctness is compared over equally many texts, since it falls with their number even when adjusted:
    words are not drawn uniformly. The corpus has fewer at centre controls.

    Args:
        bench: the parts.
        at_random: replies to all contexts under controls drawn at random.
    """
    rows = len(bench.exchanges)
    centre = fixed(bench.drawn(rows), warmth=0.0, directiveness=0.0, temperature=0.8, emotional_weight=1.0)
    at_centre = bench.say(contexts(bench.exchanges), affects(lasts(bench.exchanges)), centre, purpose=4)
    turns = every(bench.trained)
    vocabulary = len({token for turn in turns for token in tokens(turn.reply)})
    lots = {
        "random": (list(at_random), lasts(bench.trained)),
        "centre": (at_centre, [t for t in turns if t.warmth == t.directiveness == 0 and t.weight == 0.5]),
    }
    found = []
    for name, (replies, like) in lots.items():
        own = [turn.reply for turn in like[:rows]]
        found += _spread(f"of {len(replies):,} at {name} controls", replies, own, vocabulary)
    return found


def _spread(where: str, replies: Sequence[str], own: Sequence[str], vocabulary: int) -> list[Row]:
    one, other = unique(replies), unique(own)
    (phrase, common), (_, own_common) = top_phrase(replies), top_phrase(own)
    count = min(len(replies), len(own))
    replies, own = replies[:count], own[:count]
    spread, own_spread = (expectation_adjusted_distinct(texts, vocabulary) for texts in (replies, own))
    found = [
        Row(f"unique replies {where}", one, "", other, over(one, other), _UNIQUE_TARGET),
        Row(
            f"top four words {where} ({phrase!r})", common, "", own_common,
            target=_PHRASE_TARGET, better="lower",
        ),
        Row(
            f"EAD {where}, first {count:,}", spread, "", own_spread, over(spread, own_spread),
            _DISTINCT_TARGET * own_spread,
        ),
    ]  # fmt: skip
    for n in (1, 2):
        value, corpus = distinct(replies, n), distinct(own, n)
        found.append(Row(f"distinct-{n} {where}, first {count:,}", value, "", corpus, over(value, corpus)))
    return found


@dataclass(frozen=True)
class _Talks:
    """M dialogues of `FEW_TURNS` turns with the generator's own replies: lists over the turns."""

    people: list[list[Turn]]
    replies: list[list[str]]
    repeated: list[F32]

    @classmethod
    def of(cls, bench: Bench, temperature: float, most: int) -> _Talks:
        """What the corpus's people say, answered at one temperature, tone at random, weight 1."""
        talks = [e.turns for e in bench.exchanges if len(e.turns) == FEW_TURNS][:most]
        controls = fixed(bench.drawn(len(talks)), temperature=temperature, emotional_weight=1.0)
        windows: list[list[str]] = [[] for _ in talks]
        people, said, repeated = [], [], []
        for turn in range(FEW_TURNS):
            now = [talk[turn] for talk in talks]
            for window, each in zip(windows, now, strict=True):
                window.append(each.said)
            replies = bench.say(windows, affects(now), controls, purpose=5, turn=turn)
            repeated.append(repetition(replies, [window[1::2] for window in windows]))
            for window, reply in zip(windows, replies, strict=True):
                window.append(reply)
            people.append(now)
            said.append(replies)
        return cls(people, said, repeated)

    def texts(self) -> list[str]:
        """All replies."""
        return [reply for replies in self.replies for reply in replies]


def heat(bench: Bench, most: int) -> list[Row]:
    """Fluency, distinctness and repetition of whole dialogues along the temperature."""
    turns = every(bench.trained)
    vocabulary = len({token for turn in turns for token in tokens(turn.reply)})
    own = [turn.reply for turn in turns[: most * FEW_TURNS]]
    if not any(len(e.turns) == FEW_TURNS for e in bench.exchanges):
        return []
    corpus = (
        float(bench.reader.fluency.score(own).mean()),
        expectation_adjusted_distinct(own, vocabulary),
        distinct(own, 2),
        top_phrase(own)[1],
    )
    names = ("fluency", "EAD", "distinct-2", "top four words")
    found: list[list[Row]] = [[] for _ in (*names, "repetition")]
    for temperature in TEMPERATURES:
        talks = _Talks.of(bench, temperature, most)
        texts = talks.texts()
        values = (
            float(bench.reader.fluency.score(texts).mean()),
            expectation_adjusted_distinct(texts, vocabulary),
            distinct(texts, 2),
            top_phrase(texts)[1],
        )
        for rows, name, value, baseline in zip(found, names, values, corpus, strict=False):
            rows.append(Row(f"{name} at temperature {temperature:g}", value, "", baseline))
        again = float(np.mean(talks.repeated[1:]))
        found[-1].append(Row(f"repetition at temperature {temperature:g}", again, "", better="lower"))
    return [row for rows in found for row in rows]


def trend(bench: Bench, most: int) -> list[Row]:
    """The consistency monitor over dialogues, by the judge's reading; see `rlgen.generation.consistency`."""
    talks = _Talks.of(bench, _USUAL, most)
    if not talks.texts():
        return []
    dialogues = np.tile(np.arange(len(talks.people[0])), FEW_TURNS)
    person = affects([turn for turns in talks.people for turn in turns])
    read: Read = bench.read(talks.texts())
    return consistency_rows(consistency(person, read.judge.affect, dialogues))


def consistency_rows(found: Consistency) -> list[Row]:
    """Each figure beside both of its baselines, the larger of which is the one to beat."""
    rows = []
    for name, figure in (
        ("trend", found.trend),
        ("trend, raw", found.raw),
        ("mirroring in dialogues", found.mirroring),
        ("appropriateness in dialogues", found.appropriateness),
    ):
        rows.append(Row(f"{name}, against shuffled", figure.value, "", figure.shuffled))
        rows.append(Row(f"{name}, against constant", figure.value, "", figure.constant))
    rows.append(
        Row("anger answered with anger, against other turns", found.anger_for_anger, "",
            found.anger_otherwise, better="lower")
    )  # fmt: skip
    return rows
