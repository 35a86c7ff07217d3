"""Jobs on Slurm by submitit, in one array; its local and debug executors run the same on this machine."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from rlgen.errors import ConfigError
from rlgen.experiments.studies.executors.calls import call
from rlgen.experiments.studies.executors.executor import Done, Spec
from rlgen.seams import IMPORTED

_POLL: Final = 1.0  # seconds between two looks at jobs


class SlurmExecutor:
    """An array of Slurm jobs, whose machines see the same folders.

    Args:
        parameters: of `submitit.AutoExecutor.update_parameters`; `cluster`: `"slurm"`, `"local"` or `"debug"`.
        workers: jobs at once; None as many as Slurm starts.
        threads: of each job.
        folder: for submitit's logs.

    Raises:
        ConfigError: there is no Slurm here, or submitit does not take a parameter.
    """

    def __init__(self, parameters: Mapping[str, Any], workers: int | None, threads: int, folder: Path) -> None:
        import submitit

        self._jobs: list[Any] = []
        self._most = workers or max(1, (os.cpu_count() or 1) // threads)
        given = dict(parameters)
        cluster = given.pop("cluster", None)
        asked = {"cpus_per_task": threads, "name": "rlgen", **given}
        if workers is not None:
            asked.setdefault("slurm_array_parallelism", workers)
        try:
            self._executor = submitit.AutoExecutor(folder=folder / "slurm", cluster=cluster)
            self._executor.update_parameters(**asked)
        except (RuntimeError, ValueError, TypeError, NameError) as error:
            raise ConfigError(f"slurm: submitit refused ({' '.join(str(error).split())[:200]}); mend it") from error
        if self._executor.cluster not in ("slurm", "debug") and cluster is None:
            raise ConfigError("--executor slurm: there is no Slurm here (no `srun`); use --executor local")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        for job in self._jobs:
            if not job.done():
                job.cancel()

    def map(self, run: str, specs: Sequence[Spec]) -> Iterator[Done]:
        """See `Executor.map`."""
        arguments = [(run, dict(spec), list(IMPORTED), str(Path.cwd())) for spec in specs]
        if self._executor.cluster == "slurm":
            waiting: list[int] = []
            self._jobs = self._executor.map_array(call, *zip(*arguments, strict=True))
            running = dict(enumerate(self._jobs))
        else:  # submitit's local executor would start them all at once
            waiting, running = list(reversed(range(len(specs)))), {}
        while waiting or running:
            while waiting and len(running) < self._most:
                index = waiting.pop()
                running[index] = self._executor.submit(call, *arguments[index])
                self._jobs.append(running[index])
            ended = [index for index, job in running.items() if job.done()]
            for index in ended:
                yield self._answer(index, running.pop(index))
            if not ended:
                time.sleep(_POLL)

    @staticmethod
    def _answer(index: int, job: Any) -> Done:
        error = job.exception()
        if error is not None:
            return Done(index, None, f"its job {job.job_id} failed ({type(error).__name__}); see {job.paths.stderr}")
        answer = job.result()
        return Done(index, answer.get("result"), answer.get("error", ""))
