"""Swap tests: how far readings move when a sentence names another person, and nothing else in it changes.

Counterfactual swaps as in Kiritchenko and Mohammad, "Examining Gender and Race Bias in Two Hundred
Sentiment Analysis Systems" (*SEM 2018). Beside each set of identity terms stand sets of occupations of
the same size: what swapping any noun does to a reading.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rlgen.affect import CATEGORIES, NUM_CATEGORIES, VALENCE
from rlgen.text.reading.judge import Judge
from rlgen.text.reading.reader import Reader
from rlgen.text.reading.relevance import Heard

F64 = NDArray[np.float64]
Read = Callable[[Sequence[str], Sequence[str]], Mapping[str, NDArray[Any]]]
"""From N texts and the N texts beside them to readings by name, each `[N]`, or `[N, 6]` for `AFFECT`."""

AFFECT: Final = "affect"
_FELT: Final = ("happiness", "sadness", "anger", "fear")


@dataclass(frozen=True)
class Template:
    """A sentence with a place for a person.

    Attributes:
        text: with `{who}` in it.
        beside: the other side of the exchange.
        feeling: whether the sentence itself carries a clear feeling.
    """

    text: str
    beside: str
    feeling: bool


@dataclass(frozen=True)
class Swaps:
    """The shipped sentences: templates, sets of identity terms by name, sets of occupations."""

    templates: list[Template]
    identities: dict[str, list[str]]
    neutral: list[list[str]]


@dataclass(frozen=True)
class Moved:
    """How far one reading moves within sets of terms.

    Attributes:
        reading: its name.
        sentences: `"feeling"`, `"neutral"`, or `"all"` of both.
        terms: the set of identity terms, by name.
        difference: mean over templates and pairs of terms of the absolute difference; for affect half
            the sum over the six categories (total variation), in [0, 1].
        baseline: the same for occupations, mean over their sets.
        first: with `second` the pair of terms whose mean difference `first - second` is largest; empty for affect.
        second: see `first`.
        gap: `[templates]`, that pair's differences; their mean is the largest gap, at least 0.
        baseline_gap: largest gaps of the sets of occupations, `[sets]`.
    """

    reading: str
    sentences: str
    terms: str
    difference: float
    baseline: float
    first: str
    second: str
    gap: F64
    baseline_gap: F64


def swaps() -> Swaps:
    """The sentences in `identities.yaml`."""
    import yaml

    text = resources.files("benchmarks.readers").joinpath("identities.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    templates = [
        Template(entry["text"], entry["beside"], kind == "feeling")
        for kind, entries in loaded["templates"].items()
        for entry in entries
    ]
    return Swaps(templates, loaded["identities"], loaded["neutral"])


def reader_readings(reader: Reader) -> Read:
    """What the people's reader makes of texts: affect, felt categories, valence, tone, relevance."""

    def read(texts: Sequence[str], beside: Sequence[str]) -> dict[str, NDArray[Any]]:
        distinct = {text: i for i, text in enumerate(dict.fromkeys(beside))}
        asked = reader.encoder.encode(list(distinct))[[distinct[text] for text in beside]]
        reading, _ = reader.read(texts, Heard.alone(beside, asked), [[]] * len(texts))
        tone = ("warmth", "directiveness", "intensity", "relevance")
        return {**_affect(reading.affect), **{name: getattr(reading, name) for name in tone}}

    return read


def judge_readings(judge: Judge) -> Read:
    """What the judge makes of texts: affect, felt categories, valence, warmth, directiveness."""

    def read(texts: Sequence[str], beside: Sequence[str]) -> dict[str, NDArray[Any]]:
        judged = judge.read(texts)
        return {**_affect(judged.affect), "warmth": judged.warmth, "directiveness": judged.directiveness}

    return read


def _affect(affect: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
    felt = {name: affect[:, CATEGORIES.index(name)] for name in _FELT}
    return {AFFECT: affect[:, :NUM_CATEGORIES], "valence": affect[:, VALENCE], **felt}


def moved(read: Read, given: Swaps) -> list[Moved]:
    """How far each reading moves in each set of identity terms, beside occupations.

    Args:
        read: what is tested.
        given: the sentences; every set of terms must have the same size.

    Raises:
        ValueError: sets of terms differ in size, so that largest gaps could not be compared.
    """
    sets = [*given.identities.values(), *given.neutral]
    size = len(sets[0])
    if any(len(terms) != size for terms in sets):
        raise ValueError("sets of terms differ in size; give each the same number of terms")
    texts = [t.text.format(who=who) for terms in sets for t in given.templates for who in terms]
    beside = [t.beside for _ in sets for t in given.templates for _ in range(size)]
    feeling = np.array([t.feeling for t in given.templates])
    kinds = {"all": np.ones_like(feeling), "feeling": feeling, "neutral": ~feeling}
    found = []
    for reading, values in read(texts, beside).items():
        # [sets, templates, terms, outputs]
        shaped = np.asarray(values, dtype=np.float64).reshape(len(sets), len(given.templates), size, -1)
        for kind, chosen in kinds.items():
            if chosen.any():
                found += _moved(reading, kind, shaped[:, chosen], given.identities)
    return found


def _moved(reading: str, kind: str, values: F64, identities: Mapping[str, Sequence[str]]) -> list[Moved]:
    """Of one reading `[sets, templates, terms, outputs]`, sets of identity terms first."""
    split = len(identities)
    differences = [_difference(of) for of in values]
    baseline = float(np.mean(differences[split:]))
    if values.shape[3] > 1:  # several outputs have no one sign
        none = np.zeros(0)
        return [
            Moved(reading, kind, name, differences[k], baseline, "", "", none, none)
            for k, name in enumerate(identities)
        ]
    gaps = [_largest_gap(of[:, :, 0]) for of in values]
    baseline_gap = np.array([gap.mean() for _, _, gap in gaps[split:]])
    return [
        Moved(reading, kind, name, differences[k], baseline, terms[first], terms[second], gap, baseline_gap)
        for k, ((name, terms), (first, second, gap)) in enumerate(zip(identities.items(), gaps[:split], strict=True))
    ]


def _difference(values: F64) -> float:
    """Mean over templates and pairs of terms, of `[templates, terms, outputs]`; half the sum over several outputs."""
    pairs = list(itertools.combinations(range(values.shape[1]), 2))
    share = 0.5 if values.shape[2] > 1 else 1.0
    return float(np.mean([share * np.abs(values[:, a] - values[:, b]).sum(axis=1) for a, b in pairs]))


def _largest_gap(values: F64) -> tuple[int, int, F64]:
    """The terms with the highest and the lowest mean, of `[templates, terms]`, and their differences `[templates]`."""
    means = values.mean(axis=0)
    first, second = int(means.argmax()), int(means.argmin())
    return first, second, values[:, first] - values[:, second]
