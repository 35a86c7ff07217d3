"""Trained policies as actors, with the memory, the statistics and the stacking that they were trained with."""

from __future__ import annotations

import copy
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm

from rlgen.envs.actions import check_space, to_box
from rlgen.envs.observation import ObservationLayout
from rlgen.envs.world import World
from rlgen.errors import ActionError, ConfigError
from rlgen.policies.baselines import PURPOSE
from rlgen.policies.drawing import States, draw
from rlgen.policies.ppo import PPOConfig, make_ppo
from rlgen.policies.saved import find_statistics, load_model, own_statistics, sha256_of
from rlgen.policies.vec_env import WorldVecEnv
from rlgen.rng import Streams
from rlgen.types import F32, I64

if TYPE_CHECKING:
    from stable_baselines3.common.vec_env import VecNormalize

_SUM = 1e-3  # six probabilities add up to 1 within this, unless something has transformed them


@dataclass(frozen=True)
class _Memory:
    """What a policy keeps of N dialogues from one turn to the next.

    Attributes:
        turn: `[N]`, of the last act.
        frames: `[N, k, D]`, the last k observations, oldest first; None for a policy of single observations.
        states: of a recurrent policy, None for others.
    """

    turn: I64
    frames: NDArray[np.float32] | None
    states: States | None


