"""Configs of the families whose words are their own."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from rlgen.users.settings import FamilyConfig, Positive, Share


class _OwnWords(FamilyConfig):
    """People whose words are their own: they come as they are, and what a reply does cannot be scaled."""

    transitions: None = Field(default=None, description="none: moods are in the words")

    @field_validator("effect_scale", "scenario", "population")
    @classmethod
    def _as_they_are(cls, value: object, info: ValidationInfo) -> object:
        if value != FamilyConfig.model_fields[str(info.field_name)].default and info.field_name in cls.cannot:
            raise ValueError(f"{cls.cannot[info.field_name]}; leave it out")
        return value

    cannot: ClassVar[dict[str, str]] = {}


class ReplayConfig(_OwnWords):
    """Logged dialogues, played back; see `rlgen.users.own_words.replay`.

    Attributes:
        path: JSON lines of `rlgen simulate` or `rlgen chat`, or of rated dialogues as in `docs/users/calibrated.md`,
            or the folder that holds these.
        order: seed of the order in which an evaluation meets the dialogues.
        engagement: what is reported as engagement, which logs do not have.
    """

    family: Literal["replay"] = "replay"
    path: Path = Field(description="logged dialogues, JSON lines, or their folder")
    order: int = Field(default=0, ge=0, description="seed of the order of the dialogues")
    engagement: Share = Field(default=0.5, description="reported at every turn; logs have none")

    cannot: ClassVar[dict[str, str]] = {
        "effect_scale": "logged people do not react, so nothing can be scaled",
        "population": "logged people are those of the log",
        "scenario": "a log has no scenarios, restrict its own topics or take an environment without one",
    }


class LlmConfig(_OwnWords):
    """A language model plays the person from a card; see `rlgen.users.own_words.llm`.

    Attributes:
        model: folder or hub id of a Hugging Face causal language model, best one with a chat template.
        device: `"cpu"`, `"cuda"`, or as torch names them.
        dtype: of the weights; in bf16 a neighbour's length can tip a close decision.
        temperature: of the words. Answers are drawn at 1.
        max_new_tokens: greatest number of ids of an utterance.
    """

    family: Literal["llm"] = "llm"
    model: str = Field(min_length=1, description="folder or hub id of a Hugging Face chat model")
    device: str = Field(default="cpu", min_length=1, description="where it runs: cpu or cuda")
    dtype: Literal["auto", "bf16", "fp32"] = Field(default="fp32", description="precision of its weights")
    temperature: Positive = Field(default=0.8, description="of the words that people say")
    max_new_tokens: int = Field(default=48, ge=1, le=512, description="greatest number of ids of an utterance")
    population: Literal["general", "guarded", "despairing", "impatient"] = Field(
        default="general", description="who comes: a named sub-population, by what the card says"
    )

    cannot: ClassVar[dict[str, str]] = {"effect_scale": "what a reply does to a language model cannot be scaled"}


class HumanConfig(_OwnWords):
    """A real person, handed in from outside; see `rlgen.users.own_words.human`.

    Attributes:
        rate_every: how many replies from one question for a rating to the next.
    """

    family: Literal["human"] = "human"
    topics: None = Field(default=None, description="none: people say what they want")
    rate_every: int = Field(default=2, ge=1, description="replies from one question for a rating to the next")

    cannot: ClassVar[dict[str, str]] = {
        "effect_scale": "what a reply does to a real person cannot be scaled",
        "population": "a real person is who they are",
        "scenario": "a real person brings their own",
    }
