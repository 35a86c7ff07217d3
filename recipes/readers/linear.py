"""Fitting linear heads: ridge for grades, softmax for categories, cumulative logits for levels."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from rlgen.text.reading.heads import BUCKETS, Features, Head, folded

F32 = NDArray[np.float32]


def standardised(
    features: Features,
) -> tuple[NDArray[np.float64], Callable[[NDArray[np.float64]], tuple[F32, F32, F32]]]:
    """Embedding and surface side by side with unit variance, and the way back for weights.

    Returns:
        `[N, dim + S]`, and a function from weights `[k, dim + S + 1]` (the last is the bias) to
        the weights of a `Head`: embedding, surface, bias.
    """
    center, spread = features.surface.mean(axis=0), features.surface.std(axis=0) + 0.05
    dim = features.embedding.shape[1]
    scale = dim**0.5  # brings a unit vector's coordinates to unit variance
    matrix = np.concatenate([features.embedding * scale, (features.surface - center) / spread], axis=1)

    def back(weights: NDArray[np.float64]) -> tuple[F32, F32, F32]:
        surface = weights[:, dim:-1] / spread
        bias = weights[:, -1] - surface @ center
        return tuple(np.asarray(w, dtype=np.float32) for w in (weights[:, :dim] * scale, surface, bias))  # type: ignore[return-value]

    return matrix.astype(np.float64), back


def ridge(
    features: Features, target: F32, penalty: float, surface_penalty: float = 1.0, weight: F32 | None = None
) -> Head:
    """Least squares with a quadratic penalty.

    Args:
        features: of N texts.
        target: `[N]` or `[N, k]`.
        penalty: on embedding weights.
        surface_penalty: on surface weights.
        weight: `[N]`, how much each text counts.
    """
    x, back = standardised(features)
    y = np.atleast_2d(target.astype(np.float64).T).T
    w = np.ones(len(x)) if weight is None else weight.astype(np.float64)
    x = np.concatenate([x, np.ones((len(x), 1))], axis=1)
    strength = np.full(x.shape[1], penalty)
    strength[features.embedding.shape[1] : -1] = surface_penalty
    strength[-1] = 1e-6
    solved = np.linalg.solve((x * w[:, None]).T @ x + np.diag(strength), (x * w[:, None]).T @ y)
    embedding, surface, bias = back(np.asarray(solved.T, dtype=np.float64))
    return Head(embedding, surface, np.zeros((0, y.shape[1]), dtype=np.float32), bias)


def _minimise(parameters: Sequence[Tensor], loss: Callable[[], Tensor], steps: int) -> None:
    optimizer = torch.optim.LBFGS(parameters, lr=1.0, max_iter=steps, history_size=8, line_search_fn="strong_wolfe")

    def closure() -> float:
        optimizer.zero_grad()
        value = loss()
        value.backward()  # type: ignore[no-untyped-call]
        return value.item()

    optimizer.step(closure)  # type: ignore[no-untyped-call]


def logistic(
    features: Features,
    loss: Callable[[Tensor], Tensor],
    outputs: int,
    penalty: float,
    bag_penalty: float | None = None,
    steps: int = 60,
    size: int = BUCKETS,
) -> Head:
    """Minimise any loss of the scores plus a quadratic penalty, by L-BFGS from zero.

    Args:
        features: of N texts.
        loss: from scores `[N, outputs]` to the mean loss.
        outputs: k.
        penalty: on embedding and surface weights, per text.
        bag_penalty: on word-piece weights, per text; None leaves word pieces out.
        steps: iterations.
        size: rows of the word-piece table.
    """
    matrix, back = standardised(features)
    x = torch.from_numpy(matrix.astype(np.float32))
    weights = torch.zeros(outputs, x.shape[1] + 1, requires_grad=True)
    parameters = [weights]
    if bag_penalty is not None:
        rows, columns = np.nonzero(features.bag < BUCKETS)
        count = np.maximum((features.bag < BUCKETS).sum(axis=1), 1)
        columns = folded(features.bag, size)[rows, columns]
        # Rare pieces get a larger step and a weaker penalty, as in TF-IDF; the scale is folded into the weights.
        seen = np.bincount(columns, minlength=size)
        idf = (np.log((1 + len(x)) / (1 + seen)) + 1).astype(np.float32) / 4
        values = torch.from_numpy((1.0 / np.sqrt(count))[rows].astype(np.float32) * idf[columns])
        indices = torch.from_numpy(np.stack([rows, columns]))
        sparse = torch.sparse_coo_tensor(indices, values, (len(x), size), check_invariants=True).coalesce()
        table = torch.zeros(size, outputs, requires_grad=True)
        parameters.append(table)

    def objective() -> Tensor:
        scores = x @ weights[:, :-1].T + weights[:, -1]
        cost = penalty * (weights[:, :-1] ** 2).sum()
        if bag_penalty is not None:
            scores = scores + torch.sparse.mm(sparse, table)
            cost = cost + bag_penalty * (table**2).sum()
        return loss(scores) + cost

    _minimise(parameters, objective, steps)
    embedding, surface, bias = back(weights.detach().double().numpy())
    bag = np.zeros((0, outputs), dtype=np.float32)
    if bag_penalty is not None:
        bag = np.concatenate([table.detach().numpy() * idf[:, None], np.zeros((1, outputs), dtype=np.float32)])
    return Head(embedding, surface, bag, bias)


def soft_cross_entropy(target: F32, weight: F32) -> Callable[[Tensor], Tensor]:
    """Cross-entropy against distributions `[N, k]`, each text counting `weight` `[N]`."""
    wanted, counts = torch.from_numpy(target), torch.from_numpy(weight)
    return lambda scores: -((wanted * functional.log_softmax(scores, dim=1)).sum(dim=1) * counts).sum() / counts.sum()


def binary_cross_entropy(target: F32, weight: F32 | None = None) -> Callable[[Tensor], Tensor]:
    """Cross-entropy of independent yes/no targets `[N, k]`."""
    wanted = torch.from_numpy(target)
    counts = (
        torch.ones_like(wanted) if weight is None else torch.from_numpy(np.broadcast_to(weight, target.shape).copy())
    )
    return lambda scores: functional.binary_cross_entropy_with_logits(scores, wanted, counts)


def level_targets(levels: NDArray[np.int64]) -> F32:
    """Levels 0-2 `[N, m]` as `[N, 2m]`: at least 1 for each, then at least 2."""
    return np.concatenate([levels >= 1, levels >= 2], axis=1).astype(np.float32)


def shares(target: F32) -> F32:
    """Weights `[N]` that lift rare categories: inverse square root of the frequency, with mean 1."""
    frequency = target.mean(axis=0)
    weight = (target / np.sqrt(np.maximum(frequency, 1e-6))).sum(axis=1)
    return np.asarray(weight / weight.mean(), dtype=np.float32)
