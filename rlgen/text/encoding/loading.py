"""The encoder that a config names, loaded."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path

from rlgen import artifacts
from rlgen.text.encoding.choice import FAST, MINILM, OURS, check_choice, is_student
from rlgen.text.encoding.encoder import Precision, SentenceEncoder
from rlgen.text.encoding.fast_encoder import KIND, SHIPPED, FastEncoder


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
    check_choice(choice)
    ours = OURS.fullmatch(choice)
    dtype: Precision = "bfloat16" if ours is not None and ours["narrow"] else "float32"
    if ours is None:
        return FastEncoder.load(choice, dtype, device) if is_student(choice) else SentenceEncoder(dtype, device, choice)
    return FastEncoder.load(SHIPPED, dtype, device) if ours["which"] == FAST else SentenceEncoder(dtype, device)


def encoder_content(choice: str) -> Hashable:
    """What an encoder is made of now, for `rlgen.artifacts.Shared`; args and errors as for `encoder_of`."""
    check_choice(choice)
    ours = OURS.fullmatch(choice)
    if ours is not None:
        return artifacts.content(SHIPPED, KIND) if ours["which"] == FAST else MINILM
    if is_student(choice):
        return artifacts.content(choice, KIND)
    return artifacts.state(Path(choice)) if Path(choice).is_dir() else choice
