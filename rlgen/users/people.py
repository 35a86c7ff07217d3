"""The base class of people who speak from the banks: a family of one's own is a state and two functions.

    class Curious(People):
        class Config(PeopleConfig): ...                # what can be chosen
        def start(self, draw): ...                     # who comes: a `State` of K people
        def react(self, state, reply, draw): ...       # what a reply does to them, and what they show: `Feedback`

In come the words of a reply and their reading; out come feedback and the next expression (`rlgen.users.Users`). The
base class owns the rest: who sits where, whose voice and topic, when a rating is due, how what is felt is shown, what
is never said twice, and names and hashes. `docs/users/your_own.md` is the way to a first family.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, ClassVar, Final, Generic, TypeVar

import numpy as np
from pydantic import BaseModel
from scipy.special import expit, ndtri

from rlgen.affect import CATEGORY_VALENCE_AROUSAL, NEUTRAL
from rlgen.rng import Streams
from rlgen.seams import source_sha256
from rlgen.text.utterances import CLOSING, EXPLORING, OPENING, WORKING
from rlgen.types import (
    F32,
    F64,
    I64,
    Bools,
    Expression,
    Feedback,
    Reading,
    Rows,
    SegmentCatalogue,
    UtteranceCatalogue,
    Words,
)
from rlgen.users.expression.topics import topics_of
from rlgen.users.expression.transitions import FEELINGS, EmotionChain, read_transitions
from rlgen.users.expression.voices import Felt, Voices
from rlgen.users.faults import FEEDBACK, SHARE, WHETHER, Form, ask, fault, hold, hold_array, hold_hidden
from rlgen.users.protocol import ALWAYS_KNOWN, numbers_sha256, with_points
from rlgen.users.settings import PeopleConfig

_PERSON: Final = ("actor", "topic")
_TURN: Final = ("utterance", "segment", "category", "intensity", "arousal")
_STATE: Final = {"intensity": SHARE, "feeling": Form("iu", 0, 2), "first": SHARE}
_SHOWN: Final = {
    "intensity": SHARE, "arousal": Form("f"), "calm": SHARE, "happy": SHARE, "disclosure": Form("iu", 0, 2),
    "working": WHETHER, "masked": WHETHER, "words": Form("f"), "valence": Form("f"),
}  # fmt: skip


class Draws:
    """Uniform draws in (0, 1) by name, `[K]` each: `draw["trust"]`. The same name gives the same draw.

    Args:
        streams: of K people.
        purpose: what is drawn for.
        turn: `[K]`, or one for all.
        together: names whose draws come from one call, in this order; any other name has a stream of its own.
    """

    def __init__(self, streams: Streams, purpose: str, turn: I64 | int, together: tuple[str, ...]) -> None:
        self._streams, self._purpose, self._turn = streams, purpose, turn
        drawn = streams.uniform(purpose, turn, len(together))
        self._drawn = {name: np.ascontiguousarray(drawn[:, i]) for i, name in enumerate(together)}

    def __getitem__(self, name: str) -> F64:
        if name not in self._drawn:
            self._drawn[name] = self._streams.uniform(f"{self._purpose}.{name}", self._turn)[:, 0]
        return self._drawn[name]

    def normal(self, name: str) -> F64:
        """The same draw as a standard normal one, `[K]`."""
        drawn: F64 = ndtri(self[name])
        return drawn

    def columns(self, *names: str) -> F64:
        """Several draws side by side, `[K, len(names)]`."""
        return np.stack([self[name] for name in names], axis=1)


@dataclass(kw_only=True)
class State(Rows):
    """Hidden state of K people. A family adds fields, arrays `[K]` or `[K, ...]`.

    Attributes:
        intensity: how strong what troubles them is, in [0, 1]; its fall is relief.
        feeling: what they mainly feel: 0 sadness, 1 fear, 2 anger; sadness where it is left out.
        first: intensity at the beginning; nobody need give it.
    """

    intensity: F64
    feeling: I64 = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    first: F64 = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        if not len(self.feeling):
            self.feeling = np.zeros(len(self.intensity), dtype=np.int64)
        if not len(self.first):
            self.first = self.intensity.copy()

    @property
    def relief(self) -> F64:
        """Fall of intensity since the beginning, `[K]`."""
        return self.first - self.intensity


@dataclass(frozen=True)
class Reply:
    """A reply as K people meet it.

    Attributes:
        text: K strings.
        reading: what they are perceived as, `[K]`.
        turn: `[K]`, how many replies each person had before this one.
        due: `[K]`, who is asked for a rating of it.
    """

    text: list[str]
    reading: Reading
    turn: I64
    due: Bools


@dataclass(frozen=True)
class Shown:
    """What shows of the state of K people in their next turn. All but `mixed` and `noise` are `[K]`.

    Attributes:
        intensity: in [0, 1].
        arousal: in [-1, 1].
        calm: probability of sounding neutral or happy.
        happy: share of happy among these.
        disclosure: 0 guarded, 1 plain, 2 open.
        working: who works on something, instead of exploring it.
        masked: whose words would hide a distressed feeling; None: nobody's.
        mixed: probability that a distressed turn shows another of the three feelings.
        noise: standard deviation of shown intensity and arousal.
        words: log(1 + words) that people want to say; None: any.
        valence: how positive they want to sound; None: any.
    """

    intensity: F64
    arousal: F64
    calm: F64
    happy: F64
    disclosure: I64
    working: Bools
    masked: Bools | None = None
    mixed: float = 0.2
    noise: float = 0.08
    words: F64 | None = None
    valence: F64 | None = None


C = TypeVar("C", bound=PeopleConfig)
S = TypeVar("S", bound=State)


class People(ABC, Generic[C, S]):
    """N people; a `rlgen.users.Users`. A family says who comes (`start`) and what a reply does to them (`react`).

    A class that names its config as `Config` is built wherever that config is (`rlgen.users.build`).

    Attributes:
        Config: the class of its config; a class that inherits one has the same fields under a name of its own.
        at_start, at_turn: names whose draws come from one call, at the beginning and at each turn; all others have
            a stream each, which is as good and costs some microseconds.
        config: as given.
        state: hidden state of all N.
        knows_relief: see `Users`.
    """

    Config: ClassVar[type[PeopleConfig]]
    at_start: ClassVar[tuple[str, ...]] = ()
    at_turn: ClassVar[tuple[str, ...]] = ()
    knows_relief: bool = True
    _own: ClassVar[bool] = False  # whether it is no family of the package

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._own = not cls.__module__.startswith("rlgen.")
        inherited = getattr(cls, "Config", None)
        if inherited is not None and "Config" not in cls.__dict__ and inherited.people is not None:
            # A class of its own under a shared config would be written down, and built again, as its base class.
            named = {"__module__": cls.__module__, "__qualname__": f"{cls.__qualname__}.Config"}
            cls.Config = type(inherited)("Config", (inherited,), {**named, "__doc__": inherited.__doc__})
            cls.Config.people = cls
        elif "Config" in cls.__dict__ and cls.Config.people is None:
            cls.Config.people = cls

    def __init__(
        self,
        config: C,
        rows: int,
        utterances: UtteranceCatalogue,
        segments: SegmentCatalogue,
        *,
        lengths: bool = False,
    ) -> None:
        """Args as for `rlgen.users.build`; `lengths`: whether people may want to say so many words (`Shown.words`)."""
        self.config = config
        self.transitions = read_transitions(config.transitions)
        self.voices = Voices(
            rows,
            utterances,
            segments,
            topics_of(utterances.topics, config.scenario, config.topics, config.bank == "crisis"),
            lengths,
        )
        self._chain = EmotionChain(rows, self.transitions)
        self._wait = np.zeros(rows, dtype=np.int64)  # replies until the next rating

    @abstractmethod
    def start(self, draw: Draws) -> S:
        """The state of K new people, from draws of theirs alone."""

    @abstractmethod
    def react(self, state: S, reply: Reply, draw: Draws) -> Feedback:
        """What a reply does to K people and what they show of it.

        Each has a rating, 1-5; of these, only the ratings of those who are due are given.

        Args:
            state: of these people; to be changed in place.
            reply: what they were told.
            draw: for this turn.
        """

    def show(self, state: S, draw: Draws, leaving: I64, opening: bool) -> Shown:
        """How the state shows in what K people say next; by default from intensity and feeling alone.

        Args:
            state: of these people.
            draw: for this turn.
            leaving: `[K]`, 1 where they leave content, -1 where disappointed, else 0.
            opening: whether these are their first words.
        """
        level, relief = state.intensity, np.clip(state.relief, 0.0, 1.0)
        return Shown(
            intensity=level,
            arousal=CATEGORY_VALENCE_AROUSAL[FEELINGS[state.feeling], 1] * level,
            calm=expit((0.4 - level) / 0.1),
            happy=relief,
            disclosure=np.ones(len(level), dtype=np.int64) + (relief > 0.2),
            working=relief > 0.1,
        )

    def tell(self, state: S) -> dict[str, Any]:
        """Hidden state by name, arrays `[N]`; by default all fields with one number for each person."""
        own = {f.name: getattr(state, f.name) for f in fields(state) if f not in fields(State)}
        scalars = {name: value for name, value in own.items() if value.ndim == 1}
        return {**eased(state), **scalars, **felt(state)}

    def gap(self, uniform: F64) -> I64:
        """Replies until the next rating: two or three, half of the time each."""
        return 2 + (uniform < 0.5).astype(np.int64)

    def made_of(self) -> tuple[BaseModel, ...]:
        """Numbers that these people follow and that the config does not hold."""
        return ()

    @cached_property
    def sha256(self) -> str:
        """Hash of the config, of all numbers that go into these people, and of the source of one's own family."""
        numbers = numbers_sha256(self.config, *self.made_of(), self.transitions)
        own = [each for each in type(self).__mro__ if issubclass(each, People) and each._own]
        if not own:
            return numbers
        return hashlib.sha256("".join([numbers, *map(source_sha256, own)]).encode()).hexdigest()

    @cached_property
    def state(self) -> S:
        """See the class; nobody sits there before `reset`."""
        one = self._start(Draws(Streams.of(0, 1), "users.person", 0, self._named_at_start), 1)
        rows = len(self._wait)
        nobody = {f.name: getattr(one, f.name) for f in fields(one)}
        return type(one)(**{name: np.zeros((rows, *each.shape[1:]), each.dtype) for name, each in nobody.items()})

    @cached_property
    def hidden_names(self) -> tuple[str, ...]:
        """See `rlgen.users.Users`."""
        return tuple(self._told())

    def hidden(self) -> dict[str, F32]:
        """See `rlgen.users.Users.hidden`."""
        return with_points({name: value.astype(np.float32) for name, value in self._told().items()})

    def reset(self, rows: I64, streams: Streams) -> Expression:
        """See `rlgen.users.Users.reset`."""
        draw = Draws(streams, "users.person", 0, self._named_at_start)
        state = self._start(draw, len(rows))
        self.voices.enter(rows, draw.columns(*_PERSON))
        self._chain.enter(rows)
        self._wait[rows] = self._gap(draw["gap"])
        nobody_leaves = np.zeros(len(rows), dtype=np.int64)
        return self._speak(
            rows, state, Draws(streams, "users.opening", 0, (*_TURN, *self.at_turn)), nobody_leaves, True
        )

    def respond(
        self, rows: I64, words: Words, reading: Reading, streams: Streams, turn: I64
    ) -> tuple[Feedback, Expression]:
        """See `rlgen.users.Users.respond`."""
        draw = Draws(streams, "users.turn", turn, (*_TURN, *self.at_turn))
        state, wait = self.state.rows(rows), self._wait[rows] - 1
        due = wait <= 0
        shown = self._react(state, Reply(words.text, reading, turn, due), draw)
        self._wait[rows] = np.where(due, self._gap(draw["gap"]), wait)
        feedback = Feedback(
            np.where(due, shown.rating, np.nan).astype(np.float32),
            shown.engagement.astype(np.float32),
            shown.completed,
            shown.abandoned,
        )
        leaving = shown.completed.astype(np.int64) - shown.abandoned
        return feedback, self._speak(rows, state, draw, leaving, False)

    @property
    def _named_at_start(self) -> tuple[str, ...]:
        return (*_PERSON, *self.at_start)

    # What a family says and does; what one of one's own gives is looked at first, see `rlgen.users.faults`.

    def _start(self, draw: Draws, rows: int) -> S:
        if not self._own:
            return self.start(draw)
        state: S = ask(self, "start", draw)
        hold(self, "start", state, State, _STATE, rows)
        return state

    def _react(self, state: S, reply: Reply, draw: Draws) -> Feedback:
        if not self._own:
            return self.react(state, reply, draw)
        reaction: Feedback = ask(self, "react", state, reply, draw)
        hold(self, "react", reaction, Feedback, FEEDBACK, len(reply.due))
        if np.isnan(reaction.rating[reply.due]).any():
            raise fault(self, "react", "gave no rating where one is due", "a rating to all for whom reply.due is true")
        hold(self, "react", state, State, _STATE, len(reply.due))
        return reaction

    def _show(self, state: S, draw: Draws, leaving: I64, opening: bool) -> Shown:
        if not self._own:
            return self.show(state, draw, leaving, opening)
        shown: Shown = ask(self, "show", state, draw, leaving, opening)
        hold(self, "show", shown, Shown, _SHOWN, len(leaving))
        return shown

    def _gap(self, uniform: F64) -> I64:
        if not self._own:
            return self.gap(uniform)
        replies: I64 = ask(self, "gap", uniform)
        hold_array(self, "gap", "replies", replies, Form("iu", 1), len(uniform))
        return replies

    def _told(self) -> dict[str, Any]:
        if not self._own:
            return self.tell(self.state)
        told: dict[str, Any] = ask(self, "tell", self.state)
        hold_hidden(self, "tell", told, ALWAYS_KNOWN[:-1], len(self._wait))
        return told

    def _speak(self, rows: I64, state: S, draw: Draws, leaving: I64, opening: bool) -> Expression:
        """What people say next; their state is kept."""
        shown = self._show(state, draw, leaving, opening)
        self.state.put(rows, state)
        sound = state.feeling, shown.calm, shown.happy, shown.mixed, leaving, draw["category"]
        category, deviation = self._chain.turn(rows, *sound, ndtri(draw.columns("intensity", "arousal")))
        phase = np.where(leaving != 0, CLOSING, np.where(shown.working, WORKING, EXPLORING))
        spoken = category
        if shown.masked is not None and not opening:
            hidden = shown.masked & (leaving == 0) & np.isin(category, FEELINGS)
            spoken = np.where(hidden, NEUTRAL, category)
        expressed = Felt(
            category,
            spoken,
            np.clip(shown.intensity + shown.noise * deviation[:, 0], 0.0, 1.0),
            np.clip(shown.arousal + shown.noise * deviation[:, 1], -1.0, 1.0),
            np.full(len(rows), OPENING) if opening else phase,
            shown.disclosure,
            shown.words,
            shown.valence,
        )
        return self.voices.speak(rows, expressed, draw.columns("utterance", "segment"))


def eased(state: State) -> dict[str, F64]:
    """How `tell` begins: intensity, and relief where the model's path is all that there is."""
    return {"intensity": state.intensity, "model_relief": state.relief, "relief": state.relief}


def felt(state: State) -> dict[str, Bools]:
    """How `tell` ends: who mainly feels what."""
    return {name: state.feeling == i for i, name in enumerate(("sadness", "fear", "anger"))}
