"""While a policy learns: meet people of the realm validation, keep the best policy so far."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from rlgen.envs.shards.sharded import ShardedWorld
from rlgen.envs.world import World
from rlgen.experiments.evaluation.outcomes import evaluate
from rlgen.experiments.runs.run import Run
from rlgen.policies.checkpoint import save_checkpoint
from rlgen.policies.ppo import BoundedPPO
from rlgen.policies.trained import Trained

_FIGURES: Final = ("return", "relief", "length", "completed", "abandoned", "mean_rating", "cost")


class Validation:
    """Meetings with the same people, again and again; they change no bit of the training.

    Args:
        run: whose metrics tell what earlier meetings found, and where the best policy is kept.
        model: the learner.
        world: in which it learns, in one process or several; the meetings are in another one of the same config.
        every: steps between two meetings; they fall on the ends of iterations.
        people: met each time.
        seed: of the people.
    """

    def __init__(
        self, run: Run, model: BoundedPPO, world: World | ShardedWorld, every: int, people: int, seed: int
    ) -> None:
        self._run, self._model, self._every, self._people, self._seed = run, model, every, people, seed
        self._world = World(world.config, min(people, world.num_envs))  # anew: it must not write to the audit log
        told = [(record["step"], record["validation"]) for record in run.read_metrics() if "validation" in record]
        self._last = max((step for step, _ in told), default=0)
        self._best = max((found["return"] for _, found in told), default=-np.inf)

    def look(self, step: int) -> dict[str, float | None] | None:
        """Meet them if it is time, and keep the policy if it earned more than ever.

        Args:
            step: of the training.

        Returns:
            Means over the people: return, relief, length, completed, abandoned, mean_rating, cost (None: unknown).
        """
        if step - self._last < self._every:
            return None
        self._last = step
        found = evaluate(self._world, Trained(self._model), self._people, self._seed, realm="validation").values
        figures: dict[str, Any] = {name: _mean(found[name]) for name in _FIGURES}
        if figures["return"] > self._best:
            self._best = figures["return"]
            save_checkpoint(self._run.best, self._model, {"validation": figures})
        return figures


def _mean(values: Any) -> float | None:
    known = values[~np.isnan(values)]
    return round(float(known.mean()), 6) if len(known) else None
