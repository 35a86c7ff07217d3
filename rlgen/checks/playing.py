"""Two vector interfaces as one: what a batch of environments is asked for, and what it answered, held to its form."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space, concatenate, create_empty_array
from numpy.typing import NDArray

from rlgen.checks.forms import (
    MISSING,
    check_actions_kept,
    check_flags,
    check_observations,
    check_rewards,
    described,
    num_envs_of,
    row_of,
)
from rlgen.checks.laws import Untried
from rlgen.errors import CheckError
from rlgen.types import Bools

if TYPE_CHECKING:
    from stable_baselines3.common.vec_env import VecEnv

Mode = Literal["SAME_STEP", "NEXT_STEP", "DISABLED"]


@dataclass
class Turn:
    """What a step answered.

    Attributes:
        obs: batched, as it was when it came.
        reward: `[N]`.
        terminated: `[N]`; in Stable-Baselines3 what is done and not truncated.
        truncated: `[N]`.
        final: row -> last observation of its episode, of rows for which one was given.
        given: what came, to see later whether it stayed as it was.
        copied: the same as it was then.
    """

    obs: Any
    reward: NDArray[np.floating]
    terminated: Bools
    truncated: Bools
    final: dict[int, Any]
    given: tuple[Any, ...]
    copied: tuple[Any, ...]

    @property
    def done(self) -> Bools:
        """`[N]`, whose episode ended."""
        return np.asarray(self.terminated | self.truncated)


class Batch:
    """N environments behind either interface.

    Attributes:
        gives: what a step gives, in words and in order.
        last: the name in infos of an episode's last observation.
        rows: N.
        mode: what follows the end of an episode.
        space: of one row's observation.
        actions: of one row's action.
    """

    gives: ClassVar[tuple[str, ...]]
    last: ClassVar[str]
    mode: Mode = "SAME_STEP"
    space: spaces.Space[Any]
    actions: spaces.Space[Any]

    def __init__(self, env: Any) -> None:
        self.env = env
        self.rows = num_envs_of(env)

    def begin(self, seed: int | None) -> Any:
        """Observations of a whole new start."""
        raise NotImplementedError

    def renew(self, rows: Bools) -> Any:
        """Observations after new starts in some rows, where the environment leaves that to its user."""
        raise NotImplementedError

    def turn(self, actions: list[Any]) -> Turn:
        """One step with an action for each row."""
        empty: Any = create_empty_array(self.actions, self.rows)
        batched = concatenate(self.actions, actions, empty)
        before = deepcopy(batched)
        given = self.env.step(batched)
        check_actions_kept(before, batched)
        if not isinstance(given, tuple) or len(given) != len(self.gives):
            raise CheckError(f"step returned {described(given)}; return ({', '.join(self.gives)})")
        check_observations(given[0], self.space, self.rows, "step")
        check_rewards(given[1], self.rows)
        for name, flags in zip(self.gives[2:-1], given[2:-1], strict=True):
            check_flags(flags, self.rows, name)
        obs, reward, *flags = copied = deepcopy(given[:-1])
        terminated, truncated, final = self.ends(tuple(flags), given[-1])
        return Turn(obs, reward, terminated, truncated, final, given[:-1], copied)

    def ends(self, flags: tuple[Bools, ...], infos: Any) -> tuple[Bools, Bools, dict[int, Any]]:
        """Which rows were terminated and truncated in a step, and the last observations that its infos hold."""
        raise NotImplementedError

    def limit(self) -> int | None:
        """Steps after which an episode is cut off, where that is known."""
        raise NotImplementedError

    def answers(self) -> Iterator[tuple[str, Any, int]]:
        """Questions that are answered for each row: the question, the answer, and of how many rows it is wanted."""
        raise Untried("a VectorEnv has no such methods that all share")


def as_batch(env: object) -> Batch:
    """An environment behind its interface.

    Raises:
        CheckError: it has neither interface.
    """
    if isinstance(env, VectorEnv):
        return _Gymnasium(env)
    from stable_baselines3.common.vec_env import VecEnv

    if isinstance(env, VecEnv):
        return _StableBaselines(env)
    raise CheckError(
        f"{type(env).__name__} is neither a VectorEnv of Gymnasium nor a VecEnv of Stable-Baselines3; inherit from one "
        "of them, or give a single environment to gymnasium.utils.env_checker.check_env"
    )


class _Gymnasium(Batch):
    gives = ("observations", "rewards", "terminated", "truncated", "infos")
    last = "final_obs"

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        super().__init__(env)
        for name in ("single_observation_space", "single_action_space"):
            single = getattr(env, name, None)
            if not isinstance(single, spaces.Space):
                raise CheckError(f"{name} is {single!r}; set it to the space of one row")
            whole, wanted = getattr(env, name.removeprefix("single_"), None), batch_space(single, self.rows)
            if whole != wanted:
                raise CheckError(
                    f"{name.removeprefix('single_')} is {whole}, but {self.rows} rows of {single} are {wanted}; use "
                    "gymnasium.vector.utils.batch_space"
                )
        self.space, self.actions = env.single_observation_space, env.single_action_space
        mode = (env.metadata or {}).get("autoreset_mode")
        if not isinstance(mode, AutoresetMode):
            raise CheckError(
                f"metadata['autoreset_mode'] is {mode!r}; name there what follows the end of an episode, one of "
                f"{', '.join(str(known) for known in AutoresetMode)}"
            )
        self.mode = mode.name  # type: ignore[assignment]

    def begin(self, seed: int | None) -> Any:
        return self._begun(self.env.reset(seed=seed))

    def renew(self, rows: Bools) -> Any:
        return self._begun(self.env.reset(options={"reset_mask": rows}))

    def _begun(self, given: Any) -> Any:
        if not isinstance(given, tuple) or len(given) != 2:
            raise CheckError(f"reset returned {described(given)}; return (observations, infos)")
        obs, infos = given
        check_observations(obs, self.space, self.rows, "reset")
        self._check_infos(infos, "reset")
        return deepcopy(obs)

    def ends(self, flags: tuple[Bools, ...], infos: Any) -> tuple[Bools, Bools, dict[int, Any]]:
        self._check_infos(infos, "step")
        last, there = infos.get("final_obs"), infos.get("_final_obs", np.zeros(self.rows, dtype=np.bool_))
        if last is not None and "_final_obs" not in infos:
            raise CheckError("infos has final_obs but no mask _final_obs; say in it, [N] bool, which rows have one")
        final = {row: deepcopy(row_of(last, self.space, row)) for row in np.flatnonzero(there).tolist()}
        return flags[0], flags[1], final

    def _check_infos(self, infos: Any, where: str) -> None:
        if not isinstance(infos, dict):
            raise CheckError(
                f"{where} gave infos as {described(infos)}; give one dict, whose values are arrays over the rows"
            )
        for name, value in infos.items():
            if not isinstance(name, str):
                raise CheckError(f"infos of {where} have the key {name!r}; use texts as keys")
            if isinstance(value, np.ndarray) and len(value) != self.rows:
                raise CheckError(
                    f"infos[{name!r}] of {where} has length {len(value)}; give one value for each of {self.rows} rows"
                )
            if name.startswith("_"):
                check_flags(value, self.rows, f"the mask infos[{name!r}] of {where}")
                if name[1:] not in infos:
                    raise CheckError(
                        f"infos of {where} have the mask {name!r} but no {name[1:]!r}; give both or neither"
                    )

    def limit(self) -> int | None:
        return getattr(self.env.spec, "max_episode_steps", None)


class _StableBaselines(Batch):
    gives = ("observations", "rewards", "dones", "infos")
    last = "terminal_observation"

    def __init__(self, env: VecEnv) -> None:
        super().__init__(env)
        for name in ("observation_space", "action_space"):
            if not isinstance(getattr(env, name, None), spaces.Space):
                raise CheckError(f"{name} is {getattr(env, name, None)!r}; set it to the space of one row")
        self.space, self.actions = _held_space(env), env.action_space

    def begin(self, seed: int | None) -> Any:
        if seed is not None:
            self.env.seed(seed)
        obs = self.env.reset()
        if isinstance(obs, tuple) and not isinstance(self.space, spaces.Tuple):
            raise CheckError(
                "reset returned a tuple; a VecEnv returns the observations alone (infos go to reset_infos)"
            )
        check_observations(obs, self.space, self.rows, "reset")
        told = getattr(self.env, "reset_infos", MISSING)
        if not isinstance(told, list | tuple) or len(told) != self.rows:
            raise CheckError(
                f"reset_infos is {described(told)}; keep a list with a dict for each row, as super().__init__ does"
            )
        return deepcopy(obs)

    def ends(self, flags: tuple[Bools, ...], infos: Any) -> tuple[Bools, Bools, dict[int, Any]]:
        (done,) = flags
        self._check_infos(infos, done)
        cut = np.array([bool(info.get("TimeLimit.truncated", False)) for info in infos])
        final = {i: deepcopy(info[self.last]) for i, info in enumerate(infos) if self.last in info}
        return done & ~cut, done & cut, final

    def _check_infos(self, infos: Any, done: Bools) -> None:
        if (
            not isinstance(infos, list | tuple)
            or len(infos) != self.rows
            or not all(isinstance(i, dict) for i in infos)
        ):
            raise CheckError(f"infos are {described(infos)}; give a list with a dict for each of {self.rows} rows")
        if len({id(info) for info in infos}) < self.rows:
            raise CheckError(
                "rows share one dict in infos, so that what a wrapper writes for one row shows in others; make a dict "
                "for each row"
            )
        for row, info in enumerate(infos):
            cut = info.get("TimeLimit.truncated", False)
            if not isinstance(cut, bool | np.bool_):
                raise CheckError(f"infos[{row}]['TimeLimit.truncated'] is {described(cut)}; give True or False")
            if cut and not done[row]:
                raise CheckError(
                    f"infos[{row}] says TimeLimit.truncated, but row {row} goes on; say it where a row is done"
                )
            told = info.get("episode")
            if told is not None and not {"r", "l"} <= set(told):
                raise CheckError(f"infos[{row}]['episode'] has the keys {sorted(told)}; give r and l, as Monitor does")

    def limit(self) -> int | None:
        try:
            return getattr(self.env.get_attr("spec")[0], "max_episode_steps", None)
        except Exception:  # noqa: BLE001 - many have no such attribute, and each says so in its own way
            return None

    def answers(self) -> Iterator[tuple[str, Any, int]]:
        from stable_baselines3.common.monitor import Monitor

        yield "get_attr('render_mode')", self.env.get_attr("render_mode"), self.rows
        yield "get_attr('render_mode', indices=[0])", self.env.get_attr("render_mode", indices=[0]), 1
        yield "env_is_wrapped(Monitor)", self.env.env_is_wrapped(Monitor), self.rows


def _held_space(env: VecEnv) -> spaces.Space[Any]:
    """The space that observations keep to: SB3's stack interleaves its bounds, and its normaliser moves none."""
    from stable_baselines3.common.vec_env import VecEnvWrapper, VecFrameStack, VecNormalize

    space = env.observation_space
    if not isinstance(env, VecEnvWrapper):
        return space
    inner = _held_space(env.venv)
    if isinstance(env, VecNormalize) and env.norm_obs:
        if isinstance(inner, spaces.Dict):
            keys = env.norm_obs_keys or []
            return spaces.Dict({name: _clipped(each, env) if name in keys else each for name, each in inner.items()})
        return _clipped(inner, env)
    if isinstance(env, VecFrameStack) and isinstance(inner, spaces.Box) and len(inner.shape) == 1:
        times = int(np.prod(space.shape or ())) // inner.shape[0]
        low, high = (np.tile(bound, times) for bound in (np.minimum(inner.low, 0), np.maximum(inner.high, 0)))
        return spaces.Box(low, high, dtype=inner.dtype)
    return inner if space == env.venv.observation_space else space


def _clipped(space: spaces.Space[Any], env: Any) -> spaces.Box:
    return spaces.Box(-env.clip_obs, env.clip_obs, space.shape, np.float32)


@contextmanager
def frozen_statistics(env: object) -> Iterator[None]:
    """Hold the running statistics of normalising wrappers: they make every observation depend on all before it."""
    held: list[tuple[Any, str, Any]] = []
    inner: Any = env
    while inner is not None:
        for name in ("training", "update_running_mean"):
            if isinstance(getattr(type(inner), name, None), property) or name in vars(inner):
                held.append((inner, name, getattr(inner, name)))
                setattr(inner, name, False)
        inner = vars(inner).get("env" if isinstance(inner, VectorWrapper) else "venv")
    try:
        yield
    finally:
        for each, name, value in held:
            setattr(each, name, value)
