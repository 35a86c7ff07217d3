"""The config of a world: every part is named here and may be exchanged. Configs of the registered ids."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from inspect import signature
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from rlgen.config import validate
from rlgen.envs.actions import ActionKind
from rlgen.envs.generators import Embedded, GeneratorConfig
from rlgen.envs.observation import BLOCKS
from rlgen.envs.people import FAMILIES, AnyPeople
from rlgen.envs.registration import IDS
from rlgen.errors import ConfigError
from rlgen.governance.config import GuardConfig
from rlgen.rewards import RewardDesign, design
from rlgen.seams import Own, named_or_own, written_out
from rlgen.text.encoding.choice import check_choice
from rlgen.types import MAX_TURNS
from rlgen.users import TheoryConfig

Part = Annotated[str | Own, BeforeValidator(named_or_own)]
"""The name of a shipped part, a path, or a part of one's own (`rlgen.seams`)."""


class Corpus(BaseModel):
    """Turns of real people, from your copy of ESConv or a file like it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["corpus"] = "corpus"
    path: Path = Field(description="a file, or a folder with esconv.jsonl")


def _said(value: Any) -> Any:
    if value == "own" or isinstance(value, Corpus):
        return value
    value = written_out(value)
    if (own := Own.of(value)) is not None:
        return own
    if isinstance(value, Mapping):
        return Corpus.model_validate(value)
    if not Path(str(value)).exists():
        raise ValueError("use own, or the path of your copy of a corpus; nothing lies there")
    return Corpus(path=Path(str(value)))


def _guarding(value: Any) -> Any:
    if value is None or isinstance(value, GuardConfig):
        return value
    if (own := Own.of(value)) is not None:
        return own
    if isinstance(value, str | Path) and Path(value).suffix in {".yaml", ".yml"}:
        return {"patterns": value}
    if not isinstance(value, Mapping):
        raise ValueError("give the guard's fields, a YAML file of rules, null for none, or a guard of your own")
    return value


def _added(value: Any) -> Any:
    """Blocks of one's own: one, or several."""
    several = value if isinstance(value, list | tuple) else [value]
    found = [Own.of(each) for each in several]
    if None in found:
        raise ValueError("write package.module:attribute of an `rlgen.envs.Block`, or of what makes one")
    return tuple(found)


