"""Names of encoders, as a config gives them. Nothing is loaded to check one."""

from __future__ import annotations

import re
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from rlgen import artifacts
from rlgen.errors import ConfigError

FAST: Final = "fast"
MINILM: Final = "minilm"
CHOICES: Final = (
    "fast, minilm, either with -bf16, a folder that `python -m recipes.encoder` wrote, or the folder or OWNER/NAME of "
    "a sentence-transformers model"
)
OURS: Final = re.compile(rf"(?P<which>{FAST}|{MINILM})(?P<narrow>-bf16)?")
_OF_THE_HUB: Final = re.compile(r"[\w.-]+/[\w.-]+")


def is_student(choice: str) -> bool:
    """Whether a small encoder of our make lies there: an artifact, not a model of sentence-transformers."""
    return choice.startswith("shipped:") or (Path(choice) / artifacts.MANIFEST).is_file()


def check_choice(choice: str) -> None:
    """Refuse what cannot be an encoder's name.

    Raises:
        ConfigError: neither one of ours, nor a folder, nor a name of the hub's form.
    """
    known = OURS.fullmatch(choice) or _OF_THE_HUB.fullmatch(choice) or is_student(choice)
    if known or (choice and Path(choice).is_dir()):
        return
    alike = get_close_matches(choice, (FAST, MINILM, f"{FAST}-bf16", f"{MINILM}-bf16"), 1)
    meant = f"did you mean {alike[0]!r}? There are" if alike else "there are"
    raise ConfigError(f"no encoder {choice!r}: {meant} {CHOICES}")
