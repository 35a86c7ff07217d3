"""EPIC, DARD and STARC from logged dialogues, with standard errors.

Dialogues end, by the person or at the limit of turns, and the number of a turn only grows. So turns are put together
within a turn's number, and an ended dialogue earns nothing more. For infinite worlds without a clock the forms are
those of the papers; here they ignore shaping to the last digit for any potential of the state that is 0 once a
dialogue is over, on any log. A constant for each turn is not ignored: where dialogues end, it pays for staying.

EPIC's coverage assumption means here: any person at turn t may be told any reply of the log, and may then show what
any other person showed after turn t. So a design is also judged on a despairing person who leaves content after a
joke that was meant for somebody else. What it pays there counts as much as what it pays on turns that happen; where a
design is learned, that is what it says of turns unlike all that it was fitted on.

DARD keeps to what happened: it compares on logged turns, and shapes with replies and answers of the turns that began
most like each. One of its four terms still puts a successor of one such turn before a successor of the next.

STARC compares advantages of the policy that made the log: by how much a reply raises what the rest of the dialogue
pays, as a regression on its reading and on the state sees it. What a regression cannot see is left out: two designs
that differ only there are 0 apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

import numpy as np

from rlgen.affect import AROUSAL, VALENCE
from rlgen.rewards.composition import RewardDesign
from rlgen.rewards.distances.logged import Turns, history
from rlgen.rewards.distances.tabular import apart
from rlgen.rewards.trace import Trace
from rlgen.types import F64, I64

Kind = Literal["epic", "dard", "starc"]
KINDS: Final[tuple[Kind, ...]] = ("epic", "dard", "starc")

_COVER: Final = 64  # pairs of a reply and of what came after it, with which EPIC's mean is taken
_TURNS: Final = 8_000  # turns that are compared at most
_NEAR: Final = 4  # turns that began most like another
_RIDGE: Final = 1e-3  # of a reply's standardised reading, per turn
_BATCH: Final = 100_000  # turns that are scored at once


@dataclass(frozen=True)
class Distances:
    """Distances of R designs from each other.

    Attributes:
        names: R.
        value: `[R, R]` in [0, 1]; NaN where a reply makes no difference to a design that the log could show.
        error: `[R, R]`, standard errors over dialogues.
    """

    names: tuple[str, ...]
    value: F64
    error: F64


def distances(
    designs: Sequence[RewardDesign],
    turns: Turns,
    kinds: Sequence[Kind] = KINDS,
    gamma: float = 0.99,
    seed: int = 0,
    resamples: int = 100,
    progress: Callable[[Kind, str], None] = lambda kind, design: None,
) -> dict[Kind, Distances]:
    """Distances of designs on a log.

    Args:
        designs: R of them.
        turns: the log; of a large one, as many whole dialogues as make 8,000 turns are drawn.
        kinds: which distances.
        gamma: discount, in [0, 1].
        seed: of what is drawn and of the resampling.
        resamples: of the dialogues, by the Bayesian bootstrap (Rubin, Ann. Stat. 9, 1981): each gets an
            exponential weight, and everything is computed again under these weights.
        progress: called before each design is scored.

    Raises:
        RewardError: a design cannot score such turns.
    """
    rng = np.random.default_rng(seed)
    if len(turns) > _TURNS:
        share = _TURNS / len(turns)
        turns = turns.some(rng.permutation(turns.dialogues)[: max(2, int(turns.dialogues * share))])
    weights = np.concatenate([np.ones((1, turns.dialogues)), rng.exponential(size=(resamples, turns.dialogues))])
    made: dict[Kind, Callable[[Turns, float, F64, np.random.Generator], _Method]]
    made = {"epic": _Epic, "dard": _Dard, "starc": _Starc}
    found: dict[Kind, Distances] = {}
    for kind in kinds:
        method = made[kind](turns, gamma, weights, rng)
        forms = []
        for design in designs:
            progress(kind, design.name)
            forms.append(method.form(design))
        value = method.compared(forms)
        found[kind] = Distances(tuple(design.name for design in designs), value[0], _spread(value[1:]))
    return found


def score(design: RewardDesign, turns: Turns, before: I64, reply: I64, after: I64) -> F64:
    """What a design pays for turns that are put together of rows, in the shape that these have together."""
    rows = np.broadcast_arrays(before, reply, after)
    flat = [each.ravel() for each in rows]
    paid = np.empty(len(flat[0]))
    for start in range(0, len(paid), _BATCH):
        trace: Trace = turns.put_together(*(each[start : start + _BATCH] for each in flat))
        paid[start : start + _BATCH] = design.score(trace)[0]
    return paid.reshape(rows[0].shape)


class _Method(Protocol):
    """One of the distances, on one log."""

    def form(self, design: RewardDesign) -> tuple[F64, float]:
        """What of a design is compared, `[weightings, turns]`, or `[1, turns]` the same in all; and its size."""

    def compared(self, forms: list[tuple[F64, float]]) -> F64:
        """Distances `[weightings, R, R]` of R such."""


class _Epic:
    """EPIC: the advantage where any reply meets any state and anything of the next turn may follow."""

    def __init__(self, turns: Turns, gamma: float, weights: F64, rng: np.random.Generator) -> None:
        self._turns, self._gamma, self._weights = turns, gamma, weights
        self._at = _by_turn(turns)
        everywhere = np.arange(len(turns))
        self._cover = [(rng.choice(everywhere, _COVER), rng.choice(rows, _COVER)) for rows in self._at]
        # The turns that are compared: of each, what was before it, a reply and what came after at random.
        self._reply = rng.choice(everywhere, len(turns))
        self._after = np.concatenate([rng.choice(rows, len(rows)) for rows in self._at])
        self._before = np.concatenate(self._at)
        drawn = [weights[:, turns.dialogue[rows]] for rows in (self._before, self._reply, self._after)]
        self._share = drawn[0] * drawn[1] * drawn[2]

    def form(self, design: RewardDesign) -> tuple[F64, float]:
        """Canonical rewards of the compared turns under every weighting, `[B, n]`, and the design's size."""
        turns, gamma, weights = self._turns, self._gamma, self._weights
        value = np.zeros((len(weights), len(turns)))
        for rows, (reply, after) in zip(reversed(self._at), reversed(self._cover), strict=True):
            paid = score(design, turns, rows[:, None], reply[None], after[None])
            share = weights[:, turns.dialogue[reply]] * weights[:, turns.dialogue[after]]
            share /= share.sum(axis=1, keepdims=True)
            rest = (share * _following(value, turns, after)).sum(axis=1, keepdims=True)
            value[:, rows] = share @ paid.T + gamma * rest
        paid = score(design, turns, self._before, self._reply, self._after)
        form = paid + gamma * _following(value, turns, self._after) - value[:, self._before]
        return form, float(np.abs(paid).max())

    def compared(self, forms: list[tuple[F64, float]]) -> F64:
        """`[B, R, R]`."""
        return _compared(forms, self._share)


