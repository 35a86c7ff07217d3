"""Training data carries the labels it should, and a stopped run goes on to the same bits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from rlgen.errors import ConfigError, DataError
from rlgen.generation.embedded import EmbeddedGenerator
from rlgen.generation.examples import batches, encode, soft_affect, weights
from rlgen.generation.fit import SIZES, Corpus, Recipe, Trainer, fit, rate
from rlgen.generation.tokenizer import END, SUPPORTER, Tokenizer, clean

RECIPE = Recipe(size="tiny", tokens=30_000, batch_tokens=1024)


@pytest.fixture(scope="module")
def tokenizer(corpus):
    return Tokenizer.train([clean(e.reply) for e in corpus.chunk(0)], 400)


def test_depth_becomes_weight():
    rng = np.random.default_rng(0)
    plain, middle, deep = (weights(np.full(4000, s, dtype=np.float32), rng) for s in (0.0, 0.5, 1.0))
    assert 0.06 < np.mean(plain == 0) < 0.10
    assert plain[plain > 0].min() < 0.15
    assert plain.max() < middle.min() < middle.max() < deep.min()
    assert deep.max() == pytest.approx(2.0, abs=0.01)
    assert (middle > 0).all()


def test_affect_is_softened_like_a_recognizer():
    rng = np.random.default_rng(0)
    affect = soft_affect(np.full(4000, 3), np.full(4000, 0.7, dtype=np.float32), rng)
    assert np.allclose(affect[:, :6].sum(axis=1), 1, atol=1e-5)
    assert np.abs(affect).max() <= 1
    assert affect[:, 3].mean() > 0.4
    assert affect[:, 3].std() > 0.15


def test_batches_hold_every_example_once_with_its_labels(corpus, tokenizer):
    shape = SIZES["tiny"]
    exchanges = corpus.chunk(0)
    examples = encode(exchanges, tokenizer, shape)
    assert len(examples) == len(exchanges)
    count = 0
    for batch in batches(examples, 1024, np.random.default_rng(0), exact=True):
        assert batch.ids.size <= 1024 or len(batch.ids) == 1
        for ids, target, weight, tone in zip(batch.ids, batch.target, batch.weight, batch.tone, strict=True):
            asked = target >= 0
            start = int(asked.argmax())
            assert ids[start] == SUPPORTER
            assert target[asked][-1] == END
            assert np.array_equal(target[asked][:-1], ids[start + 1 :][: asked.sum() - 1])
            assert (weight[:start] == 0).all()
            reply = tokenizer.decode([target[asked].tolist()])[0]
            assert ("glad" in reply) == (tone[0] == 1)
            assert ("deeply" in reply) == (weight[start] > 1.5)
            count += 1
    assert count == len(examples)


def test_rate_warms_up_and_falls_to_zero():
    shares = np.linspace(0, 1, 200)
    rates = np.array([rate(s, 2.0) for s in shares])
    assert rates[0] < 0.05
    assert rates.max() == pytest.approx(2.0, abs=0.05)
    assert rates[-1] == pytest.approx(0, abs=1e-6)


def test_stopped_training_goes_on_to_the_same_bits(corpus, tmp_path):
    class Stop(Exception):
        pass

    def stop(progress):
        if progress.seen > 15_000:
            raise Stop

    whole = fit(RECIPE, corpus, tmp_path / "whole", "test")
    checkpointed = tmp_path / "broken"
    import rlgen.generation.fit as module

    every, module._CHECKPOINT_EVERY = module._CHECKPOINT_EVERY, 5  # type: ignore[misc]
    try:
        with pytest.raises(Stop):
            fit(RECIPE, corpus, checkpointed, "test", stop)
        assert not checkpointed.exists(), "nothing half-written"
        fit(RECIPE, corpus, checkpointed, "test")
    finally:
        module._CHECKPOINT_EVERY = every  # type: ignore[misc]
    assert list(tmp_path.glob("*.checkpoint*")) == []
    one, two = (EmbeddedGenerator.load(tmp_path / name).weights_sha256() for name in ("whole", "broken"))
    assert one == two
    assert whole.quality["held_out"]["perplexity"] > 1


def test_damaged_checkpoint_is_named(tmp_path):
    path = tmp_path / "x.checkpoint"
    path.write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"x\.checkpoint"):
        Trainer.from_checkpoint(path, RECIPE)


def test_checkpoint_of_another_recipe_is_left_alone(tokenizer, tmp_path):
    Trainer(RECIPE, tokenizer).save_checkpoint(tmp_path / "x.checkpoint")
    assert Trainer.from_checkpoint(tmp_path / "x.checkpoint", Recipe(size="tiny", seed=5)) is None


def test_places_and_devices_that_cannot_be_used(corpus, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="file"):
        fit(RECIPE, corpus, tmp_path / "file" / "generator", "test")
    with pytest.raises(ConfigError, match="abacus"):
        fit(replace(RECIPE, device="abacus"), corpus, tmp_path / "generator", "test")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_corpus_without_a_reply_that_fits(corpus, tmp_path):
    empty = Corpus(lambda _: [], corpus.held_out, "nothing")
    trainer = Trainer(RECIPE, Tokenizer.train(["a b"], 300))
    from rlgen.generation.fit import train

    with pytest.raises(DataError, match="no reply"):
        train(trainer, empty, tmp_path / "x.checkpoint", lambda _: None)


def test_gradients_reach_every_tensor_once_modulation_has_begun(corpus, tokenizer):
    trainer = Trainer(RECIPE, tokenizer)
    examples = encode(corpus.chunk(0)[:50], tokenizer, trainer.shape)
    batch = next(iter(batches(examples, 2048, np.random.default_rng(0))))
    for _ in range(2):
        trainer.step(batch)
    for name, parameter in trainer.network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name
