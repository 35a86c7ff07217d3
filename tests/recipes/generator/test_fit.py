"""Training data carries the labels it should, and a stopped run goes on to the same bits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from recipes.generator.alignment import lexicon, misalignment
from recipes.generator.examples import batches, encode, soft_affect, weights
from recipes.generator.fit import SIZES, Corpus, Recipe, Trainer, fit, rate
from rlgen.errors import ConfigError, DataError
from rlgen.generation.embedded.generator import EmbeddedGenerator
from rlgen.generation.embedded.tokenizer import END, SUPPORTER, Tokenizer
from rlgen.text.plain import clean

RECIPE = Recipe(size="tiny", tokens=30_000, batch_tokens=1024)


@pytest.fixture(scope="module")
def tokenizer(corpus):
    return Tokenizer.train([clean(t.reply) for d in corpus.chunk(0) for t in d.turns], 400)


def test_depth_becomes_weight():
    rng = np.random.default_rng(0)
    plain, middle, deep = (weights(np.full(4000, s, dtype=np.float32), rng) for s in (0.0, 0.5, 1.0))
    assert 0.15 < np.mean(plain == 0) < 0.25
    assert np.mean(middle == 0) < 0.02
    assert (deep > 0).all()
    assert deep.max() == 2.0
    assert plain.mean() < middle.mean() < deep.mean()
    # No weight belongs to one depth alone, so no step is learned along it.
    assert np.quantile(plain, 0.95) > np.quantile(middle, 0.3)
    assert np.quantile(middle, 0.95) > np.quantile(deep, 0.3)


def test_some_words_of_replies_are_misheard_and_nothing_else(corpus, tokenizer):
    examples = encode(corpus.chunk(0), tokenizer, SIZES["tiny"])
    rows = {True: [], False: []}
    for exact in rows:  # in one batch, so that order does not matter
        batch = next(batches(examples, 10**9, np.random.default_rng(0), exact=exact))
        rows[exact] = sorted(zip(batch.reply.tolist(), batch.ids.tolist(), batch.branch.tolist(), strict=True))
    differ, spoken = 0, 0
    for (reply, ids, branch), (same_reply, misheard, _) in zip(rows[True], rows[False], strict=True):
        assert reply == same_reply
        apart = np.array(ids) != np.array(misheard)
        own = np.array(branch) & (np.array(ids) != SUPPORTER)
        assert not apart[~own].any()
        differ, spoken = differ + apart.sum(), spoken + own.sum()
    assert 0.03 < differ / spoken < 0.06


def test_affect_is_softened_like_a_recognizer():
    rng = np.random.default_rng(0)
    affect = soft_affect(np.full(4000, 3), np.full(4000, 0.7, dtype=np.float32), rng)
    assert np.allclose(affect[:, :6].sum(axis=1), 1, atol=1e-5)
    assert np.abs(affect).max() <= 1
    assert affect[:, 3].mean() > 0.4
    assert affect[:, 3].std() > 0.15


def test_batches_hold_every_reply_once_with_its_labels(corpus, tokenizer):
    dialogues = corpus.chunk(0)
    examples = encode(dialogues, tokenizer, SIZES["tiny"])
    assert len(examples) == len(dialogues)
    replies = []
    for batch in batches(examples, 1024, np.random.default_rng(0), exact=True):
        assert batch.ids.size <= 1024 or len(batch.ids) == 1
        assert (batch.weight[~batch.branch] == 0).all()
        assert ((batch.reply >= 0) == batch.branch).all()
        assert not (batch.utterance >= 0)[batch.branch].any()
        for row in range(len(batch.ids)):
            for turn in range(batch.exchange[row].max() + 1):
                of = batch.branch[row] & (batch.exchange[row] == turn)
                ids, target = batch.ids[row][of], batch.reply[row][of]
                assert ids[0] == SUPPORTER
                assert target[-1] == END
                assert np.array_equal(target[:-1], ids[1:])
                start = batch.position[row][of][0]
                assert np.array_equal(batch.position[row][of], start + np.arange(of.sum()))
                read = ~batch.branch[row] & (batch.ids[row] != 0)
                before = batch.ids[row][read & (batch.position[row] < start)]
                assert tokenizer.decode([before.tolist()])[0].endswith(("Hello.", "sad.", "angry.", "afraid.", "fine."))
                reply = tokenizer.decode([target.tolist()])[0]
                replies.append(reply)
                assert ("glad" in reply) == (batch.tone[row, turn, 0] == 1)
                assert ("deeply" in reply) == (batch.weight[row][of][0] > 1.5)
    assert sorted(replies) == sorted(t.reply for d in dialogues for t in d.turns)


def test_lengths_are_those_of_the_sequences(corpus, tokenizer):
    examples = encode(corpus.chunk(0), tokenizer, SIZES["tiny"])
    held = [int((b.ids != 0).sum()) for b in batches(examples, 1, np.random.default_rng(0))]
    assert sorted(held) == sorted(examples.lengths().tolist())


def test_the_lexicon_hears_the_feeling_words(corpus, tokenizer):
    examples = encode(corpus.chunk(0), tokenizer, SIZES["tiny"])
    affect = lexicon(examples, tokenizer.size)
    for word, category in (("angry", 3), ("afraid", 4)):
        ids = tokenizer.encode([word])[0]
        assert affect[ids].sum(axis=0)[:6].argmax() == category
    assert not affect[END].any()


def test_misalignment_of_the_truth_and_of_its_opposite():
    affect = torch.tensor([[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0]])
    sure = 50 * torch.eye(3)
    target, owner = torch.tensor([1, 0, 2]), torch.tensor([0, 0, 2])
    assert float(misalignment(sure[target], target, owner, 3, affect)) == pytest.approx(0.0, abs=1e-5)
    assert float(misalignment(sure[torch.tensor([2, 0, 1])], target, owner, 3, affect)) == pytest.approx(2.0, abs=1e-5)
    half = torch.stack([sure[0], sure[0], sure[2]])  # one reply of two without emotion: its cosine is 0
    assert float(misalignment(half, target, owner, 3, affect)) == pytest.approx(0.5, abs=1e-5)


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
    import recipes.generator.fit as module

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
    assert whole.quality["held_out"]["again"]["perplexity"] > 1


def test_damaged_checkpoint_is_named(tmp_path):
    path = tmp_path / "x.checkpoint"
    path.write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"x\.checkpoint"):
        Trainer.from_checkpoint(path, RECIPE, "one")


def test_checkpoint_of_another_recipe_is_left_alone(tokenizer, tmp_path):
    Trainer(RECIPE, tokenizer, np.zeros((tokenizer.size, 8), np.float32)).save_checkpoint(
        tmp_path / "x.checkpoint", "one"
    )
    assert Trainer.from_checkpoint(tmp_path / "x.checkpoint", Recipe(size="tiny", seed=5), "one") is None
    assert Trainer.from_checkpoint(tmp_path / "x.checkpoint", RECIPE, "another") is None
    assert Trainer.from_checkpoint(tmp_path / "x.checkpoint", RECIPE, "one") is not None


def test_places_and_devices_that_cannot_be_used(corpus, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="file"):
        fit(RECIPE, corpus, tmp_path / "file" / "generator", "test")
    with pytest.raises(ConfigError, match="abacus"):
        fit(replace(RECIPE, device="abacus"), corpus, tmp_path / "generator", "test")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_corpus_without_a_reply_that_fits(corpus, tmp_path):
    empty = Corpus(lambda _: [], corpus.held_out, "nothing")
    trainer = Trainer(RECIPE, Tokenizer.train(["a b"], 300), np.zeros((300, 8), np.float32))
    from recipes.generator.fit import train

    with pytest.raises(DataError, match="no reply"):
        train(trainer, empty, tmp_path / "x.checkpoint", lambda _: None)


def test_gradients_reach_every_tensor_once_modulation_has_begun(corpus, tokenizer):
    examples = encode(corpus.chunk(0)[:50], tokenizer, SIZES["tiny"])
    trainer = Trainer(RECIPE, tokenizer, lexicon(examples, tokenizer.size))
    batch = next(iter(batches(examples, 2048, np.random.default_rng(0))))
    for _ in range(2):
        trainer.step(batch)
    for name, parameter in trainer.network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name
