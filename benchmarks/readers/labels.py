"""Readings beside the labels of GoEmotions and EPITOME, the data sets that affect and empathy were fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.readers import tfidf
from benchmarks.readers.confusion import EKMAN, Confusion, confuse, ekman_test, f1, precision, recall
from benchmarks.readers.figures import Figure, auc, spearman
from recipes.readers import sources
from recipes.readers.fit import embed
from recipes.readers.linear import binary_cross_entropy, shares, soft_cross_entropy
from rlgen.affect import CATEGORIES, NUM_CATEGORIES, VALENCE
from rlgen.text.reading.judge import Judge, Judgement
from rlgen.text.reading.reader import Reader
from rlgen.types import Reading

MECHANISMS = ("emotional reaction", "interpretation", "exploration")


def read_by_both(texts: Sequence[str], reader: Reader, judge: Judge) -> tuple[Reading, Judgement]:
    """Each reads the vectors of its own encoder, which are kept in the cache folder."""
    reading, embedding = reader.read_catalogue(texts)
    if judge.encoder.identity != reader.encoder.identity:
        embedding = embed(judge.encoder, texts)
    return reading, judge.read_embedded(texts, embedding)


def affect_figures(data: Path, reader: Reader, judge: Judge) -> tuple[list[Figure], list[Confusion]]:
    """How well emotions and valence are read on GoEmotions' official test split, in texts of one class.

    Both kinds of rows are read: the six categories, and the data set's own Ekman level, in which disgust
    is a class of its own (which nothing here can find) and confusion, curiosity and realization are surprise.
    """
    test = sources.goemotions(data, "held-out")
    single = np.flatnonzero(test.category.max(axis=1) == 1.0)
    texts, true = [test.texts[int(i)] for i in single], test.category[single].argmax(axis=1)
    valence = test.valence_arousal[single, 0]
    ekman_texts, ekman_true = ekman_test(data)
    figures, confusions = [], []
    reading, judged = read_by_both([*texts, *ekman_texts], reader, judge)
    for name, affect, part in (
        ("readers", reading.affect, "people"),
        ("judge", judged.affect, "judge"),
    ):
        train = sources.goemotions(data, part)  # type: ignore[arg-type]
        loss = soft_cross_entropy(train.category, shares(train.category))
        plain = tfidf.scores(train.texts, loss, NUM_CATEGORIES, [*texts, *ekman_texts])
        found, peer = affect[:, :NUM_CATEGORIES].argmax(axis=1), plain.argmax(axis=1)
        n = len(texts)
        six = Confusion(
            name,
            "six categories",
            CATEGORIES,
            CATEGORIES,
            confuse(true, found[:n], NUM_CATEGORIES, NUM_CATEGORIES),
            confuse(true, peer[:n], NUM_CATEGORIES, NUM_CATEGORIES),
        )
        seven = Confusion(
            name,
            "Ekman level",
            EKMAN,
            CATEGORIES,
            confuse(ekman_true, found[n:], len(EKMAN), NUM_CATEGORIES),
            confuse(ekman_true, peer[n:], len(EKMAN), NUM_CATEGORIES),
        )
        confusions += [six, seven]
        figures += _confusion_figures(six, seven)
        figures.append(Figure(name, "valence Spearman, GoEmotions test", spearman(affect[:n, VALENCE], valence)))
        for c, category in enumerate(CATEGORIES):
            figures.append(
                Figure(name, f"AUC of {category}", auc(affect[:n, c], true == c), auc(plain[:n, c], true == c))
            )
    return figures, confusions


def _confusion_figures(six: Confusion, seven: Confusion) -> list[Figure]:
    name = six.artifact
    found = [
        Figure(name, "affect macro-F1, GoEmotions test", f1(six.counts).mean(), f1(six.peer).mean()),
        Figure(name, "Ekman-level macro-F1 without disgust", f1(seven.counts)[:-1].mean(), f1(seven.peer)[:-1].mean()),
        Figure(name, "Ekman-level macro-F1, disgust as 0", f1(seven.counts).mean(), f1(seven.peer).mean()),
    ]
    for label, measured in (("precision", precision), ("recall", recall)):
        own, peer = measured(six.counts), measured(six.peer)
        found += [
            Figure(name, f"{label} of {category}", float(own[c]), float(peer[c]))
            for c, category in enumerate(CATEGORIES)
        ]
    return found


def empathy_figures(data: Path, reader: Reader, judge: Judge) -> list[Figure]:
    """AUC of level 1 or more, and of level 2, on whole responses to the held-out fifth of EPITOME's seeker posts.

    The peer is fitted on the same part as the artifact; a second one on all posts that are not held out.
    """
    test = sources.epitome(data, "held-out")
    texts = [text for text, whole in zip(test.texts, test.whole, strict=True) if whole]
    reading, judged = read_by_both(texts, reader, judge)
    scores = {"readers": reading.empathy, "judge": judged.warmth[:, None]}
    parts: dict[str, tuple[list[str], NDArray[np.int64]]] = {}
    for part, name in (("people", "readers"), ("judge", "judge")):
        train = sources.epitome(data, part)  # type: ignore[arg-type]
        known = [text for text, whole in zip(train.texts, train.whole, strict=True) if whole]
        parts[name] = known, train.levels[train.whole]
    figures = []
    for level in (1, 2):
        present = test.levels[test.whole] >= level

        def plain(known: list[str], levels: NDArray[np.int64], level: int = level) -> NDArray[np.float32]:
            loss = binary_cross_entropy((levels >= level).astype(np.float32))
            return tfidf.scores(known, loss, len(MECHANISMS), texts, penalty=3e-4)

        more = plain([*parts["readers"][0], *parts["judge"][0]], np.concatenate([y for _, y in parts.values()]))
        stated = "" if level == 1 else ", level 2"
        for name, own in scores.items():
            peer = plain(*parts[name])
            for m, mechanism in enumerate(MECHANISMS[: own.shape[1]]):
                value, yes = auc(own[:, m], present[:, m]), present[:, m]
                label = f"AUC of {mechanism}{stated}, EPITOME"
                figures.append(Figure(name, label, value, auc(peer[:, m], yes)))
                figures.append(Figure(name, f"{label}, TF-IDF of all posts", value, auc(more[:, m], yes)))
    return figures
