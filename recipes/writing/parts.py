"""Patterns of phrases and the little grammar that joins them.

A pattern is text with alternatives `(a|b)`, places to fill `<name>`, capitalised where `<Name>`, and
`{is/are}`, which agrees with the noun phrase in `<np>`.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rlgen.text import topics

_BANKS: Final = Path(__file__).parent / "banks"
_ALTERNATIVES: Final = re.compile(r"\(([^()]*\|[^()]*)\)")
_PLACES: Final = re.compile(r"<(\w+)>|\{([^{}/]+/[^{}]+)\}")
_STARTS: Final = re.compile(r"(?:^|(?<=[.?!] ))[a-z]")
_WORDS: Final = re.compile(r"[\w'’-]+")
_SINGULAR_START: Final = frozenset(
    {
        "how", "what", "whose", "whom", "no", "who", "whether", "why", "where", "when", "which", "not",
        "everything", "nothing",
    }
)  # fmt: skip
_ONE: Final = frozenset(
    {
        "this", "that", "a", "an", "one", "every",
    }
)  # fmt: skip
_MANY: Final = frozenset(
    {
        "those", "these", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    }
)  # fmt: skip
_SINGULAR_S: Final = frozenset(
    {
        "news", "bus", "class", "loss", "mess", "process", "illness", "virus", "business", "stress", "pass",
    }
)  # fmt: skip
_PLURALS: Final = frozenset(
    {
        "people", "children", "kids", "friends", "parents", "men", "women", "feet", "police", "few", "both",
    }
)  # fmt: skip
_HEAD_ENDS: Final = frozenset(
    {
        "of", "that", "to", "in", "on", "at", "by", "with", "who", "about", "before", "from", "for", "until",
        "between", "after", "against", "and", "over", "without", "they", "you", "he", "she", "it", "i", "we",
        "under", "into", "during", "since", "nobody", "called", "off", "not", "alone", "elsewhere", "any",
        "are", "is", "around", "behind", "left", "next", "than", "like", "through", "your", "when", "where",
        "beside", "near",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Pattern:
    """One pattern with its alternatives spelled out.

    Attributes:
        id: name of the pattern, stable while its bank is.
        variants: per alternative its pieces: literal text at even places, names to fill at odd ones.
        needs: names that it fills.
    """

    id: str
    variants: tuple[tuple[str, ...], ...]
    needs: frozenset[str]


def bank(name: str) -> Any:
    """A bank of phrases as it stands in `banks/<name>.yaml`."""
    return topics.bank(name, _BANKS)


def expand(text: str) -> list[str]:
    """All texts that `(a|b)` alternatives give, in order."""
    pieces = _ALTERNATIVES.split(text)
    choices = [piece.split("|") if i % 2 else [piece] for i, piece in enumerate(pieces)]
    return ["".join(chosen) for chosen in itertools.product(*choices)]


def compile_pattern(identity: str, text: str) -> Pattern:
    """A pattern ready to be filled."""
    variants = []
    needs: set[str] = set()
    for variant in expand(text):
        pieces: list[str] = []
        last = 0
        for found in _PLACES.finditer(variant):
            pieces += [variant[last : found.start()], found[1] or found[2]]
            last = found.end()
            if found[1]:
                needs.add(found[1].lower())
        pieces.append(variant[last:])
        variants.append(tuple(pieces))
    return Pattern(identity, tuple(variants), frozenset(needs))


def compile_all(prefix: str, texts: Sequence[str]) -> tuple[Pattern, ...]:
    """Patterns `prefix.0`, `prefix.1`, ..."""
    return tuple(compile_pattern(f"{prefix}.{i}", text) for i, text in enumerate(texts))


def capital(text: str) -> str:
    """The text with its first letter in upper case."""
    return text[:1].upper() + text[1:]


def sentences(text: str) -> str:
    """The text with a capital at the start of each sentence."""
    return _STARTS.sub(lambda found: found[0].upper(), text)


def fill(rng: random.Random, pattern: Pattern, values: Mapping[str, str], plural: bool = False) -> str:
    """A text of the pattern: a random alternative with its places filled.

    Args:
        rng: source of the choice.
        pattern: the pattern.
        values: by lower-case name.
        plural: number of the noun phrase, for `{is/are}`.
    """
    pieces = pattern.variants[int(rng.random() * len(pattern.variants))]
    if len(pieces) == 1:
        return pieces[0]
    out = list(pieces)
    for i in range(1, len(pieces), 2):
        name = pieces[i]
        if "/" in name:
            out[i] = name.split("/")[plural]
        elif name[0].isupper():
            out[i] = capital(values[name.lower()])
        else:
            out[i] = values[name]
    return "".join(out)


def is_plural(noun_phrase: str) -> bool:
    """Whether a verb after the noun phrase is in the plural: by its head noun."""
    words = [word.lower() for word in _WORDS.findall(noun_phrase)]
    if not words or words[0] in _SINGULAR_START or words[0].endswith("ing"):
        return False
    if words[:2] == ["a", "few"] or words[0] in _MANY:
        return True
    if words[0] in _ONE:
        return False
    head = words[0]
    for word in words[1:]:
        if word in _HEAD_ENDS:
            break
        head = word
    if head in _PLURALS:
        return True
    return head.endswith("s") and not head.endswith(("ss", "'s", "us", "is")) and head not in _SINGULAR_S


_TO_FIRST: Final = {"your": "my", "yours": "mine", "yourself": "myself", "you": "me", "you're": "I'm", "you've": "I've"}
_SECOND: Final = re.compile(r"\b(yourself|yours|your|you're|you've|you)\b", re.IGNORECASE)


def to_first_person(text: str) -> str:
    """A supporter's noun phrase or step in the person's own mouth: `your` becomes `my`."""

    def turn(found: re.Match[str]) -> str:
        word = _TO_FIRST[found[1].lower()]
        return capital(word) if found[1][0].isupper() else word

    return _SECOND.sub(turn, text)