class WorldConfig(BaseModel):
    """What a world is made of. Frozen; an unknown field is an error.

    Every field that names a part takes a shipped name, a path, `package.module:attribute`, a mapping
    `{kind: ..., option: value}`, or in Python the class or object itself; `docs/parts.md` has them one by one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    users: AnyPeople = Field(
        TheoryConfig(),
        description="who is supported: a family (theory, calibrated, replay, llm), {family: ..., option: value}, or "
        "people of your own",
    )
    reward: Annotated[RewardDesign, BeforeValidator(design)] = Field(
        "default", validate_default=True, description="reward: name, YAML path, fields, or a function (trace) -> [N]"
    )
    generator: GeneratorConfig = Field(
        Embedded(),
        description="what answers: shipped:NAME, a folder, a Hugging Face id, or {kind: KIND, option: value} with the "
        "kinds embedded, huggingface, constant and surface",
    )
    precision: Literal["auto", "bf16", "fp32"] = Field(
        "auto",
        description="type in which the generator computes; auto is bf16 where hardware multiplies it, which a run's "
        "manifest tells",
    )
    recognizer: Part = Field("shipped:recognizer", description="recognizer: shipped:NAME, or a folder")
    bank: Part = Field("shipped:signal_bank", description="signal bank: shipped:NAME, or a folder")
    utterances: Annotated[Literal["own"] | Corpus | Own, BeforeValidator(_said)] = Field(
        "own",
        description='what people say: "own", the project\'s bank, or the path of your copy of ESConv or a file like it',
    )
    readers: Part | None = Field(
        None, description="readers: shipped:NAME, or a folder; null for those that are shipped for the encoder"
    )
    encoder: Part = Field(
        "fast",
        description='sentence encoder: "fast", the small one, "minilm", or any sentence-transformers model by name or '
        'path, which needs readers fitted on it; "fast-bf16" and "minilm-bf16" in half precision',
    )
    guard: Annotated[GuardConfig | Own | None, BeforeValidator(_guarding)] = Field(
        GuardConfig(), description="output filter: its fields, a YAML file of rules; null for none"
    )
    missing: tuple[float, float, float] = Field(
        (0.0, 0.0, 0.0),
        description="chance per turn that speech, face, physiology are missing; 1,1,1 blinds the policy",
    )
    observation: Literal["policy", "privileged"] = Field("policy", description="privileged adds the hidden state")
    drop: tuple[str, ...] = Field(
        (), description="blocks left out of the observation, as `rlgen.envs.ObservationLayout` names them"
    )
    blocks: Annotated[tuple[Own, ...], BeforeValidator(_added)] = Field(
        (), description="blocks of your own added to the observation, see `rlgen.envs.Block`"
    )
    actions: ActionKind = Field(
        "box", description="continuous controls, the grid of them, or the grid's points numbered in one row"
    )
    max_turns: int = Field(MAX_TURNS, ge=1, le=64, description="turn limit, which ends a dialogue")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="where the frozen models run")

    @field_validator("utterances")
    @classmethod
    def _voiced(cls, value: Any, info: ValidationInfo) -> Any:
        if value != "own" and getattr(info.data.get("users"), "bank", None) == "crisis":
            raise ValueError("people of the population 'crisis' speak from the project's own bank; use own")
        return value

    @field_validator("encoder")
    @classmethod
    def _known_encoder(cls, value: str | Own) -> str | Own:
        try:
            if isinstance(value, str):
                check_choice(value)
        except ConfigError as error:
            raise ValueError(str(error)) from error
        return value

    @field_validator("drop")
    @classmethod
    def _known_blocks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in value if name not in BLOCKS]:
            raise ValueError(f"there is no block {unknown[0]!r} of the observation; the blocks are {', '.join(BLOCKS)}")
        if len(set(value)) == len(BLOCKS):
            raise ValueError("nothing would be left to observe; keep at least one block")
        return tuple(name for name in BLOCKS if name in value)  # the same blocks are the same world

    @field_validator("missing")
    @classmethod
    def _probabilities(cls, value: tuple[float, float, float]) -> tuple[float, float, float]:
        if not all(0.0 <= chance <= 1.0 for chance in value):
            raise ValueError("three chances between 0 and 1 are needed")
        return value

    @property
    def has_words(self) -> bool:
        """Whether replies have words; a response surface gives readings only."""
        return self.generator.kind != "surface" if not isinstance(self.generator, Own) else True


def world_config(env_id: str, /, **overrides: Any) -> WorldConfig:
    """The config of a registered id, with some fields replaced.

    Args:
        env_id: e.g. `"rlgen/SupportDynamic-v0"`.
        **overrides: fields of `WorldConfig`; `users` may be a mapping that is laid over the id's own, or the name of
            a family.

    Raises:
        ConfigError: an unknown id, or a field that is unknown or out of range.
    """
    if env_id not in IDS:
        raise ConfigError(f"there is no environment {env_id!r}; the ids are {', '.join(IDS)}")
    fields: dict[str, Any] = {**IDS[env_id], **overrides}
    users = written_out(fields.get("users"))
    if isinstance(users, str) and users in FAMILIES:
        users = {"family": users}
    if isinstance(users, dict) and "kind" not in users and users.get("family", FAMILIES[0]) in FAMILIES:
        fields["users"] = {**IDS[env_id]["users"], **users}
    return validate(WorldConfig, fields, env_id)


def config_of_keywords(environment: type, env_id: str, keywords: Mapping[str, Any]) -> WorldConfig:
    """`world_config` for the constructor of an environment, which refuses unknown keywords as Python does.

    Other people's programs try keywords of other environments, and go by the exception whether there are such.

    Args:
        environment: the class whose constructor was called.
        env_id: as for `world_config`.
        keywords: those that are no parameters of the constructor.

    Raises:
        TypeError: one of them is no field of `WorldConfig` either.
        ConfigError: see `world_config`.
    """
    for name in keywords:
        if name not in WorldConfig.model_fields:
            own = [known for known in signature(environment).parameters if known != "overrides"]
            near = get_close_matches(name, [*WorldConfig.model_fields, *own], n=1)
            raise TypeError(
                f"{environment.__name__}.__init__() got an unexpected keyword argument {name!r}"
                + (f". Did you mean {near[0]!r}?" if near else "")
            )
    return world_config(env_id, **keywords)
