"""Training the fluency net on human dialogue turns and their corruptions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from recipes.readers.corruption import KINDS, Corruptor, Marked
from rlgen.text.encoding.piece_vectors import piece_vectors
from rlgen.text.encoding.wordpieces import word_pieces
from rlgen.text.reading.fluency import GAP, REACH, Fluency, Net

TEXTS: Final = 45_000
PASSES: Final = 3
_CHUNK: Final = 4096
_END: Final = 102  # [SEP]


def _pieces(vocabulary: Sequence[str]) -> dict[str, NDArray[np.int32]]:
    return {word: ids[1:-1] for word, ids in zip(vocabulary, word_pieces().lists(vocabulary), strict=True)}


def _stream(marked: Sequence[Marked]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Texts end to end with gaps; target 1 fits, 0 does not, NaN in gaps."""
    pieces = _pieces(list(dict.fromkeys(word for words, _, _ in marked for word in words)))
    stream: list[NDArray[np.int64]] = [np.full(REACH, GAP)]
    target: list[NDArray[np.float32]] = [np.full(REACH, np.nan, dtype=np.float32)]
    end = np.array([_END])
    for words, wrong, bad_end in marked:
        ids = [pieces[word] for word in words]
        sizes = [len(i) for i in ids]
        stream += [np.concatenate(ids).astype(np.int64), end, stream[0]]
        fits = np.repeat(~np.array(wrong, dtype=bool), sizes).astype(np.float32)
        target += [fits, np.array([not bad_end], dtype=np.float32), target[0]]
    return np.concatenate(stream), np.concatenate(target)


def fit(texts: Sequence[str], seed: int) -> Fluency:
    """Fit the net and its calibration.

    Args:
        texts: human sentences of three or more words.
        seed: of corruptions, initial weights and batches.
    """
    rng = np.random.default_rng(seed)
    chosen = [texts[int(i)] for i in rng.permutation(len(texts))[:TEXTS]]
    vectors = piece_vectors()
    torch.manual_seed(seed)
    net = Net()
    corruptor = Corruptor(chosen, seed)
    split = [text.split() for text in chosen]
    steps = 0
    for _turn in range(PASSES):
        marked: list[Marked] = [(words, [False] * len(words), False) for words in split]
        marked += [
            corruptor(words, KINDS[int(rng.integers(len(KINDS)))], float(rng.uniform(0.03, 0.6))) for words in split
        ]
        stream, target = _stream([marked[int(i)] for i in rng.permutation(len(marked))])
        starts = rng.permutation(np.arange(0, len(stream) - _CHUNK, _CHUNK))
        if not steps:
            total = len(starts) * PASSES
            optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-3)
            schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, total_steps=total + PASSES)
        for start in starts:
            part = slice(int(start), int(start) + _CHUNK)
            wanted = torch.from_numpy(target[part][REACH:-REACH])
            inside = ~wanted.isnan()
            logits = net(net.project(vectors[torch.from_numpy(stream[part])]))
            loss = functional.binary_cross_entropy_with_logits(logits[inside], wanted[inside])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            if steps < total:
                schedule.step()
            steps += 1
    raw = Fluency.of(net.half().float())  # as it will be stored
    probe = chosen[:2000]
    floor = float(np.median(raw.raw([" ".join(corruptor.shuffled(text.split())) for text in probe])))
    ceiling = float(np.quantile(raw.raw(probe), 0.75))
    return Fluency.of(raw.net, floor, ceiling)
