"""The theory family against its equations, its switches and the laws of the users protocol."""

from __future__ import annotations

import inspect
import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlgen.affect import NEUTRAL
from rlgen.errors import PopulationError
from rlgen.rng import Streams
from rlgen.types import Words
from rlgen.users import TheoryConfig, Users, build
from rlgen.users.theory.coefficients import TheoryCoefficients
from rlgen.users.theory.people import Perceived, TheoryUsers

MECHANISMS = ("pacing", "reactance", "sincerity", "habituation", "over_validation")


@pytest.fixture
def seat(utterances, segments):
    def make(rows=64, seed=5, **config):
        users = build(TheoryConfig(**config), rows, utterances, segments)
        streams = Streams.of(seed, rows)
        users.reset(np.arange(rows), streams)
        return users, streams

    return make


def talk(users, streams, reading, words, turns=16):
    """Feedback and expressions of `turns` turns with one reading."""
    rows = len(streams)
    log = []
    for turn in range(turns):
        feedback, expression = users.respond(
            np.arange(len(streams)), words(rows), reading, streams, np.full(rows, turn)
        )
        log.append((feedback, expression, users.hidden()))
    return log


def by_hand(s, warmth, directiveness, intensity, c, repetition, x):
    """One turn of one person, written out from the published equations."""

    def plus(x):
        return max(x, 0.0)

    a, trust, u, h, o, p = s["arousal"], s["trust"], s["understood"], s["habituation"], s["over"], s["reactance"]
    sad_fear_anger = s["feeling"]
    wanted = 0.5 + 0.7 * a - 0.3 * trust
    m = math.exp(-((intensity - wanted) ** 2) / 0.05)
    k = plus(directiveness - (-0.2 + 1.2 * trust - 0.6 * p + (0, 0.6, -0.6)[sad_fear_anger]))
    sham = plus(warmth - 0.1 - 0.9 * trust - (0.5, 0, -0.6)[sad_fear_anger])
    valued = plus(warmth) * (1 - x) * (1 - 0.8 * o)
    du = (1 - u) * (1 - min(c * (0.15 + 2 * plus(a)), 1)) * (1 - 0.8 * h) * (1 - 0.6 * x)
    du *= 0.3 * m + 0.1 * valued - 0.1 * k
    dt = 0.17 * (1 - c) * valued * (1 - h) + 0.14 * m - 0.18 * (0.4 + p) * k - 0.4 * sham - 0.2 * h * (0.3 + u)
    dt += -0.015 * c * (1 + 20 * plus(a) * (1 - u)) + 0.7 * repetition * plus(a) * (1 - u) + 0.01 - 0.05 * x
    di = -0.8 * (u - 0.4) * plus(directiveness) * trust * (1 - x) * (1 - 0.6 * plus(a)) * (1 - 0.1 * c) * (1 - 0.9 * h)
    di += -0.04 * u * trust * valued * (1 - c) + 0.04 * k + 0.06 * o * u + 0.005 * c
    return {
        "understood": min(max(u + s["pace"] * du - 0.05 * x * u, 0), 1),
        "trust": min(max(trust + dt, 0), 1),
        "intensity": min(max(s["intensity"] + di, 0), 1),
        "habituation": 0.6 * h + 0.4 * repetition * plus(1 - 2 * plus(a)),
        "over_validation": 0.75 * o + 0.25 * plus(warmth) * (1 - plus(directiveness)),
    }


unit = st.floats(0, 1)
signed = st.floats(-1, 1)


@settings(max_examples=60, deadline=None)
@given(
    state=st.fixed_dictionaries(
        dict.fromkeys(("trust", "understood", "habituation", "over", "reactance", "intensity"), unit)
        | {"arousal": signed, "feeling": st.integers(0, 2), "pace": st.floats(0.3, 3)}
    ),
    warmth=signed,
    directiveness=signed,
    intensity=unit,
    incoherence=unit,
    repetition=unit,
    misfit=unit,
)
def test_one_turn_follows_the_equations(
    utterances, segments, state, warmth, directiveness, intensity, incoherence, repetition, misfit
):
    users = TheoryUsers(TheoryConfig(), 1, utterances, segments)
    now = users.state
    for name in ("trust", "understood", "habituation", "reactance", "intensity", "arousal", "pace"):
        getattr(now, name)[:] = state[name]
    now.over_validation[:] = state["over"]
    now.feeling[:] = state["feeling"]
    reply = (warmth, directiveness, intensity, incoherence, repetition, misfit)
    users.update(users.state, Perceived(*(np.array([x]) for x in reply)), np.zeros(1))
    for name, value in by_hand(state, *reply).items():
        assert getattr(now, name)[0] == pytest.approx(value, abs=1e-12), name


