"""The config of a world: every part is named here and may be exchanged."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
)

from rlgen.envs.actions import ActionKind
from rlgen.envs.observation import BLOCKS
from rlgen.errors import ConfigError
from rlgen.generation.huggingface.options import HuggingFaceOptions
from rlgen.governance.config import GuardConfig
from rlgen.text.encoding.choice import check_choice
from rlgen.types import MAX_TURNS
from rlgen.users import TheoryConfig
from rlgen.users.families import UsersConfig


class WorldConfig(BaseModel):
    """What a world is made of. Frozen; an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    users: UsersConfig = Field(TheoryConfig(), description="the family of people and its parameters")
    reward: str | dict[str, Any] = Field(
        "default", description="a reward design: name, YAML path, or the design itself"
    )
    generator: str = Field(
        "shipped:generator",
        description='"shipped:NAME", path of a generator, "hf:PATH_OR_ID" of a Hugging Face causal language model, '
        '"constant:TEXT", or "surface:SOURCE"',
    )
    precision: Literal["auto", "bf16", "fp32"] = Field(
        "auto",
        description="type in which the generator computes; auto is bf16 where hardware multiplies it, which a run's "
        "manifest tells",
    )
    hf: HuggingFaceOptions | None = Field(
        None, description='how a generator "hf:PATH_OR_ID" runs; null for its defaults'
    )
    recognizer: str = Field("shipped:recognizer", description='"shipped:NAME" or path of a recognizer')
    bank: str = Field("shipped:signal_bank", description='"shipped:NAME" or path of a signal bank')
    utterances: str = Field(
        "own",
        description='what people say: "own", the project\'s bank, or "corpus=PATH", turns of real people from your '
        "copy of ESConv or a file like it",
    )
    readers: str | None = Field(
        None, description='"shipped:NAME" or path of fitted readers; null for those that are shipped for the encoder'
    )
    encoder: str = Field(
        "fast",
        description='sentence encoder: "fast", the small one, "minilm", or any sentence-transformers model by name or '
        'path, which needs readers fitted on it; "fast-bf16" and "minilm-bf16" in half precision',
    )
    guard: GuardConfig | None = Field(GuardConfig(), description="output filter; null for none")
    missing: tuple[float, float, float] = Field(
        (0.0, 0.0, 0.0),
        description="chance per turn that speech, face, physiology are missing; 1,1,1 blinds the policy",
    )
    observation: Literal["policy", "privileged"] = Field("policy", description="privileged adds the hidden state")
    drop: tuple[str, ...] = Field(
        (), description="blocks left out of the observation, as `rlgen.envs.ObservationLayout` names them"
    )
    actions: ActionKind = Field(
        "box", description="continuous controls, the grid of them, or the grid's points numbered in one row"
    )
    max_turns: int = Field(MAX_TURNS, ge=1, le=64, description="turn limit, which ends a dialogue")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="where the frozen models run")

    @field_validator("hf")
    @classmethod
    def _of_a_language_model(cls, value: HuggingFaceOptions | None, info: ValidationInfo) -> HuggingFaceOptions | None:
        generator = str(info.data.get("generator", ""))
        if value is not None and not generator.startswith("hf:"):
            raise ValueError(
                f"these are options of a generator hf:MODEL, but the generator is {generator!r}; drop them"
            )
        return value

    @model_serializer(mode="wrap")
    def _without_unused(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = handler(self)
        if self.hf is None:  # a world without a language model is described, and hashed, without its options
            fields.pop("hf", None)
        return fields

    @field_validator("utterances")
    @classmethod
    def _known_utterances(cls, value: str, info: ValidationInfo) -> str:
        if value != "own" and not (value.startswith("corpus=") and value.removeprefix("corpus=")):
            raise ValueError(f"no utterances {value!r}; use own, or corpus=PATH with the path of your copy")
        users = info.data.get("users")
        if value != "own" and users is not None and users.bank == "crisis":
            raise ValueError("people of the population 'crisis' speak from the project's own bank; use own")
        return value

    @field_validator("encoder")
    @classmethod
    def _known_encoder(cls, value: str) -> str:
        try:
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
