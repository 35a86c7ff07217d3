from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from rlgen.rewards import Trace
from rlgen.types import Estimate, Feedback, Reading

MakeTrace = Callable[..., Trace]


def _trace(rows: int = 4, seed: int = 0, turn: int = 0, **given: object) -> Trace:
    """A random trace of people who stay; fields of the parts can be given by name."""
    rng = np.random.default_rng(seed)

    def affects() -> np.ndarray:
        made = rng.dirichlet(np.ones(6), rows)
        return np.concatenate([made, rng.uniform(-1, 1, (rows, 2))], axis=1).astype(np.float32)

    def unit(*shape: int) -> np.ndarray:
        return rng.uniform(0, 1, shape).astype(np.float32)

    def value(name: str, default: np.ndarray | None) -> object:
        return given.get(name, default)

    present = np.ones((rows, 3), dtype=bool)
    estimate = Estimate(unit(rows, 8), value("recognised", affects()), unit(rows, 3), present)  # type: ignore[arg-type]
    scalars = [unit(rows) for _ in range(7)]
    reading = Reading(value("read", affects()), unit(rows, 3), *scalars)  # type: ignore[arg-type]
    feedback = Feedback(
        rating=value("rating", rng.integers(1, 6, rows).astype(np.float32)),  # type: ignore[arg-type]
        engagement=value("engagement", unit(rows)),  # type: ignore[arg-type]
        completed=value("completed", np.zeros(rows, dtype=bool)),  # type: ignore[arg-type]
        abandoned=value("abandoned", np.zeros(rows, dtype=bool)),  # type: ignore[arg-type]
    )
    return Trace(
        utterance=[f"I feel low, {i}." for i in range(rows)],
        reply=[f"Tell me about {i}." for i in range(rows)],
        next_utterance=[f"It began on day {i}." for i in range(rows)],
        estimate=estimate,
        reading=reading,
        feedback=feedback,
        next_estimate=estimate,
        turn=np.full(rows, turn, dtype=np.int64),
        max_turns=16,
        rating_history_mean=value("history", rng.uniform(1, 5, rows).astype(np.float32)),  # type: ignore[arg-type]
        rating_before=value("before", rng.integers(1, 6, rows).astype(np.float32)),  # type: ignore[arg-type]
        cost=value("cost", rng.integers(0, 3, rows).astype(np.float32)),  # type: ignore[arg-type]
        relief=value("relief", None),  # type: ignore[arg-type]
    )


@pytest.fixture(scope="session")
def make_trace() -> MakeTrace:
    return _trace
