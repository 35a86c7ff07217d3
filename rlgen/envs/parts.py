"""Load the frozen parts that a config names. Parts are shared by the worlds of a process."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from rlgen.affect import VALENCE, from_category
from rlgen.artifacts import MANIFEST, Shared, content
from rlgen.envs.config import Corpus, WorldConfig
from rlgen.envs.generators import Surface
from rlgen.envs.observation import CONTEXT_DIM, Block
from rlgen.envs.pipeline import Pipeline, SurfacePipeline, TextPipeline, read_bank
from rlgen.errors import ArtifactError, ConfigError
from rlgen.generation import EmbeddedGenerator
from rlgen.governance import AuditLog, OutputGuard, patterns
from rlgen.governance.audit import Log
from rlgen.governance.config import GuardConfig
from rlgen.perception import EmotionRecognizer, EstimateTable, SignalBank
from rlgen.perception.bank import KIND as BANK
from rlgen.perception.recognizer import KIND as RECOGNIZER
from rlgen.rewards import RewardDesign
from rlgen.rng import Streams
from rlgen.seams import SHIPPED, Own, own_fault, refused
from rlgen.text import Reader, SentenceEncoder
from rlgen.text.encoding.loading import encoder_content, encoder_of
from rlgen.text.reading.reader import KIND as READERS
from rlgen.text.reading.reader import SHIPPED as SHIPPED_READERS
from rlgen.text.reading.reader import Progress
from rlgen.text.utterances import of_all_lengths, read_by, utterances, with_crisis, with_masks
from rlgen.types import (
    F32,
    Generator,
    Guard,
    Reading,
    Recognizer,
    SegmentCatalogue,
    UtteranceCatalogue,
    described,
    session,
)
from rlgen.users.logs.dialogues import FAILED, read
from rlgen.users.logs.real_utterances import real_utterances

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Parts:
    """Everything frozen in a world. Any number of worlds, in any number of threads, may be made of the same parts.

    Attributes:
        pipeline: from controls to read words.
        table: the recognizer's estimates of the bank's segments.
        segments: labels of the bank's segments.
        utterances: what people may say.
        utterance_reading: reading of each utterance, `Reading` over U.
        utterance_embedding: `[U, 384]`.
        utterance_context: `[U, 32]`, the embeddings projected for the observation.
        reader: reads what is not in the bank.
        reward: the reward design.
        blocks: observation blocks of one's own.
        sha256: part name -> hash of its weights or of its text.
        audit: log of the guard's interventions, if one is kept.
        device: where the frozen models run.
        named: the config that names every one of them; None where one was exchanged (`dataclasses.replace`).
    """

    pipeline: Pipeline
    table: EstimateTable
    segments: SegmentCatalogue
    utterances: UtteranceCatalogue
    utterance_reading: Reading
    utterance_embedding: F32
    utterance_context: F32
    reader: Reader
    reward: RewardDesign
    blocks: tuple[Block, ...]
    sha256: dict[str, str]
    device: str
    audit: Log | None = None
    named: WorldConfig | None = field(default=None, init=False)

    @cached_property
    def utterance_array(self) -> F32:
        """`[U, 18]`, `utterance_reading` as one array."""
        return self.utterance_reading.array()

    @cached_property
    def context_projection(self) -> F32:
        """`[384, 32]`, which `utterance_context` was projected with."""
        return context_projection(self.utterance_embedding.shape[1])

    @cached_property
    def words_sd(self) -> F32:
        """`[2]`, how far valence and arousal are known from words alone, as standard deviations.

        Root mean square distance of the reader's valence and arousal to the labels of the utterance bank: about
        .34 and .22 for the shipped readers, .32 and .21 with the bank of theory people. Nobody has rated real
        people's words on these scales here; with them it can only be more.
        """
        label = from_category(self.utterances.category, self.utterances.intensity)[:, VALENCE:]
        apart = self.utterance_reading.affect[:, VALENCE:] - label
        sd: F32 = np.sqrt((apart**2).mean(axis=0)).clip(0.0, 1.0).astype(np.float32)
        return sd

    def session(self) -> Parts:
        """The same parts with memory, times and counts of their own: what one world uses."""
        mine = replace(self, pipeline=session(self.pipeline), reader=session(self.reader))
        object.__setattr__(mine, "named", self.named)
        return mine


_ENCODERS, _READERS, _PERCEPTIONS = (Shared() for _ in range(3))


def _encoder(choice: str | Own, device: str) -> SentenceEncoder:
    if isinstance(choice, Own):
        made: SentenceEncoder = choice.make("encoder", ("encode", "dim", "name", "identity", "source_sha256"))
        return made
    return _ENCODERS.of((choice, device), encoder_content(choice), lambda: encoder_of(choice, device))


def _reader(source: str | Own | None, encoder: str | Own, device: str) -> Reader:
    if isinstance(source, Own):
        made: Reader = source.make("readers", ("read", "read_catalogue", "encoder", "sha256"))
        return made
    if isinstance(encoder, Own):
        return Reader.load(source, _encoder(encoder, device))
    kept = SHIPPED_READERS if source is None else (source,)
    made_of = tuple(content(each, READERS) for each in kept), encoder_content(encoder)
    return _READERS.of((source, encoder, device), made_of, lambda: Reader.load(source, _encoder(encoder, device)))


def signal_bank(choice: str | Own) -> SignalBank:
    """The recordings that people speak with."""
    if isinstance(choice, str):
        return SignalBank.load(choice)
    made: SignalBank = choice.make("bank", ("signals", "catalogue", "cohort", "sha256"))
    return made


def _perception(recognizer: str | Own, bank: str | Own) -> tuple[Recognizer, SignalBank, EstimateTable]:
    def load() -> tuple[Recognizer, SignalBank, EstimateTable]:
        model: Recognizer
        if isinstance(recognizer, Own):
            model = recognizer.make("recognizer", ("estimate", "vector_dim", "weights_sha256"))
        else:
            model = EmotionRecognizer.load(recognizer)
        signals = signal_bank(bank)
        return model, signals, EstimateTable.build(model, signals)

    if isinstance(recognizer, Own) or isinstance(bank, Own):
        return load()
    made_of = content(recognizer, RECOGNIZER), content(bank, BANK)
    return _PERCEPTIONS.of((recognizer, bank), made_of, load)


def _generator(config: WorldConfig, device: str) -> tuple[Generator, str]:
    """What answers, and its hash."""
    chosen = config.generator
    if isinstance(chosen, Own):
        made: Generator = chosen.make("generator", ("reply", "weights_sha256", "calls"))
        return made, _stamp("generator", chosen, made, made.weights_sha256)
    assert not isinstance(chosen, Surface)  # it has no words
    generator = chosen.load(device, config.precision)
    return generator, generator.sha256 if isinstance(generator, EmbeddedGenerator) else generator.weights_sha256()


def _guard(chosen: GuardConfig | Own | None, log: Log | None) -> tuple[Guard | None, dict[str, str]]:
    """What has the last word on replies, and its hash."""
    if chosen is None:
        return None, {}
    if isinstance(chosen, Own):
        guard: Guard = chosen.make("guard", ("review", "cost_names"))
        if not isinstance(guard.cost_names, tuple | list) or not all(
            isinstance(name, str) for name in guard.cost_names
        ):
            raise refused("guard", guard, f"its cost_names are {described(guard.cost_names)}; give a tuple of names")
        return guard, {"guard": chosen.sha256}
    rules = (chosen.patterns or patterns.SHIPPED).read_text(encoding="utf-8")
    sha256 = text_sha256(chosen.model_dump_json(exclude={"patterns", "keep_text"}), rules)
    return OutputGuard(chosen, log), {"guard": sha256}


def _there(config: WorldConfig) -> None:
    """Check that the folders that a config names are there.

    Raises:
        ArtifactError: one is not.
    """
    for name in ("recognizer", "bank", "readers"):
        chosen = getattr(config, name)
        if isinstance(chosen, str) and not chosen.startswith(SHIPPED) and not (Path(chosen) / MANIFEST).is_file():
            raise ArtifactError(
                f"{name} was {chosen!r}: nothing lies there; give shipped:NAME, the folder of one, or "
                "package.module:attribute of one of your own"
            )


def _stamp(field: str, choice: object, part: Any, weights: Callable[[], str]) -> str:
    """Hash of a part's weights, and of the source of one's own.

    Raises:
        PartError: one of one's own cannot say what its weights are.
    """
    with own_fault(field, part):
        of = weights()
    if not isinstance(of, str):
        raise refused(field, part, f"the hash of its weights is {described(of)}; give a text")
    return text_sha256(choice.sha256, of) if isinstance(choice, Own) else of


def resolve_device(device: str) -> str:
    """`"auto"` is a CUDA device where there is one.

    Raises:
        ConfigError: `"cuda"` was asked for and there is none.
    """
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError('device was "cuda": this machine has no CUDA device; use "auto" or "cpu"')
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return device


def context_projection(dim: int) -> F32:
    """A fixed sign matrix `[dim, 32]` scaled so that a unit vector's coordinates stay within [-1, 1]."""
    signs = np.sign(Streams.of(0, dim).uniform("envs.context_projection", size=CONTEXT_DIM) - 0.5)
    return np.asarray(signs / np.sqrt(dim), dtype=np.float32)


