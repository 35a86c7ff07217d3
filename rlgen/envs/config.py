"""The config of a world: every part is named here and may be exchanged."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from rlgen.envs.actions import ActionKind
from rlgen.governance.config import GuardConfig
from rlgen.types import MAX_TURNS
from rlgen.users.config import TheoryConfig, UsersConfig


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
    recognizer: str = Field("shipped:recognizer", description='"shipped:NAME" or path of a recognizer')
    bank: str = Field("shipped:signal_bank", description='"shipped:NAME" or path of a signal bank')
    readers: str = Field("shipped:readers", description='"shipped:NAME" or path of fitted readers')
    encoder: Literal["auto", "float32", "bfloat16"] = Field("auto", description="arithmetic of the sentence encoder")
    guard: GuardConfig | None = Field(GuardConfig(), description="output filter; null for none")
    missing: tuple[float, float, float] = Field(
        (0.0, 0.0, 0.0),
        description="chance per turn that speech, face, physiology are missing; 1,1,1 blinds the policy",
    )
    observation: Literal["policy", "privileged"] = Field("policy", description="privileged adds the hidden state")
    actions: ActionKind = Field("box", description="continuous controls, or the grid of them")
    max_turns: int = Field(MAX_TURNS, ge=1, le=64, description="turn limit, where a dialogue is truncated")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="where the frozen models run")

    @field_validator("missing")
    @classmethod
    def _probabilities(cls, value: tuple[float, float, float]) -> tuple[float, float, float]:
        if not all(0.0 <= chance <= 1.0 for chance in value):
            raise ValueError("three chances between 0 and 1 are needed")
        return value
