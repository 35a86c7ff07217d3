"""`python -m benchmarks.ablation` on the smallest of models."""

import json

import pytest

from benchmarks import ablation as bench_ablation
from recipes.generator import corpora, fit
from recipes.generator.fit import Recipe


@pytest.fixture
def small_lots(monkeypatch):
    monkeypatch.setattr(corpora, "CHUNK", 300)
    monkeypatch.setattr(corpora, "HELD_OUT", 40)


def test_it_compares_with_the_whole_and_trains_nothing_twice(small_lots, tmp_path, monkeypatch, capsys, run_bench):
    argv = [
        "ablation", "--size", "tiny", "--tokens", "3000", "--contexts", "30", "--sweep", "20",
        "--without", "nothing", "affect", "--out", str(tmp_path), "--json",
    ]  # fmt: skip
    assert run_bench(*argv) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["rows"]}
    whole = rows["held out phrases, perplexity, without nothing"]
    other = rows["held out phrases, perplexity, without affect"]
    assert whole["baseline"] is None
    assert other["baseline"] == whole["value"]
    assert 0 <= rows["known phrases, misalignment, without affect"]["value"] < 2
    assert rows["known phrases, misalignment, without affect"]["value"] != 1
    command = json.loads((tmp_path / "affect" / "manifest.json").read_text())["command"]
    made_by, _, recipe = command.partition(" # without affect, ")
    same = Recipe(size="tiny", tokens=3000, batch_tokens=3072)
    assert recipe == str(same)

    def refuse(*_):
        pytest.fail("it is there already")

    monkeypatch.setattr(fit, "fit", refuse)
    assert bench_ablation.trained(tmp_path, "affect", same, made_by) == tmp_path / "affect"
