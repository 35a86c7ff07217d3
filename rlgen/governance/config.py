"""What can be set on the guard."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class GuardConfig(BaseModel):
    """The output guard's config.

    Attributes:
        patterns: YAML file of rules; None for the shipped one. `docs/governance.md` shows its layout.
        off: rules that are switched off, by name; every other rule is on.
        replacement: what is said in place of a reply that is not let through; None for the file's.
        max_chars: a longer reply is not scanned but replaced.
        keep_text: whether the audit log keeps the texts themselves; by default only salted hashes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    patterns: Path | None = Field(None, description="YAML file of rules; none for the shipped one")
    off: tuple[str, ...] = Field((), description="rules that are switched off, by name")
    replacement: str | None = Field(None, min_length=1, description="said in place of a refused reply")
    max_chars: int = Field(2000, ge=1, description="a longer reply is replaced unread")
    keep_text: bool = Field(False, description="keep texts in the audit log, not only salted hashes")
