"""The nucleus against its definition."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rlgen.generation.sampling import within


def by_definition(mass, top_p):
    """Ids from the likeliest on until they make up the share; and whatever ties with the last of them."""
    left, share = np.zeros(len(mass), dtype=bool), 0
    for i in np.argsort(-mass, kind="stable"):
        if share >= top_p * mass.sum():
            break
        left[i] = True
        share += mass[i]
    return mass * (mass >= mass[left].min())


@given(st.lists(st.integers(0, 50), min_size=2, max_size=400).filter(any), st.floats(0.01, 0.99))
def test_within_is_the_definition(counts, top_p):
    mass = np.array(counts)
    found = within(torch.from_numpy(mass)[None], top_p)[0]
    assert np.array_equal(found, by_definition(mass, top_p))


def test_the_whole_is_left_alone():
    mass = torch.rand(3, 10)
    assert within(mass, 1.0) is mass


@pytest.mark.parametrize("size", [300, 4000])
def test_a_row_does_not_depend_on_its_neighbours(size):
    """Flat rows need the whole sort, sharp ones do not."""
    sharp = torch.softmax(8 * torch.randn(4, size, generator=torch.Generator().manual_seed(0)), dim=-1)
    flat = torch.full((1, size), 1 / size)
    assert torch.equal(within(sharp, 0.9), within(torch.cat([sharp, flat]), 0.9)[:4])
