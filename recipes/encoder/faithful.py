"""How far a student's vectors, and what is read from them, are its teacher's, on texts that it never trained on."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from recipes.readers.contrast_sets import labelled
from recipes.writing.corpus import Exchange, compose
from rlgen.affect import CATEGORIES, cosine, from_category, regulating_target
from rlgen.experiments.display.tables import Row
from rlgen.rng import Streams
from rlgen.types import CONTROL_RANGES, F32, Context, Controls, Estimate, Generator

if TYPE_CHECKING:
    from rlgen.text import Judge, Reader, SentenceEncoder

TARGET: Final = 0.95
HELD_OUT: Final = 1  # seed of the texts that are measured on and never trained on
_BATCH: Final = 128
_EMPATHY: Final = ("emotional reactions", "interpretations", "explorations")


@dataclass(frozen=True)
class Probe:
    """Texts that are read in both ways.

    Attributes:
        name: of the set.
        replies: N texts.
        asked: N utterances that they answer; empty where they answer none.
        affect: `[N, 8]` of the people who are answered, or empty.
    """

    name: str
    replies: list[str]
    asked: list[str]
    affect: F32


def affect_of(exchanges: Sequence[Exchange]) -> F32:
    """Of the people in exchanges, `[N, 8]`."""
    last = [exchange.last for exchange in exchanges]
    return from_category(np.array([turn.category for turn in last]), np.array([turn.intensity for turn in last]))


def answers(generator: Generator, exchanges: Sequence[Exchange], seed: int) -> list[str]:
    """What a generator says to exchanges under random controls, from cold to too hot.

    Args:
        generator: frozen.
        exchanges: N of them.
        seed: of controls and sampling.
    """
    rows = len(exchanges)
    streams = Streams.of(seed * 1_000_003, rows)
    affect = affect_of(exchanges)
    drawn = streams.uniform("experiments.controls", size=len(CONTROL_RANGES))
    said: list[str] = []
    for start in range(0, rows, _BATCH):
        part = slice(start, start + _BATCH)
        scaled = (low + (high - low) * u for u, (low, high) in zip(drawn[part].T, CONTROL_RANGES.values(), strict=True))
        controls = Controls(*(value.astype(np.float32) for value in scaled))
        count = len(affect[part])
        context = Context([exchange.context for exchange in exchanges[part]], np.zeros(count, dtype=np.int64))
        estimate = Estimate(
            vector=np.zeros((count, 1), dtype=np.float32),
            affect=affect[part],
            uncertainty=np.zeros((count, 3), dtype=np.float32),
            present=np.ones((count, 3), dtype=bool),
        )
        said += generator.reply(context, estimate, controls, streams.rows(part)).text
    return said


def held_out(generator: Generator, contexts: int, seed: int) -> list[Probe]:
    """Composed replies of patterns that are never trained on, generated replies to the same people, other sentences.

    The others are the contrast sentences of the readers: English of another hand, which answers nobody.
    """
    exchanges = list(compose(seed, contexts, "held_out"))
    asked, affect = [exchange.last.said for exchange in exchanges], affect_of(exchanges)
    generated = answers(generator, exchanges, seed)
    return [
        Probe("composed", [exchange.last.reply for exchange in exchanges], asked, affect),
        Probe("generated", generated, asked, affect),
        Probe("contrast", list(labelled().texts), [], affect[:0]),
    ]


class _Known:
    """An encoder of texts whose vectors are known already."""

    dim = 384

    def __init__(self, vectors: dict[str, F32]) -> None:
        self._vectors = vectors

    def encode(self, texts: Sequence[str]) -> F32:
        return np.stack([self._vectors[text] for text in texts])


def readings(reader: Reader, judge: Judge, probe: Probe, vectors: dict[str, F32]) -> dict[str, F32]:
    """All that is read from a probe's texts, `[N]` each, given the vectors of texts."""
    known: Any = _Known(vectors)
    instead = copy.copy(reader)
    instead.encoder = known
    asked = known.encode(probe.asked or probe.replies)
    read, embedding = instead.read(probe.replies, asked, [()] * len(probe.replies))
    judged = judge.read_embedded(probe.replies, embedding)
    found = {
        "warmth": read.warmth,
        "directiveness": read.directiveness,
        "intensity": read.intensity,
        **{f"affect, {name}": read.affect[:, i] for i, name in enumerate((*CATEGORIES, "valence", "arousal"))},
        **{f"empathy, {name}": read.empathy[:, i] for i, name in enumerate(_EMPATHY)},
        "question": read.question,
        "fluency": read.fluency,
        "judge's warmth": judged.warmth,
        "judge's directiveness": judged.directiveness,
    }
    if probe.asked:
        found["relevance"] = read.relevance
        found["alignment reward"] = cosine(read.affect, regulating_target(probe.affect))
    return found


def word_means(teacher: SentenceEncoder, texts: Sequence[str]) -> F32:
    """A trivial peer: the mean of the exact vectors of a text's words, each encoded alone; `[N, 384]`."""
    from rlgen.text.reading.lexical import words

    said = [words(text) or ("",) for text in texts]
    known = sorted({word for text in said for word in text})
    place = {word: i for i, word in enumerate(known)}
    vectors = teacher.encode(known)
    means = np.stack([vectors[[place[word] for word in text]].mean(axis=0) for text in said])
    return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True), dtype=np.float32)


def _spearman(a: F32, b: F32) -> float:
    from scipy.stats import spearmanr

    if np.ptp(a) == 0 or np.ptp(b) == 0:  # the correlation of a constant is not defined
        return 1.0 if np.array_equal(a, b) else 0.0
    return float(spearmanr(a, b).statistic)


def faithfulness(
    student: SentenceEncoder, teacher: SentenceEncoder, reader: Reader, judge: Judge, probes: Sequence[Probe]
) -> list[Row]:
    """Cosines to the exact vectors, and rank correlations of all that is read from both.

    Rows have the mean of word vectors as their baseline; rows of a constant vector follow, because readings
    look at the words as well as at the vector.
    """
    rows, constant = [], []
    for probe in probes:
        texts = list(dict.fromkeys([*probe.replies, *probe.asked]))
        exact = teacher.encode(texts)
        mean = exact.mean(axis=0)
        same = np.broadcast_to(mean / np.linalg.norm(mean), exact.shape)
        ways = {"student": student.encode(texts), "words": word_means(teacher, texts), "constant": same}
        said = set(probe.replies)
        for of, which in (("replies", [t in said for t in texts]), ("utterances", [t not in said for t in texts])):
            if any(which):
                near = {way: float((vectors * exact).sum(axis=1)[which].mean()) for way, vectors in ways.items()}
                name = f"cosine to the exact vector, {of}"
                rows.append(Row(f"{probe.name}: {name}", near["student"], "", near["words"], None, TARGET))
                constant.append(Row(f"{probe.name}, constant vector: {name}", near["constant"]))
        truth = readings(reader, judge, probe, dict(zip(texts, exact, strict=True)))
        read = {way: readings(reader, judge, probe, dict(zip(texts, v, strict=True))) for way, v in ways.items()}
        for name, values in truth.items():
            score = {way: _spearman(read[way][name], values) for way in ways}
            rows.append(Row(f"{probe.name}: {name}", score["student"], "Spearman", score["words"], None, TARGET))
            constant.append(Row(f"{probe.name}, constant vector: {name}", score["constant"], "Spearman"))
    return rows + constant
