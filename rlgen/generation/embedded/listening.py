"""Listening: bringing a memory up to N dialogues, by reading only what it has not read yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from rlgen.generation.embedded.frozen import Frozen
from rlgen.generation.embedded.memory import Chunk, Memory
from rlgen.generation.embedded.reading import read
from rlgen.generation.embedded.window import Transcriber, pack


class Listener:
    """Keeps a memory of the dialogues of the last call.

    A dialogue that goes on costs its new exchange; one that began anew, or that stands in another
    row than before, is read from its beginning, in the same portions and so to the same bits.

    Args:
        frozen: the weights that read.
        slots: slots that a memory needs for N rows.
        transcriber: texts to ids.
    """

    def __init__(self, frozen: Frozen, slots: Callable[[int], int], transcriber: Transcriber) -> None:
        self._frozen, self._slots, self._transcriber = frozen, slots, transcriber
        self._memory: Memory | None = None
        self._heard: list[list[str]] = []

    @torch.inference_mode()
    def listen(self, dialogues: Sequence[Sequence[str]]) -> Memory:
        """The memory, its first N slots up to N dialogues."""
        rows, frozen = len(dialogues), self._frozen
        if self._memory is None or self._memory.slots < self._slots(rows):
            self._memory = Memory(frozen.shape, self._slots(rows), frozen.device, frozen.dtype)
            self._heard = [[] for _ in range(self._memory.slots)]
        memory = self._memory
        goes_on = [
            0 < len(heard) < len(texts) and (len(texts) - len(heard)) % 2 == 0 and heard == list(texts[: len(heard)])
            for heard, texts in zip(self._heard, dialogues, strict=False)
        ]
        anew = np.flatnonzero(~np.array(goes_on))
        if len(anew):
            memory.forget(anew)
        fresh = [
            list(texts[len(heard) :] if on else texts)
            for on, heard, texts in zip(goes_on, self._heard, dialogues, strict=False)
        ]
        waiting = self._transcriber.exchanges(fresh)
        self._heard[:rows] = [[] for _ in dialogues]  # until all is read: a call that breaks off is not believed
        for portion in range(max(map(len, waiting))):
            left = [row for row, exchanges in enumerate(waiting) if len(exchanges) > portion]
            ids, lengths, replied = pack([waiting[row][portion] for row in left])
            read(frozen, memory, Chunk(np.array(left), ids, lengths, replied))
        self._heard[:rows] = [list(texts) for texts in dialogues]
        return memory
