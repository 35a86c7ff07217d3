"""A generator and a judge beside human language."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.controls.ngrams import byte_entropy
from recipes.generator.real import exchanges
from recipes.generator.scoring import Scorer
from rlgen.affect import from_category
from rlgen.experiments.display.tables import Row
from rlgen.text import Reader
from rlgen.text.plain import clean
from rlgen.types import F32
from rlgen.users.logs.dialogues import FILES, read

_PERPLEXITY_TARGET: Final = 15.0
_JUDGED: Final = (
    "affect macro-F1, GoEmotions test",
    "AUC of emotional reaction, EPITOME",
    "directiveness: AUC of advice against reflection, ESConv and AnnoMI",
)


def judged(quality: Mapping[str, Any]) -> list[Row]:
    """The judge's own accuracy on held-out human texts, as its manifest keeps it, beside TF-IDF peers."""
    return [
        Row(f"judge: {name}", quality[name]["value"], "", quality[name].get("baseline"))
        for name in _JUDGED
        if name in quality
    ]


def held_out(quality: Mapping[str, Any]) -> list[Row]:
    """Perplexity and bits per byte of held-out dialogues, as the generator's manifest keeps them."""
    rows = []
    for lot, figures in quality.get("held_out", {}).items():
        name = lot.replace("_", " ")
        target = _PERPLEXITY_TARGET if lot == "held_out_phrases" else None
        rows.append(Row(f"{name}: perplexity", figures["perplexity"], "per id", None, None, target, "lower"))
        rows.append(Row(f"{name}: bits per byte", figures["bits_per_byte"], "bits/byte", better="lower"))
    return rows


def supporters(data: Path, scorer: Scorer, reader: Reader, most: int) -> list[Row]:
    """Bits per byte of held-out ESConv supporters' turns, beside tables of bytes counted on the same turns.

    The tables know the very text that they are tried on, so they are generous baselines. The generator is
    asked unconditioned, and under the tone and depth that the people's reader finds in the turn itself.

    Args:
        data: folder with `esconv/esconv.jsonl`.
        scorer: of the generator.
        reader: the people's.
        most: turns at most.

    Raises:
        DataError: the data set is missing or malformed.
    """
    contexts: list[list[str]] = []
    replies: list[str] = []
    for dialogue in read(data / "esconv" / FILES[0]):
        window: list[str] = []
        for said, reply in exchanges(dialogue) if dialogue.split != "train" else []:
            window = [*window, said]
            contexts.append(window)
            replies.append(clean(reply))
            window = [*window, reply]
    step = max(1, len(replies) // most)  # from all dialogues alike
    contexts, replies = contexts[::step][:most], replies[::step][:most]
    rows = len(replies)
    nothing: F32 = np.zeros((rows, 2), dtype=np.float32)
    calm = from_category(np.zeros(rows, dtype=np.int64), np.zeros(rows))
    plain = scorer.score(contexts, replies, calm, nothing, np.zeros(rows, dtype=np.float32))
    reading, _ = reader.read_catalogue(replies)
    person, _ = reader.read_catalogue([window[-1] for window in contexts])
    tone = np.stack([reading.warmth, reading.directiveness], axis=1)
    told = scorer.score(contexts, replies, person.affect, tone, np.clip(2 * reading.intensity, 0, 2))
    pairs, single = (byte_entropy(replies, context) for context in (1, 0))
    name = f"{rows:,} ESConv turns"
    return [
        Row(f"{name}, weight 0, beside byte pairs", plain.bits_per_byte, "bits/byte", pairs,
            plain.bits_per_byte / pairs, better="lower"),
        Row(f"{name}, tone as read, beside byte pairs", told.bits_per_byte, "bits/byte", pairs,
            told.bits_per_byte / pairs, better="lower"),
        Row(f"{name}, byte pairs beside single bytes", pairs, "bits/byte", single, pairs / single, better="lower"),
    ]  # fmt: skip
