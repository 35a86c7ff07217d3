"""Scores beside those of the trainer's own measure, and beside what a decoder says of its own words."""

from __future__ import annotations

import numpy as np
import pytest

from recipes.generator.examples import encode, typical_weight
from recipes.generator.fit import Recipe, Trainer
from recipes.generator.scoring import Scorer
from rlgen.affect import from_category
from rlgen.errors import ArtifactError
from rlgen.generation.embedded.generator import EmbeddedGenerator
from rlgen.rng import Streams


@pytest.fixture(scope="module")
def scorer(trained):
    return Scorer(trained)


def labels(turns):
    """As training shows them."""
    affect = from_category(np.array([t.category for t in turns]), np.array([t.intensity for t in turns]))
    tone = np.array([[t.warmth, t.directiveness] for t in turns], dtype=np.float32)
    return affect, tone, typical_weight(np.array([t.weight for t in turns], dtype=np.float32))


def test_perplexity_is_that_of_the_trainer(scorer, corpus):
    dialogues = corpus.held_out["again"]
    trainer = Trainer(Recipe(size="tiny"), scorer.tokenizer, np.zeros((scorer.tokenizer.size, 8), dtype=np.float32))
    trainer.network.load_state_dict(scorer.network.state_dict())
    trainer.working = trainer.network  # float32, as the scorer
    expected = trainer.measure(encode(dialogues, scorer.tokenizer, scorer.shape))
    contexts, replies, turns = [], [], []
    for dialogue in dialogues:
        window: list[str] = []
        for turn in dialogue.turns:
            window = [*window, turn.said]
            contexts.append(window)
            replies.append(turn.reply)
            turns.append(turn)
            window = [*window, turn.reply]
    found = scorer.score(contexts, replies, *labels(turns))
    assert found.perplexity == pytest.approx(expected["perplexity"], rel=1e-4)
    assert found.bits_per_byte == pytest.approx(expected["bits_per_byte"], rel=1e-4)


def test_a_decoder_says_the_same_of_its_own_words(scorer, trained, corpus, asked, estimated, opening):
    generator = EmbeddedGenerator.load(trained, dtype="fp32")
    turns = [d.turns[-1] for d in corpus.chunk(0)[:40]]
    estimate, controls = estimated([t.category for t in turns]), asked(len(turns), warmth=1.0, temperature=1.0)
    context = opening([t.said for t in turns])
    replies = generator.reply(context, estimate, controls, Streams.of(3, len(turns)))
    tone = np.stack([controls.warmth, controls.directiveness], axis=1)
    found = scorer.score(context.texts, replies.text, estimate.affect, tone, controls.emotional_weight)
    # The decoder leaves out ids that no reply may hold, and may spell a text in other ids than the tokenizer.
    same = found.ids == (replies.ids >= 0).sum(axis=1) + 1
    assert same.mean() > 0.8
    assert np.median(np.abs(found.nats[same] + replies.logprob[same])) < 0.02


def test_weight_zero_knows_no_controls(scorer, corpus):
    turns = [d.turns[-1] for d in corpus.chunk(0)[:20]]
    contexts, replies = [[t.said] for t in turns], [t.reply for t in turns]
    affect, tone, _ = labels(turns)
    zero = np.zeros(len(turns), dtype=np.float32)
    one = scorer.score(contexts, replies, affect, tone, zero)
    two = scorer.score(contexts, replies, affect[::-1].copy(), -tone, zero)
    assert one.nats == pytest.approx(two.nats, abs=1e-6)


def test_an_empty_reply_is_only_an_end(scorer):
    found = scorer.score([["Hello."]], [""], *_neutral())
    assert found.ids.tolist() == [1]
    assert found.bytes.tolist() == [0]
    assert found.nats[0] > 0


def _neutral():
    return (
        from_category(np.array([0]), np.array([1.0])),
        np.zeros((1, 2), dtype=np.float32),
        np.ones(1, dtype=np.float32),
    )


def test_a_folder_that_is_no_generator(tmp_path):
    with pytest.raises(ArtifactError):
        Scorer(tmp_path / "nothing")
