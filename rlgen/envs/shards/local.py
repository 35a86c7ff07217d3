"""Shards in processes of this machine, spoken to by pipes. They end with whoever started them, however that ends."""

from __future__ import annotations

import contextlib
import os
import subprocess
from typing import BinaryIO, Final

from rlgen.envs.shards.shard import Begin, lost
from rlgen.processes import python_process

_LENGTH: Final = 8  # bytes that say how long a message is
_PATIENCE: Final = 5.0  # seconds for a process that is to end


def write_message(pipe: BinaryIO, message: bytes) -> None:
    """Write a message whole."""
    pipe.write(len(message).to_bytes(_LENGTH, "big") + message)
    pipe.flush()


def read_message(pipe: BinaryIO) -> bytes:
    """The next message.

    Raises:
        EOFError: nobody writes any more.
    """
    length = pipe.read(_LENGTH)
    message = pipe.read(int.from_bytes(length, "big")) if len(length) == _LENGTH else b""
    if not message:
        raise EOFError
    return message


class LocalShard:
    """A process of this machine; a `rlgen.envs.shards.Shard`."""

    def __init__(self, name: str, threads: int) -> None:
        self.process = python_process("rlgen.envs.shards.worker", threads)
        self._name = f"{name} (process {self.process.pid})"
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._into: BinaryIO = self.process.stdin  # type: ignore[assignment]
        self._out: BinaryIO = self.process.stdout  # type: ignore[assignment]

    def send(self, message: bytes) -> None:
        """See `Shard.send`."""
        with contextlib.suppress(BrokenPipeError):  # it is dead, which its other end tells
            write_message(self._into, message)

    def receive(self) -> bytes:
        """See `Shard.receive`."""
        try:
            return read_message(self._out)
        except EOFError:
            self.close()
            status = self.process.returncode
            how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
            raise lost(self._name, how) from None

    def close(self) -> None:
        """See `Shard.close`."""
        with contextlib.suppress(BrokenPipeError):
            self._into.close()
        try:
            self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._out.close()


def local_shard(threads: int | None = None) -> Begin:
    """How a `ShardedWorld` starts shards on this machine.

    Args:
        threads: of each; None: the machine's cores are shared out.
    """
    return lambda name, number: LocalShard(name, threads or max(1, (os.cpu_count() or 1) // number))
