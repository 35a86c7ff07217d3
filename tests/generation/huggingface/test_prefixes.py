"""What prompts share is read once, and nothing that is said depends on it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rlgen.generation import HuggingFaceGenerator
from rlgen.generation.huggingface import prefixes
from rlgen.generation.huggingface.prefixes import Prefixes, alike
from rlgen.text.language_models.pretrained import Forward, common, left_pad

LIMIT = 8


def counted(generator):
    """Ids that go through the model, in the returned list."""
    seen = []
    generator.model.register_forward_pre_hook(
        lambda module, given, named: seen.append(named["input_ids"].numel()), with_kwargs=True
    )
    return seen


@pytest.mark.parametrize("greedy", [False, True])
def test_replies_are_those_of_prompts_that_are_read_whole(path, mixed, greedy):
    asked = mixed(24)
    said = []
    for share in (True, False):
        generator = HuggingFaceGenerator(path, "cpu", "fp32", LIMIT, greedy=greedy, shared_prefixes=share)
        assert generator._decoder.prefixes.usable is share
        said.append(generator.reply(*asked))
    assert (said[0].ids == said[1].ids).all()
    assert np.allclose(said[0].logprob, said[1].logprob, atol=2e-3)


def test_what_was_asked_before_changes_no_bit(path, mixed):
    """Bits may depend on the batch, as rounding does, but not on what is kept from earlier calls."""
    asked, others = mixed(12), mixed(12, seed=7)
    fresh = HuggingFaceGenerator(path, dtype="fp32", max_new_tokens=LIMIT)
    first = fresh.reply(*asked)
    used = HuggingFaceGenerator(path, dtype="fp32", max_new_tokens=LIMIT)
    used.reply(*others)
    for again in (used.reply(*asked), used.reply(*asked)):
        assert (again.ids == first.ids).all()
        assert (again.logprob == first.logprob).all()


def test_a_prefix_is_read_once(path, mixed):
    generator = HuggingFaceGenerator(path, dtype="fp32", max_new_tokens=1)
    whole = HuggingFaceGenerator(path, dtype="fp32", max_new_tokens=1, shared_prefixes=False)
    seen, all_of_it = counted(generator), counted(whole)
    asked = mixed(24)
    generator.reply(*asked)
    computed = generator._decoder.prefixes.computed
    assert computed > 0
    assert len(seen) > 1
    seen.clear()
    generator.reply(*asked)
    whole.reply(*asked)
    assert generator._decoder.prefixes.computed == computed
    assert len(seen) == 1
    assert sum(seen) < 0.5 * sum(all_of_it), "most of a short dialogue's prompt is instruction"


def test_what_is_kept_is_bounded_and_may_be_forgotten(path, mixed, monkeypatch):
    asked = mixed(16)
    kept = HuggingFaceGenerator(path, dtype="fp32", max_new_tokens=LIMIT)
    first = kept.reply(*asked)
    assert kept._decoder.prefixes._bytes == sum(map(prefixes._size, kept._decoder.prefixes._kept.values()))
    bound = kept._decoder.prefixes._bytes // 4
    monkeypatch.setattr(prefixes, "_KEPT", bound)
    small = HuggingFaceGenerator(path, dtype="fp32", max_new_tokens=LIMIT)
    assert (small.reply(*asked).ids == first.ids).all()
    assert 0 < small._decoder.prefixes._bytes <= bound
    assert (small.reply(*asked).logprob == first.logprob).all()


def test_steering_does_not_reach_what_is_kept(path, mixed):
    from rlgen.generation.huggingface.steering import contrasts, fit_steering

    asked = mixed(8)
    said = []
    for share in (True, False):
        generator = HuggingFaceGenerator(path, dtype="fp32", max_new_tokens=LIMIT, shared_prefixes=share)
        generator.steer(fit_steering(generator.model, generator.tokenizer, contrasts(), strength=3.0))
        said.append(generator.reply(*asked).ids)
        generator.steer(None)
        said.append(generator.reply(*asked).ids)
    assert (said[0] == said[2]).all()
    assert (said[1] == said[3]).all()
    assert not (said[0] == said[1]).all()


def hybrid():
    """A model some of whose layers keep states that are no keys and values."""
    from transformers import Lfm2Config, Lfm2ForCausalLM

    torch.manual_seed(0)
    return Lfm2ForCausalLM(
        Lfm2Config(
            vocab_size=900, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, eos_token_id=0, bos_token_id=None, layer_types=["conv", "full_attention"],
        )
    )  # fmt: skip


def test_a_cache_of_another_kind_reads_prompts_whole(copied, mixed, alone, caplog):
    hybrid().save_pretrained(copied)
    with caplog.at_level("INFO", logger="rlgen"):
        generator = HuggingFaceGenerator(copied, dtype="fp32", max_new_tokens=LIMIT)
    assert not generator._decoder.prefixes.usable
    assert sum("not kept" in record.message for record in caplog.records) == 1
    asked = mixed(8)
    whole = generator.reply(*asked)
    assert generator._decoder.prefixes.computed == 0
    alone(generator, asked, whole, range(8))


@pytest.mark.parametrize("fault", ["wrong", "broken"])
def test_a_layout_that_does_not_hold_is_not_used(generator, monkeypatch, fault):
    """The proof at the start notices keys in the wrong order, and a cache that cannot take them."""
    real = Prefixes.lay

    def lay(self, prompts, shared):
        cache, start = real(self, prompts, shared)
        if fault == "broken":
            raise TypeError("no such thing")
        for layer in cache.layers:
            layer.keys = layer.keys.flip(-2)
        return cache, start

    monkeypatch.setattr(Prefixes, "lay", lay)
    assert not Prefixes(Forward(generator.model)).usable
    monkeypatch.setattr(Prefixes, "lay", real)
    assert Prefixes(Forward(generator.model)).usable


def laid(generator, rows, shared, circles=True):
    """Logits with the first columns laid in, and read whole."""
    forward = Forward(generator.model)
    ids, mask = left_pad(rows, max(map(len, rows)), torch.device("cpu"))
    positions = (mask.cumsum(dim=1) - 1).clamp_min(0)
    with torch.inference_mode():
        cache, start = Prefixes(forward, circles).lay(rows, shared)
        part = forward(ids[:, start:], mask, positions[:, start:], cache)
        whole = forward(ids, mask, positions, Prefixes(forward, False).lay(rows, shared)[0])
    return start, part, whole


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_circles_of_any_prompts_give_the_same_logits(data, generator):
    """Prompts of any lengths, alike for any part, with no circle, one or two; also beyond a window of 60."""
    rows, shared = [], []
    for _ in range(data.draw(st.integers(1, 4))):
        head = data.draw(st.integers(1, 2)) * 100
        length = data.draw(st.integers(1, 90))
        rows.append([head + i for i in range(length)])
        shared.append(sorted(data.draw(st.sets(st.integers(1, length), max_size=2))))
    start, part, whole = laid(generator, rows, shared)
    assert 0 <= start < max(map(len, rows))
    assert torch.allclose(part, whole, atol=1e-3 * float(whole.std()))


def test_only_the_longest_rest_is_computed(generator):
    rows = [list(range(5, 45)), list(range(5, 35)), list(range(300, 312))]
    assert laid(generator, rows, [[30], [28], []])[0] == 40 - 12, "a prompt that shares nothing has 12 ids"
    assert laid(generator, rows[:2], [[30], [28]])[0] == 30
    assert laid(generator, rows[:2], [[40], [28]])[0] == 0, "a prompt that is all shared is read, to have logits"
    assert laid(generator, rows, [[30], [28], []], circles=False)[0] == 0


def test_what_is_alike():
    assert common([[1, 2, 3], [1, 2, 4, 5]]) == [1, 2]
    assert common([[1, 2], [1, 2, 4]]) == [1, 2]
    assert common([[3], [4]]) == []
    assert alike([1, 2, 3, 4], [[1, 2], [1, 2, 3, 9], [7], [1, 2]]) == [2, 3]


def test_the_openings_of_a_script_open_its_prompts(path, windows):
    from transformers import AutoTokenizer

    from rlgen.generation.huggingface.prompts import Script

    script = Script(AutoTokenizer.from_pretrained(path), None)
    opening = script.opening("Be kind. You sense joy.")
    made = script.encode([script.render(window, "Be kind. You sense joy.") for window in windows])
    assert all(ids[: len(opening)] == opening for ids in made)
    assert len(opening) > 0.5 * min(map(len, made))
    wider = script.opening("Be kind. You", "Be kind. I")
    assert opening[: len(wider)] == wider
    assert len(wider) < len(opening)
