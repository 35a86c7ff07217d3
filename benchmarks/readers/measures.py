"""How well readers and judge read texts that no fitting saw, beside plain peers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.readers import tfidf
from benchmarks.readers.answers import relevance_figures
from benchmarks.readers.confusion import Confusion
from benchmarks.readers.figures import Figure, auc, spearman
from benchmarks.readers.labels import affect_figures, empathy_figures, read_by_both
from recipes.readers import contrast_sets, sources
from recipes.readers.corruption import Corruptor
from recipes.readers.linear import binary_cross_entropy
from rlgen.affect import VALENCE
from rlgen.text.reading.heads import F32
from rlgen.text.reading.judge import Judge
from rlgen.text.reading.lexical import words
from rlgen.text.reading.reader import Reader


def tone_figures(reader: Reader) -> list[Figure]:
    """Order within held-out ladders, and leaks between the axes on held-out combinations."""
    train = contrast_sets.labelled()
    figures = []
    for axis in contrast_sets.AXES:
        value = train.on(axis)
        stated = np.flatnonzero(~np.isnan(value))
        known = [train.texts[int(i)] for i in stated]
        rungs = [text for ladder, _ in contrast_sets.ladders(axis, held_out=True) for text in ladder]
        target = value[stated].astype(np.float32)
        plain = tfidf.scores(known, _squared(target), 1, rungs, penalty=1e-4)[:, 0]
        own = getattr(reader.read_catalogue(rungs)[0], axis)
        order = np.arange(5)
        figures.append(
            Figure(
                "readers",
                f"{axis}: Spearman within held-out ladders",
                float(np.mean([spearman(row, order) for row in own.reshape(-1, 5)])),
                float(np.mean([spearman(row, order) for row in plain.reshape(-1, 5)])),
            )
        )
    test = contrast_sets.labelled(held_out=True)
    both = np.flatnonzero(~np.isnan(test.on("warmth")) & ~np.isnan(test.on("directiveness")))
    reading = reader.read_catalogue([test.texts[int(i)] for i in both])[0]
    for axis, other in (("warmth", "directiveness"), ("directiveness", "warmth")):
        label, leak = test.on(axis)[both], test.on(other)[both]  # type: ignore[arg-type]
        value = getattr(reading, axis)
        figures.append(
            Figure("readers", f"{axis}: correlation with its label, held out", float(np.corrcoef(value, label)[0, 1]))
        )
        figures.append(
            Figure(
                "readers",
                f"{axis}: correlation with {other}'s label",
                float(np.corrcoef(value, leak)[0, 1]),
                0.0,
                False,
            )
        )
    return figures


def _squared(target: F32) -> Any:
    import torch

    wanted = torch.from_numpy(target)
    return lambda scores: ((scores[:, 0] - wanted) ** 2).mean()


def transfer_figures(data: Path, reader: Reader, judge: Judge) -> list[Figure]:
    """Readings against labels of humans that no part of the reader was fitted to, and against the judge."""
    figures = []
    texts, advises = sources.advice_and_reflection(data, "held-out")
    known, taught = sources.advice_and_reflection(data, "judge")
    plain = tfidf.scores(known, binary_cross_entropy(taught[:, None]), 1, texts, penalty=1e-4)[:, 0]
    reading, judged = read_by_both(texts, reader, judge)
    own, other = reading.directiveness, judged.directiveness
    name = "directiveness: AUC of advice against reflection, ESConv and AnnoMI"
    figures.append(Figure("readers", name, auc(own, advises > 0.5), auc(plain, advises > 0.5)))
    figures.append(Figure("judge", name, auc(other, advises > 0.5), auc(plain, advises > 0.5)))
    test = sources.epitome(data, "held-out")
    responses = [text for text, whole in zip(test.texts, test.whole, strict=True) if whole]
    warm = reader.read_catalogue(responses)[0].warmth
    figures.append(
        Figure("readers", "warmth: AUC of emotional reaction, EPITOME", auc(warm, test.levels[test.whole, 0] >= 1), 0.5)
    )
    turns, _ = sources.supporter_utterances(sources.esconv_dialogues(data, "held-out"))
    reading, judged = read_by_both(turns, reader, judge)
    length = np.array([len(words(text)) for text in turns])
    for axis in ("warmth", "directiveness"):
        second = getattr(judged, axis)
        figures.append(
            Figure(
                "readers",
                f"{axis}: Spearman with the judge, ESConv",
                spearman(getattr(reading, axis), second),
                spearman(length, second),
            )
        )
    second = judged.affect[:, VALENCE]
    figures.append(
        Figure(
            "readers",
            "valence: Spearman with the judge, ESConv",
            spearman(reading.affect[:, VALENCE], second),
            spearman(length, second),
        )
    )
    return figures


def fluency_figures(data: Path, reader: Reader, seed: int = 1) -> list[Figure]:
    """AUC of human turns against corruptions of them, beside the text's rarest word."""
    rng = np.random.default_rng(seed)
    every = sources.human_sentences(data, "held-out")
    texts = [every[int(i)] for i in rng.permutation(len(every))[:2000]]
    corruptor = Corruptor(texts, seed)
    counts: dict[str, int] = {}
    for text in sources.human_sentences(data, "people"):
        for word in words(text):
            counts[word] = counts.get(word, 0) + 1

    def commonness(found: Sequence[str]) -> NDArray[np.float64]:
        return np.array([np.mean([np.log1p(counts.get(word, 0)) for word in words(text)] or [0.0]) for text in found])

    human = reader.fluency.score(texts)
    figures = [Figure("readers", "fluency: median of human turns", float(np.median(human)))]
    for name, kind, rate in (
        ("words in random order", None, 1.0),
        ("20 % of words replaced", "replace", 0.2),
        ("20 % replaced by plausible followers", "follow", 0.2),
        ("20 % dropped", "drop", 0.2),
        ("ending cut", "cut", 0.2),
        ("garbled words", "garble", 0.2),
    ):
        worse = [
            " ".join(corruptor.shuffled(text.split()) if kind is None else corruptor(text.split(), kind, rate)[0])
            for text in texts
        ]
        score = np.concatenate([human, reader.fluency.score(worse)])
        true = np.repeat([True, False], len(texts))
        plain = auc(np.concatenate([commonness(texts), commonness(worse)]), true)
        figures.append(Figure("readers", f"fluency: AUC against {name}", auc(score, true), plain))
    return figures


def measure(data: Path, reader: Reader, judge: Judge) -> tuple[list[Figure], list[Confusion]]:
    """All figures, and the confusion matrices of both artifacts.

    Raises:
        DataError: a data set is missing.
    """
    affect, confusions = affect_figures(data, reader, judge)
    figures = [
        *affect,
        *empathy_figures(data, reader, judge),
        *tone_figures(reader),
        *transfer_figures(data, reader, judge),
        *relevance_figures(data, reader),
        *fluency_figures(data, reader),
    ]
    return figures, confusions


def by_artifact(figures: Iterable[Figure]) -> dict[str, dict[str, Any]]:
    """Figures by artifact and name, for manifests."""
    found: dict[str, dict[str, Any]] = {"readers": {}, "judge": {}}
    for figure in figures:
        entry = {"value": round(figure.value, 4)}
        if figure.baseline is not None:
            entry["baseline"] = round(figure.baseline, 4)
        found[figure.artifact][figure.name] = entry
    return found
