"""How human fitted people are: from recorded dialogues to the table of figures.

In come dialogues; out come rows, each figure of people beside that of trivial models and of other humans.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from rlgen.errors import DataError
from rlgen.experiments.display.tables import Row, show
from rlgen.experiments.provenance import machine

if TYPE_CHECKING:
    from rlgen.text import Reader
    from rlgen.types import UtteranceCatalogue
    from rlgen.users.calibrated.parameters import Parameters
    from rlgen.users.fidelity.crossfit import Corpus, Figures
    from rlgen.users.logs.dialogues import Dialogue

SEEN: Final = "dialogues that the fit has seen"
PEOPLE: Final = 4000  # simulated for effects, where two thousand would leave the third digit to chance

# Figures with a target: what is aimed at, and whether more or less is better.
_TARGETS: Final[dict[str, tuple[float, Literal["higher", "lower"]]]] = {
    "sequence AUC, successes": (0.55, "lower"),
    "joint AUC, successes": (0.60, "lower"),
    "rating NLL, successes, all": (0.89, "lower"),
    "rating NLL, successes, later": (0.89, "lower"),
    "rating QWK, successes, all": (0.51, "higher"),
    "rating QWK, successes, later": (0.51, "higher"),
    "ending NLL, successes": (2.05, "lower"),
    "ending NLL, rated successes": (2.05, "lower"),
    "ending C-index, successes": (0.77, "higher"),
    "ending C-index, rated successes": (0.77, "higher"),
    "duration KS, successes": (0.06, "lower"),
}
_NO_TARGET: Final[tuple[None, Literal["higher", "lower"]]] = (None, "lower")
_COLUMNS: Final = ("marginal", "Markov", "always improves", "last again", "fitted, goodbyes", "human")
_EFFECT_TARGET: Final = 0.05  # rating points
_TRIVIAL: Final = ("last again", "Markov", "marginal")  # which baseline stands beside the fit: the first that is there


def read_corpus(data: Path, readers: str) -> Corpus:
    """Dialogues, readings of the replies, and words and valence of what rated people said.

    Raises:
        DataError: the data are missing or malformed; names file and line.
    """
    from rlgen.affect import VALENCE
    from rlgen.text import Reader
    from rlgen.text.utterances import of_all_lengths, read_by
    from rlgen.users.fidelity.crossfit import Corpus
    from rlgen.users.logs.dialogues import read
    from rlgen.users.logs.readings import read_replies

    dialogues = read(data)
    reader = Reader.load(readers)
    bank, turns = read_by(reader, of_all_lengths()), _real_turns(dialogues, reader)
    texts = [turn.text for d in dialogues if d.rated for turn in d.turns if not turn.supporter and turn.text.strip()]
    said: dict[str, tuple[float, float]] = {}
    for part in (texts, bank.text, turns.text if turns else []):
        if part:
            valence = reader.read_catalogue(part)[0].affect[:, VALENCE]
            words = np.log1p([len(text.split()) for text in part])
            said |= dict(zip(part, zip(words.tolist(), valence.tolist(), strict=True), strict=True))
    return Corpus(dialogues, read_replies(dialogues, reader), said, bank, turns)


def _real_turns(dialogues: Sequence[Dialogue], reader: Reader) -> UtteranceCatalogue | None:
    """What rated people said, as a bank; None where they said too little."""
    from rlgen.users.logs.real_utterances import real_utterances

    try:
        return real_utterances([replace(d, topic="any") for d in dialogues if d.rated], reader)
    except DataError:
        return None


def measure(
    corpus: Corpus, parts: int, repeats: int, seed: int, rivals: Mapping[str, Parameters] | None = None
) -> list[Row]:
    """Fit on parts of the dialogues and score on the rest, beside trivial models and other people (`rivals`).

    Raises:
        DataError: too few rated dialogues of a kind to fit.
    """
    from rlgen.users.fidelity.crossfit import crossfit

    figures, fits = crossfit(corpus, parts, repeats, seed, rivals or {})
    # Every dialogue is in some of these fits, and in the human regression: in-sample, and so never met.
    effects = (replace(row, target=None) for row in effect_rows(corpus, fits[:parts], seed))
    return [*rows_of(figures, corpus, seed), *effects]


def show_users(rows: Sequence[Row], as_json: bool, rivals: Sequence[str] = ()) -> None:
    """One line of JSON with a row for every figure and model, or a table with a column for every model."""
    if as_json:
        show("users", rows, as_json)
        return
    from rich.console import Console
    from rich.table import Table

    value = {row.name: row.value for row in rows}
    seen = next((row for row in rows if row.name == SEEN), None)
    table = Table(title=f"users ({machine()})")
    columns = (*rivals, *_COLUMNS)
    for column in ("figure", "fitted", "sd", *columns, "target", "met"):
        table.add_column(column, justify="left" if column == "figure" else "right")
    for row in rows:
        if row.name.endswith("]") or row is seen:
            continue
        others = [value.get(f"{row.name} [{column}]") for column in ("sd over parts", *columns)]
        if row.name.startswith("effect of"):
            others[-1] = row.baseline
        cells = [f"{row.value:.3f}", *("" if v is None else f"{v:.3f}" for v in others)]
        target = "" if row.target is None else f"{row.target:g}"
        table.add_row(row.name, *cells, target, {True: "yes", False: "no", None: ""}[row.met])
    console = Console(width=max(Console().width, 150))
    console.print(table)
    if seen is not None:
        told = f"{seen.value:.0f} of {seen.baseline:.0f} dialogues were in the fit"
        console.print(f"{told}: figures are in-sample, so no target is judged." if seen.value else f"{told}.")


def rows_of(figures: Figures, corpus: Corpus, seed: int) -> list[Row]:
    """A row per figure and model, and one for the spread of the fit's over splits; last the links with relief."""
    rows: list[Row] = []
    for name in figures.names:
        beside = next((v for m in _TRIVIAL if (v := figures.mean(name, m)) is not None), None)
        for model in figures.models(name):
            value = figures.mean(name, model)
            if value is None:
                continue
            if model == "fitted":
                ratio = value / beside if beside else None
                target, better = _TARGETS.get(name, _NO_TARGET)
                rows.append(Row(name, value, baseline=beside, ratio=ratio, target=target, better=better))
                if (spread := figures.spread(name, model)) is not None:
                    rows.append(Row(f"{name} [sd over parts]", spread))
            elif name == "joint AUC, successes" and model == "fitted, real words":
                rows.append(Row(f"{name} [{model}]", value, baseline=beside, target=0.60, better="lower"))
            else:
                rows.append(Row(f"{name} [{model}]", value))
    return [*rows, *_relief_rows(figures, corpus, seed)]


