"""Tiny random language models on disk, for tests of whatever speaks with one."""

from __future__ import annotations

from pathlib import Path

CHAT_TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def make(target: Path) -> dict[str, Path]:
    """Folders of random language models below `target`: with a chat template, without one, and with a small window."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import (
        GPT2Config,
        GPT2LMHeadModel,
        LlamaConfig,
        LlamaForCausalLM,
        MistralConfig,
        MistralForCausalLM,
        PreTrainedTokenizerFast,
    )

    from rlgen.generation.huggingface import prompts

    marks = ["<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    words = [prompts.ROLE, *prompts.WARMTH, *prompts.DIRECTIVENESS, *prompts.NEED.values(), *prompts.DEPTH] * 3
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=900, special_tokens=marks, initial_alphabet=alphabet, show_progress=False)
    inner.train_from_iterator(words, trainer)
    sizes = {"vocab_size": inner.get_vocab_size(), "initializer_range": 0.25, "bos_token_id": None}
    torch.manual_seed(0)
    deep = {
        "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "max_position_embeddings": 1024, "eos_token_id": 0,
    }  # fmt: skip
    llama = LlamaForCausalLM(LlamaConfig(**deep, **sizes))
    mistral = MistralForCausalLM(MistralConfig(sliding_window=60, **deep, **sizes))
    gpt2 = GPT2LMHeadModel(
        GPT2Config(n_embd=32, n_layer=2, n_head=4, n_positions=1024, eos_token_id=0, tie_word_embeddings=False, **sizes)
    )
    folders = {}
    for name, model, template in (
        ("llama_chat", llama, CHAT_TEMPLATE),
        ("gpt2_plain", gpt2, None),
        ("mistral_window", mistral, CHAT_TEMPLATE),
    ):
        model.get_output_embeddings().weight.data[0] *= 3  # likely to end: replies of many lengths
        folders[name] = target / name
        model.save_pretrained(folders[name])
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=inner, eos_token="<|end|>", pad_token="<|end|>", additional_special_tokens=marks[1:]
        )
        tokenizer.chat_template = template
        tokenizer.save_pretrained(folders[name])
    return folders
