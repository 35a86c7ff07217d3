"""A process that is a shard. When its standard input ends, whoever asked is gone, and it ends at once."""

from __future__ import annotations

import os
import queue
import sys
import threading

from rlgen.envs.shards.local import read_message, write_message
from rlgen.envs.shards.serving import serve


def main() -> None:
    """Answer until the input ends."""
    asked: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a part prints is for people

    def listen() -> None:
        while True:
            try:
                asked.put(read_message(sys.stdin.buffer))
            except EOFError:
                os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    try:
        serve(asked.get, lambda message: write_message(answers, message))
    except BrokenPipeError:
        os._exit(0)


if __name__ == "__main__":
    main()
