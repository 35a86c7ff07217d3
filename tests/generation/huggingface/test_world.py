"""A world whose generator is a language model from a folder, and the options that it runs by."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from rlgen.config import validate
from rlgen.envs import World, world_config
from rlgen.envs.config import WorldConfig
from rlgen.envs.generators import Embedded, HuggingFace
from rlgen.envs.parts import load_parts
from rlgen.errors import ConfigError
from rlgen.experiments import cli
from rlgen.experiments.commands.simulate import SimulateOptions
from rlgen.experiments.options import parse
from rlgen.experiments.runs.run import Run
from rlgen.experiments.runs.training import TrainConfig
from rlgen.generation import HuggingFaceGenerator

ENV = "rlgen/SupportDynamic-v0"


@pytest.fixture
def source(tiny_models):
    return str(tiny_models["llama_chat"])


def test_a_world_speaks_with_a_language_model(source):
    config = world_config(ENV, generator=source, device="cpu")
    world = World(config, 3)
    generator = world.parts.pipeline.generator
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
    parts = load_parts(world_config(ENV, generator={"kind": "huggingface", "model": source, **options}, device="cpu"))
    generator = parts.pipeline.generator
    assert generator.model.dtype == torch.float32
    assert generator.max_new_tokens == generator._decoder.rules.limit == 7
    assert generator._decoder.rules.top_p == 0.5
    assert generator._decoder.steerer is not None
    assert not generator._guidance
    plain = load_parts(
        world_config(ENV, generator={"kind": "huggingface", "model": source, "dtype": "fp32"}, device="cpu")
    )
    assert plain.sha256["generator"] != parts.sha256["generator"], "directions are a part of what is frozen"
    assert {**parts.sha256, "generator": ""} == {**plain.sha256, "generator": ""}


def test_options_come_from_the_command_line_and_from_a_file(tmp_path):
    said = "{kind: huggingface, model: ./model, dtype: bf16, guidance: false, max_new_tokens: 9}"
    expected = HuggingFace(model="./model", dtype="bf16", guidance=False, max_new_tokens=9)
    options = parse(SimulateOptions, ["--generator", said], "simulate")
    assert options.world_config().generator == expected
    file = tmp_path / "train.yaml"
    file.write_text(f"generator: {said}\n")
    trained = parse(TrainConfig, ["--config", str(file), "--out", str(tmp_path)], "train")
    assert trained.world_config().generator == expected
    assert validate(WorldConfig, json.loads(json.dumps(trained.resolved()))["world"], "").generator == expected
    assert not [name for name in SimulateOptions.model_fields if name.startswith("hf")], "of one generator only"


def test_a_folder_says_what_it_holds(source, tmp_path):
    assert world_config(ENV, generator=source).generator == HuggingFace(model=source)
    assert world_config(ENV, generator="some/model").generator == HuggingFace(model="some/model")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="no generator is there"):
        world_config(ENV, generator=str(tmp_path / "empty"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"top_k": 5}, "no field 'generator.huggingface.top_k'"),
        ({"top_p": 1.5}, "generator.huggingface.top_p was 1.5"),
        ({"top_p": float("nan")}, "generator.huggingface.top_p was nan"),
        ({"max_new_tokens": 0}, "generator.huggingface.max_new_tokens was 0"),
        ({"dtype": "fp8"}, "generator.huggingface.dtype was 'fp8'"),
        ({"steering": ""}, "generator.huggingface.steering was ''"),
        ({"guidance": "sometimes"}, "generator.huggingface.guidance was 'sometimes'"),
        ({"model": ""}, "generator.huggingface.model was ''"),
        ({"kind": "hugingface"}, "`kind` is one of embedded, huggingface, constant, surface"),
    ],
)
def test_what_means_nothing_is_refused_in_a_sentence(options, words):
    with pytest.raises(ConfigError) as caught:
        world_config(ENV, generator={"kind": "huggingface", "model": "x", **options})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_command_line_refuses_in_a_sentence(source, tmp_path, capsys):
    out = ["--people", "1", "--num-envs", "1", "--out", str(tmp_path / "said.jsonl"), "--device", "cpu"]
    for options, said in (
        ("top_p: 2", "top_p was 2"),
        (f"steering: {tmp_path / 'nowhere'}", "no artifact here"),
        ("device: gpu9", "device was 'gpu9'"),
        ("max_new_tokens: 1000", "max_new_tokens"),
        ("steering: [", "not YAML"),
    ):
        words = ["--generator", f"{{kind: huggingface, model: {source}, {options}}}"]
        assert cli.main(["simulate", *words, *out]) == 2
        error = capsys.readouterr().err.strip().splitlines()[-1]
        assert error.startswith("rlgen simulate: ")
        assert said in error
    asked = f"{{kind: huggingface, model: {source}, max_new_tokens: 4, dtype: fp32}}"
    assert cli.main(["simulate", "--generator", asked, *out]) == 0
    assert (tmp_path / "said.jsonl").read_text().count("\n") >= 1


def test_a_run_keeps_its_generator_unless_it_is_exchanged(tmp_path):
    chosen = {"kind": "huggingface", "model": "./model", "top_p": 0.5, "dtype": "fp32"}
    config = TrainConfig(out=tmp_path / "run", generator=chosen)
    Run(tmp_path / "run").write_config(config.resolved())

    def world_of(**options):
        return SimulateOptions(**options).world_of(tmp_path / "run")[1:]

    own, other = world_of()
    assert (own.generator, other) == (HuggingFace(model="./model", top_p=0.5, dtype="fp32"), False)
    changed, other = world_of(generator={**chosen, "top_p": 0.9})
    assert (changed.generator.top_p, other) == (0.9, True)
    assert world_of(generator=chosen)[1] is False
    exchanged, other = world_of(generator="shipped:generator")
    assert (exchanged.generator, other) == (Embedded(), True)
