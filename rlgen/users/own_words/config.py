"""Configs of the families whose words are their own: they come as they are, and moods are in the words."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from rlgen.users.settings import FamilyConfig, Positive, Scenario, Share


class ReplayConfig(FamilyConfig):
    """Logged dialogues, played back; see `rlgen.users.own_words.replay`.

    Attributes:
        path: JSON lines of `rlgen simulate` or `rlgen chat`, or of rated dialogues as in `docs/users/calibrated.md`,
            or the folder that holds these.
        topics: only dialogues on these, as the file names them; None for all.
        order: seed of the order in which an evaluation meets the dialogues.
        engagement: what is reported as engagement, which logs do not have.
    """

    people: ClassVar = "rlgen.users.own_words.replay:ReplayUsers"
    statement: ClassVar = "Words and ratings of recorded people, who do not react to what they are told."
    family: Literal["replay"] = "replay"
    path: Path = Field(description="logged dialogues, JSON lines, or their folder")
    topics: tuple[str, ...] | None = Field(default=None, description="restricts the topics by name")
    order: int = Field(default=0, ge=0, description="seed of the order of the dialogues")
    engagement: Share = Field(default=0.5, description="reported at every turn; logs have none")


class LlmConfig(FamilyConfig):
    """A language model plays a persona; see `rlgen.users.own_words.llm`.

    Attributes:
        model: folder or hub id of a Hugging Face causal language model, best one with a chat template.
        device: `"cpu"`, `"cuda"`, or as torch names them.
        dtype: of the weights; in bf16 a neighbour's length can tip a close decision.
        temperature: of the words. Answers are drawn at 1.
        max_new_tokens: greatest number of ids of an utterance.
        population: who comes, by what the persona says.
        scenario, topics: restrict what personas are about; None leaves all.
    """

    people: ClassVar = "rlgen.users.own_words.llm:LlmUsers"
    family: Literal["llm"] = "llm"
    model: str = Field(min_length=1, description="folder or hub id of a Hugging Face chat model")
    device: str = Field(default="cpu", min_length=1, description="where it runs: cpu or cuda")
    dtype: Literal["auto", "bf16", "fp32"] = Field(default="fp32", description="precision of its weights")
    temperature: Positive = Field(default=0.8, description="of the words that people say")
    max_new_tokens: int = Field(default=48, ge=1, le=512, description="greatest number of ids of an utterance")
    population: Literal["general", "guarded", "despairing", "impatient"] = Field(
        default="general", description="who comes: a named sub-population, by what the persona says"
    )
    scenario: Scenario | None = Field(default=None, description="restricts the topics to those of a setting")
    topics: tuple[str, ...] | None = Field(default=None, description="restricts the topics by name")


class HumanConfig(FamilyConfig):
    """A real person, handed in from outside; see `rlgen.users.own_words.human`.

    Attributes:
        rate_every: how many replies from one question for a rating to the next.
    """

    people: ClassVar = "rlgen.users.own_words.human:nobody"
    family: Literal["human"] = "human"
    rate_every: int = Field(default=2, ge=1, description="replies from one question for a rating to the next")
