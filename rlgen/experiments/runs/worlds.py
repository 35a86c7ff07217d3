"""From command-line options to a world."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro
from pydantic import Field

from rlgen.config import validate
from rlgen.envs import WorldConfig, world_config
from rlgen.errors import ConfigError
from rlgen.experiments.display.progress import reading_shown
from rlgen.experiments.options import Options, Part
from rlgen.experiments.provenance import differences
from rlgen.experiments.runs.run import Run
from rlgen.rewards import shipped_designs
from rlgen.seams import is_name, look_in, written_out

if TYPE_CHECKING:
    from rlgen.envs import World

_PARTS = (
    "users", "reward", "generator", "recognizer", "bank", "readers", "missing", "encoder", "precision", "observation",
)  # fmt: skip
# The fields of options, of WorldConfig and of the mappings in them that may name a path.
_PATHS = frozenset({
    "reward", "generator", "recognizer", "bank", "readers", "encoder", "users", "utterances", "guard", "patterns",
    "steering", "parameters", "path", "model", "kind", "family", "term",
})  # fmt: skip
_HOLDING = frozenset({"world", "users", "generator", "utterances", "reward", "guard", "terms", "blocks"})


class WorldOptions(Options):
    """Which world: a registered id, and what is exchanged in it."""

    env: str = Field(
        default="rlgen/SupportDynamic-v0",
        description="registered id: rlgen/SupportDynamic-v0, rlgen/Support-v0 or a variant of them",
    )
    users: Part = Field(
        default=None,
        description="people instead of the id's own: theory, calibrated, {family: replay, path: FILE}, "
        "{family: llm, model: MODEL}, or package.module:Class",
    )
    population: str | None = Field(
        default=None, description="who comes: guarded, despairing, impatient, constant_raters, crisis, stalling"
    )
    reward: Part = Field(
        default=None,
        description="reward: a name (`rlgen reward list`), the path of a YAML file, or package.module:FUNCTION",
    )
    generator: Part = Field(
        default=None,
        description="generator instead of the id's own: shipped:NAME, a folder, a Hugging Face id, {kind: huggingface, "
        "model: MODEL, ...}, {kind: constant, text: TEXT}, {kind: surface}, or package.module:Class",
    )
    precision: Literal["auto", "bf16", "fp32"] | None = Field(
        default=None, description="type in which the generator computes; auto is bf16 where hardware has it"
    )
    recognizer: Part = Field(
        default=None, description="recognizer instead of the id's own: shipped:NAME, a folder or package.module:Class"
    )
    bank: Part = Field(
        default=None, description="signal bank instead of the id's own: shipped:NAME, a folder or package.module:Class"
    )
    readers: Part = Field(
        default=None, description="readers instead of the id's own: shipped:NAME, a folder or package.module:Class"
    )
    missing: tuple[float, float, float] | None = Field(
        default=None, description="chance per turn that speech, face, physiology are missing; 1 1 1 blinds the policy"
    )
    observation: Literal["policy", "privileged"] | None = Field(
        default=None, description="privileged adds the hidden state of the person, for upper bounds"
    )
    encoder: Part = Field(
        default=None,
        description="sentence encoder: fast, minilm, or a sentence-transformers model by name or path (with --readers)",
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
        return world_config(self.env, **{**self.laid_over(self.world), **extra})

    @classmethod
    def beside(cls, values: dict[str, Any], folder: Path) -> dict[str, Any]:
        """See `Options.beside`: parts of the world, and modules of one's own that lie there."""

        def found(name: str, value: Any) -> Any:
            value = written_out(value) if name in _PATHS else value
            if isinstance(value, dict) and (name in _HOLDING or name in _PATHS):
                return {inner: found(str(inner), held) for inner, held in value.items()}
            if isinstance(value, list) and name in _HOLDING:
                return [found("kind", held) if isinstance(held, str) else found("blocks", held) for held in value]
            if not isinstance(value, str) or name not in _PATHS or (name == "reward" and value in shipped_designs()):
                return value
            file, _, attribute = value.rpartition(":")
            if is_name(value) and file.endswith(".py"):
                return f"{folder / file}:{attribute}" if (folder / file).exists() else value
            return str(folder / value) if value and (folder / value).exists() else value

        look_in(folder)
        return {name: found(name, value) for name, value in values.items()}

    def chosen(self) -> dict[str, Any]:
        """Fields of `WorldConfig` that were given."""
        given = {name: value for name in _PARTS if (value := getattr(self, name)) is not None}
        return {**given, "device": self.device} if "device" in self.model_fields_set else given

    def laid_over(self, world: dict[str, Any]) -> dict[str, Any]:
        """Fields of `WorldConfig` with what was given laid over them."""
        fields = {**world, **self.chosen()}
        if self.population is not None:
            people = written_out(fields.get("users"))
            people = {"family": people} if isinstance(people, str) else people
            fields["users"] = _over(people, {"population": self.population}, "users")
        return fields

    def world_of(self, run: Path) -> tuple[str, WorldConfig, bool]:
        """The world of a run, with the options laid over it.

        Args:
            run: its folder.

        Returns:
            Environment id, config, and whether an option makes it another world than the run's.

        Raises:
            ConfigError: the run is of another id than `--env` names.
        """
        stored = Run.open(run).config()
        if "env" in self.model_fields_set and self.env != stored["env"]:
            raise ConfigError(f"{run}: was trained in {stored['env']}, not in {self.env}; leave --env out")
        where = str(run / "config.json")
        fields = {**stored["world"], "device": "auto"}  # this machine may have another one
        asked = validate(WorldConfig, self.laid_over({**fields, **self.world}), where)
        other = next(differences(stored["world"], {**plain(asked), "device": stored["world"]["device"]}), None)
        return str(stored["env"]), asked, other is not None

    def world_for(self, policy: str) -> tuple[str, WorldConfig, Run | None]:
        """Environment id and config of the world that a policy acts in, and the run whose very world that is, if any.

        Args:
            policy: as `rlgen.experiments.runs.policies.find_policy` takes it.

        Raises:
            ConfigError: an unknown id or field, or a run of another id than `--env` names.
        """
        if (Path(policy) / "config.json").is_file():
            env_id, config, other = self.world_of(Path(policy))
            return env_id, config, None if other else Run(policy)
        return self.env, self.world_config(), None

    def make_world(self, num_envs: int, audit: Path | None = None, **extra: Any) -> World:
        """Build it."""
        return open_world(self.world_config(**extra), num_envs, audit)


def open_world(config: WorldConfig, num_envs: int, audit: Path | None = None) -> World:
    """A world for a person who waits: reading a file of real utterances for the first time takes minutes, and shows."""
    from rlgen.envs import World
    from rlgen.envs.parts import load_parts

    return World(config, num_envs, parts=load_parts(config, audit, reading_shown))


def _over(before: Any, given: dict[str, Any], field: str) -> dict[str, Any]:
    """Fields that were given, laid over those of a file."""
    if not isinstance(before, dict | None):
        raise ConfigError(f"world.{field} was {before!r:.60}: fields and values are needed, as in `{field}: {{...}}`")
    return {**(before or {}), **given}


def plain(config: WorldConfig) -> dict[str, Any]:
    """A world's config as a run keeps it: plain values, and names of parts."""
    made: dict[str, Any] = json.loads(config.model_dump_json())
    return made


def learner_device(device: str) -> str:
    """Where SB3 learns: with `"auto"` on the CPU, which is faster for a policy of this size."""
    return "cuda" if device == "cuda" else "cpu"
