"""From dialogues to what a decoder reads: exchanges of ids, and which of them it has read before."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rlgen.generation.embedded.model import Shape
from rlgen.generation.embedded.tokenizer import PERSON, SUPPORTER, Tokenizer
from rlgen.text.plain import clean

_CACHED_TEXTS: Final = 16_384
_LOG: Final = logging.getLogger(__name__)


def longest_reply(shape: Shape) -> int:
    """Ids of a reply that are read. A third more than are said: a text may be split up otherwise than it was made."""
    return shape.reply + shape.reply // 3


def longest_utterance(shape: Shape) -> int:
    """Ids of an utterance that are read: with a reply and the opening tokens before it, they fill the window."""
    return shape.prompt - longest_reply(shape) - 2


@dataclass(frozen=True)
class Exchange:
    """An utterance and the reply before it as ids, opening tokens included; the first `replied` are the reply's."""

    ids: list[int]
    replied: int


class ContextTokenizer:
    """Turns texts into exchanges.

    An exchange is `<supporter> ... <person> ...`, the first of a dialogue only `<person> ...`. Of an
    overlong text the end is kept, and a line is logged the first time. The token that opens the
    next reply is not part of it: the decoder puts it in, conditioned.
    """

    def __init__(self, tokenizer: Tokenizer, shape: Shape) -> None:
        self._tokenizer = tokenizer
        self._longest = {PERSON: longest_utterance(shape), SUPPORTER: longest_reply(shape)}
        self._known: OrderedDict[str, list[int]] = OrderedDict()
        self._told = False

    def exchanges(self, dialogues: Sequence[Sequence[str]]) -> list[list[Exchange]]:
        """The exchanges of each dialogue, oldest first.

        Args:
            dialogues: texts, oldest first, person and supporter in turn, the person last. An empty
                one is that of a person who has said nothing yet.
        """
        self._learn(text for dialogue in dialogues for text in dialogue)
        made = [self._exchanges(dialogue) for dialogue in dialogues]
        while len(self._known) > _CACHED_TEXTS:
            self._known.popitem(last=False)
        return made

    def _learn(self, texts: Iterable[str]) -> None:
        """Encode the texts that are not known yet, in one call."""
        new = list({text: None for text in texts if text not in self._known})
        if new:
            self._known.update(zip(new, self._tokenizer.encode([clean(t) for t in new]), strict=True))

    def _exchanges(self, dialogue: Sequence[str]) -> list[Exchange]:
        texts = list(dialogue) or [""]
        first = 1 if len(texts) % 2 else 2  # of an even number the oldest is a reply
        starts = [0, *range(first, len(texts), 2)]
        return [self._exchange(texts[a:b]) for a, b in zip(starts, [*starts[1:], len(texts)], strict=True)]

    def _exchange(self, texts: Sequence[str]) -> Exchange:
        said = [PERSON, *self._ids(texts[-1], PERSON)]
        if len(texts) == 1:
            return Exchange(said, 0)
        reply = [SUPPORTER, *self._ids(texts[0], SUPPORTER)]
        return Exchange(reply + said, len(reply))

    def _ids(self, text: str, speaker: int) -> list[int]:
        ids = self._known.get(text, [])  # unknown only where an empty dialogue was filled up
        if text in self._known:
            self._known.move_to_end(text)
        longest = self._longest[speaker]
        if len(ids) <= longest:
            return ids
        if not self._told:
            self._told = True
            _LOG.warning("a text of %d tokens is read from its last %d on; this is told once", len(ids), longest)
        return ids[len(ids) - longest :]


def pack(exchanges: Sequence[Exchange]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """All exchanges end to end.

    Returns:
        Ids `[T]`, lengths `[N]` and ids that belong to the reply `[N]`.
    """
    lengths = np.fromiter((len(e.ids) for e in exchanges), dtype=np.int64, count=len(exchanges))
    flat = np.fromiter((i for e in exchanges for i in e.ids), dtype=np.int64, count=int(lengths.sum()))
    return flat, lengths, np.fromiter((e.replied for e in exchanges), dtype=np.int64, count=len(exchanges))
