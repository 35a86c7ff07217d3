"""Training the generator from nothing: tokenizer, cross-entropy, held-out measurement, artifact."""

from __future__ import annotations

import copy
import io
import math
import pickle
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from recipes.generator.alignment import lexicon, misalignment
from recipes.generator.examples import Batch, Examples, Labelled, batches, encode
from rlgen.artifacts import Manifest
from rlgen.errors import ConfigError, DataError
from rlgen.files import whole
from rlgen.generation.embedded.generator import KIND, save
from rlgen.generation.embedded.model import Layout, Network, Shape
from rlgen.generation.embedded.tokenizer import PAD, Tokenizer
from rlgen.hardware import has_bf16, memory_of, usable
from rlgen.text.plain import clean
from rlgen.types import F32

SIZES: Final = {
    "tiny": Shape(vocabulary=512, width=64, layers=2, heads=2, condition=16),
    "small": Shape(),
    "medium": Shape(vocabulary=4096, width=320, layers=6, condition=64),
}
_WARM_UP: Final = 0.03
# Learning rates of the layers' matrices (Muon), the conditioner and the rest (AdamW), in units of the
# recipe's. A conditioner that learns no faster than the rest learns tone late: at weight .3 hardly at all.
_FACTORS: Final = (5.0, 3.0, 1.0)
_CHECKPOINT_EVERY: Final = 200  # steps


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Attributes:
        size: a name in `SIZES`.
        tokens: ids to train on, padding not counted.
        batch_tokens: ids in a batch at most.
        learning_rate: at its peak, after a linear warm-up; it then falls along a cosine to 0.
        utterances: weight of the loss on what people say, beside that on replies: who can go on in their words
            has understood the topic.
        alignment: weight of the emotional-alignment loss, see `recipes.generator.alignment`.
        smoothing: share of every target that is spread over the whole vocabulary (Szegedy et al., CVPR 2016).
            Composed text is so regular that a model of it stays fluent at any temperature; with a floor
            under all ids, heat above about 1 costs fluency, as it does with models of human text.
        seed: of weights, noise and order.
        device: where to train.
    """

    size: str = "small"
    tokens: int = 8_000_000
    batch_tokens: int = 2048
    learning_rate: float = 3e-3
    utterances: float = 0.2
    alignment: float = 0.1
    smoothing: float = 0.0
    seed: int = 0
    device: str = "cpu"


@dataclass(frozen=True)
class Corpus:
    """Where dialogues come from.

    Attributes:
        chunk: the k-th lot of training dialogues, always the same for a k.
        held_out: lots of dialogues, by name, that no chunk uses.
        description: for the manifest.
    """

    chunk: Callable[[int], Sequence[Labelled]]
    held_out: Mapping[str, Sequence[Labelled]]
    description: str


@dataclass(frozen=True)
class Progress:
    """Where training stands: ids seen of ids planned, loss in nats per id, ids per second."""

    seen: int
    planned: int
    loss: float
    speed: float


def rate(share: float, peak: float) -> float:
    """Learning rate at a share of the training, in [0, 1]."""
    if share < _WARM_UP:
        return peak * (share / _WARM_UP + 0.01)
    return peak * 0.5 * (1 + math.cos(math.pi * min(1.0, (share - _WARM_UP) / (1 - _WARM_UP))))


@dataclass(frozen=True)
class Loss:
    """Of one batch: nats of all replies, nats of all utterances, misalignment in [0, 2], ids of the replies."""

    reply: torch.Tensor
    utterance: torch.Tensor
    misalignment: torch.Tensor
    count: int


class Trainer:
    """A network in training, with everything that a stop must not lose."""

    def __init__(self, recipe: Recipe, tokenizer: Tokenizer, affect: F32) -> None:
        """Start from random weights.

        Args:
            recipe: how to train.
            tokenizer: of the model.
            affect: `[vocabulary, 8]`, the lexicon of the alignment loss.
        """
        self.recipe, self.tokenizer = recipe, tokenizer
        self.shape = Shape(**{**asdict(SIZES[recipe.size]), "vocabulary": tokenizer.size})
        torch.manual_seed(recipe.seed)
        self.device = usable(recipe.device)
        self.affect = torch.from_numpy(affect).to(self.device)
        self.network = Network(self.shape).to(self.device)
        # Muon (Jordan et al., 2024) learns the layers' matrices from fewer ids than AdamW.
        layers = [p for p in self.network.layers.parameters() if p.dim() == 2]
        conditioner = list(self.network.conditioner.parameters())
        known = {id(p) for p in (*layers, *conditioner)}
        rest = [p for p in self.network.parameters() if id(p) not in known]
        self.optimizers: tuple[torch.optim.Optimizer, ...] = (
            torch.optim.Muon(layers, momentum=0.95, weight_decay=0.05),
            torch.optim.AdamW(conditioner, betas=(0.9, 0.95), weight_decay=0.01, fused=True),
            torch.optim.AdamW(rest, betas=(0.9, 0.95), weight_decay=0.01, fused=True),
        )
        # Forward and backward run on a copy in bf16, in which the decoder will run too; updates in float32.
        self.working = copy.deepcopy(self.network)
        if has_bf16(self.device):
            self.working.to(torch.bfloat16)
        self.seen = self.chunk = self.step_in_chunk = 0

    def loss(self, batch: Batch, smoothing: float = 0.0) -> Loss:
        """The parts of the loss of a batch."""

        def tensor(array: NDArray[Any]) -> torch.Tensor:
            return torch.from_numpy(array).to(self.device)

        kind = self.working.norm.weight.dtype
        ids, reply, utterance = map(tensor, (batch.ids, batch.reply, batch.utterance))
        weight, affect, tone = (tensor(a).to(kind) for a in (batch.weight, batch.affect, batch.tone))
        position, exchange, read, branch = map(tensor, (batch.position, batch.exchange, batch.read, batch.branch))
        layout = Layout(position, exchange, read, branch, held=ids != PAD)
        hidden = self.working(ids, layout, weight, affect, tone)
        asked = reply >= 0
        logits = self.working.logits(hidden[asked]).float()
        nats = F.cross_entropy(logits, reply[asked], reduction="sum", label_smoothing=smoothing)
        turns = batch.affect.shape[1]
        owner = (torch.arange(len(ids), device=self.device)[:, None] * turns + layout.exchange)[asked]
        apart = misalignment(logits, reply[asked], owner, len(ids) * turns, self.affect)
        told = utterance >= 0
        said = F.cross_entropy(self.working.logits(hidden[told]).float(), utterance[told], reduction="sum")
        return Loss(nats, said, apart, int(asked.sum()))

    def step(self, batch: Batch) -> float:
        """One update; the loss in nats per id."""
        share = self.seen / self.recipe.tokens
        for optimizer, factor in zip(self.optimizers, _FACTORS, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = rate(share, self.recipe.learning_rate * factor)
        loss = self.loss(batch, self.recipe.smoothing)
        mean = loss.reply / loss.count
        total = mean + self.recipe.utterances * loss.utterance / loss.count + self.recipe.alignment * loss.misalignment
        self.working.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        for master, copied in zip(self.network.parameters(), self.working.parameters(), strict=True):
            master.grad = None if copied.grad is None else copied.grad.float()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
        self.refresh()
        self.seen += int((batch.ids != PAD).sum())
        self.step_in_chunk += 1
        return float(mean.detach())

    @torch.no_grad()
    def refresh(self) -> None:
        """Bring the working copy up to date."""
        for master, copied in zip(self.network.parameters(), self.working.parameters(), strict=True):
            copied.copy_(master)

    @torch.no_grad()
    def measure(self, examples: Examples) -> dict[str, float]:
        """Perplexity per id, bits per byte and misalignment of the replies, with exact labels."""
        nats, ids, apart, lots = 0.0, 0, 0.0, 0
        for batch in batches(examples, self.recipe.batch_tokens, np.random.default_rng(0), exact=True):
            loss = self.loss(batch)
            nats, ids = nats + float(loss.reply), ids + loss.count
            apart, lots = apart + float(loss.misalignment), lots + 1
        return {
            "perplexity": math.exp(nats / ids),
            "bits_per_byte": nats / math.log(2) / int(examples.reply_bytes.sum()),
            "misalignment": apart / lots,
        }

    def save_checkpoint(self, path: Path, corpus: str) -> None:
        """Everything needed to go on with a corpus of this description, whole or not at all.

        Raises:
            DataError: it cannot be written.
        """
        held = io.BytesIO()  # torch reports a full disk as it does damage
        torch.save(
            {
                "recipe": asdict(self.recipe),
                "corpus": corpus,
                "tokenizer": self.tokenizer.to_json(),
                "affect": self.affect,
                "network": self.network.state_dict(),
                "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
                "place": (self.seen, self.chunk, self.step_in_chunk),
            },
            held,
        )
        with whole(path) as place:
            place.write_bytes(held.getbuffer())

    @classmethod
    def from_checkpoint(cls, path: Path, recipe: Recipe, corpus: str) -> Trainer | None:
        """The trainer as it was, or None where the file is of another recipe or corpus; the number of ids may differ.

        Raises:
            DataError: the file is damaged.
        """
        try:
            with memory_of(recipe.device, str(path)):
                kept: dict[str, Any] = torch.load(path, weights_only=True, map_location=recipe.device)
        except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
            raise DataError(f"{path}: cannot be read; delete it to train from the start") from error
        if {**kept["recipe"], "tokens": recipe.tokens} != asdict(recipe) or kept["corpus"] != corpus:
            return None
        trainer = cls(recipe, Tokenizer.from_json(kept["tokenizer"]), kept["affect"].cpu().numpy())
        trainer.network.load_state_dict(kept["network"])
        trainer.refresh()
        for optimizer, state in zip(trainer.optimizers, kept["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        trainer.seen, trainer.chunk, trainer.step_in_chunk = kept["place"]
        return trainer


def fit(
    recipe: Recipe, corpus: Corpus, target: Path, command: str, report: Callable[[Progress], None] = lambda _: None
) -> Manifest:
    """Train, measure on held-out dialogues, write the artifact.

    A run that was stopped goes on from its checkpoint (`TARGET.checkpoint`), which is deleted
    at the end. With fewer ids than before it ends sooner, the learning rate falling at once.

    Args:
        recipe: how to train.
        corpus: what to train on.
        target: folder of the artifact.
        command: the command that does this, for the manifest.
        report: called after each update.

    Raises:
        ConfigError: the target cannot be made, or there is no such device.
        DataError: the checkpoint is damaged, or no reply of the corpus fits.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{target}: the folder above it cannot be made; give another path") from error
    checkpoint = target.with_name(target.name + ".checkpoint")
    trainer = Trainer.from_checkpoint(checkpoint, recipe, corpus.description) if checkpoint.is_file() else None
    if trainer is None:
        first = corpus.chunk(0)
        texts = (clean(text) for dialogue in first for turn in dialogue.turns for text in (turn.said, turn.reply))
        shape = SIZES[recipe.size]
        tokenizer = Tokenizer.train(texts, shape.vocabulary)
        trainer = Trainer(recipe, tokenizer, lexicon(encode(first, tokenizer, shape), tokenizer.size))
    train(trainer, corpus, checkpoint, report)
    quality = {
        name: trainer.measure(encode(dialogues, trainer.tokenizer, trainer.shape))
        for name, dialogues in corpus.held_out.items()
    }
    parameters = sum(p.numel() for p in trainer.network.parameters())
    manifest = Manifest(
        name=target.name,
        kind=KIND,
        description=f"Decoder-only transformer of {parameters:,} parameters, conditioned on affect, tone and "
        f"emotional weight through its normalisations; trained on {trainer.seen:,} tokens.",
        command=command,
        seeds=[recipe.seed],
        data=[corpus.description],
        quality={"held_out": quality, "parameters": parameters, "tokens": trainer.seen},
    )
    save(target, trainer.shape, trainer.network.state_dict(), trainer.tokenizer, manifest)
    checkpoint.unlink(missing_ok=True)
    return manifest


