"""Whether a reply is whole: something was said, it is language, and it holds no personal data."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from typing import Final

_EMAIL: Final = re.compile(r"[^\s@]+@[^\s@]+\.[a-z]{2,}", re.IGNORECASE)
_NUMBER: Final = re.compile(r"(?<!\d)\+?\d(?:[\s().\-/]{0,2}\d){6,18}(?!\d)")  # phone, card and account numbers
_IBAN: Final = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}\b")
_STREET: Final = re.compile(
    r"\b\d{1,5} (?:[A-Z][\w']+ ){1,3}(?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Way)\b"
)
_MARKUP: Final = re.compile(r"<[^<>\s]{1,20}>|\[(?:UNK|PAD|CLS|SEP|MASK)\]|\ufffd|[\x00-\x08\x0b-\x1f\x7f]")
_RUN: Final = re.compile(r"(.)\1{7,}")
_WORD: Final = re.compile(r"[^\W\d_]+")
_LONGEST_WORD: Final = 30
_REPEATS: Final = 4  # the same word so often in a row, or the same two words, is a decoder that got stuck
_SPARSE: Final = 6  # in a long text a pair may come back, once in so many words


def personal_data(text: str) -> str:
    """The kind of personal data that a reply holds, empty for none."""
    if "@" in text and _EMAIL.search(text):
        return "e-mail address"
    if not any(char.isdigit() for char in text):
        return ""
    if _NUMBER.search(text):
        return "phone or account number"
    if _IBAN.search(text):
        return "account number"
    return "street address" if _STREET.search(text) else ""


def garbled(text: str, max_chars: int) -> str:
    """What is wrong with a reply's form, empty for nothing.

    Args:
        text: the reply.
        max_chars: longer replies are refused.
    """
    if len(text) > max_chars:
        return f"longer than {max_chars} characters"
    bare = text.strip()
    if not bare:
        return "empty"
    if bare.lower() in {"nan", "none", "null", "inf", "-inf"}:
        return "no text"
    if _MARKUP.search(text):
        return "control signs"
    words = _WORD.findall(bare.lower())
    if sum(map(len, words)) * 4 < len(bare):
        return "hardly any letters"
    if _RUN.search(bare):
        return "one sign over and over"
    if max(map(len, words)) > _LONGEST_WORD:
        return "a word without end"
    return "one word over and over" if _stuck(words) else ""


def _stuck(words: list[str]) -> bool:
    if max(Counter(words).values()) < _REPEATS:
        return False
    run = 1
    for before, after in pairwise(words):
        run = run + 1 if before == after else 1
        if run == _REPEATS:
            return True
    again = max(Counter(pairwise(words)).values())
    return again >= _REPEATS and again * _SPARSE >= len(words)
