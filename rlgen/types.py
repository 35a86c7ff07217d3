"""What the parts of the world hand to each other: structs of arrays over N dialogues.

A struct holds arrays whose first axis is the dialogue; per-row Python objects appear only as
`text`, for parts that need strings. Nothing here computes more than a selection or an overwriting of rows, and
whether something is such a struct (`Rows.fault`), by which parts of one's own are held to what they have to give.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Final, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Bools = NDArray[np.bool_]
Index = NDArray[np.integer] | NDArray[np.bool_] | slice

T = TypeVar("T")

MODALITIES: Final = ("speech", "face", "physiology")
SPEECH_RATE: Final = 16_000  # samples a second of raw speech
MAX_TURNS: Final = 16


_KINDS: Final = {"F": ("f", "floats"), "I": ("iu", "whole numbers"), "B": ("b", "bools")}


class Rows:
    """Selection and overwriting of rows for dataclasses of N rows.

    A field is an array, a list over N, another struct of N rows, a mapping of these, or what all rows have in common.

    Attributes:
        WIDTHS: length of the second axis of fields that have one; None where each part has its own.
        GAPS: fields of floats in which NaN means that there is nothing.
    """

    WIDTHS: ClassVar[dict[str, int | None]] = {}
    GAPS: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def fault(cls, gave: Any, rows: int, **widths: int) -> str:
        """What keeps something from being such a struct, in words; empty for nothing.

        Args:
            gave: anything.
            rows: N that is needed.
            **widths: of fields that have None in `WIDTHS`, where they are known.
        """
        if not isinstance(gave, cls):
            return f"it gave {described(gave)}; give rlgen.types.{cls.__name__} of {rows} rows"
        widths = {**cls.WIDTHS, **widths}  # type: ignore[dict-item]
        for field in fields(cls):  # type: ignore[arg-type]
            value, kind = getattr(gave, field.name), str(field.type)
            if value is None and kind.endswith("None"):
                continue
            if kind.startswith("list"):
                if not isinstance(value, list) or len(value) != rows:
                    return f"its {field.name} is {described(value)}; give a list of {rows} texts, one a row"
                for row, text in enumerate(value):
                    if not isinstance(text, str):
                        return f"its {field.name} holds {described(text)} in row {row}; give a text"
                continue
            shape = (rows, widths[field.name]) if field.name in widths else (rows,)
            if wrong := array_fault(field.name, value, kind, shape, gaps=field.name in cls.GAPS):
                return wrong
        return ""

    def rows(self, index: Index) -> Self:
        """The same struct for some rows."""

        def pick(value: Any) -> Any:
            if isinstance(value, np.ndarray):
                return value[index]
            if isinstance(value, list):
                return [value[int(i)] for i in np.arange(len(value))[index]]
            if isinstance(value, dict):
                return {name: pick(each) for name, each in value.items()}
            return value.rows(index) if hasattr(value, "rows") else value

        return type(self)(**{f.name: pick(getattr(self, f.name)) for f in fields(self)})  # type: ignore[arg-type]

    def put(self, rows: I64, fresh: Self) -> None:
        """Write other rows over some of these, in place.

        Args:
            rows: `[K]` which.
            fresh: K rows, with the same fields present.
        """

        def write(mine: Any, new: Any) -> None:
            if isinstance(mine, np.ndarray):
                mine[rows] = new
            elif isinstance(mine, list):
                for row, value in zip(rows.tolist(), new, strict=True):
                    mine[row] = value
            elif isinstance(mine, dict):
                for name in mine:
                    write(mine[name], new[name])
            elif isinstance(mine, Rows):
                mine.put(rows, new)

        for field in fields(self):  # type: ignore[arg-type]
            write(getattr(self, field.name), getattr(fresh, field.name))


def array_fault(name: str, value: Any, kind: str, shape: tuple[int | None, ...], gaps: bool = False) -> str:
    """What keeps something from being such an array, in words; empty for nothing.

    Args:
        name: of the field that holds it.
        value: anything.
        kind: `"F32"`, `"I64"` or `"Bools"`; arrays of other widths of these kinds are as good.
        shape: that is needed; None for any length.
        gaps: whether NaN is allowed.
    """
    letters, called = _KINDS[kind[0]]
    fits = isinstance(value, np.ndarray) and value.dtype.kind in letters and value.ndim == len(shape)
    if not fits or any(there != need for there, need in zip(value.shape, shape, strict=True) if need is not None):
        wanted = ", ".join("any" if need is None else str(need) for need in shape)
        return f"its {name} is {described(value)}; give a NumPy array of {called} [{wanted}]"
    if kind[0] == "F" and not gaps and not np.isfinite(value).all():
        return f"its {name} is not finite in row {np.argwhere(~np.isfinite(value))[0][0]}; mend what makes it"
    return ""


def described(value: Any) -> str:
    """What something is, short, for messages."""
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} {list(value.shape)}"
    if isinstance(value, list | tuple | dict):
        return f"a {type(value).__name__} of {len(value)}"
    return "None" if value is None else f"{type(value).__name__} {' '.join(str(value).split())[:40]!r}"


@dataclass(frozen=True)
class Signals(Rows):
    """One turn's signals as features on one timeline of T frames (after alignment).

    Attributes:
        speech: `[N, T, Ds]` normalised features; zeros where absent.
        face: `[N, T, Df]`, likewise.
        physiology: `[N, T, Dp]`, likewise.
        present: `[N, 3]` bool in the order of `MODALITIES`.
        waveforms: N arrays `[samples]` of float32 at `SPEECH_RATE`, full scale 1, empty where speech is absent; None
            where nobody asked for raw sound, see `Recognizer`.
    """

    speech: F32
    face: F32
    physiology: F32
    present: Bools
    waveforms: list[F32] | None = None


@dataclass(frozen=True)
class Estimate(Rows):
    """What the recognizer makes of one turn's signals.

    Attributes:
        vector: `[N, d]` emotion vector, the fused representation `E_t`.
        affect: `[N, 8]`, see `rlgen.affect`.
        uncertainty: `[N, 3]`: entropy of the categories divided by log 6, in [0, 1]; standard
            deviations of valence and of arousal, in [0, 1].
        present: `[N, 3]` bool, the modalities it was made from.
    """

    WIDTHS: ClassVar = {"vector": None, "affect": 8, "uncertainty": 3, "present": 3}

    vector: F32
    affect: F32
    uncertainty: F32
    present: Bools


CONTROL_RANGES: Final[dict[str, tuple[float, float]]] = {
    "warmth": (-1.0, 1.0),
    "directiveness": (-1.0, 1.0),
    "temperature": (0.3, 1.3),
    "emotional_weight": (0.0, 2.0),
}
"""Fields of `Controls` in the order of the action, with their least and greatest values."""

NUM_CONTROLS: Final = len(CONTROL_RANGES)


@dataclass(frozen=True)
class Controls(Rows):
    """What an action means. All `[N]`, finite.

    Attributes:
        warmth: in [-1, 1]; with `directiveness` the tone, the axes of the interpersonal circumplex.
        directiveness: in [-1, 1].
        temperature: sampling temperature, in [0.3, 1.3].
        emotional_weight: in [0, 2]; 0 leaves the generator unconditioned.
    """

    warmth: F32
    directiveness: F32
    temperature: F32
    emotional_weight: F32


@dataclass(frozen=True)
class Context(Rows):
    """The dialogues that condition the generator; how far back it looks is its own affair.

    Attributes:
        texts: N dialogues from their beginnings, oldest text first, person and supporter alternating;
            each ends with the utterance that is to be answered.
        turn: `[N]` turn index from 0, for streams.
    """

    texts: Sequence[Sequence[str]]
    turn: I64


@dataclass(frozen=True)
class Words(Rows):
    """A reply as a person meets it: its words and nothing of how they came about.

    Attributes:
        ids: `[N, L]` token ids, padded with -1.
        text: N strings.
    """

    WIDTHS: ClassVar = {"ids": None}

    ids: I64
    text: list[str]


@dataclass(frozen=True)
class Replies(Words):
    """What the generator says: words, and how likely they were, which no person and no reward may see.

    Attributes:
        logprob: `[N]` log-probability of the reply under the sampling distribution; 0 where nobody knows it.
    """

    logprob: F32

    @classmethod
    def of(cls, text: list[str]) -> Self:
        """Replies of texts alone: no ids, and log-probabilities of 0."""
        rows = len(text)
        return cls(np.full((rows, 1), -1, dtype=np.int64), text, np.zeros(rows, dtype=np.float32))

    @classmethod
    def none(cls, length: int) -> Self:
        """The replies of no rows, for `length` ids."""
        return cls(np.zeros((0, length), dtype=np.int64), [], np.zeros(0, dtype=np.float32))

    def words(self) -> Words:
        """What may be shown to people and to rewards."""
        return Words(self.ids, self.text)


@dataclass(frozen=True)
class Reading(Rows):
    """What a text is perceived as, from its words alone. `[N]` unless said otherwise.

    Attributes:
        affect: `[N, 8]`.
        empathy: `[N, 3]` in [0, 1]: emotional reaction, interpretation, exploration (EPITOME).
        warmth: in [-1, 1].
        directiveness: in [-1, 1].
        intensity: emotional intensity, in [0, 1].
        question: 1 where it asks, else 0.
        relevance: to the utterance it answers, in [0, 1].
        repetition: of the speaker's own earlier turns, in [0, 1].
        fluency: in [0, 1].
    """

    WIDTHS: ClassVar = {"affect": 8, "empathy": 3}

    affect: F32
    empathy: F32
    warmth: F32
    directiveness: F32
    intensity: F32
    question: F32
    relevance: F32
    repetition: F32
    fluency: F32

    SCALARS: ClassVar[tuple[str, ...]] = (
        "warmth",
        "directiveness",
        "intensity",
        "question",
        "relevance",
        "repetition",
        "fluency",
    )

    def array(self) -> F32:
        """All of it as `[N, 18]`: affect, empathy, then the scalars in the order of `SCALARS`."""
        scalars = np.stack([getattr(self, name) for name in self.SCALARS], axis=1)
        return np.concatenate([self.affect, self.empathy, scalars], axis=1).astype(np.float32)


@dataclass(frozen=True, eq=False)
class SegmentCatalogue(Rows):
    """What people may know of a signal bank: labels, never features. All `[S]`.

    Attributes:
        actor: int, who performed the segment.
        category: index into `rlgen.affect.CATEGORIES`.
        intensity: in [0, 1].
        valence: in [-1, 1].
        arousal: in [-1, 1].
    """

    actor: I64
    category: I64
    intensity: F32
    valence: F32
    arousal: F32

    def __len__(self) -> int:
        return len(self.actor)


@dataclass(frozen=True, eq=False)
class UtteranceCatalogue:
    """The bank of things that people say, with labels. Arrays `[U]`.

    Attributes:
        text: U strings.
        topic: index into `topics`.
        topics: names of the topics.
        category: index into `rlgen.affect.CATEGORIES`.
        intensity: in [0, 1].
        phase: 0 opening, 1 exploring, 2 working, 3 closing.
        disclosure: 0 guarded, 1 plain, 2 open.
        valence: in [-1, 1], as the people's reader reads it; None where it was not read.
    """

    text: list[str]
    topic: I64
    topics: tuple[str, ...]
    category: I64
    intensity: F32
    phase: I64
    disclosure: I64
    valence: F32 | None = None

    def __len__(self) -> int:
        return len(self.text)


@dataclass(frozen=True)
class Expression(Rows):
    """How people express themselves at one turn.

    Attributes:
        utterance: `[N]` index into the utterance bank. Beside own words it only names the topic, and may be -1
            where that is unknown.
        segment: `[N]` index into the signal bank; -1 where no signals are given this turn.
        text: N strings, own words that are said instead of the bank's; None: all say what the bank has.
        to: N strings, what they answer in a log instead of the reply that was given: the dialogue goes on from
            there (teacher forcing); None: all answer what they were told.
    """

    utterance: I64
    segment: I64
    text: list[str] | None = None
    to: list[str] | None = None


@dataclass(frozen=True)
class Feedback(Rows):
    """What people show after a reply. `[N]`.

    Attributes:
        rating: 1-5, NaN where none was given this turn.
        engagement: in [0, 1].
        completed: left because it was enough.
        abandoned: left because it did not help.
    """

    GAPS: ClassVar = ("rating",)

    rating: F32
    engagement: F32
    completed: Bools
    abandoned: Bools


ALLOW, REPLACE, ESCALATE = range(3)


@dataclass(frozen=True)
class Verdict(Rows):
    """What the guard decides on replies.

    Attributes:
        decision: `[N]` of `ALLOW`, `REPLACE`, `ESCALATE`.
        cost: `[N, k]` in the order of the guard's `cost_names`; 0 where nothing was found.
        text: N strings, what is said in the end.
        reason: N strings, empty where allowed.
    """

    WIDTHS: ClassVar = {"cost": None}

    decision: I64
    cost: F32
    text: list[str]
    reason: list[str]


class Recognizer(Protocol):
    """Signals to emotion, frozen; `rlgen.checks.recognizer.check_recognizer` tries one's own.

    Three more names are looked for, and none of them is needed. `modalities`, a part of `MODALITIES`, is what it reads.
    With `reads_sound = True` it is given `Signals.waveforms`. `estimate_held_out(signals, cohort, actor)` is asked
    instead of `estimate` where it may have learned from the people of the bank, see
    `rlgen.perception.recognizer.EmotionRecognizer`.

    Attributes:
        vector_dim: d of the emotion vector.
    """

    vector_dim: int

    def weights_sha256(self) -> str:
        """Hash of the frozen weights."""

    def estimate(self, signals: Signals) -> Estimate:
        """Estimates of N rows in one batched call; any subset of modalities may be present, or none."""


def session(part: T) -> T:
    """What one world uses of a frozen part that others share.

    State belongs to the world. A part that keeps anything between its calls (what it has read of dialogues, a count)
    has a method `session()`, which gives the same weights with a memory of its own; one that keeps nothing needs
    none.

    Args:
        part: a generator, guard, reader, encoder or speech.

    Returns:
        Its `session()`, or the part itself where it has no such method.
    """
    # Of the type: a part may well keep an attribute of that name, say a connection.
    begin: Callable[[T], T] | None = getattr(type(part), "session", None)
    return begin(part) if callable(begin) else part


class Generator(Protocol):
    """Emotion, context and controls to words, frozen; see `session` for one that remembers.

    Attributes:
        calls: how often `reply` was called.
    """

    calls: int

    def weights_sha256(self) -> str:
        """Hash of the frozen weights."""

    def reply(self, context: Context, estimate: Estimate, controls: Controls, streams: Any) -> Replies:
        """Replies of N rows in one batched call; `streams` is `rlgen.rng.Streams` of N rows."""


class Guard(Protocol):
    """The last word on what is said."""

    cost_names: tuple[str, ...]

    def review(self, context: Context, words: Words) -> Verdict:
        """Verdicts on N replies; on any internal error it replaces (fails closed)."""
