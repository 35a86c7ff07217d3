"""Processes of Python's own that work for this one, and how many threads each has."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path


def threads_env(threads: int) -> dict[str, str]:
    """Environment variables that keep a process to so many threads."""
    return dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads))


def python_process(module: str, threads: int, log: Path | None = None) -> subprocess.Popen[bytes]:
    """A process that runs a module, with a pipe into it and one out of it.

    It has a session of its own, so that Ctrl-C reaches us alone, and we say when it ends.

    Args:
        module: its name.
        threads: of the processor.
        log: takes its standard error; None: ours does.
    """
    with contextlib.ExitStack() as stack:
        return subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if log is None else stack.enter_context(log.open("ab")),
            env={**os.environ, **threads_env(threads)},
            start_new_session=True,
        )