def test_nothing_but_the_reading_enters(seat, reading, words):
    assert list(inspect.signature(Users.respond).parameters) == ["self", "rows", "words", "reading", "streams", "turn"]
    users, streams = seat()
    other, _ = seat()
    said = Words(np.arange(128).reshape(64, 2), [f"words {i}" for i in range(64)])
    a = users.respond(np.arange(len(streams)), words(64), reading(64, warmth=0.3), streams, np.zeros(64, int))
    b = other.respond(np.arange(len(streams)), said, reading(64, warmth=0.3), streams, np.zeros(64, int))
    np.testing.assert_array_equal(a[0].rating, b[0].rating)
    np.testing.assert_array_equal(a[1].utterance, b[1].utterance)
    for name, value in users.hidden().items():
        np.testing.assert_array_equal(value, other.hidden()[name])


@pytest.mark.parametrize("rows", [1, 3, 7, 30])
def test_a_person_does_not_depend_on_neighbours(seat, reading, words, rows):
    many, streams = seat(64)
    few, own = seat(rows)
    long = talk(many, streams, reading(64, warmth=0.5, directiveness=0.2, intensity=0.4, repetition=0.3), words, 8)
    short = talk(few, own, reading(rows, warmth=0.5, directiveness=0.2, intensity=0.4, repetition=0.3), words, 8)
    for (feedback, said, hidden), (feedback_, said_, hidden_) in zip(long, short, strict=True):
        for name in ("rating", "engagement", "completed", "abandoned"):
            np.testing.assert_array_equal(getattr(feedback, name)[:rows], getattr(feedback_, name))
        np.testing.assert_array_equal(said.utterance[:rows], said_.utterance)
        np.testing.assert_array_equal(said.segment[:rows], said_.segment)
        for name in hidden:
            np.testing.assert_array_equal(hidden[name][:rows], hidden_[name])


def test_reset_of_some_rows_leaves_the_others(seat, reading, words):
    users, streams = seat()
    talk(users, streams, reading(64, warmth=0.5), words, 3)
    before, actor = users.hidden(), users.voices.actor
    rows = np.array([2, 40])
    streams.episode[rows] += 1
    users.reset(rows, streams.rows(rows))
    rest = np.setdiff1d(np.arange(64), rows)
    for name, value in users.hidden().items():
        np.testing.assert_array_equal(value[rest], before[name][rest])
    np.testing.assert_array_equal(users.voices.actor[rest], actor[rest])
    assert (users.hidden()["model_relief"][rows] == 0).all()


def test_shown_things_are_in_range_and_ratings_come_every_two_or_three_turns(seat, reading, words):
    users, streams = seat(256)
    log = talk(users, streams, reading(256, warmth=0.4, directiveness=0.1, intensity=0.5, fluency=0.9), words)
    rating = np.stack([feedback.rating for feedback, _, _ in log])
    given = ~np.isnan(rating)
    assert set(np.unique(rating[given])) <= {1.0, 2.0, 3.0, 4.0, 5.0}
    for person in given.T:
        assert set(np.diff([-1, *np.flatnonzero(person)])) <= {2, 3}
    for feedback, _, hidden in log:
        assert ((feedback.engagement >= 0) & (feedback.engagement <= 1)).all()
        assert not (feedback.completed & feedback.abandoned).any()
        assert tuple(hidden) == (*users.hidden_names, "relief_points")
        assert all(value.shape == (256,) and value.dtype == np.float32 for value in hidden.values())
    assert not any(feedback.completed.any() for feedback, _, _ in log[:4])


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_switch_removes_its_mechanism(seat, mechanism):
    users, _ = seat(200, **{mechanism: False})
    now = users.state
    rng = np.random.default_rng(0)
    for name in ("trust", "understood", "reactance"):
        getattr(now, name)[:] = rng.random(200)
    reply = Perceived(*(np.full(200, x) for x in (0.9, 0.8, 0.7, 0.0, 1.0, 0.0)))
    threat = users.update(users.state, reply, np.zeros(200))
    if mechanism == "pacing":
        assert np.ptp(users._match(users.state, np.full(200, 0.3))) == 0
    elif mechanism == "reactance":
        assert not threat.any()
    elif mechanism == "sincerity":
        assert not users._insincere(users.state, reply).any()
    elif mechanism == "habituation":
        assert not now.habituation.any()
    else:
        assert not now.over_validation.any()


