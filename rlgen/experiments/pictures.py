"""Writing a figure to the file that an option names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rlgen.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure


def save_png(figure: Figure, file: Path, option: str) -> None:
    """Write a PNG.

    Args:
        figure: the picture.
        file: where to.
        option: name of the option that named the file, for the message.

    Raises:
        ConfigError: it cannot be written there.
    """
    try:
        figure.savefig(file, dpi=110, format="png")
    except OSError as error:
        raise ConfigError(
            f"{option} was {str(file)!r}: cannot be written ({error.strerror}); choose another file"
        ) from error
