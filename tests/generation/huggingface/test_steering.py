"""Steering keeps lengths, moves what is said along a direction, and leaves the unconditioned model alone."""

from __future__ import annotations

import shutil
from typing import get_args

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from rlgen import artifacts
from rlgen.affect import SADNESS
from rlgen.artifacts import Manifest
from rlgen.errors import ArtifactError, ConfigError
from rlgen.experiments import cli
from rlgen.experiments.commands import fit_steering as fit_steering_command
from rlgen.generation import HuggingFaceGenerator
from rlgen.generation.huggingface import directions
from rlgen.generation.huggingface.steering import (
    DIRECTIONS,
    Steerer,
    Steering,
    contrasts,
    fit_steering,
    steer,
    told_apart,
)
from rlgen.hardware import place
from rlgen.rng import Streams
from rlgen.text.language_models.pretrained import load_pretrained

ROWS = 6
CONTRASTS = contrasts()


@pytest.fixture
def say(generator, opening, estimated, asked):
    def replies(by=generator, **controls):
        said = opening([f"My exam {i} makes me sad." for i in range(ROWS)])
        return by.reply(said, estimated([SADNESS] * ROWS), asked(ROWS, **controls), Streams.of(0, ROWS))

    yield replies
    generator.steer(None)


def test_lengths_are_kept_and_the_direction_is_taken():
    draw = torch.Generator().manual_seed(0)
    hidden, push = torch.randn(50, 32, generator=draw), torch.randn(50, 32, generator=draw)
    push[:3] = 0
    moved = steer(hidden, push)
    assert torch.allclose(moved.norm(dim=1), hidden.norm(dim=1), rtol=1e-5)
    assert torch.equal(moved[:3], hidden[:3])
    cosine = torch.nn.functional.cosine_similarity
    assert (cosine(moved[3:], push[3:]) > cosine(hidden[3:], push[3:])).all()
    narrow = steer(hidden.bfloat16(), push)
    assert narrow.dtype == torch.bfloat16


def test_a_direction_is_the_difference_of_means(generator):
    pairs = {"warmth": [("I am so glad.", "Noted."), ("You matter to me here.", "The list is long.")]}
    hooks = sum(len(module._forward_hooks) for module in generator.model.modules())
    steering = fit_steering(generator.model, generator.tokenizer, pairs)
    assert hooks == sum(len(module._forward_hooks) for module in generator.model.modules())

    def mean(text):
        ids = torch.tensor([generator.tokenizer(text).input_ids])
        with torch.no_grad():
            states = generator.model(ids, output_hidden_states=True).hidden_states
        return states[1][0].mean(0)  # after the first layer; after the last one stands a norm

    expected = sum(mean(has) - mean(lacks) for has, lacks in pairs["warmth"]) / 2
    assert steering.vectors["warmth"].shape == (2, 32)
    assert torch.allclose(steering.vectors["warmth"][0], expected, atol=1e-5)


def test_logits_move_along_the_direction_at_the_last_position_alone(generator):
    """Pushed towards a word's own embedding in the last layer, that word gets likelier, the more the more."""
    model, word = generator.model, 300
    vectors = torch.zeros(2, 32)
    vectors[1] = 3 * torch.nn.functional.normalize(model.get_output_embeddings().weight[word].detach(), dim=0)
    ids = torch.randint(0, 500, (1, 12), generator=torch.Generator().manual_seed(0)).expand(4, -1)
    with torch.no_grad():
        plain = model(ids).logits
    steerer = Steerer(model, Steering({"warmth": vectors}))
    try:
        steerer.amounts = torch.tensor([[-1.0], [0.0], [1.0], [2.0]])
        with torch.no_grad():
            logits = model(ids).logits
    finally:
        steerer.remove()
    assert torch.allclose(logits[:, :-1], plain[:, :-1], atol=1e-5)
    assert torch.allclose(logits[1], plain[1], atol=1e-5)
    assert (logits[:, -1, word].diff() > 0.01).all()
    with torch.no_grad():
        assert torch.equal(model(ids).logits, plain)


