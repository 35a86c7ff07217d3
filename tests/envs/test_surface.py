"""The response surface: exact sums, rows that do not see each other, near neighbours."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlgen.envs import surface as module
from rlgen.envs.actions import to_controls
from rlgen.envs.surface import NEIGHBOURS, SLACK, ResponseSurface, features, unpack
from rlgen.rng import Streams
from rlgen.types import Estimate

WIDTH = 14


def asked(rows, seed=0):
    """Arguments of `features` for some rows, each made from its own random numbers."""
    rng = np.random.default_rng(seed)
    box, before = (rng.uniform(-1, 1, (rows, 4)).astype(np.float32) for _ in range(2))
    affect = np.concatenate([rng.dirichlet(np.ones(6), rows), rng.uniform(-1, 1, (rows, 2))], axis=1)
    nothing = np.zeros((rows, 3), np.float32)
    estimate = Estimate(np.zeros((rows, 1), np.float32), affect.astype(np.float32), nothing, nothing > 0)
    last = rng.uniform(0, 1, (rows, 18)).astype(np.float32)
    return to_controls(box), before, estimate, last, rng.integers(0, 16, rows)


def readings_of(x, noise=0.0, seed=0):
    """A quadratic response with noise, `[M, 18]`."""
    rng = np.random.default_rng(1)
    weights = rng.normal(0, 0.3, (WIDTH, 18))
    bent = rng.normal(0, 0.2, (WIDTH, 18))
    return (x @ weights + x**2 @ bent + noise * np.random.default_rng(seed).normal(size=(len(x), 18))).astype(
        np.float32
    )


@pytest.fixture(scope="module")
def measured():
    x = features(*asked(3000))
    return ResponseSurface(x, readings_of(x, 0.1))


def draw(surface, arguments, streams, rows=slice(None)):
    controls, before, estimate, last, turn = arguments
    some = np.arange(len(turn))[rows]
    reading = surface.draw(
        controls.rows(some), before[some], estimate.rows(some), last[some], streams.rows(some), turn[some]
    )
    return reading.array()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), start=st.integers(0, 299), count=st.integers(1, 300))
def test_a_row_draws_the_same_bits_whatever_its_neighbours(measured, seed, start, count):
    arguments, streams = asked(300, seed), Streams.of(seed, 300)
    together = draw(measured, arguments, streams)
    some = slice(start, min(start + count, 300))
    assert (draw(measured, arguments, streams, some) == together[some]).all()


def test_the_trend_is_added_up_exactly(measured):
    # In exact rational arithmetic: no order of summation can give anything else.
    x = features(*asked(5, seed=3))
    rounded = module._rounded(x, module._FEATURE_STEP)
    trend = module._trend_at(measured._trend, x)
    left, right = np.triu_indices(WIDTH)
    for row in range(5):
        own = [Fraction(float(v)) for v in rounded[row]]
        terms = [Fraction(1), *own, *(own[i] * own[j] for i, j in zip(left, right, strict=True))]
        for column in range(18):
            weights = [Fraction(float(w)) for w in measured._trend[column]]
            exact = sum(w * t for w, t in zip(weights, terms, strict=True))
            assert trend[row, column] == np.float32(float(exact))


def test_the_trend_finds_a_quadratic_response(measured):
    x = features(*asked(500, seed=4))
    assert np.abs(module._trend_at(measured._trend, x) - readings_of(x)).max() < 0.15
    assert np.abs(measured._apart).mean() == pytest.approx(0.1 * np.sqrt(2 / np.pi), rel=0.05)


def test_drawn_neighbours_are_near_and_all_of_them_are_drawn(measured):
    query = features(*asked(40, seed=5))
    found = measured._order[measured._tree.query(query, k=NEIGHBOURS, eps=SLACK)[1]]
    apart = np.linalg.norm(query[:, None] - measured.features[None], axis=2)
    true = np.sort(apart, axis=1)[:, :NEIGHBOURS]
    assert (np.take_along_axis(apart, found, axis=1) <= (1 + SLACK) * true + 1e-6).all()
    one = asked(1, seed=6)
    many = tuple(part.rows(np.zeros(600, int)) if hasattr(part, "rows") else np.repeat(part, 600, 0) for part in one)
    drawn = draw(measured, many, Streams.of(9, 600))
    assert len(np.unique(drawn, axis=0)) == NEIGHBOURS


def test_drawn_readings_keep_noise_and_bounds_of_the_measured_ones(measured):
    arguments = asked(2000, seed=7)
    drawn = draw(measured, arguments, Streams.of(1, 2000))
    assert (drawn >= measured.readings.min(axis=0)).all()
    assert (drawn <= measured.readings.max(axis=0)).all()
    left = drawn - readings_of(features(*arguments))
    assert left.std() == pytest.approx(0.1, rel=0.25)


def test_a_saved_surface_draws_what_it_drew(measured, tmp_path):
    narrow = [array.astype(np.float16).astype(np.float32) for array in (measured.features, measured.readings)]
    arguments, streams = asked(50, seed=8), Streams.of(2, 50)
    hashes = set()
    for neighbours in (3, NEIGHBOURS):
        before = ResponseSurface(*narrow, neighbours)
        before.save(tmp_path / "surface", "a command", "a description")
        after = ResponseSurface.load(tmp_path / "surface")
        assert after.sha256() == before.sha256()
        assert (draw(after, arguments, streams) == draw(before, arguments, streams)).all()
        hashes.add(after.sha256())
    assert len(hashes) == 2


def test_a_surface_stored_without_a_number_of_neighbours_draws_from_six(measured, tmp_path):
    measured.save(tmp_path / "surface", "a command", "a description")
    manifest = json.loads((tmp_path / "surface" / "manifest.json").read_text())
    del manifest["settings"]["neighbours"]
    (tmp_path / "surface" / "manifest.json").write_text(json.dumps(manifest))
    assert ResponseSurface.load(tmp_path / "surface").neighbours == 6


def test_unpack_is_the_inverse_of_array():
    rows = np.random.default_rng(0).normal(size=(7, 18)).astype(np.float32)
    assert (unpack(rows).array() == rows).all()
