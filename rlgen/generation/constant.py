"""A generator that always says the same thing: the null hypothesis of every control."""

from __future__ import annotations

import copy
import hashlib
from typing import Self

import numpy as np

from rlgen.generation.controls import check
from rlgen.rng import Streams
from rlgen.types import Context, Controls, Estimate, Replies


class ConstantGenerator:
    """Answers every utterance with one text, whatever the controls.

    Attributes:
        calls: batched calls of this session so far.
    """

    def __init__(self, text: str) -> None:
        """Args: text: what it says; its ids are the text's UTF-8 bytes."""
        self.text = text
        self.calls = 0
        self._ids = np.frombuffer(text.encode("utf-8"), dtype=np.uint8).astype(np.int64)

    def session(self) -> Self:
        """The same text with a count of calls of its own: what one world uses."""
        mine = copy.copy(self)
        mine.calls = 0
        return mine

    def weights_sha256(self) -> str:
        """Hash of what is frozen: the text."""
        return hashlib.sha256(self.text.encode("utf-8")).hexdigest()

    def reply(self, context: Context, estimate: Estimate, controls: Controls, streams: Streams) -> Replies:
        """The text for each of N rows, with log-probability 0.

        Raises:
            ActionError: as the embedded generator does.
        """
        rows = len(context.texts)
        check(controls, estimate, rows)
        self.calls += 1
        return Replies(
            ids=np.tile(self._ids, (rows, 1)),
            text=[self.text] * rows,
            logprob=np.zeros(rows, dtype=np.float32),
        )
