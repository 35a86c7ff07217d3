"""Small logs are drawn towards the people of many dialogues, each part as far as the log is silent about it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from rlgen.errors import DataError
from rlgen.users.calibrated.parameters import read_fit
from rlgen.users.fitting.laplace import laplace
from rlgen.users.fitting.people import FEWEST, fit_few, is_small
from rlgen.users.fitting.shrinking import WORTH, PowerPrior
from rlgen.users.fitting.wording_model import flat, named
from rlgen.users.logs.dialogues import Dialogue, Turn


@pytest.fixture(scope="module")
def shipped():
    return read_fit("shipped:calibrated_users")


def talk(number, helped, rng, rating=None, length=9):
    turns = []
    for i in range(length):
        given = None if not i % 2 else float(rating or rng.integers(1 + 2 * helped, 6))
        turns += [Turn(True, f"reply {i}", 1, None), Turn(False, "an answer", 1, given)]
    initial = int(rng.integers(3, 6))
    final = int(rng.integers(1, initial)) if helped else initial
    return Dialogue(str(number), helped, True, "work", number % 3, initial, final, tuple(turns))


@pytest.mark.parametrize("repeats", [1, 10, 1000])
def test_a_mean_is_shrunk_as_the_formula_says(shipped, repeats):
    """n observations of deviation 1 of a mean whose prior is normal: the posterior mean and the share are known."""
    drawn = np.array([draw.endings.abandon for draw in shipped.draws])
    centre, deviation = shipped.mean.endings.abandon, drawn.std() * np.sqrt(400 / WORTH)

    def loss(theta):
        return 0.5 * repeats * ((theta - 2.0) ** 2).sum()

    found, own = PowerPrior(shipped, 400).shrunk(
        laplace(loss, np.zeros(1), lambda theta: 0.0 * theta.sum()), lambda p: np.array([p.endings.abandon])
    )
    share = repeats / (repeats + deviation**-2)
    assert own == pytest.approx(share, rel=1e-3)
    assert found.mode[0] == pytest.approx(share * 2.0 + (1 - share) * centre, abs=1e-3)
    assert found.covariance[0, 0] == pytest.approx(1 / (repeats + deviation**-2), rel=1e-3)


def test_flat_words_lead_back(shipped):
    for p in (shipped.mean.words, shipped.mean.valence):
        again = named(flat(p), p.shape)
        np.testing.assert_allclose(flat(again), flat(p), atol=1e-3)


def test_counting_comes_first_and_says_rule_and_shortfall():
    rng = np.random.default_rng(0)
    talks = [talk(i, i % 2 > 0, rng) for i in range(120)]
    with pytest.raises(DataError, match=r"12 rated dialogues \(6 successful, 6 failed\), and 30 are needed.*: 18 more"):
        is_small(talks[:12])
    with pytest.raises(DataError, match=r"0 rated dialogues.*30 more"):
        is_small([dataclasses.replace(d, rated=False) for d in talks])
    assert is_small(talks[:FEWEST])
    assert is_small([d for d in talks if d.helped])
    assert not is_small(talks[:100])


def test_thirty_dialogues_fit(shipped):
    rng = np.random.default_rng(1)
    torch.manual_seed(0)
    towards = PowerPrior(shipped, 1203)
    low = [talk(i, i % 3 > 0, rng, rating=2) for i in range(30)]
    readings = [rng.normal(0.2, 0.2, (d.replies, 11)) for d in low]
    fit, own = fit_few(low, readings, None, 2, 0, towards)
    assert len(fit.draws) == 2
    assert not fit.folds
    assert all(0.0 <= share <= 1.0 for share in own.values())
    assert 0.05 < own["ratings"] < 0.95
    assert own["valence"] == 0.0
    assert fit.mean.valence == shipped.mean.valence  # nobody has read what they said
    assert fit.mean.endings.signs == shipped.mean.endings.signs
    # People here rate lower than the shipped ones: their thresholds are higher.
    assert np.mean(fit.mean.ratings.cuts) > np.mean(shipped.mean.ratings.cuts)


def test_a_log_of_short_successes_alone_takes_over_what_it_is_silent_about(shipped):
    rng = np.random.default_rng(2)
    talks = [talk(i, True, rng, length=3) for i in range(30)]
    fit, own = fit_few(talks, [np.zeros((3, 11))] * 30, None, 0, 0, PowerPrior(shipped, 1203))
    assert own["relief of others"] < 0.01
    np.testing.assert_allclose(fit.mean.relief[1].base, shipped.mean.relief[1].base, atol=1e-2)
    np.testing.assert_allclose(fit.mean.endings.complete, shipped.mean.endings.complete, atol=1e-2)
