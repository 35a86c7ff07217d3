"""Do people of one's own keep the laws that worlds, resuming and evaluation rely on?

In come people, as a world takes them or as a function from N to people; out comes one sentence a fault.

    from rlgen.checks.users import check_users
    from examples.own_people import Curious

    check_users(Curious)
    check_users(Curious.Config(ease=0.4))
    check_users(lambda rows: Mine(rows, ...))
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np

from rlgen.checks.batched import NEIGHBOURS, REPEATS, THREADED, Answer, Batched, apart, some, texts
from rlgen.checks.laws import Finding, Law, raise_first, try_laws
from rlgen.envs.config import world_config
from rlgen.envs.parts import load_bank
from rlgen.envs.people import make_people
from rlgen.errors import ConfigError
from rlgen.perception import SignalBank
from rlgen.rng import Realm, Streams
from rlgen.types import I64, Expression, Feedback, Reading, Rows, SegmentCatalogue, UtteranceCatalogue, Words
from rlgen.users import Users
from rlgen.users.protocol import ALWAYS_KNOWN

ROWS: Final = 10
TURNS: Final = 6
_SOME: Final = np.array([7, 1, 4])
_REST: Final = np.setdiff1d(np.arange(ROWS), _SOME)
_TEXTS: Final = ("I hear you.", "What happened then?", "You should sleep more.", "That sounds hard, and it is a lot.")


@dataclass(frozen=True)
class Numbers(Rows):
    """Which of the `ROWS` people of the streams N people are.

    Attributes:
        number: `[N]`.
    """

    number: I64


class _Tried(Batched):
    """What makes N people, and the numbers of those who are tried.

    Attributes:
        utterances: how many there are to say.
        segments: how many signals there are to give.
    """

    def __init__(self, part: Callable[[int], Users], utterances: int, segments: int) -> None:
        super().__init__(part, Numbers(np.arange(ROWS)), ROWS)
        self.utterances, self.segments = utterances, segments

    def call(self, part: Callable[[int], Users], given: Numbers) -> list[Answer]:
        return _Talk(part(len(given.number)), given.number).all()

    def answer(self, made: list[Answer]) -> Answer:
        return _flat(made)

    def everybody(self, **streams: Any) -> _Talk:
        """All of them, newly made."""
        return _Talk(self.part(ROWS), np.arange(ROWS), **streams)


def try_users(
    people: Any, utterances: UtteranceCatalogue | None = None, segments: SegmentCatalogue | None = None
) -> Iterator[Finding]:
    """Try all laws.

    Args:
        people: what `WorldConfig.users` takes (a family's name or config, `package.module:Class`, a class of people of
            your own), or a function from N to people.
        utterances: what they may say; by default the package's bank.
        segments: what they may sound like; by default the package's bank.

    Raises:
        ConfigError: no such people, or people made already, who have one number of rows.
    """
    if hasattr(people, "respond") and not isinstance(people, type):
        raise ConfigError(
            f"people was a {type(people).__name__} that is made already, for one number of rows; give its class, its "
            "config, or a function from a number of rows to people"
        )
    made_here = callable(people) and not isinstance(people, type)
    world = world_config("rlgen/Support-v0", **({} if made_here else {"users": people}))
    if segments is None:
        segments = SignalBank.load("shipped:signal_bank").catalogue
    if utterances is None:
        utterances = load_bank(world)[0]
    kept: dict[int, Users] = {}

    def made(rows: int) -> Users:
        if made_here:
            users: Users = people(rows)
            return users
        if rows not in kept:  # indexing a bank takes a second
            kept[rows] = make_people(world.users, rows, utterances, segments)
        return copy.deepcopy(kept[rows])

    yield from try_laws(_Tried(made, len(utterances), len(segments)), LAWS)


def check_users(
    people: Any, utterances: UtteranceCatalogue | None = None, segments: SegmentCatalogue | None = None
) -> None:
    """Raise the first fault; arguments as for `try_users`.

    Raises:
        CheckError: there is one.
    """
    raise_first(try_users(people, utterances, segments))


def _words(turn: int, rows: I64, padding: int = 0) -> Words:
    """What people with these numbers are told, read-only: ids are padded with -1 as far as a batch needs."""
    ids = np.full((len(rows), 4 + padding), -1, dtype=np.int64)
    ids[:, :4] = (turn + rows[:, None] + np.arange(4)) % 50
    ids.setflags(write=False)
    return Words(ids, [_TEXTS[(turn + row) % len(_TEXTS)] for row in rows.tolist()])


def _reading(turn: int, rows: I64) -> Reading:
    """How it is read: different for all people and turns, and read-only."""
    drawn = np.random.default_rng(turn).random((ROWS, 18)).astype(np.float32)[rows]
    affect = np.concatenate([drawn[:, :6] / drawn[:, :6].sum(axis=1, keepdims=True), 2 * drawn[:, 6:8] - 1], axis=1)
    scalars = dict(zip(Reading.SCALARS, drawn[:, 11:].T.copy(), strict=True))
    scalars["warmth"], scalars["directiveness"] = 2 * scalars["warmth"] - 1, 2 * scalars["directiveness"] - 1
    reading = Reading(affect, drawn[:, 8:11], **scalars)
    for field in fields(reading):
        getattr(reading, field.name).setflags(write=False)
    return reading


class _Talk:
    """Some people over some turns, each told what their number says; who leaves makes room for the next.

    Args:
        users: N of them.
        numbers: `[N]`, which of the `ROWS` people of the streams they are.
        seed, realm: of the streams.
    """

    def __init__(self, users: Users, numbers: I64, seed: int = 1, realm: Realm = "training") -> None:
        self.users, self.numbers, self.turn = users, numbers, np.zeros(len(numbers), dtype=np.int64)
        self.streams = Streams.of(seed, ROWS, realm).rows(numbers)

    def begin(self, rows: I64 | None = None) -> Answer:
        """New people in some rows, or in all."""
        rows = np.arange(len(self.numbers)) if rows is None else rows
        self.turn[rows] = 0
        return _shown(self.users.reset(rows, self.streams.rows(rows)))

    def reply(self, time: int, rows: I64 | None = None, padding: int = 0) -> Answer:
        """A reply to the people in some rows, or in all."""
        rows = np.arange(len(self.numbers)) if rows is None else rows
        told = _words(time, self.numbers[rows], padding), _reading(time, self.numbers[rows])
        feedback, expression = self.users.respond(rows, *told, self.streams.rows(rows), self.turn[rows])
        self.turn[rows] += 1
        over = rows[np.asarray(feedback.completed) | np.asarray(feedback.abandoned)]
        hidden = {f"hidden {name}": value[rows] for name, value in self.users.hidden().items()}
        shown = {**_shown(expression), **{f.name: getattr(feedback, f.name) for f in fields(Feedback)}, **hidden}
        if len(over):
            self.streams.episode[over] += 1
            self.begin(over)
        return shown

    def all(self, padding: int = 0) -> list[Answer]:
        """What all show, from their first words on."""
        return [self.begin(), *(self.reply(time, padding=padding) for time in range(TURNS))]


def _shown(expression: Expression) -> Answer:
    found = {"utterance": expression.utterance, "segment": expression.segment}
    own = {"text": expression.text, "to": expression.to}
    return found | {name: texts(said) for name, said in own.items() if said is not None}


def _flat(shown: Sequence[Answer]) -> Answer:
    """All that people show at several times, from their first words on."""
    when = ("in the first words", *(f"after reply {time}" for time in range(1, len(shown))))
    return {f"{name} {at}": each for at, answer in zip(when, shown, strict=True) for name, each in answer.items()}


def _has_what_people_have(tried: _Tried) -> Iterator[str]:
    users = tried.part(ROWS)
    for name in ("reset", "respond", "hidden"):
        if not callable(getattr(users, name, None)):
            yield f"{type(users).__name__} has no method {name}; see rlgen.users.Users, or subclass rlgen.users.People"
    names = getattr(users, "hidden_names", None)
    if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
        yield f"hidden_names is {names!r}; it must be a tuple of the names that privileged observations show"
    if not isinstance(getattr(users, "knows_relief", None), bool):
        yield "knows_relief is missing; say True where everybody's relief is known in the end, else False"
    if not isinstance(getattr(users, "sha256", None), str) or not users.sha256:
        yield "sha256 is missing; give a hash of every number that these people are made of"


def _speaks(tried: _Tried) -> Iterator[str]:
    for time, shown in enumerate(tried.everybody().all()):
        where = "the first words" if time == 0 else f"the words after reply {time}"
        for name, most in (("utterance", tried.utterances), ("segment", tried.segments)):
            index = np.asarray(shown[name])
            if index.shape != (ROWS,) or not np.issubdtype(index.dtype, np.integer):
                yield f"{where}: {name} is {index.dtype} of shape {index.shape}; it must be int64 [{ROWS}]"
            elif index.min() < -1 or index.max() >= most:
                yield f"{where}: {name} holds {index.min()} to {index.max()}; the bank has 0 to {most - 1}, -1 for none"
            elif name == "utterance" and index.min() < 0 and "text" not in shown:
                yield f"{where}: utterance is -1 and there is no text; people without own words say what the bank has"
        said = shown.get("text")
        if said is not None and not (said.shape == (ROWS,) and all(isinstance(each, str) for each in said)):
            yield f"{where}: text must be a list of {ROWS} strings"


def _shows_what_can_be(tried: _Tried) -> Iterator[str]:
    for time, shown in enumerate(tried.everybody().all()[1:], start=1):
        where, rating, engagement = f"after reply {time}", np.asarray(shown["rating"]), np.asarray(shown["engagement"])
        for name in ("rating", "engagement", "completed", "abandoned"):
            value, kind = np.asarray(shown[name]), np.bool_ if name in ("completed", "abandoned") else np.float32
            if value.shape != (ROWS,) or value.dtype != kind:
                yield f"{where}: {name} is {value.dtype} of shape {value.shape}; it must be {kind.__name__} [{ROWS}]"
                return
        given = rating[~np.isnan(rating)]
        if not np.isin(given, np.arange(1, 6)).all():
            wrong = given[~np.isin(given, np.arange(1, 6))][0]
            yield f"{where}: a rating was {wrong:g}; it must be 1, 2, 3, 4 or 5, and NaN where none was given"
        if not ((engagement >= 0) & (engagement <= 1)).all():
            yield f"{where}: engagement holds {engagement.min():g} to {engagement.max():g}; it lies in 0 to 1"
        if (shown["completed"] & shown["abandoned"]).any():
            yield f"{where}: somebody is completed and abandoned at once; a person leaves in one way"


def _hides_what_is_known(tried: _Tried) -> Iterator[str]:
    talk = tried.everybody()
    talk.all()
    hidden = talk.users.hidden()
    for name in (*ALWAYS_KNOWN, *talk.users.hidden_names):
        if name not in hidden:
            yield f"hidden() has no {name!r}; it always has {', '.join(ALWAYS_KNOWN)} and all of hidden_names"
    for name, value in hidden.items():
        if np.shape(value) != (ROWS,) or np.asarray(value).dtype != np.float32:
            kind = np.asarray(value).dtype
            yield f"hidden() {name} is {kind} of shape {np.shape(value)}; it must be float32 [{ROWS}]"
        elif talk.users.knows_relief and name in ALWAYS_KNOWN and not np.isfinite(value).all():
            yield f"hidden() {name} is not finite, but knows_relief is True; say False where it can be unknown"
    if any(name not in hidden for name in ALWAYS_KNOWN):
        return
    for name, low, high in (("intensity", 0.0, 1.0), ("model_relief", -1.0, 1.0), ("relief", -1.0, 1.0)):
        known = hidden[name][np.isfinite(hidden[name])]
        if len(known) and not (low - 1e-5 <= known.min() and known.max() <= high + 1e-5):
            yield f"hidden() {name} holds {known.min():g} to {known.max():g}; it lies in {low:g} to {high:g}"
    if not np.allclose(hidden["relief_points"], 4 * hidden["relief"], atol=1e-4, equal_nan=True):
        yield "hidden() relief_points is not four times relief; use rlgen.users.protocol.with_points"


def _hidden_is_a_copy(tried: _Tried) -> Iterator[str]:
    talk = tried.everybody()
    talk.all()
    before = {name: np.array(value) for name, value in talk.users.hidden().items()}
    for value in talk.users.hidden().values():
        value[...] = 0.5
    if where := apart(before, talk.users.hidden()):
        yield f"who writes into what hidden() gave changes people ({where}); give out copies"


def _others_are_others(tried: _Tried) -> Iterator[str]:
    base = tried.of()
    for what, streams in (("seed", {"seed": 2}), ("realm", {"realm": "evaluation"})):
        if not apart(base, _flat(tried.everybody(**streams).all())):
            yield f"another {what} gave the same people; draw with the key of the streams, not by row alone"


def _lets_the_others_be(tried: _Tried) -> Iterator[str]:
    whole, parted = tried.everybody(), tried.everybody()
    whole.begin(), parted.begin()
    for time in range(TURNS):
        expected, before = whole.reply(time), parted.users.hidden()
        found = parted.reply(time, _SOME)
        if where := apart(some(before, _REST), some(parted.users.hidden(), _REST)):
            yield f"a reply to some changed others ({where}); change the rows named alone"
            return
        for rows, shown in ((_SOME, found), (_REST, parted.reply(time, _REST))):
            if where := apart(some(expected, rows), shown):
                yield f"rows that are answered apart react otherwise than together (reply {time + 1}: {where})"
                return


def _begins_anew(tried: _Tried) -> Iterator[str]:
    used = tried.everybody(seed=5)
    used.all()
    if where := apart(tried.of(), _flat(_Talk(used.users, np.arange(ROWS)).all())):
        yield f"a person depends on who sat there before ({where}); set the whole state in reset"


def _reacts_to_words(tried: _Tried) -> Iterator[str]:
    if where := apart(tried.of(), _flat(tried.everybody().all(padding=7))):
        yield f"people react to how far ids are padded ({where}), which depends on the others' replies"


def _goes_on(tried: _Tried) -> Iterator[str]:
    ways: tuple[tuple[str, Callable[[_Talk], _Talk]], ...] = (
        ("a deep copy", copy.deepcopy),
        ("what was pickled", lambda talk: pickle.loads(pickle.dumps(talk))),
    )
    for what, way in ways:
        talk = tried.everybody()
        talk.begin()
        talk.reply(0)
        twin = way(talk)
        ahead = [talk.reply(time) for time in range(1, TURNS)]
        if where := apart(_flat(ahead), _flat([twin.reply(time) for time in range(1, TURNS)])):
            yield f"{what} goes on otherwise ({where}); what changes must belong to the people and be copied with them"


LAWS: Final = (
    Law("people have reset, respond, hidden, names and a hash", _has_what_people_have, basic=True),
    Law("everybody who is asked says something that there is", _speaks, basic=True),
    Law("ratings are 1 to 5 or NaN, engagement 0 to 1, and one leaves in one way", _shows_what_can_be, basic=True),
    Law("hidden state has intensity and relief on their scales, and NaN only where unknown", _hides_what_is_known),
    Law("what hidden gives is a copy", _hidden_is_a_copy),
    REPEATS,
    Law("other seeds and realms give other people", _others_are_others),
    NEIGHBOURS,
    Law("a reply to some leaves the others as they are", _lets_the_others_be),
    Law("new people begin anew", _begins_anew),
    Law("people react to words, whatever their padding", _reacts_to_words),
    Law("copies and pickles go on to the same bits", _goes_on),
    THREADED,
)
