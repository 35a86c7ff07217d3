"""Checks a batch of environments: any VecEnv of Stable-Baselines3, any VectorEnv of Gymnasium.

Both libraries check single environments (`check_env`) and neither a batch, where other things go wrong: what is handed
out at the end of an episode, rows that depend on each other, seeds that all rows share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
from gymnasium import spaces
from gymnasium.utils.env_checker import data_equivalence as same

from rlgen.checks.forms import check_observation, row_of
from rlgen.checks.laws import Finding, Law, Untried, raise_first, try_laws
from rlgen.checks.playing import Batch, Turn, as_batch, frozen_statistics
from rlgen.errors import CheckError

_ENDS: Final = 2  # of every row, where `steps` are enough for them
_SEED: Final = 7


@dataclass
class _Played:
    """Some steps from a seed on.

    Attributes:
        start: observations of the reset.
        turns: what each step answered.
        renewed: turn -> observations after the reset of the rows that ended then, where that is left to the user.
        kept: whether what every step handed out was the same one step later.
    """

    start: Any
    turns: list[Turn] = field(default_factory=list)
    renewed: dict[int, Any] = field(default_factory=dict)
    kept: bool = True


@dataclass
class _Trial:
    """What the laws are tried on."""

    env: Any
    steps: int
    make: Callable[[int], Any] | None

    @cached_property
    def batch(self) -> Batch:
        return as_batch(self.env)

    @cached_property
    def played(self) -> _Played:
        return _play(self.batch, _SEED, self.steps)

    @cached_property
    def ends(self) -> list[tuple[int, int]]:
        """(turn, row) of every end."""
        found = [(t, row) for t, turn in enumerate(self.played.turns) for row in np.flatnonzero(turn.done).tolist()]
        if not found:
            raise Untried(f"no episode ended in {self.steps} steps; give more of them (steps)")
        return found

    @cached_property
    def other_start(self) -> Any:
        """First observations under another seed."""
        return self.batch.begin(_SEED + 1000)

    @cached_property
    def drawn(self) -> bool:
        """Whether episodes begin with numbers drawn from so many that two alike are no accident."""
        space, rows = self.batch.space, range(self.batch.rows)
        starts = [[row_of(start, space, row) for row in rows] for start in (self.played.start, self.other_start)]
        apart = not any(same(a, b) for a, b in zip(*starts, strict=True))
        return isinstance(space, spaces.Box) and space.dtype.kind == "f" and apart

    def obs(self, t: int, row: int) -> Any:
        """What a row observed after turn t (-1 is the reset), before any reset by the user."""
        whole = self.played.start if t < 0 else self.played.turns[t].obs
        return row_of(whole, self.batch.space, row)

    def begun(self, t: int, row: int) -> Any:
        """First observation of the episode that follows the end of one in turn t; None where it was not played."""
        if self.batch.mode == "SAME_STEP":
            return self.obs(t, row)
        if self.batch.mode == "NEXT_STEP":
            return self.obs(t + 1, row) if t + 1 < len(self.played.turns) else None
        return row_of(self.played.renewed[t], self.batch.space, row)

    def last(self, t: int, row: int) -> Any:
        """Last observation of the episode that ended in turn t."""
        return self.played.turns[t].final.get(row) if self.batch.mode == "SAME_STEP" else self.obs(t, row)


def _play(batch: Batch, seed: int, steps: int, other: int = 0) -> _Played:
    """Play from a seed; with `other` all rows but the first do other things."""
    played = _Played(batch.begin(seed))
    drawn = [deepcopy(batch.actions) for _ in range(batch.rows)]
    for row, space in enumerate(drawn):
        space.seed(row + (other if row else 0))
    ends = np.zeros(batch.rows, dtype=np.int64)
    while len(played.turns) < steps and ends.min() < _ENDS:
        turn = batch.turn([space.sample() for space in drawn])
        if played.turns:
            before = played.turns[-1]
            played.kept &= same(before.copied, before.given, exact=True)
        played.turns.append(turn)
        ends += turn.done
        if batch.mode == "DISABLED" and turn.done.any():
            played.renewed[len(played.turns) - 1] = batch.renew(turn.done)
    return played


def _whole(trial: _Trial) -> Iterator[str]:
    yield from ()
    _ = trial.batch


def _starts(trial: _Trial) -> Iterator[str]:
    yield from ()
    trial.batch.begin(_SEED)


def _steps(trial: _Trial) -> Iterator[str]:
    yield from ()
    _ = trial.played


def _kept(trial: _Trial) -> Iterator[str]:
    if not trial.played.kept:
        yield "a step overwrites what the step before handed out, and with it what a buffer keeps of it; return copies"


def _ends(trial: _Trial) -> Iterator[str]:
    batch, turns, ends = trial.batch, trial.played.turns, trial.ends
    name = batch.last
    for t, turn in enumerate(turns):
        for row in turn.final:
            if batch.mode != "SAME_STEP":
                yield (
                    f"metadata says {batch.mode}, but infos hold {name} as in SAME_STEP; name the mode in which it "
                    "goes on, or leave that out"
                )
                return
            if not turn.done[row]:
                yield f"row {row} has a {name} at step {t} but goes on; give it where an episode ends"
                return
    for t, row in ends:
        if batch.mode == "SAME_STEP":
            if row not in turns[t].final:
                yield (
                    f"row {row} ended at step {t} without {name} in its infos; give there the last observation of the "
                    "episode, or another autoreset_mode in metadata where it goes on in another way"
                )
                return
            check_observation(turns[t].final[row], batch.space, f"{name} of row {row} is")
        elif batch.mode == "NEXT_STEP" and t + 1 < len(turns):
            if turns[t + 1].done[row]:
                yield (
                    f"row {row} ended at step {t} and ended again at the next one, which in NEXT_STEP begins its next "
                    "episode and takes no action; report no end there"
                )
                return
            if turns[t + 1].reward[row] != 0:
                yield f"row {row} got a reward at step {t + 1}, which in NEXT_STEP only begins its next episode; give 0"
                return
    yield from _renewal(trial)


def _renewal(trial: _Trial) -> Iterator[str]:
    """Whether what follows an end is another episode, and what is called the end of one is its end."""
    batch, turns, name = trial.batch, trial.played.turns, trial.batch.last
    ends = [(t, row) for t, row in trial.ends if trial.begun(t, row) is not None]
    moves = not all(same(trial.obs(t, row), trial.obs(-1, row)) for t in range(len(turns)) for row in range(batch.rows))
    alike = [same(trial.begun(t, row), trial.last(t, row)) for t, row in ends]
    if moves and (any(alike) if trial.drawn else bool(ends) and all(alike)):
        said = {
            "SAME_STEP": f"what is returned for a row that ended is the same as its {name}; return the first "
            f"observation of the next episode, and keep the last one of the old episode in {name}",
            "NEXT_STEP": "the step after an end still shows the old episode; begin the next one there",
            "DISABLED": "reset(options={'reset_mask': rows}) leaves rows where their episodes ended; begin new ones",
        }
        yield said[batch.mode]
    if batch.mode == "SAME_STEP":
        stale = all(same(trial.last(t, row), trial.obs(t - 1, row)) for t, row in ends if t)
        still_here = [same(trial.obs(t, 0), trial.obs(t - 1, 0)) for t in range(len(turns)) if not turns[t].done[0]]
        if any(t for t, _ in ends) and stale and still_here and not any(still_here):
            yield f"{name} is the observation before the last action; give the one after it"
    for t, obs in trial.played.renewed.items():
        for row in np.flatnonzero(~turns[t].done).tolist():
            if not same(row_of(obs, batch.space, row), trial.obs(t, row)):
                yield f"reset(options={{'reset_mask': rows}}) at step {t} changed row {row}, which the mask leaves out"
                return
    for row in range(batch.rows):
        at = [t for t, each in trial.ends if each == row]
        gaps = np.diff(at) - (batch.mode == "NEXT_STEP")
        if len(at) > 1 and at[0] > 0 and (gaps == 1).all():
            yield (
                f"row {row} ended at step {at[0]} and then at every step; begin a new episode, and clear what the old "
                "one counted"
            )
            return


def _cut(trial: _Trial) -> Iterator[str]:
    limit = trial.batch.limit()
    cut: set[int] = set()
    ended: set[int] = set()
    begun = dict.fromkeys(range(trial.batch.rows), -1)
    for t, row in trial.ends:
        truncated = trial.played.turns[t].truncated[row] and not trial.played.turns[t].terminated[row]
        (cut if truncated else ended).add(t - begun[row])
        begun[row] = t + (trial.batch.mode == "NEXT_STEP")
    if limit is not None and cut and min(cut) < limit:
        yield (
            f"an episode was truncated after {min(cut)} steps, but max_episode_steps is {limit}; what ends by itself "
            "is terminated"
        )
    elif limit is None and len(cut) > 1 and (not ended or ended == {max(cut | ended)}):
        yield (
            f"episodes were truncated after {', '.join(map(str, sorted(cut)))} steps; a limit cuts them at one length, "
            "and what ends by itself is terminated"
        )


def _repeats(trial: _Trial) -> Iterator[str]:
    again = _play(trial.batch, _SEED, len(trial.played.turns))
    told = _difference(trial.batch, trial.played, again)
    if told is not None:
        yield f"seed {_SEED} was given twice, with the same actions: {told}; let seed and reset set all that changes"


def _difference(batch: Batch, one: _Played, two: _Played) -> str | None:
    """Where two plays part, in words."""
    for t, (a, b) in enumerate(zip([None, *one.turns], [None, *two.turns], strict=False), -1):
        whole = (one.start, two.start) if a is None or b is None else (a.obs, b.obs)
        for row in range(batch.rows):
            when = f"in row {row} " + ("at the reset" if t < 0 else f"at step {t}")
            if not same(row_of(whole[0], batch.space, row), row_of(whole[1], batch.space, row)):
                return f"the observation differs {when}"
            if a is not None and b is not None:
                if not np.isclose(a.reward[row], b.reward[row], rtol=1e-5, atol=1e-5):
                    return f"the reward differs {when}"
                if a.done[row] != b.done[row]:
                    return f"the end differs {when}"
    return None


def _varies(trial: _Trial) -> Iterator[str]:
    batch, start = trial.batch, trial.played.start
    rows = range(batch.rows)
    first = [row_of(start, batch.space, row) for row in rows]
    other = [row_of(trial.other_start, batch.space, row) for row in rows]
    if all(same(a, b) for a, b in zip(first, other, strict=True)):
        raise Untried("other seeds begin alike, so nothing can be said of rows and episodes that do")
    if batch.rows > 1 and all(same(first[0], each) for each in first[1:]):
        yield f"all rows begin alike under seed {_SEED}; give each row a seed of its own"
    batch.begin(_SEED)
    after = batch.begin(None)
    if all(same(first[row], row_of(after, batch.space, row)) for row in rows):
        yield "a reset without a seed begins as the seeded one before it did; go on with the random numbers there"
    later = [same(trial.begun(t, row), first[row]) for t, row in trial.ends if trial.begun(t, row) is not None]
    if later and all(later):
        yield "every episode of a row begins as its first one did; go on with the random numbers at each new episode"


def _episode(trial_batch: Batch, played: _Played, row: int) -> list[tuple[Any, float, bool, bool]]:
    """The first episode of a row: observation, reward and both ends of each turn."""
    found = []
    for turn in played.turns:
        done = bool(turn.done[row])
        seen = (
            turn.final.get(row)
            if done and trial_batch.mode == "SAME_STEP"
            else row_of(turn.obs, trial_batch.space, row)
        )
        found.append((seen, float(turn.reward[row]), bool(turn.terminated[row]), bool(turn.truncated[row])))
        if done:
            break
    return found


def _parted(one: Any, two: Any) -> int | None:
    """At which turn two episodes part, as far as both were played."""
    return next((t for t, (a, b) in enumerate(zip(one, two, strict=False)) if not _alike(a, b)), None)


def _alike(a: tuple[Any, float, bool, bool], b: tuple[Any, float, bool, bool]) -> bool:
    return same(a[0], b[0]) and bool(np.isclose(a[1], b[1], rtol=1e-5, atol=1e-5)) and a[2:] == b[2:]


def _alone(trial: _Trial) -> Iterator[str]:
    if trial.batch.rows < 2:
        raise Untried("there is one row only")
    other = _play(trial.batch, _SEED, len(trial.played.turns), other=100)
    at = _parted(_episode(trial.batch, trial.played, 0), _episode(trial.batch, other, 0))
    if at is not None:
        yield f"row 0 went another way at step {at} when others were given other actions; keep the state of rows apart"


def _any_number(trial: _Trial) -> Iterator[str]:
    if trial.make is None:
        raise Untried("it takes a function that makes it with another number of rows (make)")
    made = trial.make(trial.batch.rows + 1)
    try:
        with frozen_statistics(made):
            batch = as_batch(made)
            if batch.rows != trial.batch.rows + 1:
                raise CheckError(
                    f"make({trial.batch.rows + 1}) made {batch.rows} rows; make as many as it is asked for"
                )
            more = _play(batch, _SEED, len(trial.played.turns))
        for row in range(trial.batch.rows):
            begun = (row_of(trial.played.start, batch.space, row), row_of(more.start, batch.space, row))
            at = _parted(_episode(trial.batch, trial.played, row), _episode(batch, more, row))
            if not same(*begun) or at is not None:
                yield (
                    f"row {row} goes another way among {batch.rows} rows than among {trial.batch.rows}, under the same "
                    "seed and actions; draw its random numbers from a stream of its own"
                )
                return
    finally:
        made.close()


def _answers(trial: _Trial) -> Iterator[str]:
    for question, answer, wanted in trial.batch.answers():
        if not isinstance(answer, list) or len(answer) != wanted:
            yield f"{question} gives {answer!r}; give a list with an answer for each row that was asked, {wanted}"


def _closes(trial: _Trial) -> Iterator[str]:
    yield from ()
    trial.env.close()
    try:
        trial.env.close()
    except Exception as error:
        raise CheckError(f"a second close() raised {type(error).__name__}; let it do nothing") from error


LAWS: Final = (
    Law("it has rows, spaces and a way to go on after an end", _whole, basic=True),
    Law("reset gives each row an observation of its space", _starts, basic=True),
    Law("a step gives each row observation, reward, ends and infos of the right types", _steps, basic=True),
    Law("what was handed out stays as it was", _kept),
    Law("an end comes with the last observation, and another episode follows", _ends),
    Law("what ends by itself is terminated, and what a limit ends is truncated", _cut),
    Law("the same seed and actions give the same episodes, whatever went before", _repeats),
    Law("other seeds, rows and episodes begin otherwise", _varies),
    Law("a row does not depend on what other rows do", _alone),
    Law("a row does not depend on how many there are", _any_number),
    Law("attributes and methods answer for each row", _answers),
    Law("it can be closed twice", _closes),
)
"""In the order in which they are tried."""


def try_vec_env(env: Any, make: Callable[[int], Any] | None = None, steps: int = 200) -> Iterator[Finding]:
    """Try what a batch of environments owes, law by law; see `check_vec_env`."""
    with frozen_statistics(env):
        yield from try_laws(_Trial(env, steps, make), LAWS)


def check_vec_env(env: Any, make: Callable[[int], Any] | None = None, steps: int = 200) -> None:
    """Check a VecEnv of Stable-Baselines3, or a VectorEnv of Gymnasium in any of its autoreset modes.

    It is played for some random episodes, several times from the same seed, and closed in the end. Running statistics
    of wrappers that normalise are held meanwhile: they make each observation depend on all before it.

    Args:
        env: the batch; two rows or more show more.
        make: number of rows -> such a batch; it is then tried too whether rows depend on how many there are.
        steps: most vector steps from a seed; until each row has ended twice, where that comes first.

    Raises:
        CheckError: the first fault, in one sentence.

    Example:
        >>> import gymnasium
        >>> check_vec_env(gymnasium.make_vec("CartPole-v1", num_envs=3, vectorization_mode="sync"))
    """
    raise_first(try_vec_env(env, make, steps))