def _relief_rows(figures: Figures, corpus: Corpus, seed: int) -> list[Row]:
    """Human correlation of mean rating with relief and its interval over all people, and whether the fit is inside."""
    from rlgen.users.fidelity.crossfit import rated_talks
    from rlgen.users.fidelity.distances import rating_relief, rating_relief_interval

    rows: list[Row] = []
    for helped, kind in ((True, "successes"), (False, "failed")):
        name = f"rating-relief r, {kind}"
        fitted = figures.mean(name, "fitted")
        if fitted is None:
            continue
        human = rated_talks(corpus, helped)
        if not np.isfinite(rating_relief(human)):
            continue
        low, high = rating_relief_interval(human, seed)
        rows += [
            Row(f"{name} [all humans]", rating_relief(human)),
            Row(f"{name} [all humans, 2.5 %]", low),
            Row(f"{name} [all humans, 97.5 %]", high),
            Row(f"{name} inside the human interval", float(low <= fitted <= high), target=1.0),
        ]
    return rows


def effect_rows(corpus: Corpus, fits: Sequence[Parameters], seed: int) -> list[Row]:
    """Each reading's effect on the rating, simulated beside human, in points per within-person deviation."""
    from rlgen.users.fidelity.crossfit import simulated_effects
    from rlgen.users.logs.readings import NAMES

    found = simulated_effects(corpus, fits, PEOPLE, seed)
    apart = np.abs(found["simulated"] - found["human"])
    rows: list[Row] = []
    for k, name in enumerate(NAMES):
        rows += [
            Row(f"effect of {name}", float(found["simulated"][k]), "points", baseline=float(found["human"][k])),
            Row(f"effect of {name} [human, 2.5 %]", float(found["low"][k]), "points"),
            Row(f"effect of {name} [human, 97.5 %]", float(found["high"][k]), "points"),
        ]
    inside = (found["simulated"] >= found["low"]) & (found["simulated"] <= found["high"])
    rows += [
        Row("effects inside the human interval", float(inside.mean()), "share", target=1.0),
        Row("largest difference of effects", float(apart.max()), "points", target=_EFFECT_TARGET, better="lower"),
    ]
    return rows
