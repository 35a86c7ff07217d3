"""`rlgen bench users` on made-up dialogues."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rlgen import artifacts
from rlgen.errors import DataError
from rlgen.experiments import cli
from rlgen.experiments.commands import bench_users
from rlgen.experiments.display.tables import Row
from rlgen.text.writing.utterances import utterances
from rlgen.users.calibrated.parameters import FILE, KIND, SEEN
from rlgen.users.fidelity.crossfit import Corpus
from rlgen.users.logs.dialogues import read


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("dialogues")
    for file, split in (("esconv.jsonl", "train"), ("failed_esconv.jsonl", "failed")):
        lines = []
        for i in range(60):
            helped, turns = split == "train", []
            for j in range(int(rng.integers(8, 13))):
                turns.append({"speaker": "sys", "text": "yes?" * int(rng.integers(1, 4))})
                rating = int(rng.integers(1 + 2 * helped, 6)) if j % 2 else None
                turns.append({"speaker": "usr", "text": f"well {i}", "feedback": rating})
            survey = {"initial_emotion_intensity": "5", "final_emotion_intensity": str(rng.integers(1, 5))}
            if not helped and i % 4 == 0:
                del survey["final_emotion_intensity"]
            survey_score = {"seeker": survey}
            lines.append(
                json.dumps({"id": f"{split}{i}", "split": split, "survey_score": survey_score, "turns": turns})
            )
        (path / file).write_text("\n".join(lines), encoding="utf-8")
    return path


def corpus(path):
    dialogues = read(path)
    rng = np.random.default_rng(1)
    readings = [rng.normal(0.2, 0.2, (d.replies, 11)) for d in dialogues]
    bank = utterances()
    said = {text: (np.log(3.0), 0.0) for text in bank.text}
    return Corpus(dialogues, readings, said, bank, None)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(bench_users, "PEOPLE", 300)


def test_every_model_has_its_figures(folder, quick, capsys):
    rows = {row.name: row for row in bench_users.measure(corpus(folder), 2, 1, 0)}
    for figure in ("rating NLL, successes, all", "sequence AUC, successes", "duration KS, failed"):
        for model in ("marginal", "Markov", "always improves", "hand-set"):
            assert np.isfinite(rows[f"{figure} [{model}]"].value)
    assert rows["duration KS, successes [sd over parts]"].value >= 0
    assert rows["rating NLL, successes, all"].value < np.log(5)
    assert rows["rating NLL, successes, all"].met is not None
    assert {f"effect of {name}" for name in ("warmth", "valence")} <= set(rows)
    bench_users.show_users(list(rows.values()), True)
    printed = json.loads(capsys.readouterr().out)
    assert printed["bench"] == "users"
    assert len(printed["rows"]) == len(rows)
    bench_users.show_users(list(rows.values()), False)
    assert "always improves" in capsys.readouterr().out


@pytest.mark.parametrize("file", ["esconv.jsonl", "failed_esconv.jsonl"])
def test_a_fit_is_scored_on_one_kind_of_dialogues(folder, quick, file):
    fitted = bench_users._read("shipped")
    rows = {row.name: row for row in bench_users.measure_fit(corpus(folder / file), fitted, 0)}
    there, missing = ("successes", "failed") if file == "esconv.jsonl" else ("failed", "successes")
    assert f"rating NLL, {there}, all" in rows
    assert not any(missing in name for name in rows)


def test_figures_on_dialogues_of_the_fit_are_told_as_such(folder, tmp_path, capsys):
    dialogues = read(folder)
    fit, manifest = tmp_path / "fit", artifacts.load(bench_users.SHIPPED, KIND).manifest
    files = {FILE: artifacts.load(bench_users.SHIPPED, KIND).file(FILE).read_bytes()}
    artifacts.write(fit, {**files, SEEN: json.dumps([d.digest for d in dialogues[:7]]).encode()}, manifest)
    some = Corpus(dialogues, [], {}, utterances(), None)
    assert bench_users.seen_by(some, str(fit)) == 7
    assert bench_users.seen_by(some, bench_users.SHIPPED) == 0
    rows = [Row("rating NLL", 0.8, target=0.9, better="lower")]
    told, judged = bench_users.unjudged(rows, 7, 120)
    assert (told.value, told.baseline, judged.met) == (7.0, 120.0, None)
    bench_users.show_users([told, judged], False)
    assert "7 of 120 dialogues were in the fit: figures are in-sample" in capsys.readouterr().out
    told, judged = bench_users.unjudged(rows, 0, 120)
    assert judged.met
    bench_users.show_users([told, judged], False)
    assert "0 of 120 dialogues were in the fit.\n" in capsys.readouterr().out


def test_a_digest_tells_dialogues_apart_by_their_words(folder):
    dialogues = read(folder)
    assert len({d.digest for d in dialogues}) == len({tuple(t.text for t in d.turns) for d in dialogues})
    assert all(len(d.digest) == 12 for d in dialogues)


@pytest.mark.parametrize("given", ["parts", "repeats"])
def test_splits_of_a_fit_that_is_given_are_refused(given, tmp_path, capsys):
    argv = ["bench", "users", "--data", str(tmp_path), "--parameters", "shipped", f"--{given}", "3"]
    assert cli.main(argv) == 2
    told = capsys.readouterr().err
    assert f"{given} is of splits to refit on" in told
    assert len(told.strip().splitlines()) == 1


def test_the_table_is_out_before_the_picture_is_drawn(tmp_path, capsys, monkeypatch):
    def fail(*_):
        raise DataError("the disk is full")

    monkeypatch.setattr(bench_users, "measure", lambda *_: [Row("rating NLL", 0.8)])
    monkeypatch.setattr("rlgen.experiments.fidelity.corpus.read_corpus", lambda *_: None)
    monkeypatch.setattr("rlgen.experiments.fidelity.sensitivity.plot_share", fail)
    argv = ["bench", "users", "--data", str(tmp_path), "--json"]
    assert cli.main([*argv, "--sensitivity", str(tmp_path / "s.png")]) == 2
    told = capsys.readouterr()
    assert json.loads(told.out)["rows"][0]["name"] == "rating NLL"
    assert "the disk is full" in told.err
    assert cli.main([*argv, "--sensitivity", str(tmp_path)]) == 2  # known before the work
    assert capsys.readouterr().out == ""