class _Dard:
    """DARD: on logged turns, shaped with the turns that began most like them."""

    def __init__(self, turns: Turns, gamma: float, weights: F64, rng: np.random.Generator) -> None:
        self._turns, self._gamma = turns, gamma
        self._share = weights[:, turns.dialogue]
        features, stays = _state(turns), turns.stays
        near, staying = (np.zeros((len(turns), _NEAR), dtype=np.int64) for _ in range(2))
        for rows in _by_turn(turns):
            near[rows] = _nearest(features, rows, rows)
            # What follows a reply is drawn among people who stayed: an ended dialogue is no state to go on from.
            staying[rows] = _nearest(features, rows, rows[stays[rows]] if stays[rows].any() else rows)
        self._near, self._staying = near, staying

    def form(self, design: RewardDesign) -> tuple[F64, float]:
        """Canonical rewards of all turns, `[1, K]`, and the design's size."""
        turns, gamma = self._turns, self._gamma
        every = np.arange(len(turns))
        paid = score(design, turns, every, every, every)
        form = paid - score(design, turns, every[:, None], self._staying, self._staying).mean(axis=1)
        # Where the person stays: how the dialogue goes on, from its own next state and from others' next states.
        on = np.flatnonzero(turns.stays)
        ahead = turns.following[on]
        near = self._near[ahead]
        form[on] += gamma * score(design, turns, ahead[:, None], near, near).mean(axis=1)
        others = turns.following[self._staying[on]]
        form[on] -= gamma * score(design, turns, others[:, :, None], near[:, None], near[:, None]).mean(axis=(1, 2))
        # Where the dialogue ended, the same ending from others' next states, if anybody's dialogue went on.
        end = np.flatnonzero(~turns.stays & turns.stays[self._staying[:, 0]])
        others = turns.following[self._staying[end]]
        form[end] -= gamma * score(design, turns, others, end[:, None], end[:, None]).mean(axis=1)
        return form[None], float(np.abs(paid).max())

    def compared(self, forms: list[tuple[F64, float]]) -> F64:
        """`[B, R, R]`; the neighbours are the same under every weighting."""
        return _compared(forms, self._share)


