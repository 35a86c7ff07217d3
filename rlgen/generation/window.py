"""From dialogue windows to prompts: ids of the last turns, cut at turn boundaries."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rlgen.generation.tokenizer import PERSON, SUPPORTER, Tokenizer, clean

# Last texts of a dialogue that are looked at: the person's three and the replies between them.
LAST_TEXTS: Final = 5
_CACHED_TEXTS: Final = 16_384


class Prompter:
    """Turns windows of texts into prompts of at most `length` ids.

    A prompt is `<person> ... <supporter> ... <person> ...`: the newest turns that fit whole.
    The newest alone is cut where it does not fit, and keeps its end. The token that opens
    the reply is not part of it: the decoder puts it in, conditioned.
    """

    def __init__(self, tokenizer: Tokenizer, length: int) -> None:
        self._tokenizer = tokenizer
        self._length = length
        self._known: OrderedDict[str, list[int]] = OrderedDict()

    def _learn(self, texts: Iterable[str]) -> None:
        """Encode the texts that are not known yet, in one call."""
        new = list({text: None for text in texts if text not in self._known})
        if new:
            self._known.update(zip(new, self._tokenizer.encode([clean(t) for t in new]), strict=True))

    def prompts(self, windows: Sequence[Sequence[str]]) -> list[list[int]]:
        """Ids of each window, 1 to `length` of them.

        Args:
            windows: texts, oldest first, person and supporter in turn, the person last. An empty
                window is that of a person who has said nothing yet.
        """
        recent = [window[-LAST_TEXTS:] for window in windows]
        self._learn(text for window in recent for text in window)
        made = [self._prompt(window) for window in recent]
        while len(self._known) > _CACHED_TEXTS:
            self._known.popitem(last=False)
        return made

    def _prompt(self, window: Sequence[str]) -> list[int]:
        known = self._known
        turns: list[list[int]] = []
        room, speaker = self._length, PERSON
        for text in reversed(window):
            ids = known[text]
            known.move_to_end(text)
            if len(ids) >= room:
                if not turns:
                    turns.append([speaker, *ids[len(ids) - room + 1 :]])
                break
            turns.append([speaker, *ids])
            room -= len(ids) + 1
            speaker = SUPPORTER if speaker == PERSON else PERSON
        return [i for turn in reversed(turns) for i in turn] or [PERSON]


def pack(prompts: Sequence[Sequence[int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All prompts end to end.

    Returns:
        Ids `[T]` and lengths `[N]`.
    """
    lengths = np.fromiter(map(len, prompts), dtype=np.int64, count=len(prompts))
    flat = np.fromiter((i for prompt in prompts for i in prompt), dtype=np.int64, count=int(lengths.sum()))
    return flat, lengths
