"""One dialogue as a Gymnasium environment."""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium
import numpy as np
from numpy.typing import NDArray

from rlgen.envs.presets import world_config
from rlgen.envs.records import StepResult, TurnRecord
from rlgen.envs.world import World
from rlgen.errors import ActionError, ConfigError
from rlgen.types import F32


class DialogueEnv(gymnasium.Env[F32, NDArray[Any]]):
    """A world of one dialogue; the ids' own classes say what is in it.

    `info` of a step holds the weighted reward terms (`term_<name>`), `cost` and `cost_<name>`; of the
    last step also `episode_summary`: return, length, relief (gold), how it ended (`ending`, and as booleans
    completed, abandoned, limit), mean_rating.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["ansi", "rgb_array"], "render_fps": 1}  # type: ignore[misc]
    env_id = "rlgen/SupportDynamic-v0"

    def __init__(self, env_id: str | None = None, render_mode: str | None = None, **overrides: Any) -> None:
        """Build the world.

        Args:
            env_id: a registered id; None for the class's own.
            render_mode: None, `"ansi"` (the last turn as text) or `"rgb_array"` (a picture of it).
            **overrides: fields of `rlgen.envs.WorldConfig`.

        Raises:
            ConfigError: a field is unknown or out of range.
            ArtifactError: a frozen part is missing or damaged.
        """
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ConfigError(f"render_mode was {render_mode!r}; use None, 'ansi' or 'rgb_array'")
        self.world = World(world_config(env_id or self.env_id, **overrides), 1)
        self.world.record = render_mode is not None
        self.render_mode = render_mode
        self.layout = self.world.layout
        self.observation_space: Any = self.world.single_observation_space
        self.action_space = self.world.single_action_space
        self._begun = False
        self._fresh: F32 | None = None  # first observation of the dialogue that the world began by itself
        self._turns: list[TurnRecord] = []

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[F32, dict[str, Any]]:
        """Begin a dialogue; with a seed from its first person, without one with the next person.

        `options["realm"]` beside a seed names what people are met for (`rlgen.rng.Realm`); `"training"` by default.
        """
        super().reset(seed=seed)
        self._turns = []
        if seed is not None or not self._begun:
            given = int(self.np_random.integers(2**31)) if seed is None else seed
            obs = self.world.reset(given, realm=(options or {}).get("realm"))
        elif self._fresh is not None:
            obs = self._fresh
        else:
            obs = self.world.restart(np.zeros(1, dtype=np.int64))
        self._begun, self._fresh = True, None
        return obs[0], {}

    def step(self, action: NDArray[Any]) -> tuple[F32, float, bool, bool, dict[str, Any]]:
        """One turn.

        Raises:
            ActionError: wrong shape, not finite or outside the space; or the dialogue has ended.
        """
        if self._fresh is not None or not self._begun:
            raise ActionError("there is no dialogue under way; call reset before the next step")
        result = self.world.step(np.asarray(action)[None])
        if self.world.last is not None:
            self._turns.append(self.world.last)
        info = step_info(result)
        obs = result.obs
        if result.finished is not None:
            self._fresh, obs = result.obs, result.finished.final_obs
        return obs[0], float(result.reward[0]), bool(result.terminated[0]), bool(result.truncated[0]), info

    def render(self) -> Any:
        """The dialogue so far as text, or its last turn as a picture `[H, W, 3]` uint8."""
        from rlgen.envs import rendering

        if self.render_mode == "ansi":
            return rendering.text(self._turns)
        if self.render_mode == "rgb_array":
            return rendering.picture(self._turns)
        return None


def step_info(result: StepResult) -> dict[str, Any]:
    """The info of the only row of a step."""
    info: dict[str, Any] = {f"term_{name}": float(value[0]) for name, value in result.terms.items()}
    info["cost"] = float(result.cost[0])
    info.update({f"cost_{name}": float(value[0]) for name, value in result.costs.items()})
    ended = result.finished
    if ended is not None:
        info["episode_summary"] = {
            "return": float(ended.episode_return[0]),
            "length": int(ended.length[0]),
            "relief": float(ended.relief[0]),
            "relief_points": float(ended.relief_points[0]),
            "completed": bool(ended.completed[0]),
            "abandoned": bool(ended.abandoned[0]),
            "limit": bool(ended.limit[0]),
            "ending": ended.ending[0],
            "mean_rating": float(ended.mean_rating[0]),
        }
    return info
