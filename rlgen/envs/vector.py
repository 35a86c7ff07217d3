"""N dialogues as a Gymnasium vector environment, natively batched."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from rlgen.envs.config import config_of_keywords
from rlgen.envs.infos import row_mask, step_columns, summary_columns, vector_infos
from rlgen.envs.records import Finished, StepResult
from rlgen.envs.rendering import Transcripts
from rlgen.envs.single import WithSpec
from rlgen.envs.world import World
from rlgen.errors import ActionError, ConfigError
from rlgen.rng import Realm, Streams
from rlgen.types import F32, I64, Bools


class DialogueVectorEnv(WithSpec, VectorEnv[F32, NDArray[Any], NDArray[Any]]):
    """A world behind `gymnasium.make_vec(id, num_envs=N)`.

    It does what Gymnasium's `SyncVectorEnv` does with N single environments, in one batch, in each of Gymnasium's
    ways to go on after the end of a dialogue (`metadata["autoreset_mode"]`, and the attribute `autoreset_mode`):

    - `SAME_STEP`: the observation of a finished row is already that of its next dialogue; `infos["final_obs"]` and
      `infos["final_info"]` hold the end of the old one.
    - `NEXT_STEP`: a finished row keeps its last observation; the next step, whatever its action, begins the next
      dialogue, with no reward. RLlib and some of Gymnasium's wrappers (`NormalizeObservation`) want this.
    - `DISABLED`: a finished row waits for `reset(options={"reset_mask": rows})`.

    Infos hold what a single environment's hold, under the same names: each value as an array `[N]`, beside it a mask
    of the rows that it is told of, `_<name>`. The batch of the observations is the same in all three modes; only
    `NEXT_STEP` spends a turn of a finished row on its reset.
    """

    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        "render_modes": ["ansi", "rgb_array"],
        "render_fps": 1,
        "autoreset_mode": AutoresetMode.SAME_STEP,
    }

    def __init__(
        self,
        env_id: str = "rlgen/SupportDynamic-v0",
        num_envs: int = 1,
        render_mode: str | None = None,
        autoreset_mode: str | AutoresetMode = AutoresetMode.SAME_STEP,
        words_in_info: bool = False,
        max_episode_steps: int | None = None,
        **overrides: Any,
    ) -> None:
        """Build the world.

        Args:
            env_id: a registered id.
            num_envs: N.
            render_mode: None, `"ansi"` (each dialogue as text) or `"rgb_array"` (a picture of each one's last turn).
            autoreset_mode: one of Gymnasium's, or its name (`"NEXT_STEP"` or `"NextStep"`).
            words_in_info: put into the infos what was said, for people and language models to read.
            max_episode_steps: what Gymnasium calls the field `max_turns`; `make_vec` hands it on from a spec.
            **overrides: fields of `rlgen.envs.WorldConfig`.

        Raises:
            TypeError: a keyword that is none of these.
            ConfigError: a field is out of range.
            ArtifactError: a frozen part is missing or damaged.
        """
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ConfigError(f"render_mode was {render_mode!r}; use None, 'ansi' or 'rgb_array'")
        if max_episode_steps is not None:
            overrides.setdefault("max_turns", max_episode_steps)
        self.autoreset_mode = mode_of(autoreset_mode)
        self.metadata = {**self.metadata, "autoreset_mode": self.autoreset_mode}  # type: ignore[misc]
        self.world = World(config_of_keywords(type(self), env_id, overrides), num_envs)
        self.render_mode = render_mode
        self.num_envs = num_envs
        self.layout = self.world.layout
        self.single_observation_space = self.world.single_observation_space
        self.single_action_space = self.world.single_action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._words = words_in_info
        self._transcripts = Transcripts(self.world) if words_in_info or render_mode is not None else None
        self._begun = False
        self._obs: F32 = np.zeros((num_envs, self.layout.size), dtype=np.float32)  # as the world has them
        self._over = np.zeros(num_envs, dtype=np.bool_)  # ended, and not yet begun anew for whoever watches
        self._last = self._obs.copy()  # last observations of those

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[F32, dict[str, Any]]:
        """Begin N dialogues: all of one seed, or each as it would go alone under its own; without a seed the next ones.

        `options["reset_mask"]` `[N]` renews only some rows; `options["realm"]` beside seeds names what people are
        met for (`rlgen.rng.Realm`), `"training"` by default.

        Raises:
            ConfigError: a seed or a mask of the wrong shape or type.
        """
        mask, realm = ((options or {}).get(name) for name in ("reset_mask", "realm"))
        rows = self._masked(mask) if self._begun and mask is not None else np.arange(self.num_envs)
        seeds = self._seeds(seed)
        known = [seeds] if isinstance(seeds, int) else [each for each in seeds or () if each is not None]
        if known:
            super().reset(seed=known[0])
        if not self._begun and len(known) < (1 if isinstance(seeds, int) else self.num_envs):
            seeds = self._drawn(seeds)
        if seeds is None:
            self._go_on(rows)
        elif len(rows) == self.num_envs and (isinstance(seeds, int) or None not in seeds):
            self._obs = self.world.reset(seeds, realm=realm)  # type: ignore[arg-type]
        else:
            self._seat(rows, seeds, realm or "training")
        self._begun = True
        self._begin(rows)
        return self._seen(), self._said(rows)

    def step(
        self, actions: NDArray[Any]
    ) -> tuple[F32, NDArray[Any], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """One turn in every row; with `NEXT_STEP` a finished row begins its next dialogue instead.

        Raises:
            ActionError: wrong shape, not finite or outside the space; or with `DISABLED` a row that has ended.
            ConfigError: `reset` was not called.
        """
        over, turned = np.flatnonzero(self._over), np.flatnonzero(~self._over)
        if len(over) and self.autoreset_mode is AutoresetMode.DISABLED:
            raise ActionError(
                f"the dialogues of rows {over.tolist()} have ended; begin new ones before the next step, with "
                'reset(options={"reset_mask": rows})'
            )
        reward = np.zeros(self.num_envs, dtype=np.float32)
        ended, infos = turned[:0], {}
        begins = over
        if len(turned):
            given = np.asarray(actions)
            # The world says what is wrong with actions of another shape.
            some = len(over) > 0 and given.shape[:1] == (self.num_envs,)
            result = self.world.step(given[turned] if some else given, turned if some else None)
            reward[turned], self._obs[turned] = result.reward, result.obs
            ended = turned[result.terminated]
            if self._transcripts is not None:
                self._transcripts.take(turned.tolist())
            if self.autoreset_mode is AutoresetMode.SAME_STEP:
                begins = ended
                infos = self._told(result, turned, ~result.terminated)
                if result.finished is not None:
                    infos |= self._final(result, result.finished, turned)
            else:
                infos = self._told(result, turned)
                if result.finished is not None:
                    infos |= self._summary(result.finished)
                    self._last[ended] = result.finished.final_obs
        self._begin(begins)
        if self.autoreset_mode is not AutoresetMode.SAME_STEP:
            self._over[ended] = True
        infos |= self._said(np.arange(self.num_envs))
        terminated = row_mask(ended, self.num_envs)
        return self._seen(), reward, terminated, np.zeros_like(terminated), infos

    def render(self) -> tuple[Any, ...] | None:
        """Each dialogue so far as text, or its last turn as a picture; before the first its opening."""
        if self._transcripts is None or self.render_mode is None:
            return None
        shown = self._transcripts.text if self.render_mode == "ansi" else self._transcripts.picture
        return tuple(shown(row) for row in range(self.num_envs))

    def call(self, name: str, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """What a method or an attribute gives, a result for each row as Gymnasium's own vectors give it."""
        if name == "render":
            return self.render() or (None,) * self.num_envs
        found = getattr(self, name)
        return (found(*args, **kwargs) if callable(found) else found,) * self.num_envs

    def get_attr(self, name: str) -> tuple[Any, ...]:
        """An attribute, once for each row: they share it."""
        return (getattr(self, name),) * self.num_envs

    def _seen(self) -> F32:
        """`[N, D]` observations as whoever watches sees them, in arrays of their own."""
        return np.where(self._over[:, None], self._last, self._obs)

    def _begin(self, rows: I64) -> None:
        """The dialogues of some rows begin for whoever watches."""
        self._over[rows] = False
        if self._transcripts is not None and len(rows):
            self._transcripts.begin(rows.tolist())

    def _go_on(self, rows: I64) -> None:
        """Begin the next dialogues in some rows, but for those where the world has done so by itself."""
        waiting = rows[~self._over[rows]]
        if len(waiting):
            self._obs = self.world.restart(waiting)

    def _seat(self, rows: I64, seeds: int | list[int | None], realm: Realm) -> None:
        """Begin in some rows the dialogues of their seeds; where there is none, the next ones."""
        if isinstance(seeds, int):
            named, streams = rows, Streams.of(seeds, self.num_envs, realm)
        else:
            named = rows[[seeds[row] is not None for row in rows.tolist()]]
            streams = Streams.of([each or 0 for each in seeds], self.num_envs, realm)
        self._go_on(np.setdiff1d(rows, named))
        if len(named):
            self._obs = self.world.restart(named, streams.rows(named))

    def _masked(self, mask: Any) -> I64:
        if np.shape(mask) != (self.num_envs,) or np.asarray(mask).dtype != np.bool_:
            raise ConfigError(f"reset_mask needs {self.num_envs} booleans, one for each dialogue")
        return np.flatnonzero(mask)

    def _seeds(self, seed: Any) -> int | list[int | None] | None:
        if seed is None:
            return None
        try:
            if isinstance(seed, int | np.integer):
                return operator.index(seed)
            given = [None if each is None else operator.index(each) for each in seed]
        except TypeError as error:
            raise ConfigError(f"seed was {seed!r}; give a whole number, or one (or None) for each dialogue") from error
        if len(given) != self.num_envs:
            raise ConfigError(f"{len(given)} seeds were given for {self.num_envs} dialogues; give one for each")
        return given

    def _drawn(self, seeds: int | list[int | None] | None) -> int | list[int | None]:
        """Seeds for those who give none at the first reset."""
        if isinstance(seeds, list):
            return [int(self.np_random.integers(2**31)) if each is None else each for each in seeds]
        return int(self.np_random.integers(2**31)) if seeds is None else seeds

    def _told(self, result: StepResult, turned: I64, some: Bools | slice = slice(None)) -> dict[str, Any]:
        """Infos of a step in the rows that took a turn, or in some of them."""
        columns = {name: np.asarray(column)[some] for name, column in step_columns(result).items()}
        return vector_infos(columns, turned[some], self.num_envs)

    def _summary(self, finished: Finished) -> dict[str, Any]:
        """Infos of how dialogues went that ended in a step."""
        whole = vector_infos(summary_columns(finished), finished.rows, self.num_envs)
        return {"episode_summary": whole, "_episode_summary": row_mask(finished.rows, self.num_envs)}

    def _final(self, result: StepResult, finished: Finished, turned: I64) -> dict[str, Any]:
        """`final_obs` and `final_info` of a step: the end of dialogues whose rows have begun others."""
        final_obs = np.full(self.num_envs, None, dtype=object)
        for row, obs in zip(finished.rows.tolist(), finished.final_obs, strict=True):
            final_obs[row] = obs
        info = self._told(result, turned, result.terminated) | self._summary(finished) | self._said(finished.rows)
        mask = row_mask(finished.rows, self.num_envs)
        return {"final_obs": final_obs, "_final_obs": mask, "final_info": info, "_final_info": mask.copy()}

    def _said(self, rows: I64) -> dict[str, Any]:
        """What was said in some rows, where infos are to hold it."""
        if not self._words or self._transcripts is None:
            return {}
        words = [self._transcripts.words(row) for row in rows.tolist()]
        columns = {name: [each[name] for each in words] for name in (words[0] if words else ())}
        return vector_infos(columns, rows, self.num_envs)


def mode_of(mode: str | AutoresetMode) -> AutoresetMode:
    """A way to go on after the end of a dialogue, by its name or value (`"NEXT_STEP"`, `"NextStep"`).

    Raises:
        ConfigError: there is no such way.
    """
    if isinstance(mode, AutoresetMode):
        return mode
    wanted = str(mode).replace("_", "").replace("-", "").lower()
    for known in AutoresetMode:
        if wanted == known.value.lower():
            return known
    names = ", ".join(known.name for known in AutoresetMode)
    raise ConfigError(f"autoreset_mode was {mode!r}; use one of {names}")
