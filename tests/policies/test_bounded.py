import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rlgen.policies import PPOConfig, WorldVecEnv, make_ppo
from rlgen.policies.bounded import BetaDistribution, RunningNormaliser

LOW = np.array([-1.0, 0.0, -3.0], np.float32)
HIGH = np.array([1.0, 0.5, 7.0], np.float32)


def made(logits, log_concentration=(0.7, -0.5, 2.0)):
    return BetaDistribution(LOW, HIGH).proba_distribution(logits, torch.tensor(log_concentration))


def test_log_prob_is_torchs_beta_under_an_affine_map():
    logits, concentration = torch.randn(50, 3), torch.tensor([0.5, 2.0, 20.0])
    mine = made(logits, tuple(concentration.log().tolist()))
    actions = mine.sample()
    peak = torch.sigmoid(logits)
    alpha, beta = 1 + concentration * peak, 1 + concentration * (1 - peak)
    stretched = torch.distributions.TransformedDistribution(
        torch.distributions.Beta(alpha.double(), beta.double()),
        torch.distributions.AffineTransform(torch.as_tensor(LOW).double(), torch.as_tensor(HIGH - LOW).double()),
    )
    torch.testing.assert_close(
        mine.log_prob(actions).double(), stretched.log_prob(actions.double()).sum(-1), atol=1e-3, rtol=1e-4
    )


def test_density_integrates_to_one():
    raw = torch.tensor([[0.3, -1.0, 2.0]])
    middle = torch.as_tensor((LOW + HIGH) / 2)
    grid = torch.linspace(LOW[2] + 1e-4, HIGH[2] - 1e-4, 4001)
    actions = middle.repeat(len(grid), 1)
    actions[:, 2] = grid
    mine = made(raw.repeat(len(grid), 1))
    others = mine.distribution.log_prob((actions - mine.low) / mine.width)[:, :2] - mine.width[:2].log()
    density = (mine.log_prob(actions) - others.sum(-1)).exp()
    assert torch.trapezoid(density, grid).item() == pytest.approx(1.0, abs=1e-3)


def test_entropy_is_the_mean_of_minus_log_prob():
    torch.manual_seed(0)
    mine = made(torch.tensor([[0.3, -1.0, 2.0]]).repeat(200_000, 1))
    assert -mine.log_prob(mine.sample()).mean().item() == pytest.approx(mine.entropy()[0].item(), abs=0.01)


@settings(max_examples=30, deadline=None)
@given(st.floats(-1e4, 1e4), st.floats(-10, 8))
def test_actions_stay_inside_the_open_box_and_log_prob_is_finite(logit, log_concentration):
    mine = made(torch.full((64, 3), logit), (log_concentration,) * 3)
    for actions in (mine.sample(), mine.mode()):
        assert (actions.numpy() > LOW).all()
        assert (actions.numpy() < HIGH).all()
        assert torch.isfinite(mine.log_prob(actions)).all()


def test_the_deterministic_action_is_where_the_density_peaks():
    logits = torch.tensor([[0.3, -1.0, 2.0]])
    concentrations = (2.0, 3.0, 4.0)
    peak = made(logits, concentrations).mode()
    grid = torch.linspace(0.001, 0.999, 999)[:, None] * torch.as_tensor(HIGH - LOW) + torch.as_tensor(LOW)
    for i in range(3):
        actions = peak.repeat(999, 1)
        actions[:, i] = grid[:, i]
        best = grid[made(logits.repeat(999, 1), concentrations).log_prob(actions).argmax(), i]
        assert best.item() == pytest.approx(peak[0, i].item(), abs=0.003 * float(HIGH[i] - LOW[i]))


def test_normaliser_has_the_moments_of_all_batches_together():
    rng = np.random.default_rng(0)
    data = torch.as_tensor(rng.normal(3.0, 2.0, (500, 4)))
    normaliser = RunningNormaliser((4,))
    for part in data.split([1, 99, 250, 150]):
        normaliser.update(part)
    torch.testing.assert_close(normaliser.mean, data.mean(0))
    torch.testing.assert_close(normaliser.var, data.var(0, unbiased=False))
    out = normaliser(data)
    assert out.dtype == torch.float32
    torch.testing.assert_close(out.mean(0), torch.zeros(4), atol=1e-5, rtol=0)


def test_normaliser_bounds_what_a_constant_feature_can_do():
    normaliser = RunningNormaliser((2,))
    normaliser.update(torch.ones(10, 2))
    assert normaliser(torch.tensor([[1.0, 5.0]])).abs().max() <= 10


def test_every_block_has_the_same_say():
    normaliser = RunningNormaliser((9,), blocks=(1, 8))
    normaliser.update(torch.randn(50_000, 9) * torch.arange(1.0, 10.0))
    seen = normaliser(torch.randn(50_000, 9) * torch.arange(1.0, 10.0))
    lone, eight = seen[:, 0].square().mean(), seen[:, 1:].square().sum(1).mean()
    assert lone.item() == pytest.approx(1.0, abs=0.05)
    assert eight.item() == pytest.approx(1.0, abs=0.05)
    with pytest.raises(ValueError, match="9"):
        RunningNormaliser((9,), blocks=(1, 7))


def test_the_learner_knows_the_blocks_of_the_world(fake_world):
    share = make_ppo(WorldVecEnv(fake_world(4)), PPOConfig(n_steps=8, batch_size=32)).policy.normaliser.share
    assert share.numpy() == pytest.approx([8**-0.5] * 8 + [1.0] + [3**-0.5] * 3)
