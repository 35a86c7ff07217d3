"""`python -m benchmarks.guard`: what the guard catches, what it flags for nothing, and how fast it is."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recipes.writing.corpus import compose
from rlgen.errors import DataError
from rlgen.experiments.cli import call
from rlgen.experiments.display.tables import Row, show
from rlgen.experiments.options import TableOptions, parse
from rlgen.governance import GuardConfig, OutputGuard
from rlgen.types import ALLOW, ESCALATE, Context, Words

_BATCH = 64
_REPEATS = 20


class BenchGuardOptions(TableOptions):
    """What the output guard catches and what it flags for nothing."""

    data: Path = Field(description="folder with safety/diasafety/{train,val}.json and, if there, esconv/esconv.jsonl")
    own: int = Field(5000, ge=1, description="exchanges of the project's own corpus to scan for false alarms")


@dataclass(frozen=True)
class Labelled:
    """Replies with a label. All over N.

    Attributes:
        context: what each answers.
        reply: the replies.
        category: DiaSafety's category.
        unsafe: the label.
    """

    context: list[str]
    reply: list[str]
    category: NDArray[np.str_]
    unsafe: NDArray[np.bool_]


def main(argv: Sequence[str]) -> int:
    """Measure on DiaSafety, on human supporters if they are there, and on the project's own corpus."""
    options = parse(BenchGuardOptions, argv, "python -m benchmarks.guard")
    folder = options.data / "safety" / "diasafety"
    train, val = read(folder / "train.json"), read(folder / "val.json")
    guard = OutputGuard(GuardConfig())
    _, escalated = review(guard, val)
    flagged, _ = review(guard, Labelled([""] * len(val.reply), val.reply, val.category, val.unsafe))
    rows = agreement("guard, all", flagged, val.unsafe)
    for category in sorted(set(val.category)):
        some = val.category == category
        rows += agreement(f"guard, {category}", flagged[some], val.unsafe[some])[:2]
    rows += agreement("TF-IDF trained on train, all", tfidf(train, val), val.unsafe)
    risk = val.category == "Risk Ignorance"
    rows.append(
        Row("escalated, contexts of Risk Ignorance", float(escalated[risk].mean()), "", float(escalated[~risk].mean()))
    )
    rows += false_alarms(guard, options)
    rows.append(Row(f"{_BATCH} unseen replies", milliseconds(), "ms", target=3.0, better="lower"))
    show("guard", rows, options.as_json)
    return 0


def read(path: Path) -> Labelled:
    """A file of DiaSafety (Sun et al., "On the safety of conversational models", Findings of ACL 2022).

    Raises:
        DataError: missing or of another layout.
    """
    try:
        records = json.loads(path.read_text(encoding="utf-8"))
        return Labelled(
            [str(record["context"]) for record in records],
            [str(record["response"]) for record in records],
            np.array([record["category"] for record in records]),
            np.array([record["label"] == "Unsafe" for record in records]),
        )
    except OSError as error:
        raise DataError(f"{path}: cannot be read; give the folder that holds DiaSafety's files with --data") from error
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: not DiaSafety's layout (context, response, category, label)") from error


def review(guard: OutputGuard, data: Labelled) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """What the guard stops, and what it escalates. Both `[N]`."""
    rows = len(data.reply)
    context = Context([[text] for text in data.context], np.zeros(rows, dtype=np.int64))
    decision = guard.review(context, Words(np.full((rows, 1), -1), data.reply)).decision
    return decision != ALLOW, decision == ESCALATE


def agreement(name: str, flagged: NDArray[np.bool_], unsafe: NDArray[np.bool_]) -> list[Row]:
    """Precision and recall beside flagging as many at random, F1 beside flagging everything."""
    both = float((flagged & unsafe).sum())
    precision, recall = both / max(1, flagged.sum()), both / max(1, unsafe.sum())
    f1 = 2 * both / max(1, flagged.sum() + unsafe.sum())
    base = float(unsafe.mean())
    return [
        Row(f"{name}: precision", precision, "", base, precision / base),
        Row(f"{name}: recall", recall, "", float(flagged.mean())),
        Row(f"{name}: F1", f1, "", 2 * base / (1 + base)),
    ]


def tfidf(train: Labelled, val: Labelled) -> NDArray[np.bool_]:
    """A peer that learns: logistic regression on words of context and reply."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    def joined(data: Labelled) -> list[str]:
        return [f"{context} || {reply}" for context, reply in zip(data.context, data.reply, strict=True)]

    peer: Any = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True), LogisticRegression(C=4.0, max_iter=1000)
    )
    peer.fit(joined(train), train.unsafe)
    return np.asarray(peer.predict(joined(val)), dtype=bool)


def false_alarms(guard: OutputGuard, options: BenchGuardOptions) -> list[Row]:
    """Interventions per 1,000 replies that nobody complained about."""
    turns = [exchange.last for exchange in compose(0, options.own)]
    own = Labelled(
        [turn.said for turn in turns],
        [turn.reply for turn in turns],
        np.zeros(len(turns), dtype=np.str_),
        np.zeros(len(turns), dtype=bool),
    )
    rows = [Row("stopped, project's own corpus", 1000 * float(review(guard, own)[0].mean()), "per 1,000")]
    path = options.data / "esconv" / "esconv.jsonl"
    if path.is_file():
        human = [turn for line in path.open(encoding="utf-8") for turn in json.loads(line)["turns"]]
        said = [turn["text"] for turn in human if turn["speaker"] == "sys"]
        heard = [turn["text"] for turn in human if turn["speaker"] == "usr"]
        replied = np.mean([bool(guard.findings("", text)) for text in said])
        escalated = np.mean([any(f.escalate for f in guard.findings(text, "All right.")) for text in heard])
        rows.append(Row("stopped, human supporters (ESConv)", 1000 * float(replied), "per 1,000"))
        rows.append(Row("escalated, human seekers (ESConv)", 1000 * float(escalated), "per 1,000"))
    return rows


def milliseconds() -> float:
    """Median time of a review of 64 replies never seen before, to utterances of a finite bank."""
    turns = [exchange.last for exchange in compose(1, _BATCH * _REPEATS)]
    guard = OutputGuard(GuardConfig())
    for turn in turns:
        guard.findings(turn.said, "All right.")
    times = []
    for start in range(0, len(turns), _BATCH):
        some = turns[start : start + _BATCH]
        context = Context([[turn.said] for turn in some], np.zeros(_BATCH, dtype=np.int64))
        words = Words(np.full((_BATCH, 1), -1), [turn.reply for turn in some])
        began = time.perf_counter()
        guard.review(context, words)
        times.append(time.perf_counter() - began)
    return 1000 * float(np.median(times))


if __name__ == "__main__":
    sys.exit(call("python -m benchmarks.guard", main, sys.argv[1:]))
