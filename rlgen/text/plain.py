"""Texts on one line, printable, in plain quotes."""

from __future__ import annotations

from typing import Final

# No utterance needs more; it bounds the work on a text of a megabyte.
LONGEST_TEXT: Final = 2000

_PLAIN: Final = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "...", "\u00a0": " "})


def clean(text: str) -> str:
    """A text as the model reads it: one line, printable, plain quotes, no doubled spaces.

    Control characters, private-use characters and lone surrogates become spaces. Of an
    overlong text the end is kept.
    """
    text = text[-LONGEST_TEXT:].translate(_PLAIN)
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(text.split())


def count_words(text: str) -> int:
    """Words of a text without doubled spaces, by its spaces."""
    return text.count(" ") + 1
