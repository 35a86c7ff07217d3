"""`rlgen bench users`: calibrated people beside human dialogues that took no part in fitting."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from pydantic import Field

from rlgen.experiments.options import Options, parse
from rlgen.experiments.tables import Row, show

if TYPE_CHECKING:
    from rlgen.users.dialogues import Dialogue
    from rlgen.users.laplace import F64
    from rlgen.users.parameters import Parameters


class BenchUsersOptions(Options):
    """Score calibrated people on rated human dialogues, beside trivial models."""

    data: Path = Field(description="folder with esconv.jsonl and failed_esconv.jsonl, or one file of that layout")
    parameters: str | None = Field(
        default=None,
        description="score this fit on all dialogues, e.g. shipped:calibrated_users; none refits on a part",
    )
    readers: str = Field(default="shipped:readers", description="who reads the replies: shipped:NAME or a folder")
    held_out: float = Field(default=1 / 3, gt=0, lt=1, description="share of dialogues to score on, when refitting")
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="seed of the split and of simulated people")
    as_json: Annotated[bool, tyro.conf.arg(name="json")] = Field(
        default=False, description="one line of JSON instead of a table"
    )


def main(argv: Sequence[str]) -> int:
    """Score and print."""
    options = parse(BenchUsersOptions, argv, "bench users")
    dialogues, readings = read_with_readings(options.data, options.readers)
    if options.parameters is None:
        rows = measure(dialogues, readings, options.held_out, options.seed)
    else:
        from rlgen.users.parameters import read_fit

        fitted = read_fit(options.parameters).mean
        rows = score(fitted, dialogues, readings, dialogues, readings, options.seed)
    show("users", rows, options.as_json)
    return 0


def read_with_readings(data: Path, readers: str) -> tuple[list[Dialogue], list[F64]]:
    """Dialogues, and the readings of their replies."""
    from rlgen.text import Reader, SentenceEncoder
    from rlgen.users.dialogues import read
    from rlgen.users.readings import read_replies

    dialogues = read(data)
    return dialogues, read_replies(dialogues, Reader.load(readers, SentenceEncoder()))


def measure(dialogues: list[Dialogue], readings: list[F64], held_out: float, seed: int) -> list[Row]:
    """Fit on a part of the dialogues and score on the rest."""
    from rlgen.users.dialogues import split
    from rlgen.users.fitting import assemble, fit_models

    where = {id(dialogue): i for i, dialogue in enumerate(dialogues)}
    train, test = split(dialogues, held_out, seed)
    of_train, of_test = ([readings[where[id(d)]] for d in part] for part in (train, test))
    fitted = assemble(fit_models(train, of_train), train, 0, seed).mean
    return score(fitted, train, of_train, test, of_test, seed)


def score(
    fitted: Parameters,
    train: list[Dialogue],
    of_train: list[F64],
    test: list[Dialogue],
    of_test: list[F64],
    seed: int,
) -> list[Row]:
    """Figures of a fit on test dialogues, each beside a trivial model that learns from the training dialogues.

    The trivial models: for ratings with history, and for their sequences, a Markov chain; without history
    the marginal distribution; for QWK the last rating again; for endings a constant hazard; for
    durations a geometric distribution. The correlation of ratings with relief stands beside the human one.
    """
    from rlgen.users import fidelity, observations

    known, new = observations.ratings(train, of_train), observations.ratings(test, of_test)
    share = float(known.helped.mean())
    successes = observations.ratings(
        [d for d in test if d.helped], [r for d, r in zip(test, of_test, strict=True) if d.helped]
    )
    people = fidelity.simulate(fitted, float(new.helped.mean()), seed)
    helped = fidelity.simulate(fitted, 1.0, seed)
    ends_known, ends = observations.endings(train), observations.endings(test)
    surveyed = [d for d in test if d.rated and d.helped and d.initial is not None and d.final is not None]
    human = fidelity.rating_relief_correlation(observations.ratings(surveyed).value, observations.relief(surveyed))
    markov = fidelity.markov_sequences(known, seed)

    def lower(name: str, value: float, baseline: float | None, target: float | None = None) -> Row:
        ratio = value / baseline if baseline else None
        return Row(name, value, baseline=baseline, ratio=ratio, target=target, better="lower")

    return [
        lower(
            "rating NLL, history",
            fidelity.rating_nll(fitted, new, share),
            fidelity.markov_nll(known, new),
        ),
        lower(
            "rating NLL, history, successes",
            fidelity.rating_nll(fitted, successes, share),
            fidelity.markov_nll(known, successes),
            0.89,
        ),
        lower(
            "rating NLL, no history",
            fidelity.marginal_nll(known, new, fidelity.simulated_marginal(people)),
            fidelity.marginal_nll(known, new),
        ),
        Row(
            "rating QWK, successes",
            fidelity.rating_qwk(fitted, successes, share),
            baseline=fidelity.repeat_qwk(successes),
            target=0.51,
        ),
        lower(
            "rating sequence AUC",
            fidelity.two_sample_auc(people.value, new.value, seed),
            fidelity.two_sample_auc(markov, new.value, seed),
            0.55,
        ),
        lower("rating sequence AUC, human floor", fidelity.two_sample_auc(known.value, new.value, seed), None),
        lower(
            "ending NLL per dialogue",
            fidelity.ending_nll(fitted, ends),
            fidelity.constant_ending_nll(ends_known, ends),
            2.05,
        ),
        lower(
            "duration KS, successes",
            fidelity.duration_ks(helped, test, seed),
            fidelity.constant_duration_ks(test, seed),
            0.06,
        ),
        Row(
            "rating-relief r, successes",
            fidelity.rating_relief_correlation(helped.value, helped.relief),
            baseline=human,
        ),
    ]
