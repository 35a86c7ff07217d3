"""A world whose generator is a language model from a folder, and the options that it runs by."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from rlgen.config import validate
from rlgen.envs import World, world_config
from rlgen.envs.config import WorldConfig
from rlgen.envs.parts import load_parts
from rlgen.errors import ConfigError
from rlgen.experiments import cli
from rlgen.experiments.commands.simulate import SimulateOptions
from rlgen.experiments.options import parse
from rlgen.experiments.runs.run import Run
from rlgen.experiments.runs.training import TrainConfig
from rlgen.generation import HuggingFaceGenerator
from rlgen.generation.huggingface.options import HuggingFaceOptions

ENV = "rlgen/SupportDynamic-v0"


@pytest.fixture
def source(tiny_models):
    return f"hf:{tiny_models['llama_chat']}"


def test_a_world_speaks_with_a_language_model(source):
    config = world_config(ENV, generator=source, device="cpu")
    world = World(config, 3)
    generator = world.parts.speech.generator
    assert isinstance(generator, HuggingFaceGenerator)
    world.reset(seed=1)
    actions = np.random.default_rng(0).uniform(-1, 1, (3, 3, 4)).astype(np.float32)
    for turn, action in enumerate(actions):
        world.step(action)
        assert generator.calls == turn + 1


def test_the_options_reach_the_model(source, tiny_models, tmp_path):
    made = tmp_path / "directions"
    asked = ["--model", str(tiny_models["llama_chat"]), "--out", str(made), "--dtype", "fp32"]
    assert cli.main(["fit", "steering", *asked]) == 0
    options = {
        "dtype": "fp32", "steering": str(made), "guidance": False, "max_new_tokens": 7, "top_p": 0.5,
    }  # fmt: skip
    parts = load_parts(world_config(ENV, generator=source, device="cpu", hf=options))
    generator = parts.speech.generator
    assert generator.model.dtype == torch.float32
    assert generator.max_new_tokens == generator._decoder.rules.limit == 7
    assert generator._decoder.rules.top_p == 0.5
    assert generator._decoder.steerer is not None
    assert generator._decoder.words is not None
    assert not generator._guidance
    plain = load_parts(world_config(ENV, generator=source, device="cpu", hf={"dtype": "fp32"}))
    assert plain.sha256["generator"] != parts.sha256["generator"], "directions are a part of what is frozen"
    assert {**parts.sha256, "generator": ""} == {**plain.sha256, "generator": ""}


def test_every_option_of_the_generator_has_a_flag():
    flags = {name.removeprefix("hf_") for name in SimulateOptions.model_fields if name.startswith("hf_")}
    assert flags == set(HuggingFaceOptions.model_fields)


def test_options_come_from_the_command_line_and_from_a_file(tmp_path):
    words = ["--generator", "hf:./model", "--hf-dtype", "bf16", "--hf-guidance", "False", "--hf-max-new-tokens", "9"]
    options = parse(SimulateOptions, words, "simulate")
    expected = HuggingFaceOptions(dtype="bf16", guidance=False, max_new_tokens=9)
    assert options.world_config().hf == expected
    file = tmp_path / "train.yaml"
    file.write_text("generator: hf:./model\nhf_top_p: 0.5\nworld: {hf: {top_p: 0.7, dtype: fp32}}\n")
    trained = parse(TrainConfig, ["--config", str(file), "--out", str(tmp_path), "--hf-device", "cpu"], "train")
    expected = HuggingFaceOptions(top_p=0.5, dtype="fp32", device="cpu")
    assert trained.world_config().hf == expected, "a flag wins over the file, the file's field over its world"
    assert validate(WorldConfig, json.loads(json.dumps(trained.resolved()))["world"], "").hf == expected


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"hf": {"top_p": 0.5}}, "options of a generator hf:MODEL, but the generator is 'shipped:generator'"),
        ({"generator": "constant:Hm.", "hf": {}}, "the generator is 'constant:Hm.'"),
        ({"generator": "hf:x", "hf": {"top_k": 5}}, "no field 'hf.top_k'"),
        ({"generator": "hf:x", "hf": {"top_p": 1.5}}, "hf.top_p was 1.5"),
        ({"generator": "hf:x", "hf": {"top_p": float("nan")}}, "hf.top_p was nan"),
        ({"generator": "hf:x", "hf": {"max_new_tokens": 0}}, "hf.max_new_tokens was 0"),
        ({"generator": "hf:x", "hf": {"dtype": "fp8"}}, "hf.dtype was 'fp8'"),
        ({"generator": "hf:x", "hf": {"steering": ""}}, "hf.steering was ''"),
        ({"generator": "hf:x", "hf": {"guidance": "sometimes"}}, "hf.guidance was 'sometimes'"),
    ],
)
def test_what_means_nothing_is_refused_in_a_sentence(options, words):
    with pytest.raises(ConfigError) as caught:
        world_config(ENV, **options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_command_line_refuses_in_a_sentence(source, tmp_path, capsys):
    out = ["--people", "1", "--num-envs", "1", "--out", str(tmp_path / "said.jsonl"), "--device", "cpu"]
    for words, said in (
        (["--hf-top-p", "0.5"], "options of a generator hf:MODEL"),
        (["--generator", source, "--hf-top-p", "2"], "hf.top_p was 2.0"),
        (["--generator", source, "--hf-steering", str(tmp_path / "nowhere")], "no artifact here"),
        (["--generator", source, "--hf-device", "gpu9"], "device was 'gpu9'"),
        (["--generator", source, "--hf-max-new-tokens", "1000"], "max_new_tokens"),
        (["--generator", "hf:", "--hf-dtype", "fp32"], "no model was named"),
    ):
        assert cli.main(["simulate", *words, *out]) == 2
        error = capsys.readouterr().err.strip().splitlines()[-1]
        assert error.startswith("rlgen simulate: ")
        assert said in error
    words = ["--generator", source, "--hf-max-new-tokens", "4", "--hf-dtype", "fp32"]
    assert cli.main(["simulate", *words, *out]) == 0
    assert (tmp_path / "said.jsonl").read_text().count("\n") >= 1


def test_a_run_keeps_its_options_unless_its_generator_is_exchanged(tmp_path):
    config = TrainConfig(out=tmp_path / "run", generator="hf:./model", hf_top_p=0.5, hf_dtype="fp32")
    Run(tmp_path / "run").write_config(config.resolved())

    def world_of(**options):
        return SimulateOptions(**options).world_of(tmp_path / "run")[1:]

    own, other = world_of()
    assert (own.hf, other) == (HuggingFaceOptions(top_p=0.5, dtype="fp32"), False)
    changed, other = world_of(hf_top_p=0.9)
    assert (changed.hf, other) == (HuggingFaceOptions(top_p=0.9, dtype="fp32"), True)
    assert world_of(generator="hf:./model")[1] is False
    exchanged, other = world_of(generator="shipped:generator")
    assert (exchanged.hf, other) == (None, True)


def test_a_world_without_a_language_model_is_described_as_before():
    """A run that was made before there were such options has the same config, and can be resumed."""
    config = world_config(ENV)
    assert "hf" not in config.model_dump()
    assert "hf" not in json.loads(config.model_dump_json())
    assert validate(WorldConfig, config.model_dump(mode="json"), "") == config
    assert world_config(ENV, generator="hf:x", hf={}).model_dump()["hf"] == HuggingFaceOptions().model_dump()
