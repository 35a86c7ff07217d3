"""Fit calibrated people to dialogues: posterior mean and an ensemble of draws."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from rlgen.errors import DataError
from rlgen.users.calibrated.parameters import (
    EndingParameters,
    Fit,
    Parameters,
    RatingParameters,
    ReadingEffect,
    ReliefParameters,
)
from rlgen.users.fitting.ending_model import SHARE, EndingFit, fit_endings, fit_relief
from rlgen.users.fitting.laplace import F64, Posterior
from rlgen.users.fitting.rating_model import RatingFit, fit_ratings, unpack
from rlgen.users.fitting.wording_model import WordingFit, fit_valence, fit_words, named
from rlgen.users.logs import observations
from rlgen.users.logs.dialogues import Dialogue
from rlgen.users.logs.readings import NAMES

FOLDS = 4  # parts of topics of which each draw leaves one out
MIN_READ = 200  # turns below which personal effects of how much people say, and how positively, are chance
MIN_RATED = 20  # rated dialogues of each kind below which effects of people cannot be told from chance


@dataclass(frozen=True)
class Models:
    """The fitted models behind a `Fit`, for predictions and reports."""

    ratings: RatingFit
    endings: EndingFit
    relief: tuple[Posterior, Posterior]
    words: WordingFit | None
    valence: WordingFit | None


def fit_models(
    dialogues: Sequence[Dialogue],
    readings: Sequence[F64] | None,
    said: Mapping[str, tuple[float, float]] | None = None,
) -> Models:
    """All posteriors.

    Args:
        dialogues: successes and failures together; fitted on successes alone, people would all be helped.
        readings: of the replies of every dialogue, `[replies, 11]` each; None leaves replies without effect.
        said: log(1 + words) and valence of what people said; where it knows hardly any of it, how positive they
            sound is not fitted.

    Raises:
        DataError: too few rated dialogues of a kind, or none with two ratings.
    """
    for helped, kind in ((True, "successful"), (False, "failed")):
        found = sum(d.rated and d.helped == helped for d in dialogues)
        if found < MIN_RATED:
            raise DataError(
                f"the data hold {found} rated {kind} dialogues; at least {MIN_RATED} successful and "
                f"{MIN_RATED} failed ones are needed"
            )
    if all(len(d.ratings()[0]) < 2 for d in dialogues):
        raise DataError("no dialogue has two ratings: how often people rate cannot be fitted; ask for more than one")
    wordings = observations.wordings(dialogues, said)
    read = int((~np.isnan(wordings.valence)).sum())
    words = fit_words(wordings) if len(wordings.words) >= MIN_READ else None
    valence = fit_valence(wordings) if read >= MIN_READ else None
    nothing = np.zeros(len(dialogues))
    effects = np.stack([nothing if fit is None else fit.effects(len(dialogues)) for fit in (words, valence)], axis=1)
    return Models(
        fit_ratings(observations.ratings(dialogues, readings)),
        fit_endings(observations.endings(dialogues), effects[[d.replies > 0 for d in dialogues]]),
        (_relief(dialogues, True), _relief(dialogues, False)),
        words,
        valence,
    )


def topic_folds(dialogues: Sequence[Dialogue]) -> tuple[tuple[str, ...], ...]:
    """Topics in `FOLDS` parts with about as many dialogues, the most frequent dealt out first.

    None where there are fewer topics, or where too few rated dialogues would be left without one of the parts.
    """
    counts = Counter(d.topic.lower() for d in dialogues if d.topic)
    folds: list[list[str]] = [[] for _ in range(FOLDS)]
    for topic, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        min(folds, key=lambda fold: sum(counts[name] for name in fold)).append(topic)
    for fold in folds:
        rest = [d for d in dialogues if d.rated and d.topic.lower() not in fold]
        if not fold or min(sum(d.helped == helped for d in rest) for helped in (True, False)) < MIN_RATED:
            return ()
    return tuple(map(tuple, folds))


def fit_people(
    dialogues: Sequence[Dialogue],
    readings: Sequence[F64],
    said: Mapping[str, tuple[float, float]] | None,
    draws: int,
    seed: int,
) -> Fit:
    """The mode of the fit to all dialogues, and draws from fits of which each leaves a fold of topics out.

    Arguments as for `fit_models`; `draws` members of the ensemble, drawn with `seed`.

    Raises:
        DataError: too few rated dialogues of a kind.
    """
    folds = topic_folds(dialogues)
    whole = assemble(fit_models(dialogues, readings, said), dialogues, 0 if folds else draws, seed)
    parts: list[Fit] = []
    for number, fold in enumerate(folds):
        kept = [i for i, d in enumerate(dialogues) if d.topic.lower() not in fold]
        some = [dialogues[i] for i in kept]
        models = fit_models(some, [readings[i] for i in kept], said)
        parts.append(assemble(models, some, -(-(draws - number) // len(folds)), seed + number))
    if not parts:
        return whole
    members = tuple(parts[k % len(parts)].draws[k // len(parts)] for k in range(draws))
    return Fit(mean=whole.mean, draws=members, folds=folds, without=tuple(part.mean for part in parts))


def assemble(models: Models, dialogues: Sequence[Dialogue], draws: int, seed: int) -> Fit:
    """Named parameters of the posterior mode and of an ensemble of draws."""
    rng = np.random.default_rng(seed)
    counts = _Counts.of(dialogues)
    posteriors = (
        models.ratings.posterior,
        models.endings.complete,
        models.endings.ties,
        models.endings.abandon,
        *models.relief,
        *(model.posterior for model in (models.words, models.valence) if model is not None),
    )
    mean = _parameters(models, [posterior.mode for posterior in posteriors], counts)
    drawn = [posterior.draws(draws, rng) for posterior in posteriors]
    members = tuple(_parameters(models, [rows[k] for rows in drawn], counts) for k in range(draws))
    return Fit(mean=mean, draws=members)


def _relief(dialogues: Sequence[Dialogue], helped: bool) -> Posterior:
    kind = [d for d in dialogues if d.helped == helped and d.replies]
    rated = [float(observations.moods(d)[-1]) for d in kind if d.rated]
    unknown = float(np.mean(rated))
    rows = [
        (d.initial, d.final, observations.moods(d)[-1] if d.rated else unknown)
        for d in kind
        if d.initial is not None and d.final is not None and not (helped and d.final >= d.initial)
    ]
    initial, final, mood = np.array(rows, dtype=np.float64).reshape(-1, 3).T
    return fit_relief(initial, final, mood, initial - 1 if helped else np.full(len(initial), 5.0))


@dataclass(frozen=True)
class _Counts:
    initial: tuple[tuple[float, ...], tuple[float, ...]]
    feelings: tuple[float, ...]
    gap: tuple[float, float]

    @classmethod
    def of(cls, dialogues: Sequence[Dialogue]) -> _Counts:
        def initial(helped: bool) -> tuple[float, ...]:
            found = [d.initial for d in dialogues if d.helped == helped and d.initial is not None]
            weights = np.bincount(found or range(1, 6), minlength=6)[1:].astype(float)  # unsurveyed: all alike
            weights[0] *= not helped  # nobody whose intensity is 1 can report a fall
            return tuple((weights / max(weights.sum(), 1)).round(5).tolist())

        feelings = np.bincount([d.feeling for d in dialogues if d.feeling is not None], minlength=3) + 1.0
        gaps = np.concatenate([np.diff(d.ratings()[0]) for d in dialogues if d.rated])
        return cls(
            (initial(True), initial(False)),
            tuple((feelings / feelings.sum()).round(5).tolist()),
            (float((gaps <= 2).mean().round(5)), float((gaps > 2).mean().round(5))),
        )


def _parameters(models: Models, thetas: list[F64], counts: _Counts) -> Parameters:
    fit, endings = models.ratings, models.endings
    rating, complete, ties, abandon, helped, other, *said = thetas
    p = {name: value.numpy().round(5).tolist() for name, value in unpack(torch.tensor(rating)).items()}
    effects = {
        name: ReadingEffect(
            effect=float(effect), mean=float(fit.scale.mean[k].round(5)), deviation=float(fit.scale.deviation[k])
        )
        for k, (name, effect) in enumerate(zip(NAMES, p["readings"], strict=False))
    }
    return Parameters.model_validate(
        {
            "ratings": RatingParameters(
                cuts=tuple(p["cuts"]),
                spread=p["spread"][0],
                sharpness=p["sharpness"][0],
                unhelped=p["unhelped"][0],
                first=p["first"][0],
                trend=p["trend"][0],
                curve=p["curve"][0],
                last=p["last"][0],
                lapse=p["lapse"][0],
                constant=tuple(p["constant"]),
                constant_value=tuple(map(tuple, p["constant_value"])),
                readings=effects,
                gap=counts.gap,
            ),
            "endings": EndingParameters(
                complete=tuple(complete[:-1].round(5).tolist()),
                complete_mood=float(complete[-1].round(5)),
                complete_verbosity=float(ties[0].round(5)),
                complete_brightness=float(ties[1].round(5)),
                abandon=float(abandon[0].round(5)),
                abandon_mood=float(abandon[1].round(5)),
                abandon_turn=float(abandon[2].round(5)),
                share=SHARE,
                signs=endings.signs,
                signs_with_goodbyes=endings.signs_with_goodbyes,
            ),
            "relief": tuple(
                ReliefParameters(
                    base=float(theta[0].round(5)),
                    slope=float(theta[1].round(5)),
                    mood=float(theta[2].round(5)),
                    spread=float(np.exp(theta[3]).round(5)),
                )
                for theta in (helped, other)
            ),
            "initial": counts.initial,
            "feelings": counts.feelings,
            "words": None if models.words is None else named(said[0], models.words.shape),
            "valence": None if models.valence is None else named(said[-1], models.valence.shape),
        }
    )
