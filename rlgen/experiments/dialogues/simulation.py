"""Dialogues turn by turn, as plain records for JSON lines, logs and pages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from rlgen.envs.world import World
from rlgen.experiments.dialogues.rollout import Rollout, Turn
from rlgen.experiments.dialogues.turn_lines import outcome_lines, turn_lines, with_outcome
from rlgen.policies.baselines import Actor
from rlgen.rng import Realm, person_number

Dialogue = list[str]
"""The lines of one dialogue in order, JSON without line ends; the last has the outcome."""


class Dialogues:
    """Turns to dialogues, in the order of the persons.

    A dialogue that is over waits until those of all earlier persons are out, so that neither the
    order nor, without a model in the world, a single byte depends on how many rows the world has.

    Attributes:
        written: how many dialogues are out.
        turns: how many turns these had.
    """

    def __init__(self, rows: int, seed: int, words: bool = True) -> None:
        """Begin with none.

        Args:
            rows: of the world.
            seed: of the people, for their numbers.
            words: False leaves out the words, for a world that has none.
        """
        self._seed = seed
        self._words = words
        self.written = 0
        self.turns = 0
        self._open: list[Dialogue] = [[] for _ in range(rows)]
        self._waiting: dict[int, Dialogue] = {}

    def take(self, turn: Turn) -> list[Dialogue]:
        """The dialogues that are next in order after this turn, which must have its record."""
        # Surplus rows have no person (-1), nobody reads their lines.
        lines = turn_lines(turn.record, person_number(self._seed, turn.person), self._words)
        for dialogue, line in zip(self._open, lines, strict=True):
            dialogue.append(line)
        ended = turn.result.finished
        if ended is None:
            return []
        rows = np.asarray(ended.rows)
        for row, whose, outcome in zip(rows.tolist(), turn.person[rows].tolist(), outcome_lines(ended), strict=True):
            dialogue, self._open[row] = self._open[row], []
            dialogue[-1] = with_outcome(dialogue[-1], outcome)
            if whose >= 0:
                self._waiting[whose] = dialogue
        found = []
        while self.written in self._waiting:
            found.append(self._waiting.pop(self.written))
            self.turns += len(found[-1])
            self.written += 1
        return found


class Simulation:
    """Persons meet a policy once each; their dialogues come out in the order of the persons.

    Attributes:
        people: how many persons.
        dialogues: what has come out so far.
    """

    def __init__(
        self,
        world: World,
        actor: Actor,
        people: int,
        seed: int = 0,
        words: bool = True,
        realm: Realm = "simulation",
    ) -> None:
        """Begin.

        Args:
            world: its dialogues are begun anew; it must keep records (`record`, `last`).
            actor: the policy.
            people: how many persons.
            seed: of the people.
            words: False leaves out the words, for a world that has none.
            realm: what the people are met for.
        """
        self.people = people
        self._rollout = Rollout(world, actor, people, seed, realm=realm, record=True)
        self.dialogues = Dialogues(world.num_envs, seed, words)

    @property
    def done(self) -> int:
        """How many persons' dialogues are out."""
        return self.dialogues.written

    def steps(self) -> Iterator[list[Dialogue]]:
        """Go on to the end: after each step of the world, the dialogues that are next in order."""
        for turn in self._rollout.turns():
            yield self.dialogues.take(turn)

    def state(self) -> dict[str, Any]:
        """Everything that changes, between two steps; `load_state` continues from it to the byte."""
        return {"rollout": self._rollout.state(), "dialogues": self.dialogues}

    def load_state(self, state: dict[str, Any]) -> None:
        """Continue from a state of a simulation with the same arguments."""
        self._rollout.load_state(state["rollout"])
        self.dialogues = state["dialogues"]


def simulate(
    world: World, actor: Actor, people: int, seed: int = 0, words: bool = True
) -> Iterator[list[dict[str, Any]]]:
    """Dialogues of persons who meet a policy once each, in their order: a mapping for each turn.

    They hold what `rlgen simulate` writes as lines.

    Args:
        world: its dialogues are begun anew.
        actor: the policy.
        people: how many persons.
        seed: of the people.
        words: False leaves out the words, for a world that has none.
    """
    for ended in Simulation(world, actor, people, seed, words).steps():
        for dialogue in ended:
            yield [json.loads(line) for line in dialogue]
