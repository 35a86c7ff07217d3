"""Jobs on a Ray cluster; one whose worker or machine dies is begun again, and goes on if its folder is shared."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from rlgen.experiments.runs.ray_cluster import RayCluster
from rlgen.experiments.studies.executors.calls import call
from rlgen.experiments.studies.executors.executor import Done, Spec
from rlgen.seams import IMPORTED

_TRIES: Final = 3  # of a job whose process or machine dies


class RayExecutor:
    """Tasks of a Ray cluster, all of whose machines see the same folders and have rlgen installed.

    Args:
        address: of a running cluster, or `"auto"`; None starts a local one, which ends with the block.
        workers: tasks at once; None as many as the cluster takes.
        threads: of the processor that a task claims.

    Raises:
        ConfigError: no cluster there.
    """

    def __init__(self, address: str | None, workers: int | None, threads: int) -> None:
        self._most, self._threads = workers, threads
        self._cluster = RayCluster(address, (workers or max(1, (os.cpu_count() or 1) // threads)) * threads, threads)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._cluster.leave()

    def map(self, run: str, specs: Sequence[Spec]) -> Iterator[Done]:
        """See `Executor.map`."""
        ray = self._cluster.ray
        task = ray.remote(num_cpus=self._threads, max_retries=_TRIES - 1)(call)
        waiting = list(reversed(range(len(specs))))
        running: dict[Any, int] = {}
        while waiting or running:
            while waiting and (self._most is None or len(running) < self._most):
                index = waiting.pop()
                running[task.remote(run, dict(specs[index]), list(IMPORTED), str(Path.cwd()))] = index
            (ready, *_), _ = ray.wait(list(running), num_returns=1)
            index = running.pop(ready)
            try:
                answer = ray.get(ready)
            except ray.exceptions.RayError as error:
                yield Done(index, None, f"its task died {_TRIES} times ({type(error).__name__}); see Ray's logs")
                continue
            yield Done(index, answer.get("result"), answer.get("error", ""))
