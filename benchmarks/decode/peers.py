"""Peers of the decoder: what a competent user would call instead, each in its favour.

A GPT-2 with the layers, width, heads and vocabulary of the generator it stands beside, but without
conditioning. Its weights are random, its ids ready-made and without padding, its caches on, and
nothing can end a reply early, so that no processor has to see to it. How it computes (type,
attention, threads) is tried out at each batch size, and the fastest way is taken.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeVar

import torch
from torch import Tensor

from rlgen.generation.embedded.model import Shape

_TRIALS: Final = 3

Key = TypeVar("Key")


def gpt2(shape: Shape, positions: int) -> Any:
    """A random GPT-2 of a shape's sizes, in float32 on the CPU.

    Args:
        shape: `vocabulary`, `width`, `layers` and `heads` are taken.
        positions: ids of prompt and reply together.
    """
    from transformers import GPT2Config, GPT2LMHeadModel
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=shape.vocabulary,
        n_embd=shape.width,
        n_layer=shape.layers,
        n_head=shape.heads,
        n_positions=positions,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=None,
    )
    model: Any = GPT2LMHeadModel(config)  # transformers' classes are untyped here
    return model.eval().requires_grad_(False)


def fastest(ways: Mapping[Key, Callable[[], object]], finish: Callable[[], None] = lambda: None) -> Key:
    """The way that takes the least time, best of three after one call to warm up.

    Args:
        ways: at least one, by name.
        finish: waits until the device has done what it was told.
    """
    seconds = {}
    for key, way in ways.items():
        way()
        taken = []
        for _ in range(_TRIALS):
            finish()
            started = time.perf_counter()
            way()
            finish()
            taken.append(time.perf_counter() - started)
        seconds[key] = min(taken)
    return min(seconds, key=lambda key: seconds[key])


class _OwnTemperatures:
    """Divides each row's scores by the row's own temperature, as a `LogitsProcessor`."""

    def __init__(self, temperature: Tensor) -> None:
        self._temperature = temperature[:, None]

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        return scores / self._temperature


class Generate:
    """transformers' `generate()`.

    Args:
        shape: of the generator it stands beside.
        prompt: ids that a reply answers.
        device: where it runs.
        attentions: which of transformers' implementations to try; by itself it takes `"sdpa"`.
    """

    def __init__(
        self, shape: Shape, prompt: int, device: torch.device, attentions: Sequence[str] = ("eager", "sdpa")
    ) -> None:
        self._new = shape.reply
        self._device = device
        self._models = {}
        for dtype, attention in itertools.product((torch.float32, torch.bfloat16), attentions):
            model = gpt2(shape, prompt + shape.reply).to(device=device, dtype=dtype)
            model.set_attn_implementation(attention)
            self._models[str(dtype).removeprefix("torch."), attention] = model
        self._way: dict[int, tuple[str, str]] = {}

    def settle(self, ids: Tensor, temperature: Tensor) -> str:
        """Find the fastest way for a batch size and keep to it.

        Args:
            ids: `[N, prompt]`.
            temperature: `[N]`.

        Returns:
            It in words.
        """
        rows = len(ids)
        ways = {way: lambda way=way: self._call(way, ids, temperature) for way in self._models}
        finish = torch.cuda.synchronize if self._device.type == "cuda" else lambda: None
        self._way[rows] = fastest(ways, finish)
        return " ".join(self._way[rows])

    def speak(self, ids: Tensor, temperature: Tensor) -> Tensor:
        """Replies `[N, reply]` to prompts `[N, prompt]` at temperatures `[N]`; settle for N rows first."""
        return self._call(self._way[len(ids)], ids, temperature)

    def _call(self, way: tuple[str, str], ids: Tensor, temperature: Tensor) -> Tensor:
        one = len(ids) == 1
        made: Tensor = self._models[way].generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            do_sample=True,
            top_k=0,
            max_new_tokens=self._new,
            use_cache=True,
            temperature=float(temperature[0]) if one else 1.0,
            logits_processor=[] if one else [_OwnTemperatures(temperature)],
        )
        return made[:, ids.shape[1] :]


class CTranslate:
    """CTranslate2 on the CPU. It knows one temperature for all rows.

    Args:
        shape: of the generator it stands beside.
        prompt: ids that a reply answers.

    Raises:
        ImportError: it is not installed.
    """

    def __init__(self, shape: Shape, prompt: int) -> None:
        import ctranslate2  # a dependency of development alone
        from ctranslate2.converters.transformers import GPT2Loader

        self._new, self._vocabulary = shape.reply, shape.vocabulary
        spec = GPT2Loader().get_model_spec(gpt2(shape, prompt + shape.reply))
        spec.register_vocabulary([str(i) for i in range(shape.vocabulary)])
        spec.config.bos_token = spec.config.eos_token = spec.config.unk_token = "0"
        spec.validate()
        spec.optimize()
        threads = torch.get_num_threads()
        self._generators = {}
        with TemporaryDirectory() as folder:
            spec.save(str(Path(folder)))
            for kind in sorted(ctranslate2.get_supported_compute_types("cpu")):
                for apart in {1, threads}:  # batches at once: threads share one, or have one each
                    self._generators[kind, apart] = ctranslate2.Generator(
                        folder, compute_type=kind, inter_threads=apart, intra_threads=threads // apart
                    )
        self._way: dict[int, tuple[str, int]] = {}

    def settle(self, ids: Tensor, temperature: float) -> str:
        """Find the fastest way for a batch size and keep to it; in words. See `Generate.settle`."""
        words = self.words(ids)
        ways = {way: lambda way=way: self._call(way, words, temperature, 0) for way in self._generators}
        self._way[len(ids)] = fastest(ways)
        kind, apart = self._way[len(ids)]
        return f"{kind}, {apart} at once"

    @staticmethod
    def words(ids: Tensor) -> list[list[str]]:
        """Prompts `[N, prompt]` as it takes them."""
        return [[str(i) for i in row] for row in ids.tolist()]

    def speak(self, words: list[list[str]], temperature: float, likeliest: int = 0) -> list[list[int]]:
        """Replies to N prompts; settle for N rows first.

        Args:
            words: see `words`.
            temperature: of all rows.
            likeliest: draw from so many ids; 0 for all.
        """
        return self._call(self._way[len(words)], words, temperature, likeliest)

    def _call(
        self, way: tuple[str, int], words: list[list[str]], temperature: float, likeliest: int
    ) -> list[list[int]]:
        made = self._generators[way].generate_batch(
            words,
            max_batch_size=-(-len(words) // way[1]),
            max_length=self._new,
            min_length=self._new,
            sampling_topk=likeliest,
            sampling_temperature=temperature,
            include_prompt_in_result=False,
        )
        return [result.sequences_ids[0] for result in made]
