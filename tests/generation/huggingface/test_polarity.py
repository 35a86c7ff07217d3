"""A bias of words in a language model's replies."""

from __future__ import annotations

import pytest
import torch

from rlgen.affect import ANGER, AROUSAL, HAPPINESS, VALENCE, regulating_target
from rlgen.generation import HuggingFaceGenerator
from rlgen.generation.polarity import of_vocabulary
from rlgen.rng import Streams

ROWS = 6


@pytest.fixture
def say(path, opening, estimated, asked):
    def replies(polarity=None, category=HAPPINESS, **controls):
        options = {} if polarity is None else {"polarity": polarity}
        generator = HuggingFaceGenerator(path, dtype="fp32", max_new_tokens=8, **options)
        said = opening([f"My exam {i}." for i in range(ROWS)])
        made = generator.reply(said, estimated([category] * ROWS), asked(ROWS, **controls), Streams.of(0, ROWS))
        return generator, made

    return replies


def alike(a, b):
    return (a.ids == b.ids).all() and (a.logprob == b.logprob).all() and (a.hidden == b.hidden).all()


def test_strength_zero_is_no_bias_to_the_bit(say):
    (plain, without), (zero, made) = say(), say(0.0)
    assert alike(made, without)
    assert plain.weights_sha256() == zero.weights_sha256()
    assert zero._decoder.words is None


def test_weight_zero_is_the_unconditioned_model_to_the_bit(say):
    assert alike(say(10.0, weight=0.0)[1], say(weight=0.0)[1])


def test_logits_gain_what_the_target_asks_for(say, path, estimated, monkeypatch):
    """The first word is chosen from the model's logits plus strength, weight, target and lexicon multiplied."""
    from rlgen.generation.huggingface import guided

    given = []

    def watched(logits, *rest):
        given.append(logits.clone())
        return real(logits, *rest)

    real = guided.choose
    monkeypatch.setattr(guided, "choose", watched)
    for category in (HAPPINESS, ANGER):
        given.clear()
        plain, _ = say(category=category, weight=1.5)
        before = given[0]
        given.clear()
        biased, _ = say(3.0, category=category, weight=1.5)
        target = regulating_target(estimated([category]).affect)[0]
        words = of_vocabulary(biased._ids, biased.tokenizer.batch_decode, before.shape[1])
        assert words.polarity.any(), "the tiny vocabulary has words of the instruction, such as kind"
        gain = 3.0 * 1.5 * (target[VALENCE] * words.polarity + target[AROUSAL] * words.intensity)
        sayable = before[0].isfinite()
        assert torch.allclose(
            (given[0] - before)[:, sayable], torch.from_numpy(gain)[sayable].expand(ROWS, -1), atol=1e-4
        )
        assert plain.weights_sha256() != biased.weights_sha256()
