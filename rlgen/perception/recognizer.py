"""The frozen recognizer: an ensemble of fold models that never rates a person it was trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from rlgen import artifacts
from rlgen.affect import NUM_CATEGORIES
from rlgen.errors import ArtifactError, DataError
from rlgen.hardware import memory_of
from rlgen.perception.features import check_signals
from rlgen.perception.network import EmotionNetwork, Output, Sizes
from rlgen.types import F32, I64, MODALITIES, Bools, Estimate, Signals

KIND: Final = "recognizer/1"
WEIGHTS: Final = "weights.safetensors"
SUBSETS: Final = 2 ** len(MODALITIES)
UNKNOWN_SD: Final = 0.5  # of valence and of arousal when nothing was seen: about their spread over the categories
_ROWS: Final = 16  # rows of one pass; shorter ones are padded, so that a row's bits do not depend on its neighbours


def subset(present: Bools) -> I64:
    """Number of each row's set of modalities, `[N, 3]` to `[N]`: 1 speech + 2 face + 4 physiology."""
    number: I64 = present.astype(np.int64) @ np.array([1, 2, 4], dtype=np.int64)
    return number


class EmotionRecognizer:
    """Signals to emotion. Frozen: no gradients, no dropout.

    Attributes:
        vector_dim: d of the emotion vector.
        calls: how often `estimate` or `estimate_held_out` was called.
        cohort: whom it was trained on, see `SignalBank.cohort`.
        description: one or two sentences for a person.
    """

    def __init__(self, weights: dict[str, NDArray[Any]], settings: dict[str, Any], description: str = "") -> None:
        """Assemble from tensors; use `load` for artifacts.

        Args:
            weights: the tensors of fold k under `"k.<parameter>"`, `rotation [K, d, d]`,
                `temperature [K, 8]` and `sd_scale [K, 8]` by subset of modalities.
            settings: `sizes`, `folds`, `cohort`, `held_out` (actors of each fold), `trained_on`.
            description: for a person.

        Raises:
            KeyError, RuntimeError: the tensors do not fit the sizes.
        """
        sizes = Sizes.model_validate(settings["sizes"])
        self.vector_dim = sizes.vector
        self.calls = 0
        self.cohort = str(settings["cohort"])
        self.description = description
        self._held_out = [set(map(int, actors)) for actors in settings["held_out"]]
        self._trained_on = set(map(int, settings["trained_on"]))
        self._rotation = np.asarray(weights["rotation"], dtype=np.float32)
        self._temperature = np.asarray(weights["temperature"], dtype=np.float32)
        self._sd_scale = np.asarray(weights["sd_scale"], dtype=np.float32)
        self._models = []
        for fold in range(int(settings["folds"])):
            prefix = f"{fold}."
            state = {
                name.removeprefix(prefix): torch.from_numpy(np.array(tensor))
                for name, tensor in weights.items()
                if name.startswith(prefix)
            }
            model = EmotionNetwork(sizes)
            model.load_state_dict(state)
            self._models.append(model.eval().requires_grad_(False))

    @classmethod
    def load(cls, source: str | Path) -> EmotionRecognizer:
        """Read a recognizer.

        Args:
            source: `"shipped:recognizer"` or the folder of one.

        Raises:
            ArtifactError: missing, damaged, of another kind, or tensors that do not fit.
        """
        from safetensors.numpy import load_file

        found = artifacts.load(source, KIND)
        try:
            with memory_of("cpu", str(found.path)):
                return cls(load_file(found.file(WEIGHTS)), found.manifest.settings, found.manifest.description)
        except (KeyError, ValueError, RuntimeError) as error:
            raise ArtifactError(
                f"{found.path}: its tensors do not fit its sizes ({type(error).__name__}); "
                f"rebuild: {found.manifest.command}"
            ) from error

    def weights_sha256(self) -> str:
        """Hash of all tensors as they are in memory now."""
        weights: dict[str, NDArray[Any]] = {
            f"{fold}.{name}": tensor.numpy()
            for fold, model in enumerate(self._models)
            for name, tensor in model.state_dict().items()
        }
        scales = {"rotation": self._rotation, "temperature": self._temperature, "sd_scale": self._sd_scale}
        return artifacts.tensors_sha256(weights | scales)

    def estimate(self, signals: Signals) -> Estimate:
        """Estimates for people whom no fold was trained on: the mean of the folds.

        Args:
            signals: N rows, any subset of modalities; where none is present the estimate says so:
                equal probabilities, valence and arousal 0, wide uncertainty, a zero vector.

        Raises:
            SignalError: NaN, wrong types or wrong shapes.
        """
        check_signals(signals)
        return self._estimate(signals, np.full((len(signals.present), len(self._models)), 1.0 / len(self._models)))

    def estimate_held_out(self, signals: Signals, cohort: str, actor: I64) -> Estimate:
        """Estimates of people by models that never saw them.

        Args:
            signals: N rows.
            cohort: who the actors are, see `SignalBank.cohort`.
            actor: `[N]`, who each row is.

        Raises:
            DataError: every fold was trained on one of the actors.
            SignalError: NaN, wrong types or wrong shapes.
        """
        check_signals(signals)
        weight = np.full((len(actor), len(self._models)), 1.0 / len(self._models))
        if cohort == self.cohort:
            for person in np.unique(actor):
                if person not in self._trained_on:
                    continue
                folds = np.array([person in held for held in self._held_out])
                if not folds.any():
                    raise DataError(
                        f"the recognizer learned from actor {person} of {cohort} and may not rate the same person; "
                        "fit it by actor folds on this bank (rlgen fit recognizer --bank DIR) or use another bank"
                    )
                weight[actor == person] = folds / folds.sum()
        return self._estimate(signals, weight)

    def _estimate(self, signals: Signals, weight: NDArray[np.float64]) -> Estimate:
        """The mixture of the folds under `weight [N, K]`."""
        self.calls += 1
        rows = len(signals.present)
        kind = subset(signals.present)
        vector = np.zeros((rows, self.vector_dim))
        probability = np.zeros((rows, NUM_CATEGORIES))
        mean, second = np.zeros((rows, 2)), np.zeros((rows, 2))
        for fold, model in enumerate(self._models):
            used = np.flatnonzero(weight[:, fold])
            if len(used) == 0:
                continue
            share = weight[used, fold, None]
            output = forward(model, signals.rows(used))
            logits = output.logits.numpy() / self._temperature[fold, kind[used], None]
            exponent = np.exp(logits - logits.max(axis=1, keepdims=True))
            vector[used] += share * (output.vector.numpy() @ self._rotation[fold])
            probability[used] += share * exponent / exponent.sum(axis=1, keepdims=True)
            spread = output.sd.numpy() * self._sd_scale[fold, kind[used], None]
            mean[used] += share * output.mean.numpy()
            second[used] += share * (spread**2 + output.mean.numpy() ** 2)
        sd = np.clip(np.sqrt(np.maximum(second - mean**2, 0.0)), 0.0, 1.0)
        blind = kind == 0
        vector[blind], probability[blind], mean[blind], sd[blind] = 0.0, 1.0 / NUM_CATEGORIES, 0.0, UNKNOWN_SD
        probability /= probability.sum(axis=1, keepdims=True)
        affect = np.concatenate([probability, mean], axis=1).astype(np.float32)
        entropy = -(probability * np.log(np.maximum(probability, 1e-12))).sum(axis=1) / np.log(NUM_CATEGORIES)
        uncertainty = np.concatenate([np.clip(entropy, 0.0, 1.0)[:, None], sd], axis=1)
        return Estimate(vector.astype(np.float32), affect, uncertainty.astype(np.float32), signals.present.copy())


def tensors(signals: Signals) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Features as tensors; absent modalities become zeros, so that no NaN of theirs survives a product."""
    cleaned: list[torch.Tensor] = []
    for column, name in enumerate(MODALITIES):
        values: F32 = getattr(signals, name)
        kept = np.where(signals.present[:, column, None, None], values, np.float32(0))
        cleaned.append(torch.from_numpy(kept.astype(np.float32, copy=False)))
    return cleaned[0], cleaned[1], cleaned[2]


@torch.inference_mode()
def forward(model: EmotionNetwork, signals: Signals) -> Output:
    """The network's output for N rows, in passes of a fixed number of rows."""
    rows = len(signals.present)
    padded = -(-max(rows, 1) // _ROWS) * _ROWS
    index = np.minimum(np.arange(padded), rows - 1)
    values, present = tensors(signals.rows(index)), torch.from_numpy(signals.present[index])
    passes = [model(tuple(v[i : i + _ROWS] for v in values), present[i : i + _ROWS]) for i in range(0, padded, _ROWS)]
    return Output(*(torch.cat(parts)[:rows] for parts in zip(*passes, strict=True)))
