"""The peers of the decoder do the work that they are timed for."""

from __future__ import annotations

import pytest
import torch

from benchmarks.decode import peers
from benchmarks.decode.__main__ import NEW
from benchmarks.decode.ours import PROMPT
from rlgen.generation.embedded.model import Shape

TINY = Shape(vocabulary=256, width=32, layers=2, heads=2, condition=8, prompt=176, reply=NEW)


def test_fastest_way_is_taken(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(peers.time, "perf_counter", lambda: clock[0])

    def takes(seconds: float):
        return lambda: clock.__setitem__(0, clock[0] + seconds)

    assert peers.fastest({"slow": takes(3.0), "fast": takes(1.0), "middling": takes(2.0)}) == "fast"


def test_generate_makes_as_many_ids_at_each_row_s_own_temperature():
    generate = peers.Generate(TINY, PROMPT, torch.device("cpu"))
    ids = torch.randint(4, TINY.vocabulary, (3, PROMPT))
    cold = torch.tensor([1e-6, 1e-6, 1e4])
    generate.settle(ids, cold)
    made, again = generate.speak(ids, cold), generate.speak(ids, cold)
    assert made.shape == (3, NEW)
    assert torch.equal(made[:2], again[:2]), "at temperature 0 nothing is left to chance"
    assert not torch.equal(made[2], again[2])


def test_ctranslate_computes_the_same_model():
    pytest.importorskip("ctranslate2")
    ids = torch.randint(4, TINY.vocabulary, (4, PROMPT), generator=torch.Generator().manual_seed(0))
    translate = peers.CTranslate(TINY, PROMPT)
    translate.settle(ids, 0.8)
    assert {len(said) for said in translate.speak(translate.words(ids), 0.8)} == {NEW}
    translate._way[4] = ("float32", 1)
    greedy = translate.speak(translate.words(ids), 1.0, likeliest=1)
    expected = peers.gpt2(TINY, PROMPT + NEW).generate(
        ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=NEW, suppress_tokens=[0]
    )
    assert greedy == expected[:, PROMPT:].tolist()
