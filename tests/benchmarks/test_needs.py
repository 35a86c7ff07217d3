"""What people need, on people whose needs are known."""

import numpy as np
import pytest

from benchmarks import needs as module
from benchmarks.needs import VALUES, Held, Needs, needs, plot_needs
from rlgen.errors import ConfigError, DataError
from rlgen.experiments.evaluation.outcomes import evaluate
from rlgen.policies.baselines import Fixed, Schedule


def curves(*peaks):
    """Three feelings that earn 1 at their peak and lose by the square of the distance."""
    return 1.0 - (np.array(VALUES) - np.array(peaks)[:, None]) ** 2


def test_feelings_that_want_the_same_need_not_be_told_apart():
    found = Needs(
        np.full(3, 1 / 3), np.zeros(3), {"warmth": curves(0.3, 0.3, 0.3), "temperature": curves(-0.6, 0, 0.6)}
    )
    assert found.best("warmth") == pytest.approx([0.3] * 3)
    assert found.told_apart("warmth") == pytest.approx(0)
    assert found.best("temperature") == pytest.approx([-0.6, 0.0, 0.6])
    assert found.told_apart("temperature") == pytest.approx(2 / 3 * 0.36)


def test_shares_weigh():
    rare = Needs(np.array([0.9, 0.05, 0.05]), np.zeros(3), {"warmth": curves(-0.6, 0, 0.6)})
    assert 0 < rare.told_apart("warmth") < 0.2


def test_returns_are_those_of_people_who_feel_so(fake_world, monkeypatch):
    """The groups' means, weighted by shares, are the mean of all; each is of its own people alone."""
    world = fake_world(60, max_turns=2)
    feeling = np.arange(60) % 3
    world.hidden = lambda: {n: (feeling == i).astype(np.float32) for i, n in enumerate(module.FEELINGS)}
    rule = Fixed(controls=(0.2, -0.1, 0.0, 0.3))
    returns = module.evaluate(world, rule, 60, 9).values["return"]
    found = needs(world, rule, 9)
    assert found.own == pytest.approx([returns[feeling == i].mean() for i in range(3)])
    assert found.held["temperature"][:, VALUES.index(0.0)] == pytest.approx(found.own)
    assert found.shares == pytest.approx([1 / 3] * 3)


@pytest.mark.parametrize("hidden", [{}, {"sadness": np.ones(5), "fear": np.zeros(5), "anger": np.zeros(5)}])
def test_people_who_do_not_tell_or_are_all_alike_are_refused(fake_world, hidden):
    world = fake_world(5)
    world.hidden = lambda: hidden
    with pytest.raises(ConfigError, match=r"users: |people was 5"):
        needs(world, Fixed(), 1)


def test_a_picture_is_written_or_the_file_named(tmp_path):
    found = Needs(np.full(3, 1 / 3), np.zeros(3), dict.fromkeys(module.CONTROL_RANGES, curves(-0.6, 0, 0.6)))
    plot_needs(found, tmp_path / "needs.png")
    assert (tmp_path / "needs.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(DataError, match=r"n\.png: cannot be written"):
        plot_needs(found, tmp_path / "needs.png" / "n.png")


def test_holding_a_control_costs_what_it_was_worth(fake_world):
    """A rule that holds one control where it stands anyway loses nothing; the others stay as they were."""
    world = fake_world(64)
    rule = Schedule(table=((0.3, -0.2, 0.1, 0.4), (-0.3, 0.2, 0.1, -0.4)))
    whole = evaluate(world, rule, 200, seed=5)
    same = evaluate(world, Held(rule, 2, 0.1), 200, seed=5)
    assert np.array_equal(same.values["return"], whole.values["return"])
    held = evaluate(world, Held(rule, 0, 0.0), 200, seed=5)
    assert (held.actions[:, 0] == 0).all()
    assert np.array_equal(held.actions[:, 1:], whole.actions[:, 1:])
    assert not np.array_equal(held.values["return"], whole.values["return"])
