"""The judge as a reward term: a classifier or a language model, each text judged once, batched."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import rlgen
from rlgen import rewards
from rlgen.checks.reward import check_reward
from rlgen.seams import find

JUDGE = f"{Path(__file__).parents[2] / 'examples' / 'llm_judge.py'}:Judge"


@pytest.fixture(scope="module")
def models(tiny_models, tmp_path_factory):
    """A tiny language model, and a tiny classifier that shares its words."""
    from transformers import AutoTokenizer, LlamaConfig, LlamaForSequenceClassification

    folder = tmp_path_factory.mktemp("judges") / "classifier"
    config = LlamaConfig.from_pretrained(
        tiny_models["llama_chat"], id2label={0: "cold", 1: "caring"}, label2id={"cold": 0, "caring": 1}
    )
    LlamaForSequenceClassification(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_models["llama_chat"]).save_pretrained(folder)
    return {"classifier": str(folder), "causal": str(tiny_models["llama_chat"])}


def design(model, **params):
    judge = {"weight": 0.05, "term": JUDGE, "params": {"model": model, **params}}
    return {"name": "judged", "terms": {"continuity": {"weight": 1.0}, "judge": judge}}


@pytest.mark.parametrize("kind", ["classifier", "causal"])
def test_a_judge_is_a_reward(models, kind):
    made = rewards.design(design(models[kind]))
    assert made.unchecked == (), "it states its range"
    check_reward(made)


def test_each_text_is_judged_once_in_batches(models, monkeypatch):
    judge = find(JUDGE)(models["classifier"], label="caring", batch=3)
    assert judge.label == 1
    asked = []
    score = judge.score
    monkeypatch.setattr(judge, "score", lambda texts: asked.append(list(texts)) or score(texts))

    said = SimpleNamespace(
        utterance=["Hello."] * 8, reply=["Yes.", "No.", "Yes.", "Go on.", "I see.", "Yes.", "Tell me.", "No."]
    )
    first, second = judge(said), judge(said)
    assert [len(part) for part in asked] == [3, 2]
    assert np.array_equal(first, second)
    assert first[0] == first[2] == first[5]
    assert first == pytest.approx(np.array(score(said.reply)) - 0.5, abs=1e-4)


def test_a_world_pays_for_the_judge(models):
    env = rlgen.make_sb3("rlgen/SupportDynamic-v0", 3, reward=design(models["causal"]), device="cpu")
    env.reset()
    *_, infos = env.step(np.zeros((3, 4), np.float32))
    assert {"term_judge", "term_continuity"} <= infos[0].keys()
    assert all(abs(info["term_judge"]) <= 0.025 for info in infos)
