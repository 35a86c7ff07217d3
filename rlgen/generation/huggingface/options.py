"""How the Hugging Face language model of a world runs."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class HuggingFaceOptions(BaseModel):
    """Options of `rlgen.generation.HuggingFaceGenerator`. Frozen; an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dtype: Literal["auto", "bf16", "fp32"] = Field("auto", description="precision; auto is bf16 where hardware has it")
    device: str | None = Field(None, min_length=1, description="where it runs; the world's device by default")
    steering: str | None = Field(
        None, min_length=1, description="folder that `rlgen fit steering` wrote; none by default"
    )
    guidance: bool = Field(True, description="false says the emotional weight in words, at half the cost")
    max_new_tokens: int = Field(64, ge=1, le=1024, description="greatest number of ids of a reply")
    top_p: float = Field(0.95, gt=0.0, le=1.0, description="words are drawn from the likeliest with this probability")
