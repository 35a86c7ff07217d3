"""Load the frozen parts that a config names. Parts are shared by the worlds of a process."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from rlgen.artifacts import Shared, content
from rlgen.envs.config import WorldConfig
from rlgen.envs.observation import CONTEXT_DIM
from rlgen.envs.speech import Speech, SpokenReplies, SurfaceSpeech
from rlgen.envs.surface import KIND as SURFACE
from rlgen.envs.surface import ResponseSurface
from rlgen.errors import ConfigError
from rlgen.generation import ConstantGenerator, EmbeddedGenerator
from rlgen.generation.huggingface.options import HuggingFaceOptions
from rlgen.governance import AuditLog, OutputGuard, patterns
from rlgen.hardware import Precision
from rlgen.perception import EmotionRecognizer, EstimateTable, SignalBank
from rlgen.perception.bank import KIND as BANK
from rlgen.perception.recognizer import KIND as RECOGNIZER
from rlgen.rewards import RewardDesign, design
from rlgen.rng import Streams
from rlgen.text import Reader, SentenceEncoder
from rlgen.text.datasets.utterances import real_utterances
from rlgen.text.encoding.choice import encoder_content, encoder_of
from rlgen.text.reading.reader import KIND as READERS
from rlgen.text.reading.reader import SHIPPED as SHIPPED_READERS
from rlgen.text.reading.reader import Progress
from rlgen.text.utterances import of_all_lengths, read_by, utterances, with_crisis, with_masks
from rlgen.types import F32, Generator, Reading, SegmentCatalogue, UtteranceCatalogue, session


@dataclass(frozen=True)
class Parts:
    """Everything frozen in a world. Any number of worlds, in any number of threads, may be made of the same parts.

    Attributes:
        speech: from controls to read words.
        table: the recognizer's estimates of the bank's segments.
        segments: labels of the bank's segments.
        utterances: what people may say.
        utterance_reading: reading of each utterance, `Reading` over U.
        utterance_embedding: `[U, 384]`.
        utterance_context: `[U, 32]`, the embeddings projected for the observation.
        reader: reads what is not in the bank.
        reward: the reward design.
        sha256: part name -> hash of its weights or of its text.
        audit: log of the guard's interventions, if one is kept.
        device: where the frozen models run.
        named: the config that names every one of them; None where one was exchanged (`dataclasses.replace`).
    """

    speech: Speech
    table: EstimateTable
    segments: SegmentCatalogue
    utterances: UtteranceCatalogue
    utterance_reading: Reading
    utterance_embedding: F32
    utterance_context: F32
    reader: Reader
    reward: RewardDesign
    sha256: dict[str, str]
    device: str
    audit: AuditLog | None = None
    named: WorldConfig | None = field(default=None, init=False)

    def session(self) -> Parts:
        """The same parts with memory, times and counts of their own: what one world uses."""
        mine = replace(self, speech=session(self.speech), reader=session(self.reader))
        object.__setattr__(mine, "named", self.named)
        return mine


_ENCODERS, _READERS, _GENERATORS, _PERCEPTIONS, _SURFACES = (Shared() for _ in range(5))


def _encoder(choice: str, device: str) -> SentenceEncoder:
    return _ENCODERS.of((choice, device), encoder_content(choice), lambda: encoder_of(choice, device))


def _reader(source: str | None, encoder: str, device: str) -> Reader:
    kept = SHIPPED_READERS if source is None else (source,)
    made_of = tuple(content(each, READERS) for each in kept), encoder_content(encoder)
    return _READERS.of((source, encoder, device), made_of, lambda: Reader.load(source, _encoder(encoder, device)))


def _generator(
    source: str, device: str, precision: Precision = "auto", hf: HuggingFaceOptions | None = None
) -> Generator:
    if source.startswith("constant:"):
        return ConstantGenerator(source.removeprefix("constant:"))
    if source.startswith("hf:"):
        options = hf or HuggingFaceOptions()
        if options.dtype == "auto":
            options = options.model_copy(update={"dtype": precision})
        return _language_model(source.removeprefix("hf:"), device, options)
    from rlgen.generation.embedded.generator import KIND

    load = partial(EmbeddedGenerator.load, source, device=device, dtype=precision)
    return _GENERATORS.of((source, device, precision), content(source, KIND), load)


def _language_model(model: str, device: str, hf: HuggingFaceOptions) -> Generator:
    from rlgen.generation import HuggingFaceGenerator
    from rlgen.generation.huggingface import directions
    from rlgen.text.language_models.pretrained import model_state

    options = {**hf.model_dump(), "device": hf.device or device}
    steered = None if hf.steering is None else content(hf.steering, directions.KIND)
    load = partial(HuggingFaceGenerator, model, **options)
    return _GENERATORS.of((model, device, hf), (model_state(model), steered), load)


def _perception(recognizer: str, bank: str) -> tuple[EmotionRecognizer, SignalBank, EstimateTable]:
    def load() -> tuple[EmotionRecognizer, SignalBank, EstimateTable]:
        loaded, signals = EmotionRecognizer.load(recognizer), SignalBank.load(bank)
        return loaded, signals, EstimateTable.build(loaded, signals)

    made_of = content(recognizer, RECOGNIZER), content(bank, BANK)
    return _PERCEPTIONS.of((recognizer, bank), made_of, load)


def _surface(source: str) -> ResponseSurface:
    return _SURFACES.of(source, content(source, SURFACE), lambda: ResponseSurface.load(source))


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
    if config.utterances != "own":
        return real_utterances(Path(config.utterances.removeprefix("corpus=")), reader, progress), reader
    match config.users.bank:
        case "crisis":
            return with_crisis(), reader
        case "lengths":
            return read_by(reader, of_all_lengths()), reader
        case "masked":
            return with_masks(), reader
    return utterances(), reader


def load_parts(config: WorldConfig, audit: Path | None = None, progress: Progress | None = None) -> Parts:
    """Load and verify every part.

    Args:
        config: names the parts.
        audit: file that takes the guard's interventions; None keeps no log.
        progress: see `load_bank`.

    Raises:
        ArtifactError: a part is missing, damaged or of another format.
        ConfigError: a device or a design that is not there.
        DataError: a file of real utterances cannot be used.
    """
    device = resolve_device(config.device)
    recognizer, bank, table = _perception(config.recognizer, config.bank)
    reward = design(config.reward)
    catalogue, reader = load_bank(config, progress)
    reading, embedding = reader.read_catalogue(catalogue.text)
    sha256 = {
        "recognizer": recognizer.weights_sha256(),
        "signal_bank": bank.sha256,
        "readers": reader.sha256,
        "encoder": reader.encoder.weights_sha256(),
        "utterances": text_sha256(*catalogue.text),
        "reward": text_sha256(json.dumps(reward.to_dict(), sort_keys=True)),
    }
    log: AuditLog | None = None
    speech: Speech
    if config.generator.startswith("surface:"):
        surface = _surface(config.generator.removeprefix("surface:"))
        speech = SurfaceSpeech(surface)
        sha256["surface"] = surface.sha256()
    else:
        generator = _generator(config.generator, device, config.precision, config.hf)
        log = AuditLog(audit) if audit is not None and config.guard is not None else None
        guard = OutputGuard(config.guard, log) if config.guard is not None else None
        if config.guard is not None:
            rules = (config.guard.patterns or patterns.SHIPPED).read_text(encoding="utf-8")
            sha256["guard"] = text_sha256(config.guard.model_dump_json(exclude={"patterns", "keep_text"}), rules)
        speech = SpokenReplies(generator, guard, reader)
        as_given = generator.sha256 if isinstance(generator, EmbeddedGenerator) else generator.weights_sha256()
        sha256["generator"] = as_given
    parts = Parts(
        speech=speech,
        table=table,
        segments=bank.catalogue,
        utterances=catalogue,
        utterance_reading=reading,
        utterance_embedding=embedding,
        utterance_context=embedding @ context_projection(embedding.shape[1]),
        reader=reader,
        reward=reward,
        sha256=sha256,
        device=device,
        audit=log,
    )
    object.__setattr__(parts, "named", config)
    return parts
