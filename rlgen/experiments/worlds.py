"""From command-line options to a world, and from a policy's name to an actor."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro
from pydantic import Field

from rlgen.config import validate
from rlgen.envs import WorldConfig, world_config
from rlgen.errors import ConfigError
from rlgen.experiments.options import Options

if TYPE_CHECKING:
    from rlgen.envs import World
    from rlgen.policies.baselines import Actor
    from rlgen.policies.protocols import WorldLike

_PARTS = ("reward", "generator", "recognizer", "bank", "readers", "missing", "encoder", "observation", "device")


class WorldOptions(Options):
    """Which world: a registered id, and what is exchanged in it."""

    env: str = Field(default="rlgen/SupportDynamic-v0", description="registered environment id")
    reward: str | None = Field(default=None, description="reward design, by name or YAML path")
    generator: str | None = Field(default=None, description="generator instead of the id's own")
    recognizer: str | None = Field(default=None, description="recognizer instead of the id's own")
    bank: str | None = Field(default=None, description="signal bank instead of the id's own")
    readers: str | None = Field(default=None, description="readers instead of the id's own")
    missing: tuple[float, float, float] | None = Field(
        default=None, description="chance per turn that speech, face, physiology are missing; 1 1 1 blinds the policy"
    )
    observation: Literal["policy", "privileged"] | None = Field(
        default=None, description="privileged adds the hidden state of the person, for upper bounds"
    )
    encoder: Literal["auto", "float32", "bfloat16"] | None = Field(
        default=None, description="arithmetic of the sentence encoder"
    )
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="device of world and learner")
    world: Annotated[dict[str, Any], tyro.conf.Suppress] = Field(
        default={}, description="any other fields of WorldConfig (YAML only)"
    )

    def world_config(self, **extra: Any) -> WorldConfig:
        """The id's config with the options laid over it.

        Raises:
            ConfigError: an unknown id or field.
        """
        chosen = {name: value for name in _PARTS if (value := getattr(self, name)) is not None}
        return world_config(self.env, **{**self.world, **chosen, **extra})

    def make_world(self, num_envs: int, audit: Path | None = None, **extra: Any) -> World:
        """Build it."""
        from rlgen.envs import World

        return World(self.world_config(**extra), num_envs, audit)


def learner_device(device: str) -> str:
    """Where SB3 learns: with `"auto"` on the CPU, which is faster for a policy of this size."""
    return "cuda" if device == "cuda" else "cpu"


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file.

    Raises:
        ConfigError: unreadable or not an object.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as JSON ({error.__class__.__name__}); check the path") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: holds {type(values).__name__}, not an object")
    return values


def world_of_run(run: Path, changes: Mapping[str, Any]) -> tuple[str, WorldConfig]:
    """Environment id and world config that a run was trained in.

    Args:
        run: its folder.
        changes: fields of `WorldConfig` to replace.
    """
    stored = read_json(run / "config.json")
    fields = {**stored["world"], **changes}
    return str(stored["env"]), validate(WorldConfig, fields, str(run / "config.json"))


def find_actor(name: str, env_id: str, world: WorldLike, seed: int = 0, device: str = "cpu") -> tuple[str, Actor]:
    """A policy by name: a run folder, a zip file, `baseline:NAME` or `untrained`.

    Returns:
        A short name and the actor.

    Raises:
        ConfigError: no such baseline.
        ArtifactError: no policy at that path.
    """
    from rlgen.policies.baselines import shipped_baselines
    from rlgen.policies.ppo import PPOConfig
    from rlgen.policies.trained import Trained, untrained

    if name == "untrained":
        return "untrained", untrained(world, PPOConfig(), seed)
    if name.startswith("baseline:"):
        ladder = shipped_baselines(env_id)
        short = name.removeprefix("baseline:")
        if short not in ladder:
            raise ConfigError(f"{env_id} has no baseline {short!r}; there are {', '.join(ladder)}")
        return short, ladder[short]
    path = Path(name)
    actor = Trained.load(path / "policy.zip" if path.is_dir() else path, device)
    if actor.model.observation_space.shape != world.single_observation_space.shape:
        raise ConfigError(
            f"{path}: the policy takes observations of length {actor.model.observation_space.shape}, but {env_id} "
            f"gives {world.single_observation_space.shape}; use the environment it was trained in"
        )
    return "trained", actor