class _Starc:
    """STARC: advantages of the logging policy, linear in a reply's reading and in its products with the state."""

    def __init__(self, turns: Turns, gamma: float, weights: F64, rng: np.random.Generator) -> None:
        self._turns, self._gamma, self._weights = turns, gamma, weights
        state, reading = _state(turns), turns.trace.reading.array().astype(np.float64)
        clock = np.eye(int(turns.trace.turn.max()) + 1)[turns.trace.turn]
        self._known = np.concatenate([clock, state], axis=1)
        affect = turns.trace.estimate.affect.astype(np.float64)
        by = np.stack([np.ones(len(turns)), affect[:, VALENCE], affect[:, AROUSAL], turns.trace.turn / 16.0], axis=1)
        said = (reading[:, None] * by[:, :, None]).reshape(len(turns), -1)
        self._said = (said - said.mean(axis=0)) / np.maximum(said.std(axis=0), 1e-9)
        # Advantages are fitted twice, on halves of the dialogues, and each half's is compared with the other's:
        # what both owe to the same accidents would make all designs alike.
        self._half = rng.permutation(turns.dialogues)[turns.dialogue] % 2

    def form(self, design: RewardDesign) -> tuple[F64, float]:
        """What the rest of the dialogue pays from each turn on, `[1, K]`, and the design's size."""
        turns = self._turns
        every = np.arange(len(turns))
        paid = score(design, turns, every, every, every)
        ahead = paid.copy()
        for rows in reversed(_by_turn(turns)):
            on = rows[turns.stays[rows]]
            ahead[on] += self._gamma * ahead[turns.following[on]]
        return ahead[None], float(np.abs(paid).max())

    def compared(self, forms: list[tuple[F64, float]]) -> F64:
        """`[B, R, R]`."""
        returns = np.concatenate([form for form, _ in forms]).T
        return np.stack([self._under(returns, weights) for weights in self._weights])

    def _under(self, returns: F64, weights: F64) -> F64:
        weight = weights[self._turns.dialogue]
        fits = []
        for half in range(2):
            rows = self._half == half
            fits.append(_advantage(self._known[rows], self._said[rows], returns[rows], weight[rows]))
        (slope, gram), (other, more) = fits
        product = slope.T @ (gram + more) @ other
        product = (product + product.T) / 2
        norm = np.sqrt(np.where(np.diag(product) > 0, np.diag(product), np.nan))
        with np.errstate(invalid="ignore"):
            cosine = np.clip(product / norm[:, None] / norm[None], -1.0, 1.0)
        return np.asarray(np.sqrt(np.maximum(0.0, (1.0 - cosine) / 2.0)))


def _advantage(known: F64, said: F64, returns: F64, weight: F64) -> tuple[F64, F64]:
    """How returns go with what was said, where the state explains neither; and the Gram matrix of what was said."""
    root = np.sqrt(weight)[:, None]
    basis, _ = np.linalg.qr(known * root)
    left, ahead = ((each * root) - basis @ (basis.T @ (each * root)) for each in (said, returns))
    gram = left.T @ left
    ridge = _RIDGE * weight.sum() * np.eye(len(gram))
    return np.linalg.solve(gram + ridge, left.T @ ahead), gram


def _compared(forms: list[tuple[F64, float]], share: F64) -> F64:
    sizes = np.array([size for _, size in forms])
    return np.stack(
        [
            apart(np.stack([form[min(i, len(form) - 1)] for form, _ in forms]), weights, sizes, centred=True)
            for i, weights in enumerate(share)
        ]
    )


def _spread(value: F64) -> F64:
    """Standard deviations over the first axis; NaN where fewer than half of the values are known."""
    known = (~np.isnan(value)).sum(axis=0)
    times = np.maximum(known, 2)
    mean = np.nan_to_num(value).sum(axis=0) / times
    squares = np.where(np.isnan(value), 0.0, (value - mean) ** 2).sum(axis=0)
    return np.where(known * 2 >= max(len(value), 4), np.sqrt(squares / (times - 1)), np.nan)


def _following(value: F64, turns: Turns, rows: I64) -> F64:
    """Value of the state after each row, 0 where the dialogue ended."""
    following = turns.following[rows]
    return np.where(following >= 0, value[:, following], 0.0)


def _by_turn(turns: Turns) -> list[I64]:
    """Rows of each turn, from turn 0 on."""
    return [np.flatnonzero(turns.trace.turn == turn) for turn in range(int(turns.trace.turn.max()) + 1)]


def _state(turns: Turns) -> F64:
    """`[K, 13]`, what designs may read of the past, in numbers; words are in it only as far as they were recognised."""
    estimate, rated = turns.trace.estimate, np.isfinite(turns.trace.rating_history_mean)
    columns = [estimate.affect, estimate.uncertainty, history(turns)[:, None], rated[:, None]]
    return np.concatenate([np.asarray(column, dtype=np.float64) for column in columns], axis=1)


def _nearest(features: F64, rows: I64, among: I64) -> I64:
    """`[rows, _NEAR]`, the rows that are most alike; itself only where there are no others."""
    from scipy.spatial import cKDTree

    scale = np.maximum(features[among].std(axis=0), 1e-3)
    tree = cKDTree(features[among] / scale)
    found = tree.query(features[rows] / scale, k=min(_NEAR + 1, len(among)))[1].reshape(len(rows), -1)
    near = among[found]
    # Itself goes to the end, and is left out where enough others are there.
    near = np.take_along_axis(near, np.argsort(near == rows[:, None], axis=1, kind="stable"), axis=1)
    return np.asarray(near[:, np.arange(_NEAR) % min(_NEAR, near.shape[1])])
