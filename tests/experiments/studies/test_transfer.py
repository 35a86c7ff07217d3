"""Other people meet the policies, and the verdict says where it does not hold."""

import numpy as np
import pytest

from rlgen.errors import ConfigError
from rlgen.experiments.runs.worlds import WorldOptions
from rlgen.experiments.studies.executors import ExecutorOptions
from rlgen.experiments.studies.transfer import HOME, KINDS, meet_others, transfer_csv, transfer_summary

GOOD, TURNED = {"good": 0.3, "poor": 0.1}, {"good": 0.1, "poor": 0.3}


def planted(relief, seeds=6, people=200, seed=0):
    """Kind -> design -> `[S, P]` with given means."""
    rng = np.random.default_rng(seed)

    def table(mean):
        return mean + rng.normal(0, 0.02, (seeds, 1)) + rng.normal(0, 0.2, (seeds, people))

    return {kind: {name: table(mean) for name, mean in of.items()} for kind, of in relief.items()}


def test_a_verdict_that_holds_everywhere_and_one_that_does_not():
    everywhere = transfer_summary(planted({HOME: GOOD, "guarded": GOOD, "crisis": GOOD}))
    assert everywhere["holds"] == 2
    assert everywhere["sentence"] == (
        "To none of 2 other kinds of people does another design bring more relief than good."
    )
    assert everywhere["kinds"]["guarded"]["tau"]["mean"] == 1.0
    turned = transfer_summary(planted({HOME: GOOD, "guarded": TURNED, "crisis": GOOD}))
    assert turned["holds"] == 1
    assert turned["kinds"]["guarded"]["tau"]["mean"] == -1.0
    assert (
        "but not for all people: another one brings more to 1 of 2 other kinds, guarded (poor)." in turned["sentence"]
    )
    alone = transfer_summary(planted({HOME: GOOD, "guarded": TURNED}))
    assert "for the people of the training alone" in alone["sentence"]
    # The lead of another design than the best at home: at home nothing is asked of it, where it leads nobody beats it.
    other = transfer_summary(planted({HOME: GOOD, "guarded": TURNED}), best="poor")
    assert (other["holds"], other["silent"]) == (1, [])


def test_kinds_with_whom_no_design_is_told_apart_are_named():
    found = transfer_summary(planted({HOME: GOOD, "guarded": GOOD, "deaf": {"good": 0.2, "poor": 0.2}}))
    assert found["silent"] == ["deaf"]
    assert found["sentence"].endswith("With deaf no design is told from it.")


def test_no_difference_is_seldom_a_loss():
    """Of kinds on which the designs are equal, about one in forty turns the verdict by chance."""
    kinds = {HOME: GOOD, **{f"kind {number}": {"good": 0.2, "poor": 0.2} for number in range(40)}}
    assert transfer_summary(planted(kinds))["holds"] >= 36


@pytest.mark.slow
def test_policies_meet_other_people(trained, tmp_path):
    told, found = meet_others(
        [trained], WorldOptions(), kinds=["without pacing", "calibrated"], policies=1, people=16, seed=0, num_envs=16,
        out=tmp_path, where=ExecutorOptions(workers=1),
    )  # fmt: skip
    assert told == "Up to 1 policies of each design met 16 people of each kind, on the response surface."
    assert list(found) == [HOME, "without pacing", "calibrated"]
    assert {table.shape for of in found.values() for table in of.values()} == {(1, 16)}
    assert not np.array_equal(found[HOME]["default"], found["without pacing"]["default"])
    assert len(transfer_csv(found).splitlines()) == 1 + 3 * 2
    with pytest.raises(ConfigError, match="there is no kind of people 'nobody'; the kinds are without pacing, "):
        meet_others(
            [trained], WorldOptions(), kinds=["nobody"], policies=1, people=16, seed=0, num_envs=16, out=tmp_path,
            where=ExecutorOptions(),
        )  # fmt: skip


def test_every_kind_is_a_world(trained):
    from rlgen.envs import world_config

    for users in KINDS.values():
        world_config("rlgen/SupportDynamic-v0", users=users)
