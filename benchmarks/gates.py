"""`python -m benchmarks.gates`: whether replies stay on the person's matter, take up their step, follow the feeling.

People of long composed dialogues are answered turn by turn, with the generator's own replies between. Each figure has a
target that a generator has to reach before it is shipped; the exit status is 1 where one is missed.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Final

import numpy as np
from pydantic import Field

from benchmarks.controls.parts import Bench, affects, fixed
from rlgen.experiments.cli import call
from rlgen.experiments.display.tables import Row, show
from rlgen.experiments.options import TableOptions, parse

TARGETS: Final = {"own topic": 0.95, "own step": 0.4, "feeling": 0.8}
_TURNS: Final = 10
_TEMPERATURE: Final = 0.5
_FELT_WEIGHT: Final = 1.5
_SAME: Final = 0.7  # share of a step's words of content that a reply has to hold to name it
_CONTENT: Final = re.compile(r"[a-z']{4,}")
_LATER: Final = ("first half", "second half")


class BenchGatesOptions(TableOptions):
    """Whether a generator may be shipped: own topic, own step, feeling, fluency."""

    generator: str = Field("shipped:generator", description="shipped:generator or a folder")
    readers: str = Field("shipped:readers", description="the people's reader: shipped:readers or a folder")
    judge: str = Field("shipped:judge", description="the judge: shipped:judge or a folder")
    dialogues: int = Field(200, ge=10, description="dialogues of ten turns")
    seed: int = Field(1, ge=0, le=2**31 - 1, description="of dialogues, controls and sampling")


def content(text: str) -> frozenset[str]:
    """Its words of four letters or more."""
    return frozenset(_CONTENT.findall(text.lower()))


def names(reply: str, step: str) -> bool:
    """Whether a reply names a step: most of its words of content occur."""
    wanted = content(step)
    return len(wanted & content(reply)) >= _SAME * len(wanted)


def measure(options: BenchGatesOptions) -> list[Row]:
    """All rows."""
    from benchmarks.controls.sweep import swayed
    from recipes.writing.corpus import FEW_TURNS, MOST_TURNS, compose
    from rlgen.generation.embedded.generator import EmbeddedGenerator
    from rlgen.text import Judge, Reader
    from rlgen.text.topics import topics

    composed = compose(options.seed + 700_000_001, 100 * options.dialogues, most=MOST_TURNS)
    long = [e for e in composed if len(e.turns) >= _TURNS][: options.dialogues]
    short = list(compose(options.seed + 700_000_002, 3 * options.dialogues, most=FEW_TURNS))
    bench = Bench(
        EmbeddedGenerator.load(options.generator), Reader.load(options.readers), Judge.load(options.judge),
        short, [], options.seed,
    )  # fmt: skip
    windows: list[list[str]] = [[] for _ in long]
    replies: list[list[str]] = []
    for turn in range(_TURNS):
        now = [e.turns[turn] for e in long]
        for window, each in zip(windows, now, strict=True):
            window.append(each.said)
        drawn = bench.drawn(len(long) * _TURNS).rows(np.arange(turn, len(long) * _TURNS, _TURNS))
        said = bench.say(windows, affects(now), fixed(drawn, temperature=_TEMPERATURE), purpose=9, turn=turn)
        for window, reply in zip(windows, said, strict=True):
            window.append(reply)
        replies.append(said)
    own: tuple[list[bool], list[bool]] = ([], [])
    taken: list[bool] = []
    chance: list[bool] = []
    for turn, said in enumerate(replies):
        for e, reply, another in zip(long, said, [*said[1:], said[0]], strict=True):
            named = {i for i, topic in enumerate(topics()) if any(names(reply, step) for step in topic.steps)}
            if named:
                own[turn >= _TURNS // 2].append(e.topic in named)
            if step := e.turns[turn].step:
                taken.append(names(reply, step))
                chance.append(names(another, step))
    everything = [reply for said in replies for reply in said]
    return [
        Row("named steps of the person's own topic", _mean(own[0] + own[1]), "", 1 / len(topics()), None,
            TARGETS["own topic"]),
        *(Row(f"named steps of the person's own topic, {when}", _mean(half), "", 1 / len(topics()))
          for when, half in zip(_LATER, own, strict=True)),
        Row("replies that name a step", (len(own[0]) + len(own[1])) / len(everything), ""),
        Row("the person's own step taken up", _mean(taken), "", _mean(chance), None, TARGETS["own step"]),
        Row(f"another distress asked: followed at weight {_FELT_WEIGHT:g}",
            swayed(bench, short, bench.drawn(len(short)), _FELT_WEIGHT), "",
            swayed(bench, short, bench.drawn(len(short)), 0.0), None, TARGETS["feeling"]),
        Row("fluency", float(bench.reader.fluency.score(everything).mean()), "",
            float(bench.reader.fluency.score([t.reply for e in long for t in e.turns]).mean())),
    ]  # fmt: skip


def _mean(values: Sequence[bool]) -> float:
    return float(np.mean(values)) if values else float("nan")


def main(argv: Sequence[str]) -> int:
    """Answer long dialogues; 1 where a target is missed."""
    options = parse(BenchGatesOptions, argv, "python -m benchmarks.gates")
    rows = measure(options)
    show("gates", rows, options.as_json)
    return int(any(row.target is not None and not row.value >= row.target for row in rows))


if __name__ == "__main__":
    sys.exit(call("python -m benchmarks.gates", main, sys.argv[1:]))
