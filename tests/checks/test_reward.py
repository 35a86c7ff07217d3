"""The checker of rewards: it accepts what is shipped and names what is wrong."""

from __future__ import annotations

import numpy as np
import pytest

from rlgen.checks.reward import check_reward, try_reward
from rlgen.errors import CheckError, ConfigError
from rlgen.rewards import shipped_designs


@pytest.mark.parametrize("name", shipped_designs())
def test_what_is_shipped_keeps_every_law(name):
    check_reward(name)
    assert all(not finding.faults for finding in try_reward(name))


def words(trace):
    return np.array([0.01 * len(text.split()) for text in trace.reply])


def shape(trace):
    return np.zeros((len(trace.turn), 1))


def infinite(trace):
    return np.full(len(trace.turn), np.nan)


def text(trace):
    return trace.reply


def centred(trace):
    return trace.feedback.engagement - trace.feedback.engagement.mean()


def ranked(trace):
    return np.argsort(trace.feedback.engagement).astype(float)


def first(trace):
    return np.full(len(trace.turn), trace.feedback.engagement[0])


def noisy(trace):
    return np.random.default_rng().normal(size=len(trace.turn))


def greedy(trace):
    trace.feedback.engagement[:] = 0.0
    return trace.feedback.engagement


def wordy(trace):
    trace.reply.append("one more")
    return np.zeros(len(trace.turn))


def raising(trace):
    raise KeyError("nothing")


class Counting:
    def __init__(self):
        self.calls = 0

    def __call__(self, trace):
        self.calls += 1
        return np.full(len(trace.turn), 0.1 * self.calls)


def test_a_function_of_the_words_is_a_reward():
    check_reward(words)


@pytest.mark.parametrize(
    ("reward", "said"),
    [
        (shape, "finite number per row"), (infinite, "finite number per row"), (text, "finite number per row"),
        (raising, "it raised KeyError"), (centred, "one row at a time"), (ranked, "one row at a time"),
        (first, "one row at a time"), (noisy, "asked the same twice"), (Counting, "asked the same twice"),
        (greedy, "engagement was written on"), (wordy, "trace.reply was written on"),
        (lambda trace: words(trace), "pickle"),
    ],
)  # fmt: skip
def test_each_fault_is_named_in_a_sentence(reward, said):
    faults = [fault for finding in try_reward(reward) for fault in finding.faults]
    assert any(said in fault for fault in faults), faults
    assert all("\n" not in fault for fault in faults)
    with pytest.raises(CheckError):
        check_reward(reward)


def test_what_is_no_reward_is_refused():
    with pytest.raises(ConfigError, match="there is no reward design 'nothing'"):
        check_reward("nothing")
    with pytest.raises(ConfigError, match="give a function"):
        check_reward(object())
