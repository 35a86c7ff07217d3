"""A world whose rows live in shards, from the side that asks: it steps, and is saved, like a world in one process."""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlgen.envs.actions import to_box
from rlgen.envs.config import WorldConfig
from rlgen.envs.parts import keeps_log
from rlgen.envs.records import StepResult
from rlgen.envs.shards.pieces import Piece, joined, pieces_of
from rlgen.envs.shards.serving import Answer, Hello, Plan
from rlgen.envs.shards.shard import Begin, Shard
from rlgen.errors import ConfigError
from rlgen.governance import AuditLog
from rlgen.rng import Realm
from rlgen.types import F32, I64


class ShardedWorld:
    """N dialogues in step, in the rows of several processes.

    Rows draw from the streams that they have in one process (`rlgen.rng`), so dialogues are the same: on a response
    surface to the bit; with models that speak, words are equal and floats within 1e-5, for batches are smaller. What a
    design knows of all rows (`normalise`) is told from one to all in the middle of a step. The guard's interventions
    are written here, into one log.

    It has what learning needs of a `World`: endless dialogues, all rows in every step.

    Attributes:
        config, num_envs, layout, single_observation_space, single_action_space, sha256, encoder, precision,
        cost_names: see `World`.
        shards: how many processes.

    Example:
        world = ShardedWorld(world_config("rlgen/SupportDynamic-v0"), 64, 2, local_shard())
    """

    def __init__(
        self,
        config: WorldConfig,
        num_envs: int,
        shards: int,
        begin: Begin,
        audit: Path | None = None,
        leave: Callable[[], None] = lambda: None,
    ) -> None:
        """Start the shards; they build their worlds at the same time.

        Args:
            config: of the world.
            num_envs: N.
            shards: how many, at most N; rows are split as evenly as can be, in their order.
            begin: starts one, see `rlgen.envs.shards.local_shard`.
            audit: file for the guard's interventions.
            leave: called when the last one has ended.

        Raises:
            ConfigError: a number of shards or rows that there cannot be, a config that cannot be sent, or what a world
                raises; a shard that is made of other parts than the first.
            ShardError: a shard did not live long enough.
        """
        self._shards: list[Shard] = []
        self._audit: AuditLog | None = None
        self._leave = leave
        try:
            if num_envs < 1 or not 1 <= shards <= num_envs:
                raise ConfigError(f"shards was {shards}: {num_envs} dialogues are split over 1 to {num_envs} processes")
            self.config, self.num_envs, self.shards = config, num_envs, shards
            ends = np.cumsum([0, *(len(part) for part in np.array_split(np.arange(num_envs), shards))]).tolist()
            self._rows = [slice(*both) for both in pairwise(ends)]
            audited = audit is not None and keeps_log(config)
            plans = [Plan.of(config, rows.stop - rows.start, rows.start, audited) for rows in self._rows]
            if audit is not None and audited:
                self._audit = AuditLog(audit)
            for number in range(shards):
                self._shards.append(begin(f"shard {number + 1} of {shards}", shards))
            hellos: list[Hello] = self._ask("open", [(plan,) for plan in plans])
            first = hellos[0]
            for number, other in enumerate(hellos[1:], 2):
                _check_alike(first, other, number)
        except BaseException:
            self.close()
            raise
        self.layout = first.layout
        self.single_observation_space, self.single_action_space = first.observation_space, first.action_space
        self.sha256, self.encoder, self.precision = first.sha256, first.encoder, first.precision
        self.cost_names = first.cost_names

    def reset(self, seed: int = 0, *, realm: Realm = "training") -> F32:
        """Begin N endless dialogues; see `World.reset`."""
        options = [{"realm": realm, "first": rows.start} for rows in self._rows]
        return np.concatenate(self._ask("reset", [(seed,)] * self.shards, options))

    def restart(self, rows: I64) -> F32:
        """Begin new dialogues in some rows; see `World.restart`."""
        index = np.asarray(rows)
        return np.concatenate(
            self._ask("restart", [(index[(index >= s.start) & (index < s.stop)] - s.start,) for s in self._rows])
        )

    def step(self, actions: NDArray[Any]) -> StepResult:
        """One turn in every dialogue; see `World.step`."""
        to_box(actions, self.single_action_space, self.num_envs)  # what is wrong with it is told of the whole
        given = np.asarray(actions)
        steps: list[StepResult] = self._ask("step", [(given[rows],) for rows in self._rows])
        ended = [
            replace(step.finished, rows=step.finished.rows + rows.start)
            for step, rows in zip(steps, self._rows, strict=True)
            if step.finished is not None
        ]
        whole = joined([replace(step, finished=None) for step in steps])
        return replace(whole, finished=joined(ended) if ended else None)

    def hidden(self) -> dict[str, F32]:
        """Hidden variables of the people now; see `World.hidden`."""
        return joined(self._ask("hidden"))

    def calls(self) -> dict[str, int]:
        """Model calls so far by part, of all shards together."""
        each: list[dict[str, int]] = self._ask("calls")
        return {part: sum(calls[part] for calls in each) for part in each[0]}

    def state(self) -> dict[str, Any]:
        """Everything that changes; `load_state` continues from it to the bit, here or in any other number of shards."""
        whole = [np.arange(rows.stop - rows.start) for rows in self._rows]
        return {"pieces": list(zip(self._ask("packed_state"), whole, strict=True))}

    def load_state(self, state: dict[str, Any]) -> F32:
        """Continue from a state of `state`, or of a world in one process, of the same config and N.

        Raises:
            ConfigError: the state is of other people or of another N.
        """
        pieces: list[Piece] = state.get("pieces") or [(pickle.dumps(state), np.arange(len(state["dialogues"].turn)))]
        if sum(len(rows) for _, rows in pieces) != self.num_envs:
            raise ConfigError("the state is not of a world with these people and this many dialogues")
        return np.concatenate(
            self._ask("load_state", [({"pieces": pieces_of(pieces, rows.start, rows.stop)},) for rows in self._rows])
        )

    def note(self, event: dict[str, Any]) -> None:
        """Write a line of one's own to the audit log, where there is one."""
        if self._audit is not None:
            self._audit.append(event)

    def close(self) -> None:
        """End the shards and close the audit log; the world cannot step after that."""
        shards, self._shards = self._shards, []
        with contextlib.ExitStack() as stack:  # whatever fails, the others end
            stack.callback(self._leave)
            self._leave = lambda: None
            if self._audit is not None:
                stack.callback(self._audit.close)
            for shard in shards:
                stack.callback(shard.close)

    def _ask(
        self,
        method: str,
        args: Sequence[tuple[Any, ...]] | None = None,
        options: Sequence[dict[str, Any]] | None = None,
    ) -> list[Any]:
        """What a method gives in every shard; they work at the same time."""
        if not self._shards:
            raise ConfigError("the shards of this world have ended; make it anew, and load its state")
        given = args or [()] * self.shards
        named = options or [{}] * self.shards
        try:
            for shard, positional, keywords in zip(self._shards, given, named, strict=True):
                shard.send(pickle.dumps((method, positional, keywords)))
            return self._answers()
        except BaseException:  # also where one is interrupted: what they would answer next is of no use
            self.close()
            raise

    def _answers(self) -> list[Any]:
        while True:
            answers: list[Answer] = [pickle.loads(shard.receive()) for shard in self._shards]
            for answer, rows in zip(answers, self._rows, strict=True):
                for told in answer.told:
                    if self._audit is not None:
                        self._audit.intervention(**{**told, "row": told["row"] + rows.start})
            failed = next((answer.value for answer in answers if answer.kind == "failed"), None)
            if failed is not None:
                raise failed
            values = [answer.value for answer in answers]
            if answers[0].kind == "done":
                return values
            whole = pickle.dumps(np.concatenate(values))
            for shard in self._shards:
                shard.send(whole)


def _check_alike(first: Hello, other: Hello, number: int) -> None:
    here, there = ({**each.sha256, "precision": str(each.precision)} for each in (first, other))
    changed = sorted(name for name in {*here, *there} if here.get(name) != there.get(name))
    if changed:
        raise ConfigError(
            f"shard {number} has another {' and another '.join(changed)} than shard 1; give all machines the same "
            "files and kind of processor, or name the precision"
        )
