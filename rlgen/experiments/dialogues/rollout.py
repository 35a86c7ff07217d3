"""Persons meet a policy: the one loop of evaluations, simulations and chats, and what goes on in it turn by turn.

In come a world, a policy and persons; out come `Turn`s, one per step of the world. What is made of them (outcomes,
lines of JSON, a live view) is the business of whoever reads them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlgen.envs.actions import from_box
from rlgen.envs.records import StepResult, TurnRecord
from rlgen.envs.world import World
from rlgen.policies.baselines import Actor, Remembering, begin
from rlgen.rng import Realm
from rlgen.types import I64


@dataclass(frozen=True)
class Turn:
    """One step of the N dialogues of a world.

    Attributes:
        person: `[N]` index of each row's person, -1 in a surplus row, which is nobody's.
        turn: `[N]` of each dialogue, from 0.
        affect: `[N, 8]`, recognised, which the policy answered.
        actions: `[N, 4]` in [-1, 1].
        result: of the step: `result.finished` are the dialogues that ended in it.
        record: `World.last`, where records are kept; else None.
    """

    person: I64
    turn: I64
    affect: NDArray[np.floating[Any]]
    actions: NDArray[np.float32]
    result: StepResult
    record: TurnRecord | None


class Rollout:
    """Persons `first` to `first + people - 1` of a realm's seed meet a policy once each.

    Attributes:
        people: how many persons.
        met: how many of them have finished.
        world: where they meet it.
    """

    def __init__(
        self,
        world: World,
        actor: Actor,
        people: int,
        seed: int = 0,
        *,
        realm: Realm,
        first: int = 0,
        record: bool = False,
    ) -> None:
        """Begin.

        Args:
            world: its dialogues are begun anew.
            actor: the policy.
            people: how many persons, at least 1.
            seed: of the people, and of the actor's own draws.
            realm: what the people are met for; those of different realms are different people.
            first: index of the first person.
            record: keep what was said in each turn; the world must be able to (`record`, `last`).
        """
        self.world = world
        self.people = people
        self.met = 0
        self._record = record
        self._actor = begin(actor, world.num_envs)
        self._obs = world.reset(seed, people, realm=realm, first=first)
        self._turn = np.zeros(world.num_envs, dtype=np.int64)

    def turns(self) -> Iterator[Turn]:
        """Go on to the end."""
        kept = self.world.record
        if self._record:
            self.world.record = True
        try:
            while not self.world.exhausted:
                yield self._step()
        finally:
            if self._record:
                self.world.record = kept

    def _step(self) -> Turn:
        world, turn, person = self.world, self._turn.copy(), np.array(self.world.person)
        observed = world.layout.unflatten(self._obs).get("affect")
        affect = np.array(world.affect if observed is None else observed)
        actions = self._actor.act(self._obs, world.layout, world.streams, turn)
        result = world.step(from_box(actions, world.single_action_space))
        self._obs = result.obs
        self._turn += 1
        if result.finished is not None:
            rows = np.asarray(result.finished.rows)
            self._turn[rows] = 0
            self.met += int((person[rows] >= 0).sum())
        return Turn(person, turn, affect, actions, result, world.last if self._record else None)

    def state(self) -> dict[str, Any]:
        """Everything that changes, between two turns; `load_state` continues from it to the bit."""
        actor = self._actor.state() if isinstance(self._actor, Remembering) else None
        return {"world": self.world.state(), "actor": actor, "met": self.met, "obs": self._obs, "turn": self._turn}

    def load_state(self, state: dict[str, Any]) -> None:
        """Continue from a state of a rollout with the same arguments."""
        self.world.load_state(state["world"])
        if isinstance(self._actor, Remembering):
            self._actor.load_state(state["actor"])
        self.met, self._obs, self._turn = state["met"], state["obs"], state["turn"]
