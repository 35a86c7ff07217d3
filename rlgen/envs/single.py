"""One dialogue as a Gymnasium environment."""

from __future__ import annotations

import copy
import operator
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec
from numpy.typing import NDArray

from rlgen.envs import batch_hint
from rlgen.envs.config import config_of_keywords
from rlgen.envs.infos import row_info, step_columns, summary_columns
from rlgen.envs.rendering import Transcripts, show
from rlgen.envs.world import World
from rlgen.errors import ActionError, ConfigError
from rlgen.types import F32


class WithSpec:
    """The attribute `spec` of an environment over a world, which says how it was made.

    Its `max_episode_steps` is the world's own turn limit, which no `TimeLimit` has to keep.
    """

    world: World
    _spec: EnvSpec | None = None

    @property
    def spec(self) -> Any:
        """See the class."""
        return self._spec

    @spec.setter
    def spec(self, value: EnvSpec | None) -> None:
        self._spec = copy.copy(value)
        if self._spec is not None:
            self._spec.max_episode_steps = self.world.config.max_turns


class DialogueEnv(WithSpec, gymnasium.Env[F32, NDArray[Any]]):
    """A world of one dialogue; the ids' own classes say what is in it.

    `info` of a step holds the weighted reward terms (`term_<name>`), `cost` and `cost_<name>`; of the
    last step also `episode_summary`: return, length, relief (the true outcome; `relief_points` on the survey's
    scale), how it ended (`ending`, and as booleans completed, abandoned, limit), mean_rating, cost. With
    `words_in_info` the infos of `reset` and `step` hold what was said last on both sides, and how long ago
    (`rlgen.envs.rendering.Transcripts.words`).
    """

    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        "render_modes": ["ansi", "human", "rgb_array"],
        "render_fps": 1,
    }
    env_id = "rlgen/SupportDynamic-v0"

    def __init__(
        self,
        env_id: str | None = None,
        render_mode: str | None = None,
        words_in_info: bool = False,
        **overrides: Any,
    ) -> None:
        """Build the world.

        Args:
            env_id: a registered id; None for the class's own.
            render_mode: None, `"ansi"` (the dialogue as text), `"human"` (each turn is written to the terminal) or
                `"rgb_array"` (a picture of the last turn). `gymnasium.make` makes `"ansi_list"` and
                `"rgb_array_list"` of these.
            words_in_info: put into the infos what was said, for people and language models to read.
            **overrides: fields of `rlgen.envs.WorldConfig`.

        Raises:
            TypeError: a keyword that is none of these.
            ConfigError: a field is out of range.
            ArtifactError: a frozen part is missing or damaged.
        """
        if render_mode not in (None, *self.metadata["render_modes"]):
            allowed = ", ".join(repr(mode) for mode in self.metadata["render_modes"])
            raise ConfigError(f"render_mode was {render_mode!r}; use None, {allowed}")
        self.env_id = env_id or self.env_id
        self.world = World(config_of_keywords(type(self), self.env_id, overrides), 1)
        self.render_mode = render_mode
        self.layout = self.world.layout
        self.observation_space: Any = self.world.single_observation_space
        self.action_space: Any = self.world.single_action_space
        self._words = words_in_info
        self._transcripts = Transcripts(self.world) if words_in_info or render_mode is not None else None
        self._begun = False
        self._fresh: F32 | None = None  # first observation of the dialogue that the world began by itself

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[F32, dict[str, Any]]:
        """Begin a dialogue; with a seed from its first person, without one with the next person.

        `options["realm"]` beside a seed names what people are met for (`rlgen.rng.Realm`); `"training"` by default.
        """
        seed = None if seed is None else operator.index(seed)
        super().reset(seed=seed)
        if seed is not None or not self._begun:
            given = int(self.np_random.integers(2**31)) if seed is None else seed
            obs = self.world.reset(given, realm=(options or {}).get("realm"))
        elif self._fresh is not None:
            obs = self._fresh
        else:
            obs = self.world.restart(np.zeros(1, dtype=np.int64))
        self._begun, self._fresh = True, None
        if self._transcripts is not None:
            self._transcripts.begin([0])
        self._show()
        return obs[0], self._said()

    def step(self, action: NDArray[Any]) -> tuple[F32, float, bool, bool, dict[str, Any]]:
        """One turn.

        Raises:
            ActionError: wrong shape, not finite or outside the space; or the dialogue has ended.
        """
        if self._fresh is not None or not self._begun:
            raise ActionError("there is no dialogue under way; call reset before the next step")
        batch_hint.stepped(self, self.env_id)
        result = self.world.step(np.asarray(action)[None])
        if self._transcripts is not None:
            self._transcripts.take([0])
        info, obs = row_info(step_columns(result), 0), result.obs
        if result.finished is not None:
            info["episode_summary"] = row_info(summary_columns(result.finished), 0)
            self._fresh, obs = result.obs, result.finished.final_obs
        info |= self._said()
        self._show()
        return obs[0], float(result.reward[0]), bool(result.terminated[0]), bool(result.truncated[0]), info

    def render(self) -> Any:
        """The dialogue so far as text, or its last turn as a picture `[H, W, 3]` uint8; before the first its opening.

        In `"human"` mode the turns are written as they are made, and nothing is returned.
        """
        if self._transcripts is not None and self.render_mode == "ansi":
            return self._transcripts.text(0)
        if self._transcripts is not None and self.render_mode == "rgb_array":
            return self._transcripts.picture(0)
        return None

    def _said(self) -> dict[str, Any]:
        return self._transcripts.words(0) if self._words and self._transcripts is not None else {}

    def _show(self) -> None:
        if self.render_mode == "human" and self._transcripts is not None:
            show(self._transcripts.text(0, slice(-1, None)))
