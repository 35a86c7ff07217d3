"""Models that cannot serve are refused in a sentence; odd ones that can, serve."""

from __future__ import annotations

import json
import socket
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load, save_file

from rlgen.errors import ArtifactError, ConfigError
from rlgen.generation import HuggingFaceGenerator
from rlgen.rng import Streams

SIZES = {
    "vocab_size": 900,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
}


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """No model is looked for elsewhere than where it was said to be."""

    def refuse(*args, **kwargs):
        raise AssertionError("the network was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def edit(path, **fields):
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def refused(path, words, **options):
    """A folder is refused in one sentence that names it."""
    with pytest.raises(ArtifactError, match=words) as caught:
        HuggingFaceGenerator(path, max_new_tokens=8, **options)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", ["./not/there", "/nowhere/at/all", "~/nowhere-at-all", "runs/a/b", ""])
def test_a_missing_path_is_named_and_never_looked_for_elsewhere(name):
    with pytest.raises(ArtifactError, match="give the folder") as error:
        HuggingFaceGenerator(name)
    assert "\n" not in str(error.value)


def test_offline_a_hub_id_is_not_looked_for(no_network, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ArtifactError, match="nobody/nothing-of-this-name") as error:
        HuggingFaceGenerator("nobody/nothing-of-this-name")
    assert "\n" not in str(error.value)


def test_a_folder_without_a_model_is_refused(tmp_path):
    refused(tmp_path, r"config\.json")


def test_damaged_or_missing_weights_are_refused(copied):
    weights = copied / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:1000])
    refused(copied, "no causal language model can be read")
    tensors = load(whole)
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, weights, metadata={"format": "pt"})
    refused(copied, "up_proj")
    weights.unlink()
    refused(copied, "holds no weights")


def test_a_tokenizer_that_cannot_serve_is_refused(copied):
    edit(copied / "tokenizer_config.json", eos_token=None)
    HuggingFaceGenerator(copied)  # the generation config still names what ends a text
    edit(copied / "config.json", eos_token_id=None)
    edit(copied / "generation_config.json", eos_token_id=None)
    refused(copied, "end-of-text")
    edit(copied / "tokenizer_config.json", eos_token="<|end|>")
    added = json.loads((copied / "tokenizer.json").read_text())["added_tokens"]
    more = [{**added[0], "id": 900 + i, "content": f"<|more{i}|>"} for i in range(200)]
    edit(copied / "tokenizer.json", added_tokens=added + more)
    refused(copied, "not of one model")


def test_a_context_that_is_too_short_is_refused(path):
    with pytest.raises(ConfigError, match="max_new_tokens"):
        HuggingFaceGenerator(path, max_new_tokens=900)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"device": "cuda:77"}, "device"),
        ({"dtype": "fp8"}, "dtype"),
        ({"max_new_tokens": 0}, "max_new_tokens"),
        ({"top_p": 0.0}, "top_p"),
        ({"top_p": 1.5}, "top_p"),
        ({"top_p": float("nan")}, "top_p"),
    ],
)
def test_options_out_of_range_are_refused(tiny_models, wrong, words):
    with pytest.raises(ConfigError, match=words):
        HuggingFaceGenerator(tiny_models["llama_chat"], **wrong)


@pytest.mark.parametrize("content", ["{", "[]", '{"model_type": "nonsense"}', "{}"])
def test_a_config_that_is_none_is_refused(copied, content):
    (copied / "config.json").write_text(content)
    refused(copied, "can be read from it")


def test_a_folder_without_a_tokenizer_is_refused(copied):
    (copied / "tokenizer.json").unlink()
    refused(copied, "no tokenizer can be read")


def test_a_tokenizer_needs_no_padding(copied, opening, estimated, asked):
    """Prompts are padded here, and what stands in the padding is never looked at."""
    settings = json.loads((copied / "tokenizer_config.json").read_text())
    assert settings.pop("pad_token") is not None
    context = opening(["Hello.", "My exam is tomorrow and I cannot sleep."])
    said = []
    for _ in range(2):
        generator = HuggingFaceGenerator(copied, dtype="fp32", max_new_tokens=8)
        said.append(generator.reply(context, estimated([2, 4]), asked(2), Streams.of(0, 2)).ids)
        (copied / "tokenizer_config.json").write_text(json.dumps(settings))
    assert generator.tokenizer.pad_token is None
    assert (said[0] == said[1]).all()


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{% for %}", "cannot render a dialogue"),
        ("{{ messages.nope.deeper }}", "cannot render a dialogue"),
        ("{{ 1 / 0 }}", "cannot render a dialogue"),
        ("hello", "leaves out what was said"),
        ("{{ messages[-1].content }}", "leaves out what was said"),
    ],
)
def test_a_template_that_renders_no_dialogue_is_refused(copied, template, words):
    (copied / "chat_template.jinja").write_text(template)
    refused(copied, words)


