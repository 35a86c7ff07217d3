"""N dialogues as a Gymnasium vector environment, natively batched."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from rlgen.envs.presets import world_config
from rlgen.envs.records import Finished
from rlgen.envs.world import World
from rlgen.errors import ConfigError
from rlgen.types import F32

_SUMMARY = (
    "episode_return", "length", "relief", "relief_points", "completed", "abandoned", "limit", "mean_rating", "cost",
)  # fmt: skip


class DialogueVectorEnv(VectorEnv[F32, NDArray[Any], NDArray[Any]]):
    """A world behind `gymnasium.make_vec(id, num_envs=N)`.

    Autoreset is `SAME_STEP`: the observation of a finished row is already that of its next dialogue, and
    `infos["final_obs"]`, `infos["final_info"]` with their masks hold the end of the old one. Every step's
    infos hold `term_<name>`, `cost` and `cost_<name>` as arrays `[N]`.
    """

    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        "render_modes": ["ansi"],
        "autoreset_mode": AutoresetMode.SAME_STEP,
    }

    def __init__(
        self,
        env_id: str = "rlgen/SupportDynamic-v0",
        num_envs: int = 1,
        render_mode: str | None = None,
        **overrides: Any,
    ) -> None:
        """Build the world.

        Args:
            env_id: a registered id.
            num_envs: N.
            render_mode: None or `"ansi"` (the last turn of every row).
            **overrides: fields of `rlgen.envs.WorldConfig`.

        Raises:
            ConfigError: a field is unknown or out of range.
            ArtifactError: a frozen part is missing or damaged.
        """
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ConfigError(f"render_mode was {render_mode!r}; use None or 'ansi'")
        self.world = World(world_config(env_id, **overrides), num_envs)
        self.world.record = render_mode is not None
        self.render_mode = render_mode
        self.num_envs = num_envs
        self.layout = self.world.layout
        self.single_observation_space = self.world.single_observation_space
        self.single_action_space = self.world.single_action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[F32, dict[str, Any]]:
        """Begin N dialogues, all of one seed or each as it would go alone under its own.

        `options["reset_mask"]` `[N]` renews only some rows; `options["realm"]` names what people are met for.

        Raises:
            ConfigError: a seed or a mask of the wrong shape or type.
        """
        mask, realm = ((options or {}).get(name) for name in ("reset_mask", "realm"))
        if mask is not None:
            if np.shape(mask) != (self.num_envs,) or np.asarray(mask).dtype != np.bool_:
                raise ConfigError(f"reset_mask needs {self.num_envs} booleans, one for each dialogue")
            if seed is not None:
                raise ConfigError("reset_mask goes on with the rows' own streams; leave the seed out")
            return self.world.restart(np.flatnonzero(mask)), {}
        if seed is None or isinstance(seed, int | np.integer):
            return self.world.reset(int(self.np_random.integers(2**31)) if seed is None else int(seed), realm=realm), {}
        try:
            given = [int(self.np_random.integers(2**31)) if each is None else operator.index(each) for each in seed]
        except TypeError as error:
            raise ConfigError(f"seed was {seed!r}; give a whole number, or one (or None) for each dialogue") from error
        return self.world.reset(given, realm=realm), {}

    def step(
        self, actions: NDArray[Any]
    ) -> tuple[F32, NDArray[Any], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """One turn in every row."""
        result = self.world.step(actions)
        infos: dict[str, Any] = {f"term_{name}": value for name, value in result.terms.items()}
        infos["cost"] = result.cost
        infos.update({f"cost_{name}": value for name, value in result.costs.items()})
        if result.finished is not None:
            infos.update(self._final(result.finished))
        return result.obs, result.reward, result.terminated, result.truncated, infos

    def render(self) -> tuple[str, ...] | None:
        """The last turn of every row as text."""
        from rlgen.envs import rendering

        if self.render_mode is None or self.world.last is None:
            return None
        return tuple(rendering.turn_text(self.world.last, row) for row in range(self.num_envs))

    def _final(self, ended: Finished) -> dict[str, Any]:
        mask = np.zeros(self.num_envs, dtype=np.bool_)
        mask[ended.rows] = True
        final_obs = np.empty(self.num_envs, dtype=object)
        for row, obs in zip(ended.rows, ended.final_obs, strict=True):
            final_obs[row] = obs
        summary: dict[str, Any] = {}
        for name in _SUMMARY:
            values = getattr(ended, name)
            summary[name] = np.zeros(self.num_envs, dtype=values.dtype)
            summary[name][ended.rows] = values
            summary[f"_{name}"] = mask
        return {"final_obs": final_obs, "_final_obs": mask, "final_info": summary, "_final_info": mask}
