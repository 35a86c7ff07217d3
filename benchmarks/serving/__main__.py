"""`python -m benchmarks.serving [--clients N ...] [--json]`: replies per second of sessions that speak together.

Clients are threads of this process, so that what is measured is the sessions and not the socket.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time

import numpy as np

from rlgen.envs import World, world_config
from rlgen.experiments.display.tables import Row, show
from rlgen.experiments.serving.sessions import Sessions

TEXT = "That sounds hard, and it makes sense that you feel this way. What would help you most right now?"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__)
    parser.add_argument("--env", default="rlgen/Support-v0")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 4, 16, 64])
    parser.add_argument("--turns", type=int, default=6, help="of each client")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    sessions = Sessions(world_config(options.env), max(options.clients))
    rows = []
    for words, name in ((None, "generator's words"), (TEXT, "client's words")):
        speed(sessions, 2, 2, words)
        alone = speed(sessions, 1, options.turns, words)
        for clients in options.clients:
            rounds = sessions.rounds
            before = rounds.turns, rounds.steps
            found = alone if clients == 1 else speed(sessions, clients, options.turns, words)
            rows.append(Row(f"{name}, {clients} clients", found, "replies/s", alone, found / alone))
            if clients > 1:
                together = (rounds.turns - before[0]) / (rounds.steps - before[1])
                rows.append(Row(f"{name}, {clients} clients: turns a step", together))
    most = max(options.clients)
    world = World(sessions.world.config, most)
    world.reset(0)
    world.step(np.zeros((most, 4), dtype=np.float32))
    started = time.perf_counter()
    for _ in range(options.turns):
        world.step(np.zeros((most, 4), dtype=np.float32))
    rows.append(
        Row(f"one world of {most} in step", most * options.turns / (time.perf_counter() - started), "replies/s")
    )
    show("serving", rows, options.json)
    return 0


def speed(sessions: Sessions, clients: int, turns: int, words: str | None) -> float:
    """Replies per second of so many clients who all step as fast as they are answered."""
    barrier = threading.Barrier(clients + 1)

    def talk(number: int) -> None:
        session = sessions.open()
        session.reset(number)
        barrier.wait()
        for _ in range(turns):
            controls = None if words is not None else [0.0, 0.0, 0.0, 0.0]
            if session.step(controls, words).ending:
                session.reset()
        session.close()

    threads = [threading.Thread(target=talk, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    barrier.wait()
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    return clients * turns / (time.perf_counter() - started)


if __name__ == "__main__":
    sys.exit(main())
