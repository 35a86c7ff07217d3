"""Install rlgen into this Python's environment, and say how far that is: two gigabytes take minutes.

    python tools/install.py [EXTRA ...]

Pip downloads first and unpacks then, in silence. Both are counted here: files that it names, and packages whose
metadata lie in the environment, out of those that it collected.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONSTRAINTS = ROOT / "constraints.txt"
EVERY = {True: 1.0, False: 15.0}  # seconds between two lines of progress, on a terminal and in a log


def main(extras: list[str]) -> int:
    """Run pip; its own words are shown where it fails."""
    named = f"{ROOT}[{','.join(extras)}]" if extras else str(ROOT)
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]
    said: list[str] = []
    pip = subprocess.Popen(
        [*command, "-c", str(CONSTRAINTS), "-e", named], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    listener = threading.Thread(target=lambda: said.extend(pip.stdout or ()), daemon=True)
    listener.start()
    _watch(pip, said)
    listener.join()
    if pip.returncode:
        print("".join(said[-30:]), file=sys.stderr)
        print(f"pip ended with status {pip.returncode}; what it said last stands above", file=sys.stderr)
    return pip.returncode


def _watch(pip: subprocess.Popen[str], said: list[str]) -> None:
    place = Path(sysconfig.get_paths()["purelib"])
    began, shown, terminal = time.monotonic(), 0.0, sys.stderr.isatty()
    before = _unpacked(place)
    while pip.poll() is None:
        time.sleep(0.2)
        now = time.monotonic()
        if now - shown < EVERY[terminal]:
            continue
        shown = now
        named = sum(line.lstrip().startswith(("Downloading ", "Using cached ", "Processing ")) for line in said)
        unpacked = _unpacked(place) - before
        collected = next((line.count(",") + 1 for line in said if line.startswith("Installing collected")), 0)
        what = f"unpacked {unpacked} of {collected} packages" if collected else f"found {named} files"
        line = f"installing rlgen: {what}, {_clock(now - began)} gone"
        print(f"\r{line:<78}" if terminal else line, end="" if terminal else "\n", file=sys.stderr, flush=True)
    print(f"\r{f'installing rlgen: done in {_clock(time.monotonic() - began)}':<78}", file=sys.stderr)


def _unpacked(place: Path) -> int:
    return sum(1 for _ in place.glob("*.dist-info"))


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
