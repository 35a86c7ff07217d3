"""The plain way does the work that it is timed for, and nothing that the batched one would not."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmarks.step import plain
from rlgen.generation.embedded.model import Shape
from rlgen.rng import Streams
from rlgen.types import Context, Controls

TINY = Shape(vocabulary=64, width=32, layers=1, heads=2, condition=8, prompt=12, reply=6)
SAID = [("Yes.", 2), ("Tell me more.", 5), ("I see.", 3)]


@pytest.fixture
def generator(monkeypatch):
    """A plain generator whose way is settled without timing."""
    monkeypatch.setattr(plain, "fastest", lambda ways: next(iter(ways)))
    return plain.PlainGenerator(TINY, SAID)


def controls(*temperatures):
    zero = np.zeros(len(temperatures), dtype=np.float32)
    return Controls(zero, zero, np.array(temperatures, dtype=np.float32), zero)


def test_each_row_is_generated_alone_as_long_as_what_is_said(generator, monkeypatch):
    made = []
    monkeypatch.setattr(generator, "_generate", lambda model, *asked: made.append(asked))
    long = ["a b c d"] * 9  # the last five of them are seen, 20 words: more than the prompt holds
    context = Context([["one two"], ["a", "b c", "d"], long], np.array([0, 1, 4]))
    streams = Streams.of(3, 3)
    replies = generator.reply(context, None, controls(0.3, 1.0, 1.3), streams)
    lengths = dict(SAID)
    assert set(replies.text) <= set(lengths)
    assert [length for _, length, _ in made] == [lengths[text] for text in replies.text]
    assert [prompt for prompt, *_ in made] == [int(1.3 * 2) + 1, int(1.3 * 4) + 1, TINY.prompt]
    assert [temperature for *_, temperature in made] == pytest.approx([0.3, 1.0, 1.3])
    assert generator.calls == 3
    # A row says the same whatever stands beside it.
    one = generator.reply(Context([["a"]], np.array([1])), None, controls(1.0), streams.rows(np.array([1])))
    assert one.text == replies.text[1:2]


def test_generate_makes_as_many_ids_as_asked(generator, monkeypatch):
    model, made = generator._model, []
    generate = model.generate
    monkeypatch.setattr(model, "generate", lambda **asked: made.append((asked, generate(**asked))))
    generator._generate(model, 7, 4, 0.9)
    ((asked, ids),) = made
    assert ids.shape == (1, 7 + 4)
    assert torch.equal(ids[:, :7], asked["input_ids"])
    assert asked["temperature"] == 0.9


def test_a_world_without_words_has_no_plain_way(monkeypatch):
    monkeypatch.setattr(plain, "load_parts", lambda config: SimpleNamespace(pipeline=object()))
    with pytest.raises(TypeError, match="a generator"):
        plain.plain_env(None, "rlgen/SupportDynamic-v0", 2, SAID)


@pytest.mark.slow
def test_the_plain_encoder_gives_the_exact_vectors():
    from rlgen.text import SentenceEncoder

    exact = SentenceEncoder("float32")
    encoder = plain.PlainEncoder(exact)
    texts = ["I could not sleep.", "Yes.", "What happened at work today, if you want to tell me?"]
    assert (encoder.encode(texts) * exact.encode(texts)).sum(axis=1) == pytest.approx(1, abs=1e-4)
    assert encoder.calls == 3
