"""The emotional-alignment loss: what is about to be said should carry the emotion of what ought to be said.

The emotion of a text is read by a lexicon over the generator's own ids: for each id the mean affect of
the utterances that hold it, against that of all utterances. It is fitted on what people say in the
training corpus, so it meets neither the reader of people and rewards nor the judge. Being linear in
the ids, it reads an expected text too, and gradients pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from torch import Tensor

from recipes.generator.examples import Examples
from rlgen.affect import AFFECT_DIM, from_category
from rlgen.types import F32

# Occurrences of an id that count as much as the belief that it has no emotion.
_SHRINKAGE: Final = 20.0


def lexicon(examples: Examples, vocabulary: int) -> F32:
    """Affect of each id, `[vocabulary, 8]`; zero for ids that no utterance holds."""
    texts: Sequence[list[int]] = [text for said in examples.said for text in said]
    affect = from_category(examples.category, examples.intensity).astype(np.float64)
    affect -= affect.mean(axis=0)
    total, count = np.zeros((vocabulary, AFFECT_DIM)), np.zeros(vocabulary)
    for ids, felt in zip(texts, affect, strict=True):
        held = np.unique(ids)
        total[held] += felt
        count[held] += 1
    return np.asarray(total / (count + _SHRINKAGE)[:, None], dtype=np.float32)


def misalignment(logits: Tensor, target: Tensor, owner: Tensor, owners: int, affect: Tensor) -> Tensor:
    """Mean of `1 - cosine` between the emotion of expected and of true replies.

    Args:
        logits: `[T, vocabulary]` float32, of all ids of all replies.
        target: `[T]`, the true ids.
        owner: `[T]`, which reply an id belongs to, in [0, owners).
        owners: replies at most.
        affect: `[vocabulary, 8]`, see `lexicon`.

    Returns:
        A scalar in [0, 2].
    """
    zero = torch.zeros(owners, affect.shape[1], device=logits.device)
    expected = zero.index_add(0, owner, torch.softmax(logits, dim=-1) @ affect)
    true = zero.index_add(0, owner, affect[target])
    present = torch.zeros(owners, device=logits.device).index_fill(0, owner, 1.0)
    cosine = torch.nn.functional.cosine_similarity(expected, true, dim=-1)
    return ((1 - cosine) * present).sum() / present.sum()
