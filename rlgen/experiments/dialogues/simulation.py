"""Dialogues turn by turn, as plain records for JSON lines, logs and pages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from rlgen.envs.world import World
from rlgen.experiments.dialogues.turn_lines import outcome_lines, turn_lines, with_outcome
from rlgen.policies.baselines import Actor, Remembering, begin, to_space
from rlgen.rng import Realm, person_number

Dialogue = list[str]
"""The lines of one dialogue in order, JSON without line ends; the last has the outcome."""


class Simulation:
    """Persons meet a policy once each; their dialogues come out in the order of the persons.

    A dialogue that is over waits until those of all earlier persons are out, so that neither the
    order nor, without a model in the world, a single byte depends on how many rows the world has.

    Attributes:
        people: how many persons.
        written: how many of their dialogues are out.
        turns: how many turns these had.
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
        self._world: Any = world
        self._actor = begin(actor, world.num_envs)
        self.people = people
        self._seed = seed
        self._words = words
        self.written = 0
        self.turns = 0
        self._obs = world.reset(seed, people, realm=realm)
        self._turn = np.zeros(world.num_envs, dtype=np.int64)
        self._open: list[Dialogue] = [[] for _ in range(world.num_envs)]
        self._waiting: dict[int, Dialogue] = {}

    def steps(self) -> Iterator[list[Dialogue]]:
        """Go on to the end: after each step of the world, the dialogues that are next in order."""
        kept, self._world.record = self._world.record, True
        try:
            while not self._world.exhausted:
                yield self._step()
        finally:
            self._world.record = kept

    def _step(self) -> list[Dialogue]:
        world, person = self._world, np.array(self._world.person)
        actions = self._actor.act(self._obs, world.layout, world.streams, self._turn)
        step = world.step(to_space(actions, world.single_action_space))
        # Surplus rows have no person (-1), nobody reads their lines.
        lines = turn_lines(world.last, person_number(self._seed, person), self._words)
        for dialogue, line in zip(self._open, lines, strict=True):
            dialogue.append(line)
        self._obs = step.obs
        self._turn += 1
        if step.finished is None:
            return []
        rows = np.asarray(step.finished.rows)
        for row, whose, outcome in zip(rows.tolist(), person[rows].tolist(), outcome_lines(step.finished), strict=True):
            dialogue, self._open[row] = self._open[row], []
            dialogue[-1] = with_outcome(dialogue[-1], outcome)
            if whose >= 0:
                self._waiting[whose] = dialogue
        self._turn[rows] = 0
        return self._next()

    def _next(self) -> list[Dialogue]:
        found = []
        while self.written in self._waiting:
            found.append(self._waiting.pop(self.written))
            self.turns += len(found[-1])
            self.written += 1
        return found

    def state(self) -> dict[str, Any]:
        """Everything that changes, between two steps; `load_state` continues from it to the byte."""
        return {
            "world": self._world.state(),
            "actor": self._actor.state() if isinstance(self._actor, Remembering) else None,
            **{name: getattr(self, name) for name in ("written", "turns", "_obs", "_turn", "_open", "_waiting")},
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Continue from a state of a simulation with the same arguments."""
        self._world.load_state(state["world"])
        if isinstance(self._actor, Remembering):
            self._actor.load_state(state["actor"])
        for name, value in state.items():
            if name not in ("world", "actor"):
                setattr(self, name, value)


def simulate(
    world: World, actor: Actor, people: int, seed: int = 0, realm: Realm = "simulation"
) -> Iterator[list[dict[str, Any]]]:
    """Dialogues of `people` persons in their order.

    Args:
        world: its dialogues are begun anew; it must keep records (`record`, `last`).
        actor: the policy.
        people: how many persons.
        seed: of the people.
        realm: what the people are met for.

    Yields:
        One dialogue: a record per turn, in order.
    """
    for done in Simulation(world, actor, people, seed, realm=realm).steps():
        for dialogue in done:
            yield [json.loads(line) for line in dialogue]