class Trained:
    """A model of any algorithm of SB3 or sb3-contrib as an actor.

    A recurrent policy keeps its states, and a policy of stacked observations its last ones, from a dialogue's turn 0
    on. `begin` gives an actor with the same weights and a memory of its own: take one for each world.

    Attributes:
        model: e.g. a `BoundedPPO`, a `RecurrentPPO`, a `SAC`.
        deterministic: act at the mode of the distribution; else draw from it, each row from its own stream.
        statistics: of the `VecNormalize` that it was trained in, frozen; None for none.
        files: what it was loaded from: the model and, where there is one, the file of statistics.
    """

    def __init__(
        self, model: BaseAlgorithm, deterministic: bool = True, statistics: VecNormalize | None = None
    ) -> None:
        """Take a model.

        Args:
            model: its policy is set to evaluation mode.
            deterministic: see above.
            statistics: see above; None for those of the model's own env, if that has some.
        """
        self.model = model
        self.deterministic = deterministic
        self.statistics = statistics if statistics is not None else model.get_vec_normalize_env()
        self.files: tuple[Path, ...] = ()
        self._memory: _Memory | None = None
        self._busy = threading.Lock()  # SB3 keeps the parameters of a distribution in the policy
        model.policy.set_training_mode(False)

    @classmethod
    def load(cls, path: str | Path, device: str = "cpu", deterministic: bool = True) -> Trained:
        """From a zip file, with the statistics that lie beside it (`rlgen.policies.saved.find_statistics`).

        Raises:
            ArtifactError: missing, damaged, or of an algorithm that is neither in SB3 nor in sb3-contrib.
        """
        beside = find_statistics(path)
        actor = cls(load_model(path, device), deterministic, None if beside is None else beside[1])
        actor.files = (Path(path),) if beside is None else (Path(path), beside[0])
        return actor

    @property
    def algorithm(self) -> str:
        """Name of the class of the model."""
        return type(self.model).__name__

    def stamp(self) -> dict[str, Any]:
        """What tells it from other policies: algorithm, step, sha256 of its files, how it acts."""
        return {
            "algorithm": self.algorithm,
            "step": int(self.model.num_timesteps),
            "sha256": {path.name: sha256_of(path) for path in self.files},
            "deterministic": self.deterministic,
        }

    def begin(self, rows: int) -> Trained:
        """The same policy with a memory of its own, for a world of that many dialogues."""
        del rows  # told by the first observations
        fresh = copy.copy(self)
        fresh._memory = None
        return fresh

    def state(self) -> Any:
        """What it remembers, to be pickled; `load_state` goes on from it."""
        return self._memory

    def load_state(self, state: Any) -> None:
        """Go on with what `state` gave."""
        self._memory = state

    def check(self, layout: ObservationLayout, space: spaces.Box, where: str) -> None:
        """Check that it can act on a world's observations, as it was trained.

        Args:
            layout: of the world's observations.
            space: of one row's observation.
            where: what it was loaded from, for messages.

        Raises:
            ConfigError: it takes other observations, acts in another space, or was trained on normalised observations
                whose statistics are not there.
        """
        size = int(np.prod(space.shape))
        self._stacked(size, where)
        check_space(self.model.action_space, where)
        raw = self._saw_raw(layout, size)
        if raw and len(self.files) > 1 and self.files[1] not in own_statistics(self.files[0]):
            # The only statistics in a folder of several models need not be of each of them.
            self.statistics, self.files = None, self.files[:1]
        rms: Any = getattr(self.statistics, "obs_rms", None)
        if raw is False and rms is None:
            raise ConfigError(
                f"{where}: was trained on observations that something had transformed, as VecNormalize does, and its "
                f"statistics are not beside it; save them with env.save({str(own_statistics(where)[0])!r})"
            )
        taken = self.model.observation_space.shape
        if rms is not None and tuple(rms.mean.shape) not in ((size,), taken):
            raise ConfigError(
                f"{self.files[-1] if self.files else where}: these statistics are of {tuple(rms.mean.shape)} numbers, "
                f"but the policy takes {taken}; bring those that were saved with it"
            )

    def _saw_raw(self, layout: ObservationLayout, size: int) -> bool | None:
        """Whether the last observation of its training was as the world gives it; None where that cannot be told."""
        last = getattr(self.model, "_last_obs", None)
        if not isinstance(last, np.ndarray) or last.size % size:
            return None
        frames = last.reshape(len(last), -1)[:, -size:]  # the newest of stacked ones
        affect = layout.unflatten(frames).get("affect")
        if affect is None:
            return None
        return bool(np.allclose(np.asarray(affect)[:, :6].sum(axis=1), 1.0, atol=_SUM))

    def _stacked(self, size: int, where: str) -> int:
        """How many observations of that size the model takes at once."""
        space = self.model.observation_space
        if not isinstance(space, spaces.Box):
            raise ConfigError(f"{where}: the policy takes {space}, but the world gives vectors of {size} numbers")
        taken = int(np.prod(space.shape))
        if taken % size:
            raise ConfigError(
                f"{where}: the policy takes observations of {taken} numbers, but this world gives {size}; use the "
                "environment and the observation blocks that it was trained with"
            )
        return taken // size

    def act(self, obs: F32, layout: ObservationLayout, streams: Streams, turn: I64) -> NDArray[np.float32]:
        """See `rlgen.policies.baselines.Actor`.

        Raises:
            ActionError: a policy with a memory meets dialogues whose beginning it has not seen; or it cannot draw.
        """
        del layout
        turn = np.asarray(turn)
        given, frames = self._seen(np.asarray(obs, dtype=np.float32), turn)
        before = None if self._memory is None or len(self._memory.turn) != len(turn) else self._memory.states
        starts = turn == 0
        with self._busy, torch.no_grad():
            if self.deterministic:
                predict: Any = self.model.predict
                actions, states = predict(given, state=before, episode_start=starts, deterministic=True)
            else:
                size = int(np.prod(self.model.action_space.shape or (1,)))
                actions, states = draw(self.model, given, streams.uniform(PURPOSE, turn, size), before, starts)
        if frames is not None or states is not None:
            self._memory = _Memory(turn.copy(), frames, states)
        return to_box(actions, self.model.action_space, len(turn))

    def _seen(self, obs: NDArray[np.float32], turn: I64) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Observations as the model takes them, and those to be remembered."""
        rows, size = obs.shape
        count = self._stacked(size, self.algorithm)
        if count > 1 or hasattr(self.model.policy, "lstm_actor"):
            self._check_memory(turn)
        single = self._normalises((size,))
        if single:
            obs = self._normalised(obs)
        frames = None
        shape = self.model.observation_space.shape or ()
        if count > 1:
            known = self._memory
            if known is not None and known.frames is not None and len(known.turn) == rows:
                frames = np.concatenate([known.frames[:, 1:], obs[:, None]], axis=1)
            else:
                frames = np.repeat(obs[:, None], count, axis=1)
            start = turn == 0
            # VecFrameStack begins with zeros; Gymnasium's FrameStackObservation, of two axes, repeats the first one.
            frames[start, :-1] = obs[start, None] if len(shape) > 1 else 0.0
            obs = frames.reshape(rows, *shape)
        elif obs.shape[1:] != shape:
            obs = obs.reshape(rows, *shape)
        return (obs if single else self._normalised(obs)), frames

    def _check_memory(self, turn: I64) -> None:
        goes_on = turn != 0
        if not goes_on.any():
            return
        known = self._memory
        if known is None or len(known.turn) != len(turn) or (known.turn[goes_on] + 1 != turn[goes_on]).any():
            raise ActionError(
                f"{self.algorithm} remembers earlier turns, and was asked in the middle of a dialogue that it has not "
                "followed; ask it at every turn from turn 0 on, and take one of `begin` for each world"
            )

    def _normalises(self, shape: tuple[int, ...]) -> bool:
        rms: Any = None if self.statistics is None else getattr(self.statistics, "obs_rms", None)
        return rms is not None and tuple(rms.mean.shape) == shape

    def _normalised(self, obs: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.statistics is None or not self.statistics.norm_obs:
            return obs
        return np.asarray(self.statistics.normalize_obs(obs), dtype=np.float32)


def untrained(world: World, config: PPOConfig, seed: int, deterministic: bool = True) -> Trained:
    """The policy that training from this seed starts with."""
    return Trained(make_ppo(WorldVecEnv(world), config, seed=seed), deterministic)
