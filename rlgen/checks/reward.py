"""Is it a reward? One finite number per row, a function of that row's turn alone, and nothing else."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from typing import Any, Final

import numpy as np

from rlgen.checks.laws import Finding, Law, insist, try_laws
from rlgen.rewards import RewardDesign, Trace, design
from rlgen.types import F32, I64, MAX_TURNS, Estimate, Feedback, Reading, Rows

ROWS: Final = 24
_TOLERANCE: Final = 1e-5  # a judge's numbers may be rounded otherwise in another batch
_SAID: Final = (
    "I have not slept since the exam.", "She left, and I keep the door shut.", "Nothing helps.", "Thank you, yes.",
    "I am angry with all of them!", "What would you do?", "It was better today.", "I do not want to talk about it.",
)  # fmt: skip
_REPLIED: Final = (
    "That sounds hard.", "What weighs on you most?", "You could write it down tonight.", "I am here, take your time.",
    "Noted.", "I am so sorry that she left; it makes sense that you keep to yourself.", "Go on.", "",
)  # fmt: skip


def made_trace(rows: int = ROWS, seed: int = 0) -> Trace:
    """A turn of N dialogues as a world tells it, drawn at random: some complete, some abandon, some reach the limit."""
    rng = np.random.default_rng(seed)

    def unit(*shape: int) -> F32:
        return rng.uniform(0, 1, shape).astype(np.float32)

    def affect() -> F32:
        around = [rng.dirichlet(np.ones(6), rows), rng.uniform(-1, 1, (rows, 2))]
        return np.concatenate(around, axis=1).astype(np.float32)

    def estimate() -> Estimate:
        return Estimate(unit(rows, 32), affect(), unit(rows, 3), np.ones((rows, 3), dtype=np.bool_))

    scalars: dict[str, Any] = {name: unit(rows) for name in Reading.SCALARS}
    ending = rng.integers(0, 6, rows)
    rating = np.where(rng.random(rows) < 0.4, rng.integers(1, 6, rows), np.nan).astype(np.float32)
    turn: I64 = rng.integers(0, MAX_TURNS, rows).astype(np.int64)
    return Trace(
        utterance=[_SAID[i] for i in rng.integers(0, len(_SAID), rows).tolist()],
        reply=[_REPLIED[i] for i in rng.integers(0, len(_REPLIED), rows).tolist()],
        next_utterance=[_SAID[i] for i in rng.integers(0, len(_SAID), rows).tolist()],
        estimate=estimate(),
        reading=Reading(affect=affect(), empathy=unit(rows, 3), **scalars),
        feedback=Feedback(rating, unit(rows), ending == 0, ending == 1),
        next_estimate=estimate(),
        turn=turn,
        max_turns=MAX_TURNS,
        rating_history_mean=np.where(turn > 3, 3.0, np.nan).astype(np.float32),
        rating_before=np.where(turn > 3, 4.0, np.nan).astype(np.float32),
        cost=rng.integers(0, 3, rows).astype(np.float32),
        relief=rng.uniform(-1, 1, rows).astype(np.float32),
    )


def rows_of(trace: Trace, index: I64) -> Trace:
    """The same turn of some dialogues."""
    chosen: dict[str, Any] = {}
    for each in fields(trace):
        value = getattr(trace, each.name)
        if isinstance(value, Rows):
            chosen[each.name] = value.rows(index)
        elif isinstance(value, list):
            chosen[each.name] = [value[i] for i in index.tolist()]
        elif isinstance(value, np.ndarray):
            chosen[each.name] = value[index]
    return replace(trace, **chosen)


def _seen(reward: RewardDesign, seed: int = 0) -> Trace:
    trace = made_trace(seed=seed)
    return trace if reward.needs_relief else replace(trace, relief=None)


def _numbers(reward: RewardDesign) -> Iterator[str]:
    for rows in (ROWS, 1):
        trace = rows_of(_seen(reward), np.arange(rows))
        given, terms = reward.score(trace)
        if given.shape != (rows,) or not np.isfinite(given).all():
            yield f"for {rows} rows it gave shape {given.shape} or a number that is not finite; give one per row"
        elif not np.allclose(sum(terms.values()), given, atol=_TOLERANCE):
            yield "its terms do not sum to the reward; return each weighted term"


def _again(reward: RewardDesign) -> Iterator[str]:
    first, second = (reward.score(_seen(reward))[0] for _ in range(2))
    if first.tobytes() != second.tobytes():
        yield "the same turn got another reward the second time; draw nothing at random and remember nothing"


def _apart(reward: RewardDesign) -> Iterator[str]:
    trace = _seen(reward)
    whole = reward.score(trace)[0]
    for name, index in (("in another order", np.arange(ROWS)[::-1].copy()), ("half of them", np.arange(ROWS // 2))):
        there = reward.score(rows_of(trace, index))[0]
        if not np.allclose(there, whole[index], atol=_TOLERANCE):
            row = int(np.abs(there - whole[index]).argmax())
            yield (
                f"rows scored {name} got other rewards ({there[row]:.6g}, not {whole[index][row]:.6g}); look at one "
                "row at a time, without means over the batch"
            )
            return
    alone = [float(reward.score(rows_of(trace, np.array([row])))[0][0]) for row in range(0, ROWS, 5)]
    if not np.allclose(alone, whole[::5], atol=_TOLERANCE):
        yield "a row alone got another reward than among others; look at one row at a time"


def _untouched(reward: RewardDesign) -> Iterator[str]:
    trace = _seen(reward)
    before = pickle.dumps(trace)
    reward.score(trace)
    if pickle.dumps(trace) != before:
        yield "it changed the trace that it was given; copy before you change an array"


def _threads(reward: RewardDesign) -> Iterator[str]:
    traces = [_seen(reward, seed) for seed in range(8)]
    alone = [reward.score(trace)[0] for trace in traces]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda trace: reward.score(trace)[0], traces))
    if any(not np.allclose(a, b, atol=_TOLERANCE) for a, b in zip(alone, together, strict=True)):
        yield "in several threads it gave other rewards; keep nothing of a call where another call finds it"


def _travels(reward: RewardDesign) -> Iterator[str]:
    there = pickle.loads(pickle.dumps(reward))
    if not np.allclose(there.score(_seen(reward))[0], reward.score(_seen(reward))[0], atol=_TOLERANCE):
        yield "pickled and back it gave other rewards; keep what it needs in the object or under its name"


LAWS: Final[tuple[Law[RewardDesign], ...]] = (
    Law("every row gets one finite number, and the terms sum to it", _numbers, basic=True),
    Law("the same turn gets the same reward", _again),
    Law("a row's reward does not depend on the rows beside it", _apart),
    Law("what it reads stays as it is", _untouched),
    Law("several threads get what one gets", _threads),
    Law("it can be pickled, so that worlds with it can", _travels),
)


def try_reward(reward: Any) -> Iterator[Finding]:
    """Try the laws of a reward one after another.

    Args:
        reward: anything that `rlgen.rewards.design` takes: a name, a YAML file, a design, a function.

    Raises:
        ConfigError: it is no reward at all.
    """
    made = design(reward)
    made.load()
    yield from try_laws(made, LAWS)


def check_reward(reward: Any) -> None:
    """Check a reward; args as for `try_reward`.

    Raises:
        CheckError: the first law that it breaks, in a sentence.
        ConfigError: it is no reward at all.
    """
    insist(try_reward(reward))
