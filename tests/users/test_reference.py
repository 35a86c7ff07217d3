"""What is said about the people is what was measured of these people, and no more."""

from __future__ import annotations

from rlgen.artifacts import load
from rlgen.users import CalibratedConfig, TheoryConfig
from rlgen.users.reference import reference, told


def test_calibrated_people_carry_the_figures_of_their_fit():
    found = reference(CalibratedConfig())
    manifest = load("shipped:calibrated_users", "calibrated_users/4").manifest
    assert {name: part["value"] for name, part in found["figures"].items()} == manifest.quality
    assert all(part["meaning"] for part in found["figures"].values())
    assert found["fit"] == manifest.sha256
    assert "differ" not in found["statement"]
    assert f"{manifest.quality['joint AUC, successes']:g}" in told(found)


def test_people_who_differ_from_the_fit_say_so():
    found = reference(CalibratedConfig(effect_scale=3.0))
    assert "effect_scale" in found["statement"]
    assert "not theirs" in found["statement"]


def test_people_of_whom_nothing_was_measured_have_no_figures():
    found = reference(TheoryConfig())
    assert found["figures"] == {}
    assert "nothing was measured" in told(found)
