"""`python -m benchmarks.decode`: speed of the decoder beside its peers, at the same sizes and lengths."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from statistics import median
from typing import Final, Literal

import torch
from pydantic import Field

from benchmarks.decode.ours import PROMPT, Ours, draw_texts, prompted
from benchmarks.decode.peers import CTranslate, Generate
from rlgen.experiments.cli import call
from rlgen.experiments.display.progress import note
from rlgen.experiments.display.tables import Row, show
from rlgen.experiments.options import TableOptions, parse
from rlgen.generation.embedded.model import Shape
from rlgen.hardware import usable

NEW: Final = 24
# The window is the shipped one, so a reply here attends over as many columns as one in a world.
SHAPES: Final = {
    "shipped": replace(Shape(), reply=NEW),
    "larger": replace(Shape(vocabulary=4096, width=288, layers=4, heads=6), reply=NEW),
}
TARGETS: Final = {"generate(), 1": 3.0, "generate(), 64": 6.0, "CTranslate2, 64": 2.0, "row by row, 256": 60.0}
OVERHEAD_TARGET: Final = 0.03
CUDA_ROWS: Final = (64, 256, 1024, 4096)
CUDA_TARGET: Final = (256, 1e6)  # at so many rows, tokens a second
CUDA_REPLY_TARGET: Final = 6.0  # ms of one reply alone
_MATRIX: Final = {"cpu": 2048, "cuda": 8192}
_SAID: Final = 24  # ids of each text in a dialogue that goes on


class DecodeOptions(TableOptions):
    """Speed of the decoder beside its peers: 48 prompt and 24 new ids, random weights, own controls in each row."""

    shapes: tuple[Literal["shipped", "larger"], ...] = Field(
        default=("shipped", "larger"), description="sizes: the shipped one, one of 5.4 million parameters"
    )
    repetitions: int = Field(default=7, ge=1, description="of every figure, peers in turn; the median counts")
    row_sample: int = Field(default=4, ge=1, description="rows that are timed for 256 rows one by one")
    device: str = Field(default="cpu", description="cpu, or cuda for tokens and replies a second there")


@dataclass(frozen=True)
class Job:
    """What is timed.

    Attributes:
        run: the timed part.
        prepare: called before each run, not timed.
    """

    run: Callable[[], object]
    prepare: Callable[[], object] = lambda: None


def interleaved(jobs: dict[str, Job], repetitions: int, finish: Callable[[], None]) -> dict[str, list[float]]:
    """Seconds of each run of each job, all jobs in turn, so that a drift of the machine hits all alike.

    Args:
        jobs: by name; each runs once before it is timed.
        repetitions: timed runs of each.
        finish: waits until the device has done what it was told.
    """
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for timed in range(repetitions + 1):
        for name, job in jobs.items():
            job.prepare()
            finish()
            started = time.perf_counter()
            job.run()
            finish()
            if timed:
                seconds[name].append(time.perf_counter() - started)
    return seconds


def multiply_adds(shape: Shape, context: float, spoken: bool) -> float:
    """Multiply-adds of one token, normalisations and conditioning left out.

    Args:
        shape: of the model.
        context: tokens that it attends to; columns that hold nothing are not work.
        spoken: whether it is asked for the next token; one that is only read is not.
    """
    packed = shape.width * (shape.heads + 2 * shape.stored) * shape.head
    layer = packed + 9 * shape.width**2 + 2 * shape.width * context
    return shape.layers * layer + (shape.vocabulary * shape.width if spoken else 0)


def product(where: torch.device) -> Job:
    """One product of large bf16 matrices, as a linear layer multiplies them."""
    a, b = torch.randn(2, _MATRIX[where.type], _MATRIX[where.type], device=where).to(torch.bfloat16)
    return Job(lambda: torch.mm(a, b.t()))


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    options = parse(DecodeOptions, argv, "python -m benchmarks.decode")
    where = usable(options.device)
    rows = []
    for name in options.shapes:
        bench = Bench(name, where, options)
        note(f"{name}: {bench.ours.parameters} parameters")
        rows += bench.on_cuda() if where.type == "cuda" else bench.on_cpu()
    show("decode", rows, options.as_json)
    return 0


class Bench:
    """The figures of one shape.

    Args:
        name: in `SHAPES`.
        where: the device.
        options: of the command.
    """

    def __init__(self, name: str, where: torch.device, options: DecodeOptions) -> None:
        self.name, self.where, self.options = name, where, options
        self.shape = SHAPES[name]
        self.ours = Ours(self.shape, options.device)
        self._generate = Generate(self.shape, PROMPT, where)

    def on_cpu(self) -> list[Row]:
        """Beside transformers and CTranslate2."""
        made = [Row(f"{self.name}: parameters", self.ours.parameters)]
        return made + self._beside_generate(1, TARGETS["generate(), 1"]) + self._of_64() + self._row_by_row(256)

    def on_cuda(self) -> list[Row]:
        """At many batch sizes beside `generate()`, and one reply alone."""
        made = [Row(f"{self.name}: parameters", self.ours.parameters)]
        for rows in CUDA_ROWS:
            made += self._beside_generate(rows, None, CUDA_TARGET[1] if rows == CUDA_TARGET[0] else None)
        dialogues, _, controls = prompted(1, self.shape, self.where)
        alone = self._time({"one": Job(lambda: self.ours.reply(dialogues, controls))})["one"]
        made.append(Row(f"{self.name}: one reply", alone * 1e3, "ms", target=CUDA_REPLY_TARGET, better="lower"))
        return made

    def _finish(self) -> None:
        if self.where.type == "cuda":
            torch.cuda.synchronize()

    def _runs(self, jobs: dict[str, Job]) -> dict[str, list[float]]:
        return interleaved(jobs, self.options.repetitions, self._finish)

    def _time(self, jobs: dict[str, Job]) -> dict[str, float]:
        """Median seconds of each job."""
        return {name: median(seconds) for name, seconds in self._runs(jobs).items()}

    def _row(self, what: str, value: float, unit: str = "", target: float | None = None) -> Row:
        return Row(f"{self.name}: {what}", value, unit, target=target)

    def _ours(self, rows: int, seconds: float, target: float | None = None) -> list[Row]:
        return [
            self._row(f"batch {rows}, tokens", rows * NEW / seconds, "tokens/s", target),
            self._row(f"batch {rows}, replies", rows / seconds, "replies/s"),
        ]

    def _times(self, rows: int, ours: float, peer: float, against: str, target: float | None) -> Row:
        """How many times as fast as a peer; both took the seconds given."""
        return Row(f"{self.name}: batch {rows}, times {against}", peer / ours, "", 1.0, peer / ours, target)

    def _beside_generate(self, rows: int, target: float | None, speed: float | None = None) -> list[Row]:
        dialogues, ids, controls = prompted(rows, self.shape, self.where)
        way = self._generate.settle(ids, controls[3])
        seconds = self._time(
            {
                "ours": Job(lambda: self.ours.reply(dialogues, controls)),
                "peer": Job(lambda: self._generate.speak(ids, controls[3])),
            }
        )
        ours, peer = seconds["ours"], seconds["peer"]
        return [
            *self._ours(rows, ours, speed),
            self._row(f"batch {rows}, generate() ({way})", rows * NEW / peer, "tokens/s"),
            self._times(rows, ours, peer, "generate()", target),
        ]

    def _of_64(self) -> list[Row]:
        rows = 64
        dialogues, ids, controls = prompted(rows, self.shape, self.where)
        temperature = controls[3]
        ours, alike = self.ours, Ours(self.shape, self.options.device, alike=True)
        as_it_comes = Generate(self.shape, PROMPT, self.where, ("sdpa",))
        whole = draw_texts(rows, self.shape, [_SAID] * 5)  # three utterances and the replies between them
        heard = [texts[:3] for texts in whole]
        apart = Ours(self.shape, self.options.device)
        cache = apart.prefill(dialogues)
        ways = {
            "generate()": self._generate.settle(ids, temperature),
            "generate() as it comes": as_it_comes.settle(ids, temperature),
        }
        jobs = {
            "ours": Job(lambda: ours.reply(dialogues, controls)),
            "alike": Job(lambda: alike.reply(dialogues, controls)),
            "speaking": Job(lambda: apart.generate(cache, controls)),
            "goes on": Job(lambda: ours.reply(whole, controls), lambda: ours.prefill(heard)),
            "anew": Job(lambda: ours.reply(whole, controls)),
            "generate()": Job(lambda: self._generate.speak(ids, temperature)),
            "generate() as it comes": Job(lambda: as_it_comes.speak(ids, temperature)),
            "product": product(self.where),
        }
        if find_spec("ctranslate2") is None:
            note("CTranslate2 is left out: it is not installed (pip install ctranslate2)")
        else:
            translate = CTranslate(self.shape, PROMPT)
            words, warm = translate.words(ids), float(temperature.mean())
            ways["CTranslate2"] = translate.settle(ids, warm)
            jobs["CTranslate2"] = Job(lambda: translate.speak(words, warm))
        runs = self._runs(jobs)
        seconds = {name: median(taken) for name, taken in runs.items()}
        made = self._ours(rows, seconds["ours"])
        for peer, way in ways.items():
            made.append(self._row(f"batch 64, {peer} ({way})", rows * NEW / seconds[peer], "tokens/s"))
            target = TARGETS.get(f"{peer}, 64")
            made.append(self._times(rows, seconds["ours"], seconds[peer], peer, target))
        own = median([a / b for a, b in zip(runs["ours"], runs["alike"], strict=True)]) - 1
        made += [
            Row(f"{self.name}: batch 64, cost of own controls", own, target=OVERHEAD_TARGET, better="lower"),
            self._row("batch 64, going on over reading anew", seconds["anew"] / seconds["goes on"]),
        ]
        return made + self._shares(rows, seconds)

    def _shares(self, rows: int, seconds: dict[str, float]) -> list[Row]:
        """Shares of the rate of a large bf16 product that speaking and the whole call reach."""
        rate = _MATRIX[self.where.type] ** 3 / seconds["product"]
        read = (PROMPT - 1) * multiply_adds(self.shape, PROMPT / 2, spoken=False)
        # The first of them has the prompt before it, itself included; each other one more.
        said = NEW * multiply_adds(self.shape, PROMPT + (NEW - 1) / 2, spoken=True)
        return [
            self._row("bf16 matrix product", 2 * rate / 1e9, "GFLOP/s"),
            self._row("batch 64, share of that rate", rows * (read + said) / seconds["ours"] / rate),
            self._row("batch 64, share of that rate, speaking", rows * said / seconds["speaking"] / rate),
        ]

    def _row_by_row(self, rows: int) -> list[Row]:
        dialogues, ids, controls = prompted(rows, self.shape, self.where)
        self._generate.settle(ids[:1], controls[3])
        sample = min(self.options.row_sample, rows)

        def one_by_one() -> None:
            for i in range(sample):
                self._generate.speak(ids[i : i + 1], controls[3][i : i + 1])

        seconds = self._time({"ours": Job(lambda: self.ours.reply(dialogues, controls)), "peer": Job(one_by_one)})
        ours, peer = seconds["ours"], seconds["peer"] * rows / sample
        against = f"generate() row by row ({sample} timed)"
        return [
            *self._ours(rows, ours),
            self._row(f"batch {rows}, {against}", rows * NEW / peer, "tokens/s"),
            self._times(rows, ours, peer, against, TARGETS["row by row, 256"]),
        ]


if __name__ == "__main__":
    sys.exit(call("python -m benchmarks.decode", main, sys.argv[1:]))
