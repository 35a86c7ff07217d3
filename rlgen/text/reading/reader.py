"""What a text is perceived as, from its words alone: the one reading that people and rewards share."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from rlgen import artifacts
from rlgen.affect import NUM_CATEGORIES
from rlgen.artifacts.progress import shown
from rlgen.errors import ArtifactError
from rlgen.seams import is_own, own_fault, refused
from rlgen.text.encoding.encoder import SentenceEncoder
from rlgen.text.encoding.loading import encoder_of
from rlgen.text.reading import lexical, tables
from rlgen.text.reading.fluency import Fluency
from rlgen.text.reading.heads import Features, Head, sigmoid, softmax
from rlgen.text.reading.relevance import Heard, Relevance
from rlgen.text.reading.repetition import repetition
from rlgen.types import Reading, array_fault, session

KIND: Final = "readers/3"
PART: Final = 256  # texts of a bank that are encoded in one pass
SHIPPED: Final = ("shipped:readers", "shipped:readers_minilm")  # those of the encoders `fast` and `minilm`
_CODE: Final = (
    "rlgen.text.reading.heads",
    "rlgen.text.reading.lexical",
    "rlgen.text.reading.relevance",
    "rlgen.text.reading.repetition",
    "rlgen.text.reading.fluency",
    "rlgen.text.encoding.piece_vectors",
)
F32 = NDArray[np.float32]
Progress = Callable[[Sequence[int]], Iterable[int]]
"""Wraps the parts of a long loop, as `iter` does."""


class Reader:
    """Heads over one encoder.

    Args:
        encoder: the encoder that the heads were fitted on.
        arrays: their weights by name.

    Attributes:
        encoder: as given.
        sha256: hash of the weights as they were given.
        fluency: the part that needs no encoder.
        relevance: the part that hears two sides.
    """

    def __init__(self, encoder: SentenceEncoder, arrays: Mapping[str, NDArray[Any]]) -> None:
        self.encoder = encoder
        self.sha256 = artifacts.tensors_sha256(arrays)
        self._affect = Head.from_arrays(arrays, "affect")
        self._plane = Head.from_arrays(arrays, "plane")
        self._empathy = Head.from_arrays(arrays, "empathy")
        self._tone = Head.from_arrays(arrays, "tone")
        self.relevance = Relevance(arrays)
        self.fluency = Fluency.from_arrays(arrays)

    @classmethod
    def load(cls, source: str | Path | None = None, encoder: SentenceEncoder | None = None) -> Reader:
        """Load a readers artifact.

        Args:
            source: `"shipped:readers"` or the folder of readers of one's own; None for those that are shipped for the
                encoder.
            encoder: must be the model that the heads were fitted on, in either precision; None for the one that
                their manifest names.

        Raises:
            ArtifactError: missing, damaged, or fitted on another encoder.
        """
        if source is None:
            source = SHIPPED[0] if encoder is None else _shipped_for(encoder)
        encoder, arrays = load_heads(source, KIND, encoder)
        return cls(encoder, arrays)

    def session(self) -> Self:
        """The same frozen heads, with an encoder that counts for itself: what one world uses."""
        mine = copy.copy(self)
        mine.encoder = session(self.encoder)
        return mine

    def weights_sha256(self) -> str:
        """Hash of the weights as they are in memory now."""
        heads = {"affect": self._affect, "plane": self._plane, "empathy": self._empathy, "tone": self._tone}
        arrays = {f"{of}.{name}": getattr(head, name) for of, head in heads.items() for name in Head.NAMES}
        arrays |= {f"fluency.{name}": tensor.numpy() for name, tensor in self.fluency.net.state_dict().items()}
        arrays |= {"fluency.table": self.fluency.table.numpy(), **self.relevance.arrays()}
        return artifacts.tensors_sha256(arrays)

    @property
    def identity(self) -> str:
        """All that its readings depend on besides the texts, for the keys of tables that are kept."""
        code = artifacts.code_sha256(__name__, *_CODE)
        return f"{self.sha256}:{self.encoder.identity}:{code}:{lexical.LISTS_SHA256}"

    def read(self, text: Sequence[str], heard: Heard, earlier: Sequence[Sequence[str]]) -> tuple[Reading, F32]:
        """Read N texts with one encoder call.

        Args:
            text: N texts.
            heard: what they answer.
            earlier: for each text, the same speaker's earlier turns.

        Returns:
            The reading, and the texts' embeddings `[N, 384]`.
        """
        embedding = self._embedded(text)
        relevance = self.relevance.score(text, embedding, heard)
        return self._reading(text, embedding, relevance, repetition(text, earlier)), embedding

    def read_catalogue(self, texts: Sequence[str], progress: Progress | None = None) -> tuple[Reading, F32]:
        """Read a finite bank of texts; they answer nothing and repeat nothing: relevance is 1, repetition 0.

        What the package's readers make of its own bank comes with it (`python -m recipes.tables`). Other texts and
        readers are worked on once; that table is kept in the cache folder.

        Args:
            texts: the bank.
            progress: gets the parts of it that are encoded in one pass each, where no table is there yet; without
                it, long work is told on standard error.
        """
        found = tables.find(texts, self.sha256, self.encoder.source_sha256) if self.encoder.dtype == "float32" else None
        if found is None or not found[0].any():
            table = self._kept(texts, progress)
        elif found[0].all():
            table = found[1]
        else:
            known, of_known = found
            of_others = self._kept(
                [text for text, is_known in zip(texts, known, strict=True) if not is_known], progress
            )
            place = np.argsort(np.concatenate([np.flatnonzero(known), np.flatnonzero(~known)]))
            table = {name: np.concatenate([of_known[name], of_others[name]])[place] for name in of_known}
        return Reading(**{f.name: table[f.name] for f in fields(Reading)}), table["embedding"]

    def read_afresh(self, texts: Sequence[str], progress: Progress | None = None) -> dict[str, NDArray[Any]]:
        """What `read_catalogue` finds where no table is kept: `embedding` `[N, dim]` and the fields of `Reading`."""
        rows = len(texts)
        starts = range(0, rows, PART) or range(1)  # no text at all is encoded too, for the shape
        parts = (
            shown(starts, f"reading {rows} utterances with {self.encoder.name}")
            if progress is None
            else progress(starts)
        )
        embedding = np.concatenate([self._embedded(texts[i : i + PART]) for i in parts])
        ones, zeros = np.ones(rows, dtype=np.float32), np.zeros(rows, dtype=np.float32)
        reading = self._reading(texts, embedding, ones, zeros)
        return {"embedding": embedding, **{f.name: getattr(reading, f.name) for f in fields(reading)}}

    def _kept(self, texts: Sequence[str], progress: Progress | None) -> dict[str, NDArray[Any]]:
        digest = hashlib.sha256("\x00".join(texts).encode()).hexdigest()
        key = hashlib.sha256(f"{self.identity}:{digest}".encode()).hexdigest()[:32]
        return artifacts.cached(f"reading-{key}", lambda: self.read_afresh(texts, progress))

    def _embedded(self, texts: Sequence[str]) -> F32:
        with own_fault("encoder", self.encoder):
            embedding = self.encoder.encode(texts)
        shape = len(texts), self.encoder.dim
        if is_own(self.encoder) and (wrong := array_fault("embedding", embedding, "F32", shape)):
            raise refused("encoder", self.encoder, wrong)
        return embedding

    def _reading(self, texts: Sequence[str], embedding: F32, relevance: F32, repeated: F32) -> Reading:
        features = Features.of(texts, embedding)
        tone = self._tone.scores(features)
        return Reading(
            affect=read_affect(self._affect, self._plane, features),
            empathy=expected_levels(self._empathy.scores(features)),
            warmth=np.clip(tone[:, 0], -1.0, 1.0),
            directiveness=np.clip(tone[:, 1], -1.0, 1.0),
            intensity=np.clip(tone[:, 2], 0.0, 1.0),
            question=np.array([lexical.asks(text) for text in texts], dtype=np.float32),
            relevance=relevance,
            repetition=repeated,
            fluency=self.fluency.score(texts),
        )


def _shipped_for(encoder: SentenceEncoder) -> str:
    for source in SHIPPED:
        if _fitted_on(artifacts.load(source, KIND))[1] == encoder.source_sha256:
            return source
    raise ArtifactError(
        f"no readers are shipped for the encoder {encoder.name!r}; name readers that are fitted on it (docs/readers.md)"
    )


def _fitted_on(artifact: artifacts.Artifact) -> tuple[str, str]:
    """Name and published hash of the encoder that heads were fitted on."""
    settings = artifact.manifest.settings
    return str(settings.get("encoder")), str(settings.get("encoder_sha256"))


def load_heads(
    source: str | Path, kind: str, encoder: SentenceEncoder | None
) -> tuple[SentenceEncoder, dict[str, NDArray[Any]]]:
    """The encoder and the weights of an artifact of heads; without an encoder, the one that its manifest names.

    Raises:
        ArtifactError: missing, damaged, of another kind, or fitted on another encoder.
    """
    artifact = artifacts.load(source, kind)
    name, sha256 = _fitted_on(artifact)
    if encoder is None:
        encoder = encoder_of(name)
    if sha256 != encoder.source_sha256:
        raise ArtifactError(
            f"{artifact.path}: fitted on the encoder {name} ({sha256[:8]}), and this is {encoder.name} "
            f"({encoder.source_sha256[:8]}); use --encoder {name}, or heads fitted on this one (docs/readers.md)"
        )
    try:
        with np.load(artifact.file("heads.npz"), allow_pickle=False) as stored:
            return encoder, {of: stored[of] for of in stored.files}
    except (OSError, ValueError, KeyError) as error:
        raise ArtifactError(
            f"{artifact.path}/heads.npz: cannot be read; rebuild: {artifact.manifest.command}"
        ) from error


def read_affect(categories: Head, plane: Head, features: Features) -> F32:
    """Affect `[N, 8]` from a head for categories and one for valence and arousal."""
    affect = np.empty((len(features), NUM_CATEGORIES + 2), dtype=np.float32)
    affect[:, :NUM_CATEGORIES] = softmax(categories.scores(features))
    affect[:, NUM_CATEGORIES:] = np.tanh(plane.scores(features))
    return affect


def expected_levels(scores: F32) -> F32:
    """Expected level over 2, `[N, m]` in [0, 1], from cumulative logits `[N, 2m]` (`recipes.readers.linear`)."""
    half = scores.shape[1] // 2
    at_least_one = sigmoid(scores[:, :half])
    both = at_least_one + np.minimum(sigmoid(scores[:, half:]), at_least_one)
    return np.asarray(both / 2, dtype=np.float32)
