"""Structs of arrays: rows taken out and put back, and the order in which controls stand."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rlgen.types import CONTROL_RANGES, Controls, Replies, session


def said(numbers: list[int]) -> Replies:
    """A reply per number, every part of which tells the number."""
    ids = np.array(numbers, dtype=np.int64)[:, None]
    return Replies(ids, [f"reply {i}" for i in numbers], -ids[:, 0].astype(np.float32))


def same(one: Replies, other: Replies) -> bool:
    return one.text == other.text and all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ("ids", "logprob")
    )


def test_ranges_stand_in_the_order_of_the_fields() -> None:
    """Actions become controls by position."""
    assert list(CONTROL_RANGES) == [field.name for field in fields(Controls)]


@given(rows=st.integers(1, 9), data=st.data())
def test_rows_are_taken_and_put_back_in_every_part(rows: int, data: st.DataObject) -> None:
    index = data.draw(st.lists(st.integers(0, rows - 1), max_size=6, unique=True))
    whole = said(list(range(rows)))
    assert same(whole.rows(np.array(index, dtype=np.int64)), said(index))
    assert same(whole.rows(np.isin(np.arange(rows), index)), said(sorted(index)))
    assert same(whole.rows(slice(1, 4)), said(list(range(rows))[1:4]))
    whole.put(np.array(index, dtype=np.int64), said([100 + i for i in index]))
    assert same(whole, said([100 + i if i in index else i for i in range(rows)]))


def test_no_replies_have_the_shape_of_some() -> None:
    none = Replies.none(3)
    assert (none.ids.shape, none.text, none.logprob.shape) == ((0, 3), [], (0,))
    some = Replies.of(["Yes.", "No."])
    assert (some.ids.shape, some.text, some.logprob.shape) == ((2, 1), ["Yes.", "No."], (2,))


def test_a_part_gives_its_session_where_it_has_such_a_method():
    class Remembers:
        def __init__(self):
            self.heard = ["Hello."]

        def session(self):
            return Remembers()

    class Connected:
        def __init__(self):
            self.session = object()  # of some library, not a method of this part

    part, other = Remembers(), Connected()
    assert session(part) is not part
    assert session(other) is other
    assert session(len) is len
