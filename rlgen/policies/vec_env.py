"""The world as a Stable-Baselines3 VecEnv."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env.base_vec_env import VecEnv

from rlgen.envs.config import world_config
from rlgen.envs.infos import row_info, step_columns, summary_columns
from rlgen.envs.records import Finished, StepResult
from rlgen.envs.shards.local import local_shard
from rlgen.envs.shards.sharded import ShardedWorld
from rlgen.envs.world import World


class WorldVecEnv(VecEnv):
    """N dialogues of one world, for SB3's algorithms.

    SB3's autoreset is the world's (SAME_STEP). `infos` holds a dict for each row: the step's `cost`,
    `cost_<name>` and weighted reward terms `term_<name>`, as in the single environments. A finished row's holds also
    `terminal_observation`, `TimeLimit.truncated`, `episode` (`r`, `l`, `t`, as SB3's Monitor writes them) and
    `outcome`: the `episode_summary` of the single environments (how it ended, relief, ratings, cost), and under `terms`
    the summed reward terms.

    Args:
        world: the world, in one process or in several (`rlgen.envs.shards`); it is used, not copied.
        seed: seed of the first `reset`.
    """

    def __init__(self, world: World | ShardedWorld, seed: int = 0) -> None:
        self.world = world
        self.render_mode = None
        self._seed: int | None = seed
        self._actions: NDArray[Any] = np.empty(0)
        self._start = time.perf_counter()
        self.seconds = 0.0
        super().__init__(world.num_envs, world.single_observation_space, world.single_action_space)

    def reset(self) -> NDArray[np.float32]:
        """Start new episodes; the first time, and after `seed()`, from the seed."""
        if self._seeds[0] is not None:
            self._seed = self._seeds[0]
        obs = self.world.restart(np.arange(self.num_envs)) if self._seed is None else self.world.reset(self._seed)
        self._seed = None
        self._reset_seeds()
        self._reset_options()
        return np.asarray(obs, dtype=np.float32)

    def step_async(self, actions: NDArray[Any]) -> None:
        """Keep the actions `[N, ...]` for `step_wait`."""
        self._actions = actions

    def step_wait(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """One turn of every row."""
        started = time.perf_counter()
        step = self.world.step(self._actions)
        self.seconds += time.perf_counter() - started
        infos = _infos(step)
        if step.finished is not None:
            self._fill(infos, step.finished, np.asarray(step.truncated), np.asarray(step.terminated))
        done = np.asarray(step.terminated) | np.asarray(step.truncated)
        # SB3 adds the bootstrap value of truncated rows to the rewards in place: they must be ours.
        rewards = np.array(step.reward, dtype=np.float32)
        return np.asarray(step.obs, dtype=np.float32), rewards, done, infos

    def _fill(
        self,
        infos: list[dict[str, Any]],
        finished: Finished,
        truncated: NDArray[np.bool_],
        terminated: NDArray[np.bool_],
    ) -> None:
        outcomes = summary_columns(finished)
        elapsed = round(time.perf_counter() - self._start, 6)
        for k, row in enumerate(np.asarray(finished.rows).tolist()):
            infos[row] |= {
                "terminal_observation": np.asarray(finished.final_obs[k], dtype=np.float32),
                "TimeLimit.truncated": bool(truncated[row] and not terminated[row]),
                "episode": {"r": float(finished.episode_return[k]), "l": int(finished.length[k]), "t": elapsed},
                "outcome": {**row_info(outcomes, k), "terms": row_info(finished.terms, k)},
            }

    def close(self) -> None:
        """Close the world: its audit log and its processes, where it has some."""
        self.world.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """The attribute, once per row: of this object, else of the world."""
        owner = self if hasattr(self, attr_name) else self.world
        return [getattr(owner, attr_name)] * len(self._rows(indices))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Rows are not objects here; only all of them can be set at once."""
        if len(self._rows(indices)) != self.num_envs:
            raise ValueError("the rows of a world are not separate objects: set the attribute for all of them")
        setattr(self.world, attr_name, value)

    def env_method(self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any) -> list[Any]:
        """Call a method of the world once and hand its result to each row."""
        result = getattr(self.world, method_name)(*method_args, **method_kwargs)
        return [result] * len(self._rows(indices))

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """True for SB3's Monitor, whose episode statistics the world gives itself; else False."""
        from stable_baselines3.common.monitor import Monitor

        return [isinstance(wrapper_class, type) and issubclass(wrapper_class, Monitor)] * len(self._rows(indices))

    def get_images(self) -> Sequence[NDArray[np.uint8] | None]:
        """No pictures here; `gymnasium.make(id, render_mode="rgb_array")` draws a dialogue."""
        return [None] * self.num_envs

    def _rows(self, indices: Any) -> list[int]:
        return list(self._get_indices(indices))

    def state(self) -> dict[str, Any]:
        """Picklable state for an exact resume."""
        return {"world": self.world.state(), "seed": self._seed}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take up a state of `state()`."""
        self.world.load_state(state["world"])
        self._seed = state["seed"]


def make_sb3(env_id: str, num_envs: int = 64, seed: int = 0, shards: int = 1, **fields: Any) -> WorldVecEnv:
    """N dialogues of a registered environment for Stable-Baselines3, in one batch.

    Args:
        env_id: e.g. `"rlgen/SupportDynamic-v0"`.
        num_envs: N.
        seed: of the people.
        shards: processes that the dialogues are split over, see `rlgen.envs.shards`; `close` ends them.
        **fields: of `rlgen.envs.WorldConfig`, as `gymnasium.make` takes them: `reward=`, `users=`, `generator=` and
            the others, by name, path, mapping, or as objects.

    Raises:
        ConfigError: an unknown id or field, or a part that is not there.
        ArtifactError: a frozen part is missing or damaged.

    Example:
        model = stable_baselines3.PPO("MlpPolicy", rlgen.make_sb3("rlgen/SupportDynamic-v0", 64)).learn(50_000)
    """
    config = world_config(env_id, **fields)
    if shards == 1:
        return WorldVecEnv(World(config, num_envs), seed)
    return WorldVecEnv(ShardedWorld(config, num_envs, shards, local_shard()), seed)


def _infos(step: StepResult) -> list[dict[str, Any]]:
    """A dict of its own for each row: the step's costs and reward terms."""
    columns = step_columns(step)
    rows = zip(*(np.asarray(values).tolist() for values in columns.values()), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]
