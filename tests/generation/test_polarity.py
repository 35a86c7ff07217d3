"""A bias of words: what the lexicon says of a vocabulary, and what a generator does with it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rlgen.errors import ConfigError
from rlgen.generation.polarity import lean, lexicon, of_vocabulary


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
