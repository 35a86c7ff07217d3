"""How likely a generator finds given replies: perplexity and bits per byte of any text, under any controls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from safetensors.torch import load as load_tensors

from rlgen.artifacts import load
from rlgen.generation.embedded.generator import KIND, TOKENIZER, WEIGHTS
from rlgen.generation.embedded.model import REACH, Layout, Network, Shape
from rlgen.generation.embedded.tokenizer import END, PAD, SUPPORTER, Tokenizer
from rlgen.generation.embedded.window import ContextTokenizer
from rlgen.text.plain import clean
from rlgen.types import F32, I64

_BATCH_IDS: Final = 12_288


@dataclass(frozen=True)
class Scores:
    """Of N replies, in float32.

    Attributes:
        nats: `[N]` negative log-likelihood, the end of the reply included.
        ids: `[N]` ids, the end included.
        bytes: `[N]` of UTF-8 as the generator reads the reply.
    """

    nats: F32
    ids: I64
    bytes: I64

    @property
    def perplexity(self) -> float:
        """Per id."""
        return float(np.exp(self.nats.sum() / self.ids.sum()))

    @property
    def bits_per_byte(self) -> float:
        """Bits per byte of the texts."""
        return float(self.nats.sum() / np.log(2) / self.bytes.sum())


class Scorer:
    """Reads an artifact of `python -m recipes.generator` and scores replies with it, on a CPU in float32.

    Args:
        source: `"shipped:generator"` or the path of a folder.

    Raises:
        ArtifactError: missing, damaged, or of another kind.
    """

    def __init__(self, source: str | Path) -> None:
        artifact = load(source, KIND)
        try:
            self.tokenizer = Tokenizer.from_json(artifact.file(TOKENIZER).read_bytes())
            self.shape = Shape(**artifact.manifest.settings["shape"])
            self.network = Network(self.shape)
            self.network.load_state_dict(load_tensors(artifact.file(WEIGHTS).read_bytes()))
        except (KeyError, TypeError, ValueError, RuntimeError, OSError) as error:
            raise artifact.unreadable(error) from error
        self.network.eval().requires_grad_(False)
        self._contexts = ContextTokenizer(self.tokenizer, self.shape)

    def score(
        self, contexts: Sequence[Sequence[str]], replies: Sequence[str], affect: F32, tone: F32, weight: F32
    ) -> Scores:
        """Score N replies to N dialogues.

        A reply longer than any that the model was trained on is scored whole, at positions it does not know.

        Args:
            contexts: what each answers, oldest text first, the person first and last.
            replies: N texts; an empty one is only an end.
            affect: `[N, 8]` that the reply is conditioned on.
            tone: `[N, 2]` warmth and directiveness.
            weight: `[N]` emotional weight; at 0 affect and tone count for nothing.
        """
        # What lies further back reaches a reply through other tokens at most: it is left out.
        heard = self._contexts.exchanges([list(texts)[-(4 * REACH + 1) :] for texts in contexts])
        cleaned = [clean(reply) for reply in replies]
        spoken = self.tokenizer.encode(cleaned)
        rows = [
            _row([(e.ids, e.replied) for e in exchanges], ids) for exchanges, ids in zip(heard, spoken, strict=True)
        ]
        nats = np.zeros(len(rows), dtype=np.float32)
        order = np.argsort([len(row.ids) for row in rows], kind="stable").tolist()
        batch: list[int] = []
        for i in [*order, -1]:
            if batch and (i < 0 or (len(batch) + 1) * len(rows[i].ids) > _BATCH_IDS):
                nats[batch] = self._nats([rows[j] for j in batch], affect[batch], tone[batch], weight[batch])
                batch = []
            batch.append(i)
        return Scores(
            nats,
            np.array([len(ids) + 1 for ids in spoken], dtype=np.int64),
            np.array([len(text.encode()) for text in cleaned], dtype=np.int64),
        )

    @torch.inference_mode()
    def _nats(self, rows: Sequence[_Row], affect: F32, tone: F32, weight: F32) -> F32:
        count, length = len(rows), max(len(row.ids) for row in rows)
        ids = torch.full((count, length), PAD)
        position, exchange, target = torch.zeros_like(ids), torch.zeros_like(ids), torch.full_like(ids, -1)
        read, branch, held = (torch.zeros(ids.shape, dtype=torch.bool) for _ in range(3))
        for i, row in enumerate(rows):
            here = slice(0, len(row.ids))
            ids[i, here] = torch.tensor(row.ids)
            position[i, here] = torch.arange(len(row.ids))
            exchange[i, here] = torch.tensor(row.exchange)
            read[i, here] = torch.tensor(row.read)
            branch[i, row.spoken : len(row.ids)] = True
            held[i, here] = True
            target[i, row.spoken : len(row.ids)] = torch.tensor([*row.ids[row.spoken + 1 :], END])
        layout = Layout(position, exchange, read, branch, held)
        turns = int(exchange.max()) + 1
        hidden = self.network(
            ids,
            layout,
            branch * torch.from_numpy(weight)[:, None],
            torch.from_numpy(affect)[:, None].expand(-1, turns, -1),
            torch.from_numpy(tone)[:, None].expand(-1, turns, -1),
        )
        logits = self.network.logits(hidden[branch])
        nats = torch.nn.functional.cross_entropy(logits, target[branch], reduction="none")
        owner = torch.arange(count)[:, None].expand_as(ids)[branch]
        summed: F32 = torch.zeros(count).index_add(0, owner, nats).numpy()
        return summed


@dataclass(frozen=True)
class _Row:
    """A dialogue as it is read and behind it the reply, from index `spoken` on; one entry per id."""

    ids: list[int]
    exchange: list[int]
    read: list[bool]
    spoken: int


def _row(exchanges: Sequence[tuple[list[int], int]], reply: list[int]) -> _Row:
    ids: list[int] = []
    exchange: list[int] = []
    read: list[bool] = []
    for number, (heard, replied) in enumerate(exchanges):
        ids += heard
        exchange += [number] * len(heard)
        read += [i < replied for i in range(len(heard))]
    answer = [SUPPORTER, *reply]
    spoken = len(ids)
    last = len(exchanges) - 1
    return _Row(ids + answer, exchange + [last] * len(answer), read + [False] * len(answer), spoken)
