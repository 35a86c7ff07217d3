"""What an executor offers, and which there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

Spec = Mapping[str, Any]
"""All that a job needs, as plain data: it crosses processes and machines."""


@dataclass(frozen=True)
class Done:
    """What became of a job.

    Attributes:
        index: of its spec.
        result: what the function returned; None where it failed.
        error: in words, why it failed; empty where it did not.
    """

    index: int
    result: dict[str, Any] | None
    error: str = ""


class Executor(AbstractContextManager["Executor"], Protocol):
    """Runs jobs. Leaving the block ends what still runs; a job must be able to go on when it is asked for again."""

    def map(self, run: str, specs: Sequence[Spec]) -> Iterator[Done]:
        """Run a function on every spec.

        Args:
            run: `package.module:function`, which takes a spec and returns a mapping of plain data.
            specs: one a job.

        Yields:
            One `Done` a job, in the order in which they end.
        """


class ExecutorOptions(BaseModel):
    """Where the jobs of a study run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    executor: Literal["local", "ray", "slurm"] = Field(
        default="local", description="processes of this machine, a Ray cluster (extra ray), or Slurm (extra slurm)"
    )
    workers: int | None = Field(
        default=None,
        ge=1,
        description="jobs at once (None: cores divided by threads; on a cluster as many as it takes)",
    )
    address: str | None = Field(default=None, description="of a running Ray cluster, or auto; None starts a local one")
    slurm: dict[str, Any] = Field(
        default={},
        description="submitit's parameters: timeout_min, slurm_partition, ...; cluster: local, debug or slurm",
    )


def open_executor(options: ExecutorOptions, threads: int, folder: Path) -> Executor:
    """An executor.

    Args:
        options: which one.
        threads: of the processor, for each job.
        folder: for logs.
    """
    if options.executor == "ray":
        from rlgen.experiments.studies.executors.ray_cluster import RayExecutor

        return RayExecutor(options.address, options.workers, threads)
    if options.executor == "slurm":
        from rlgen.experiments.studies.executors.slurm import SlurmExecutor

        return SlurmExecutor(options.slurm, options.workers, threads, folder)
    from rlgen.experiments.studies.executors.local import LocalExecutor

    return LocalExecutor(options.workers, threads, folder)
