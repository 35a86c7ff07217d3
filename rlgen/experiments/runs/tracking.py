"""Where metrics go: JSON lines are the truth; TensorBoard and W&B (`weights_and_biases`) are views of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

WandbMode = Literal["off", "offline", "online"]


class Sink(Protocol):
    """Takes one record of numbers per iteration."""

    def write(self, record: Mapping[str, Any]) -> None:
        """Take a record; it has `"step"`, numbers, and mappings of numbers."""

    def close(self) -> None:
        """The training is over, done or not: flush and let go."""


def flat(record: Mapping[str, Any]) -> dict[str, float]:
    """Numbers by slash-separated name, without None and without the step."""
    numbers: dict[str, float] = {}
    for name, value in record.items():
        if isinstance(value, Mapping):
            numbers.update({f"{name}/{inner}": number for inner, number in flat(value).items()})
        elif name != "step" and isinstance(value, int | float):
            numbers[name] = float(value)
    return numbers


class JsonLines:
    """One line per record, flushed at once."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")

    def write(self, record: Mapping[str, Any]) -> None:
        """Append a line."""
        self._file.write(json.dumps(record) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class TensorBoard:
    """Scalars in `folder` for `tensorboard --logdir`.

    Args:
        folder: where the event files go.
        resumed_at: step from which earlier events are void, after a resume.
    """

    def __init__(self, folder: Path, resumed_at: int | None = None) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer: Any = SummaryWriter(str(folder), purge_step=resumed_at)

    def write(self, record: Mapping[str, Any]) -> None:
        """Add a scalar for each number."""
        for name, value in flat(record).items():
            self._writer.add_scalar(name, value, record["step"])

    def close(self) -> None:
        """Flush."""
        self._writer.close()
