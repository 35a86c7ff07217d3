"""A process of the local executor: one JSON line in for each job, one out for its answer.

When its standard input ends, whoever asked is gone: the running job is asked to stop, as by SIGTERM, and saves.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
from typing import Any

from rlgen.experiments.studies.executors.calls import call


def main() -> None:
    """Answer until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a job prints goes into the log
    jobs: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    busy, gone = threading.Event(), threading.Event()  # each side sets its own before it looks at the other's

    def listen() -> None:
        for line in sys.stdin:
            jobs.put(line)
        jobs.put(None)
        gone.set()
        if busy.is_set():
            os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=listen, daemon=True).start()
    while (line := jobs.get()) is not None:
        busy.set()
        if gone.is_set():
            return
        job: dict[str, Any] = json.loads(line)
        answer = call(job["run"], job["spec"], job["modules"])
        busy.clear()
        try:
            answers.write(json.dumps(answer) + "\n")
            answers.flush()
        except BrokenPipeError:
            return


if __name__ == "__main__":
    main()
