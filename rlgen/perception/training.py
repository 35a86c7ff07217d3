"""Training of the recognizer with Lightning, by folds that leave actors out."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import lightning
import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from torch.nn import functional

from rlgen.errors import DataError
from rlgen.perception.bank import SignalBank
from rlgen.perception.network import DIMS, EmotionNetwork, Output, Sizes
from rlgen.perception.recognizer import SUBSETS, EmotionRecognizer, forward, subset, tensors
from rlgen.types import F32, I64, MODALITIES, Bools, SegmentCatalogue, Signals

_BETA: Final = 0.5  # weight of the variance in the loss: Seitzer et al., "On the Pitfalls of Heteroscedastic
# Uncertainty Estimation", ICLR 2022


class Training(BaseModel):
    """How to train.

    Attributes:
        folds: models, each leaving out its share of the actors.
        epochs: passes over the clips; fixed, nothing is selected on the actors left out.
        batch: clips of a step.
        lr: peak learning rate of the one-cycle schedule.
        weight_decay: of AdamW.
        noise: standard deviation of what is added to the features, in their own deviations.
        whole: share of rows that keep all their modalities; the others keep a random part.
        seed: of initial weights, order and noise.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    folds: int = Field(5, ge=1, le=24)
    epochs: int = Field(25, ge=1)
    batch: int = Field(64, ge=2)
    lr: float = Field(2e-3, gt=0)
    weight_decay: float = Field(0.05, ge=0)
    noise: float = Field(0.4, ge=0)
    whole: float = Field(0.4, ge=0, le=1)
    seed: int = 0
    sizes: Sizes = Sizes()


