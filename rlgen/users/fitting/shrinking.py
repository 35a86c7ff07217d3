"""Small logs: their fit is drawn towards people who were fitted to many dialogues.

The posterior of the many is taken to a power, so that they count as `WORTH` dialogues, and serves as the prior of the
few (power prior: Ibrahim and Chen, Stat. Sci. 15, 2000), parameter by parameter and normal, with the spread of its
draws. How much of each part is then the log's own is the share of its parameters that the log determines, the mean over
parameters of lambda / (lambda + prior precision), lambda being the curvature of the log's likelihood in units of the
prior (MacKay, Neural Comput. 4, 1992).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch

from rlgen.types import F64
from rlgen.users.calibrated.parameters import Fit, Parameters
from rlgen.users.fitting.ending_model import EndingFit
from rlgen.users.fitting.laplace import Posterior, laplace
from rlgen.users.fitting.rating_model import flatten
from rlgen.users.fitting.wording_model import WordingFit, flat

WORTH: Final = 50  # dialogues that the people of many dialogues count as
_LEAST: Final = 1e-3  # spread of draws below which it is rounding


@dataclass(frozen=True)
class PowerPrior:
    """What a small log's fit is drawn towards.

    Attributes:
        fit: of many dialogues.
        dialogues: how many.
    """

    fit: Fit
    dialogues: int

    def shrunk(self, posterior: Posterior, numbers: Callable[[Parameters], F64]) -> tuple[Posterior, float]:
        """A log's posterior with the many as its prior, and how much of it is the log's own, in [0, 1].

        Args:
            posterior: of the log alone.
            numbers: the flat parameters of it that named ones stand for.
        """
        centre = numbers(self.fit.mean)
        drawn = np.stack([numbers(draw) for draw in self.fit.draws])
        deviation = np.maximum(drawn.std(axis=0), _LEAST) * np.sqrt(max(self.dialogues / WORTH, 1.0))
        at, wide = torch.tensor(centre), torch.tensor(deviation)

        def penalty(theta: torch.Tensor) -> torch.Tensor:
            return 0.5 * (((theta - at) / wide) ** 2).sum()

        def loss(theta: torch.Tensor) -> torch.Tensor:
            weak = 0.0 if posterior.prior is None else posterior.prior(theta)
            return posterior.loss(theta) - weak + penalty(theta)

        found = laplace(loss, centre, penalty)
        own = np.linalg.inv(found.covariance) - np.diag(deviation**-2)
        own = deviation[:, None] * (own + own.T) / 2 * deviation
        known = np.maximum(np.linalg.eigvalsh(own), 0.0)
        return found, float((known / (1.0 + known)).mean())

    def ending(self, fit: EndingFit) -> tuple[EndingFit, dict[str, float]]:
        """Hazards and ties; the signs of an end, which only predictions use, are those of the many."""
        p = self.fit.mean.endings
        complete, own = self.shrunk(fit.complete, lambda q: np.array([*q.endings.complete, q.endings.complete_mood]))
        ties, tied = self.shrunk(
            fit.ties, lambda q: np.array([q.endings.complete_verbosity, q.endings.complete_brightness])
        )
        abandon, left = self.shrunk(
            fit.abandon, lambda q: np.array([q.endings.abandon, q.endings.abandon_mood, q.endings.abandon_turn])
        )
        shares = {"completion": own, "ties to completion": tied, "abandonment": left}
        return EndingFit(complete, ties, abandon, p.signs, p.signs_with_goodbyes), shares

    def relief(self, posterior: Posterior, helped: bool) -> tuple[Posterior, float]:
        """The change of intensity of the helped, or of others."""

        def numbers(p: Parameters) -> F64:
            one = p.relief[0 if helped else 1]
            return np.array([one.base, one.slope, one.mood, np.log(one.spread)])

        return self.shrunk(posterior, numbers)

    def rating(self, posterior: Posterior) -> tuple[Posterior, float]:
        """Ratings, with the effects of as many readings as the posterior has."""
        size = len(posterior.mode)
        return self.shrunk(posterior, lambda p: flatten(p.ratings)[0][:size])

    def wording(self, fit: WordingFit | None, name: str) -> tuple[WordingFit | None, float]:
        """How much people say (`"words"`), or how positive it sounds (`"valence"`); None where it was not fitted."""
        if fit is None or getattr(self.fit.mean, name) is None:
            return fit, 0.0 if fit is None else 1.0
        posterior, own = self.shrunk(fit.posterior, lambda p: flat(getattr(p, name)))
        return replace(fit, posterior=posterior), own
