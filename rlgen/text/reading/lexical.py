"""What the surface of a text shows without a model: countable, nameable, the same for everyone.

Sentence embeddings blur exactly what separates "call her" from "have you thought of calling her?"
or a plain remark from a stressed one. These features name it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

_SENTENCE: Final = re.compile(r"[^.!?]+[.!?]*")
_WORD: Final = re.compile(r"[a-z]+(?:'[a-z]+)?")
# Where a clause may open with a verb that tells what to do: after a comma, "so", "and", "please" ...
_CLAUSE: Final = re.compile(r"[,;:]|\b(?:so|and|then|please|just|now|first|next time|dear|love)\b")


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


def _phrases(*patterns: str) -> re.Pattern[str]:
    return re.compile(r"\b(?:" + "|".join(patterns) + r")\b")


_IMPERATIVES: Final = _words(
    "accept act add agree allow answer apply arrange ask avoid be begin book breathe bring buy call cancel change "
    "check choose circle clean close come consider cook count cross cut decide defend delete do don't draw drink "
    "drop eat empty end exercise explain fill find finish fix focus follow forget forgive get give go greet hand "
    "help hold hug ignore imagine invite join keep knock lay learn leave lend let lie light list listen look love "
    "make meditate meet mend move mute name note offer open order pack pause pay phone pick plan play pour "
    "practice practise prepare promise protect pull put quit raise reach read relax remember remind repeat reply "
    "respect rest return ring save say schedule see seek sell send set settle share show sign sing sit skip sleep "
    "slow smile sort speak spend stand start stay step stick stop stretch submit suggest switch take talk tell "
    "thank think throw touch treat trust try turn unfollow unplug use visit vote wait wake walk warm wash watch "
    "wear welcome wipe wish work write "
)
_COUNTS: Final[dict[str, re.Pattern[str]]] = {
    "command": _phrases(
        "you (?:really )?(?:should|must|need to|have to|ought to|had better)",
        "you'd better",
        "please",
        "let's",
        "here(?:'s| is) (?:what|my)",
        "do this",
        "start with",
        "i ask (?:of )?you",
        "make sure",
    ),
    "suggestion": _phrases(
        "you (?:could|might|may)",
        "(?:maybe|perhaps) (?:try|you|a|it|ask|set|start|call|take)",
        "(?:how|what) about",
        "why (?:not|don't you)",
        "what if you",
        "have you (?:thought|considered|tried)",
        "would you (?:consider|be open|be willing)",
        "i(?:'d| would) (?:suggest|recommend|lean|probably)",
        "(?:might|may|could|can|would) (?:also )?(?:help|be worth|be good|be wise|be useful|be an idea|ease)",
        "worth (?:a try|trying|asking)",
        "one (?:thing|idea|option|way)",
        "next time",
    ),
    "reflection": _phrases(
        "(?:it )?sounds (?:like|as)",
        "it seems",
        "you seem",
        "you sound",
        "you(?:'re| are) (?:feeling|holding|carrying|saying)",
        "you (?:feel|felt)",
        "i (?:hear|gather|get the sense)",
        "i'm hearing",
        "as i hear",
        "part of you",
        "if i (?:understand|follow)",
    ),
    "open_question": _phrases(
        "what(?:'s)?(?! (?:a|an|if|about)\\b)", "how(?! about)", "where", "which", "who", "in what way"
    ),
    "invitation": _phrases(
        "tell me (?:more|whatever|about)",
        "up to you",
        "your (?:choice|decision|call|own)",
        "whatever you",
        "as you (?:wish|like)",
        "you know (?:best|better)",
        "when(?:ever)? you(?:'re| are)? (?:like|ready)",
        "i wonder",
        "i'm curious",
        "no need to",
        "you like",
    ),
    "care": _phrases(
        "sorry", "thank(?:s| you)?", "glad", "grateful", "honou?red", "proud", "appreciate", "trust(?:ing)?", "welcome"
    ),
    "presence": _phrases(
        "here (?:for|with|beside) you",
        "with you",
        "by your side",
        "beside you",
        "right here",
        "not alone",
        "on your side",
        "i(?:'m| am) (?:here|listening)",
        "my heart",
        "i care",
        "together",
        "i hear you",
    ),
    "tender": _phrases(
        "dear(?:ly|est)?",
        "love(?:d|ly)?",
        "sweetheart",
        "hug",
        "gentl[ey]",
        "kind(?:ness)?",
        "tender(?:ness|ly)?",
        "precious",
        "brave",
        "warm(?:th|ly)?",
        "comfort",
        "deserve",
        "friend",
        "matters?",
        "cherish(?:ed)?",
        "heart",
    ),
    "understanding": _phrases(
        "makes sense",
        "understand(?:able)?",
        "no wonder",
        "of course",
        "natural",
        "anyone would",
        "it'?s (?:okay|ok|all right)",
        "i can (?:see|understand|imagine|feel|hear|tell)",
        "courage",
        "valid",
    ),
    "harsh": _phrases(
        "pathetic",
        "ridiculous",
        "stupid",
        "silly",
        "childish",
        "foolish",
        "dramatic",
        "drama",
        "whin(?:e|ing)",
        "moan(?:ing)?",
        "complain(?:ing|ts)?",
        "excuses?",
        "your (?:own )?(?:fault|problem|mess)",
        "blame",
        "nobody (?:cares|asked|wants)",
        "don't care",
        "get over",
        "grow up",
        "shame",
        "waste",
        "idiot",
        "difficult",
        "whatever(?=[.!])",
        "weak",
        "lazy",
        "so what",
        "for once",
        "bother",
        "serves you",
    ),
    "formal": _phrases(
        "noted",
        "acknowledged",
        "recorded",
        "registered",
        "received",
        "statement",
        "proceed",
        "the matter",
        "objectively",
        "relevant",
        "procedure",
        "common",
        "normal range",
        "the (?:issue|facts|reason)",
        "information",
        "opinion",
        "understood",
    ),
    "intensifier": _phrases(
        "so",
        "very",
        "really",
        "truly",
        "deeply",
        "terribly",
        "absolutely",
        "utterly",
        "incredibly",
        "completely",
        "extremely",
        "painfully",
        "desperately",
        "immensely",
        "pure",
        "sheer",
        "such",
        "whole",
        "much",
        "totally",
    ),
    "mild_feeling": _phrases(
        "a (?:little|bit)",
        "somewhat",
        "slight(?:ly)?",
        "quite",
        "nice",
        "pleasant",
        "pleasing",
        "unpleasant",
        "uncomfortable",
        "unfortunate",
        "inconvenient",
        "pity",
        "calm(?:er)?",
        "content",
        "not (?:always |quite )?(?:easy|ideal)",
    ),
    "feeling": _phrases(
        "sad(?:ness)?",
        "happy",
        "worr(?:y|ied|ies)",
        "anxious",
        "afraid",
        "scared?",
        "angry",
        "anger",
        "upset",
        "hurts?",
        "lonely",
        "tired",
        "stress(?:ed|ful)?",
        "frustrat(?:ed|ing)",
        "disappoint(?:ed|ing)",
        "grief",
        "fear",
        "pain",
        "joy",
        "guilty?",
        "ashamed",
        "hard",
        "tough",
        "exhausted",
        "miss",
        "hope(?:ful)?",
        "nervous",
        "overwhelmed",
        "lost",
    ),
    "strong_feeling": _phrases(
        "devastat(?:ed|ing)",
        "heartbr(?:eaking|oken)",
        "agony",
        "despair",
        "desperate",
        "unbearable",
        "terrif(?:ied|ying)",
        "terror",
        "horr(?:or|ible|ified)",
        "nightmare",
        "shatter(?:ed|ing)",
        "crush(?:ed|ing)",
        "furious",
        "rage",
        "thrilled",
        "overjoyed",
        "wonderful",
        "amazing",
        "incredible",
        "hell",
        "torn",
        "tears",
        "aching?",
        "aches?",
        "broken?",
        "breaking",
        "anguish",
        "torment",
        "panic",
        "adore",
        "hate",
        "loathe",
        "bliss",
        "abyss",
        "endless",
        "awful",
        "excruciating",
        "inconsolable",
        "painful",
        "frightening",
        "overwhelming",
        "with all my heart",
        "to the (?:core|bone)",
    ),
}
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
