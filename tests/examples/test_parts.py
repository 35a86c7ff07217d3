"""Examples of a recognizer of one's own on raw sound, and of a Hugging Face model: they run, offline."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import numpy as np

from rlgen.envs import World, WorldConfig
from rlgen.seams import find

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_a_recognizer_on_raw_sound_is_what_a_world_recognises_with(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("RLGEN_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    runpy.run_path(str(EXAMPLES / "own_recognizer.py"), run_name="__main__")
    assert "first observations (4, " in capsys.readouterr().out
    file = EXAMPLES / "own_recognizer.py"
    config = WorldConfig(recognizer=f"{file}:Loudness", bank=f"{file}:two_actors", missing=(0.0, 1.0, 1.0))
    world = World(config, 6)
    world.reset(seed=1)
    affect = world.opening().estimate.affect
    np.testing.assert_allclose(affect[:, :6], 1 / 6, rtol=1e-6)
    assert np.ptp(affect[:, 7]) > 0, "voices differ in how aroused they sound"
    assert config == WorldConfig.model_validate(config.model_dump()), "and it can be written down"


def test_louder_voices_are_more_aroused():
    file = EXAMPLES / "own_recognizer.py"
    loudness, bank = find(f"{file}:Loudness")(), find(f"{file}:two_actors")()
    sound = bank.waveform(20)
    (quiet, _), (loud, _) = (loudness.listen(sound * factor) for factor in (np.float32(0.2), np.float32(1.0)))
    assert abs(loud - quiet - 20 * np.log10(5) / 6) < 0.05


def test_a_hugging_face_model_that_is_made_on_the_fly_answers(capsys, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(sys, "argv", ["huggingface_generator.py"])
    runpy.run_path(str(EXAMPLES / "huggingface_generator.py"), run_name="__main__")
    shown = capsys.readouterr().out
    assert all(f"turn {turn}" in shown for turn in (1, 2, 3))
    assert shown.count("\n  reply ") == 3


def test_examples_are_short():
    for name in ("own_recognizer.py", "huggingface_generator.py"):
        assert len((EXAMPLES / name).read_text().splitlines()) <= 60
