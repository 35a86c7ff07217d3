"""People of one's own who give what no people can, while they run: one sentence, not a traceback, not silence."""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass, replace

import numpy as np
import pytest

from examples.own_people import Curious
from rlgen.errors import ConfigError, PopulationError
from rlgen.experiments import cli
from rlgen.rng import Streams
from rlgen.types import Expression, Feedback
from rlgen.users import State, TheoryConfig, build
from rlgen.users.faults import Watched, watched

ROWS = 6


def one(value):
    return np.full(1, value)


STARTS = {
    "None": (lambda state: None, "gave None; it must give one State of 6 people"),
    "one for all": (lambda state: replace(state, intensity=one(0.5), feeling=one(1), first=one(0.5), patience=one(1.0)),
                    r"State.intensity as float64 of shape \[1\]"),
    "a number": (lambda state: replace(state, first=0.5 + 0 * state.first[0]), "raised TypeError"),
    "NaN": (lambda state: replace(state, intensity=state.intensity * np.nan), "State.intensity nan for person 0"),
    "too much": (lambda state: replace(state, intensity=state.intensity + 1), "numbers from 0 to 1"),
    "feelings as fractions": (lambda state: replace(state, feeling=state.feeling + 0.5), "State.feeling as float64"),
    "one feeling for all": (lambda state: replace(state, feeling=one(1)), r"State.feeling as int64 of shape \[1\]"),
    "a fourth feeling": (lambda state: replace(state, feeling=state.feeling + 3), "State.feeling"),
    "an own field for one": (lambda state: replace(state, patience=one(1.0)), r"patience as float64 of shape \[1\]"),
}  # fmt: skip
REACTIONS = {
    "None": (lambda shown: None, "gave None; it must give one Feedback"),
    "a tuple": (lambda shown: (shown.rating, shown.engagement), "gave a tuple of 2"),
    "one rating for all": (lambda shown: replace(shown, rating=one(3.0)), r"Feedback.rating as float64 of shape \[1\]"),
    "a bare rating": (lambda shown: replace(shown, rating=3.0), "Feedback.rating as float 3.0"),
    "too few": (lambda shown: replace(shown, rating=shown.rating[1:]), r"Feedback.rating as float64 of shape \[5\]"),
    "a rating of six": (lambda shown: replace(shown, rating=shown.rating * 0 + 6), "rating 6.0 for person 0"),
    "no rating": (lambda shown: replace(shown, rating=shown.rating * np.nan), "no rating where one is due"),
    "NaN": (lambda shown: replace(shown, engagement=shown.engagement * np.nan), "Feedback.engagement nan for person 0"),
    "leaving in numbers": (lambda shown: replace(shown, completed=0 * shown.rating), "of booleans"),
    "leaving twice": (lambda shown: replace(shown, completed=one(True), abandoned=one(True)), "Feedback.completed"),
    "both ways": (lambda shown: replace(shown, completed=shown.rating > 0, abandoned=shown.rating > 0), "both ways"),
}  # fmt: skip


def curious(**methods):
    """Curious people of whom some methods are exchanged."""

    class Mine(Curious):
        pass

    for name, method in methods.items():
        setattr(Mine, name, method)
    return Mine


def talk(users, reading, words, turns=4, rows=ROWS):
    every, streams = np.arange(rows), Streams.of(4, rows)
    users.reset(every, streams)
    for turn in range(turns):
        users.respond(every, words(rows), reading(rows), streams, np.full(rows, turn))
        users.hidden()


@pytest.mark.parametrize("fault", STARTS)
def test_what_start_may_not_give(fault, utterances, segments):
    change, says = STARTS[fault]
    mine = curious(start=lambda self, draw: change(Curious.start(self, draw)))
    with pytest.raises(PopulationError, match=rf"^users: .*Mine\.start .*{says}.*docs/users/your_own.md\)$"):
        build(mine.Config(), ROWS, utterances, segments).reset(np.arange(ROWS), Streams.of(4, ROWS))


@pytest.mark.parametrize("fault", REACTIONS)
def test_what_react_may_not_give(fault, utterances, segments, reading, words):
    change, says = REACTIONS[fault]
    mine = curious(react=lambda self, state, reply, draw: change(Curious.react(self, state, reply, draw)))
    with pytest.raises(PopulationError, match=rf"^users: .*Mine\.react .*{says}.*docs/users/your_own.md\)$"):
        talk(build(mine.Config(), ROWS, utterances, segments), reading, words)


def test_what_raises_is_told_with_its_place_and_cause(utterances, segments, reading, words):
    def react(self, state, reply, draw):
        return {}["no such"]  # here

    line = react.__code__.co_firstlineno + 1
    with pytest.raises(
        PopulationError, match=rf"react raised KeyError: 'no such' in line {line} of .*faults\.py"
    ) as told:
        talk(build(curious(react=react).Config(), ROWS, utterances, segments), reading, words)
    assert isinstance(told.value.__cause__, KeyError)
    assert "\n" not in str(told.value)


def test_a_state_that_react_spoils_and_what_else_may_be_overridden(utterances, segments, reading, words):
    def spoils(self, state, reply, draw):
        shown = Curious.react(self, state, reply, draw)
        state.intensity = state.intensity * np.nan
        return shown

    spoilt = {
        "react gave State.intensity nan": {"react": spoils},
        "show gave None": {"show": lambda self, state, draw, leaving, opening: None},
        "gap gave replies as float64": {"gap": lambda self, uniform: uniform},
        "gap gave replies 0": {"gap": lambda self, uniform: np.zeros(len(uniform), dtype=int)},
        "tell gave patience; it must give intensity, model_relief, relief": {
            "tell": lambda self, state: {"patience": state.patience}
        },
    }
    for says, methods in spoilt.items():
        with pytest.raises(PopulationError, match=says):
            talk(build(curious(**methods).Config(), ROWS, utterances, segments), reading, words)


