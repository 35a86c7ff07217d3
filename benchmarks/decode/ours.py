"""The decoder that peers stand beside, with random weights, and the prompts that all of them answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import tokenizers
import torch
from tokenizers import models, pre_tokenizers
from torch import Tensor, nn

from rlgen.affect import AFFECT_DIM
from rlgen.generation.embedded.cache import KeyValueCache
from rlgen.generation.embedded.decode import Decoder
from rlgen.generation.embedded.frozen import Frozen
from rlgen.generation.embedded.model import Network, Shape
from rlgen.generation.embedded.prefill import Prefiller
from rlgen.generation.embedded.tokenizer import END, PERSON, SPECIALS, SUPPORTER, Tokenizer
from rlgen.generation.embedded.window import ContextTokenizer
from rlgen.hardware import place
from rlgen.rng import Streams
from rlgen.types import CONTROL_RANGES

PROMPT: Final = 48
Dialogues = Sequence[Sequence[str]]
Controls = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
"""Of N rows: affect `[N, 8]`, tone `[N, 2]`, emotional weight `[N]`, temperature `[N]`, uniforms `[N, reply]`."""


class Ours:
    """The decoder with random weights, as the shipped generator runs it: texts in, ids out.

    A text is a row of ids in words, so that prompts have the length that is asked for; they are
    known to the context tokenizer before anything is timed, as the peers' ids are ready. Nothing can end
    a reply.

    Args:
        shape: of the model.
        device: where it runs, in the type that it would choose itself.
        alike: take the first row's tone, affect and weight for all rows and compute their
            modulations once, as a loop that knows no controls of a row's own would.
    """

    def __init__(self, shape: Shape, device: str, alike: bool = False) -> None:
        torch.manual_seed(0)
        network = Network(shape)
        nn.init.normal_(network.conditioner.modulation.weight, std=0.1)
        where, dtype = place(device, "auto")
        self.parameters = sum(p.numel() for p in network.parameters())
        self.frozen = (_Alike if alike else Frozen)(shape, network.state_dict(), where, dtype)
        inner = tokenizers.Tokenizer(
            models.WordLevel({name: i for i, name in enumerate([*SPECIALS, *map(str, range(4, shape.vocabulary))])})
        )
        inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        tokenizer = Tokenizer(inner)
        self._decoder = Decoder(self.frozen, [ok and i != END for i, ok in enumerate(tokenizer.sayable())])
        self._prefiller = Prefiller(self.frozen, self._decoder.slots, ContextTokenizer(tokenizer, shape))

    def prefill(self, dialogues: Dialogues) -> KeyValueCache:
        """Bring the cache up to the dialogues; those that it has read as they are, it reads anew."""
        return self._prefiller.prefill(dialogues)

    def reply(self, dialogues: Dialogues, controls: Controls) -> Tensor:
        """Read N dialogues and answer them: ids `[N, reply]`."""
        return self.generate(self.prefill(dialogues), controls)

    def generate(self, cache: KeyValueCache, controls: Controls) -> Tensor:
        """Answer what is in the cache."""
        return self._decoder.generate(cache, *controls).ids


class _Alike(Frozen):
    def modulations(self, affect: Tensor, tone: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        scale, shift = super().modulations(affect[:1], tone[:1], weight[:1])
        return scale.expand(-1, len(weight), -1), shift.expand(-1, len(weight), -1)


def draw_controls(rows: int, shape: Shape, device: torch.device) -> Controls:
    """Affect, tone, weight, temperature and uniforms, every row its own."""
    streams = Streams.of(0, rows)

    def drawn(name: str, size: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        u = streams.uniform(f"bench.decode.{name}", size=size)
        return torch.from_numpy((low + u * (high - low)).astype(np.float32)).to(device)

    return (
        drawn("affect", AFFECT_DIM),
        drawn("tone", 2, -1.0, 1.0),
        drawn("weight", 1, *CONTROL_RANGES["emotional_weight"])[:, 0],
        drawn("temperature", 1, *CONTROL_RANGES["temperature"])[:, 0],
        drawn("token", shape.reply),
    )


def draw_texts(rows: int, shape: Shape, lengths: Sequence[int]) -> list[list[str]]:
    """Dialogues of texts of some lengths, their ids random."""
    u = Streams.of(1, rows).uniform("bench.decode.texts", size=sum(lengths))
    ids = len(SPECIALS) + (u * (shape.vocabulary - len(SPECIALS))).astype(np.int64)
    ends = np.cumsum(lengths)[:-1]
    return [[" ".join(map(str, text)) for text in np.split(row, ends)] for row in ids]


def prompted(rows: int, shape: Shape, where: torch.device) -> tuple[list[list[str]], Tensor, Controls]:
    """Dialogues that the decoder has read `PROMPT` ids of when it says its first, and what goes with them.

    Returns:
        Dialogues of one utterance; the same with what opens utterance and reply, as a peer takes
        them, `[N, PROMPT]`; controls.
    """
    dialogues = draw_texts(rows, shape, [PROMPT - 2])
    ids = [[PERSON, *map(int, texts[0].split()), SUPPORTER] for texts in dialogues]
    return dialogues, torch.tensor(ids, device=where), draw_controls(rows, shape, where)
