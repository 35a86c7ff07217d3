"""How well readers and judge read texts that no fitting saw: the figures that a fit writes into its manifest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.metrics import f1_score, roc_auc_score

from recipes.readers import contrast_sets, relevance, sources
from recipes.readers.corruption import Corruptor
from recipes.readers.fit import embed
from rlgen.affect import NUM_CATEGORIES, VALENCE
from rlgen.text.reading.judge import Judge
from rlgen.text.reading.reader import Reader

MECHANISMS: Final = ("emotional reaction", "interpretation", "exploration")
_CHANCE: Final = 0.5  # of an AUC
_TURNS: Final = 2000  # human turns that are corrupted


def measure(data: Path, reader: Reader, judge: Judge) -> dict[str, dict[str, Any]]:
    """`"readers"` and `"judge"` -> figure -> its value, and beside it what knowing nothing would give.

    Args:
        data: folder of the data sets; what is held out of them is in `recipes.readers.sources`.
        reader: of people and rewards.
        judge: of the generator's training and of benchmarks.

    Raises:
        DataError: a data set is missing.
    """
    found: dict[str, dict[str, Any]] = {"readers": {}, "judge": {}}

    def note(artifact: str, name: str, value: float, baseline: float) -> None:
        found[artifact][name] = {"value": round(float(value), 4), "baseline": round(float(baseline), 4)}

    emotions = sources.goemotions(data, "held-out")
    single = np.flatnonzero(emotions.category.max(axis=1) == 1.0)
    texts, true = [emotions.texts[int(i)] for i in single], emotions.category[single].argmax(axis=1)
    frequent = np.full_like(true, np.bincount(true).argmax())
    for artifact, read in _both(texts, reader, judge).items():
        read_as = read.affect[:, :NUM_CATEGORIES].argmax(axis=1)
        f1, trivial = (f1_score(true, guess, average="macro", zero_division=0.0) for guess in (read_as, frequent))
        note(artifact, "affect macro-F1, GoEmotions test", f1, trivial)
        valence = _spearman(read.affect[:, VALENCE], emotions.valence_arousal[single, 0])
        note(artifact, "valence Spearman, GoEmotions test", valence, 0.0)

    empathy = sources.epitome(data, "held-out")
    texts = [text for text, whole in zip(empathy.texts, empathy.whole, strict=True) if whole]
    present = empathy.levels[empathy.whole] >= 1
    both = _both(texts, reader, judge)
    reading, judged = both["readers"], both["judge"]
    for m, mechanism in enumerate(MECHANISMS):
        note("readers", f"AUC of {mechanism}, EPITOME", roc_auc_score(present[:, m], reading.empathy[:, m]), _CHANCE)
    note("judge", f"AUC of {MECHANISMS[0]}, EPITOME", roc_auc_score(present[:, 0], judged.warmth), _CHANCE)

    texts, advises = sources.advice_and_reflection(data, "held-out")
    for artifact, read in _both(texts, reader, judge).items():
        name = "directiveness: AUC of advice against reflection, ESConv and AnnoMI"
        note(artifact, name, roc_auc_score(advises > 0.5, read.directiveness), _CHANCE)

    for axis in contrast_sets.AXES:
        rungs = [ladder for ladder, _ in contrast_sets.ladders(axis, held_out=True)]
        read_at = getattr(reader.read_catalogue([text for ladder in rungs for text in ladder])[0], axis)
        order = [_spearman(row, np.arange(len(row))) for row in read_at.reshape(len(rungs), -1)]
        note("readers", f"{axis}: Spearman within held-out ladders", float(np.mean(order)), 0.0)

    for how, value, plain in _answers(data, reader):
        note("readers", f"relevance: AUC against a reply to {how}, ESConv (baseline: cosine)", value, plain)

    human = np.random.default_rng(0).permutation(sources.human_sentences(data, "held-out"))[:_TURNS].tolist()
    corruptor = Corruptor(human, seed=0)
    scores = reader.fluency.score([*human, *(" ".join(corruptor.shuffled(text.split())) for text in human)])
    whole = np.repeat([True, False], len(human))
    note("readers", "fluency: AUC against words in random order", roc_auc_score(whole, scores), _CHANCE)
    return found


def _answers(data: Path, reader: Reader) -> Iterator[tuple[str, float, float]]:
    """How well relevance tells ESConv's own replies from others: kind of the others, AUC, AUC of the cosine."""
    of = [one for one in relevance.human(data, held_out=True) if one.source == "esconv"]
    on = relevance.encoded(of, lambda texts: embed(reader.encoder, texts))
    for how in relevance.CONTRASTS[:3]:
        whose, which = relevance.contrasted(of, how, np.random.default_rng(1))
        lots = [on.pairs(whose, index) for index in (whose, which)]
        true = np.repeat([True, False], len(whose))
        score = np.concatenate([reader.relevance.score(*lot) for lot in lots])
        cosine = np.concatenate([(on.said[whose] * embedding).sum(axis=1) for _, embedding, _ in lots])
        yield how, roc_auc_score(true, score), roc_auc_score(true, cosine)


def _spearman(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Rank correlation; 0 where one side is constant."""
    return 0.0 if np.ptp(a) == 0 or np.ptp(b) == 0 else float(spearmanr(a, b).statistic)


def _both(texts: list[str], reader: Reader, judge: Judge) -> dict[str, Any]:
    """What each reads, from the vectors of its own encoder, which are kept in the cache folder."""
    reading, embedding = reader.read_catalogue(texts)
    vectors: NDArray[np.float32] = embedding
    if judge.encoder.identity != reader.encoder.identity:
        vectors = embed(judge.encoder, texts)
    return {"readers": reading, "judge": judge.read_embedded(texts, vectors)}