class _Module(lightning.LightningModule):
    """One fold: cross-entropy of the categories and beta-NLL of valence and arousal, with modalities dropped."""

    def __init__(self, network: EmotionNetwork, training: Training, steps: int) -> None:
        super().__init__()
        self.network = network
        self.training_options = training
        self.steps = steps
        self.last_loss = float("nan")
        self.random = torch.Generator().manual_seed(training.seed + 1)

    def _drop(self, present: Tensor) -> Tensor:
        """Keep a random non-empty part of what is present, except in a share of rows that stay whole."""
        draw = torch.rand(present.shape, generator=self.random)
        kept = present & (draw < 0.5)
        lone = (draw * present).argmax(dim=1, keepdim=True)  # a row that lost everything keeps one at random
        empty = ~kept.any(dim=1, keepdim=True)
        kept = kept | (empty & torch.zeros_like(kept).scatter(1, lone, value=True) & present)
        whole = torch.rand(len(present), 1, generator=self.random) < self.training_options.whole
        return torch.where(whole, present, kept)

    def training_step(self, batch: Sequence[Tensor], index: int) -> Tensor:
        speech, face, physiology, present, category, target = batch
        signals = []
        for name, values in zip(MODALITIES, (speech, face, physiology), strict=True):
            scale = self.network.get_buffer(f"{name}_scale") * self.training_options.noise
            # One draw for the clip (another actor, another microphone) and one for each frame.
            clip = torch.randn(len(values), 1, values.shape[2], generator=self.random)
            frame = torch.randn(values.shape, generator=self.random)
            signals.append(values + scale * (clip + frame) / 2**0.5)
        output: Output = self.network((signals[0], signals[1], signals[2]), self._drop(present))
        error = (target - output.mean) ** 2
        variance = output.sd**2
        nll = 0.5 * (error / variance + variance.log()) * variance.detach() ** _BETA
        loss = functional.cross_entropy(output.logits, category, label_smoothing=0.02) + nll.sum(dim=1).mean()
        self.last_loss = float(loss.detach())
        return loss

    def configure_optimizers(self) -> Any:
        options = self.training_options
        optimizer = torch.optim.AdamW(self.network.parameters(), lr=options.lr, weight_decay=options.weight_decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, options.lr, total_steps=self.steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


@dataclass(frozen=True)
class Fitted:
    """A trained ensemble, before it is written.

    Attributes:
        weights: see `EmotionRecognizer`.
        settings: likewise.
    """

    weights: dict[str, NDArray[Any]]
    settings: dict[str, Any]

    def recognizer(self) -> EmotionRecognizer:
        """The recognizer made of it."""
        return EmotionRecognizer(self.weights, self.settings)


def actor_folds(actor: I64, folds: int) -> list[list[int]]:
    """Deal actors to folds in turn, so that sexes, which alternate in RAVDESS, mix.

    Raises:
        DataError: fewer actors than folds.
    """
    people = np.unique(actor)
    if len(people) < max(folds, 2):
        raise DataError(
            f"the bank has {len(people)} actors, too few to leave one out in each of {folds} folds; lower --folds"
        )
    # Neighbours go in pairs: with an even number of folds, one by one would give each fold one sex.
    together = 2 if len(people) >= 2 * folds else 1
    return [[int(p) for i, p in enumerate(people) if (i // together) % folds == fold] for fold in range(folds)]


def _standardise(network: EmotionNetwork, signals: Signals) -> None:
    for column, (name, dim) in enumerate(zip(MODALITIES, DIMS, strict=True)):
        values: F32 = getattr(signals, name)[signals.present[:, column]]
        if len(values):
            flat = values.reshape(-1, dim)
            network.get_buffer(f"{name}_centre").copy_(torch.from_numpy(flat.mean(axis=0)))
            network.get_buffer(f"{name}_scale").copy_(torch.from_numpy(np.maximum(flat.std(axis=0), 1e-2)))


def _fit_one(
    signals: Signals,
    labels: SegmentCatalogue,
    rows: I64,
    training: Training,
    fold: int,
    name: str,
    report: Callable[[str], None],
) -> EmotionNetwork:
    options = training.model_copy(update={"seed": training.seed + 1000 * fold})
    lightning.seed_everything(options.seed, verbose=False)
    network = EmotionNetwork(training.sizes)
    chosen = signals.rows(rows)
    _standardise(network, chosen)
    target = torch.from_numpy(np.stack([labels.valence[rows], labels.arousal[rows]], axis=1))
    data = torch.utils.data.TensorDataset(
        *tensors(chosen), torch.from_numpy(chosen.present), torch.from_numpy(labels.category[rows]), target
    )
    order = torch.utils.data.BatchSampler(
        torch.utils.data.RandomSampler(data, generator=torch.Generator().manual_seed(options.seed)),
        training.batch,
        drop_last=len(data) > training.batch,
    )
    loader = torch.utils.data.DataLoader(data, sampler=order, batch_size=None)  # whole batches by one index each
    module = _Module(network, options, steps=training.epochs * len(order))
    trainer = lightning.Trainer(
        max_epochs=training.epochs,
        accelerator="cpu",
        devices=1,
        deterministic=True,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        gradient_clip_val=1.0,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        trainer.fit(module, loader)
    report(f"{name}: trained on {len(rows)} clips, last loss {module.last_loss:.3f}")
    return network.eval()


def _all_subsets(signals: Signals) -> tuple[Signals, I64]:
    """Every clip under every set of modalities that it has, and the clip's index."""
    parts: list[Bools] = []
    clips = []
    for number in range(1, SUBSETS):
        mask = np.array([number >> i & 1 for i in range(len(MODALITIES))], dtype=bool)
        having = np.flatnonzero((signals.present >= mask).all(axis=1))
        parts.append(np.broadcast_to(mask, (len(having), len(MODALITIES))))
        clips.append(having)
    index = np.concatenate(clips)
    chosen = signals.rows(index)
    return Signals(chosen.speech, chosen.face, chosen.physiology, np.concatenate(parts)), index


def _temperature(logits: F32, category: I64) -> float:
    """The temperature of least cross-entropy (Guo et al., ICML 2017), by search on a grid of ratios of 2 %."""
    grid = np.exp(np.arange(-50, 76) * 0.02)
    scaled = logits[None] / grid[:, None, None]
    scaled = scaled - scaled.max(axis=2, keepdims=True)
    picked = np.take_along_axis(scaled, np.broadcast_to(category[None, :, None], (len(grid), len(category), 1)), 2)
    loss = (np.log(np.exp(scaled).sum(axis=2)) - picked[..., 0]).mean(axis=1)
    return float(grid[loss.argmin()])


def fit(
    bank: SignalBank, training: Training, leave_out: int | None = None, report: Callable[[str], None] = lambda _: None
) -> Fitted:
    """Train on a bank.

    With several folds, each model leaves its actors out, and its temperature is set by a second model
    on a fifth of the remaining actors, which that one leaves out too: no figure about a person depends
    on that person's labels. With one fold, `leave_out` actors are kept for the temperature.

    Args:
        bank: what to train on.
        training: how.
        leave_out: with one fold, how many actors to keep out of training.
        report: receives a line of progress now and then.

    Raises:
        DataError: too few actors for the folds.
    """
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    with _one_thread():
        return _fit(bank, training, leave_out, report)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Sums then run in one order whatever the machine's cores; on matrices this small it costs nothing."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _fit(bank: SignalBank, training: Training, leave_out: int | None, report: Callable[[str], None]) -> Fitted:
    actor, labels = bank.catalogue.actor, bank.catalogue
    people = [int(p) for p in np.unique(actor)]
    if training.folds == 1:
        out = leave_out or max(len(people) // 5, 1)
        if out >= len(people):
            raise DataError(f"{out} of {len(people)} actors cannot be left out; nobody would be left to train on")
        held = [people[-out:]]
    else:
        held = actor_folds(actor, training.folds)
    rest = [[person for person in people if person not in left_out] for left_out in held]
    if training.folds > 1 and min(map(len, rest)) < 2:
        raise DataError(
            f"the bank has {len(people)} actors, too few to learn from one and calibrate on another in each of "
            f"{training.folds} folds"
        )

    def learn(actors: Sequence[int], fold: int, name: str) -> EmotionNetwork:
        rows = np.flatnonzero(np.isin(actor, actors))
        return _fit_one(bank.signals, labels, rows, training, fold, name, report)

    models, scales = [], []
    for fold, (left_out, others) in enumerate(zip(held, rest, strict=True)):
        name = f"fold {fold + 1}/{training.folds}"
        model = learn(others, fold, name)
        models.append(model)
        checked = left_out
        if training.folds > 1:  # people may not set the temperature of the model that rates them
            checked = others[-max(len(others) // 5, 1) :]
            model = learn(others[: -len(checked)], fold, f"{name}, calibration")
        scales.append(_calibrate(model, bank, np.flatnonzero(np.isin(actor, checked))))
    weights: dict[str, NDArray[Any]] = {
        f"{fold}.{name}": value.numpy()
        for fold, model in enumerate(models)
        for name, value in model.state_dict().items()
    }
    weights["rotation"] = _rotations(models, [bank.signals.rows(np.flatnonzero(np.isin(actor, who))) for who in rest])
    weights |= {name: np.stack([scale[name] for scale in scales]) for name in ("temperature", "sd_scale")}
    trained = sorted(set(people) - set(held[0])) if training.folds == 1 else people
    settings = {
        "sizes": training.sizes.model_dump(),
        "folds": len(models),
        "cohort": bank.cohort,
        "held_out": held,
        "trained_on": trained,
    }
    # Contiguous, because safetensors writes bytes as they lie.
    return Fitted({name: np.ascontiguousarray(value) for name, value in weights.items()}, settings)


def _rotations(models: Sequence[EmotionNetwork], signals: Sequence[Signals]) -> F32:
    """Orthogonal maps `[K, d, d]` of each fold's vectors onto those of one untrained network (Schoenemann, 1966).

    Folds that say the same up to a rotation are turned onto it alike; and it knows nobody's labels, while
    every fold knows those of people whom another one rates.

    Args:
        models: of the folds.
        signals: of those whom each learned from.
    """
    sizes = models[0].sizes
    if len(models) == 1:
        return np.eye(sizes.vector, dtype=np.float32)[None]
    torch.manual_seed(0)
    reference = EmotionNetwork(sizes).eval()
    maps = []
    for model, own in zip(models, signals, strict=True):
        left, _, right = np.linalg.svd(forward(model, own).vector.numpy().T @ forward(reference, own).vector.numpy())
        maps.append(left @ right)
    return np.stack(maps).astype(np.float32)


def _calibrate(model: EmotionNetwork, bank: SignalBank, rows: I64) -> dict[str, F32]:
    """Temperature and scale of the deviations `[8]` for each set of modalities, from clips the model never saw."""
    scales = {name: np.ones(SUBSETS, dtype=np.float32) for name in ("temperature", "sd_scale")}
    signals, index = _all_subsets(bank.signals.rows(rows))
    clip, kind, output = rows[index], subset(signals.present), forward(model, signals)
    target = np.stack([bank.catalogue.valence, bank.catalogue.arousal], axis=1)[clip]
    miss = ((output.mean.numpy() - target) / output.sd.numpy()) ** 2
    for number in range(1, SUBSETS):
        of = np.flatnonzero(kind == number)
        if len(of) >= 20:
            scales["temperature"][number] = _temperature(output.logits.numpy()[of], bank.catalogue.category[clip[of]])
            scales["sd_scale"][number] = np.clip(np.sqrt(miss[of].mean()), 0.3, 3.0)
    return scales
