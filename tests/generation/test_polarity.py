"""A bias of words: what the lexicon says of a vocabulary, and what a generator does with it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rlgen.affect import ANGER, AROUSAL, HAPPINESS, VALENCE, regulating_target
from rlgen.errors import ConfigError
from rlgen.generation import HuggingFaceGenerator
from rlgen.generation.polarity import lean, lexicon, of_vocabulary
from rlgen.rng import Streams
from rlgen.types import Context

ROWS = 6


class Words:
    """A vocabulary of whole words behind spaces, of pieces and of single letters."""

    def __init__(self, *pieces):
        self.pieces = [*pieces, *(chr(c) for c in range(32, 127))]

    def encode(self, texts):
        made = []
        for text in texts:
            row = []
            while text:
                piece = max((p for p in self.pieces if text.startswith(p)), key=len)
                row.append(self.pieces.index(piece))
                text = text[len(piece) :]
            made.append(row)
        return made

    def decode(self, rows):
        return ["".join(self.pieces[i] for i in row) for row in rows]


def found(*pieces):
    words = Words(*pieces)
    return of_vocabulary(words.encode, words.decode, len(words.pieces))


def test_the_lists_are_words_of_one_side():
    lists = lexicon()
    assert set(lists) == {"positive", "negative", "strong", "mild"}
    for words in lists.values():
        assert len(words) == len(set(words)) >= 150
        assert all(word.isalpha() and word.islower() and word.isascii() for word in words)
    assert not set(lists["positive"]) & set(lists["negative"])
    assert not set(lists["strong"]) & set(lists["mild"])


def test_a_word_that_is_one_token_counts_wholly():
    values = found(" happy", " Happy", " sad", " gently", " extremely", " furious", "happy", " table")
    assert values.polarity[:8].tolist() == [1, 1, -1, 0, 0, -1, 0, 0]
    assert values.intensity[:8].tolist() == [0, 0, 0, -1, 1, 1, 0, 0]
    assert not values.polarity[8:].any(), "letters say nothing"
    assert values.array().shape == (2, len(values.polarity))
    assert values.array().dtype == np.float32


def test_a_first_piece_counts_by_its_share_of_the_word():
    values = found(" wonder", " un", " hopel")
    assert values.polarity[0] == pytest.approx(6 / 9), "wonder-ful"
    assert values.polarity[1] == 0, "un-happy, and everything else that begins so"
    assert values.polarity[2] == pytest.approx(-5 / 8), "hopel-ess"


def test_a_piece_of_two_sides_has_their_mean_and_a_word_its_own():
    values = found(" terri", " sad", " hope")
    assert values.polarity[0] == pytest.approx(np.mean([5 / 8, -5 / 8, -5 / 9, -5 / 10])), (
        "terrific, terrible, terrified.."
    )
    assert values.polarity[1] == -1, "also in sadly and sadness"
    assert values.polarity[2] == 1, "also in hopeless"


def test_a_vocabulary_without_words_is_left_alone():
    values = found()
    assert not values.polarity.any()
    assert not values.intensity.any()
    with pytest.raises(ConfigError, match="not of one model"):
        of_vocabulary(Words(" happy").encode, Words(" happy").decode, 0)


def test_the_embedded_model_s_vocabulary_has_words(trained):
    """The module needs a vocabulary only; here the one of the project's own tokenizer."""
    from rlgen.generation.embedded.tokenizer import Tokenizer

    tokenizer = Tokenizer.from_json((trained / "tokenizer.json").read_bytes())
    values = of_vocabulary(tokenizer.encode, tokenizer.decode, tokenizer.size)
    (glad,) = tokenizer.encode(["I glad"])
    assert tokenizer.decode([[glad[-1]]]) == ["glad"]
    assert values.polarity[glad[-1]] == 1


unit = st.floats(-1, 1, width=32)


@given(
    strength=st.floats(0, 10, width=32),
    p=unit,
    i=unit,
    polarity=unit,
    intensity=unit,
    logit=st.floats(-50, 50, width=32),
)
def test_the_bias_is_the_formula(strength, p, i, polarity, intensity, logit):
    made = lean(
        torch.tensor([[logit]]), torch.tensor([[strength * p, strength * i]]), torch.tensor([[polarity], [intensity]])
    )
    assert float(made) == pytest.approx(logit + strength * (p * polarity + i * intensity), abs=1e-4)


def test_a_row_without_leaning_keeps_its_bits_and_a_row_ignores_the_others():
    draw = torch.Generator().manual_seed(0)
    logits, words = torch.randn(5, 300, generator=draw), torch.rand(2, 300, generator=draw) * 2 - 1
    leaning = torch.randn(5, 2, generator=draw)
    leaning[2] = 0
    made = lean(logits, leaning, words)
    assert torch.equal(made[2], logits[2])
    assert all(torch.equal(lean(logits[i : i + 1], leaning[i : i + 1], words)[0], made[i]) for i in range(5))


# In a generator.


@pytest.fixture(scope="module", params=["llama_chat", "gpt2_plain"])
def path(request, tiny_models):
    return tiny_models[request.param]


@pytest.fixture
def say(path, estimated, asked):
    def replies(polarity=None, category=HAPPINESS, **controls):
        options = {} if polarity is None else {"polarity": polarity}
        generator = HuggingFaceGenerator(path, dtype="fp32", max_new_tokens=8, **options)
        context = Context([[f"My exam {i}."] for i in range(ROWS)], np.zeros(ROWS, dtype=np.int64))
        made = generator.reply(context, estimated([category] * ROWS), asked(ROWS, **controls), Streams.of(0, ROWS))
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


def test_strength_out_of_range_is_refused(path):
    for wrong in (-1.0, 11.0, float("nan")):
        with pytest.raises(ConfigError, match="polarity"):
            HuggingFaceGenerator(path, polarity=wrong)
