"""What the surface of a text shows without a model: countable, nameable, the same for everyone.

Sentence embeddings blur exactly what separates "call her" from "have you thought of calling her?"
or a plain remark from a stressed one. These features name it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rlgen.config import read_yaml

_SENTENCE: Final = re.compile(r"[^.!?]+[.!?]*")
_WORD: Final = re.compile(r"[a-z]+(?:'[a-z]+)?")
# Where a clause may open with a verb that tells what to do: after a comma, "so", "and", "please" ...
_CLAUSE: Final = re.compile(r"[,;:]|\b(?:so|and|then|please|just|now|first|next time|dear|love)\b")


_LISTS: Final = Path(__file__).with_name("lexical.yaml")
_READ: Final = read_yaml(_LISTS)
_IMPERATIVES: Final = frozenset(_READ["imperatives"].split())
_COUNTS: Final[dict[str, re.Pattern[str]]] = {
    name: re.compile(r"\b(?:" + "|".join(patterns) + r")\b") for name, patterns in _READ["counts"].items()
}
LISTS_SHA256: Final = hashlib.sha256(_LISTS.read_bytes()).hexdigest()
_SHAPE: Final = (
    "length", "sentences", "question_share", "exclamation_share", "imperative_share", "imperative", "ends_in_question",
    "i_share", "you_share", "we", "capitals",
)  # fmt: skip
FEATURES: Final = (*_SHAPE, *_COUNTS)
DIM: Final = len(FEATURES)

_ASKING: Final = re.compile(
    r"^(?:and |so |but |well,? |then |or )?(?:(?:what|how|where|when|who|which|why)(?:'s)?\b(?! (?:a|an)\b)"
    r"|(?:do|did|are|were|have|can|could|would|will|is|was|has|does|shall|should) "
    r"(?:you|we|it|there|that|this|your|he|she|they|i)\b)"
)


def sentences(text: str) -> list[str]:
    """The sentences of a text with their end marks, stripped."""
    return [found for part in _SENTENCE.findall(text) if (found := part.strip())]


@lru_cache(maxsize=16384)
def words(text: str) -> tuple[str, ...]:
    """Lower-case words."""
    return tuple(_WORD.findall(text.lower().replace("’", "'")))


@lru_cache(maxsize=16384)
def asks(text: str) -> bool:
    """Whether some sentence is a question, by its mark or, where it has no mark at all, by its opening."""
    for sentence in sentences(text):
        if sentence.endswith("?"):
            return True
        if sentence[-1] not in ".!" and _ASKING.match(sentence.lower()):
            return True
    return False


def _imperative(sentence: str) -> bool:
    if sentence.endswith("?"):
        return False
    return any(
        (opening := _WORD.findall(clause)) and opening[0] in _IMPERATIVES and opening[1:2] not in (["you"], ["i"])
        for clause in _CLAUSE.split(sentence.lower())
    )


@lru_cache(maxsize=16384)
def _surface(text: str) -> NDArray[np.float32]:
    lower = text.lower().replace("’", "'")
    parts, said = sentences(text), words(text)
    count, total = max(len(parts), 1), max(len(said), 1)
    letters = [c for c in text if c.isalpha()]
    shape = [
        np.log1p(len(said)),
        np.log1p(len(parts)),
        sum(s.endswith("?") for s in parts) / count,
        sum(s.endswith("!") for s in parts) / count,
        sum(map(_imperative, parts)) / count,
        float(any(map(_imperative, parts))),
        float(text.rstrip().endswith("?")),
        sum(w == "i" or w.startswith("i'") or w == "my" for w in said) / total,
        sum(w.startswith("you") for w in said) / total,
        float(any(w in ("we", "let's", "our", "us") for w in said)),
        float(len(letters) > 3 and sum(c.isupper() for c in letters) / len(letters) > 0.6),
    ]
    counts = [np.log1p(len(pattern.findall(lower))) for pattern in _COUNTS.values()]
    return np.array(shape + counts, dtype=np.float32)


def surface(texts: Sequence[str]) -> NDArray[np.float32]:
    """Surface features `[N, DIM]` in the order of `FEATURES`: shares in [0, 1], logarithms of counts."""
    return np.stack([_surface(text) for text in texts]) if len(texts) else np.zeros((0, DIM), dtype=np.float32)
