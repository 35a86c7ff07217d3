"""People whom a language model plays: it reads the replies themselves and writes in its own words.

Each person has a persona (`rlgen.users.own_words.personas`). After a reply the model is asked aside how helpful it was,
how much it wants to go on, how strong the feeling is and whether it stays; each answer is a distribution
over fixed options. Then it writes the next utterance. Nothing of this is fitted to people: the family carries
no measured fidelity, and language models are known to be too easily content. `docs/users/llm.md` says how
to measure it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from rlgen.affect import from_points
from rlgen.errors import ConfigError
from rlgen.rng import Streams
from rlgen.text.language_models.chat_template import SILENCE
from rlgen.types import F32, F64, I64, Bools, Expression, Feedback, Reading, SegmentCatalogue, UtteranceCatalogue, Words
from rlgen.users.expression.topics import topics_of
from rlgen.users.own_words import personas
from rlgen.users.own_words.config import LlmConfig
from rlgen.users.own_words.personas import INTENSITIES, Persona
from rlgen.users.protocol import numbers_sha256, with_points

if TYPE_CHECKING:
    from rlgen.users.own_words.chat_model import Prefix

_LOG = logging.getLogger(__name__)

_LEVELS: Final = np.arange(1.0, INTENSITIES + 1.0)
_GO_ON, _CONTENT = 0, 1  # answers to `leaving`; the third is disappointed
_SHORTEST: Final = 8  # characters below which a text is not cut


class LlmUsers:
    """N people of a language model; a `rlgen.users.Users`.

    Intensity is what the model answers on average when it is asked for it in points, 1-5; `hidden` tells it on the
    common scale.
    """

    hidden_names: tuple[str, ...] = ("intensity", "model_relief", "relief", "trust", "sadness", "fear", "anger")
    knows_relief = True

    def __init__(
        self, config: LlmConfig, rows: int, utterances: UtteranceCatalogue, segments: SegmentCatalogue
    ) -> None:
        """Args as for `rlgen.users.build`; of the banks only the topics are used."""
        from rlgen.users.own_words.chat_model import chat_model  # it needs torch, which other families do without

        self.config = config
        self._model = chat_model(config.model, config.device, config.dtype)
        if not self._model.chat.templated:
            _LOG.warning(
                "users: %s is no chat model, it has no chat template; it goes on with a transcript instead",
                config.model,
            )
        self._room = None if self._model.context is None else self._model.context - config.max_new_tokens
        asides = [personas.question(name).ask for name in personas.phrases()["questions"]]
        self._longest = max(zip(self._model.lengths(asides), asides, strict=True))[1]
        made_of = f"{self._model.sha256()}/{personas.sha256()}"
        self.sha256 = numbers_sha256(config.model_copy(update={"model": made_of}))
        self._chosen = [(i, utterances.topics[i]) for i in topics_of(utterances.topics, config.scenario, config.topics)]
        for _, name in self._chosen:
            personas.topic(name)
        self._label = np.full(len(utterances.topics), -1)
        self._label[utterances.topic] = np.arange(len(utterances))
        self._personas: list[Persona] = [Persona(0, 0, 1, 0, "")] * rows
        self._windows: list[list[str]] = [[] for _ in range(rows)]
        self._intensity: F64 = np.zeros(rows)
        self._start: F64 = np.zeros(rows)
        self._wait = np.zeros(rows, dtype=np.int64)
        self._cut_before = False

    def reset(self, rows: I64, streams: Streams) -> Expression:
        """See `rlgen.users.Users.reset`: new personas, first words, and how strong the feeling is after them."""
        drawn = streams.uniform("users.person", 0, len(personas.COLUMNS))
        for row, persona in zip(rows.tolist(), personas.draw(drawn, self._chosen, self.config.population), strict=True):
            self._personas[row], self._windows[row] = persona, []
        self._wait[rows] = _gap(drawn[:, personas.COLUMNS.index("gap")])
        texts = self._write(rows, [""] * len(rows), streams, np.zeros(len(rows), dtype=np.int64))
        self._fit(rows)
        (intensity,) = self._ask(rows, {"intensity": np.arange(len(rows))})
        self._start[rows] = self._intensity[rows] = _level(intensity)
        return self._expression(rows, texts)

    def respond(
        self, rows: I64, words: Words, reading: Reading, streams: Streams, turn: I64
    ) -> tuple[Feedback, Expression]:
        """See `rlgen.users.Users.respond`; the words themselves are read, not their reading."""
        if not any(words.text):
            raise ConfigError(
                "users: people of the family 'llm' read words, and these replies have none; take a generator that "
                "speaks instead of a response surface"
            )
        for row, text in zip(rows.tolist(), words.text, strict=True):
            self._windows[row].append(self._model.chat.harmless(text))
        self._fit(rows)
        self._wait[rows] -= 1
        everybody, due = np.arange(len(rows)), np.flatnonzero(self._wait[rows] <= 0)
        asked = {"engagement": everybody, "leaving": everybody, "intensity": everybody, "rating": due}
        # What is asked and what is said next go on from the same dialogue, which is read once.
        read = self._model.read([[self._prompt(row, ""), self._prompt(row, self._longest)] for row in rows.tolist()])
        going_on, leaving, intensity, helped = self._ask(rows, asked, read)
        engagement = (_level(going_on) - 1.0) / (INTENSITIES - 1.0)
        decision = streams.choice("users.leaving", leaving, turn)
        self._intensity[rows] = _level(intensity)
        rating = self._rate(rows, due, helped, streams, turn)
        leave = personas.phrases()["leave"]
        aside = ["" if d == _GO_ON else leave["content" if d == _CONTENT else "disappointed"] for d in decision]
        texts = self._write(rows, aside, streams, turn + 1, read)
        completed: Bools = decision == _CONTENT
        abandoned: Bools = ~completed & (decision != _GO_ON)
        feedback = Feedback(rating, engagement.astype(np.float32), completed, abandoned)
        return feedback, self._expression(rows, texts)

    def hidden(self) -> dict[str, F32]:
        """See `rlgen.users.Users.hidden`; relief is model_relief here, there is no survey but the model's answers."""
        feeling = np.array([persona.feeling for persona in self._personas])
        fallen = from_points(self._start - self._intensity)
        values: dict[str, NDArray[np.floating] | Bools] = {
            "intensity": from_points(self._intensity - 1.0),
            "model_relief": fallen,
            "relief": fallen,
            "trust": np.array([persona.trust for persona in self._personas]) / (len(personas.phrases()["trust"]) - 1),
            **{name: feeling == i for i, name in enumerate(("sadness", "fear", "anger"))},
        }
        return with_points({name: values[name].astype(np.float32) for name in self.hidden_names})

    def _rate(self, rows: I64, due: I64, helped: F64, streams: Streams, turn: I64) -> F32:
        """Every two or three replies a rating, drawn from the answers `[D, 5]` of the D of these rows who are due."""
        rating = np.full(len(rows), np.nan, dtype=np.float32)
        if len(due):
            asked = streams.rows(due)
            rating[due] = 1.0 + asked.choice("users.rating", helped, turn[due])
            self._wait[rows[due]] = _gap(asked.uniform("users.gap", turn[due])[:, 0])
        return rating

    def _ask(self, rows: I64, asked: Mapping[str, I64], read: Prefix | None = None) -> list[F64]:
        """Probabilities of the answers `[D, options]` to each question, given which of these rows it is asked."""
        from rlgen.users.own_words.chat_model import Questions  # it needs torch, which other families do without

        groups = []
        for name, whom in asked.items():
            question = personas.question(name)
            prompts = [self._prompt(row, question.ask) for row in rows[whom].tolist()]
            groups.append(Questions(prompts, question.options, whom.tolist()))
        return self._model.answer(groups, read)

    def _write(self, rows: I64, aside: list[str], streams: Streams, turn: I64, read: Prefix | None = None) -> list[str]:
        """What people say next; it is added to what they remember."""
        prompts = [self._prompt(row, note) for row, note in zip(rows.tolist(), aside, strict=True)]
        uniform = streams.uniform("users.words", turn, self.config.max_new_tokens)
        texts = self._model.write(prompts, uniform, self.config.temperature, read)
        for row, text in zip(rows.tolist(), texts, strict=True):
            self._windows[row].append(text)
        return texts

    def _prompt(self, row: int, aside: str) -> str:
        """The dialogue of a person, with a note or a question at the end of the listener's last message."""
        turns = [personas.phrases()["opener"], *self._windows[row]]
        if aside and len(turns) % 2:
            turns[-1] = f"{turns[-1]} {aside}"
        elif aside:
            turns.append(aside)
        return self._model.chat.render(self._personas[row].text, turns)

    def _fit(self, rows: I64) -> None:
        """Forget the oldest exchanges where a question would not fit behind them; last of all cut a text."""
        if self._room is None:
            return
        over = rows.tolist()
        while over:
            lengths = self._model.lengths([self._prompt(row, self._longest) for row in over])
            over = [row for row, length in zip(over, lengths, strict=True) if length > self._room]
            if over and not self._cut_before:
                self._cut_before = True
                _LOG.warning(
                    "users: a dialogue does not fit into the %d ids that a prompt of %s may have; what is oldest is "
                    "forgotten, by this person and by others (said once)",
                    self._room,
                    self.config.model,
                )
            for row in over:
                self._shorten(self._windows[row])

    def _shorten(self, window: list[str]) -> None:
        if len(window) > 2:
            del window[:2]
            return
        longest = max(range(len(window)), key=lambda i: len(window[i]))
        if len(window[longest]) <= _SHORTEST:
            raise ConfigError(
                f"users: the context of {self.config.model} leaves {self._room} ids for a prompt, too few for a "
                f"persona and a question; choose a smaller max_new_tokens or a model with a longer context"
            )
        window[longest] = window[longest][len(window[longest]) // 2 :].strip() or SILENCE

    def _expression(self, rows: I64, texts: list[str]) -> Expression:
        topic = np.array([self._personas[row].topic for row in rows.tolist()], dtype=np.int64)
        return Expression(self._label[topic], np.full(len(rows), -1, dtype=np.int64), texts)


def _level(chances: F64) -> F64:
    """Mean answer, 1-5, to a question with numbers; a sum in a fixed order, whatever the number of rows."""
    mean: F64 = np.add.reduce(chances * _LEVELS, axis=1)
    return mean


def _gap(uniform: F64) -> I64:
    """Replies until the next rating: two or three."""
    return 2 + (uniform < 0.5).astype(np.int64)
