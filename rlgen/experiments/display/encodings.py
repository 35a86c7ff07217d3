"""Standard output in any encoding: what it lacks is shown by a plain character, and never stops a command."""

from __future__ import annotations

import codecs
import sys
from typing import Final

_NAME: Final = "rlgen.plain"
# Plain characters for those of our pictures, bars and tables; everything else becomes a question mark.
_PLAIN: Final = {
    **dict.fromkeys("█▉▊▋▌▍▎▏▇▆▅▄▃▂▁■▪", "#"),
    **dict.fromkeys("─━═╌┄–—−‐‑", "-"),
    **dict.fromkeys("│┃║", "|"),
    **dict.fromkeys("┼╋┌┐└┘├┤┬┴╭╮╰╯┏┓┗┛┡┩╇╈╪", "+"),
    **dict.fromkeys("●•∙·", "o"),
    **dict.fromkeys("‘’‚´", "'"),
    **dict.fromkeys("“”„", '"'),
    "±": "+-", "×": "x", "…": "...", "→": "->", "≥": ">=", "≤": "<=", "≈": "~", "²": "2", "³": "3", "\u00a0": " ",
}  # fmt: skip


def _plain(error: UnicodeError) -> tuple[str, int]:
    """Stand-ins for the characters that an encoding lacks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    return "".join(_PLAIN.get(character, "?") for character in lost), error.end


def take_any_text() -> None:
    """Let standard output and standard error print any text, whatever their encoding and whatever a file is named."""
    codecs.register_error(_NAME, _plain)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)  # streams that others put there may have none
        if reconfigure is not None:
            reconfigure(errors=_NAME)
