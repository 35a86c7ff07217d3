"""Posterior mode and normal approximation of small models (MacKay, Information Theory ..., 2003, ch. 27)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

F64 = NDArray[np.float64]
Loss = Callable[[torch.Tensor], torch.Tensor]

_CHUNK: Final = 4  # rows of the curvature computed at once: all of them need much memory


@dataclass(frozen=True)
class Posterior:
    """A normal posterior over `[D]` parameters.

    Attributes:
        mode: `[D]`.
        loss: the negative log posterior, whose curvature at the mode is looked at when it is asked for.
    """

    mode: F64
    loss: Loss

    @cached_property
    def covariance(self) -> F64:
        """Inverse of the curvature at the mode, `[D, D]`."""
        gradient = torch.func.jacrev(self.loss)
        found: torch.Tensor = torch.func.jacrev(gradient, chunk_size=_CHUNK)(torch.tensor(self.mode))
        curvature = found.detach().numpy()
        values, vectors = np.linalg.eigh((curvature + curvature.T) / 2)
        values = np.maximum(values, 1e-6)  # a flat direction keeps a wide, finite variance
        covariance: F64 = (vectors / values) @ vectors.T
        return covariance

    def draws(self, count: int, rng: np.random.Generator) -> F64:
        """Draws, `[count, D]`."""
        if not count:
            return np.zeros((0, len(self.mode)))
        return rng.multivariate_normal(self.mode, self.covariance, count, method="eigh")


def laplace(loss: Loss, start: F64) -> Posterior:
    """Minimise a negative log posterior.

    Args:
        loss: of a `[D]` float64 tensor, twice differentiable.
        start: `[D]`.
    """
    theta = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [theta], max_iter=300, tolerance_grad=1e-4, tolerance_change=1e-9, line_search_fn="strong_wolfe"
    )

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        value = loss(theta)
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return Posterior(theta.detach().numpy(), loss)
