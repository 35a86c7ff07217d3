"""`rlgen train`: train a PPO policy; resume it with the same command."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from rlgen.experiments.display.progress import note, progress_bar
from rlgen.experiments.options import parse


class _Shown:
    """A progress bar on a terminal, else a line every half minute."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._console, self._bar, self._task = progress_bar("train", "steps", total)
        self._said = time.monotonic()

    def __enter__(self) -> _Shown:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, step: int, record: dict[str, Any] | None) -> None:
        if record is None:
            self._bar.update(self._task, completed=min(step, self._total))
            return
        earned = "return -" if record["return"] is None else f"return {record['return']:.2f}"
        self._bar.update(
            self._task, completed=min(step, self._total), speed=f"{record['steps_per_second']:.0f}/s  {earned}"
        )
        done = step >= self._total
        if not self._console.is_terminal and (done or time.monotonic() - self._said > 30):
            self._said = time.monotonic()
            terms = "  ".join(f"{name} {value:.2f}" for name, value in record["terms"].items() if value is not None)
            note(f"{step:>8,}/{self._total:,} steps  {record['steps_per_second']:.0f}/s  {earned}  {terms}")


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    from rlgen.experiments.runs.training import TrainConfig, train

    config = parse(TrainConfig, argv, "train")
    with _Shown(config.steps) as shown:
        outcome = train(config, shown)
    place = outcome.run.path
    if not outcome.finished:
        note(f"stopped and saved at step {outcome.step:,}; the same command goes on from there")
        return 130
    if outcome.started_at >= config.steps:
        print(f"{place}: already trained for {outcome.step:,} steps")
    else:
        print(f"{place}: trained for {outcome.step:,} steps; next: rlgen evaluate {place}")
    return 0