def encoders():
    from transformers import (
        BertConfig,
        BertForMaskedLM,
        BertModel,
        LlamaConfig,
        LlamaForSequenceClassification,
        LlamaModel,
        MambaConfig,
        MambaForCausalLM,
        RobertaConfig,
        RobertaForMaskedLM,
        T5Config,
        T5ForConditionalGeneration,
    )

    t5 = {"vocab_size": 900, "d_model": 32, "num_layers": 2, "num_heads": 4, "d_ff": 64, "d_kv": 8}
    mamba = {"vocab_size": 900, "hidden_size": 32, "num_hidden_layers": 2}
    return {
        "bert": (lambda: BertModel(BertConfig(**SIZES)), "has no weights for"),
        "bert for masked words": (lambda: BertForMaskedLM(BertConfig(**SIZES)), "is no causal language model"),
        "roberta": (lambda: RobertaForMaskedLM(RobertaConfig(**SIZES)), "is no causal language model"),
        "t5": (lambda: T5ForConditionalGeneration(T5Config(**t5)), "no causal language model can be read"),
        "headless": (lambda: LlamaModel(LlamaConfig(**SIZES)), "has no weights for lm_head"),
        "classifier": (lambda: LlamaForSequenceClassification(LlamaConfig(**SIZES)), "has no weights for lm_head"),
        "mamba": (lambda: MambaForCausalLM(MambaConfig(**mamba)), "keeps no keys and values"),
    }


@pytest.mark.parametrize("name", encoders())
@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_what_is_no_decoder_is_refused(copied, name, dtype):
    build, words = encoders()[name]
    torch.manual_seed(0)
    build().save_pretrained(copied)
    refused(copied, words, dtype=dtype)


def test_weights_that_are_not_finite_are_refused(copied):
    tensors = load((copied / "model.safetensors").read_bytes())
    tensors["model.layers.0.mlp.up_proj.weight"][0] = float("nan")
    save_file(tensors, copied / "model.safetensors", metadata={"format": "pt"})
    refused(copied, "not finite")


def test_states_that_become_infinite_in_a_reply_are_named(tiny_models, opening, estimated, asked):
    generator = HuggingFaceGenerator(tiny_models["llama_chat"], dtype="fp32", max_new_tokens=8)
    calls = []

    def overflow(module, given, output):
        calls.append(1)
        return output * float("inf") if len(calls) == 4 else output

    rows = 12
    asking = opening(["Hello."] * rows), estimated([0] * rows), asked(rows), Streams.of(0, rows)
    before = generator.reply(*asking)  # prefixes are known from now on
    assert (before.ids[:, 3] >= 0).any()
    hook = generator.model.model.layers[0].mlp.register_forward_hook(overflow)
    with pytest.raises(ArtifactError, match="not finite at word 4"):
        generator.reply(*asking)
    hook.remove()
    assert (generator.reply(*asking).ids == before.ids).all(), "the failure has left nothing behind"


def test_a_batch_that_is_too_large_is_named(tiny_models, opening, estimated, asked, monkeypatch):
    generator = HuggingFaceGenerator(tiny_models["llama_chat"], dtype="fp32", max_new_tokens=8)

    def full(*given, **named):
        raise torch.OutOfMemoryError("out of memory\nand a long report")

    monkeypatch.setattr(generator._decoder, "_forward", full)
    with pytest.raises(ConfigError, match="choose fewer num_envs") as caught:
        generator.reply(opening(["Hello."]), estimated([0]), asked(1), Streams.of(0, 1))
    assert "\n" not in str(caught.value)


def test_ids_that_no_token_has_are_never_said(copied, opening, estimated, asked):
    """Many models have more logits than their tokenizer has ids."""
    from transformers import LlamaForCausalLM

    model = LlamaForCausalLM.from_pretrained(copied)
    known = model.config.vocab_size
    model.resize_token_embeddings(known + 60)
    weights = model.get_output_embeddings().weight.data
    weights[known:] = 3 * weights[:60]
    model.save_pretrained(copied)
    generator = HuggingFaceGenerator(copied, dtype="fp32", max_new_tokens=8)
    rows = 20
    texts, controls = [f"Hello {i}." for i in range(rows)], asked(rows, temperature=1.3)

    def most():
        return generator.reply(opening(texts), estimated([0] * rows), controls, Streams.of(0, rows)).ids.max()

    assert most() < known
    generator._decoder.rules = replace(generator._decoder.rules, never=None)
    assert most() >= known, "without the mask they would be"
