"""A real person in the place of a simulated one: their words, ratings and leaving come from outside.

Who the person is, and how they are asked, is the affair of the `Person` handed in; `rlgen chat` is one at a
terminal. `docs/users/human.md` says what is and is not known of such people.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, NoReturn, Protocol

import numpy as np

from rlgen.affect import from_points
from rlgen.errors import ConfigError, DataError
from rlgen.rng import Streams
from rlgen.text.plain import clean
from rlgen.types import F32, I64, Expression, Feedback, Reading, SegmentCatalogue, UtteranceCatalogue, Words
from rlgen.users.own_words.config import HumanConfig
from rlgen.users.protocol import numbers_sha256, with_points

Leaving = Literal["completed", "abandoned"]

UNKNOWN_ENGAGEMENT: Final = 0.5  # nobody is asked; what earns and costs nothing


@dataclass(frozen=True)
class Answer:
    """What a person says and tells at one turn.

    Attributes:
        text: the words; may be empty in leaving.
        rating: of the last reply, 1-5; None where none was given.
        leaving: why they leave now; None where they stay.
        intensity: how strong what troubles them feels now, 1-5 by their own account; None where not told.

    Raises:
        DataError: a rating or an intensity that is not 1, 2, 3, 4 or 5.
    """

    text: str
    rating: int | None = None
    leaving: Leaving | None = None
    intensity: int | None = None

    def __post_init__(self) -> None:
        for name in ("rating", "intensity"):
            value = getattr(self, name)
            if value not in {None, 1, 2, 3, 4, 5}:
                raise DataError(f"a person's answer: {name} was {value!r}; it must be 1, 2, 3, 4, 5 or None")


class Person(Protocol):
    """Whoever sits there. Both methods wait until the person has answered."""

    def begin(self) -> Answer:
        """The first words of a dialogue.

        A world begins the next dialogue as soon as one is over, and so asks once more after the last: who has
        nothing further to say returns an `Answer` without words.
        """

    def answer(self, reply: str, rate: bool) -> Answer:
        """What the person answers to a reply, and whether they leave.

        Args:
            reply: the words, as the guard let them through.
            rate: whether they should be asked to rate it.
        """


class HumanUsers:
    """One real person; a `rlgen.users.Users`, for a world of one dialogue: `World(config, 1, users=...)`.

    Attributes:
        hidden_names: none. Nobody can observe a person's state; `hidden` has what they told.
        knows_relief: no; they need not tell.

    Args:
        config: see `HumanConfig`.
        person: who answers.
    """

    hidden_names: tuple[str, ...] = ()
    knows_relief = False

    def __init__(self, config: HumanConfig, person: Person) -> None:
        self.config = config
        self.sha256 = numbers_sha256(config)
        self._person = person
        self._initial: float = np.nan  # in points, as told first
        self._again: float = np.nan  # in points, as told last after that

    def __deepcopy__(self, memo: dict[int, object]) -> NoReturn:
        raise ConfigError("a dialogue with a real person cannot be kept and continued from; begin a new one")

    def reset(self, rows: I64, streams: Streams) -> Expression:
        """See `rlgen.users.Users.reset`; nothing is drawn.

        Raises:
            ConfigError: more than one row.
        """
        if len(rows) != 1 or rows[0] != 0:
            raise ConfigError("a real person holds one dialogue at a time; make a world of one (num_envs 1)")
        opening = self._person.begin()
        self._initial, self._again = _told(opening.intensity), np.nan
        return _said(opening.text)

    def respond(
        self, rows: I64, words: Words, reading: Reading, streams: Streams, turn: I64
    ) -> tuple[Feedback, Expression]:
        """See `rlgen.users.Users.respond`; only the text is shown. Engagement is not asked for: it is .5."""
        rate = (int(turn[0]) + 1) % self.config.rate_every == 0
        answer = self._person.answer(words.text[0], rate)
        if answer.intensity is not None:
            self._again = _told(answer.intensity)
        feedback = Feedback(
            rating=np.array([_told(answer.rating)], dtype=np.float32),
            engagement=np.array([UNKNOWN_ENGAGEMENT], dtype=np.float32),
            completed=np.array([answer.leaving == "completed"]),
            abandoned=np.array([answer.leaving == "abandoned"]),
        )
        return feedback, _said(answer.text)

    def hidden(self) -> dict[str, F32]:
        """See `rlgen.users.Users.hidden`: what the person told; NaN where they did not.

        `intensity` is what they told last. `relief` is its fall since they told it at the beginning, NaN until they
        tell it again; no model says more, so `model_relief` is the same.
        """
        last = self._initial if np.isnan(self._again) else self._again
        relief = from_points(np.array([self._initial - self._again], dtype=np.float32))
        intensity = from_points(np.array([last - 1.0], dtype=np.float32))
        return with_points({"intensity": intensity, "model_relief": relief, "relief": relief.copy()})


def nobody(config: HumanConfig, rows: int, utterances: UtteranceCatalogue, segments: SegmentCatalogue) -> NoReturn:
    """What a config builds that names no person.

    Raises:
        ConfigError: always.
    """
    raise ConfigError(
        "users: family human needs a person; run `rlgen chat`, or hand one in: World(config, 1, users=HumanUsers(...))"
    )


def _told(value: int | None) -> float:
    return np.nan if value is None else float(value)


def _said(text: str) -> Expression:
    return Expression(utterance=np.array([-1]), segment=np.array([-1]), text=[clean(text)])