def test_without_interactions_one_reading_is_best_for_everybody(utterances, segments):
    """With all switches off, more of a good thing never hurts anybody, whatever their state."""
    off = TheoryConfig(**dict.fromkeys(MECHANISMS, False))
    rng = np.random.default_rng(1)
    state = {name: rng.random(300) for name in ("trust", "understood", "reactance", "intensity")}
    arousal, feeling = rng.uniform(-1, 1, 300), rng.integers(0, 3, 300)

    def after(warmth, directiveness, intensity):
        users = TheoryUsers(off, 300, utterances, segments)
        for name, value in state.items():
            getattr(users.state, name)[:] = value
        users.state.arousal[:], users.state.feeling[:], users.state.pace[:] = arousal, feeling, 1.0
        users.update(
            users.state,
            Perceived(*(np.full(300, x) for x in (warmth, directiveness, intensity, 0.0, 0.0, 0.0))),
            np.zeros(300),
        )
        return users.state

    best = after(1.0, 1.0, 0.5)
    for other in ((0.5, 1.0, 0.5), (1.0, 0.2, 0.5), (1.0, 1.0, 0.9), (-1.0, -1.0, 0.1)):
        worse = after(*other)
        assert (best.understood >= worse.understood).all()
        assert (best.trust >= worse.trust).all()
        assert (best.intensity <= worse.intensity).all()


def test_better_replies_relieve_more(seat, reading, words):
    def relief(**channels):
        users, streams = seat(400, population="stalling")
        return talk(users, streams, reading(400, **channels), words)[-1][2]["model_relief"].mean()

    good = relief(warmth=0.5, directiveness=0.3, intensity=0.5)
    cold = relief(warmth=-0.5, directiveness=0.3, intensity=0.5)
    harsh = relief(warmth=0.5, directiveness=1.0, intensity=1.0)
    garbled = relief(warmth=0.5, directiveness=0.3, intensity=0.5, fluency=0.2)
    stale = relief(warmth=0.5, directiveness=0.3, intensity=0.5, repetition=1.0)
    assert good > max(cold, harsh, garbled, stale)


@pytest.mark.parametrize(
    ("masked", "trust", "hidden"), [(1.0, 0.0, 1.0), (1.0, 0.5, 0.5), (1.0, 1.0, 0.0), (0.0, 0.0, 0.0)]
)
def test_words_hide_what_the_voice_shows_where_trust_is_low(
    utterances, segments, words, reading, masked, trust, hidden
):
    rows = 2000
    showing = {"masked": masked, "calm_below": -5.0, "disclosure_noise": 0.0}
    config = TheoryConfig(coefficients={"showing": showing}, effect_scale=0.0, population="stalling")
    users = TheoryUsers(config, rows, utterances, segments)
    streams = Streams.of(1, rows)
    opening = users.reset(np.arange(rows), streams)
    assert (utterances.category[opening.utterance] != NEUTRAL).all()
    users.state.trust[:] = trust
    _, said = users.respond(np.arange(rows), words(rows), reading(rows), streams, np.zeros(rows, dtype=int))
    assert (segments.category[said.segment] != NEUTRAL).all()
    assert (utterances.category[said.utterance] == NEUTRAL).mean() == pytest.approx(hidden, abs=0.05)


def test_effect_scale_zero_makes_replies_irrelevant(seat, reading, words):
    logs = []
    for warmth in (-1.0, 1.0):
        users, streams = seat(effect_scale=0.0)
        logs.append(talk(users, streams, reading(64, warmth=warmth, directiveness=warmth, repetition=0.5), words))
    for (feedback, said, _), (feedback_, said_, _) in zip(*logs, strict=True):
        np.testing.assert_array_equal(feedback.rating, feedback_.rating)
        np.testing.assert_array_equal(feedback.abandoned, feedback_.abandoned)
        np.testing.assert_array_equal(said.utterance, said_.utterance)


