"""All figures of fidelity, on dialogues that took no part in fitting, over several seeded splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from rlgen.types import F64, UtteranceCatalogue
from rlgen.users.calibrated.parameters import Parameters
from rlgen.users.fidelity.baselines import BASELINES, Chain, baseline_hazard, baseline_talks
from rlgen.users.fidelity.distances import ks, rating_relief, two_sample_auc, wasserstein
from rlgen.users.fidelity.effects import reading_effects
from rlgen.users.fidelity.predictions import Rated, ending_scores, rating_scores, repeated
from rlgen.users.fidelity.talks import PEOPLE, Said, Talks, as_successes, human_talks, simulated_talks
from rlgen.users.fitting.ending_model import hazards
from rlgen.users.fitting.people import assemble, fit_models
from rlgen.users.fitting.rating_model import predict, scale_of
from rlgen.users.logs import observations
from rlgen.users.logs.dialogues import Dialogue
from rlgen.users.logs.observations import Ratings

FITTED: Final = "fitted"
AGAIN: Final = "last again"
Predicted = dict[tuple[str, str], Rated]
Rivals = Mapping[str, Parameters]
"""Other people to be scored beside the fitted ones, by name."""
HUMAN: Final = "human"
_ENOUGH: Final = 10  # people below which distributions are not compared


@dataclass(frozen=True)
class Corpus:
    """Human dialogues, the readings of their replies, and what their people said.

    Attributes:
        dialogues: all.
        readings: `[replies, 11]` of each.
        said: words and valence of texts.
        bank: the project's utterances.
        turns: real turns of the rated people as a bank, None where there are too few.
    """

    dialogues: Sequence[Dialogue]
    readings: Sequence[F64]
    said: Said
    bank: UtteranceCatalogue
    turns: UtteranceCatalogue | None

    @property
    def readings_of_rated(self) -> list[F64]:
        """Readings of the replies that rated people met; the others were not read."""
        return [r for d, r in zip(self.dialogues, self.readings, strict=True) if d.rated]

    def part(self, rows: Sequence[int]) -> Corpus:
        """Some of the dialogues; of the real turns only what their people said."""
        dialogues = [self.dialogues[i] for i in rows]
        own = {" ".join(turn.text.split()) for d in dialogues for turn in d.turns if not turn.supporter}
        turns = None if self.turns is None else _only(self.turns, own)
        return Corpus(dialogues, [self.readings[i] for i in rows], self.said, self.bank, turns)


@dataclass
class Figures:
    """Values of figures over splits, by figure and model."""

    values: dict[tuple[str, str], list[float]] = field(default_factory=dict)

    def add(self, name: str, model: str, value: float) -> None:
        """One split's value; what cannot be computed there is left out."""
        if np.isfinite(value):
            self.values.setdefault((name, model), []).append(float(value))

    def mean(self, name: str, model: str) -> float | None:
        """Mean over splits, None where there is no value."""
        found = self.values.get((name, model))
        return float(np.mean(found)) if found else None

    def spread(self, name: str, model: str) -> float | None:
        """Standard deviation over splits, None below two."""
        found = self.values.get((name, model), [])
        return float(np.std(found, ddof=1)) if len(found) > 1 else None

    def models(self, name: str) -> list[str]:
        """The models that a figure has values of."""
        return [model for figure, model in self.values if figure == name]

    def drop(self, model: str) -> None:
        """Forget the figures of a model."""
        self.values = {key: found for key, found in self.values.items() if key[1] != model}

    @property
    def names(self) -> list[str]:
        """The figures, in order of appearance."""
        return list(dict.fromkeys(name for name, _ in self.values))


def folds(dialogues: Sequence[Dialogue], count: int, seed: int) -> list[list[int]]:
    """Indices of dialogues in `count` parts, drawn by id among successes and failures, rated and unrated."""
    rng = np.random.default_rng(seed)
    parts: list[list[int]] = [[] for _ in range(count)]
    for kind in sorted({(d.helped, d.rated) for d in dialogues}):
        members = [i for i, d in enumerate(dialogues) if (d.helped, d.rated) == kind]
        by_id = sorted(members, key=lambda i: dialogues[i].name)
        for place, row in enumerate(rng.permutation(len(by_id))):
            parts[place % count].append(by_id[row])
    return [sorted(part) for part in parts]


