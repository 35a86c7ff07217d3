"""The shipped generator: loading, checking, and strings at the edges."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final, Self

import numpy as np
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from rlgen.artifacts import Manifest, load, tensors_sha256, write
from rlgen.errors import ArtifactError
from rlgen.generation.controls import check
from rlgen.generation.embedded.decode import Decoder
from rlgen.generation.embedded.frozen import Frozen
from rlgen.generation.embedded.model import Shape
from rlgen.generation.embedded.prefill import Prefiller
from rlgen.generation.embedded.tokenizer import Tokenizer
from rlgen.generation.embedded.window import ContextTokenizer
from rlgen.hardware import Bits, Precision, memory_of, place
from rlgen.locks import OneThread
from rlgen.rng import Streams
from rlgen.types import Context, Controls, Estimate, Replies

KIND: Final = "generator/1"
WEIGHTS: Final = "weights.safetensors"
TOKENIZER: Final = "tokenizer.json"


class EmbeddedGenerator:
    """A frozen `rlgen.generation.embedded.model.Network` behind the `Generator` protocol.

    A row's ids depend on its dialogue, affect, controls and stream alone: not on the batch size,
    the order or the neighbours, nor on what was asked of it before. Row i of a call is expected to be
    the dialogue that row i of the last call was; then only what is new is read. That memory belongs to a
    session: threads that share one wait for each other, and worlds have one each.

    Attributes:
        calls: batched calls of this session so far.
        manifest: where the weights come from.
        sha256: hash of the weights as they were given, whatever precision they run in.
        precision: which that is, e.g. `"bfloat16"`.
    """

    def __init__(
        self,
        shape: Shape,
        tensors: Mapping[str, torch.Tensor],
        tokenizer: Tokenizer,
        manifest: Manifest,
        device: str = "cpu",
        dtype: Precision = "auto",
    ) -> None:
        """Freeze the tensors of a network.

        Args:
            shape: its sizes.
            tensors: its state by name.
            tokenizer: the one it was trained with.
            manifest: where it comes from.
            device: `"cpu"`, `"cuda"`, or as torch names them.
            dtype: `"bf16"`, `"fp32"`, or `"auto"`: bf16 where the device multiplies it in hardware.

        Raises:
            ConfigError: there is no such device or type, it has too little memory, or a number is out of range.
            ArtifactError: the tensors do not fit the sizes.
        """
        where, precision = place(device, dtype)
        self.precision = str(precision).removeprefix("torch.")
        try:
            with memory_of(where, manifest.name):
                frozen = Frozen(shape, tensors, where, precision)
        except (KeyError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise ArtifactError(f"{manifest.name}: the weights do not fit the manifest's sizes ({reason})") from error
        self.sha256 = tensors_sha256(Bits(tensors))
        self._decoder = Decoder(frozen, tokenizer.sayable())
        self._tokenizer = tokenizer
        self.manifest = manifest
        self._begin()

    def _begin(self) -> None:
        frozen = self._decoder.frozen
        self._prefiller = Prefiller(frozen, self._decoder.slots, ContextTokenizer(self._tokenizer, frozen.shape))
        self._alone = OneThread()
        self.calls = 0

    @classmethod
    def load(
        cls,
        source: str | Path = "shipped:generator",
        device: str = "cpu",
        dtype: Precision = "auto",
    ) -> EmbeddedGenerator:
        """Read an artifact that `python -m recipes.generator` wrote.

        Args:
            source: `"shipped:generator"` or the path of a folder.
            device: where to run.
            dtype: in which type.

        Raises:
            ArtifactError: missing, without weights, damaged, or of another kind.
            ConfigError: there is no such device or type, or a number is out of range.
        """
        artifact = load(source, KIND)
        try:
            tensors = load_tensors(artifact.file(WEIGHTS).read_bytes())
            tokenizer = Tokenizer.from_json(artifact.file(TOKENIZER).read_bytes())
            shape = Shape(**artifact.manifest.settings["shape"])
        except (KeyError, TypeError, ValueError, OSError) as error:
            raise artifact.unreadable(error) from error
        return cls(shape, tensors, tokenizer, artifact.manifest, device, dtype)

    def session(self) -> Self:
        """The same frozen weights with a memory of dialogues and a count of calls of its own: what one world uses."""
        mine = copy.copy(self)
        mine._begin()
        return mine

    def weights_sha256(self) -> str:
        """Hash of the weights as they are in memory now (it differs between precisions)."""
        return tensors_sha256(Bits(self._decoder.frozen.tensors()))

    def reply(self, context: Context, estimate: Estimate, controls: Controls, streams: Streams) -> Replies:
        """Replies of N rows in one batched call.

        Args:
            context: N dialogues; the person's last three utterances and the replies between them are looked at,
                and what those were read to mean in their own time.
            estimate: of N rows; only `affect` conditions the words.
            controls: of N rows.
            streams: of N rows; purpose `"generation.token"`, one uniform a token.

        Raises:
            ActionError: a control is not finite, out of range or of the wrong shape.
            SignalError: the affect is not finite or of the wrong shape.
        """
        rows = len(context.texts)
        check(controls, estimate, rows)
        with self._alone:
            self.calls += 1
            return self._reply(rows, context, estimate, controls, streams)

    def _reply(self, rows: int, context: Context, estimate: Estimate, controls: Controls, streams: Streams) -> Replies:
        shape, device = self._decoder.frozen.shape, self._decoder.frozen.device
        if rows == 0:
            return Replies.none(shape.reply)
        cache = self._prefiller.prefill(context.texts)
        uniforms = streams.uniform("generation.token", context.turn, size=shape.reply)
        tone = np.stack([controls.warmth, controls.directiveness], axis=1)
        asked = [estimate.affect, tone, controls.emotional_weight, controls.temperature, uniforms]
        tensors = (torch.from_numpy(np.ascontiguousarray(a, dtype=np.float32)).to(device) for a in asked)
        generated = self._decoder.generate(cache, *tensors)
        ids = generated.ids.cpu().numpy()
        text = self._tokenizer.decode([row[:n] for row, n in zip(ids.tolist(), (ids >= 0).sum(axis=1), strict=True)])
        return Replies(ids, text, generated.logprob.cpu().numpy())


def save(
    target: str | Path, shape: Shape, tensors: Mapping[str, torch.Tensor], tokenizer: Tokenizer, manifest: Manifest
) -> None:
    """Write a generator's artifact, weights in bf16.

    Args:
        target: folder to create or replace.
        shape: sizes; they go into the manifest's settings.
        tensors: the network's state.
        tokenizer: what it was trained with.
        manifest: the rest of what is known about it.
    """
    narrow = {name: t.detach().to(torch.bfloat16).contiguous() for name, t in tensors.items()}
    complete = manifest.model_copy(update={"settings": {**manifest.settings, "shape": asdict(shape)}})
    write(target, {WEIGHTS: save_tensors(narrow), TOKENIZER: tokenizer.to_json()}, complete)
