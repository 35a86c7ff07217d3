"""Posterior mode and normal approximation of small models (MacKay, Information Theory ..., 2003, ch. 27)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

F64 = NDArray[np.float64]
Loss = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Posterior:
    """A normal posterior over `[D]` parameters."""

    mode: F64
    covariance: F64

    def draws(self, count: int, rng: np.random.Generator) -> F64:
        """Draws, `[count, D]`."""
        return rng.multivariate_normal(self.mode, self.covariance, count, method="eigh")


def laplace(loss: Loss, start: F64) -> Posterior:
    """Minimise a negative log posterior and take its curvature.

    Args:
        loss: of a `[D]` float64 tensor, twice differentiable.
        start: `[D]`.
    """
    theta = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [theta], max_iter=500, tolerance_grad=1e-7, tolerance_change=1e-11, line_search_fn="strong_wolfe"
    )

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        value = loss(theta)
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    mode = theta.detach()
    curvature = torch.func.hessian(loss)(mode).numpy()
    values, vectors = np.linalg.eigh((curvature + curvature.T) / 2)
    values = np.maximum(values, 1e-6)  # a flat direction keeps a wide, finite variance
    return Posterior(mode.numpy(), (vectors / values) @ vectors.T)
