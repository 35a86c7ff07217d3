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
    "fast, minilm, fast:DIR, the same with -bf16 after fast or minilm, or the folder or OWNER/NAME of a "
    "sentence-transformers model"
)
_OURS: Final = re.compile(rf"(?P<which>{FAST}|{MINILM})(?P<narrow>-bf16)?(?::(?P<folder>.+))?")
_OF_THE_HUB: Final = re.compile(r"[\w.-]+/[\w.-]+")


def check_choice(choice: str) -> None:
    """Refuse what cannot be an encoder's name.

    Raises:
        ConfigError: neither one of ours, nor a folder, nor a name of the hub's form.
    """
    ours = _OURS.fullmatch(choice)
    if ours is not None and not (ours["which"] == MINILM and ours["folder"]):
        return
    if _OF_THE_HUB.fullmatch(choice) or (choice and Path(choice).is_dir()):
        return
    alike = get_close_matches(choice, (FAST, MINILM, f"{FAST}-bf16", f"{MINILM}-bf16"), 1)
    meant = f"did you mean {alike[0]!r}? There are" if alike else "there are"
    raise ConfigError(f"no encoder {choice!r}: {meant} {CHOICES}")


def encoder_of(choice: str, device: str = "cpu") -> SentenceEncoder:
    """The encoder that a config names.

    Args:
        choice: `"fast"`, the small one, or `"fast:DIR"` for another that `python -m recipes.encoder` wrote;
            `"minilm"`; with `-bf16` after the name in bfloat16 instead of fp32; or any sentence-transformers model by
            name or path.
        device: where to run.

    Raises:
        ArtifactError: its weights are missing or damaged.
        ConfigError: no such choice.
    """
    from rlgen.text.encoding.encoder import SentenceEncoder
    from rlgen.text.encoding.fast_encoder import SHIPPED, FastEncoder

    check_choice(choice)
    ours = _OURS.fullmatch(choice)
    if ours is None:
        return SentenceEncoder(device=device, model=choice)
    dtype: Precision = "bfloat16" if ours["narrow"] else "float32"
    if ours["which"] == FAST:
        return FastEncoder.load(ours["folder"] or SHIPPED, dtype, device)
    return SentenceEncoder(dtype, device)


def encoder_content(choice: str) -> Hashable:
    """What an encoder is made of now, for `rlgen.artifacts.Shared`; args and errors as for `encoder_of`."""
    from rlgen.text.encoding.fast_encoder import KIND, SHIPPED

    check_choice(choice)
    ours = _OURS.fullmatch(choice)
    if ours is None:
        return artifacts.state(Path(choice)) if Path(choice).is_dir() else choice
    return artifacts.content(ours["folder"] or SHIPPED, KIND) if ours["which"] == FAST else MINILM
