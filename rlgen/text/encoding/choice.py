"""The encoder that a config names. Nothing is loaded to check a name."""

from __future__ import annotations

import re
from collections.abc import Hashable
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rlgen import artifacts
from rlgen.errors import ConfigError

if TYPE_CHECKING:
    from rlgen.text.encoding.encoder import Precision, SentenceEncoder

FAST: Final = "fast"
MINILM: Final = "minilm"
CHOICES: Final = (
    "fast, minilm, either with -bf16, a folder that `python -m recipes.encoder` wrote, or the folder or OWNER/NAME of "
    "a sentence-transformers model"
)
_OURS: Final = re.compile(rf"(?P<which>{FAST}|{MINILM})(?P<narrow>-bf16)?")
_OF_THE_HUB: Final = re.compile(r"[\w.-]+/[\w.-]+")


def _is_student(choice: str) -> bool:
    """Whether a small encoder of our make lies there: an artifact, not a model of sentence-transformers."""
    return choice.startswith("shipped:") or (Path(choice) / artifacts.MANIFEST).is_file()


def check_choice(choice: str) -> None:
    """Refuse what cannot be an encoder's name.

    Raises:
        ConfigError: neither one of ours, nor a folder, nor a name of the hub's form.
    """
    known = _OURS.fullmatch(choice) or _OF_THE_HUB.fullmatch(choice) or _is_student(choice)
    if known or (choice and Path(choice).is_dir()):
        return
    alike = get_close_matches(choice, (FAST, MINILM, f"{FAST}-bf16", f"{MINILM}-bf16"), 1)
    meant = f"did you mean {alike[0]!r}? There are" if alike else "there are"
    raise ConfigError(f"no encoder {choice!r}: {meant} {CHOICES}")


def encoder_of(choice: str, device: str = "cpu") -> SentenceEncoder:
    """The encoder that a config names.

    Args:
        choice: `"fast"`, the small one, or `"minilm"`, in fp32 or with `-bf16` after the name; the folder of another
            small one; or any sentence-transformers model by name or path.
        device: where to run.

    Raises:
        ArtifactError: its weights are missing or damaged.
        ConfigError: no such choice.
    """
    from rlgen.text.encoding.encoder import SentenceEncoder
    from rlgen.text.encoding.fast_encoder import SHIPPED, FastEncoder

    check_choice(choice)
    ours = _OURS.fullmatch(choice)
    dtype: Precision = "bfloat16" if ours is not None and ours["narrow"] else "float32"
    if ours is None:
        return (
            FastEncoder.load(choice, dtype, device) if _is_student(choice) else SentenceEncoder(dtype, device, choice)
        )
    return FastEncoder.load(SHIPPED, dtype, device) if ours["which"] == FAST else SentenceEncoder(dtype, device)


def encoder_content(choice: str) -> Hashable:
    """What an encoder is made of now, for `rlgen.artifacts.Shared`; args and errors as for `encoder_of`."""
    from rlgen.text.encoding.fast_encoder import KIND, SHIPPED

    check_choice(choice)
    ours = _OURS.fullmatch(choice)
    if ours is not None:
        return artifacts.content(SHIPPED, KIND) if ours["which"] == FAST else MINILM
    if _is_student(choice):
        return artifacts.content(choice, KIND)
    return artifacts.state(Path(choice)) if Path(choice).is_dir() else choice
