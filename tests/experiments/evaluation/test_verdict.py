"""What an evaluation says, from made-up figures."""

import pytest

from rlgen.experiments.evaluation.verdict import judge, listed


def difference(mean, half):
    return {"mean": mean, "low": mean - half, "high": mean + half}


def evaluation(returns, reliefs):
    """A made-up evaluation: differences of the trained policy to each baseline, with half-width .1."""
    policies = {"trained": {"return": {"mean": 1.0}, "relief": {"mean": 0.5}, "relief_points": {"mean": 2.0}}}
    policies |= {n: {"return": {"mean": 1.0 - r}, "relief": {"mean": 0.5 - reliefs[n]}} for n, r in returns.items()}
    for found in policies.values():
        found["worst_tenth"] = {what: difference(found[what]["mean"] - 1.5, 0.1) for what in ("return", "relief")}
    return {
        "reference": "trained",
        "people": 300,
        "policies": policies,
        "differences": {
            n: {"return": difference(r, 0.1), "relief": difference(reliefs[n], 0.1)} for n, r in returns.items()
        },
    }


@pytest.mark.parametrize(
    ("returns", "words"),
    [
        ({"random": 0.5, "untrained": 0.3}, "more than every baseline"),
        ({"random": 0.0, "untrained": -0.5}, "no more than any baseline"),
        ({"random": 0.5, "schedule": -0.3}, "more than random actions, but less than schedule by turn"),
        ({"random": 0.5, "schedule": 0.05}, "about as much as schedule by turn"),
        ({"random": 0.5, "centre": 0.4, "fixed": 0.3, "schedule": -0.3}, "three of four baselines, but less"),
    ],
)
def test_the_headline_follows_from_the_figures(returns, words):
    found = judge(evaluation(returns, dict.fromkeys(returns, 0.2)))
    assert words in found.headline
    assert not found.warning


def test_reward_without_relief_is_called_out():
    worse = judge(evaluation({"random": 0.5, "untrained": 0.5}, {"random": -0.3, "untrained": 0.3}))
    assert "less relief" in worse.warning
    assert "random actions" in worse.warning
    flat = judge(evaluation({"untrained": 0.5}, {"untrained": 0.0}))
    assert "did not rise measurably" in flat.warning


def test_the_worst_off_tenth_is_told():
    told = judge(evaluation({"random": 0.5, "schedule": 0.1}, {"random": 0.2, "schedule": 0.0})).worst
    assert "\N{MINUS SIGN}0.50 of return and \N{MINUS SIGN}1.00 of relief" in told
    assert "schedule by turn, \N{MINUS SIGN}0.60" in told  # beside the strongest baseline only
    assert "1.20" not in told


def test_lists_read_like_english():
    assert listed(["random"]) == "random actions"
    assert listed(["random", "centre", "fixed"]) == "random actions, centre controls and fixed controls"
