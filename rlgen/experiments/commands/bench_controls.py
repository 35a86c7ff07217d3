"""`rlgen bench controls`: what the controls do to the words, read back from the words alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

import numpy as np
import tyro
from numpy.typing import NDArray
from pydantic import Field

from rlgen.affect import from_category
from rlgen.experiments.options import Options, parse
from rlgen.experiments.tables import Row, show
from rlgen.generation.embedded import EmbeddedGenerator
from rlgen.rng import Streams
from rlgen.text import Judge, Reader, SentenceEncoder
from rlgen.text.corpus import Exchange, compose
from rlgen.text.topics import topics
from rlgen.types import F32, Context, Controls, Estimate

_BATCH: Final = 128
_TURNS: Final = 4
_TEMPERATURES: Final = (0.3, 0.5, 0.7, 0.85, 0.95, 1.1, 1.3)
_WEIGHTS: Final = (0.0, 0.3, 0.7, 1.0, 1.5, 2.0)


class BenchControlsOptions(Options):
    """What the controls do to the words, read back by judges."""

    generator: str = Field("shipped:generator", description="shipped:generator or a folder")
    readers: str = Field("shipped:readers", description="the people's reader: shipped:readers or a folder")
    judge: str = Field("shipped:judge", description="the judge: shipped:judge or a folder")
    contexts: int = Field(1500, ge=50, description="held-out contexts; each is answered several times")
    seed: int = Field(1, ge=0, le=2**32 - 1, description="of contexts, controls and sampling")
    as_json: Annotated[bool, tyro.conf.arg(name="json")] = Field(False, description="one line of JSON")


@dataclass(frozen=True)
class Bench:
    """The frozen parts, and held-out exchanges."""

    generator: EmbeddedGenerator
    reader: Reader
    judge: Judge
    exchanges: list[Exchange]
    seed: int

    def say(self, windows: Sequence[Sequence[str]], affect: F32, controls: Controls, turn: int = 0) -> list[str]:
        """Replies to N windows, in batches."""
        rows = len(windows)
        streams = Streams.of(self.seed * 1_000_003, rows)
        estimate = _estimate(affect)
        said: list[str] = []
        for start in range(0, rows, _BATCH):
            index = np.arange(start, min(start + _BATCH, rows))
            context = Context([windows[int(i)] for i in index], np.full(len(index), turn))
            said += self.generator.reply(context, estimate.rows(index), controls.rows(index), streams.rows(index)).text
        return said

    def affect(self) -> F32:
        """Of the people in the exchanges, `[N, 8]`."""
        return from_category(
            np.array([e.category for e in self.exchanges]), np.array([e.intensity for e in self.exchanges])
        )

    def reading(self, texts: Sequence[str]) -> dict[str, F32]:
        """What the people's reader and the judge make of texts, by name."""
        asked = np.zeros((len(texts), self.reader.encoder.dim), dtype=np.float32)
        read, _ = self.reader.read(texts, asked, [()] * len(texts))
        judged = self.judge.read(texts)
        return {
            "warmth, reader": read.warmth,
            "directiveness, reader": read.directiveness,
            "intensity, reader": read.intensity,
            "warmth, judge": judged.warmth,
            "directiveness, judge": judged.directiveness,
            "fluency": read.fluency,
        }


def _estimate(affect: F32) -> Estimate:
    rows = len(affect)
    return Estimate(
        vector=np.zeros((rows, 1), dtype=np.float32),
        affect=affect,
        uncertainty=np.zeros((rows, 3), dtype=np.float32),
        present=np.ones((rows, 3), dtype=bool),
    )


def _controls(rows: int, rng: np.random.Generator) -> Controls:
    """Tone and weight over their whole ranges, temperatures at which people are answered."""
    low_high = ((-1, 1), (-1, 1), (0.5, 0.9), (0, 2))
    return Controls(*(rng.uniform(low, high, rows).astype(np.float32) for low, high in low_high))


def _spearman(asked: NDArray[Any], read: NDArray[Any]) -> float:
    from scipy.stats import spearmanr

    return float(spearmanr(asked, read).statistic)


def obedience(bench: Bench, rng: np.random.Generator) -> list[Row]:
    """Asked against read, beside the same reading of the corpus's own replies (what a perfect model would reach)."""
    rows = len(bench.exchanges)
    controls = _controls(rows, rng)
    windows = [e.context for e in bench.exchanges]
    read = bench.reading(bench.say(windows, bench.affect(), controls))
    own = bench.reading([e.reply for e in bench.exchanges])
    heard = controls.emotional_weight >= 0.3  # below, tone is meant to fade
    found = []
    for name in ("warmth, reader", "warmth, judge", "directiveness, reader", "directiveness, judge"):
        dial = name.split(",")[0]
        value = _spearman(getattr(controls, dial)[heard], read[name][heard])
        ceiling = _spearman(np.array([getattr(e, dial) for e in bench.exchanges]), own[name])
        found.append(Row(f"asked against read: {name}", value, "Spearman", ceiling, value / ceiling, 0.75))
    value = _spearman(controls.emotional_weight, read["intensity, reader"])
    ceiling = _spearman(np.array([e.weight for e in bench.exchanges]), own["intensity, reader"])
    found.append(Row("weight against intensity, reader", value, "Spearman", ceiling, value / ceiling, 0.75))
    return found


