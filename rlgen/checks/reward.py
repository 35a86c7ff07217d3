"""Is it a reward? One finite number per row, a function of that row's turn alone, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import numpy as np

from rlgen.checks.batched import COMMON, Answer, Batched
from rlgen.checks.laws import Finding, Law, raise_first, try_laws
from rlgen.rewards import RewardDesign, Trace, design
from rlgen.types import F32, I64, MAX_TURNS, Estimate, Feedback, Reading

ROWS: Final = 24
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


class _Tried(Batched):
    """A design, and a turn that it scores."""

    near = 1e-5  # a judge's numbers may be rounded otherwise in another batch

    def call(self, part: RewardDesign, given: Trace) -> Any:
        return part.score(given)

    def answer(self, made: tuple[F32, dict[str, F32]]) -> Answer:
        return {"the reward": made[0], **{f"term {name}": value for name, value in made[1].items()}}


def _without_memory(reward: RewardDesign) -> RewardDesign:
    """The design on exact feedback and with nothing normalised: memory is the package's own and has its own tests."""
    if not reward.remembers:
        return reward
    terms = {
        name: weighted.model_copy(
            update={"normalise": None, "design": weighted.design and _without_memory(weighted.design)}
        )
        for name, weighted in reward.terms.items()
    }
    return RewardDesign(name=reward.name, terms=terms, combine=reward.combine, allow_prolonging=True)


def _numbers(tried: _Tried) -> Iterator[str]:
    for rows in (ROWS, 1):
        given, terms = tried.made(tried.given.rows(np.arange(rows)))
        if given.shape != (rows,) or not np.isfinite(given).all():
            yield f"for {rows} rows it gave shape {given.shape} or a number that is not finite; give one per row"
        elif not np.allclose(sum(terms.values()), given, atol=tried.near):
            yield "its terms do not sum to the reward; return each weighted term"


LAWS: Final = (
    Law("every row gets one finite number, and the terms sum to it", _numbers, basic=True),
    *COMMON,
)


def try_reward(reward: Any) -> Iterator[Finding]:
    """Try the laws of a reward one after another.

    Args:
        reward: anything that `rlgen.rewards.design` takes: a name, a YAML file, a design, a function.

    Raises:
        ConfigError: it is no reward at all.
    """
    made = _without_memory(design(reward))
    made.load()
    trace = made_trace()
    yield from try_laws(_Tried(made, trace if made.needs_relief else replace(trace, relief=None), ROWS), LAWS)


def check_reward(reward: Any) -> None:
    """Check a reward; args as for `try_reward`.

    Raises:
        CheckError: the first law that it breaks, in a sentence.
        ConfigError: it is no reward at all.
    """
    raise_first(try_reward(reward))