def test_populations_differ_as_named(seat, reading, words):
    def means(population):
        users, streams = seat(600, population=population)
        start = users.hidden()
        log = talk(users, streams, reading(600, warmth=0.3, intensity=0.5), words)
        abandoned = np.logical_or.reduce([feedback.abandoned for feedback, _, _ in log])
        rating = np.stack([feedback.rating for feedback, _, _ in log])
        return start, abandoned.mean(), np.nanstd(rating, axis=0), log

    general, leaving, spread, _ = means("general")
    guarded = means("guarded")[0]
    assert guarded["trust"].mean() < general["trust"].mean() - 0.05
    assert guarded["reactance"].mean() > general["reactance"].mean() + 0.1
    assert means("despairing")[0]["intensity"].mean() > general["intensity"].mean() + 0.1
    assert means("impatient")[1] > leaving + 0.05
    assert spread.max() > 0
    assert (means("constant_raters")[2] == 0).all()
    stalling = means("stalling")
    assert stalling[1] == 0
    assert all((feedback.engagement == 1).all() and not feedback.completed.any() for feedback, _, _ in stalling[3])


def test_impossible_people_are_refused():
    with pytest.raises(PopulationError, match="effect_scale"):
        TheoryConfig(effect_scale=-1)
    with pytest.raises(PopulationError, match="understood_share"):
        TheoryConfig.model_validate({"coefficients": {"people": {"understood_share": 1.5}}})
    with pytest.raises(PopulationError, match="base"):
        TheoryConfig.model_validate({"coefficients": {"pacing": {"base": float("nan")}}})


def test_topics_are_restricted_and_checked(utterances, segments):
    users = build(TheoryConfig(topics=("two",)), 20, utterances, segments)
    users.reset(np.arange(20), Streams.of(0, 20))
    assert (users.voices.topic == 1).all()
    with pytest.raises(PopulationError, match="nowhere"):
        build(TheoryConfig(topics=("nowhere",)), 2, utterances, segments)
    with pytest.raises(PopulationError, match="scenario"):
        build(TheoryConfig(scenario="workplace"), 2, utterances, segments)
    with pytest.raises(PopulationError, match="feelings"):
        build(
            TheoryConfig.model_validate({"coefficients": {"people": {"feelings": (0, 0, 0)}}}), 2, utterances, segments
        )


