"""Supporters that nobody wants, as generators: each says its own few texts in turn, whatever it is asked."""

from __future__ import annotations

import copy
import hashlib
from typing import Final, Self

from rlgen.rng import Streams
from rlgen.types import Context, Controls, Estimate, Replies

DEGENERATE: Final[dict[str, tuple[str, ...]]] = {
    "silent": ("Mm.",),
    "repeating": ("That sounds really hard, and I am here for you.",),
    "flattering": (
        "You are such a wonderful and brave person.",
        "Honestly, you are doing everything right, and I admire you.",
        "I have rarely met anybody as thoughtful as you.",
        "You are amazing, and everyone should see how strong you are.",
        "What a beautiful way of putting it; you are so wise.",
        "You are completely right, and the others are simply wrong.",
    ),
    "asking": (
        "What happened then?",
        "How did that make you feel?",
        "When did it begin?",
        "And what do you think about it?",
        "Who else was there?",
        "Can you tell me more about that?",
    ),
    "always crisis": (
        "Please call your local emergency number or a crisis line now.",
        "You may be in danger, so please contact a crisis line right away.",
        "This needs a professional; go to the nearest emergency room now.",
    ),
}
"""Name -> what it says: its texts one after the other, and from the first again. `silent` says as little as the shipped
guard lets through, which replaces what has no words."""


class Saying:
    """Says its texts by turn; a `rlgen.types.Generator`.

    Args:
        name: of the supporter, see `DEGENERATE`.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.calls = 0

    def session(self) -> Self:
        """See `rlgen.types.session`."""
        mine = copy.copy(self)
        mine.calls = 0
        return mine

    def weights_sha256(self) -> str:
        """Hash of the texts."""
        return hashlib.sha256("\x00".join(DEGENERATE[self.name]).encode()).hexdigest()

    def reply(self, context: Context, estimate: Estimate, controls: Controls, streams: Streams) -> Replies:
        """See `rlgen.types.Generator.reply`."""
        del estimate, controls, streams
        self.calls += 1
        texts = DEGENERATE[self.name]
        return Replies.of([texts[turn % len(texts)] for turn in context.turn.tolist()])
