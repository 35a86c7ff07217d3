"""`python -m benchmarks.encoder`: speed of the small encoder, and how far its vectors and readings are MiniLM's."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from pydantic import Field

from recipes.encoder.faithful import HELD_OUT, faithfulness, held_out
from rlgen.experiments.cli import call
from rlgen.experiments.display.tables import Row, show
from rlgen.experiments.options import TableOptions, parse

if TYPE_CHECKING:
    from rlgen.text import SentenceEncoder

_SIZES: Final = (1, 64, 256)
_REPEATS: Final = 9


class BenchEncoder(TableOptions):
    """Speed of the small encoder beside MiniLM, and how faithfully it repeats MiniLM's vectors."""

    encoder: str = Field("fast", description="the student: fast, fast-bf16, or the folder of another")
    generator: str = Field("shipped:generator", description="whose replies are read: shipped:generator or a folder")
    readers: str = Field("shipped:readers_minilm", description="readers fitted on minilm, which read both vectors")
    judge: str = Field("shipped:judge", description="the judge: shipped:judge or a folder")
    contexts: int = Field(2000, ge=50, description="held-out exchanges; each gives a composed and a generated reply")
    seed: int = Field(HELD_OUT, ge=0, le=2**31 - 1, description="of exchanges, controls and sampling")


def _seconds(encoder: SentenceEncoder, texts: Sequence[str], repeats: int) -> float:
    """Median time of one call; word pieces are known by then, as the reader needs them in any case."""
    encoder.encode(texts)
    taken = []
    for _ in range(repeats):
        started = time.perf_counter()
        encoder.encode(texts)
        taken.append(time.perf_counter() - started)
    return float(np.median(taken))


def speed(student: SentenceEncoder, teacher: SentenceEncoder, texts: Sequence[str]) -> list[Row]:
    """Milliseconds per call beside the exact encoder, and how many times as fast."""
    import torch

    rows = []
    threads = torch.get_num_threads()
    for size in _SIZES:
        some = [texts[i % len(texts)] for i in range(size)]
        fast, exact = (1e3 * _seconds(encoder, some, _REPEATS) for encoder in (student, teacher))
        name = f"{size} text{'s' * (size > 1)}, {student.dtype} against {teacher.dtype}, threads: {threads}"
        rows.append(Row(name, fast, "ms", exact, exact / fast, better="lower"))
    return rows


def main(argv: Sequence[str]) -> int:
    """Measure and print."""
    options = parse(BenchEncoder, argv, "python -m benchmarks.encoder")
    from rlgen.generation import EmbeddedGenerator
    from rlgen.text import Judge, Reader
    from rlgen.text.encoding.loading import encoder_of

    student, teacher = encoder_of(options.encoder), encoder_of("minilm")
    reader, judge = Reader.load(options.readers, teacher), Judge.load(options.judge, teacher)
    probes = held_out(EmbeddedGenerator.load(options.generator), options.contexts, options.seed)
    rows = speed(student, teacher, probes[1].replies) + faithfulness(student, teacher, reader, judge, probes)
    show("encoder", rows, options.as_json)
    return 0


if __name__ == "__main__":
    sys.exit(call("python -m benchmarks.encoder", main, sys.argv[1:]))
