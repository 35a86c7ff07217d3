"""Writing a figure to the file that an option names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rlgen.files import whole

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure


def save_png(figure: Figure, file: Path) -> None:
    """Write a PNG, whole or not at all, whatever the ending of its name.

    Raises:
        DataError: it cannot be written there.
    """
    with whole(file) as place:
        figure.savefig(place, dpi=120, format="png")
