"""What runs in a shard: a world of some of the rows, and who answers for it.

Messages are bytes, so that pipes and Ray carry them alike. A question is the name of a method of the world with its
arguments; an answer is what it gave, what it raised, or, in the middle of a step, values to be put with other shards'.
"""

from __future__ import annotations

import logging
import os
import pickle
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, NoReturn

from gymnasium import spaces

from rlgen.envs.config import WorldConfig
from rlgen.envs.observation import ObservationLayout
from rlgen.envs.parts import load_parts
from rlgen.envs.pickling import check_travels
from rlgen.envs.world import World
from rlgen.errors import ConfigError
from rlgen.rewards.registry import Floats
from rlgen.seams import IMPORTED, load_module


@dataclass(frozen=True)
class Plan:
    """What a shard is made of.

    Attributes:
        config: of the world, pickled: what it names can only be found when the rest is done.
        rows: how many of the world's it has.
        first: of them.
        audited: whether the guard's interventions are told.
        folder: to work in.
        paths: where modules are found.
        modules: imported first; they register parts.
    """

    config: bytes
    rows: int
    first: int
    audited: bool
    folder: str
    paths: Sequence[str]
    modules: Sequence[str]

    @classmethod
    def of(cls, config: WorldConfig, rows: int, first: int, audited: bool) -> Plan:
        """The plan of a shard that finds parts of one's own where this process does.

        Raises:
            ConfigError: the config holds something that cannot be pickled.
        """
        check_travels(config)
        return cls(pickle.dumps(config), rows, first, audited, os.getcwd(), tuple(sys.path), tuple(IMPORTED))

    def world(self, told: Interventions, gather: Callable[[Floats], Floats]) -> World:
        """Build it."""
        os.chdir(self.folder)
        sys.path += [path for path in self.paths if path not in sys.path]
        if self.first:
            logging.disable(logging.WARNING)  # the first shard says it for all
        for module in self.modules:
            load_module(module)
        try:
            config: WorldConfig = pickle.loads(self.config)
        except (AttributeError, ImportError) as error:
            raise ConfigError(
                f"a shard cannot find what the world names ({error}); put classes and functions of your own into a "
                "module that can be imported, and name them package.module:attribute"
            ) from error
        parts = load_parts(config, told if self.audited else None)
        return World(config, self.rows, parts=parts, gather=gather)


@dataclass(frozen=True)
class Hello:
    """What a shard says of its world when it is built: see `World`."""

    layout: ObservationLayout
    observation_space: spaces.Box
    action_space: spaces.Space[Any]
    sha256: dict[str, str]
    encoder: str
    precision: str | None
    cost_names: tuple[str, ...]


class Answer(NamedTuple):
    """What comes back.

    Attributes:
        kind: `done`, `failed`, or `gather` (in the middle of a step).
        value: what came out, what was raised, or values `[K]` for which those of all rows are awaited.
        told: interventions of the guard since the last answer, as `AuditLog.intervention` takes them.
    """

    kind: Literal["done", "failed", "gather"]
    value: Any
    told: list[dict[str, Any]]


class Interventions:
    """Keeps the guard's interventions until the next answer; the log itself is written where the learner is."""

    def __init__(self) -> None:
        self._kept: list[dict[str, Any]] = []

    def append(self, record: dict[str, Any]) -> NoReturn:
        """Nothing but interventions comes from a world."""
        raise NotImplementedError

    def intervention(self, **told: Any) -> None:
        """See `AuditLog.intervention`."""
        self._kept.append(told)

    def close(self) -> None:
        """Nothing is open."""

    def taken(self) -> list[dict[str, Any]]:
        """Those since the last call."""
        kept, self._kept = self._kept, []
        return kept


def serve(receive: Callable[[], bytes], send: Callable[[bytes], None]) -> NoReturn:
    """Answer for ever; whoever started this ends it.

    Args:
        receive: waits for the next message.
        send: hands one back.
    """
    told = Interventions()

    def gather(values: Floats) -> Floats:
        send(pickle.dumps(Answer("gather", values, [])))
        whole: Floats = pickle.loads(receive())
        return whole

    world: World | None = None
    while True:
        message = receive()
        try:
            method, args, options = pickle.loads(message)
            if method == "open":
                (plan,) = args
                world = plan.world(told, gather)
                value: Any = _hello(world)
            else:
                value = getattr(world, method)(*args, **options)
            answer = pickle.dumps(Answer("done", value, told.taken()))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - it is raised where the learner is
            answer = pickle.dumps(Answer("failed", _portable(error), told.taken()))
        send(answer)


def _hello(world: World) -> Hello:
    return Hello(
        layout=world.layout,
        observation_space=world.single_observation_space,
        action_space=world.single_action_space,
        sha256=world.sha256,
        encoder=world.encoder,
        precision=world.precision,
        cost_names=world.cost_names,
    )


def _portable(error: BaseException) -> BaseException:
    """An exception that can be raised in another process, with its traceback here as a note."""
    error.add_note("".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001 - exceptions of others may hold anything
        other = RuntimeError(f"{type(error).__name__}: {error}")
        other.add_note(error.__notes__[-1])
        return other
    return error