def test_the_page_has_the_numbers_of_the_code():
    c = TheoryCoefficients()
    page = " ".join((Path(__file__).parents[3] / "docs" / "users" / "theory.md").read_text(encoding="utf-8").split())

    def n(*values):
        """As the page writes numbers, several as a triple."""
        written = [re.sub(r"\b0\.", ".", f"{value:g}") for value in values]
        return written[0] if len(written) == 1 else "{" + ", ".join(written) + "}"

    people, pacing, react, sham = c.people, c.pacing, c.reactance, c.sincerity
    habit, over, u, t, i, a = c.habituation, c.over_validation, c.understanding, c.trust, c.relief, c.arousal
    end, rate, shown, show = c.ending, c.rating, c.engagement, c.showing
    for said in (
        f"| I | emotional intensity, in [0, 1] | normal, mean {n(people.intensity)} |",
        f"| T | trust | normal, mean {n(people.trust)} |",
        f"| {n(people.understood)}, or {n(people.understood_start)} for {100 * people.understood_share:.0f} %",
        f"| normal, mean {n(people.reactance)}; log-normal |",
        "| sad, fearful, angry | " + ", ".join(f"{share:.2f}"[1:] for share in people.feelings) + " |",
        f"M* = {n(pacing.base)} + {n(pacing.by_arousal)} a - {n(pacing.by_trust)} T",
        f"m = exp(-(M - M*)² / {n(pacing.width)})",
        f"k = (D + {n(-react.base)} - {n(react.by_trust)} T + {n(react.by_reactance)} p - {n(*react.by_feeling)})+",
        f"guidance (u - {n(react.understood_from)}) D+ T",
        f"s = (W - {n(sham.base)} - {n(sham.by_trust)} T - {n(*sham.by_feeling)})+",
        f"h <- {n(habit.keep)} h + {n(habit.gain)} R (1 - {n(habit.steadying)} a+)+; "
        f"trust + {n(t.by_steadiness)} R a+ (1 - u)",
        f"o <- {n(over.keep)} o + {n(over.gain)} W+ (1 - D+); W' = W+ (1 - X) (1 - {n(over.discount)} o)",
        f"M* is {n(pacing.base)} for everybody; k = 0 and guidance is {n(react.guidance_without)} x "
        f"{n(react.trust_without)} x D+",
        f"u += pace (1 - u) (1 - min(C ({n(u.incoherence)} + {n(u.incoherence_aroused)} a+), 1)) "
        f"(1 - {n(u.by_habituation)} h) (1 - {n(u.unanswered)} X) ({n(u.by_match)} m + {n(u.by_warmth)} W' - "
        f"{n(u.by_threat)} k) - {n(u.by_misfit)} X u",
        f"T += {n(t.by_warmth)} (1 - C) W' (1 - h) + {n(t.by_match)} m - {n(t.by_threat)} ({n(t.threat_base)} + p) k - "
        f"{n(t.by_insincerity)} s - {n(t.by_habituation)} h ({n(t.understood_base)} + u) - "
        f"{n(t.by_incoherence)} C (1 + {n(t.incoherence_aroused)} a+ (1 - u)) + {n(t.by_steadiness)} R a+ (1 - u) - "
        f"{n(t.by_misfit)} X + {n(t.drift)}",
        f"I -= {n(i.by_guidance)} (u - {n(react.understood_from)}) D+ T (1 - X) (1 - {n(i.aroused)} a+) "
        f"(1 - {n(i.incoherent)} C) (1 - {n(i.habituated)} h) + {n(i.by_warmth)} u T W' (1 - C) - {n(i.by_threat)} k - "
        f"{n(over.staying)} o u - {n(i.by_incoherence)} C",
        f"a += {n(a.settle)} ({n(*a.by_feeling)} I + rest - a) + {n(a.follow)} m (2 M - 1 - a) + "
        f"{n(a.by_threat)} k + noise",
        f"logistic({n(end.abandon)} + {n(end.distrust)} ({n(end.distrust_below)} - T)+ + {n(end.by_threat)} k + "
        f"{n(end.by_habituation)} h - {n(end.held_by_relief)} relief+ + {n(end.abandon_by_turn)} "
        f"t), and otherwise, from t = {end.complete_from}",
        f"logistic({n(end.complete)} + {n(end.by_relief)} relief + {n(end.complete_by_turn)} t)",
        f"{n(rate.mean)} + {n(rate.by_trust)} (T - .5) + {n(rate.by_understood)} (u - .5) + relief - "
        f"{n(rate.by_threat)} k + rater",
        f"(SD {n(rate.rater_spread)}) more than replies do, and {100 * rate.constant_share:.0f} %",
        f"{n(shown.base)} + {n(shown.by_trust)} T + {n(shown.by_understood)} u - {n(shown.by_habituation)} h - "
        f"{n(shown.by_threat)} k + noise",
        f"as I falls below {n(show.calm_below)}",
        f"(working once u >= {n(show.working_from)})",
    ):
        assert said in page, said
    assert rate.by_relief == 1.0  # written without a factor


@pytest.mark.parametrize(
    ("population", "coefficients", "field"),
    [
        ("despairing", {"people": {"pace_spread": 0.1}}, "pace_spread"),
        ("despairing", {"understanding": {"by_match": 0.02}}, "by_match"),
    ],
)
def test_a_population_may_not_shift_people_out_of_what_exists(seat, population, coefficients, field):
    seat(coefficients=coefficients)
    with pytest.raises(PopulationError, match=f"{field} was -"):
        seat(population=population, coefficients=coefficients)


def test_warm_nonsense_loses_against_plain_answers(seat, reading, words):
    """Warm replies that do not answer, against cool ones that do: less understood, less trusted, less relieved."""
    ends = {}
    for name, kind in {"nonsense": (0.9, 0.05), "answers": (0.3, 0.9)}.items():
        users, streams = seat(400)
        warmth, relevance = kind
        read = reading(400, warmth=warmth, directiveness=0.2, intensity=0.5, fluency=0.95, relevance=relevance)
        ends[name] = talk(users, streams, read, words, 8)[-1][2]
    for of in ("trust", "understood", "relief"):
        assert ends["nonsense"][of].mean() < ends["answers"][of].mean() - 0.05, of
