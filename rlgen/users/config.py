"""Configs of the families, and their union."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from rlgen.users.settings import FamilyConfig, Number, Positive, Settings, Share, Size
from rlgen.users.theory_coefficients import TheoryCoefficients


class TheoryConfig(FamilyConfig):
    """People for whom what helps depends on their state; see `rlgen.users.theory`.

    Attributes:
        pacing, reactance, sincerity, habituation, over_validation: the five interactions; False
            removes one, so that no state changes any more what is best in that respect.
        coefficients: every number of the model.
    """

    family: Literal["theory"] = "theory"
    pacing: bool = Field(default=True, description="meet arousal, then lead it down")
    reactance: bool = Field(default=True, description="directiveness hurts while trust is low, helps once understood")
    sincerity: bool = Field(default=True, description="warmth beyond what trust carries reads as insincere")
    habituation: bool = Field(default=True, description="a repeated phrase loses its effect")
    over_validation: bool = Field(default=True, description="validation without movement keeps a person in the feeling")
    coefficients: TheoryCoefficients = Field(default=TheoryCoefficients(), description="every number of the model")


class Assumptions(Settings):
    """What the data do not tell about calibrated people, and had to be assumed."""

    engagement: Share = Field(default=0.6, description="engagement at mood 0")
    engagement_by_mood: Size = Field(default=0.1, description="per point of mood")
    engagement_noise: Size = Field(default=0.06, description="standard deviation from turn to turn")
    arousal_spread: Size = Field(default=0.2, description="standard deviation of arousal between people")
    arousal_noise: Size = Field(default=0.08, description="standard deviation of shown arousal and intensity")
    calm_below: Number = Field(default=0.4, description="intensity on [0, 1] at which half of the turns sound calm")
    calm_width: Positive = Field(default=0.1, description="width of that transition")
    happy_by_relief: Size = Field(default=0.2, description="share of happy among calm turns per point of relief")
    mixed: Share = Field(default=0.2, description="probability that another distressed feeling shows")
    trust_by_progress: Size = Field(default=2.0, description="growth of trust over a dialogue of usual length, logits")
    plain_from: Share = Field(default=0.4, description="trust from which people speak plainly")
    open_from: Share = Field(default=0.7, description="trust from which people open up")
    working_from: Share = Field(
        default=0.5, description="part of the usual length after which the working phase begins"
    )
    late_power: Positive = Field(default=3.0, description='of the share of the usual length, on the path "late"')
    early_by_mood: Size = Field(
        default=1.0, description='log power by which a point of mood brings relief forward, on "understanding"'
    )
    reading_limit: Positive = Field(default=3.0, description="readings count up to so many human standard deviations")


class CalibratedConfig(FamilyConfig):
    """People fitted to rated human dialogues; see `rlgen.users.calibrated`.

    Attributes:
        parameters: `"shipped:calibrated_users"` or the folder that `rlgen fit users --out` wrote.
        share_of_successes: share of people whose dialogue would have entered the corpus of
            successes; not identified by filtered data, hence a parameter.
        path: how relief spreads over the dialogue: `linear`; `late`, most of it at the end; `understanding`,
            sooner the better the replies were rated. The surveys before and after do not tell, so that a
            conclusion must hold on all three; what is reached in the end is the same.
        assumed: what the data do not tell.
        draw: which member of the posterior ensemble these people follow; None is the posterior mode.
        without: a topic of the fitted dialogues: people are those of the fit that has not seen its fold, and draws
            are counted among those. Train with one topic and evaluate with one of another fold, and people differ
            in their very parameters.
    """

    family: Literal["calibrated"] = "calibrated"
    parameters: str = Field(default="shipped:calibrated_users", description="a fit: shipped:NAME or a folder")
    share_of_successes: Share = Field(
        default=0.8, description="share of people who come to be helped within the dialogue"
    )
    path: Literal["linear", "late", "understanding"] = Field(
        default="linear", description="how relief spreads over the dialogue; the data do not tell"
    )
    assumed: Assumptions = Field(default=Assumptions(), description="what the data do not tell")
    draw: int | None = Field(
        default=None, ge=0, description="member of the posterior ensemble; none for the posterior mode"
    )
    without: str | None = Field(
        default=None, description="a topic of the fitted dialogues: people of the fit that has not seen its fold"
    )


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
    """Logged dialogues, played back; see `rlgen.users.replay`.

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
    """A language model plays the person from a card; see `rlgen.users.llm`.

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
    """A real person, handed in from outside; see `rlgen.users.human`.

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


UsersConfig = Annotated[
    TheoryConfig | CalibratedConfig | ReplayConfig | LlmConfig | HumanConfig, Field(discriminator="family")
]
