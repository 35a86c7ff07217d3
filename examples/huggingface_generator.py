"""Any Hugging Face causal language model answers simulated people.

python examples/huggingface_generator.py [MODEL]        # a folder or hub id; without one, a tiny model is made here
rlgen simulate --generator '{kind: huggingface, model: MODEL, max_new_tokens: 40}'
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np


def tiny(folder: Path) -> Path:
    """A random model of twenty thousand numbers, which says nothing that makes sense, in no time."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer, inner.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=["<end>"], initial_alphabet=alphabet, show_progress=False
    )
    inner.train_from_iterator(["Tell me more. That sounds hard."] * 3, trainer)
    config = LlamaConfig(
        vocab_size=inner.get_vocab_size(), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, max_position_embeddings=2048, bos_token_id=None, eos_token_id=0,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<end>").save_pretrained(folder)
    return folder


def main(model: str) -> None:
    """Three turns with one person."""
    import gymnasium

    generator = {"kind": "huggingface", "model": model, "max_new_tokens": 12}
    env = gymnasium.make("rlgen:rlgen/SupportDynamic-v0", generator=generator, guard=None, render_mode="ansi")
    env.reset(seed=0)
    for _ in range(3):
        env.step(np.zeros(4, dtype=np.float32))  # the centre of all controls
    print(env.render())


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(sys.argv[1])
    else:
        with tempfile.TemporaryDirectory() as made:
            main(str(tiny(Path(made))))
