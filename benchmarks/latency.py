"""`python -m benchmarks.latency`: time from a person's signals to the reply, one dialogue at a time."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
from pydantic import Field

from rlgen.experiments.cli import call
from rlgen.experiments.display.tables import Row, show
from rlgen.experiments.options import TableOptions, parse
from rlgen.rng import Streams
from rlgen.types import CONTROL_RANGES, MAX_TURNS, Context, Controls

if TYPE_CHECKING:
    from rlgen.generation import EmbeddedGenerator
    from rlgen.perception import EmotionRecognizer, SignalBank

TARGETS: Final = {"cpu": 50.0, "cuda": 10.0}  # ms, median


class LatencyOptions(TableOptions):
    """Time from a person's signals to the reply, one dialogue at a time.

    Timed are the recognizer, from one utterance's features of speech, face and physiology to an
    estimate, and the generator, from the texts of the dialogue so far to the string of the reply.
    Not timed: computing the features from recordings (a bank holds them ready), the reader, the guard.
    The recognizer runs on the CPU wherever the generator runs.
    """

    generator: str = Field("shipped:generator", description="folder of a generator, or shipped:generator")
    recognizer: str = Field("shipped:recognizer", description="folder of a recognizer, or shipped:recognizer")
    bank: str = Field("shipped:signal_bank", description="folder of a signal bank, or shipped:signal_bank")
    calls: int = Field(default=240, ge=20, description="replies that are timed, in dialogues of 16 turns")
    threads: int = Field(default=1, ge=1, description="threads of the processor")
    device: str = Field(default="cpu", description="where the generator runs: cpu or cuda")


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    options = parse(LatencyOptions, argv, "python -m benchmarks.latency")
    from rlgen.generation import EmbeddedGenerator
    from rlgen.perception import EmotionRecognizer, SignalBank

    generator = EmbeddedGenerator.load(options.generator, device=options.device)
    recognizer, bank = EmotionRecognizer.load(options.recognizer), SignalBank.load(options.bank)
    with _threads(options.threads):
        measured = latencies(generator, recognizer, bank, options.calls)
    show("latency", rows(measured, TARGETS.get(options.device.split(":")[0])), options.as_json)
    return 0


@contextmanager
def _threads(number: int) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def latencies(
    generator: EmbeddedGenerator, recognizer: EmotionRecognizer, bank: SignalBank, calls: int
) -> dict[str, np.ndarray]:
    """Time one reply after the other; a dialogue goes on for `MAX_TURNS` turns, then another begins.

    Args:
        generator: answers; strings come back, so a device has done its work when they are there.
        recognizer: reads a random segment of the bank at each turn.
        bank: of signals.
        calls: replies that are timed, after one dialogue to warm up.

    Returns:
        `[calls]` each: ms of the recognizer and of the generator, ids of the reply.
    """
    from rlgen.text.utterances import utterances

    said = utterances()
    measured = np.zeros((3, calls))
    total = MAX_TURNS + calls
    dialogue: list[str] = []
    for number in range(total):
        episode, turn = divmod(number, MAX_TURNS)
        streams = replace(Streams.of(0, 1), episode=np.full(1, episode, dtype=np.uint32))
        if turn == 0:
            dialogue = []
        dialogue.append(said.text[int(streams.integers("bench.latency.utterance", len(said), turn)[0])])
        segment = streams.integers("bench.latency.segment", len(bank), turn)
        asked = streams.uniform("bench.latency.controls", turn, size=len(CONTROL_RANGES))[0]
        drawn = {
            name: np.array([low + u * (high - low)], dtype=np.float32)
            for u, (name, (low, high)) in zip(asked, CONTROL_RANGES.items(), strict=True)
        }
        context = Context([dialogue], np.full(1, turn, dtype=np.int64))
        signals = bank.signals.rows(segment)
        started = time.perf_counter()
        estimate = recognizer.estimate(signals)
        recognized = time.perf_counter()
        replies = generator.reply(context, estimate, Controls(**drawn), streams)
        spoken = time.perf_counter()
        dialogue = [*dialogue, replies.text[0]]
        if number >= MAX_TURNS:
            measured[:, number - MAX_TURNS] = (
                (recognized - started) * 1e3,
                (spoken - recognized) * 1e3,
                (replies.ids[0] >= 0).sum(),
            )
    return dict(zip(("recognizer", "generator", "ids"), measured, strict=True))


def rows(measured: dict[str, np.ndarray], target: float | None) -> list[Row]:
    """Percentiles of what was measured; the target is for the median of recognizer and generator together."""
    whole = measured["recognizer"] + measured["generator"]
    made = [
        Row("recognizer to reply, p50", float(np.percentile(whole, 50)), "ms", target=target, better="lower"),
        Row("recognizer to reply, p95", float(np.percentile(whole, 95)), "ms"),
    ]
    for part in ("recognizer", "generator"):
        made += [Row(f"{part}, p{q}", float(np.percentile(measured[part], q)), "ms") for q in (50, 95)]
    made.append(Row("ids of a reply, mean", float(measured["ids"].mean())))
    made.append(Row("calls", len(whole)))
    return made


if __name__ == "__main__":
    sys.exit(call("python -m benchmarks.latency", main, sys.argv[1:]))
