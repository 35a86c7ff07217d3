"""A real person at the terminal: through the command line with typed lines, on the shipped small generator."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys

import pytest

from rlgen.experiments import cli
from rlgen.users.logs.dialogues import read

HEARD = {"kind": "constant", "text": "I hear you."}
UNKIND = {"kind": "constant", "text": "You are pathetic and worthless."}


@pytest.fixture
def chat(monkeypatch, capsys, tmp_path):
    """Type lines into `rlgen chat`; gives exit status, what was shown, and the records logged."""

    def run(*lines, out=None, records=True, **options):
        out = out or tmp_path / "log.jsonl"
        flags = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
        typed = lines[0] if lines and not isinstance(lines[0], str) else io.StringIO("".join(f"{x}\n" for x in lines))
        monkeypatch.setattr(sys, "stdin", typed)
        capsys.readouterr()
        status = cli.main(["chat", "--out", str(out), *flags])
        shown = capsys.readouterr()
        if not records:
            return status, shown.out, shown.err
        found = [json.loads(line) for line in out.read_text().splitlines()] if out.is_file() else []
        return status, " ".join(shown.out.split()), found, shown.err

    return run


def test_a_whole_dialogue_is_shown_rated_and_logged(chat):
    status, shown, records, _ = chat(
        "y", "4", "I lost my job.", "It was last week.", "5", "I am a bit calmer now.", "/end", "2"
    )
    assert status == 0
    # the statement comes before anything else, consent before the first words
    order = [
        shown.index(words)
        for words in ("not to a person", "crisis line", "May this dialogue", "How strong", "you> ", "program> ")
    ]
    assert order == sorted(order)
    assert [r["said"] for r in records] == ["I lost my job.", "It was last week.", "I am a bit calmer now."]
    assert [r["feedback"]["rating"] for r in records] == [None, 5.0, None]
    assert [r["then"] for r in records] == ["It was last week.", "I am a bit calmer now.", ""]
    assert shown.count("How helpful was that") == 1
    assert all(r["reply"] in shown for r in records)
    outcome = records[-1]["outcome"]
    assert (outcome["initial_intensity"], outcome["final_intensity"]) == (4, 2)
    assert (outcome["relief"], outcome["relief_points"]) == (0.5, 2.0)
    assert outcome["completed"]
    assert outcome["length"] == 3
    assert outcome["mean_rating"] == 5.0
    assert "3 turns were written" in shown


def test_records_are_those_of_a_simulation(chat, capsys):
    _, _, mine, _ = chat("y", "", "Hello.", "/quit", "", generator=HEARD)
    assert cli.main(["simulate", "--people", "1", "--generator", str(HEARD), "--out", "-"]) == 0
    simulated = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    def layout(record):
        return {
            key: sorted(value) if isinstance(value, dict) else type(value) if key != "outcome" else None
            for key, value in record.items()
        }

    told = {"initial_intensity", "final_intensity"}
    assert set(mine[-1]["outcome"]) == set(simulated[-1]["outcome"]) | told
    assert layout({**mine[-1], "outcome": None}) == layout({**simulated[-1], "outcome": None})


@pytest.mark.parametrize(
    ("lines", "exits"),
    [
        (("/end", "3"), (True, False)),
        (("/quit", "3"), (False, True)),
        ((" /END ", ""), (True, False)),
        ((), (False, True)),  # Ctrl-D
    ],
)
def test_ways_to_leave(chat, lines, exits):
    status, shown, records, _ = chat("y", "", "I am stuck.", *lines, generator=HEARD)
    assert status == 0
    assert "The dialogue is over. 1 turns were written" in shown
    feedback, outcome = records[-1]["feedback"], records[-1]["outcome"]
    assert (feedback["completed"], feedback["abandoned"]) == exits == (outcome["completed"], outcome["abandoned"])
    assert outcome["initial_intensity"] is None
    assert outcome["relief"] is outcome["relief_points"] is None
    assert outcome["final_intensity"] == (3 if "3" in lines else None)


class Interrupting(io.StringIO):
    """Ctrl-C where the lines end."""

    def readline(self, *size):
        line = super().readline(*size)
        if not line:
            raise KeyboardInterrupt
        return line


@pytest.mark.parametrize(
    ("typed", "turns"), [("", 0), ("y\n", 0), ("y\n3\n", 0), ("y\n3\nhi\n", 1), ("y\n\nhi\nho\n", 2)]
)
def test_ctrl_c_leaves_at_any_prompt(chat, typed, turns):
    status, shown, records, err = chat(Interrupting(typed), generator=HEARD)
    assert (status, err, len(records)) == (0, "", turns)
    assert "The dialogue is over." in shown


def test_ctrl_c_while_the_program_thinks_keeps_whole_lines(chat, monkeypatch):
    from rlgen.generation import ConstantGenerator

    reply, calls = ConstantGenerator.reply, []

    def slow(self, *args):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return reply(self, *args)

    monkeypatch.setattr(ConstantGenerator, "reply", slow)
    status, shown, records, _ = chat("y", "", "one", "two", "three", generator=HEARD)
    assert status == 0
    assert "Broken off." in shown
    assert [r["said"] for r in records] == ["one"]
    assert "outcome" not in records[0]


def test_without_consent_nothing_is_written(chat, tmp_path):
    status, shown, records, _ = chat("maybe", "n", "", "Hello there.", "/end", "", generator=HEARD)
    assert (status, records) == (0, [])
    assert "Please type y or n." in shown
    assert "I hear you." in shown
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_taken_is_asked_again_in_a_sentence(chat):
    scales, words = ["nine", "6", "3"], ["", "  ", "/help me", "x" * 100_000, "Hello."]
    status, shown, records, _ = chat("y", *scales, *words, "Well.", "0", "4.5", "2", "Fine.", "/end", "")
    assert status == 0
    assert [r["said"] for r in records] == ["Hello.", "Well.", "Fine."]
    assert records[1]["feedback"]["rating"] == 2.0
    assert shown.count("That is not one of 1, 2, 3, 4 and 5") == 4
    assert shown.count("Nothing was said.") == 2
    assert "There is no /help." in shown
    assert "That is 100000 characters" in shown


def test_an_escalation_cannot_be_overlooked(chat):
    status, shown, records, _ = chat("y", "5", "I want to kill myself.", "/quit", "")
    assert status == 0
    assert records[0]["guard"]["decision"] == "escalate"
    assert shown.index("This needs a person, not a program") < shown.index(records[0]["reply"])
    assert "crisis line" in records[0]["reply"]


def test_a_refused_reply_is_said_to_be_one(chat):
    _, shown, records, _ = chat("y", "", "Hello.", "/quit", "", generator=UNKIND)
    assert records[0]["guard"]["decision"] == "replace"
    assert "did not let a reply through" in shown
    assert "pathetic" not in shown


def test_the_turn_limit_ends_it_and_asks_once_more(chat):
    said = [line for turn in range(16) for line in (f"Turn {turn}.", *(["4"] if turn % 2 else []))]
    status, shown, records, _ = chat("y", "5", *said, "1", "never read", generator=HEARD)
    assert status == 0
    assert len(records) == 16
    outcome = records[-1]["outcome"]
    assert not outcome["completed"]
    assert not outcome["abandoned"]
    assert (outcome["final_intensity"], outcome["mean_rating"]) == (1, 4.0)
    assert "last turn" in shown
    assert [r["feedback"]["rating"] for r in records] == [None, 4.0] * 8


def test_dialogues_are_appended_and_can_be_read_for_a_fit(chat, tmp_path):
    for answers in (("4", "One.", "/end", "2"), ("", "Two.", "Still here.", "1", "/quit", ""), ("3", "Three.")):
        assert chat("y", *answers, generator=HEARD)[0] == 0
    dialogues = read(tmp_path / "log.jsonl")
    assert [d.name for d in dialogues] == ["0", "1", "2"]
    assert [d.ending for d in dialogues] == ["completed", "abandoned", "abandoned"]
    assert [(d.initial, d.final, d.helped) for d in dialogues] == [(4, 2, True), (None, None, False), (3, None, False)]
    assert dialogues[1].ratings() == ([2], [1.0])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"policy": "nobody"}, "no policy 'nobody'"),
        ({"reward": "relief"}, "relief"),
        ({"generator": {"kind": "huggingface", "model": "/nowhere/at/all"}}, "/nowhere/at/all"),
        ({"observation": "privileged"}, "privileged"),
    ],
)
def test_mistakes_are_one_sentence_before_anybody_types(chat, options, says):
    status, shown, records, err = chat(**options)
    assert (status, shown, records) == (2, "", [])
    assert says in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("there", "says"), [('{"person": 0', "not whole"), ("hello\n", "line 1: not JSON"), (None, "not a file")]
)
def test_what_is_no_log_is_not_touched(chat, tmp_path, there, says):
    out = tmp_path / "other"
    out.mkdir() if there is None else out.write_text(there)
    status, _, err = chat("y", "", "Hello.", out=out, records=False)
    assert status == 2
    assert says in err
    assert there is None or out.read_text() == there


@pytest.mark.slow
def test_a_killed_chat_leaves_whole_lines(tmp_path):
    out = tmp_path / "log.jsonl"
    command = [sys.executable, "-m", "rlgen.experiments.cli", "chat", "--out", str(out)]
    with subprocess.Popen(
        [*command, "--generator", str(HEARD)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    ) as process:  # fmt: skip
        process.stdin.write("y\n\nOne.\nTwo.\n3\n")
        process.stdin.flush()
        while not out.is_file() or out.read_text().count("\n") < 1:
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
    text = out.read_text()
    assert text.endswith("\n")
    (dialogue,) = read(out)
    assert dialogue.ending == "open"
    assert dialogue.turns[0].text == "One."
