"""The plain way to build this simulator, for comparison: one environment at a time.

What a competent user would write from the usual libraries: a Gymnasium environment per dialogue in
SB3's DummyVecEnv, replies from a transformers causal LM through `generate()`, texts encoded with
sentence-transformers' `encode()`. Every choice is in its favour: the language model has the size of
the shipped generator but no conditioning layers, its replies are as long as the shipped one's, the
fastest type and attention are taken, and people, guard, reader's heads and tables are the
project's own.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import DummyVecEnv

from benchmarks.decode.peers import fastest, gpt2
from rlgen.envs import World, WorldConfig
from rlgen.envs.parts import load_parts
from rlgen.envs.pipeline import TextPipeline
from rlgen.envs.single import DialogueEnv
from rlgen.generation.embedded.model import Shape
from rlgen.rng import Streams
from rlgen.types import Context, Controls, Estimate, Replies

# What the shipped generator sees: the person's last three utterances and the replies between them.
_LAST_TEXTS = 5


class PlainGenerator:
    """A GPT-2 of given sizes through `generate()`, one row at a time, in its fastest type and attention.

    Its weights are random: what it computes costs the same, and what is said is taken from
    replies that the shipped generator gave, of the length that was generated.

    Args:
        shape: `vocabulary`, `width`, `layers`, `heads`, `prompt` and `reply` are taken.
        said: replies to speak, with their lengths in tokens.

    Attributes:
        way: type and attention that were the fastest.
    """

    def __init__(self, shape: Shape, said: Sequence[tuple[str, int]]) -> None:
        models = {}
        for dtype, attention in itertools.product((torch.float32, torch.bfloat16), ("eager", "sdpa")):
            model = gpt2(shape, shape.prompt + shape.reply + 8).to(dtype)
            model.set_attn_implementation(attention)
            models[str(dtype).removeprefix("torch."), attention] = model
        self._vocabulary, self._prompt = shape.vocabulary, shape.prompt
        self._said = list(said)
        self.calls = 0
        self.way = fastest(
            {way: partial(self._generate, model, self._prompt, 16, 1.0) for way, model in models.items()}
        )
        self._model = models[self.way]

    def _generate(self, model: Any, prompt: int, length: int, temperature: float) -> None:
        ids = torch.randint(1, self._vocabulary, (1, prompt))
        model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            do_sample=True,
            temperature=temperature,
            top_k=0,
            max_new_tokens=length,
        )

    def reply(self, context: Context, estimate: Estimate, controls: Controls, streams: Streams) -> Replies:
        """See `rlgen.types.Generator`."""
        pick = streams.integers("experiments.plain", len(self._said), context.turn)
        texts = []
        for row, chosen in enumerate(pick.tolist()):
            self.calls += 1
            text, length = self._said[chosen]
            words = sum(len(text.split()) for text in context.texts[row][-_LAST_TEXTS:])
            prompt = min(self._prompt, int(1.3 * words) + 1)
            self._generate(self._model, prompt, length, float(controls.temperature[row]))
            texts.append(text)
        nothing = np.zeros(len(pick), dtype=np.float32)
        return Replies(pick[:, None], texts, nothing)

    def weights_sha256(self) -> str:
        """There is nothing to vouch for."""
        return "random weights"


class PlainEncoder:
    """all-MiniLM-L6-v2 through sentence-transformers, one text at a time."""

    def __init__(self, like: Any) -> None:
        from sentence_transformers import SentenceTransformer

        from rlgen.text.encoding.wordpieces import model_folder

        self._model = SentenceTransformer(str(model_folder()), device="cpu")
        self.calls = 0
        self.dim = like.dim

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors `[N, 384]`."""
        self.calls += len(texts)
        vectors = [self._model.encode([t], normalize_embeddings=True, show_progress_bar=False)[0] for t in texts]
        return np.asarray(vectors, dtype=np.float32)


def plain_env(config: WorldConfig, env_id: str, num_envs: int, said: Sequence[tuple[str, int]]) -> DummyVecEnv:
    """`num_envs` single environments side by side.

    Args:
        config: the world that is compared with.
        env_id: its id.
        num_envs: how many environments.
        said: replies with their lengths in tokens.
    """
    parts = load_parts(config)
    pipeline = parts.pipeline
    if not isinstance(pipeline, TextPipeline):
        raise TypeError("the plain way needs a world with a generator")
    generator: Any = pipeline.generator
    reader: Any = copy.copy(pipeline.reader)
    reader.encoder = PlainEncoder(reader.encoder)
    plain = PlainGenerator(Shape(**generator.manifest.settings["shape"]), said)
    parts = replace(parts, pipeline=TextPipeline(plain, pipeline.guard, reader))

    def make() -> DialogueEnv:
        env = DialogueEnv(env_id)
        env.world = World(config, 1, parts=parts)
        return env

    return DummyVecEnv([make] * num_envs)
