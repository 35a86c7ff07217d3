"""Repetition: analytic values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlgen.text.reading.repetition import clauses, repetition

TEXT = "one two three four five six"


@pytest.mark.parametrize(
    ("text", "earlier", "expected"),
    [
        (TEXT, [], 0.0),
        (TEXT, [TEXT], 1.0),
        (TEXT, ["One, two - three four; five SIX!"], 1.0),
        (TEXT, ["seven eight nine ten"], 0.0),
        (TEXT, ["one two three and four five six"], 0.5),  # trigrams 123, 456 of 123, 234, 345, 456
        (TEXT, ["one two three", "four five six"], 0.5),
        ("I hear you. What else happened today?", ["I hear you."], 3 / 7),  # a whole sentence: 3 of 7 words
        ("I see", ["I see"], 1.0),
        ("I see", ["I see that it was late"], 0.0),
        ("", [TEXT], 0.0),
        ("...", ["..."], 0.0),
    ],
)
def test_values(text: str, earlier: list[str], expected: float) -> None:
    assert repetition([text], [earlier])[0] == pytest.approx(expected)


words = st.lists(st.sampled_from(["ab", "cd", "ef", "gh", "ij"]), min_size=1, max_size=12).map(" ".join)


@given(words, st.lists(words, max_size=4), words)
def test_more_history_never_lowers_it(text: str, earlier: list[str], more: str) -> None:
    less, greater = repetition([text, text], [earlier, [*earlier, more]])
    assert 0.0 <= less <= greater <= 1.0


@given(words, st.lists(words, max_size=4))
def test_saying_it_again_is_one(text: str, earlier: list[str]) -> None:
    assert repetition([text], [[*earlier, text]])[0] == 1.0


def test_clauses_are_long_enough_to_sound_like_a_repetition() -> None:
    found = clauses("I lost my job last week, and nobody CALLED me since. It hurts: my brother is away; so what?")
    assert found == {
        ("i", "lost", "my", "job", "last", "week"),
        ("nobody", "called", "me", "since"),
        ("my", "brother", "is", "away"),
    }
    assert clauses("Yes. I know, but no.") == frozenset()