def train(trainer: Trainer, corpus: Corpus, checkpoint: Path, report: Callable[[Progress], None]) -> None:
    """Go on until the recipe's tokens are seen."""
    recipe = trainer.recipe
    began, before, steps, smooth = time.monotonic(), trainer.seen, 0, math.nan
    while trainer.seen < recipe.tokens:
        examples = encode(corpus.chunk(trainer.chunk), trainer.tokenizer, trainer.shape)
        if not len(examples):
            raise DataError("the corpus has no reply that fits the model's window; write shorter replies")
        rng = np.random.default_rng([recipe.seed, trainer.chunk])
        for i, batch in enumerate(batches(examples, recipe.batch_tokens, rng)):
            if i < trainer.step_in_chunk:
                continue  # seen before the run was stopped
            loss = trainer.step(batch)
            smooth = loss if math.isnan(smooth) else 0.98 * smooth + 0.02 * loss
            steps += 1
            report(Progress(trainer.seen, recipe.tokens, smooth, (trainer.seen - before) / (time.monotonic() - began)))
            if steps % _CHECKPOINT_EVERY == 0:
                trainer.save_checkpoint(checkpoint, corpus.description)
            if trainer.seen >= recipe.tokens:
                return
        trainer.chunk, trainer.step_in_chunk = trainer.chunk + 1, 0
