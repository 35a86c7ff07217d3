"""TF-IDF with a linear model: the plain peer that every head is measured beside."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rlgen.text.reading import lexical

_SEEN: Final = 2  # times a term has to occur to count


def _terms(text: str) -> list[str]:
    said = lexical.words(text)
    return [*said, *(f"{a} {b}" for a, b in itertools.pairwise(said)), *(["?"] if "?" in text else [])]


class TfIdf:
    """Uni- and bigrams weighted by inverse document frequency, rows of length one."""

    def __init__(self, texts: Sequence[str]) -> None:
        seen = Counter(term for text in texts for term in set(_terms(text)))
        self._index = {term: i for i, term in enumerate(sorted(t for t, n in seen.items() if n >= _SEEN))}
        frequency = np.array([seen[term] for term in self._index], dtype=np.float64)
        self._idf = np.log((1 + len(texts)) / (1 + frequency)) + 1

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """Sparse matrix `[N, terms]`."""
        rows: list[int] = []
        columns: list[int] = []
        values: list[float] = []
        for row, text in enumerate(texts):
            counts = Counter(self._index[term] for term in _terms(text) if term in self._index)
            weighted = {column: n * self._idf[column] for column, n in counts.items()}
            norm = sum(v * v for v in weighted.values()) ** 0.5
            rows += [row] * len(weighted)
            columns += weighted
            values += [v / norm for v in weighted.values()]
        indices = torch.tensor([rows, columns], dtype=torch.int64)
        found = torch.sparse_coo_tensor(
            indices, torch.tensor(values, dtype=torch.float32), (len(texts), len(self._index)), check_invariants=True
        )
        return found.coalesce()


def scores(
    texts: Sequence[str],
    loss: Callable[[Tensor], Tensor],
    outputs: int,
    test: Sequence[str],
    penalty: float = 1e-5,
) -> NDArray[np.float32]:
    """Fit a linear model on TF-IDF by L-BFGS and score other texts, `[M, outputs]`."""
    vectorizer = TfIdf(texts)
    x = vectorizer(texts)
    weights = torch.zeros(x.shape[1], outputs, requires_grad=True)
    bias = torch.zeros(outputs, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights, bias], max_iter=40, history_size=8, line_search_fn="strong_wolfe")

    def closure() -> float:
        optimizer.zero_grad()
        value = loss(torch.sparse.mm(x, weights) + bias) + penalty * (weights**2).sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value.item()

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return np.asarray((torch.sparse.mm(vectorizer(test), weights) + bias).detach(), dtype=np.float32)
