import logging

import numpy as np
import pytest
import torch

from rlgen.errors import TrainingError
from rlgen.users.fitting.laplace import laplace

TARGET = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
SCALE = torch.tensor([1.0, 4.0, 100.0], dtype=torch.float64)


def bowl(theta):
    return (SCALE * (theta - TARGET) ** 2).sum() / 2


def valley(theta):
    """Rosenbrock's: from its far end a few iterations do not reach the mode."""
    return (100 * (theta[1:] - theta[:-1] ** 2) ** 2 + (1 - theta[:-1]) ** 2).sum()


def test_the_mode_and_spread_of_a_normal_density_are_its_own(caplog):
    found = laplace(bowl, np.zeros(3))
    assert found.mode == pytest.approx(TARGET.numpy(), abs=1e-5)
    assert found.covariance == pytest.approx(np.diag(1 / SCALE.numpy()), abs=1e-8)
    assert found.converged
    assert not caplog.records


def test_a_search_that_did_not_end_at_a_mode_says_so(caplog):
    with caplog.at_level(logging.WARNING):
        found = laplace(valley, np.array([-1.5, 2.0, -1.0]), iterations=3)
    assert not found.converged
    assert "3 parameters did not converge in 3 iterations" in caplog.text
    assert laplace(valley, np.array([-1.5, 2.0, -1.0])).converged


def test_a_loss_that_is_not_finite_is_an_error():
    with pytest.raises(TrainingError, match="a fit of 2 parameters diverged"):
        laplace(lambda theta: (theta * torch.nan).sum(), np.zeros(2))
