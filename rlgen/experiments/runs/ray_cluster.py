"""Ray: joining a cluster, and shards of a world as its actors."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Mapping
from typing import Any, Final

from rlgen.envs.shards.shard import Begin, Shard, lost
from rlgen.errors import ConfigError, ShardError
from rlgen.experiments.provenance import other_program, program
from rlgen.processes import threads_env

_PATIENCE: Final = 300.0  # seconds for a cluster that has no room yet, or grows


class RayCluster:
    """A cluster that this process has joined.

    Args:
        address: of a running one, or `"auto"`; None starts a local one.
        cpus: of a local one.
        threads: of each of its processes.

    Attributes:
        ray: the module.

    Raises:
        ConfigError: no cluster there.
    """

    def __init__(self, address: str | None, cpus: int, threads: int) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        import ray

        self.ray: Any = ray
        self._own = not ray.is_initialized()
        settings: dict[str, Any] = {
            "address": address or "local",
            "log_to_driver": False,
            "logging_level": "ERROR",
            "runtime_env": {"env_vars": threads_env(threads)},
        }
        if address is None:
            settings |= {"include_dashboard": False, "num_cpus": cpus}
        try:
            if self._own:
                ray.init(**settings)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise ConfigError(
                f"--address {address}: no Ray cluster answers there ({' '.join(str(error).split())[:200]}); start one "
                "with `ray start --head`, or leave --address out"
            ) from error

    def leave(self) -> None:
        """Leave it; a local one that was started here ends."""
        if self._own:
            self.ray.shutdown()

    def shards(self, threads: int) -> Begin:
        """How a `rlgen.envs.shards.ShardedWorld` starts shards here.

        Args:
            threads: of the processor that each claims.
        """
        actor = self.ray.remote(num_cpus=threads, max_restarts=0)(_Actor)

        def begin(name: str, number: int) -> Shard:
            return RayShard(self.ray, actor.remote(), name)

        return begin


class _Actor:
    """The process of a shard: its world lives in a thread, which may ask in the middle of a step."""

    def __init__(self) -> None:
        from rlgen.envs.shards.serving import serve

        self._asked: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=serve, args=(self._asked.get, self._answers.put), daemon=True).start()

    def program(self) -> dict[str, Any]:
        """See `rlgen.experiments.provenance.program`."""
        return program()

    def take(self, message: bytes) -> bytes:
        """The answer to a message."""
        self._asked.put(message)
        return self._answers.get()


class RayShard:
    """An actor; a `rlgen.envs.shards.Shard`."""

    def __init__(self, ray: Any, actor: Any, name: str) -> None:
        self._ray, self._actor, self._name = ray, actor, name
        self._there = actor.program.remote()
        self._checked = False
        self._answer: Any = None

    def send(self, message: bytes) -> None:
        """See `Shard.send`."""
        self._answer = self._actor.take.remote(message)

    def receive(self) -> bytes:
        """See `Shard.receive`."""
        try:
            if not self._checked:
                self._check(self._ray.get(self._there, timeout=_PATIENCE))
            answer: bytes = self._ray.get(self._answer)
        except self._ray.exceptions.GetTimeoutError as error:
            raise ShardError(
                f"{self._name}: the cluster had no room for it within {_PATIENCE:.0f} s; ask for fewer shards or "
                "threads, or add machines"
            ) from error
        except self._ray.exceptions.RayError as error:
            raise lost(self._name, f"died on the cluster ({type(error).__name__})") from error
        return answer

    def _check(self, there: Mapping[str, Any]) -> None:
        """Refuse another program, which would give other bits."""
        if (other := other_program(program(), there)) is not None:
            raise ConfigError(f"{self._name}: {other}; install the same on all machines of the cluster")
        self._checked = True

    def close(self) -> None:
        """See `Shard.close`."""
        self._ray.kill(self._actor)