def test_steering_is_heard_in_replies_but_not_at_weight_zero(generator, say):
    steering = fit_steering(generator.model, generator.tokenizer, CONTRASTS, strength=4.0)
    plain = {weight: say(weight=weight, warmth=1.0) for weight in (0.0, 1.0, 1.6)}
    before = generator.weights_sha256()
    generator.steer(steering)
    assert generator.weights_sha256() != before
    steered = {weight: say(weight=weight, warmth=1.0) for weight in (0.0, 1.0, 1.6)}
    assert (steered[0.0].ids == plain[0.0].ids).all()
    assert (steered[0.0].logprob == plain[0.0].logprob).all()
    for weight in (1.0, 1.6):
        assert not (steered[weight].ids == plain[weight].ids).all()
    generator.steer(None)
    assert generator.weights_sha256() == before
    assert (say(weight=1.6, warmth=1.0).ids == plain[1.6].ids).all()


def test_a_steered_row_is_the_same_in_every_batch(generator, say, mixed, alone):
    before = generator.reply(*mixed(24))
    generator.steer(fit_steering(generator.model, generator.tokenizer, CONTRASTS, strength=2.0))
    whole = generator.reply(*mixed(24))
    assert not (whole.ids == before.ids).all()
    assert len({int(n) for n in (whole.ids >= 0).sum(1)}) > 3, "replies of many lengths, so that rows are dropped"
    alone(generator, mixed(24), whole, range(24))


def test_amounts_follow_the_controls_and_the_regulating_target(estimated):
    steering = Steering({name: torch.ones(2, 4) for name in ("sadness", "directiveness", "warmth")}, strength=2.0)
    affect = estimated([SADNESS, SADNESS]).affect
    one = np.ones(2, dtype=np.float32)
    amounts = steering.amounts(affect, 0.5 * one, -one, np.array([1.0, 0.0], dtype=np.float32))
    assert amounts[:, 1:].tolist() == [[-2.0, 1.0], [-2.0, 1.0]]
    assert amounts[0, 0] == pytest.approx(2 * 0.25 * 0.8), "a trace of shared sadness, as much as the state is sad"
    assert amounts[1, 0] == 0


def test_contrasts_have_known_directions():
    assert set(CONTRASTS) <= set(DIRECTIONS)
    assert all(has != lacks for pairs in CONTRASTS.values() for has, lacks in pairs)


def manifest():
    return Manifest(name="x", kind=directions.KIND, description="", command="a test", settings={"model": "tiny"})


def test_directions_are_written_and_read_for_their_model_alone(generator, tiny_models, tmp_path, say):
    fitted = fit_steering(generator.model, generator.tokenizer, CONTRASTS, strength=4.0)
    directions.save(tmp_path / "made", fitted, generator.model, manifest())
    read = directions.read(tmp_path / "made", generator.model)
    assert all(torch.equal(read.vectors[name], 4.0 * fitted.vectors[name]) for name in CONTRASTS)
    generator.steer(fitted)
    by_hand = say(weight=1.4)
    path = generator.model.name_or_path
    again = HuggingFaceGenerator(path, dtype="fp32", max_new_tokens=8, steering=tmp_path / "made")
    assert again.weights_sha256() != HuggingFaceGenerator(path, dtype="fp32", max_new_tokens=8).weights_sha256()
    assert (say(again, weight=1.4).ids == by_hand.ids).all()
    for other in (folder for folder in tiny_models.values() if str(folder) != path):
        with pytest.raises(ArtifactError, match="another model") as caught:
            HuggingFaceGenerator(other, max_new_tokens=8, steering=str(tmp_path / "made"))
        assert "\n" not in str(caught.value)


def test_which_model_it_is_depends_on_weights_not_on_folder_or_precision(tiny_models, tmp_path):
    def hashed(path, dtype="fp32"):
        return directions.model_sha256(load_pretrained(path, *place("cpu", dtype)).model)

    path = tiny_models["llama_chat"]
    own = hashed(path)
    moved = shutil.copytree(path, tmp_path / "moved")
    assert hashed(moved) == hashed(path, "bf16") == own
    assert hashed(tiny_models["mistral_window"]) != own
    weights = moved / "model.safetensors"
    tensors = load_file(weights)
    tensors["model.layers.1.mlp.up_proj.weight"] *= 1.1
    save_file(tensors, weights, metadata={"format": "pt"})
    assert hashed(moved) != own, "trained further"


