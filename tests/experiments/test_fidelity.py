"""Figures of simulated people on made-up dialogues."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks import users as bench_users
from rlgen import artifacts
from rlgen.experiments import fidelity
from rlgen.experiments.display.tables import Row
from rlgen.text.utterances import utterances
from rlgen.users.calibrated.parameters import FILE, KIND, SEEN
from rlgen.users.fidelity.crossfit import Corpus
from rlgen.users.logs.dialogues import read


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(fidelity, "PEOPLE", 300)


def test_every_model_has_its_figures(rated_dialogues, made_up_corpus, quick, capsys):
    rows = {row.name: row for row in fidelity.measure(made_up_corpus(rated_dialogues), 2, 1, 0, bench_users._rivals())}
    for figure in ("rating NLL, successes, all", "sequence AUC, successes", "duration KS, failed"):
        for model in ("marginal", "Markov", "always improves", "hand-set"):
            assert np.isfinite(rows[f"{figure} [{model}]"].value)
    assert rows["duration KS, successes [sd over parts]"].value >= 0
    assert rows["rating NLL, successes, all"].value < np.log(5)
    assert rows["rating NLL, successes, all"].met is not None
    for in_sample in ("effects inside the human interval", "largest difference of effects"):
        assert rows[in_sample].met is None  # each dialogue took part in one of the fits
    assert {f"effect of {name}" for name in ("warmth", "valence")} <= set(rows)
    fidelity.show_users(list(rows.values()), True)
    printed = json.loads(capsys.readouterr().out)
    assert printed["bench"] == "users"
    assert len(printed["rows"]) == len(rows)
    fidelity.show_users(list(rows.values()), False)
    assert "always improves" in capsys.readouterr().out


@pytest.mark.parametrize("file", ["esconv.jsonl", "failed_esconv.jsonl"])
def test_a_fit_is_scored_on_one_kind_of_dialogues(rated_dialogues, made_up_corpus, quick, file):
    fitted = bench_users._read("shipped")
    rows = {row.name: row for row in bench_users.measure_fit(made_up_corpus(rated_dialogues / file), fitted, 0)}
    there, missing = ("successes", "failed") if file == "esconv.jsonl" else ("failed", "successes")
    assert f"rating NLL, {there}, all" in rows
    assert not any(missing in name for name in rows)


def test_figures_on_dialogues_of_the_fit_are_told_as_such(rated_dialogues, tmp_path, capsys):
    dialogues = read(rated_dialogues)
    fit, manifest = tmp_path / "fit", artifacts.load(bench_users.SHIPPED, KIND).manifest
    files = {FILE: artifacts.load(bench_users.SHIPPED, KIND).file(FILE).read_bytes()}
    artifacts.write(fit, {**files, SEEN: json.dumps([d.digest for d in dialogues[:7]]).encode()}, manifest)
    some = Corpus(dialogues, [], {}, utterances(), None)
    assert bench_users.seen_by(some, str(fit)) == 7
    assert bench_users.seen_by(some, bench_users.SHIPPED) == 0
    rows = [Row("rating NLL", 0.8, target=0.9, better="lower")]
    told, judged = bench_users.unjudged(rows, 7, 120)
    assert (told.value, told.baseline, judged.met) == (7.0, 120.0, None)
    fidelity.show_users([told, judged], False)
    assert "7 of 120 dialogues were in the fit: figures are in-sample" in capsys.readouterr().out
    told, judged = bench_users.unjudged(rows, 0, 120)
    assert judged.met
    fidelity.show_users([told, judged], False)
    assert "0 of 120 dialogues were in the fit.\n" in capsys.readouterr().out


def test_a_digest_tells_dialogues_apart_by_their_words(rated_dialogues):
    dialogues = read(rated_dialogues)
    assert len({d.digest for d in dialogues}) == len({tuple(t.text for t in d.turns) for d in dialogues})
    assert all(len(d.digest) == 12 for d in dialogues)
