"""Jobs in processes of this machine; one that dies is begun again, and its job goes on."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from rlgen.experiments.studies.executors.executor import Done, Spec
from rlgen.processes import python_process
from rlgen.seams import IMPORTED

_TRIES: Final = 3  # of a job whose process dies
_PATIENCE: Final = 60.0  # seconds that a stopped job has to save


class _Worker:
    """A process, and the job that it has."""

    def __init__(self, threads: int, log: Path) -> None:
        self.log = log
        self.index = -1
        self.process = python_process("rlgen.experiments.studies.executors.worker", threads, log)

    def give(self, index: int, run: str, spec: Spec) -> None:
        """Hand over a job."""
        self.index = index
        assert self.process.stdin is not None
        line = json.dumps({"run": run, "spec": dict(spec), "modules": list(IMPORTED)})
        with contextlib.suppress(BrokenPipeError):  # it is dead, which its other end tells
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()

    def leave(self) -> None:
        """Ask it to stop."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()


class LocalExecutor:
    """Processes of this machine.

    Args:
        workers: how many; None: cores divided by threads.
        threads: of each.
        folder: for their logs.
    """

    def __init__(self, workers: int | None, threads: int, folder: Path) -> None:
        self._most = workers or max(1, (os.cpu_count() or 1) // threads)
        self._threads, self._folder = threads, folder
        self._workers: list[_Worker] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.leave()
        for worker in self._workers:
            try:
                worker.process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()
            assert worker.process.stdout is not None
            worker.process.stdout.close()
        self._workers.clear()

    def map(self, run: str, specs: Sequence[Spec]) -> Iterator[Done]:
        """See `Executor.map`."""
        waiting = deque(range(len(specs)))
        tries = [0] * len(specs)
        self._folder.mkdir(parents=True, exist_ok=True)
        with selectors.DefaultSelector() as answers:

            def begin(worker: _Worker) -> None:
                index = waiting.popleft()
                tries[index] += 1
                worker.give(index, run, specs[index])

            def hire(number: int) -> None:
                worker = _Worker(self._threads, self._folder / f"worker-{number}.log")
                self._workers.append(worker)
                assert worker.process.stdout is not None
                answers.register(worker.process.stdout, selectors.EVENT_READ, (number, worker))
                begin(worker)

            for number in range(min(self._most, len(specs))):
                hire(number)
            open_jobs = len(specs)
            while open_jobs:
                for key, _ in answers.select():
                    number, worker = key.data
                    line = worker.process.stdout.readline()
                    if line.endswith(b"\n"):
                        answer = json.loads(line)
                        open_jobs -= 1
                        yield Done(worker.index, answer.get("result"), answer.get("error", ""))
                        if waiting:
                            begin(worker)
                        else:
                            worker.index = -1
                        continue
                    answers.unregister(worker.process.stdout)
                    self._bury(worker)
                    if worker.index < 0:
                        continue
                    if tries[worker.index] < _TRIES:
                        waiting.appendleft(worker.index)
                    else:
                        open_jobs -= 1
                        yield Done(worker.index, None, self._died(worker))
                    if waiting:
                        hire(number)

    def _bury(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        worker.leave()
        assert worker.process.stdout is not None
        worker.process.stdout.close()
        worker.process.wait()

    @staticmethod
    def _died(worker: _Worker) -> str:
        status = worker.process.returncode
        how = f"by signal {-status}" if status < 0 else f"with status {status}"
        return f"its process died {_TRIES} times, the last time {how}; see {worker.log}"
