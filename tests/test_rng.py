"""Streams: known answers, independence of batch and order, distributions."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rlgen.errors import ConfigError
from rlgen.rng import PEOPLE, SEEDS, Realm, Streams, person_number, philox4x32

seeds = st.integers(0, SEEDS - 1)
turns = st.integers(0, 2**16 - 1)
realms = st.sampled_from(get_args(Realm))


# Known answers of the Random123 distribution (kat_vectors, philox4x32, 10 rounds).
@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
        ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xA4093822, 0x299F31D0],
            [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
        ),
    ],
)
def test_philox_known_answers(counter: list[int], key: list[int], expected: list[int]) -> None:
    drawn = philox4x32(np.array(counter, dtype=np.uint32), np.array(key, dtype=np.uint32))
    assert drawn.tolist() == expected


def test_philox_broadcasts_counters_over_keys() -> None:
    counters = np.arange(12, dtype=np.uint32).reshape(3, 4)
    keys = np.arange(10, dtype=np.uint32).reshape(5, 1, 2)
    drawn = philox4x32(counters, keys)
    assert drawn.shape == (5, 3, 4)
    assert (drawn[4, 2] == philox4x32(counters[2], keys[4, 0])).all()


@given(seed=seeds, rows=st.integers(1, 9), row=st.integers(0, 8), turn=turns, size=st.integers(1, 7))
def test_a_row_draws_the_same_whatever_its_neighbours(seed: int, rows: int, row: int, turn: int, size: int) -> None:
    row %= rows
    among = Streams.of(seed, rows).uniform("tests.draw", turn, size)[row]
    alone = Streams.of(seed, row + 1).rows(np.array([row])).uniform("tests.draw", turn, size)[0]
    assert (among == alone).all()


@given(seed=seeds, other=seeds, realm=realms, other_realm=realms, rows=st.integers(1, 70), others=st.integers(1, 70))
def test_two_seeds_or_two_realms_share_no_row_whatever_the_numbers(
    seed: int, other: int, realm: Realm, other_realm: Realm, rows: int, others: int
) -> None:
    one, two = Streams.of(seed, rows, realm), Streams.of(other, others, other_realm)
    same = (seed, realm) == (other, other_realm)
    assert (one.key[0] == two.key[0]) == same
    shared = set(one.uniform("tests.draw")[:, 0]) & set(two.uniform("tests.draw")[:, 0])
    assert len(shared) == (min(rows, others) if same else 0)


@given(seed=seeds, near=st.integers(1, 64))
def test_neighbouring_seeds_share_no_row(seed: int, near: int) -> None:
    """Rows were once seeded `seed + i`: seeds 0 and 1 then shared all people but one."""
    following = (seed + near) % SEEDS
    one, two = (Streams.of(each, 128).uniform("tests.draw", size=2) for each in (seed, following))
    assert not set(map(tuple, one)) & set(map(tuple, two))


@given(given=st.lists(seeds, min_size=1, max_size=9), realm=realms)
def test_rows_with_seeds_of_their_own_go_as_alone(given: list[int], realm: Realm) -> None:
    among = Streams.of(given, len(given), realm).uniform("tests.draw", 3, 2)
    alone = np.concatenate([Streams.of(seed, 1, realm).uniform("tests.draw", 3, 2) for seed in given])
    assert (among == alone).all()


@given(seed=st.integers(0, 2**32 - 1), index=st.integers(0, PEOPLE - 1), other=st.integers(0, 2**32 - 1))
def test_one_integer_names_a_person(seed: int, index: int, other: int) -> None:
    number = int(person_number(seed, index))
    assert divmod(number, PEOPLE) == (seed, index)
    assert (number == int(person_number(other, index))) == (seed == other)


@pytest.mark.parametrize(
    ("seed", "rows", "realm", "said"),
    [
        (-1, 2, "training", "seed was -1"),
        (SEEDS, 2, "training", "2\\*\\*60"),
        ([1, 2, 3], 2, "training", "3 seeds were given for 2"),
        (0, 2, "holiday", "realm was 'holiday'; the realms are training"),
    ],
)
def test_streams_that_cannot_be_are_refused(seed: int, rows: int, realm: Realm, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Streams.of(seed, rows, realm)


@pytest.mark.parametrize(("turn", "size"), [(2**16, 1), (-1, 1), (0, 2**17 + 1)])
def test_a_stream_never_runs_into_the_next(turn: int, size: int) -> None:
    with pytest.raises(ValueError, match="2\\*\\*16 turns"):
        Streams.of(0, 1).uniform("tests.draw", turn, size)


@given(seed=seeds, fewer=st.integers(1, 6), more=st.integers(6, 12))
def test_more_draws_begin_with_the_same(seed: int, fewer: int, more: int) -> None:
    streams = Streams.of(seed, 3)
    assert (streams.uniform("tests.a", 2, more)[:, :fewer] == streams.uniform("tests.a", 2, fewer)).all()


def test_nothing_is_consumed_and_every_part_of_the_counter_matters() -> None:
    streams = Streams.of(7, 4)
    first = streams.uniform("tests.a", 1, 3)
    later = Streams(streams.key, streams.row, streams.episode + np.uint32(1))
    others = [
        streams.uniform("tests.b", 1, 3),
        streams.uniform("tests.a", 2, 3),
        later.uniform("tests.a", 1, 3),
        Streams.of(8, 4).uniform("tests.a", 1, 3),
    ]
    assert (streams.uniform("tests.a", 1, 3) == first).all()
    assert all(not (other == first).any() for other in others)


def test_seeds_beyond_32_bits_differ() -> None:
    low, high = Streams.of(5, 1), Streams.of(5 + 2**32, 1)
    assert low.uniform("tests.a") != high.uniform("tests.a")


def test_turns_may_differ_by_row() -> None:
    streams = Streams.of(0, 3)
    mixed = streams.uniform("tests.a", np.array([0, 5, 9]))
    assert mixed[1] == streams.uniform("tests.a", 5)[1]
    assert mixed[2] == streams.uniform("tests.a", 9)[2]


def test_rows_selects_streams() -> None:
    streams = Streams.of(3, 6)
    index = np.array([4, 1])
    assert (streams.rows(index).uniform("tests.a") == streams.uniform("tests.a")[index]).all()


def test_uniform_is_uniform_and_normal_is_normal() -> None:
    streams = Streams.of(11, 2000)
    uniform = streams.uniform("tests.u", 0, 5).ravel()
    assert uniform.min() > 0.0
    assert uniform.max() < 1.0
    assert stats.kstest(uniform, "uniform").pvalue > 0.001
    assert stats.kstest(streams.normal("tests.n", 0, 5).ravel(), "norm").pvalue > 0.001


def test_neighbouring_rows_turns_and_draws_are_uncorrelated() -> None:
    drawn = np.stack([Streams.of(0, 4000).normal("tests.c", turn, 2) for turn in range(2)])
    assert abs(np.corrcoef(drawn[0, :-1, 0], drawn[0, 1:, 0])[0, 1]) < 0.06
    assert abs(np.corrcoef(drawn[0, :, 0], drawn[1, :, 0])[0, 1]) < 0.06
    assert abs(np.corrcoef(drawn[0, :, 0], drawn[0, :, 1])[0, 1]) < 0.06


@given(seed=seeds, high=st.integers(1, 10_000))
def test_integers_stay_below_their_bound(seed: int, high: int) -> None:
    drawn = Streams.of(seed, 16).integers("tests.i", high)
    assert drawn.min() >= 0
    assert drawn.max() < high


def test_integers_take_a_bound_per_row() -> None:
    drawn = Streams.of(1, 3).integers("tests.i", np.array([1, 1, 1000]))
    assert drawn[:2].tolist() == [0, 0]


@settings(max_examples=50)
@given(seed=seeds, weights=st.lists(st.integers(0, 5), min_size=1, max_size=8).filter(any))
def test_choice_never_picks_a_zero_weight(seed: int, weights: list[int]) -> None:
    drawn = Streams.of(seed, 200).choice("tests.w", np.array(weights, dtype=float))
    assert all(weights[i] > 0 for i in drawn)


def test_choice_has_the_frequencies_of_its_weights() -> None:
    weights = np.array([1.0, 0.0, 3.0, 6.0])
    drawn = Streams.of(2, 20_000).choice("tests.w", weights)
    counts = np.bincount(drawn, minlength=4)
    expected = 20_000 * weights / 10
    assert counts[1] == 0
    assert stats.chisquare(counts[[0, 2, 3]], expected[[0, 2, 3]]).pvalue > 0.001


def test_choice_takes_weights_per_row() -> None:
    drawn = Streams.of(2, 3).choice("tests.w", np.eye(3))
    assert drawn.tolist() == [0, 1, 2]
