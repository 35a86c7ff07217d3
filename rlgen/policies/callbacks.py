"""What training reports: one record per iteration, gathered from the infos of finished dialogues."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback

from rlgen.policies.reference import Reference
from rlgen.policies.vec_env import WorldVecEnv

_OUTCOMES = ("completed", "abandoned", "limit", "relief", "relief_points", "mean_rating", "cost")
_LOSSES = ("approx_kl", "clip_fraction", "entropy_loss", "explained_variance", "policy_gradient_loss", "value_loss")


class StopTraining(Exception):
    """Raised between iterations to leave training; everything is saved."""


class IterationLog(BaseCallback):
    """Calls back between iterations, when the model is whole and can be saved.

    Args:
        on_iteration: takes a record: `step`, `episodes` (in this iteration), `return`, `return_sd`,
            `length`, the outcomes, `terms` by name, `loss` by name, `steps_per_second`,
            `learner_share` (of the time, in [0, 1]) and `seconds`. Means are
            over the dialogues that finished in the iteration; None where none did. `kl` is how far the policy of the
            iteration was from the reference, in nats a turn; None without one.
        on_step: takes the number of steps so far, after every vector step.
        seconds: spent before a resume.
        reference: the policy that the distance is taken from.
    """

    def __init__(
        self,
        on_iteration: Callable[[dict[str, Any]], None],
        on_step: Callable[[int], None] | None = None,
        seconds: float = 0.0,
        reference: Reference | None = None,
    ) -> None:
        super().__init__()
        self._on_iteration = on_iteration
        self._tick = on_step
        self._seconds = seconds
        self._reference = reference
        self._kl: float | None = None
        self._gathered: defaultdict[str, list[float]] = defaultdict(list)
        self._terms: defaultdict[str, list[float]] = defaultdict(list)
        self._since: float | None = None
        self._steps_then = 0
        self._world_then = 0.0

    def _on_rollout_start(self) -> None:
        self._finish_iteration()

    def _on_training_end(self) -> None:
        self._finish_iteration()

    def _on_step(self) -> bool:
        for info in self.locals["infos"]:
            if "outcome" in info:
                self._gathered["return"].append(info["episode"]["r"])
                self._gathered["length"].append(info["episode"]["l"])
                outcome = info["outcome"]
                for name in _OUTCOMES:
                    self._gathered[name].append(outcome[name])
                for name, value in outcome["terms"].items():
                    self._terms[name].append(value)
        if self._tick is not None:
            self._tick(self.num_timesteps)
        return True

    def _on_rollout_end(self) -> None:
        if self._reference is not None:  # of the policy that spoke in this iteration, before it is updated
            policy, buffer = self.model.policy, self.locals["rollout_buffer"]
            self._kl = self._reference.kl(policy, buffer.observations.reshape(-1, *buffer.obs_shape))  # type: ignore[arg-type]

    def _finish_iteration(self) -> None:
        now, env = time.perf_counter(), self.training_env
        spent_in_world = env.seconds if isinstance(env, WorldVecEnv) else 0.0
        if self._since is not None and self.model.num_timesteps > self._steps_then:
            elapsed = now - self._since
            self._seconds += elapsed
            returns = self._gathered["return"]
            record: dict[str, Any] = {
                "step": self.model.num_timesteps,
                "episodes": len(returns),
                "return": _mean(returns),
                "return_sd": float(np.std(returns)) if returns else None,
                "length": _mean(self._gathered["length"]),
                **{name: _mean(self._gathered[name]) for name in _OUTCOMES},
                "terms": {name: _mean(values) for name, values in self._terms.items()},
                "kl": self._kl,
                "loss": self._losses(),
                "steps_per_second": round((self.model.num_timesteps - self._steps_then) / elapsed, 2),
                "learner_share": round(1 - (spent_in_world - self._world_then) / elapsed, 4),
                "seconds": round(self._seconds, 3),
            }
            self._gathered.clear()
            self._terms.clear()
            self._on_iteration(record)
        self._since = time.perf_counter()
        self._steps_then, self._world_then = self.model.num_timesteps, spent_in_world

    def _losses(self) -> dict[str, float]:
        values = self.model.logger.name_to_value
        return {name: float(values[f"train/{name}"]) for name in _LOSSES if f"train/{name}" in values}


def _mean(values: list[float]) -> float | None:
    present = [value for value in values if not np.isnan(value)]
    return float(np.mean(present)) if present else None
