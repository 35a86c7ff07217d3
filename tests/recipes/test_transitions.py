"""`python -m recipes.transitions`: from labelled dialogues to people, and what it says of bad data."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.utterances import simulated
from recipes.transitions import PROGRAM, agreement, distressed, fit, following, joint, main
from rlgen import artifacts
from rlgen.affect import CATEGORY_VALENCE_AROUSAL, FEAR, HAPPINESS, NEUTRAL, SADNESS
from rlgen.errors import DataError
from rlgen.experiments.cli import call
from rlgen.text.reading.reader import Reader
from rlgen.text.utterances import of_all_lengths, read_by, utterances
from rlgen.users import CalibratedConfig, TheoryConfig
from rlgen.users.expression.transitions import KIND, read_transitions


@pytest.fixture
def data(tmp_path):
    """Two data sets in which every speaker sounds alike all the time, but for disgust."""
    (tmp_path / "meld_text").mkdir()
    header = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID\n"
    for split in ("train", "dev", "test"):
        lines = [
            f'{k},"A, b",{who},{emotion},x,{k},{i}\n'
            for k in range(30)
            for i in range(4)
            for who, emotion in (("Ann", "joy"), ("Bo", "disgust" if i == 1 else "fear"))
        ]
        (tmp_path / f"meld_text/{split}_sent_emo.csv").write_text(header + "".join(lines), encoding="utf-8")
    (tmp_path / "dailydialog").mkdir()
    turns = [
        {"speaker": who, "text": "x", "emotion": e} for _ in range(3) for who, e in (("a", "sadness"), ("b", "anger"))
    ]
    records = [json.dumps({"id": str(k), "turns": turns}) for k in range(40)]
    (tmp_path / "dailydialog/dailydialog.jsonl").write_text("\n".join(records), encoding="utf-8")
    return tmp_path


def test_a_fit_is_an_artifact_that_people_take(data, tmp_path, capsys):
    out = tmp_path / "out"
    assert call(PROGRAM, main, ["--data", str(data), "--out", str(out), "--json"]) == 0
    printed = {row["name"]: row["value"] for row in json.loads(capsys.readouterr().out)["rows"]}
    manifest = artifacts.load(out, KIND).manifest
    assert printed["meld_text: distressed own turns agree"] == 1.0
    assert manifest.quality["fear kept"] == pytest.approx(printed["fear kept"], abs=1e-4)
    # Bo's disgust parts two pairs: of four turns, one pair is left. Ann has three.
    assert manifest.settings["pairs of meld_text"] == 3 * 30 * (3 + 1)
    assert manifest.command == "python -m recipes.transitions --data DIR --out DIR"
    found = read_transitions(str(out))
    np.testing.assert_allclose(found.kept, [0, 0.99, 0.99, 0.99, 0.99, 0])
    assert found.counts[4][4] == 90 + 0.5


@pytest.mark.parametrize(
    ("file", "change", "says"),
    [
        ("meld_text/dev_sent_emo.csv", ("fear", "awe"), "row 3: the emotion is 'awe'"),
        ("meld_text/dev_sent_emo.csv", ("Emotion", "Mood"), "row 2: the emotion is None"),
        ("dailydialog/dailydialog.jsonl", ('"anger"', "7"), "line 1: the emotion is 7"),
        ("dailydialog/dailydialog.jsonl", ("{", "["), "line 1 is not JSON"),
        ("dailydialog/dailydialog.jsonl", ('"turns"', '"talk"'), "line 1 has no list 'turns'"),
    ],
)
def test_bad_data_are_named_and_nothing_is_written(data, tmp_path, capsys, file, change, says):
    path = data / file
    path.write_text(path.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    assert call(PROGRAM, main, ["--data", str(data), "--out", str(tmp_path / "out")]) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def reader():
    return Reader.load()


@pytest.mark.parametrize("config", [TheoryConfig(), CalibratedConfig()], ids=lambda config: config.family)
def test_simulated_moods_last_as_those_of_the_data(config, reader):
    quality = artifacts.load("shipped:transitions", KIND).manifest.quality
    bank = read_by(reader, of_all_lengths()) if config.family == "calibrated" else utterances()
    low, high = (quality[f"{name}: distressed own turns agree"] for name in ("meld_text", "dailydialog"))

    def agree(transitions):
        people = config.model_copy(update={"transitions": transitions})
        return agreement(distressed(joint(simulated(people, 300, 0, bank, reader)[1])))[0]

    assert low < agree("shipped:transitions") < high
    assert agree(None) < low


@settings(max_examples=20, deadline=None)
@given(kept=st.lists(st.floats(0.05, 0.9), min_size=6, max_size=6), seed=st.integers(0, 99))
def test_the_fit_finds_what_a_chain_was_made_with(kept, seed):
    """Half of the turns repeat with `kept`, the base rates differ: exact counts, no sampling."""
    rng = np.random.default_rng(seed)
    base = rng.dirichlet(np.full(6, 5.0))
    probability = np.array(kept)
    move = np.diag(probability) + (1 - probability)[:, None] * base
    share = base / (1 - probability) / (base / (1 - probability)).sum()  # in equilibrium
    counts = np.round(share[:, None] * move * 20_000).astype(int)
    spoken = [[i, j] for i in range(6) for j in range(6) for _ in range(counts[i, j])]
    spoken += [[0, 1, 1]] * 3  # a lag of two
    found = fit({"made": spoken})
    # What is kept is in excess of the shares that come out, in which kept categories count more.
    expected = (np.diag(move) - share) / (1 - share)
    np.testing.assert_allclose(found.kept, np.clip(expected, 0, 0.99), atol=0.02)
    np.testing.assert_allclose(following(found), move, atol=0.02)


def test_the_correlation_of_valence_is_free_of_label_noise():
    rng = np.random.default_rng(1)
    mood = np.empty((20_000, 5))
    mood[:, 0] = rng.normal(size=20_000)
    for t in range(1, 5):
        mood[:, t] = 0.8 * mood[:, t - 1] + 0.6 * rng.normal(size=20_000)
    order = np.argsort(CATEGORY_VALENCE_AROUSAL[[SADNESS, NEUTRAL, HAPPINESS], 0])
    labelled = np.array([SADNESS, NEUTRAL, HAPPINESS])[order][np.digitize(mood, (-0.4, 0.4))]
    wrong = rng.random(labelled.shape) < 0.3
    labelled[wrong] = rng.choice([SADNESS, NEUTRAL, HAPPINESS], wrong.sum())
    assert fit({"made": labelled.tolist()}).valence == pytest.approx(0.8, abs=0.04)


def test_a_turn_without_a_category_makes_no_pair():
    assert joint([[2, -1, 2], [2, 3], [-1, 2]]).sum() == 1
    same, chance = agreement(distressed(joint([[SADNESS, SADNESS, FEAR]])))
    assert (same, chance) == (0.5, 0.5)
    with pytest.raises(DataError, match="made: holds 2 pairs"):
        fit({"made": [[0, 1, 2]]})