def test_directions_that_cannot_be_read_are_refused(generator, tmp_path):
    path = generator.model.name_or_path
    with pytest.raises(ArtifactError, match="no artifact here"):
        HuggingFaceGenerator(path, max_new_tokens=8, steering=tmp_path / "absent")
    fitted = fit_steering(generator.model, generator.tokenizer, {"warmth": CONTRASTS["warmth"]})
    made = directions.save(tmp_path / "made", fitted, generator.model, manifest()).path
    (made / directions.VECTORS).write_bytes(b"no")
    with pytest.raises(ArtifactError, match="damaged"):
        HuggingFaceGenerator(path, max_new_tokens=8, steering=made)
    of_it = {"settings": {"model_sha256": directions.model_sha256(generator.model)}}
    artifacts.write(tmp_path / "bad", {directions.VECTORS: b"no"}, manifest().model_copy(update=of_it))
    with pytest.raises(ArtifactError, match="no directions can be read"):
        HuggingFaceGenerator(path, max_new_tokens=8, steering=tmp_path / "bad")


def test_layers_that_are_not_chosen_are_left_alone(generator):
    one = fit_steering(generator.model, generator.tokenizer, CONTRASTS, layers=[1])
    both = fit_steering(generator.model, generator.tokenizer, CONTRASTS)
    for name in CONTRASTS:
        assert not one.vectors[name][0].any()
        assert torch.equal(one.vectors[name][1], both.vectors[name][1])
    for wrong in (-1, 2):
        with pytest.raises(ConfigError, match="layers 0 to 1"):
            fit_steering(generator.model, generator.tokenizer, CONTRASTS, layers=[wrong])


def test_pairs_are_told_apart_by_the_direction_of_the_others():
    draw = torch.Generator().manual_seed(0)
    axis, noise = torch.randn(3, 64, generator=draw), torch.randn(400, 3, 64, generator=draw)
    shares = told_apart({"warmth": noise[:12] + 3 * axis, "fear": noise, "anger": noise[:1]})
    assert shares["warmth"] == 1.0
    assert shares["fear"] == pytest.approx(0.5, abs=0.1), "chance where pairs have nothing in common"
    assert "anger" not in shares


def test_the_command_writes_what_the_generator_reads(tiny_models, tmp_path, capsys):
    path, out = str(tiny_models["llama_chat"]), tmp_path / "made"
    words = ["--model", path, "--layers", "1", "--directions", "warmth", "fear", "--strength", "2", "--dtype", "fp32"]
    assert cli.main(["fit", "steering", "--out", str(out), *words]) == 0
    assert "warmth, of 5 pairs" in capsys.readouterr().out
    made = artifacts.load(out, directions.KIND).manifest
    assert made.command == (
        "rlgen fit steering --model DIR --out DIR --layers 1 --directions warmth fear --strength 2.0 --dtype fp32"
    )
    assert made.settings["layers"] == [1]
    assert set(made.quality["pairs_told_apart"]) == {"warmth", "fear"}
    generator = HuggingFaceGenerator(path, dtype="fp32", max_new_tokens=8)
    pairs = {name: CONTRASTS[name] for name in ("warmth", "fear")}
    expected = fit_steering(generator.model, generator.tokenizer, pairs, 2.0, [1])
    read = directions.read(out, generator.model)
    assert all(torch.allclose(read.vectors[name], 2 * expected.vectors[name]) for name in pairs)
    for wrong, said in (
        (["--layers", "7"], "layers 0 to 1"),
        (["--layers", "1", "1"], "twice"),
        (["--directions", "joy"], "directions"),
        (["--strength", "0"], "strength"),
        (["--device", "gpu9"], "device"),
    ):
        assert cli.main(["fit", "steering", "--out", str(tmp_path / "other"), "--model", path, *wrong]) == 2
        assert said in capsys.readouterr().err
    assert not (tmp_path / "other").exists()
    assert set(get_args(fit_steering_command.Direction)) == set(CONTRASTS)


def test_directions_that_do_not_fit_are_refused(generator):
    with pytest.raises(ConfigError, match="2 layers of width 32"):
        generator.steer(Steering({"warmth": torch.zeros(3, 32)}))
    with pytest.raises(ConfigError, match="joy"):
        Steering({"joy": torch.zeros(2, 32)})
    with pytest.raises(ConfigError, match="shapes"):
        Steering({"warmth": torch.zeros(2, 32), "fear": torch.zeros(2, 16)})
    with pytest.raises(ConfigError, match="no pairs"):
        fit_steering(generator.model, generator.tokenizer, {"warmth": []})
