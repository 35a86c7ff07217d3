"""Lines of JSON made for all rows at once, beside `json.dumps` of one row at a time."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlgen.affect import CATEGORIES
from rlgen.experiments.dialogues.turn_lines import outcome_lines, turn_lines, with_outcome
from rlgen.types import CONTROL_RANGES, Controls, Estimate, Feedback, Reading, Verdict

floats = st.floats(-6, 6, width=32) | st.sampled_from([-0.0, 1e-9, -1e-9, 123456.78, 5.0, -5.0])
texts = st.text(max_size=12) | st.sampled_from(['"', "\1\0", "100 %s %%", "a\nb", "Zoë, 你好", "\\u0001"])


def record_of(values, said):
    """A turn of as many rows as there are texts, with these numbers in turn."""
    rows = len(said)
    supply = iter(np.resize(np.array(values, np.float32), 60 * rows).reshape(60, rows))

    def take(columns):
        return np.stack([next(supply) for _ in range(columns)], axis=1)

    rating = np.where(np.arange(rows) % 2, np.nan, 4.0).astype(np.float32)
    flags = np.arange(rows) % 3 == 0
    return SimpleNamespace(
        turn=np.arange(rows),
        utterance=said,
        estimate=Estimate(take(1), take(8), take(3), np.stack([flags, ~flags, flags], axis=1)),
        controls=Controls(*take(4).T),
        reply=said[::-1],
        reading=Reading(take(8), take(3), *take(7).T),
        verdict=Verdict(np.arange(rows) % 3, np.zeros((rows, 0), np.float32), said, said),
        feedback=Feedback(rating, next(supply), flags, ~flags),
        reward=next(supply),
        terms={"one": next(supply), 'an "odd" % name': next(supply)},
        next_utterance=said,
    )


def plain(record, row, person, words):
    """The same row the slow way."""

    def r(value):
        return round(float(value), 4)

    affect = record.estimate.affect[row]
    names = ("speech", "face", "physiology")
    rating = float(record.feedback.rating[row])
    found = {
        "person": person,
        "turn": int(record.turn[row]),
        "recognised": {
            **{name: r(affect[i]) for i, name in enumerate(CATEGORIES)},
            "valence": r(affect[6]),
            "arousal": r(affect[7]),
            "uncertainty": [r(v) for v in record.estimate.uncertainty[row]],
            "present": [name for name, there in zip(names, record.estimate.present[row], strict=True) if there],
        },
        "controls": {name: r(getattr(record.controls, name)[row]) for name in CONTROL_RANGES},
        "feedback": {
            "rating": None if np.isnan(rating) else rating,
            "engagement": r(record.feedback.engagement[row]),
            "completed": bool(record.feedback.completed[row]),
            "abandoned": bool(record.feedback.abandoned[row]),
        },
        "reward": r(record.reward[row]),
        "terms": {name: r(values[row]) for name, values in record.terms.items()},
        "reading": {
            **{name: r(getattr(record.reading, name)[row]) for name in Reading.SCALARS},
            "empathy": [r(v) for v in record.reading.empathy[row]],
            "affect": [r(v) for v in record.reading.affect[row]],
        },
    }
    if words:
        decision = ("allow", "replace", "escalate")[record.verdict.decision[row]]
        found |= {
            "said": record.utterance[row],
            "reply": record.reply[row],
            "then": record.next_utterance[row],
            "guard": {"decision": decision, "reason": record.verdict.reason[row]},
        }
    return found


def close(one, other):
    """Equal but for numbers half-way between two of four digits."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(close(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(close, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return one == pytest.approx(other, abs=1.01e-4)
    return one == other and type(one) is type(other)


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(floats, min_size=1, max_size=40),
    said=st.lists(texts, min_size=1, max_size=5),
    words=st.booleans(),
    first=st.sampled_from([0, 3_000_000, 2**63 - 10]),
)
def test_lines_are_what_json_would_write(values, said, words, first):
    record = record_of(values, said)
    lines = turn_lines(record, first + np.arange(len(said)), words)
    assert all("\n" not in line and "\0" not in line for line in lines)
    found = [json.loads(line) for line in lines]
    assert all(close(one, plain(record, row, first + row, words)) for row, one in enumerate(found))


def test_numbers_have_four_digits_and_no_negative_zero():
    record = record_of([0.12345, -0.00001, 1 / 3], ["x", "y"])
    line = turn_lines(record, np.array([1, 2]))[0]
    assert "-0.0," not in line
    assert all(len(number.partition(".")[2].rstrip("]},")) <= 4 for number in line.split() if "." in number)


def test_an_outcome_ends_the_last_line():
    finished = SimpleNamespace(
        rows=np.array([4, 7]), episode_return=np.array([17.25, -1.0]), relief=np.array([0.5, -0.25]),
        relief_points=np.array([2.0, -1.0]),
        length=np.array([12, 3]), completed=np.array([True, False]), abandoned=np.array([False, True]),
        limit=np.array([False, False]),
        mean_rating=np.array([np.nan, 3.5]), cost=np.zeros(2),
    )  # fmt: skip
    one, other = (json.loads(line) for line in outcome_lines(finished))
    assert one == {
        "return": 17.25, "relief": 0.5, "relief_points": 2.0, "length": 12, "completed": True, "abandoned": False,
        "limit": False, "mean_rating": None, "cost": 0.0,
    }  # fmt: skip
    assert other["mean_rating"] == 3.5
    assert json.loads(with_outcome('{"turn": 3}', json.dumps(one))) == {"turn": 3, "outcome": one}
