"""The bench of controls against generators whose obedience is known: a parrot of the asked labels, and a constant."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.controls import __main__ as bench_controls
from benchmarks.controls import asked, heard, sweep, variety
from benchmarks.controls.human_language import held_out, judged
from benchmarks.controls.parts import Bench, affects, contexts, fixed, lasts
from benchmarks.controls.sweep import COST_TARGET, GRID, best
from recipes.generator import scoring
from recipes.writing.corpus import compose
from rlgen.affect import CATEGORIES, NUM_CATEGORIES
from rlgen.generation.embedded.generator import EmbeddedGenerator
from rlgen.text.reading.judge import Judgement
from rlgen.types import Reading, Replies


class Parrot:
    """Says its orders: `w+0.50 d-0.20 feels anger 1.50`; a deaf one says always the same."""

    def __init__(self, deaf=False):
        self.deaf = deaf
        self.rows = []

    def reply(self, context, estimate, controls, streams):
        rows = len(context.texts)
        self.rows.append(rows)
        texts = []
        for i in range(rows):
            feeling = CATEGORIES[int(estimate.affect[i, 1:NUM_CATEGORIES].argmax()) + 1]
            tone = f"w{controls.warmth[i]:+.3f} d{controls.directiveness[i]:+.3f}"
            texts.append("Yes." if self.deaf else f"{tone} feels {feeling} {controls.emotional_weight[i]:.2f}")
        return Replies.none(1, 1) if not rows else _replies(texts)


def _replies(texts):
    rows = len(texts)
    zero = np.zeros(rows, dtype=np.float32)
    return Replies(np.zeros((rows, 1), dtype=np.int64), texts, zero)


def _parsed(texts):
    """Warmth, directiveness and affect as a parrot says them; 0 and neutral from other texts."""
    tone, affect = np.zeros((len(texts), 2), dtype=np.float32), np.zeros((len(texts), 8), dtype=np.float32)
    affect[:, 0] = 1
    for i, text in enumerate(texts):
        words = text.split()
        if len(words) == 5 and words[2] == "feels":
            tone[i] = float(words[0][1:]), float(words[1][1:])
            share = float(words[4]) / 2
            affect[i, 0], affect[i, CATEGORIES.index(words[3])] = 1 - share, share
    return tone, affect


class Encoder:
    dim = 4

    def encode(self, texts):
        return np.ones((len(texts), 4), dtype=np.float32)


class Ear:
    """A reader that hears a parrot without error."""

    encoder = Encoder()

    class fluency:
        @staticmethod
        def score(texts):
            return np.ones(len(texts), dtype=np.float32)

    def read(self, texts, asked, earlier):
        tone, affect = _parsed(texts)
        one = np.ones(len(texts), dtype=np.float32)
        reading = Reading(affect, np.zeros((len(texts), 3)), tone[:, 0], tone[:, 1], one, one, one, one, one)
        return reading, self.encoder.encode(texts)


class Judge:
    """A judge that does."""

    def read(self, texts):
        tone, affect = _parsed(texts)
        return Judgement(affect, tone[:, 0], tone[:, 1])


def bench(deaf=False):
    ear = Ear()
    exchanges, trained = list(compose(1, 300, "held_out")), list(compose(2, 300))
    return Bench(Parrot(deaf), ear, Judge(), exchanges, trained, seed=0)


def named(rows):
    return {row.name: row for row in rows}


def test_what_an_obedient_generator_was_asked_is_read():
    whole = bench()
    answers = asked.Asked.of(whole)
    found = named(asked.obedience(whole, answers))
    assert all(row.value == pytest.approx(1, abs=1e-3) and row.met for row in found.values())
    assert all(abs(row.value) < 0.2 for row in asked.leaks(answers))
    assert max(whole.generator.rows) <= 256
    assert len(answers.replies) == 300


def test_a_deaf_generator_obeys_nothing():
    whole = bench(deaf=True)
    found = named(asked.obedience(whole, asked.Asked.of(whole)))
    assert all(row.value == 0 and not row.met for row in found.values())


def test_a_sweep_of_an_obedient_generator():
    whole = bench()
    # Who feels little is mirrored best by a neutral answer.
    whole = replace(whole, exchanges=[e for e in whole.exchanges if e.last.intensity > 0.6])
    corpus = heard.Corpus.of(whole)
    found = sweep.sweep(whole, corpus, 60, {"length": lambda texts: float(np.mean([len(t) for t in texts]))}, None)
    chance = np.array(found.curves["P(asked feeling)"])
    asked_share = np.array(GRID) / 2
    assert chance == pytest.approx(asked_share, abs=1e-6)
    assert found.curves["likeliest of six"][0] == 0
    assert found.curves["likeliest of six"][-1] == 1
    assert found.curves["warmth"] == [1.0] * len(GRID)
    assert found.swayed == (0.0, 1.0)
    bland = heard.of_bland_words(whole, corpus)
    assert (bland.baseline, bland.value) == (0.25, 1.0)
    assert found.curves["mirroring"][0] < found.curves["mirroring"][-1]
    rows = named(found.rows())
    assert rows["weight against P(asked feeling), means"].value == pytest.approx(1)
    assert rows["control: likeliest of six, best by length (weight 2)"].met
    assert found.table().splitlines()[0].startswith("weight,P(asked feeling),")
    assert len(found.table().splitlines()) == 1 + len(GRID)


def test_a_sweep_of_a_deaf_one_is_flat(tmp_path):
    deaf = bench(deaf=True)
    found = sweep.sweep(deaf, heard.Corpus.of(deaf), 40, {"one": lambda texts: 1.0}, None)
    assert len(set(found.curves["P(asked feeling)"])) == 1
    assert named(found.rows())["weight against P(asked feeling), means"].value == 0
    sweep.draw(found, tmp_path / "controls.png")
    assert (tmp_path / "controls.png").read_bytes().startswith(b"\x89PNG")


def test_the_best_control_pays_no_more_than_allowed():
    control = [0.1 * i for i in range(len(GRID))]
    cost = [10.0] * 5 + [10 * COST_TARGET, 10 * COST_TARGET + 0.1, 20.0, 30.0]
    assert best(control, cost) == (control[5], GRID[5])


def test_variety_tells_a_parrot_from_a_constant():
    whole = bench(deaf=True)
    found = named(variety.variety(whole, ["Yes, I do see that."] * 300))
    assert found["unique replies of 300 at random controls"].value == pytest.approx(1 / 300)
    (top,) = [row for name, row in found.items() if name.startswith("top four words of 300 at random")]
    assert top.value == 1
    assert not top.met
    assert top.baseline is not None
    assert top.baseline < 0.06
    assert not found["EAD of 300 at random controls, first 300"].met
    heat = named(variety.heat(whole, 10))
    assert heat["repetition at temperature 0.3"].value == pytest.approx(1)
    rows = named(variety.trend(bench(), 20))
    # A parrot changes its words only when the feeling changes, which it does at some ends of dialogues.
    assert rows["trend, against shuffled"].value > rows["trend, against shuffled"].baseline + 0.04


def test_retrieval_by_an_embedding_that_knows_and_one_that_does_not():
    whole = bench()
    rng = np.random.default_rng(0)
    said = {e.last.said: rng.normal(size=16) for e in whole.exchanges}
    whole.reader.encoder.encode = lambda texts: np.stack([said.get(text, np.ones(16)) for text in texts])
    answers = asked.Asked.of(whole)
    knowing = np.stack([said[e.last.said] for e in whole.exchanges])
    for read, least, most in ((knowing, 0.99, 1.0), (rng.normal(size=knowing.shape), 0.02, 0.2)):
        object.__setattr__(answers.read, "embedding", read)
        rows = asked.retrieval(whole, answers)
        assert least <= rows[0].value <= most
        assert rows[0].baseline < 0.25


def test_controls_are_drawn_over_their_ranges_and_set_by_name():
    whole = bench()
    drawn = whole.drawn(300)
    assert drawn.warmth.min() < -0.9
    assert drawn.emotional_weight.min() >= 0.3
    assert 0.5 <= drawn.temperature.min() <= drawn.temperature.max() <= 0.9
    assert (fixed(drawn, warmth=0.5).warmth == 0.5).all()
    assert (fixed(drawn, warmth=0.5).directiveness == drawn.directiveness).all()
    assert len(contexts(whole.exchanges)) == len(affects(lasts(whole.exchanges))) == 300


def test_what_manifests_say_becomes_rows():
    figures = {"perplexity": 12.0, "bits_per_byte": 0.9, "misalignment": 0.2}
    rows = named(held_out({"held_out": {"known_phrases": figures, "held_out_phrases": figures}}))
    assert rows["held out phrases: perplexity"].met
    assert rows["known phrases: perplexity"].met is None
    assert held_out({}) == []
    name = "affect macro-F1, GoEmotions test"
    assert judged({name: {"value": 0.5, "baseline": 0.4}})[0].baseline == 0.4


@pytest.fixture
def parts(monkeypatch):
    """The command's parts are a parrot and an ear; its corpora are small."""
    ear, parrot = Ear(), Parrot()
    parrot.manifest = SimpleNamespace(quality={"held_out": {"held_out_phrases": {"perplexity": 9, "bits_per_byte": 1}}})
    scored = SimpleNamespace(perplexity=5.0)
    monkeypatch.setattr(bench_controls, "_TRAINED", 300)
    monkeypatch.setattr("rlgen.text.Reader", SimpleNamespace(load=lambda *_: ear), raising=False)
    monkeypatch.setattr("rlgen.text.Judge", SimpleNamespace(load=lambda *_: Judge()), raising=False)
    monkeypatch.setattr(EmbeddedGenerator, "load", lambda source: parrot)
    monkeypatch.setattr(scoring, "Scorer", lambda source: SimpleNamespace(score=lambda *_: scored))
    return parrot