@dataclass
class Plain(State):
    pass


class OfTheirOwn:
    """People without the base class; `spoils` says what is wrong with them."""

    hidden_names = ()
    knows_relief = False
    sha256 = "mine"

    def __init__(self, spoils=None):
        self.spoils = spoils or (lambda name, value: value)

    def reset(self, rows, streams):
        nothing = np.full(len(rows), -1)
        return self.spoils("reset", Expression(nothing, nothing, ["I am here."] * len(rows)))

    def respond(self, rows, words, reading, streams, turn):
        stays = np.zeros(len(rows), dtype=bool)
        numbers = np.full(len(rows), np.nan, dtype=np.float32), np.full(len(rows), 0.5, dtype=np.float32)
        return self.spoils("respond", (Feedback(*numbers, stays, stays), self.reset(rows, streams)))

    def hidden(self):
        names = ("intensity", "model_relief", "relief", "relief_points")
        return self.spoils("hidden", {name: np.full(ROWS, np.nan, dtype=np.float32) for name in names})


PROTOCOL = {
    "reset: None": (lambda given: None, "gave None; it must give one Expression of 6 people"),
    "reset: too few texts": (lambda given: replace(given, text=given.text[1:]), "text as a list of 5; .* 6 strings"),
    "reset: no strings": (lambda given: replace(given, text=[3] * ROWS), "6 strings"),
    "reset: too few utterances": (lambda given: replace(given, utterance=given.utterance[2:]), r"int64 of shape \[4\]"),
    "reset: a list": (lambda given: replace(given, segment=[-1] * ROWS), "segment as a list of 6"),
    "reset: beyond the bank": (lambda given: replace(given, utterance=given.utterance + 10**6), "from -1 to 647"),
    "reset: nothing said": (lambda given: replace(given, text=None), "nothing to say"),
    "respond: half": (lambda given: given[0], "a tuple of Feedback and Expression"),
    "respond: one for all": (lambda given: (replace(given[0], rating=one(3.0)), given[1]), r"rating as float64"),
    "respond: NaN": (lambda given: (replace(given[0], engagement=given[0].rating), given[1]), "engagement nan"),
    "respond: nothing said": (lambda given: (given[0], None), "gave None; it must give one Expression"),
    "hidden: a list": (list, "gave a list of 4; it must give intensity"),
    "hidden: a name short": (lambda given: {"intensity": given["relief"]}, "gave intensity; it must give intensity,"),
    "hidden: one for all": (lambda given: {**given, "relief": one(0.1)}, r"relief as float64 of shape \[1\]"),
}  # fmt: skip


@pytest.mark.parametrize("fault", PROTOCOL)
def test_what_users_without_the_base_class_may_not_give(fault, utterances, segments, reading, words):
    change, says = PROTOCOL[fault]
    name = fault.partition(":")[0]
    mine = OfTheirOwn(lambda given_by, value: change(value) if given_by == name else value)
    users = watched(mine, ROWS, len(utterances), len(segments))
    with pytest.raises(PopulationError, match=rf"^users: OfTheirOwn\.{name} .*{says}.*docs/users/your_own.md\)$"):
        talk(users, reading, words)


def test_who_keeps_to_the_form_goes_on_as_before(utterances, segments, reading, words):
    users = watched(OfTheirOwn(), ROWS, len(utterances), len(segments))
    assert isinstance(users, Watched)
    talk(users, reading, words)
    for again in (copy.deepcopy(users), copy.copy(users)):
        assert again.sha256 == "mine"
        talk(again, reading, words)
    talk(build(Curious.Config(), ROWS, utterances, segments), reading, words)
    with pytest.raises(AttributeError, match="no_such"):
        _ = users.no_such


def test_the_packages_own_people_are_not_asked(utterances, segments):
    for config in (TheoryConfig(), Curious.Config()):
        users = build(config, ROWS, utterances, segments)
        assert watched(users, ROWS, len(utterances), len(segments)) is users
    assert not users._own or type(users) is Curious
    assert not build(TheoryConfig(), 1, utterances, segments)._own
    assert pickle.loads(pickle.dumps(users)).config == users.config


def test_errors_that_are_sentences_already_stay_as_they_are(utterances, segments):
    def start(self, draw):
        raise ConfigError("a sentence of my own")

    with pytest.raises(ConfigError, match=r"^a sentence of my own$"):
        _ = build(curious(start=start).Config(), ROWS, utterances, segments).state


def test_the_command_line_tells_it_in_one_line(tmp_path, monkeypatch, capsys):
    (tmp_path / "house_of_faults.py").write_text(
        "from examples.own_people import Curious\n"
        "class Broken(Curious):\n"
        "    def react(self, state, reply, draw):\n"
        "        return 1 / 0\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    asked = ["simulate", "--people", "2", "--out", str(tmp_path / "x.jsonl"), "--users", "house_of_faults:Broken"]
    assert cli.main([*asked, "--no-text"]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()[-1:]
    assert "Broken.react raised ZeroDivisionError: division by zero in line 4 of" in line
