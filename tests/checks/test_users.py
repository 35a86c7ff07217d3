"""The checker of people: the shipped families pass, and each seeded fault is named."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from examples.own_people import Curious
from rlgen.affect import CATEGORY_VALENCE_AROUSAL
from rlgen.checks.users import check_users, try_users
from rlgen.errors import CheckError, ConfigError
from rlgen.types import SegmentCatalogue, UtteranceCatalogue
from rlgen.users import CalibratedConfig, ReplayConfig, TheoryConfig, build


@pytest.fixture(scope="module")
def banks():
    cells = np.array([*product(range(2), range(6), range(4), range(3))])
    utterances = UtteranceCatalogue(
        [f"utterance {i}" for i in range(len(cells))],
        cells[:, 0],
        ("one", "two"),
        cells[:, 1],
        np.full(len(cells), 0.5, dtype=np.float32),
        cells[:, 2],
        cells[:, 3],
    )
    segment = np.array([*product(range(3), range(6))])
    plane = 0.5 * CATEGORY_VALENCE_AROUSAL[segment[:, 1]]
    level = np.full(len(segment), 0.5, dtype=np.float32)
    return utterances, SegmentCatalogue(segment[:, 0], segment[:, 1], level, plane[:, 0], plane[:, 1])


def test_the_shipped_families_and_the_example_keep_all_laws(banks, tmp_path):
    turns = [{"speaker": who, "text": f"{who} {i}"} for i in range(8) for who in ("usr", "sys")]
    log = tmp_path / "log.jsonl"
    lines = [{"id": str(i), "problem_type": "one", "turns": turns[: 2 * (2 + i)]} for i in range(6)]
    log.write_text("\n".join(map(json.dumps, lines)))
    for people in (TheoryConfig(), CalibratedConfig(), Curious, ReplayConfig(path=log)):
        found = {finding.law: finding.faults for finding in try_users(people, *banks)}
        assert len(found) >= 12
        expected = {"other seeds and realms give other people"} if people.__class__ is ReplayConfig else set()
        assert {law for law, faults in found.items() if faults} <= expected, found


def test_people_who_are_made_already_are_refused(banks):
    with pytest.raises(ConfigError, match="give its class"):
        check_users(build(Curious.Config(), 3, *banks), *banks)


class Faulty(Curious):
    """Curious people with something wrong in what they show."""

    seen: list[float] = []  # noqa: RUF012 - that is the fault

    def respond(self, rows, words, reading, streams, turn):
        feedback, expression = super().respond(rows, words, reading, streams, turn)
        return self.wrong(feedback, expression, rows, words, reading, streams)

    def wrong(self, feedback, expression, *_):
        return feedback, expression


class RatesZero(Faulty):
    def wrong(self, feedback, expression, *_):
        return replace(feedback, rating=np.nan_to_num(feedback.rating)), expression


class RatesSeven(Faulty):
    def wrong(self, feedback, expression, *_):
        return replace(feedback, rating=feedback.rating + 4), expression


class TooEngaged(Faulty):
    def wrong(self, feedback, expression, *_):
        return replace(feedback, engagement=feedback.engagement + 1), expression


class LeavesTwice(Faulty):
    def wrong(self, feedback, expression, *_):
        both = np.ones_like(feedback.completed)
        return replace(feedback, completed=both, abandoned=both), expression


class SaysWhatIsNotThere(Faulty):
    def wrong(self, feedback, expression, *_):
        return feedback, replace(expression, utterance=expression.utterance + 10_000)


class WritesIntoTheReading(Faulty):
    def wrong(self, feedback, expression, rows, words, reading, streams):
        reading.warmth[:] = 0
        return feedback, expression


class CountsThePadding(Faulty):
    def wrong(self, feedback, expression, rows, words, reading, streams):
        level = np.float32(0.01 * words.ids.shape[1])
        return replace(feedback, engagement=np.minimum(feedback.engagement, level)), expression


class LooksAtTheOthers(Curious):
    def react(self, state, reply, draw):
        state.intensity = state.intensity * 0.9 + 0.1 * state.intensity.mean()
        return super().react(state, reply, draw)


class ChangesTheOthers(Faulty):
    def wrong(self, feedback, expression, *_):
        self.state.patience *= 0.9
        return feedback, expression


class DrawsFromNumpy(Curious):
    def start(self, draw):
        state = super().start(draw)
        state.patience += np.random.random(len(state.patience))  # noqa: NPY002 - that is the fault
        return state


class ForgetsTheSeed(Curious):
    def reset(self, rows, streams):
        return super().reset(rows, replace(streams, key=np.zeros_like(streams.key)))

    def respond(self, rows, words, reading, streams, turn):
        return super().respond(rows, words, reading, replace(streams, key=np.zeros_like(streams.key)), turn)


class ForgetsTheRealm(Curious):
    def reset(self, rows, streams):
        return super().reset(rows, replace(streams, key=streams.seed))

    def respond(self, rows, words, reading, streams, turn):
        return super().respond(rows, words, reading, replace(streams, key=streams.seed), turn)


class RemembersWhoSatThere(Curious):
    tired = None

    def respond(self, rows, words, reading, streams, turn):
        self.tired = np.zeros(len(self.state.patience)) if self.tired is None else self.tired
        self.tired[rows] += 0.01
        feedback, expression = super().respond(rows, words, reading, streams, turn)
        return replace(
            feedback, engagement=(feedback.engagement * np.exp(-self.tired[rows])).astype(np.float32)
        ), expression


class KeepsStateInTheModule(Faulty):
    def wrong(self, feedback, expression, *_):
        self.seen.append(0.0)
        return replace(feedback, engagement=np.full_like(feedback.engagement, len(self.seen) % 97 / 97)), expression


class CannotBePickled(Curious):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.hook = lambda: None


class ForgetsWhenCopied(Curious):
    def __deepcopy__(self, memo):
        twin = build(self.config, len(self.state.patience), *self.banks)
        twin.state.put(np.arange(len(self.state.patience)), self.state)
        return twin

    def __init__(self, config, rows, utterances, segments):
        super().__init__(config, rows, utterances, segments)
        self.banks = utterances, segments


class HidesRelief(Curious):
    def hidden(self):
        return {name: value for name, value in super().hidden().items() if name != "relief"}


class HasTooMuchRelief(Curious):
    def tell(self, state):
        return {**super().tell(state), "relief": state.relief + 2}


class DoesNotKnow(Curious):
    def tell(self, state):
        return {**super().tell(state), "relief": np.full(len(state.relief), np.nan)}


class GivesOutItsState(Curious):
    def hidden(self):
        self.kept = super().hidden() if not hasattr(self, "kept") else self.kept
        return self.kept


class HasNoHash(Curious):
    sha256 = None


class CountsInDoubles(Faulty):
    def wrong(self, feedback, expression, *_):
        return replace(feedback, engagement=feedback.engagement.astype(float)), expression


FAULTS = {
    RatesZero: "a rating was 0",
    RatesSeven: "it must be 1, 2, 3, 4 or 5",
    TooEngaged: "engagement holds",
    LeavesTwice: "completed and abandoned at once",
    SaysWhatIsNotThere: "utterance holds",
    WritesIntoTheReading: "read-only",
    CountsThePadding: "padded",
    LooksAtTheOthers: "one row at a time",
    ChangesTheOthers: "changed others",
    DrawsFromNumpy: "draw from the streams",
    ForgetsTheSeed: "another seed gave the same people",
    ForgetsTheRealm: "another realm gave the same people",
    RemembersWhoSatThere: "who sat there before",
    KeepsStateInTheModule: "asked the same twice",
    CannotBePickled: "pickle",
    ForgetsWhenCopied: "a deep copy goes on otherwise",
    HidesRelief: "hidden() has no 'relief'",
    HasTooMuchRelief: "hidden() relief holds",
    DoesNotKnow: "knows_relief is True",
    GivesOutItsState: "give out copies",
    HasNoHash: "sha256 is missing",
    CountsInDoubles: "engagement is float64",
}


@pytest.mark.parametrize("people", FAULTS, ids=lambda people: people.__name__)
def test_each_fault_is_told_in_a_sentence(banks, people):
    made = lambda rows: people(Curious.Config(), rows, *banks)  # noqa: E731
    with pytest.raises(CheckError) as caught:
        check_users(made, *banks)
    told = [fault for finding in try_users(made, *banks) for fault in finding.faults]
    assert any(FAULTS[people] in fault for fault in told), told
    assert all("\n" not in fault for fault in told)
    assert str(caught.value) == told[0] or people in (DrawsFromNumpy, KeepsStateInTheModule)
