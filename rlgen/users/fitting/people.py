"""Fit calibrated people to dialogues: posterior mean and an ensemble of draws."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from rlgen.errors import DataError
from rlgen.types import F64
from rlgen.users.calibrated.parameters import (
    EndingParameters,
    Fit,
    Parameters,
    RatingParameters,
    ReadingEffect,
    ReliefParameters,
)
from rlgen.users.fitting.ending_model import SHARE, EndingFit, fit_endings, fit_relief
from rlgen.users.fitting.laplace import Posterior
from rlgen.users.fitting.rating_model import RatingFit, fit_ratings, unpack
from rlgen.users.fitting.shrinking import WORTH, PowerPrior
from rlgen.users.fitting.wording_model import WordingFit, fit_valence, fit_words, named
from rlgen.users.logs import observations
from rlgen.users.logs.dialogues import Dialogue
from rlgen.users.logs.readings import NAMES

FEWEST = 30  # rated dialogues below which a log says nothing
SMALL = 100  # rated dialogues below which a fit is drawn towards people fitted to many dialogues
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
        found = _rated(dialogues, helped)
        if found < MIN_RATED:
            raise DataError(
                f"the data hold {found} rated {kind} dialogues; at least {MIN_RATED} successful and "
                f"{MIN_RATED} failed ones are needed"
            )
    if all(len(d.ratings()[0]) < 2 for d in dialogues):
        raise DataError("no dialogue has two ratings: how often people rate cannot be fitted; ask for more than one")
    return _posteriors(dialogues, readings, said)


def _rated(dialogues: Sequence[Dialogue], helped: bool) -> int:
    return sum(d.rated and d.helped == helped for d in dialogues)


def is_small(dialogues: Sequence[Dialogue]) -> bool:
    """Whether a fit to a log has to be drawn towards people fitted to many dialogues; count before reading its words.

    Raises:
        DataError: it has too few rated dialogues for that too, or no words.
    """
    helped, others = _rated(dialogues, True), _rated(dialogues, False)
    if helped + others < FEWEST:
        raise DataError(
            f"the data hold {helped + others} rated dialogues ({helped} successful, {others} failed), and {FEWEST} are "
            f"needed for a fit that is drawn towards the shipped people, {MIN_RATED} of each kind and {SMALL} together "
            f"for one of its own: {FEWEST - helped - others} more; ask people for ratings now and then"
        )
    twice = any(len(d.ratings()[0]) > 1 for d in dialogues)
    return min(helped, others) < MIN_RATED or helped + others < SMALL or not twice


def _posteriors(
    dialogues: Sequence[Dialogue], readings: Sequence[F64] | None, said: Mapping[str, tuple[float, float]] | None
) -> Models:
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


def fit_few(
    dialogues: Sequence[Dialogue],
    readings: Sequence[F64],
    said: Mapping[str, tuple[float, float]] | None,
    draws: int,
    seed: int,
    towards: PowerPrior,
) -> tuple[Fit, dict[str, float]]:
    """A fit to a small log (`is_small`), drawn towards the people of many dialogues.

    Other arguments as for `fit_people`.

    Returns:
        The fit, and by part of it how much is the log's own, in [0, 1]; what the log is silent about is taken over.
    """
    alone = _posteriors(dialogues, readings, said)
    rating, rated = towards.rating(alone.ratings.posterior)
    endings, shares = towards.ending(alone.endings)
    reliefs = [towards.relief(alone.relief[k], helped) for k, helped in enumerate((True, False))]
    words, valence = (towards.wording(fit, name) for fit, name in ((alone.words, "words"), (alone.valence, "valence")))
    models = Models(
        replace(alone.ratings, posterior=rating), endings, (reliefs[0][0], reliefs[1][0]), words[0], valence[0]
    )
    found = assemble(models, dialogues, draws, seed, towards)
    known = [towards.fit.draws[k % len(towards.fit.draws)] for k in range(draws)]
    members = tuple(_completed(own, other) for own, other in zip(found.draws, known, strict=True))
    shares = {"ratings": rated, **shares, "relief of the helped": reliefs[0][1], "relief of others": reliefs[1][1]}
    shares |= {"words": words[1], "valence": valence[1]}
    return Fit(mean=_completed(found.mean, towards.fit.mean), draws=members), shares


def _completed(own: Parameters, other: Parameters) -> Parameters:
    """A fit with what it has not taken over from another."""
    return own.model_copy(update={"words": own.words or other.words, "valence": own.valence or other.valence})


def assemble(
    models: Models, dialogues: Sequence[Dialogue], draws: int, seed: int, towards: PowerPrior | None = None
) -> Fit:
    """Named parameters of the posterior mode and of an ensemble of draws.

    Args:
        models: fitted.
        dialogues: whose intensities, feelings and gaps between ratings are counted.
        draws: members of the ensemble.
        seed: of the draws.
        towards: whose shares count as `WORTH` dialogues beside them.
    """
    rng = np.random.default_rng(seed)
    counts = _Counts.of(dialogues, None if towards is None else towards.fit.mean)
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
    unknown = float(np.mean(rated)) if rated else 0.0
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
    def of(cls, dialogues: Sequence[Dialogue], other: Parameters | None = None) -> _Counts:
        """Counts of dialogues, and of `WORTH` more as other people would have them."""

        def initial(helped: bool) -> tuple[float, ...]:
            found = [d.initial for d in dialogues if d.helped == helped and d.initial is not None]
            if other is not None:
                weights = np.bincount(found, minlength=6)[1:] + WORTH * np.array(other.initial[0 if helped else 1])
            else:
                weights = np.bincount(found or range(1, 6), minlength=6)[1:].astype(float)  # unsurveyed: all alike
            weights[0] *= not helped  # nobody whose intensity is 1 can report a fall
            return tuple((weights / max(weights.sum(), 1)).round(5).tolist())

        feelings = np.bincount([d.feeling for d in dialogues if d.feeling is not None], minlength=3) + 1.0
        gaps = np.concatenate([np.diff(d.ratings()[0]) for d in dialogues if d.rated])
        often = np.array([(gaps <= 2).sum(), (gaps > 2).sum()], dtype=np.float64)
        if other is not None:
            known = np.array(other.feelings)
            feelings = feelings + WORTH * known / max(known.sum(), 1e-9)
            often = often + WORTH * np.array(other.ratings.gap)
        shares = (often / often.sum()).round(5)
        return cls(
            (initial(True), initial(False)),
            tuple((feelings / feelings.sum()).round(5).tolist()),
            (float(shares[0]), float(shares[1])),
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
