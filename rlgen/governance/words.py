"""Texts made comparable before rules look at them, and whether a phrase is denied in its clause."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

# Written without their apostrophe these are read as with it. Words that mean something else without
# it ("well", "were", "shell", "ill", "id", "its") are left alone.
_NOT: Final = "do|does|did|is|was|are|were|would|could|should|have|has|had|must|need"
_SHORT: Final = {
    **{f"{verb}n't": f"{verb} not" for verb in _NOT.split("|")},
    **{f"{verb}nt": f"{verb} not" for verb in _NOT.split("|")},
    **{f"{who}'m": f"{who} am" for who in ("i",)},
    **{f"{who}'re": f"{who} are" for who in ("you", "we", "they")},
    **{f"{who}'ve": f"{who} have" for who in ("i", "you", "we", "they")},
    **{f"{who}'ll": f"{who} will" for who in ("i", "you", "he", "she", "it", "we", "they", "that")},
    **{f"{who}'d": f"{who} would" for who in ("i", "you", "he", "she", "it", "we", "they")},
    **{f"{who}'s": f"{who} is" for who in ("he", "she", "it", "that", "there", "what", "who", "here")},
    **{"can't": "can not", "cant": "can not", "cannot": "can not", "won't": "will not", "wont": "will not"},
    **{
        "im": "i am",
        "ive": "i have",
        "youre": "you are",
        "youve": "you have",
        "theyre": "they are",
        "thats": "that is",
    },
    **{"gonna": "going to", "wanna": "want to", "gotta": "got to", "u": "you", "ur": "your"},
    **{"kms": "kill myself", "kys": "kill yourself", "anymore": "any more", "myslef": "myself"},
}
_SHORT_WORD: Final = re.compile(rf"\b(?:{'|'.join(sorted(_SHORT, reverse=True))})\b")
_KEPT: Final = re.compile(r"[^\w\s'.,;:!?@+%]+")

_CLAUSE: Final = re.compile(r"[.,;:!?]|\b(?:but|because|and|so|though|although|then|yet)\b")
_DENIAL: Final = re.compile(
    r"\b(?:not|never|no|nor|neither|without|nothing|nobody|none|no longer|used to)\b"
    # what follows must not turn the denial round: "do not know why I want to", "can not stop wanting to"
    r"(?!.*\b(?:know|care|sure|matter|stop|help|if|why|else|only|just|lie|lying|kidding|joking|see|deny|more than"
    r"|thought i|think i|imagine i)\b)"
)
_NEAR: Final = 48  # characters to the left in which a denial still belongs to the phrase


def plain(text: str) -> str:
    """Lower case, one kind of quote and space, no hidden characters, contractions written out.

    Sentence punctuation stays, as clauses end there; other signs become spaces.

    Example:
        >>> plain("I\u2019m  fine, DONT worry")
        'i am fine, do not worry'
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).replace("\u2019", "'").replace("\u2018", "'").replace("\u00b4", "'")
        text = "".join(char for char in text if unicodedata.category(char) != "Cf")
    text = _KEPT.sub(" ", text.lower())
    return _SHORT_WORD.sub(_written_out, " ".join(text.split()))


def _written_out(found: re.Match[str]) -> str:
    return _SHORT[found.group()]


def denied(text: str, start: int) -> bool:
    """Whether the clause denies what begins at `start`: "I would never hurt anyone".

    A narrow reading on purpose. Where it is in doubt, the phrase counts as meant: "I don't know
    why I want to die" is no denial.
    """
    left = text[max(0, start - _NEAR) : start]
    return _DENIAL.search(_CLAUSE.split(left)[-1]) is not None
