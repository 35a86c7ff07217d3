"""Any Hugging Face causal language model as a generator: prompts, guidance, strings at the edges."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import torch

from rlgen.artifacts import tensors_sha256
from rlgen.errors import ConfigError
from rlgen.generation.controls import check
from rlgen.generation.huggingface.directions import read
from rlgen.generation.huggingface.guided import Branches, GuidedDecoder, Rules
from rlgen.generation.huggingface.prefixes import alike
from rlgen.generation.huggingface.prompts import Script, depth, instruction, tone
from rlgen.generation.huggingface.steering import Steerer, Steering
from rlgen.hardware import Bits, Precision, is_out_of_memory, place
from rlgen.rng import Streams
from rlgen.text.language_models.chat_template import SILENCE
from rlgen.text.language_models.pretrained import load_pretrained
from rlgen.types import Context, Controls, Estimate, Replies

_OPENINGS: Final = 4096  # instructions whose ids are kept


class HuggingFaceGenerator:
    """A frozen causal language model behind the `Generator` protocol, without training.

    Tone and recognised emotion are told to the model in words; the emotional weight is the scale
    of classifier-free guidance between the prompt with those words and the prompt without. A
    row's ids depend on its own context, affect, controls and stream, up to rounding: in float32
    they are the same in any batch, in bf16 a neighbour's length can tip a close decision.

    Example:
        >>> generator = HuggingFaceGenerator("Qwen/Qwen2.5-0.5B-Instruct", device="cuda")  # doctest: +SKIP
        >>> generator.reply(context, estimate, controls, streams).text  # doctest: +SKIP

    Attributes:
        calls: batched calls of this session so far.
        model: of transformers.
        precision: in which it computes, e.g. `"bfloat16"`.
        tokenizer: of transformers.
        max_new_tokens: greatest number of ids of a reply.
    """

    def __init__(
        self,
        model: str | Path,
        device: str = "cpu",
        dtype: Precision = "auto",
        max_new_tokens: int = 64,
        top_p: float = 0.95,
        guidance: bool = True,
        greedy: bool = False,
        steering: Steering | str | Path | None = None,
        shared_prefixes: bool = True,
    ) -> None:
        """Load a model.

        Args:
            model: path of a folder, or hub id. A path never leads to the network.
            device: `"cpu"`, `"cuda"`, or as torch names them.
            dtype: `"bf16"`, `"fp32"`, or `"auto"`: bf16 where the device multiplies it in hardware.
            max_new_tokens: greatest number of ids of a reply.
            top_p: words are sampled from the fewest that have this probability together; 1 for all.
            guidance: False says the emotional weight in words, which halves the work; weight 0 is the
                unconditioned prompt then too.
            greedy: always the likeliest word; temperature and streams change nothing.
            steering: directions to move hidden states along as well, or the folder of those that
                `rlgen fit steering` wrote; see `steer`.
            shared_prefixes: False reads every prompt whole; replies are the same, up to rounding.

        Raises:
            ArtifactError: there is no such model, it is no causal language model, or the folder of directions
                is damaged or another model's.
            ConfigError: there is no such device or type, a number is out of range, the model's context is
                too short, or the directions are not of this model.
        """
        if max_new_tokens < 1:
            raise ConfigError(f"max_new_tokens was {max_new_tokens}; it must be 1 or more")
        if not 0.0 < top_p <= 1.0:
            raise ConfigError(f"top_p was {top_p}; it must be above 0 and at most 1")
        where, precision = place(device, dtype)
        self.precision = str(precision).removeprefix("torch.")
        loaded = load_pretrained(model, where, precision)
        self.model, self.tokenizer = loaded.model, loaded.tokenizer
        self.max_new_tokens = max_new_tokens
        self.calls = 0
        self._guidance = guidance
        room = loaded.context - max_new_tokens if loaded.context is not None else None
        self._script = Script(loaded.tokenizer, room, loaded.name)
        self._openings: dict[tuple[str, ...], list[int]] = {}
        size = loaded.model.get_output_embeddings().weight.shape[0]
        ends, lasts = torch.zeros(size, dtype=torch.bool), torch.zeros(size, dtype=torch.bool)
        ends[list(loaded.ends)] = True
        never = ~ends & (torch.arange(size) >= len(self.tokenizer))  # rows that only fill up the matrix
        if not self._script.chat:  # a turn of a transcript is one line
            for i, text in enumerate(self.tokenizer.batch_decode([[i] for i in range(len(self.tokenizer))])):
                if "\n" in text:
                    (lasts if text.partition("\n")[0].strip() else ends)[i] = True
        masks = ends.to(where), lasts.to(where)
        rules = Rules(*masks, max_new_tokens, top_p, greedy, never.to(where) if bool(never.any()) else None)
        self._decoder = GuidedDecoder(self.model, rules, shared_prefixes)
        self.steer(steering if steering is None or isinstance(steering, Steering) else read(steering, self.model))

    def steer(self, steering: Steering | None) -> None:
        """Move hidden states along directions from now on, in every session; None for no more.

        Only replies are steered, from the position that opens them, and only after conditional
        prompts: emotional weight 0 stays the unconditioned model.

        Args:
            steering: e.g. from `fit_steering(generator.model, generator.tokenizer, pairs)` of
                `rlgen.generation.huggingface.steering`.

        Raises:
            ConfigError: the directions are not of this model.
        """
        with self._decoder.lock:
            steerer = None if steering is None else Steerer(self.model, steering)
            if self._decoder.steerer is not None:
                self._decoder.steerer.remove()
            self._decoder.steerer = steerer

    def session(self) -> Self:
        """The same frozen model with a count of calls of its own: what one world uses.

        Nothing of a dialogue is kept between calls. Sessions share what prompts begin with, which depends on those
        ids alone, and the steering; they wait for each other.
        """
        mine = copy.copy(self)
        mine.calls = 0
        return mine

    def weights_sha256(self) -> str:
        """Hash of the weights as they are in memory now, and of the directions, where given."""
        tensors = dict(self.model.state_dict())
        if self._decoder.steerer is not None:
            tensors["steering"] = self._decoder.steerer.vectors
        return tensors_sha256(Bits(tensors))

    def reply(self, context: Context, estimate: Estimate, controls: Controls, streams: Streams) -> Replies:
        """Replies of N rows in one batched call.

        Args:
            context: N windows; those beyond the model's context lose their oldest turns.
            estimate: of N rows; only `affect` conditions the words.
            controls: of N rows.
            streams: of N rows; purpose `"generation.token"`, one uniform a token.

        Returns:
            Replies whose `logprob` counts the token that ends them.

        Raises:
            ActionError: a control is not finite, out of range or of the wrong shape.
            SignalError: the affect is not finite or of the wrong shape.
            ArtifactError: the model's logits are not finite.
            ConfigError: the batch does not fit into the device's memory.
        """
        rows = len(context.texts)
        check(controls, estimate, rows)
        with self._decoder.lock:
            self.calls += 1
            return self._reply(rows, context, estimate, controls, streams)

    def _reply(self, rows: int, context: Context, estimate: Estimate, controls: Controls, streams: Streams) -> Replies:
        if rows == 0:
            return Replies.none(self.max_new_tokens)
        weight = np.asarray(controls.emotional_weight, dtype=np.float32)
        branches, told = self._branches(context.texts, estimate, controls, weight)
        uniforms = streams.uniform("generation.token", context.turn, size=self.max_new_tokens)
        try:
            generated = self._decoder.generate(
                branches,
                torch.from_numpy(weight),
                torch.from_numpy(np.asarray(controls.temperature, dtype=np.float32)),
                torch.from_numpy(uniforms),
                self._amounts(estimate, controls, weight, told, len(branches.prompts)),
            )
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            raise ConfigError(
                f"{rows} dialogues at once do not fit into the memory of {self.model.device}; choose fewer num_envs, "
                f"a smaller max_new_tokens or dtype 'bf16'"
            ) from error
        ids = generated.ids.cpu().numpy()
        return Replies(ids, self._texts(ids), generated.logprob.cpu().numpy())

    def _branches(
        self, texts: Sequence[Sequence[str]], estimate: Estimate, controls: Controls, weight: np.ndarray[Any, Any]
    ) -> tuple[Branches, np.ndarray[Any, Any]]:
        """The prompts that are needed, those with instructions first, and which rows have one of those."""
        windows, bare = self._script.windows(texts)
        told = np.flatnonzero(weight != 0)
        free = np.flatnonzero(weight != 1) if self._guidance else np.flatnonzero(weight == 0)
        rendered: list[str] = []
        openings: list[tuple[list[int], ...]] = []
        for i in told:
            deep = () if self._guidance else (depth(float(weight[i])),)
            asked = float(controls.warmth[i]), float(controls.directiveness[i])
            said = instruction(estimate.affect[i], *asked, *deep)
            rendered.append(self._script.render(windows[i], said))
            openings.append((self._opening(*_any_feeling(tone(*asked))), self._opening(said)))
        prompts = [*(self._script.encode(rendered) if rendered else []), *(bare[i] for i in free)]
        openings += [(self._opening(""),)] * len(free)
        shared = [alike(ids, some) for ids, some in zip(prompts, openings, strict=True)]
        conditional, unconditional = np.full((2, len(windows)), -1)
        conditional[told] = np.arange(len(told))
        unconditional[free] = len(told) + np.arange(len(free))
        return (
            Branches(
                prompts,
                torch.from_numpy(np.where(conditional < 0, unconditional, conditional)),
                torch.from_numpy(np.where(unconditional < 0, conditional, unconditional)),
                shared,
            ),
            told,
        )

    def _opening(self, *told: str) -> list[int]:
        """See `Script.opening`; looked up where the same instructions were given before."""
        if len(self._openings) > _OPENINGS:
            self._openings.clear()
        if told not in self._openings:
            self._openings[told] = self._script.opening(*told)
        return self._openings[told]

    def _amounts(
        self,
        estimate: Estimate,
        controls: Controls,
        weight: np.ndarray[Any, Any],
        told: np.ndarray[Any, Any],
        prompts: int,
    ) -> torch.Tensor | None:
        """How far each prompt's branch is steered, `[B, directions]`: those without instructions not at all."""
        if self._decoder.steerer is None:
            return None
        # Guidance scales what a direction does to the words already.
        deep = np.ones_like(weight) if self._guidance else weight
        asked = self._decoder.steerer.steering.amounts(
            np.asarray(estimate.affect)[told],
            np.asarray(controls.warmth)[told],
            np.asarray(controls.directiveness)[told],
            deep[told],
        )
        return torch.cat([asked, asked.new_zeros(prompts - len(told), asked.shape[1])])

    def _texts(self, ids: np.ndarray[Any, Any]) -> list[str]:
        """Strings on one line, printable, and never empty."""
        said = [row[:n] for row, n in zip(ids.tolist(), (ids >= 0).sum(axis=1), strict=True)]
        texts = self.tokenizer.batch_decode(said, skip_special_tokens=True)
        if not self._script.chat:
            texts = [text.partition("\n")[0] for text in texts]
        plain = [" ".join("".join(c if c.isprintable() else " " for c in text).split()) for text in texts]
        return [text or SILENCE for text in plain]


def _any_feeling(told: str) -> tuple[str, ...]:
    """Instructions of one tone that go on differently from their first letter."""
    return f"{told} You", f"{told} I"
