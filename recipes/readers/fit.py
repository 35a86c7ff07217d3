"""Fitting the people's reader and the judge on disjoint items."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from recipes.readers import contrast_sets, relevance, sources
from recipes.readers.fluency import fit as fit_fluency
from recipes.readers.linear import binary_cross_entropy, level_targets, logistic, ridge, shares, soft_cross_entropy
from rlgen import artifacts
from rlgen.text.encoding.encoder import SentenceEncoder
from rlgen.text.reading.heads import Features, Head
from rlgen.text.reading.judge import KIND as JUDGE_KIND
from rlgen.text.reading.reader import KIND as READER_KIND

F32 = NDArray[np.float32]
Arrays = dict[str, NDArray[Any]]
Say = Callable[[str], None]

# Chosen on folds of the fitting data, not on what the benches report.
_AFFECT_PENALTY: Final = (2e-2, 1e-5)  # embedding and surface; word pieces
_TONE_PENALTY: Final = (1500.0, 60.0)  # embedding; surface
_LEVEL_PENALTY: Final = (3e-2, 3e-5)
_SMALL: Final = 8192  # word-piece buckets where texts are few


def embed(encoder: SentenceEncoder, texts: Sequence[str]) -> F32:
    """Embeddings of many texts, kept in the cache folder; long and short ones are batched apart."""
    digest = hashlib.sha256("\x00".join(texts).encode()).hexdigest()
    key = hashlib.sha256(f"{encoder.identity}:{digest}".encode()).hexdigest()[:32]

    def build() -> dict[str, NDArray[Any]]:
        order = np.argsort([len(text) for text in texts], kind="stable")
        found = np.empty((len(texts), encoder.dim), dtype=np.float32)
        found[order] = encoder.encode([texts[int(i)] for i in order])
        return {"embedding": found}

    return artifacts.cached(f"embedding-{key}", build)["embedding"]


def features_of(encoder: SentenceEncoder, texts: Sequence[str]) -> Features:
    """Features of many texts."""
    return Features.of(texts, embed(encoder, texts))


def _fit_affect(encoder: SentenceEncoder, data: Path, part: sources.Part) -> Arrays:
    emotional = sources.goemotions(data, part)
    features = features_of(encoder, emotional.texts)
    dense, bag = _AFFECT_PENALTY
    loss = soft_cross_entropy(emotional.category, shares(emotional.category))
    categories = logistic(features, loss, emotional.category.shape[1], dense, bag, steps=150)
    plane = ridge(features, np.arctanh(0.95 * emotional.valence_arousal), penalty=300.0)
    return {**categories.arrays("affect"), **plane.arrays("plane")}


def _fit_levels(encoder: SentenceEncoder, data: Path, part: sources.Part, mechanisms: slice) -> Head:
    empathic = sources.epitome(data, part)
    target = level_targets(empathic.levels[:, mechanisms])
    # A response counts as much as all of its sentences together.
    counts = np.bincount(empathic.response)[empathic.response] - 1
    weight = np.where(empathic.whole, 1.0, 1.0 / np.maximum(counts, 1)).astype(np.float32)
    loss = binary_cross_entropy(target, weight[:, None])
    return logistic(features_of(encoder, empathic.texts), loss, target.shape[1], *_LEVEL_PENALTY, size=_SMALL)


def fit_tone(encoder: SentenceEncoder) -> Head:
    """Warmth, directiveness and intensity from the contrast sentences."""
    sentences = contrast_sets.labelled()
    features = features_of(encoder, sentences.texts)
    heads = []
    for axis in contrast_sets.AXES:
        value = sentences.on(axis)
        stated = ~np.isnan(value)
        heads.append(ridge(features.rows(stated), value[stated], *_TONE_PENALTY))
    return Head(
        embedding=np.concatenate([head.embedding for head in heads]),
        surface=np.concatenate([head.surface for head in heads]),
        bag=np.zeros((0, len(heads)), dtype=np.float32),
        bias=np.concatenate([head.bias for head in heads]),
    )


def fit_reader(encoder: SentenceEncoder, data: Path, seed: int, say: Say) -> Arrays:
    """Weights of the people's reader.

    Args:
        encoder: frozen.
        data: folder of the data sets.
        seed: of all draws.
        say: told what is being fitted.

    Raises:
        DataError: a data set is missing.
    """
    say("people's reader: affect (GoEmotions)")
    arrays = _fit_affect(encoder, data, "people")
    say("people's reader: empathy (EPITOME)")
    arrays |= _fit_levels(encoder, data, "people", slice(0, 3)).arrays("empathy")
    say("people's reader: warmth, directiveness, intensity (contrast sentences)")
    arrays |= fit_tone(encoder).arrays("tone")
    say("people's reader: relevance (ESConv, EmpatheticDialogues, DailyDialog, MELD, own dialogues)")
    exchanges = [*relevance.human(data, held_out=False), *relevance.own(seed, held_out=False)]
    arrays |= relevance.fit(relevance.encoded(exchanges, lambda texts: embed(encoder, texts)), seed).arrays()
    say("people's reader: fluency (EmpatheticDialogues, DailyDialog, ESConv)")
    return arrays | fit_fluency(sources.human_sentences(data, "people"), seed).arrays()


def fit_judge(encoder: SentenceEncoder, data: Path, say: Say) -> Arrays:
    """Weights of the judge; arguments as for `fit_reader`."""
    say("judge: affect (GoEmotions, other comments)")
    arrays = _fit_affect(encoder, data, "judge")
    say("judge: warmth (EPITOME, other posts)")
    arrays |= _fit_levels(encoder, data, "judge", slice(0, 1)).arrays("reaction")
    say("judge: directiveness (ESConv and AnnoMI strategies)")
    texts, advises = sources.advice_and_reflection(data, "judge")
    loss = binary_cross_entropy(advises[:, None])
    return arrays | logistic(features_of(encoder, texts), loss, 1, *_LEVEL_PENALTY, size=_SMALL).arrays("advice")


def write(
    target: Path,
    arrays: Mapping[str, NDArray[Any]],
    encoder: SentenceEncoder,
    name: str,
    command: str,
    seed: int,
    quality: dict[str, Any],
) -> artifacts.Artifact:
    """Write the artifact `name`, `"readers"` or `"judge"`, made by `command`, under its manifest."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    people = name == "readers"
    dialogues = ["empathetic_dialogues", "dailydialog", "meld_text"]
    names = ["goemotions", "epitome", "esconv", *(dialogues if people else ["annomi"])]
    described = (
        f"Heads over the encoder {encoder.name} that read affect, empathy, warmth, directiveness, intensity, "
        "relevance, fluency."
        if people
        else "Heads that judge affect, warmth and directiveness in benches; fitted on other items than the readers."
    )
    manifest = artifacts.Manifest(
        name=name,
        kind=READER_KIND if people else JUDGE_KIND,
        description=described + " Fitted parameters only, no text.",
        command=command,
        seeds=[seed],
        data=[sources.LICENCES[source] for source in names],
        quality=quality,
        settings={"encoder": encoder.name, "encoder_sha256": encoder.source_sha256, "dtype": encoder.dtype},
    )
    return artifacts.write(target, {"heads.npz": buffer.getvalue()}, manifest)
