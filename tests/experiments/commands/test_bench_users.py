"""`rlgen bench users` on made-up dialogues."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rlgen import artifacts
from rlgen.experiments.commands import bench_users
from rlgen.experiments.tables import Row
from rlgen.text.writing.utterances import utterances
from rlgen.users.dialogues import read
from rlgen.users.fidelity.crossfit import Corpus
from rlgen.users.parameters import FILE, KIND, SEEN


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