def _fixed(
    rows: int, temperature: float = 0.8, weight: float = 1.0, rng: np.random.Generator | None = None
) -> Controls:
    """Random tone under a fixed temperature and weight."""
    drawn = _controls(rows, rng or np.random.default_rng(0))
    return replace(
        drawn,
        temperature=np.full(rows, temperature, dtype=np.float32),
        emotional_weight=np.full(rows, weight, dtype=np.float32),
    )


def depth(bench: Bench) -> list[Row]:
    """Mean intensity along the emotional weight, beside that of the corpus's plain replies."""
    rows = len(bench.exchanges) // 3
    windows, affect = [e.context for e in bench.exchanges[:rows]], bench.affect()[:rows]
    plain = [e.reply for e in bench.exchanges if e.weight == 0]
    baseline = float(bench.reading(plain)["intensity, reader"].mean())
    found = []
    for weight in _WEIGHTS:
        read = bench.reading(bench.say(windows, affect, _fixed(rows, weight=weight)))
        found.append(Row(f"intensity at weight {weight:g}", float(read["intensity, reader"].mean()), "", baseline))
    return found


def heat(bench: Bench) -> list[Row]:
    """Fluency and repetition across the turns of a dialogue, along the temperature."""
    from rlgen.text.repetition import repetition

    by_topic: dict[int, list[Exchange]] = {}
    for exchange in bench.exchanges:
        by_topic.setdefault(exchange.topic, []).append(exchange)
    people = [group[i : i + _TURNS] for group in by_topic.values() for i in range(0, len(group) - _TURNS + 1, _TURNS)]
    rows = len(people)
    own = float(bench.reading([e.reply for e in bench.exchanges])["fluency"].mean())
    fluency, repeats = [], []
    for temperature in _TEMPERATURES:
        windows: list[list[str]] = [[] for _ in people]
        said: list[list[str]] = [[] for _ in people]
        again, texts = [], []
        controls = _fixed(rows, temperature)
        for turn in range(_TURNS):
            now = [person[turn] for person in people]
            for window, exchange in zip(windows, now, strict=True):
                window.append(exchange.context[-1])
            affect = from_category(np.array([e.category for e in now]), np.array([e.intensity for e in now]))
            replies = bench.say(windows, affect, controls, turn)
            again.append(repetition(replies, said))
            texts += replies
            for i, reply in enumerate(replies):
                windows[i].append(reply)
                said[i].append(reply)
        fluency.append(
            Row(f"fluency at temperature {temperature:g}", float(bench.reading(texts)["fluency"].mean()), "", own)
        )
        repeats.append(Row(f"repetition at temperature {temperature:g}", float(np.mean(again[1:])), "", better="lower"))
    return fluency + repeats


def variety(bench: Bench) -> list[Row]:
    """How often the same thing is said, at centre controls, beside the corpus."""
    rows = len(bench.exchanges)
    zero = np.zeros(rows, dtype=np.float32)
    controls = replace(_fixed(rows), warmth=zero, directiveness=zero)
    replies = bench.say([e.context for e in bench.exchanges], bench.affect(), controls)
    own = [e.reply for e in bench.exchanges if e.warmth == e.directiveness == 0]
    measures = (_unique, _top_phrase)
    (unique, common), (own_unique, own_common) = ([m(texts) for m in measures] for texts in (replies, own))
    return [
        Row("unique replies at centre controls", unique, "", own_unique, unique / own_unique, 0.9),
        Row("replies with the most frequent four words", common, "", own_common, better="lower"),
    ]


def aptness(bench: Bench) -> list[Row]:
    """Of the next steps that directive replies name, the share from the person's own topic, beside chance."""
    rows = len(bench.exchanges)
    controls = replace(_fixed(rows), directiveness=np.ones(rows, dtype=np.float32))
    replies = bench.say([e.context for e in bench.exchanges], bench.affect(), controls)
    named = [
        (exchange.topic, {i for i, topic in enumerate(topics()) if any(step in reply for step in topic.steps)})
        for exchange, reply in zip(bench.exchanges, replies, strict=True)
    ]
    apt = [own in found for own, found in named if found]
    share = float(np.mean(apt)) if apt else float("nan")
    return [Row("named steps of the person's own topic", share, "", 1 / len(topics()))]


def _unique(texts: Sequence[str]) -> float:
    return len(set(texts)) / len(texts)


def _top_phrase(texts: Sequence[str]) -> float:
    """Share of texts that hold the most frequent run of four words."""
    held: Counter[tuple[str, ...]] = Counter()
    for text in texts:
        words = text.lower().split()
        held.update(set(zip(words, words[1:], words[2:], words[3:], strict=False)))
    return held.most_common(1)[0][1] / len(texts)


def main(argv: Sequence[str]) -> int:
    """Answer held-out contexts under many controls and have the answers read."""
    options = parse(BenchControlsOptions, argv, "bench controls")
    encoder = SentenceEncoder("bfloat16")
    bench = Bench(
        EmbeddedGenerator.load(options.generator),
        Reader.load(options.readers, encoder),
        Judge.load(options.judge, encoder),
        list(compose(options.seed, options.contexts, "held_out")),
        options.seed,
    )
    rng = np.random.default_rng(options.seed)
    rows = [*obedience(bench, rng), *depth(bench), *heat(bench), *variety(bench), *aptness(bench)]
    show("controls", rows, options.as_json)
    return 0
