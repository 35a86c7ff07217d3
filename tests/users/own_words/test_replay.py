"""Logged people say what was logged, in order, whatever is replied; and bad logs are named in a sentence."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import replace

import numpy as np
import pytest

from rlgen.envs import World, world_config
from rlgen.errors import ConfigError, DataError, PopulationError
from rlgen.experiments import cli
from rlgen.rng import Streams
from rlgen.text.reading.relevance import Heard
from rlgen.types import Words
from rlgen.users import ReplayConfig, build
from rlgen.users.own_words.replay import Log

NO = {"kind": "constant", "text": "No."}

ENV = "rlgen/Support-v0"


def usr(text, rating=None):
    return {"speaker": "usr", "text": text, "feedback": rating}


def sys(text):
    return {"speaker": "sys", "text": text}


def record(*turns, name="x", topic="one", initial="5", final="2", **more):
    survey = {"initial_emotion_intensity": initial, "final_emotion_intensity": final}
    return {"id": name, "problem_type": topic, "survey_score": {"seeker": survey}, "turns": list(turns), **more}


SUCCESS = record(
    sys("Hi!"), usr("A0"), sys("b0"), usr("A1", 3), sys("b1"), usr("A2"), sys("b2"), usr("A3", 5), name="s"
)
FAILURE = record(
    usr("C0"), sys("d0"), sys("d0 again"), usr("C1", 2), usr("C1 too"), sys("d1"),
    name="f", topic="two", final="", split="failed",
)  # fmt: skip


@pytest.fixture
def logged(tmp_path):
    def write(*records, name="log.jsonl"):
        path = tmp_path / name
        path.write_text("\n".join(json.dumps(r, ensure_ascii=False) for r in records) + "\n", encoding="utf-8")
        return path

    return write


@pytest.fixture
def people(utterances, segments):
    def make(path, rows, seeds=None, **fields):
        users = build(ReplayConfig(path=path, **fields), rows, utterances, segments)
        streams = Streams.of(0 if seeds is None else seeds, rows)
        return users, streams, users.reset(np.arange(rows), streams)

    return make


def play(users, streams, first, reading, words, turns):
    """Texts `[1 + turns][N]`, feedback and hidden state of each turn."""
    rows = len(streams)
    texts, shown, hidden = [first.text], [], []
    for turn in range(turns):
        feedback, expression = users.respond(
            np.arange(len(streams)), words(rows), reading(rows), streams, np.full(rows, turn)
        )
        texts.append(expression.text)
        shown.append(feedback)
        hidden.append(users.hidden())
    return texts, shown, hidden


def test_a_log_is_played_back_turn_by_turn(logged, people, reading, words):
    users, streams, first = people(logged(SUCCESS), 1)
    texts, shown, hidden = play(users, streams, first, reading, words, 3)
    assert [row[0] for row in texts] == ["A0", "A1", "A2", "A3"], "the supporter's greeting is left out"
    np.testing.assert_array_equal([f.rating[0] for f in shown], [3, np.nan, 5])
    assert [bool(f.completed[0]) for f in shown] == [False, False, True]
    assert not any(f.abandoned[0] for f in shown)
    np.testing.assert_allclose([h["relief_points"][0] for h in hidden], [1, 2, 3])
    np.testing.assert_allclose([1 + 4 * h["intensity"][0] for h in hidden], [4, 3, 2])
    assert users.knows_relief
    assert [h["surveyed"][0] for h in hidden] == [1, 1, 1]
    assert (first.segment == -1).all()


def test_who_left_disappointed_and_without_a_survey(logged, people, reading, words):
    users, streams, first = people(logged(FAILURE), 1)
    texts, shown, hidden = play(users, streams, first, reading, words, 2)
    assert [row[0] for row in texts] == ["C0", "C1 C1 too", "..."], "the log ends with a reply"
    np.testing.assert_array_equal([f.rating[0] for f in shown], [2, np.nan])
    assert [bool(f.abandoned[0]) for f in shown] == [False, True]
    last = hidden[-1]
    assert last["surveyed"][0] == 0
    assert not users.knows_relief
    unknown = {name for name, value in last.items() if np.isnan(value).any()}
    assert unknown == {"intensity", "model_relief", "relief", "relief_points"}


def test_what_the_log_replied_stands_beside_what_was_said(logged):
    log = Log.read(logged(SUCCESS, FAILURE))
    assert log.said == [["A0", "A1", "A2", "A3"], ["C0", "C1 C1 too"]]
    assert log.replied == [["b0", "b1", "b2"], ["d0 d0 again", "d1"]]


def test_replies_change_nothing(logged, people, reading):
    path = logged(SUCCESS, FAILURE)
    told = []
    for warmth, text in ((1.0, "I am so sorry."), (-1.0, "Pull yourself together.")):
        users, streams, first = people(path, 2)
        told.append(
            play(users, streams, first, lambda n, w=warmth: reading(n, warmth=w), lambda n, t=text: Words(
                np.zeros((n, 1), dtype=np.int64), [t] * n
            ), 3)
        )  # fmt: skip
    assert told[0][0] == told[1][0]
    for one, other in zip(told[0][1] + told[0][2], told[1][1] + told[1][2], strict=True):
        values = (vars(one), vars(other)) if not isinstance(one, dict) else (one, other)
        for name in values[0].keys() - {"to"}:  # beyond a log's end it is the reply that was given
            np.testing.assert_array_equal(values[0][name], values[1][name])


def test_every_turn_is_forced(logged):
    """What the generator and the policy go on from is the log, whatever was replied to it."""
    config = world_config(
        ENV,
        users={"family": "replay", "path": str(logged(SUCCESS, FAILURE))},
        generator=NO,
        device="cpu",
    )
    world = World(config, 2)
    world.record = True
    world.reset(0, people=2)
    first = world.hidden()["dialogue"].astype(int).tolist()
    log = Log.read(config.users.path)
    world.step(np.zeros((2, 4), dtype=np.float32))
    now = world._state()
    for row, which in enumerate(first):
        assert now.window[row] == [log.said[which][0], log.replied[which][0], log.said[which][1]]
        assert now.replies[row] == log.replied[which][:1]
    said = [log.said[which][0] for which in first]
    heard = Heard.alone(said, world.parts.reader.encoder.encode(said))
    read, _ = world.parts.reader.read([log.replied[which][0] for which in first], heard, [[], []])
    assert np.allclose(now.reply_reading, read.array(), atol=1e-3)
    assert world.last.reply == ["No.", "No."]


def many(count):
    return [record(usr(f"said {i}"), sys(f"reply {i}"), usr("Bye."), name=str(i)) for i in range(count)]


def test_an_evaluation_meets_every_dialogue_once_for_any_number_of_rows(logged, people):
    path = logged(*many(40))
    whole = people(path, 40)[2].text
    assert sorted(whole) == sorted(f"said {i}" for i in range(40))
    assert whole != sorted(whole, key=lambda text: int(text.split()[1])), "they come in drawn order"
    few, streams, _ = people(path, 3)
    for begin in range(0, 39, 3):
        row = np.array([begin, begin + 1, begin + 2], dtype=np.uint32)
        again = few.reset(np.array([2, 0, 1]), Streams(streams.key, row, streams.episode))
        assert again.text == whole[begin : begin + 3]
    assert people(path, 40, order=1)[2].text != whole
    assert people(path, 3, seeds=[40, 41, 42])[2].text == whole[:3], "more people than dialogues begin again"


def test_later_episodes_of_a_row_are_drawn(logged, people):
    users, _, _ = people(logged(*many(40)), 1)

    def met(seed, episodes):
        rows = np.array([0])
        return [
            users.reset(rows, replace(Streams.of(seed, 1), episode=np.array([e], dtype=np.uint32))).text[0]
            for e in range(episodes)
        ]

    assert met(3, 20) == met(3, 20)
    assert met(3, 20) != met(4, 20)
    assert len(set(met(3, 20))) > 10


def line(turn, person=7, rating=None, completed=False, then="next"):
    feedback = {"rating": rating, "engagement": 0.5, "completed": completed, "abandoned": False}
    return {
        "person": person, "turn": turn, "said": f"said {turn}", "reply": "r", "feedback": feedback, "then": then
    }  # fmt: skip


def test_a_simulated_log_that_breaks_off_leaves_nobody(logged, people, reading, words):
    users, streams, first = people(logged(line(0), line(1, rating=4, then="")), 1)
    texts, shown, _ = play(users, streams, first, reading, words, 4)
    assert [row[0] for row in texts] == ["said 0", "said 1", "...", "...", "..."]
    np.testing.assert_array_equal([f.rating[0] for f in shown], [np.nan, 4, np.nan, np.nan])
    assert not any(f.completed[0] or f.abandoned[0] for f in shown)
    users, streams, first = people(logged(line(0), line(1, then="Last words.")), 1)
    texts, *_ = play(users, streams, first, reading, words, 4)
    assert [row[0] for row in texts] == ["said 0", "said 1", "Last words.", "...", "..."]
    users, streams, first = people(logged(line(0), line(1, completed=True, then="")), 1)
    assert play(users, streams, first, reading, words, 2)[1][-1].completed[0]


def test_topics_of_the_log_can_be_chosen(logged, people):
    path = logged(SUCCESS, FAILURE)
    assert people(path, 2, topics=("two",))[2].text == ["C0", "C0"]
    for wrong in (("three",), ()):
        with pytest.raises(PopulationError, match="one, two"):
            people(path, 1, topics=wrong)


def test_the_same_log_elsewhere_is_the_same_people_and_another_is_not(logged, people):
    first = people(logged(SUCCESS, name="a.jsonl"), 1)[0]
    assert people(logged(SUCCESS, name="b.jsonl"), 1)[0].sha256 == first.sha256
    assert people(logged(SUCCESS, FAILURE, name="c.jsonl"), 1)[0].sha256 != first.sha256
    assert people(logged(SUCCESS, name="b.jsonl"), 1, engagement=0.7)[0].sha256 != first.sha256
    copied = copy.deepcopy(first)
    assert copied.log is first.log, "copies of people share the log"
    assert pickle.loads(pickle.dumps(first)).log.said == first.log.said


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [("effect_scale", 2.0, "no 'effect_scale'"), ("population", "guarded", "no 'population'"),
     ("scenario", "education", "no 'scenario'; they have path"), ("transitions", "shipped:transitions", "no 'trans"),
     ("engagement", 1.5, "in .0, 1."), ("speed", 2, "no 'speed'")],
)  # fmt: skip
def test_what_logged_people_cannot_have_is_refused(field, value, says):
    with pytest.raises((ConfigError, PopulationError), match=says) as caught:
        world_config(ENV, users={"family": "replay", "path": "log.jsonl", field: value})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds no dialogue"),
        ("{not json\n", "line 1: not JSON"),
        (json.dumps(record(usr("alone"))) + "\n", "at least two"),
        (json.dumps(record(sys("Hi!"), usr("alone"))) + "\n", "no person gets a reply"),
        (json.dumps(record(usr("a"), sys("b"), usr("c", 9))) + "\n", "feedback is 9"),
        (json.dumps(record(usr("a"), sys("b"), initial="12")) + "\n", "initial_emotion_intensity is '12'"),
        (json.dumps(line(0, rating=0)) + "\n", "rating is 0"),
        ('{"hello": 1}\n', "'turns'"),
    ],
)
def test_logs_that_cannot_be_played_are_named_in_a_sentence(tmp_path, people, text, says):
    path = tmp_path / "log.jsonl"
    path.write_text(text)
    with pytest.raises(DataError, match=r"log\.jsonl") as caught:
        people(path, 1)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match="no such file"):
        people(tmp_path / "nothing.jsonl", 1)


def test_dialogues_without_a_reply_are_left_out_aloud(logged, people, caplog):
    users, _, _ = people(logged(SUCCESS, record(sys("Hi!"), usr("alone"))), 1)
    assert len(users.log) == 1
    assert "1 of 2" in caplog.text


def test_any_language_and_any_length(logged, people):
    said = ["我很难过,睡不着。", "أنا خائف", "Я злюсь 😠", "\u202etxet\x00 tab\there\nline", " ", "word " * 200_000]
    path = logged(*(record(usr(text), sys("ok"), usr("Bye."), name=str(i)) for i, text in enumerate(said)))
    users, _, first = people(path, len(said))
    heard = {users.log.name[d]: text for d, text in zip(users.dialogue, first.text, strict=True)}
    assert [heard[str(i)] for i in range(3)] == [text.strip() for text in said[:3]]
    assert heard["3"] == "txet tab here line"
    assert heard["4"] == "..."
    assert len(heard["5"]) <= 2000


def test_a_large_log(logged):
    log = Log.read(logged(*many(5000)))
    assert len(log) == len(set(log.order(0).tolist())) == 5000


def test_a_world_plays_back_what_a_simulation_wrote(tmp_path):
    """Texts, ratings and endings of `rlgen simulate`, said again to a policy that replies otherwise."""
    out = tmp_path / "log.jsonl"
    asked = [
        "--env",
        ENV,
        "--people",
        "6",
        "--generator",
        str(NO),
        "--device",
        "cpu",
        "--out",
        str(out),
    ]
    assert cli.main(["simulate", *asked]) == 0
    lines = [json.loads(text) for text in out.read_text().splitlines()]
    people: dict[int, list[dict]] = {}
    for each in lines:
        people.setdefault(each["person"], []).append(each)
    config = world_config(ENV, users={"family": "replay", "path": str(out)}, generator=NO, device="cpu")
    world = World(config, 3)
    world.record = True
    world.reset(0, people=6)
    heard: dict[int, list] = {}
    ends: dict[int, tuple] = {}
    while not world.exhausted:
        person = world.person.copy()
        dialogue = world.hidden()["dialogue"].astype(int)
        step = world.step(np.zeros((3, 4), dtype=np.float32))
        for row in np.flatnonzero(person >= 0):
            rating = float(world.last.feedback.rating[row])
            said = world.last.utterance[row], None if np.isnan(rating) else rating
            heard.setdefault(dialogue[row], []).append(said)
            ends[dialogue[row]] = bool(step.terminated[row]), bool(world.last.feedback.completed[row])
    assert sorted(heard) == list(range(6))
    for which, logged_turns in enumerate(people.values()):
        assert heard[which] == [(t["said"], t["feedback"]["rating"]) for t in logged_turns]
        last = logged_turns[-1]["feedback"]
        assert ends[which] == (True, last["completed"])
    again = World(config, 3)
    again.reset(0)
    assert np.array_equal(again.load_state(world.state()), world._observe())


def test_the_command_line_takes_them_from_a_file(logged, tmp_path, capsys):
    chosen = tmp_path / "run.yaml"
    out = tmp_path / "out.jsonl"
    chosen.write_text(f"world: {{users: {{family: replay, path: {logged(SUCCESS)}}}}}\n")
    asked = ["--config", str(chosen), "--people", "1", "--generator", str(NO), "--device", "cpu"]
    assert cli.main(["simulate", *asked, "--out", str(out)]) == 0
    assert [json.loads(text)["said"] for text in out.read_text().splitlines()] == ["A0", "A1", "A2"]
    for command in (["simulate", "--out", str(tmp_path / "none.jsonl")], ["evaluate", "--policy", "baseline:centre"]):
        assert cli.main([*command, *asked[:2], "--people", "2", *asked[4:]]) == 2
        assert "there are only 1 recorded dialogues, and each is met once" in capsys.readouterr().err
    chosen.write_text(f"world: {{users: {{family: replay, path: {tmp_path / 'nothing'}}}}}\n")
    assert cli.main(["simulate", *asked, "--out", str(tmp_path / "none.jsonl")]) == 2
    assert not (tmp_path / "none.jsonl").exists()
    assert "nothing" in capsys.readouterr().err