def crossfit(corpus: Corpus, parts: int, repeats: int, seed: int, rivals: Rivals) -> tuple[Figures, list[Parameters]]:
    """Fit on all parts but one and score on that one; every part once, `repeats` times over; figures and all fits.

    Raises:
        DataError: too few rated dialogues of a kind to fit.
    """
    figures, fits = Figures(), []
    for repeat in range(repeats):
        predicted: list[Predicted] = []
        split = folds(corpus.dialogues, parts, seed + repeat)
        for k, rows in enumerate(split):
            train = corpus.part(sorted(i for j, part in enumerate(split) if j != k for i in part))
            fitted = assemble(fit_models(train.dialogues, train.readings, train.said), train.dialogues, 0, seed).mean
            test = corpus.part(rows)
            score(figures, {FITTED: fitted, **rivals}, train, test, seed + 1000 * repeat + k)
            predicted.append(predict_ratings({FITTED: fitted, **rivals}, train, test))
            fits.append(fitted)
        score_ratings(figures, predicted)
    return figures, fits


def score(figures: Figures, people: Rivals, train: Corpus, test: Corpus, seed: int) -> None:
    """Add the figures of fitted people and of all baselines on a test part, but for those of `score_ratings`.

    Args:
        figures: to add to.
        people: the fitted parameters as `FITTED`, and others.
        train: what baselines learn from, and whose real turns people may say.
        test: what is predicted and resembled.
        seed: of simulated people.
    """
    _score_endings(figures, people, train, test)
    for helped, kind in ((True, "successes"), (False, "failed")):
        human = rated_talks(test, helped)
        if len(human.value) >= _ENOUGH:
            _score_talks(figures, people, train, test, human, helped, kind, seed)


def predict_ratings(people: Rivals, train: Corpus, test: Corpus) -> Predicted:
    """Predictions of the test part's ratings by population, later ones or all, and model."""
    found: Predicted = {}
    share = float(np.mean([d.helped for d in train.dialogues if d.rated] or [True]))
    kinds: tuple[tuple[str, tuple[bool, ...], float], ...] = (
        ("successes", (True,), 1.0),
        ("failed", (False,), 0.0),
        ("both", (True, False), share),
    )
    for kind, chosen, prior in kinds:
        known, new = (_ratings(part, chosen) for part in (train, test))
        if not len(new.value) or (kind == "both" and len(set(new.helped.tolist())) < 2):
            continue
        models = {name: predict(p.ratings, new, prior) for name, p in people.items()}
        models |= {name: Chain.of(name, known).predict(new) for name in BASELINES} | {AGAIN: repeated(new)}
        for part in ("all", "later"):
            for model, probability in models.items():
                found[f"{kind}, {part}", model] = Rated.of(probability, new, part == "later")
    return found


def score_ratings(figures: Figures, predicted: Sequence[Predicted]) -> None:
    """Add the scores of predictions for several parts together."""
    for kind, model in dict.fromkeys(key for part in predicted for key in part):
        rated = Rated.joined([part[kind, model] for part in predicted if (kind, model) in part])
        if len(rated.value) < _ENOUGH:
            continue
        for name, value in rating_scores(rated).items():
            if model != AGAIN or name in {"QWK", "Spearman", "Spearman within"}:
                figures.add(f"rating {name}, {kind}", model, value)


def _score_endings(figures: Figures, people: Rivals, train: Corpus, test: Corpus) -> None:
    known, new = observations.endings(train.dialogues), observations.endings(test.dialogues)
    fitted = people[FITTED]
    predictors = [
        (FITTED, fitted, fitted.endings.signs),
        ("fitted, no signs", fitted, None),
        ("fitted, goodbyes", fitted, fitted.endings.signs_with_goodbyes),
        *((name, p, None) for name, p in people.items() if name != FITTED),
    ]
    for kind, rows in (
        ("successes", new.helped),
        ("rated successes", new.helped & new.known),
        ("failed", ~new.helped),
    ):
        if not rows.any():
            continue
        learned = known.rows(known.helped == (kind != "failed"))
        models = {name: baseline_hazard(name, learned)[np.minimum(new.turn, 16) - 1] for name in BASELINES}
        for name, p, signs in predictors:
            done, left = hazards(p.endings, new, signs)
            # Nobody in the corpus of successes abandoned: that is how it was filtered.
            models[name] = done + left - done * left if kind == "failed" else done
        for model, hazard in models.items():
            for name, value in ending_scores(hazard, new, rows).items():
                figures.add(f"ending {name}, {kind}", model, value)


