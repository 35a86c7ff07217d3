"""The world: the batched simulation of N dialogues."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from rlgen.envs.actions import action_space, to_box, to_controls
from rlgen.envs.config import WorldConfig
from rlgen.envs.dialogues import Dialogues
from rlgen.envs.observation import ObservationLayout
from rlgen.envs.parts import Parts, load_parts, text_sha256
from rlgen.envs.people import OwnPeople, make_people
from rlgen.envs.pickling import check_same, check_travels, packed, unpacked
from rlgen.envs.pipeline import read_texts
from rlgen.envs.records import Opening, StepResult, TurnRecord, Utterances
from rlgen.envs.scoring import Scoring
from rlgen.envs.shards.pieces import state_of
from rlgen.envs.utterances import read_utterances, recognize
from rlgen.errors import ConfigError
from rlgen.rewards import Trace
from rlgen.rewards.scorer import Gather
from rlgen.rng import PEOPLE, Realm, Streams
from rlgen.types import F32, I64, Bools, Estimate, Expression
from rlgen.users import FamilyConfig, Users
from rlgen.users.faults import watched


class World:
    """N dialogues in step.

    One step: action -> controls -> reply -> guard -> reading -> people -> recognition -> reward ->
    observation; finished rows begin anew in the same step (`SAME_STEP`).

    Attributes:
        config: what the world is made of.
        num_envs: N.
        layout: names of the observation's blocks.
        single_observation_space: `Box` of one row, finite bounds.
        single_action_space: see `rlgen.envs.actions.action_space`.
        own_people: whether people were handed in, whom no config describes.
        record: keep texts of every turn in `last`.
        last: all of the last turn, where `record` is set.
        seconds: part -> seconds spent in it.
    """

    def __init__(
        self,
        config: WorldConfig,
        num_envs: int,
        audit: Path | None = None,
        parts: Parts | None = None,
        users: Users | None = None,
        yardsticks: Sequence[object] = (),
        gather: Gather | None = None,
    ) -> None:
        """Load the parts.

        Args:
            config: names the parts.
            num_envs: N, at least 1.
            audit: file for the guard's interventions.
            parts: frozen parts of your own (`dataclasses.replace` on `load_parts(config)` exchanges one);
                None loads those that the config names.
            users: people of your own, for this N; None builds those that the config describes.
            yardsticks: further designs, each anything that `rlgen.rewards.design` takes. What each would have paid is
                in `StepResult.yardsticks` and, summed over a dialogue, in `Finished.yardsticks`, by the design's name;
                nothing else changes by a bit.
            gather: where further rows of the same world live elsewhere (`rlgen.envs.shards`): gives the values of all
                rows for those of these, `[N]` in float64; None: these are all.

        Raises:
            ConfigError: fewer than one dialogue, a part that is not there, privileged observations of people
                whose state nobody can know, or a reward that pays for their relief.
            ArtifactError: a damaged part.
        """
        if num_envs < 1:
            raise ConfigError(f"num_envs was {num_envs}: at least one dialogue is needed")
        self.config = config
        self.num_envs = num_envs
        self.parts: Parts = (load_parts(config, audit) if parts is None else parts).session()
        self.own_people = users is not None
        if users is None:
            users = make_people(config.users, num_envs, self.parts.utterances, self.parts.segments)
        self._users = self._watched(users, num_envs)
        privileged = users.hidden_names if config.observation == "privileged" else ()
        if config.observation == "privileged" and not privileged:
            raise ConfigError("observation was privileged: nobody can know the state of these people; use policy")
        self._scoring = Scoring(self.parts.reward, yardsticks, config, users, num_envs, gather)
        self.layout = ObservationLayout.of(privileged, config.drop, self.parts.blocks)
        self.single_observation_space: spaces.Box = self.layout.space()
        self.single_action_space = action_space(config.actions)
        self.record = False
        self.last: TurnRecord | None = None
        self.seconds = {"users": 0.0, "rest": 0.0}
        self._dialogues: Dialogues | None = None
        self._first = 0
        self._people: int | None = None
        self._served = 0
        self._done = 0

    @property
    def yardsticks(self) -> tuple[str, ...]:
        """Names of the further designs that score its turns."""
        return tuple(self._scoring.yardsticks)

    @property
    def exhausted(self) -> bool:
        """Whether every person of an evaluation has finished."""
        return self._people is not None and self._done >= self._people

    @property
    def person(self) -> I64:
        """`[N]`, index of each row's person in an evaluation; -1 in surplus rows and outside evaluations."""
        return self._state().person

    @property
    def streams(self) -> Streams:
        """The random streams of the rows, for actors that draw: of those who sit there now."""
        return self._state().streams

    @property
    def affect(self) -> F32:
        """`[N, 8]`, the affect that is recognised now, whether or not the observation holds it."""
        return self._state().estimate.affect.copy()

    @property
    def sha256(self) -> dict[str, str]:
        """Part name -> hash of its weights or numbers."""
        who: FamilyConfig = self.config.users
        people = self._users.sha256
        if isinstance(who, OwnPeople) and not self.own_people:
            people = text_sha256(who.part.sha256, people)
        return {**self.parts.sha256, "users": people}

    @property
    def encoder(self) -> str:
        """Name of the sentence encoder and hash of its weights as published (`sha256` has that of those in memory)."""
        encoder = self.parts.reader.encoder
        return f"{encoder.name} ({encoder.identity.partition(':')[0][:16]})"

    @property
    def precision(self) -> str | None:
        """Type in which the generator computes, which may follow the processor; None where it has none."""
        precision = getattr(getattr(self.parts.pipeline, "generator", None), "precision", None)
        return None if precision is None else str(precision)

    @property
    def cost_names(self) -> tuple[str, ...]:
        """Names of the costs, in the order of the guard's."""
        return self.parts.pipeline.cost_names

    def calls(self) -> dict[str, int]:
        """Model calls of this world so far by part, counted by the parts themselves."""
        calls = self.parts.pipeline.calls()
        own_words = self.parts.reader.encoder.calls
        return {**calls, "encoder": calls.get("encoder", 0) + own_words} if own_words else calls

    def reset(
        self,
        seed: int | Sequence[int] | I64 = 0,
        people: int | None = None,
        *,
        realm: Realm | None = None,
        first: int = 0,
    ) -> F32:
        """Begin N dialogues.

        Args:
            seed: of all rows, or one for each row, which then goes as it would alone. No two seeds share a person.
            people: None for endless dialogues, in which a row's episode counter advances at each new one; else
                the persons `first` to `first + people - 1` of the seed are met once each, a row that finishes takes
                the next one, and `exhausted` tells when all have finished.
            realm: what people are met for; no two realms share a person. None: `"training"` for endless
                dialogues, `"evaluation"` where people are met once.
            first: added to the numbers of the rows: the first person, where people are met once; the first row, where
                rows before these live elsewhere.

        Returns:
            Observations `[N, D]`.

        Raises:
            ConfigError: a seed, a realm or a number of people that there cannot be.
        """
        rows = np.arange(self.num_envs)
        streams = Streams.of(seed, self.num_envs, realm or ("training" if people is None else "evaluation"))
        if people is not None:
            _check_people(seed, people, first)
            there = getattr(self._users, "number", None)
            if there is not None and people > there:
                raise ConfigError(
                    f"people was {people}: there are only {there} recorded dialogues, and each is met once; ask for at "
                    f"most {there}"
                )
        streams = Streams(streams.key, streams.row + np.uint32(first), streams.episode)
        self._first = first
        self._people, self._served, self._done = people, self.num_envs, 0
        self._scoring.begin()
        expression = self._users.reset(rows, streams)
        turn = np.zeros(self.num_envs, dtype=np.int64)
        said = read_utterances(self.parts, expression)
        self._dialogues = Dialogues.begun(streams, said, self._recognize(expression, said, streams, turn))
        if people is not None:
            self._dialogues.person = np.where(rows < people, rows, -1)
        return self._observe()

    def step(self, actions: NDArray[Any], rows: I64 | None = None) -> StepResult:
        """One turn in every dialogue, or in some: the others stay as they are.

        Args:
            actions: `[K, 4]` of `single_action_space`, K = N where no rows are named.
            rows: `[K]` different rows that take a turn, in this order; None for all.

        Returns:
            Arrays over these K rows; `finished.rows` are rows of the world.

        Raises:
            ActionError: wrong shape, not finite or outside the space.
            ConfigError: `reset` was not called, or rows that there are not.
        """
        started, spent_before = perf_counter(), self._inside()
        whole = self._state()
        index = np.arange(self.num_envs) if rows is None else self._checked(rows)
        now = whole if rows is None else whole.rows(index)
        box = to_box(actions, self.single_action_space, len(index))
        controls = to_controls(box)
        replies = self.parts.pipeline.reply(now, controls)
        answered = perf_counter()
        feedback, expression = self._users.respond(index, replies.words, replies.reading, now.streams, now.turn)
        self.seconds["users"] += perf_counter() - answered
        said = read_utterances(self.parts, expression)
        estimate = self._recognize(expression, said, now.streams, now.turn + 1)
        hidden = {name: value[index] for name, value in self._users.hidden().items()}
        costs = {name: replies.verdict.cost[:, i] for i, name in enumerate(self.cost_names)}
        cost = np.asarray(replies.verdict.cost.sum(axis=1), dtype=np.float32)
        trace = Trace(
            utterance=now.said.text,
            reply=replies.words.text,
            next_utterance=said.text,
            estimate=now.estimate,
            reading=replies.reading,
            feedback=feedback,
            next_estimate=estimate,
            turn=now.turn,
            max_turns=self.config.max_turns,
            rating_history_mean=now.rating_mean(),
            rating_before=now.rating,
            cost=cost,
            relief=hidden["relief"] if self._scoring.needs_relief else None,
        )
        reward, terms, others = self._scoring.score(trace, now.streams, index)
        # The limit is part of the problem, and observed: it ends a dialogue as leaving does, and nothing follows.
        terminated = trace.over

        if self.record:
            self.last = now.record(self._topics(now), controls, replies.verdict, trace, reward, terms, hidden)
        replied, reading = replies.words.text, replies.reading.array()
        if expression.to is not None:  # a log goes on from what was replied then
            replied = expression.to
            reading = read_texts(self.parts.reader, replied, now.heard(), now.replies)[0].array()
        now.advance(box, replied, reading, feedback, said, estimate)
        now.add_rewards(reward, terms, cost, others)
        if now is not whole:
            whole.put(index, now)
        ended = np.flatnonzero(terminated)
        obs = self._observe(index)
        finished = None
        if len(ended):
            gone = {name: value[ended] for name, value in hidden.items()}
            finished = whole.finished(index[ended], obs[ended], feedback.rows(ended), gone)
            self._done += int((finished.person >= 0).sum())
            self._restart(index[ended])
            obs[ended] = self._observe(index[ended])  # the other rows are as they were
        self.seconds["rest"] += perf_counter() - started - (self._inside() - spent_before)
        return StepResult(obs, reward, terminated, np.zeros_like(terminated), terms, cost, costs, finished, others)

    def restart(self, rows: I64, streams: Streams | None = None) -> F32:
        """Begin new dialogues in some rows, whether or not the old ones had ended.

        Args:
            rows: `[K]` which; each row's episode counter advances, or it takes the next person.
            streams: of these K rows, to begin under instead; those that a row has now begin its dialogue anew.

        Returns:
            Observations of all rows `[N, D]`.
        """
        self._restart(rows, streams)
        return self._observe()

    def opening(self) -> Opening:
        """What people have said last, which the next step answers: for a person to look at."""
        now = self._state()
        return Opening(self._topics(now), list(now.said.text), now.estimate.rows(np.arange(self.num_envs)))

    def _restart(self, rows: I64, given: Streams | None = None) -> None:
        now = self._state()
        key, row, episode = now.streams.key.copy(), now.streams.row.copy(), now.streams.episode.copy()
        if given is not None:
            key[rows], row[rows], episode[rows] = given.key, given.row, given.episode
        elif self._people is None:
            episode[rows] += 1
        else:
            following = self._served + np.arange(len(rows))
            self._served += len(rows)
            row[rows] = self._first + following
            now.person[rows] = np.where(following < self._people, following, -1)
        streams = Streams(key, row, episode)
        fresh = self._users.reset(rows, streams.rows(rows))
        said = read_utterances(self.parts, fresh)
        first = self._recognize(fresh, said, streams.rows(rows), np.zeros(len(rows), dtype=np.int64))
        now.restart(rows, streams, said, first)
        self._scoring.begin(rows)

    def note(self, event: dict[str, Any]) -> None:
        """Write a line of one's own to the audit log, where there is one."""
        audit = self.parts.audit
        if audit is not None:
            audit.append(event)

    def close(self) -> None:
        """Close the audit log; the world cannot step after that where it has one."""
        audit = self.parts.audit
        if audit is not None:
            audit.close()

    def hidden(self) -> dict[str, F32]:
        """Hidden variables of the people now, name -> `[N]`: for analysis, never for a policy."""
        return self._users.hidden()

    def state(self) -> dict[str, Any]:
        """Everything that changes, as a deep copy that can be pickled; `load_state` continues from it to the bit."""
        return copy.deepcopy(
            {
                "dialogues": self._state(),
                "users": self._users,
                "people": (self._first, self._people, self._served, self._done),
                "scoring": self._scoring.state(),
            }
        )

    def packed_state(self) -> bytes:
        """The state, pickled, without what never changes about people; a piece for `load_state`."""
        return pickle.dumps({**self.state(), "users": packed(self._users)})

    def load_state(self, state: dict[str, Any]) -> F32:
        """Continue from a state of a world of the same config and N.

        Args:
            state: from `state`, or pieces of several worlds that had the rows between them (`rlgen.envs.shards`).

        Returns:
            The current observations `[N, D]`.

        Raises:
            ConfigError: the state is of other people or of another N.
        """
        if "pieces" in state:
            state = state_of(state["pieces"], self._opened, self._people_anew)
        users = state.get("users")
        if getattr(users, "sha256", "") != self._users.sha256 or len(state["dialogues"].turn) != self.num_envs:
            raise ConfigError("the state is not of a world with these people and this many dialogues")
        state = copy.deepcopy(state)
        self._dialogues, self._users = state["dialogues"], state["users"]
        self._first, self._people, self._served, self._done = state["people"]
        self._scoring.load_state(state.get("scoring"))
        return self._observe()

    def _opened(self, piece: bytes) -> dict[str, Any]:
        state: dict[str, Any] = pickle.loads(piece)
        users = state["users"]
        return {**state, "users": unpacked(users, self._users)} if isinstance(users, bytes) else state

    def _people_anew(self, rows: int) -> Users:
        made = make_people(self.config.users, rows, self.parts.utterances, self.parts.segments)
        made.reset(np.arange(rows), Streams.of(0, rows))
        return self._watched(made, rows)

    def _watched(self, users: Users, rows: int) -> Users:
        return watched(users, rows, len(self.parts.utterances), len(self.parts.segments))

    def __getstate__(self) -> dict[str, Any]:
        """Config and state: parts that the config names are loaded again where the world is unpickled.

        Raises:
            ConfigError: it has an audit log, or a part that cannot be pickled.
        """
        if self.parts.audit is not None:
            raise ConfigError("a world with an audit log cannot be pickled: two would write to one log; leave it out")
        check_travels(self.config)
        state = {**self.__dict__, "sha256": self.sha256}
        if self.parts.named == self.config:
            del state["parts"]
            if not self.own_people:
                state["_users"] = packed(self._users)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        expected, users = state.pop("sha256"), state.pop("_users")
        self.__dict__.update(state)
        if "parts" not in state:
            self.parts = load_parts(self.config).session()
        if isinstance(users, bytes):
            self._users = make_people(self.config.users, self.num_envs, self.parts.utterances, self.parts.segments)
            check_same(expected, self.sha256)  # before what was packed is laid into people built anew
            users = unpacked(users, self._users)
        self._users = users
        check_same(expected, self.sha256)

    def __deepcopy__(self, memo: dict[int, Any]) -> World:
        """A world that goes on from here by itself, on the same frozen parts."""
        twin: World = object.__new__(type(self))
        memo |= {id(self): twin, id(self.config): self.config, id(self.parts): self.parts.session()}
        twin.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return twin

    def _checked(self, rows: I64) -> I64:
        index = np.asarray(rows)
        known = index.ndim == 1 and len(index) and np.issubdtype(index.dtype, np.integer)
        if not known or index.min() < 0 or index.max() >= self.num_envs or len(np.unique(index)) < len(index):
            raise ConfigError(f"rows were {rows}; name different rows from 0 to {self.num_envs - 1}, at least one")
        return index.astype(np.int64)

    def _inside(self) -> float:
        return self.seconds["users"] + sum(self.parts.pipeline.seconds.values())

    def _state(self) -> Dialogues:
        if self._dialogues is None:
            raise ConfigError("the world has no dialogues yet; call reset first")
        return self._dialogues

    def _recognize(self, expression: Expression, said: Utterances, streams: Streams, turn: I64) -> Estimate:
        missing = np.asarray(self.config.missing)
        present: Bools = np.ones((len(streams), 3), dtype=np.bool_)
        if missing.any():
            present = streams.uniform("envs.missing", turn, 3) >= missing
        return recognize(self.parts, expression, said, present)

    def _observe(self, rows: I64 | slice = slice(None)) -> F32:
        """Observations of some rows, of all by default."""
        now = self._state()
        blocks = now.blocks(rows, self.config.max_turns, self.parts.blocks)
        if self.layout.privileged:
            hidden = self._users.hidden()
            known = [hidden[name][rows] for name in self.layout.privileged]
            blocks["privileged"] = np.nan_to_num(np.stack(known, axis=1))  # what is unknown is 0
        return self.layout.flatten(blocks)

    def _topics(self, now: Dialogues) -> list[str]:
        names = self.parts.utterances.topics
        return [names[i] if i >= 0 else "" for i in now.said.topic.tolist()]


def _check_people(seed: int | Sequence[int] | I64, people: int, first: int) -> None:
    if not isinstance(seed, int | np.integer):
        raise ConfigError("people are met once each under one seed; give one seed, not one for each row")
    if first < 0 or people < 1 or first + people > PEOPLE:
        raise ConfigError(
            f"people was {people} from {first} on: a seed has 10**9 persons, and at least one has to be met"
        )
