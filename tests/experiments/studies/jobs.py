"""Jobs for the tests of executors: cheap, slow enough to be killed, and able to go on."""

import os
import signal
import sys
import time
from pathlib import Path

from rlgen.errors import ConfigError


def count(spec):
    """Count to `to` in a file, from where an earlier try stopped; `dies_at`: the process is killed there, once each."""
    place = Path(spec["place"])
    done = int(place.read_text() or 0) if place.exists() else 0
    print("a job may print")  # noqa: T201
    for number in range(done + 1, spec["to"] + 1):
        time.sleep(spec.get("pause", 0.0))
        place.with_suffix(".new").write_text(str(number))
        place.with_suffix(".new").replace(place)
        if number in spec.get("dies_at", []):
            os.kill(os.getpid(), signal.SIGKILL)
    return {"count": int(place.read_text()), "pid": os.getpid(), "threads": os.environ.get("OMP_NUM_THREADS")}


def refuse(spec):
    raise ConfigError(f"{spec['name']}: not like this")


def fail(spec):
    raise ZeroDivisionError("a fault of the program's")


def die(spec):
    os.kill(os.getpid(), signal.SIGKILL)


def leave(spec):
    sys.exit(3)
