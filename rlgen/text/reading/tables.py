"""Readings of the shipped bank of utterances, as they are kept in the package."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rlgen.artifacts.tables import Arrays, made_of, shipped_table
from rlgen.types import Reading

NAME: Final = "readings"
_VERSION: Final = 1  # of the layout
_MOST: Final = 127


def key(readers_sha256: str, encoder_sha256: str) -> str:
    """What a table of readings is made of, besides its texts."""
    return made_of(_VERSION, readers_sha256, encoder_sha256)


def marks(texts: Sequence[str]) -> NDArray[np.uint64]:
    """A number for each text, `[N]`."""
    digests = b"".join(hashlib.sha256(text.encode()).digest()[:8] for text in texts)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def packed(texts: Sequence[str], arrays: Arrays) -> Arrays:
    """A table in little room, its texts in order of their marks.

    Args:
        texts: U different ones.
        arrays: `embedding` `[U, dim]` and the fields of `Reading`.

    Returns:
        Readings in half precision, vectors as whole numbers in units of `scale` `[U]`.
    """
    mark = marks(texts)
    order = np.argsort(mark)
    vectors = arrays["embedding"][order]
    scale = (np.abs(vectors).max(axis=1) / _MOST).astype(np.float16)
    whole = np.rint(vectors / scale.astype(np.float32)[:, None]).clip(-_MOST, _MOST).astype(np.int8)
    read = {f.name: arrays[f.name][order].astype(np.float16) for f in fields(Reading)}
    return {"mark": mark[order], "embedding": whole, "scale": scale, **read}


def find(texts: Sequence[str], readers_sha256: str, encoder_sha256: str) -> tuple[NDArray[np.bool_], Arrays] | None:
    """What the package knows of texts.

    Returns:
        Which of them it knows, and for these, in their order, `embedding` and the fields of `Reading`; None where
        readers or encoder are not the shipped ones.
    """
    table = shipped_table(NAME, key(readers_sha256, encoder_sha256))
    if table is None:
        return None
    mark = marks(texts)
    at = np.searchsorted(table["mark"], mark).clip(max=len(table["mark"]) - 1)
    known: NDArray[np.bool_] = table["mark"][at] == mark
    return known, unpacked(table, at[known])


def unpacked(table: Arrays, rows: NDArray[Any]) -> Arrays:
    """Some rows of a packed table, in float32; vectors have unit length."""
    vectors = table["embedding"][rows] * table["scale"][rows].astype(np.float32)[:, None]
    length = np.sqrt((vectors * vectors).sum(axis=1, keepdims=True))
    read = {f.name: table[f.name][rows].astype(np.float32) for f in fields(Reading)}
    return {"embedding": (vectors / length).astype(np.float32), **read}
