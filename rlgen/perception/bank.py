"""Banks of signals: the finite set of recorded or synthesised turns that people express themselves with."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from rlgen import artifacts
from rlgen.affect import NUM_CATEGORIES
from rlgen.artifacts import Manifest
from rlgen.errors import ArtifactError, DataError
from rlgen.perception.features import check_signals, extract, stack
from rlgen.perception.synthesis import Cohort
from rlgen.types import F32, I64, MODALITIES, SegmentCatalogue, Signals

KIND: Final = "signal_bank/1"
SHIPPED_SEED: Final = 2026
SHIPPED_ACTORS: Final = 24
_TENSORS, _CLIPS = "signals.safetensors", "clips.json"
_LABELS: Final = ("actor", "category", "intensity", "valence", "arousal")

BankKind = Literal["synthetic", "ravdess"]
Progress = Callable[[Sequence[Any]], Any]
"""Wraps the items of a long loop, as `iter` does."""


@dataclass(frozen=True)
class SignalBank:
    """S turns: features for recognizers, labels for people.

    Attributes:
        signals: features, float32 and read-only, `[S, T, D]` each.
        catalogue: labels `[S]`; all that people may know.
        kind: `"synthetic"` or `"ravdess"`.
        cohort: who the actors are, e.g. `"synthetic/2026"`; an actor's number means the same
            person in every bank of a cohort, so that a recognizer can be kept from rating people
            whom it was trained on.
        description: one or two sentences for a person; says whether anybody was recorded.
        clips: S names, of files or of synthetic performances.
        settings: what re-synthesis needs.
        recordings: of a recorded bank the folder that it was built from, for raw sound; banks do not keep paths.
    """

    signals: Signals
    catalogue: SegmentCatalogue
    kind: BankKind
    cohort: str
    description: str
    clips: list[str]
    settings: dict[str, Any]
    recordings: Path | None = None

    def __len__(self) -> int:
        return len(self.catalogue)

    @cached_property
    def sha256(self) -> str:
        """Hash of features and labels."""
        return artifacts.tensors_sha256(self._tensors())

    def _tensors(self) -> dict[str, NDArray[Any]]:
        tensors: dict[str, NDArray[Any]] = {name: getattr(self.signals, name).astype(np.float16) for name in MODALITIES}
        tensors["present"] = self.signals.present.astype(np.uint8)
        tensors |= {name: getattr(self.catalogue, name) for name in _LABELS}
        return {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}  # safetensors ignores strides

    def rows(self, index: I64) -> SignalBank:
        """The bank of some segments."""
        clips = [self.clips[i] for i in index.tolist()]
        return replace(self, signals=self.signals.rows(index), catalogue=self.catalogue.rows(index), clips=clips)

    def waveform(self, segment: int) -> F32:
        """Raw speech of a segment: re-synthesised from its seeds (some 15 ms), or read from the recordings.

        Args:
            segment: index into the bank.

        Returns:
            `[samples]` at `rlgen.types.SPEECH_RATE`.

        Raises:
            DataError: the bank is of recordings and does not know their folder.
            SignalError: a recording cannot be used.
        """
        clip = self.clips[segment]
        if self.kind == "synthetic":
            cohort = Cohort(self.settings["seed"], self.settings["actors"])
            return cohort.waveform(next(played for played in cohort.performances() if played.name == clip))
        if self.recordings is None:
            raise DataError(f"the bank is of recordings ({clip}); load it with `recordings`, the data set's folder")
        from rlgen.perception.audio import read

        return read(self.recordings / clip)

    @classmethod
    def load(cls, source: str | Path, recordings: str | Path | None = None) -> SignalBank:
        """Read a bank.

        Args:
            source: `"shipped:signal_bank"` or the folder of a bank.
            recordings: of a recorded bank the folder that it was built from; needed for raw sound only.

        Raises:
            ArtifactError: missing, damaged, of another kind, or with labels out of range.
        """
        from safetensors.numpy import load_file

        found = artifacts.load(source, KIND)
        tensors = load_file(found.file(_TENSORS))
        clips = json.loads(found.file(_CLIPS).read_text(encoding="utf-8"))
        settings = dict(found.manifest.settings)
        missing = {*MODALITIES, "present", *_LABELS} - tensors.keys() | {"kind", "cohort"} - settings.keys()
        if missing:
            raise ArtifactError(f"{found.path}: has no {sorted(missing)[0]!r}; rebuild: {found.manifest.command}")
        speech, face, physiology = (_frozen(tensors[name].astype(np.float32)) for name in MODALITIES)
        signals = Signals(speech, face, physiology, _frozen(tensors["present"].astype(bool)))
        check_signals(signals)
        catalogue = SegmentCatalogue(**{name: _frozen(tensors[name]) for name in _LABELS})
        if not ((catalogue.category >= 0) & (catalogue.category < NUM_CATEGORIES)).all():
            raise ArtifactError(f"{found.path}: a category lies outside 0-{NUM_CATEGORIES - 1}; rebuild the bank")
        if {len(tensor) for tensor in tensors.values()} != {len(clips)}:
            raise ArtifactError(f"{found.path}: features, labels and clips differ in number; rebuild the bank")
        kind, cohort = settings.pop("kind"), settings.pop("cohort")
        if kind not in get_args(BankKind):
            raise ArtifactError(f"{found.path}: is of kind {kind!r}, not one of {get_args(BankKind)}; rebuild the bank")
        folder = None if recordings is None else Path(recordings)
        return cls(signals, catalogue, kind, cohort, found.manifest.description, clips, settings, folder)

    def write(self, target: str | Path, command: str, seeds: Sequence[int] = (), data: Sequence[str] = ()) -> None:
        """Write the bank as an artifact, float16.

        Args:
            target: folder to create or replace.
            command: the one command that rebuilds it.
            seeds: the seeds that the command used.
            data: data sets with their licences.
        """
        from safetensors.numpy import save

        manifest = Manifest(
            name=Path(target).name,
            kind=KIND,
            description=self.description,
            command=command,
            seeds=list(seeds),
            data=list(data),
            quality={"segments": len(self), "actors": len(np.unique(self.catalogue.actor))},
            settings={"kind": self.kind, "cohort": self.cohort, **self.settings},
        )
        files = {_TENSORS: save(self._tensors()), _CLIPS: (json.dumps(self.clips) + "\n").encode()}
        artifacts.write(target, files, manifest)


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.setflags(write=False)
    return array


def stored(signals: Signals) -> Signals:
    """The same features as a bank keeps them: rounded to float16, so that fresh and loaded banks agree."""
    return replace(
        signals, **{name: getattr(signals, name).astype(np.float16).astype(np.float32) for name in MODALITIES}
    )


def synthesise(seed: int = SHIPPED_SEED, actors: int = SHIPPED_ACTORS, progress: Progress = iter) -> SignalBank:
    """Build a synthetic bank: 68 clips an actor, every signal computed, nobody recorded.

    Args:
        seed: of the cohort.
        actors: how many.
        progress: wraps the loop over clips.
    """
    cohort = Cohort(seed, actors)
    played = cohort.performances()
    return SignalBank(
        signals=stored(stack([extract(cohort.recording(performance)) for performance in progress(played)])),
        catalogue=cohort.catalogue(),
        kind="synthetic",
        cohort=cohort.name,
        description=(
            f"Synthetic: voices, faces and physiology of {actors} computed actors, by the project's own models; "
            "nobody was recorded. How hard each modality is was set to published recognition rates."
        ),
        clips=[performance.name for performance in played],
        settings={"seed": seed, "actors": actors},
    )
