"""Two vector interfaces as one: what a batch of environments is asked for, and what it answered, held to its form."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space, concatenate, create_empty_array
from numpy.typing import NDArray

from rlgen.checks.forms import MISSING, hold, hold_actions, hold_rewards, hold_truths, kind, row_of, rows_of
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


class Batch(Protocol):
    """N environments behind either interface."""

    env: Any
    rows: int
    mode: Mode
    last: str  # the name in infos of an episode's last observation
    space: spaces.Space[Any]
    actions: spaces.Space[Any]

    def begin(self, seed: int | None) -> Any:
        """Observations of a whole new start."""

    def renew(self, rows: Bools) -> Any:
        """Observations after new starts in some rows, where the environment leaves that to its user."""

    def turn(self, actions: list[Any]) -> Turn:
        """One step with an action for each row."""

    def limit(self) -> int | None:
        """Steps after which an episode is cut off, where that is known."""

    def answers(self) -> Iterator[tuple[str, Any, int]]:
        """Questions that are answered for each row: the question, the answer, and of how many rows it is wanted."""


def batch_of(env: object) -> Batch:
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


class _Gymnasium:
    last = "final_obs"

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        self.env = env
        self.rows: int = rows_of(env)
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
        self.mode: Mode = mode.name  # type: ignore[assignment]

    def begin(self, seed: int | None) -> Any:
        return self._begun(self.env.reset(seed=seed))

    def renew(self, rows: Bools) -> Any:
        return self._begun(self.env.reset(options={"reset_mask": rows}))

    def _begun(self, given: Any) -> Any:
        if not isinstance(given, tuple) or len(given) != 2:
            raise CheckError(f"reset returned {kind(given)}; return (observations, infos)")
        obs, infos = given
        hold(obs, self.space, self.rows, "reset")
        self._hold_infos(infos, "reset")
        return deepcopy(obs)

    def turn(self, actions: list[Any]) -> Turn:
        empty: Any = create_empty_array(self.actions, self.rows)
        batched = concatenate(self.actions, actions, empty)
        before = deepcopy(batched)
        given = self.env.step(batched)
        hold_actions(before, batched)
        if not isinstance(given, tuple) or len(given) != 5:
            raise CheckError(
                f"step returned {kind(given)}; return (observations, rewards, terminated, truncated, infos)"
            )
        obs, reward, terminated, truncated, infos = given
        hold(obs, self.space, self.rows, "step")
        hold_rewards(reward, self.rows)
        hold_truths(terminated, self.rows, "terminated")
        hold_truths(truncated, self.rows, "truncated")
        self._hold_infos(infos, "step")
        last, there = infos.get("final_obs"), infos.get("_final_obs", np.zeros(self.rows, dtype=np.bool_))
        if last is not None and "_final_obs" not in infos:
            raise CheckError("infos has final_obs but no mask _final_obs; say in it, [N] bool, which rows have one")
        final = {row: deepcopy(row_of(last, self.space, row)) for row in np.flatnonzero(there).tolist()}
        handed = (obs, reward, terminated, truncated)
        copied = deepcopy(handed)
        return Turn(*copied, final, handed, copied)

    def _hold_infos(self, infos: Any, where: str) -> None:
        if not isinstance(infos, dict):
            raise CheckError(
                f"{where} gave infos as {kind(infos)}; give one dict, whose values are arrays over the rows"
            )
        for name, value in infos.items():
            if not isinstance(name, str):
                raise CheckError(f"infos of {where} have the key {name!r}; use texts as keys")
            if isinstance(value, np.ndarray) and len(value) != self.rows:
                raise CheckError(
                    f"infos[{name!r}] of {where} has length {len(value)}; give one value for each of {self.rows} rows"
                )
            if name.startswith("_"):
                hold_truths(value, self.rows, f"the mask infos[{name!r}] of {where}")
                if name[1:] not in infos:
                    raise CheckError(
                        f"infos of {where} have the mask {name!r} but no {name[1:]!r}; give both or neither"
                    )

    def limit(self) -> int | None:
        return getattr(self.env.spec, "max_episode_steps", None)

    def answers(self) -> Iterator[tuple[str, Any, int]]:
        raise Untried("a VectorEnv has no such methods that all share")


class _StableBaselines:
    mode: Mode = "SAME_STEP"
    last = "terminal_observation"

    def __init__(self, env: VecEnv) -> None:
        self.env = env
        self.rows: int = rows_of(env)
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
        hold(obs, self.space, self.rows, "reset")
        told = getattr(self.env, "reset_infos", MISSING)
        if not isinstance(told, list | tuple) or len(told) != self.rows:
            raise CheckError(
                f"reset_infos is {kind(told)}; keep a list with a dict for each row, as super().__init__ does"
            )
        return deepcopy(obs)

    def renew(self, rows: Bools) -> Any:
        raise NotImplementedError("a VecEnv begins its rows anew by itself")

    def turn(self, actions: list[Any]) -> Turn:
        batched = np.stack(actions)
        before = batched.copy()
        given = self.env.step(batched)
        hold_actions(before, batched)
        if not isinstance(given, tuple) or len(given) != 4:
            raise CheckError(f"step returned {kind(given)}; return (observations, rewards, dones, infos)")
        obs, reward, done, infos = given
        hold(obs, self.space, self.rows, "step")
        hold_rewards(reward, self.rows)
        hold_truths(done, self.rows, "dones")
        self._hold_infos(infos, done)
        cut = np.array([bool(info.get("TimeLimit.truncated", False)) for info in infos])
        final = {
            i: deepcopy(info["terminal_observation"]) for i, info in enumerate(infos) if "terminal_observation" in info
        }
        copied = deepcopy((obs, reward, done))
        return Turn(*copied[:2], done & ~cut, done & cut, final, (obs, reward, done), copied)

    def _hold_infos(self, infos: Any, done: Bools) -> None:
        if (
            not isinstance(infos, list | tuple)
            or len(infos) != self.rows
            or not all(isinstance(i, dict) for i in infos)
        ):
            raise CheckError(f"infos are {kind(infos)}; give a list with a dict for each of {self.rows} rows")
        if len({id(info) for info in infos}) < self.rows:
            raise CheckError(
                "rows share one dict in infos, so that what a wrapper writes for one row shows in others; make a dict "
                "for each row"
            )
        for row, info in enumerate(infos):
            cut = info.get("TimeLimit.truncated", False)
            if not isinstance(cut, bool | np.bool_):
                raise CheckError(f"infos[{row}]['TimeLimit.truncated'] is {kind(cut)}; give True or False")
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
def still(env: object) -> Iterator[None]:
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
