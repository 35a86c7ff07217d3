"""What a reward sees of feedback: by hand, by their distributions, and whatever the batch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rlgen.checks.reward import made_trace
from rlgen.errors import RewardError
from rlgen.rewards import RewardDesign, Scorer, Trace, design
from rlgen.rewards.feedback import Seen, SeenFeedback
from rlgen.rng import Streams

NAN = np.nan
ALL = np.arange(1)


def played(
    knobs: dict[str, Any], ratings: list[float], engagement: list[float] | None = None, seed: int = 0
) -> list[Trace]:
    """What is seen of one dialogue that completes at its last turn."""
    seen = Seen.nothing(1, SeenFeedback(**knobs).delay)
    found = []
    for turn, rating in enumerate(ratings):
        trace = made_trace(1)
        shown = 0.5 if engagement is None else engagement[turn]
        feedback = replace(
            trace.feedback,
            rating=np.array([rating], np.float32),
            engagement=np.array([shown], np.float32),
            completed=np.array([turn == len(ratings) - 1]),
            abandoned=np.array([False]),
        )
        trace = replace(trace, feedback=feedback, turn=np.array([turn]))
        found.append(seen.turn(SeenFeedback(**knobs), trace, Streams.of(seed, 1), "test"))
    return found


def ratings(found: list[Trace]) -> list[float]:
    return [float(trace.feedback.rating[0]) for trace in found]


def same(found: list[float], expected: list[float]) -> bool:
    return bool(np.array_equal(np.array(found), np.array(expected), equal_nan=True))


def test_exact_feedback_is_what_people_show_with_its_history() -> None:
    found = played({}, [3, NAN, 5, 4], [0.1, 0.2, 0.3, 0.4])
    assert same(ratings(found), [3, NAN, 5, 4])
    assert same([float(t.rating_history_mean[0]) for t in found], [NAN, 3, 3, 4])
    assert same([float(t.rating_before[0]) for t in found], [NAN, 3, 3, 5])  # type: ignore[index]
    assert [float(t.feedback.engagement[0]) for t in found] == pytest.approx([0.1, 0.2, 0.3, 0.4])


def test_what_is_delayed_comes_later_in_order_and_the_last_of_it_never() -> None:
    found = played({"delay": 2}, [3, NAN, 5, 4, 2], [0.1, 0.2, 0.3, 0.4, 0.9])
    assert same(ratings(found), [NAN, NAN, 3, NAN, 5])
    assert [float(t.feedback.engagement[0]) for t in found] == pytest.approx([0.5, 0.5, 0.1, 0.2, 0.3])
    assert same([float(t.rating_history_mean[0]) for t in found], [NAN, NAN, NAN, 3, 3])


def test_at_the_end_only_the_mean_of_all_that_arrived_is_seen() -> None:
    found = played({"end_only": True}, [3, NAN, 5, 1], [0.2, 0.4, 0.6, 0.8])
    assert same(ratings(found), [NAN, NAN, NAN, 3])
    assert [float(t.feedback.engagement[0]) for t in found] == pytest.approx([0.5, 0.5, 0.5, 0.5])
    late = played({"end_only": True, "delay": 1}, [3, NAN, 5, 1], [0.2, 0.4, 0.6, 0.8])
    assert same(ratings(late), [NAN, NAN, NAN, 4])
    assert float(late[-1].feedback.engagement[0]) == pytest.approx(0.4)


def test_what_is_missing_is_not_a_rating_and_leaves_engagement_as_it_was() -> None:
    gone = played({"missing": 1.0}, [3, 4, 5], [0.1, 0.2, 0.3])
    assert same(ratings(gone), [NAN, NAN, NAN])
    assert [float(t.feedback.engagement[0]) for t in gone] == [0.5, 0.5, 0.5]
    shown = np.linspace(0.01, 0.99, 2000).tolist()
    some = played({"missing": 0.3}, [3.0] * 2000, shown)
    assert np.isnan(ratings(some)).mean() == pytest.approx(0.3, abs=0.04)
    engaged = np.array([float(t.feedback.engagement[0]) for t in some])
    held = engaged[1:] == engaged[:-1]
    assert held.mean() == pytest.approx(0.3, abs=0.04)
    assert (np.isnan(ratings(some))[1:] & held).mean() == pytest.approx(0.09, abs=0.03), "apart from each other"


def test_noise_is_of_a_rating_and_bias_of_a_rater() -> None:
    spread = np.array([ratings(played({"noise": 0.4}, [3.0] * 8, seed=seed)) for seed in range(150)])
    assert spread.std() == pytest.approx(0.4, abs=0.04)
    assert spread.mean(axis=1).std() == pytest.approx(0.4 / np.sqrt(8), abs=0.04)
    raters = np.array([ratings(played({"bias": 0.4}, [3.0] * 4, seed=seed)) for seed in range(300)])
    assert (raters == raters[:, :1]).all(), "the same in every turn"
    assert raters[:, 0].std() == pytest.approx(0.4, abs=0.05)
    both = played({"noise": 9.0}, [3.0] * 50)
    assert all(1 <= rating <= 5 for rating in ratings(both))
    assert all(0 <= float(t.feedback.engagement[0]) <= 1 for t in both)


def test_a_biased_rater_is_no_better_against_their_own_mean() -> None:
    own = {"name": "own", "allow_prolonging": True, "terms": {"rating": {"weight": 1.0}}}
    plain, biased = (Scorer(design({**own, "feedback": {"bias": bias, "missing": 1e-9}}), 200) for bias in (1e-9, 0.2))
    streams, rows = Streams.of(5, 200), np.arange(200)
    for turn in range(6):
        trace = made_trace(200, turn)
        trace = replace(
            trace,
            feedback=replace(trace.feedback, rating=np.full(200, 3 + turn % 2, np.float32)),
            turn=np.full(200, turn),
        )
        a, b = (one.score(trace, streams, rows)[0] for one in (plain, biased))
        np.testing.assert_allclose(a, b, atol=1e-5)


KNOBS = {"noise": 0.5, "bias": 0.5, "missing": 0.2, "delay": 1}


def remembering(**more: Any) -> RewardDesign:
    inner = {"feedback": {"missing": 0.4}, "terms": {"rating": {"weight": 0.5}}}
    terms = {"rating": {"weight": 1.0}, "engagement": {"weight": 1.0}, "felt": {"weight": 1.0, "design": inner}}
    return design({"name": "real", "allow_prolonging": True, "feedback": KNOBS, "terms": terms, **more})


def test_rows_go_as_they_would_alone_and_in_any_order() -> None:
    one = remembering()
    streams = Streams.of(3, 6)
    whole, apart = Scorer(one, 6), Scorer(one, 6)
    for turn in range(5):
        trace = replace(made_trace(6, turn), turn=np.full(6, turn))
        expected = whole.score(trace, streams, np.arange(6))[0]
        for index in (np.array([4, 1]), np.array([0]), np.array([5, 3, 2])):
            some = apart.score(trace.rows(index), streams.rows(index), index)[0]
            assert some.tobytes() == expected[index].tobytes()
        if turn == 2:
            for scorer in (whole, apart):
                scorer.begin(np.array([3]))


def test_it_goes_on_from_a_state_to_the_bit() -> None:
    one = remembering(terms={"engagement": {"weight": 1.0, "normalise": 5.0}, "cost": {"weight": 1.0}})
    streams, rows = Streams.of(3, 6), np.arange(6)
    first, other = Scorer(one, 6), Scorer(one, 6)
    for turn in range(4):
        first.score(replace(made_trace(6, turn), turn=np.full(6, turn)), streams, rows)
    other.load_state(first.state())
    for turn in range(4, 8):
        trace = replace(made_trace(6, turn), turn=np.full(6, turn))
        a, b = (scorer.score(trace, streams, rows)[0] for scorer in (first, other))
        assert a.tobytes() == b.tobytes()


def test_a_normalised_term_is_divided_by_the_deviation_of_all_so_far() -> None:
    one = design(
        {
            "name": "x",
            "allow_prolonging": True,
            "terms": {"engagement": {"weight": 2.0, "params": {"centre": 0.2}, "normalise": 1.5}},
        }
    )
    scorer, seen = Scorer(one, 8), []
    for turn in range(6):
        trace = made_trace(8, turn)
        seen.append(trace.feedback.engagement.astype(np.float64) - 0.2)
        expected = 2 * np.clip(seen[-1] / np.concatenate(seen).std(), -1.5, 1.5)
        assert scorer.score(trace, Streams.of(0, 8), np.arange(8))[0] == pytest.approx(expected, rel=1e-5)
    assert one.staying() == (-3.0, 3.0)
    alone = Scorer(one, 1).score(trace.rows(ALL), Streams.of(0, 1), ALL)[0]
    assert alone[0] == pytest.approx(2 * np.clip(seen[-1][0], -1.5, 1.5)), "one value spreads nothing"


def test_who_is_asked_once_is_rewarded_by_the_rating_itself() -> None:
    one = design(
        {
            "name": "once",
            "allow_prolonging": True,
            "feedback": {"end_only": True},
            "terms": {"satisfaction": {"weight": 1.0}, "rating": {"weight": 1.0}},
        }
    )
    scorer, paid = Scorer(one, 1), []
    for turn, given in enumerate([5, 3, 5]):
        trace = made_trace(1)
        feedback = replace(
            trace.feedback,
            rating=np.array([given], np.float32),
            completed=np.array([turn == 2]),
            abandoned=np.array([False]),
        )
        trace = replace(trace, feedback=feedback, turn=np.array([turn]))
        paid.append(float(scorer.score(trace, Streams.of(0, 1), ALL)[0][0]))
    assert paid == pytest.approx([0.0, 0.0, (13 / 3 - 3) / 4]), "there is no history that `rating` could compare with"


def test_a_design_that_remembers_is_scored_by_a_scorer_alone() -> None:
    with pytest.raises(RewardError, match="'real' remembers earlier turns"):
        remembering().score(made_trace(2))
    plain = design("default")
    assert not plain.remembers
    trace = made_trace(5)
    scored = Scorer(plain, 5).score(trace, Streams.of(0, 5), np.arange(5))
    assert scored[0].tobytes() == plain.score(trace)[0].tobytes()