def test_the_command_prints_every_part_of_the_bench(parts, tmp_path, capsys, run_bench):
    argv = ["controls", "--contexts", "200", "--sweep", "20", "--talks", "10", "--json"]
    assert run_bench(*argv, "--out", str(tmp_path / "curves")) == 0
    told = capsys.readouterr()
    rows = {row["name"]: row for row in json.loads(told.out)["rows"]}
    assert "ESConv is left out" in told.err
    assert rows["held out phrases: perplexity"]["met"] is True
    assert rows["perplexity, unconditioned self at weight 2"]["ratio"] == 1.0
    assert rows["weight against P(asked feeling), means"]["value"] == 1.0
    assert (rows["feeling asked of bland words: likeliest of four at weight 2"]["value"]) == 1.0
    assert rows["replies at directiveness 1 that name a step"]["value"] == 0.0  # a parrot knows no topic
    assert any(name.startswith("unique replies of 200 at random controls") for name in rows)
    table = (tmp_path / "curves" / "controls.csv").read_text().splitlines()
    assert len(table) == 1 + len(GRID)
    assert "perplexity, trigrams" in table[0]
    assert (tmp_path / "curves" / "controls.png").read_bytes().startswith(b"\x89PNG")


def test_a_file_in_the_place_of_the_folder_ends_the_command_before_anything_is_said(parts, tmp_path, capsys, run_bench):
    (tmp_path / "taken").write_text("")
    assert run_bench("controls", "--out", str(tmp_path / "taken")) == 2
    assert "cannot be made a folder" in capsys.readouterr().err
    assert parts.rows == []