def _score_talks(
    figures: Figures, people: Rivals, train: Corpus, test: Corpus, human: Talks, helped: bool, kind: str, seed: int
) -> None:
    other = rated_talks(train, helped)
    talks = {}
    for model, p in people.items():
        talks[model] = simulated_talks(p, float(helped), test.readings_of_rated, seed, test.bank, test.said)
    if train.turns is not None:
        talks["fitted, real words"] = simulated_talks(
            people[FITTED], float(helped), test.readings_of_rated, seed, train.turns, train.said
        )
    if helped:
        talks = {name: as_successes(part, train.dialogues, seed) for name, part in talks.items()}
    if len(other.value) >= _ENOUGH:
        known = observations.endings([d for d in train.dialogues if d.helped == helped])
        ratings = _ratings(train, (helped,))
        talks |= {name: baseline_talks(name, ratings, known, other, PEOPLE, seed) for name in BASELINES}
        talks[HUMAN] = other
    of_all = np.minimum([d.replies for d in test.dialogues if d.helped == helped and d.replies], 16)
    for model, part in talks.items():
        if model != "fitted, real words":
            figures.add(f"sequence AUC, {kind}", model, two_sample_auc(part, human, seed))
            durations = part.replies
            if model == HUMAN:
                durations = np.minimum([d.replies for d in train.dialogues if d.helped == helped and d.replies], 16)
            figures.add(f"duration KS, {kind}", model, ks(durations, of_all))
            for name, value in wasserstein(part, human).items():
                figures.add(f"Wasserstein {name}, {kind}", model, value)
            figures.add(f"rating-relief r, {kind}", model, rating_relief(human if model == HUMAN else part))
        figures.add(f"joint AUC, {kind}", model, two_sample_auc(part, human, seed, joint=True))


def simulated_effects(corpus: Corpus, fits: Sequence[Parameters], people: int, seed: int) -> dict[str, F64]:
    """Effects of readings, `[11]` each: human with its interval, and simulated, meaned over fits."""
    human = human_talks(corpus.dialogues, corpus.readings, {})
    deviation = scale_of(_ratings(corpus, (True, False))).deviation
    share = float(np.mean([d.helped for d in corpus.dialogues if d.rated]))
    simulated = [
        reading_effects(
            simulated_talks(p, share, corpus.readings_of_rated, seed + k, corpus.bank, people=people), deviation, seed
        )
        for k, p in enumerate(fits)
    ]
    found = reading_effects(human, deviation, seed)
    return {
        "human": found.value,
        "low": found.low,
        "high": found.high,
        "simulated": np.mean([effects.value for effects in simulated], axis=0),
    }


def rated_talks(corpus: Corpus, helped: bool) -> Talks:
    """The rated human dialogues of one kind."""
    rows = [i for i, d in enumerate(corpus.dialogues) if d.rated and d.helped == helped]
    return human_talks([corpus.dialogues[i] for i in rows], [corpus.readings[i] for i in rows], corpus.said)


def _ratings(corpus: Corpus, helped: Sequence[bool]) -> Ratings:
    rows = [i for i, d in enumerate(corpus.dialogues) if d.helped in helped]
    return observations.ratings([corpus.dialogues[i] for i in rows], [corpus.readings[i] for i in rows])


def _only(bank: UtteranceCatalogue, texts: set[str]) -> UtteranceCatalogue:
    """The rows of a bank with some texts."""
    rows = np.array([i for i, text in enumerate(bank.text) if text in texts], dtype=np.int64)
    topics, topic = np.unique(bank.topic[rows], return_inverse=True)
    return UtteranceCatalogue(
        [bank.text[i] for i in rows],
        topic.astype(np.int64),
        tuple(bank.topics[i] for i in topics),
        bank.category[rows],
        bank.intensity[rows],
        bank.phase[rows],
        bank.disclosure[rows],
        None if bank.valence is None else bank.valence[rows],
    )