def text_sha256(*texts: str) -> str:
    """Hash of texts, in order."""
    return hashlib.sha256("\x00".join(texts).encode()).hexdigest()


def load_bank(config: WorldConfig, progress: Progress | None = None) -> tuple[UtteranceCatalogue, Reader]:
    """What the people of a config can say, and the reader that reads it.

    Args:
        config: names both.
        progress: gets the parts of a file of real utterances that are read for the first time.

    Raises:
        ArtifactError: the reader is missing, damaged or of another format.
        DataError: a file of real utterances cannot be used.
    """
    reader = _reader(config.readers, config.encoder, resolve_device(config.device))
    if isinstance(config.utterances, Own):
        catalogue: UtteranceCatalogue = config.utterances.make("utterances", ("text", "topic", "topics", "category"))
        return catalogue, reader
    if isinstance(config.utterances, Corpus):
        dialogues = [dialogue for dialogue in read(config.utterances.path) if dialogue.split != FAILED]
        return real_utterances(dialogues, reader, progress), reader
    match config.users.bank:
        case "crisis":
            return with_crisis(), reader
        case "lengths":
            return read_by(reader, of_all_lengths()), reader
        case "masked":
            return with_masks(), reader
    return utterances(), reader


def keeps_log(config: WorldConfig) -> bool:
    """Whether there is anything that writes to an audit log in a world."""
    return isinstance(config.guard, GuardConfig) and not isinstance(config.generator, Surface)


