"""`rlgen train`: train a PPO policy; resume it with the same command."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rlgen.errors import ConfigError
from rlgen.experiments.display.progress import Shown, note
from rlgen.experiments.options import parse, take


class _Training:
    """Tells how far a training is, with what its last iteration earned."""

    def __init__(self, shown: Shown) -> None:
        self._shown = shown
        self._told = ""

    def __call__(self, step: int, record: dict[str, Any] | None) -> None:
        if record is not None:
            earned = "return -" if record["return"] is None else f"return {record['return']:.2f}"
            self._told = f"{record['steps_per_second']:.0f}/s  {earned}"
        self._shown.update(step, self._told)


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    from rlgen.experiments.runs.training import TrainConfig, train
    from rlgen.policies.presets import read_preset

    named, rest = take(argv, "--preset", "the name of a preset, or the path of one")
    if len(named) > 1:
        raise ConfigError("--preset was given twice; one set of hyperparameters is laid below the options")
    config = parse(TrainConfig, rest, "train", read_preset(named[0]) if named else None)
    rollout = config.num_envs * config.ppo.n_steps  # whole rollouts are run
    with Shown("train", "steps", -(-config.steps // rollout) * rollout) as shown:
        outcome = train(config, _Training(shown))
    place = outcome.run.path
    if not outcome.finished:
        note(f"stopped and saved at step {outcome.step:,}; the same command goes on from there")
        return 130
    if outcome.started_at >= config.steps:
        print(f"{place}: already trained for {outcome.step:,} steps")
    else:
        print(f"{place}: trained for {outcome.step:,} steps; next: rlgen evaluate {place}")
    return 0
