"""The frozen sentence encoder: texts to unit vectors, one forward pass per batch."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Sequence
from typing import Any, Final, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray

from rlgen.artifacts import code_sha256
from rlgen.errors import ArtifactError, ConfigError
from rlgen.locks import OneThread
from rlgen.text.encoding.choice import MINILM
from rlgen.text.encoding.minilm import WIDTH, MiniLM
from rlgen.text.encoding.wordpieces import WEIGHTS_SHA256, verified_weights, word_pieces

DIM: Final = WIDTH
CHUNK: Final = 2048  # texts per forward pass
Precision = Literal["float32", "bfloat16"]


def check_precision(dtype: str) -> None:
    """Refuse what is no precision.

    Raises:
        ConfigError: `dtype` is neither.
    """
    if dtype not in ("float32", "bfloat16"):
        raise ConfigError(f"encoder dtype was {dtype!r}; use 'float32' or 'bfloat16'")


class SentenceEncoder:
    """Sentences to the unit sphere, frozen.

    The default is all-MiniLM-L6-v2 (sentence-transformers; Apache-2.0), whose weights are checked
    against the published hash. A text's vector does not depend on the texts beside it, but for the last digits on
    processors whose matrix products round otherwise where there are more rows; `FastEncoder`'s does not at all.

    Args:
        dtype: `"float32"` is the same on every machine but for the last digits; `"bfloat16"` is about three times
            as fast where the processor multiplies it natively, and far slower elsewhere. Its vectors have a cosine
            above .999 to the others.
        device: `"cpu"` or `"cuda"`.
        model: any sentence-transformers model by name or path instead; needs readers fitted to it.

    Attributes:
        calls: forward passes so far.
        dim: length of a vector.
        name: that a config gives it, whatever its precision: `"minilm"`, or the model's own name or path.
        dtype: `"float32"` or `"bfloat16"`.
        device: the kind of device, e.g. `"cpu"`.
        source_sha256: hash of the weights as they were published, the same for both precisions.

    Raises:
        ArtifactError: the model is missing or its weights are not the published ones.
        ConfigError: `dtype` is neither of the two.
    """

    def __init__(self, dtype: Precision = "float32", device: str = "cpu", model: str | None = None) -> None:
        where = torch.device(device)
        check_precision(dtype)
        self.dtype: str = dtype
        self.device: str = where.type
        self.calls = 0
        self.name = model or MINILM
        self._own: MiniLM | None = None
        self._other: Any = None
        self._alone = OneThread()
        if model is None:
            self._own = MiniLM(verified_weights(), getattr(torch, dtype), where)
            self.dim = DIM
            self.source_sha256 = WEIGHTS_SHA256
        else:
            self._other = _sentence_transformer(model, device)
            self.dim = int(self._other.get_sentence_embedding_dimension())
            self.source_sha256 = self.weights_sha256()
            self._other = self._other.to(getattr(torch, dtype))

    @property
    def identity(self) -> str:
        """All that its vectors depend on, for the keys of tables that are kept."""
        code = code_sha256(
            __name__, "rlgen.text.encoding.minilm", "rlgen.text.encoding.packing", "rlgen.text.encoding.wordpieces"
        )
        return f"{self.source_sha256}:{self.dtype}:{self.device}:{code}"

    def weights_sha256(self) -> str:
        """Hash of the weights as they are in memory now (it differs between precisions)."""
        if self._own is not None:
            return self._own.sha256()
        digest = hashlib.sha256()
        digest.update(repr(self._other).encode())  # how it pools and normalises
        for name, tensor in sorted(self._other.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.detach().contiguous().view(torch.uint8).cpu().numpy().tobytes())
        return digest.hexdigest()

    def session(self) -> Self:
        """The same frozen weights with a count of calls of its own: what one world uses."""
        mine = copy.copy(self)
        mine.calls = 0
        return mine

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors `[N, dim]`; one forward pass for up to `CHUNK` texts.

        Texts are read up to 128 word pieces. An empty text has a vector too, that of nothing said.
        """
        if not len(texts):
            return np.zeros((0, self.dim), dtype=np.float32)
        parts = []
        for start in range(0, len(texts), CHUNK):
            part = list(texts[start : start + CHUNK])
            self.calls += 1
            if self._own is not None:
                parts.append(self._own.embed(word_pieces().lists(part)))
            else:
                with self._alone:  # its tokenizer is set up anew for every call
                    vectors = self._other.encode(part, normalize_embeddings=True, show_progress_bar=False)
                parts.append(np.asarray(vectors, dtype=np.float32))
        return np.concatenate(parts) if len(parts) > 1 else parts[0]


def _sentence_transformer(model: str, device: str) -> Any:
    from sentence_transformers import SentenceTransformer

    try:
        found = SentenceTransformer(model, device=device)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:160]
        raise ArtifactError(
            f"encoder {model}: no sentence-transformers model there ({reason}); check name or path"
        ) from error
    return found.float().eval().requires_grad_(False)
