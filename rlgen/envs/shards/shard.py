"""What a shard has to offer, wherever it is, and the sentence where it is gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from rlgen.errors import ShardError


class Shard(Protocol):
    """A process elsewhere that answers one message after the other (`rlgen.envs.shards.serving.serve`)."""

    def send(self, message: bytes) -> None:
        """Hand it a message; that it is gone is told by `receive`."""

    def receive(self) -> bytes:
        """Wait for its answer.

        Raises:
            ShardError: it is gone.
        """

    def close(self) -> None:
        """End it, whatever it is at; once more does no harm."""


Begin = Callable[[str, int], Shard]
"""Starts a shard, given what it is called in messages and how many there will be."""


def lost(name: str, how: str) -> ShardError:
    """What to raise of a shard that is gone.

    Args:
        name: of the shard.
        how: what happened to it.
    """
    return ShardError(
        f"{name} {how}, and its dialogues are lost; the same command goes on from the last checkpoint (if memory was "
        "short, with fewer shards or rows)"
    )