def load_parts(config: WorldConfig, audit: Path | Log | None = None, progress: Progress | None = None) -> Parts:
    """Load and verify every part.

    Args:
        config: names the parts.
        audit: file that takes the guard's interventions, or who else does; None keeps no log.
        progress: see `load_bank`.

    Raises:
        ArtifactError: a part is missing, damaged or of another format.
        ConfigError: a device or a design that is not there.
        DataError: a file of real utterances cannot be used.
    """
    device = resolve_device(config.device)
    _there(config)
    recognizer, bank, table = _perception(config.recognizer, config.bank)
    catalogue, reader = load_bank(config, progress)
    reading, embedding = read_bank(reader, catalogue.text)
    reward = config.reward
    reward.load()
    if reward.notice:
        _LOG.warning("%s", reward.notice)
    blocks = [own.make("blocks", ("name", "width", "see", "low", "high")) for own in config.blocks]
    sha256 = {
        "recognizer": _stamp("recognizer", config.recognizer, recognizer, recognizer.weights_sha256),
        "signal_bank": _stamp("bank", config.bank, bank, lambda: bank.sha256),
        "readers": _stamp("readers", config.readers, reader, lambda: reader.sha256),
        "encoder": _stamp("encoder", config.encoder, reader.encoder, reader.encoder.weights_sha256),
        "utterances": text_sha256(*catalogue.text),
        "reward": reward.sha256,
        **{f"block {block.name}": own.sha256 for block, own in zip(blocks, config.blocks, strict=True)},
    }
    log: Log | None = None
    pipeline: Pipeline
    if isinstance(config.generator, Surface):
        surface = config.generator.measured()
        pipeline = SurfacePipeline(surface)
        sha256["surface"] = surface.sha256()
    else:
        generator, sha256["generator"] = _generator(config, device)
        if audit is not None and keeps_log(config):
            log = AuditLog(audit) if isinstance(audit, Path) else audit
        guard, of_guard = _guard(config.guard, log)
        sha256 |= of_guard
        pipeline = TextPipeline(generator, guard, reader)
    parts = Parts(
        pipeline=pipeline,
        table=table,
        segments=bank.catalogue,
        utterances=catalogue,
        utterance_reading=reading,
        utterance_embedding=embedding,
        utterance_context=embedding @ context_projection(embedding.shape[1]),
        reader=reader,
        reward=reward,
        blocks=tuple(blocks),
        sha256=sha256,
        device=device,
        audit=log,
    )
    object.__setattr__(parts, "named", config)
    return parts
