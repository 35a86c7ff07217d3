"""The benches time what they say: equal work on both sides, counted multiply-adds, targets where they belong."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import latency as bench_latency
from benchmarks.decode import __main__ as bench_decode
from benchmarks.decode.__main__ import NEW, SHAPES, Job
from benchmarks.decode.ours import PROMPT, Ours, draw_controls, draw_texts, prompted
from rlgen.generation.embedded.model import Layout, Network, Shape
from rlgen.generation.embedded.tokenizer import END, PERSON, SUPPORTER
from rlgen.types import Replies

TINY = Shape(vocabulary=256, width=32, layers=2, heads=2, condition=8, prompt=176, reply=NEW)
CPU = torch.device("cpu")


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def ours():
    return Ours(TINY, "cpu")


def test_larger_shape_has_five_to_six_million_parameters():
    shape = SHAPES["larger"]
    assert 5e6 < sum(p.numel() for p in Network(shape).parameters()) < 6e6
    assert replace(SHAPES["shipped"], reply=Shape().reply) == Shape()


@pytest.mark.parametrize("shape", [TINY, replace(TINY, heads=4, shared=2)])
def test_multiply_adds_are_what_torch_counts(shape):
    network, length = Network(shape), 12
    where = torch.arange(length)[None]
    nothing = torch.zeros(1, length, dtype=torch.bool)
    layout = Layout(where, torch.zeros_like(where), nothing, nothing, ~nothing)
    affect, tone = torch.zeros(1, 1, 8), torch.zeros(1, 1, 2)
    with FlopCounterMode(display=False) as whole, torch.no_grad():
        network.logits(network(where, layout, torch.zeros(1, length), affect, tone))
    with FlopCounterMode(display=False) as conditioning, torch.no_grad():
        network.conditioner(affect[0], tone[0])
    # The network multiplies every token with every other and masks afterwards.
    counted = (whole.get_total_flops() - conditioning.get_total_flops()) / 2
    assert counted == length * bench_decode.multiply_adds(shape, length, spoken=True)


def test_our_replies_never_end_early_and_hold_what_was_asked(ours):
    dialogues, ids, controls = prompted(5, TINY, CPU)
    assert ids.shape == (5, PROMPT)
    assert (ids[:, 0] == PERSON).all()
    assert (ids[:, -1] == SUPPORTER).all()
    said = ours.reply(dialogues, controls)
    assert said.shape == (5, NEW)
    assert (said > END).all()
    cache = ours.prefill(dialogues)
    assert (cache.length[:5] == PROMPT - 1).all(), "what opens the reply is read by the first step"
    assert torch.equal(said, ours.generate(cache, controls))


def test_a_dialogue_that_goes_on_says_what_one_read_anew_says(ours):
    whole = draw_texts(6, TINY, [9] * 5)
    controls = draw_controls(6, TINY, CPU)
    ours.prefill([texts[:3] for texts in whole])
    assert torch.equal(ours.reply(whole, controls), Ours(TINY, "cpu").reply(whole, controls))


def test_alike_rows_are_what_the_decoder_says_of_equal_controls(ours):
    dialogues = draw_texts(4, TINY, [PROMPT - 2])
    controls = draw_controls(4, TINY, CPU)
    first = tuple(c[:1].expand_as(c) for c in controls[:3])
    alike = Ours(TINY, "cpu", alike=True).reply(dialogues, controls)
    assert torch.equal(alike, ours.reply(dialogues, (*first, *controls[3:])))


def test_controls_lie_in_their_ranges_and_differ_between_rows():
    affect, tone, weight, temperature, u = draw_controls(200, TINY, CPU)
    assert affect.shape == (200, 8)
    assert u.shape == (200, NEW)
    assert (tone.abs() <= 1).all()
    assert 0 <= weight.min() < 0.1
    assert 1.9 < weight.max() <= 2
    assert 0.3 <= temperature.min() < 0.35
    assert 1.25 < temperature.max() <= 1.3
    assert len(temperature.unique()) == 200


def test_jobs_take_turns_and_preparation_is_not_timed(monkeypatch):
    clock, told = [0.0], []
    monkeypatch.setattr(bench_decode.time, "perf_counter", lambda: clock[0])

    def spend(name: str, seconds: float) -> None:
        told.append(name)
        clock[0] += seconds

    jobs = {
        "a": Job(lambda: spend("a", 1.0), lambda: spend("before a", 10.0)),
        "b": Job(lambda: spend("b", 2.0)),
    }
    assert bench_decode.interleaved(jobs, 2, lambda: None) == {"a": [1.0, 1.0], "b": [2.0, 2.0]}
    assert told == ["before a", "a", "b"] * 3


def test_bench_decode_prints_one_line_with_every_target(monkeypatch, capsys, run_bench):
    monkeypatch.setitem(bench_decode.SHAPES, "shipped", TINY)
    monkeypatch.setitem(bench_decode._MATRIX, "cpu", 64)
    assert run_bench("decode", "--shapes", "shipped", "--repetitions", "1", "--row-sample", "1", "--json") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    rows = {row["name"]: row for row in json.loads(lines[0])["rows"]}
    targets = sorted(row["target"] for row in rows.values() if row["target"] is not None)
    with_translate = [2.0] if any("CTranslate2" in name for name in rows) else []
    assert targets == sorted([0.03, 3.0, 6.0, 60.0, *with_translate])
    assert rows["shipped: batch 64, tokens"]["value"] == pytest.approx(
        NEW * rows["shipped: batch 64, replies"]["value"]
    )
    assert all(np.isfinite(row["value"]) for row in rows.values())


def test_bench_decode_without_a_gpu_says_so(capsys, run_bench):
    if torch.cuda.is_available():
        pytest.skip("there is one")
    assert run_bench("decode", "--device", "cuda") == 2
    assert "device was 'cuda'" in capsys.readouterr().err


def test_latency_rows_are_percentiles_of_recognizer_and_generator_together():
    measured = {
        "recognizer": np.arange(101.0),
        "generator": 2 * np.arange(101.0),
        "ids": np.full(101, 7.0),
    }
    rows = {row.name: row for row in bench_latency.rows(measured, 50.0)}
    assert rows["recognizer to reply, p50"].value == pytest.approx(150.0)
    assert rows["recognizer to reply, p95"].value == pytest.approx(285.0)
    assert rows["recognizer to reply, p50"].met is False
    assert rows["recognizer to reply, p95"].target is None
    assert rows["generator, p95"].value == pytest.approx(190.0)
    assert rows["ids of a reply, mean"].value == 7


class _Fakes:
    """A bank, a recognizer and a generator that note what they are given."""

    def __init__(self) -> None:
        self.signals, self.heard = self, []

    def __len__(self) -> int:
        return 5

    def rows(self, index):
        return index

    def estimate(self, signals):
        assert 0 <= signals[0] < 5
        return signals

    def reply(self, context, estimate, controls, streams):
        assert 0.3 <= controls.temperature[0] <= 1.3
        self.heard.append((int(streams.episode[0]), int(context.turn[0]), list(context.texts[0])))
        return Replies(np.array([[7, 8, -1]]), [f"reply {len(self.heard)}"], np.zeros(1))


def test_latency_is_of_dialogues_that_go_on():
    fakes = _Fakes()
    measured = bench_latency.latencies(fakes, fakes, fakes, 20)
    assert (measured["ids"] == 2).all()
    assert {len(values) for values in measured.values()} == {20}
    assert len(fakes.heard) == 16 + 20, "one dialogue to warm up"
    for before, after in itertools.pairwise(fakes.heard):
        if after[1]:
            assert after[0] == before[0]
            assert after[2][:-2] == before[2]
        else:
            assert after[0] == before[0] + 1
            assert len(after[2]) == 1
