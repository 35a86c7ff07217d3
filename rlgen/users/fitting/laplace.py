"""Posterior mode and normal approximation of small models (MacKay, Information Theory ..., 2003, ch. 27)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import torch

from rlgen.errors import TrainingError
from rlgen.types import F64

Loss = Callable[[torch.Tensor], torch.Tensor]

ITERATIONS: Final = 300
_SLOPE: Final = 1e-4  # largest slope at a mode, for each unit of the loss where that is above 1
_LOG = logging.getLogger(__name__)
_CHUNK: Final = 4  # rows of the curvature computed at once: all of them need much memory


@dataclass(frozen=True)
class Posterior:
    """A normal posterior over `[D]` parameters.

    Attributes:
        mode: `[D]`.
        loss: the negative log posterior, whose curvature at the mode is looked at when it is asked for.
        prior: the part of it that is the prior's; None where nothing asks for it.
        converged: whether the search for the mode ended at one.
    """

    mode: F64
    loss: Loss
    prior: Loss | None = None
    converged: bool = True

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


def laplace(loss: Loss, start: F64, prior: Loss | None = None, iterations: int = ITERATIONS) -> Posterior:
    """Minimise a negative log posterior; a warning tells where that did not end at a mode.

    Args:
        loss: of a `[D]` float64 tensor, twice differentiable.
        start: `[D]`.
        prior: the part of the loss that is the prior's.
        iterations: at most so many.

    Raises:
        TrainingError: the loss or the parameters are not finite.
    """
    theta = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [theta], max_iter=iterations, tolerance_grad=_SLOPE, tolerance_change=1e-9, line_search_fn="strong_wolfe"
    )

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        value = loss(theta)
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    value = float(closure().detach())
    slope = float(torch.as_tensor(theta.grad).abs().max())
    if not (np.isfinite(value) and np.isfinite(slope) and bool(torch.isfinite(theta).all())):
        raise TrainingError(
            f"a fit of {len(start)} parameters diverged (loss {value:g}); look for values in the data that cannot be"
        )
    # Steps below 1e-9 end a search too, at a slope that is as small as the loss allows.
    converged = slope <= _SLOPE * max(1.0, abs(value))
    if not converged:
        _LOG.warning(
            "a fit of %d parameters did not converge in %d iterations (largest slope %.2g at loss %.6g); its mode and "
            "its spread are rough: more data, or fewer parameters, would help",
            len(start), iterations, slope, value,
        )  # fmt: skip
    return Posterior(theta.detach().numpy(), loss, prior, converged)
