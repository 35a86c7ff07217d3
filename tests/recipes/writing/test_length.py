"""Turns of a few words and of many: their lengths, and that they are sound."""

from __future__ import annotations

import numpy as np
import pytest

from recipes.writing.utterances import MAX_WORDS
from rlgen.affect import ANGER, FEAR, HAPPINESS, NEUTRAL, SADNESS
from rlgen.artifacts import shipped
from rlgen.generation.embedded.model import Shape
from rlgen.generation.embedded.tokenizer import Tokenizer
from rlgen.generation.embedded.window import longest_utterance
from rlgen.governance import GuardConfig, OutputGuard
from rlgen.text.plain import clean, count_words
from rlgen.text.utterances import of_all_lengths, utterances
from rlgen.types import UtteranceCatalogue

LONGEST = 82  # words


@pytest.fixture(scope="module")
def bank() -> UtteranceCatalogue:
    return of_all_lengths()


def test_the_bank_that_everybody_has_comes_first_and_unchanged(bank: UtteranceCatalogue) -> None:
    general = utterances()
    assert bank.text[: len(general)] == general.text
    assert bank.topics == general.topics
    for name in ("topic", "category", "phase", "disclosure", "intensity"):
        np.testing.assert_array_equal(getattr(bank, name)[: len(general)], getattr(general, name))


@pytest.mark.parametrize("category", [SADNESS, ANGER, FEAR, NEUTRAL, HAPPINESS])
def test_every_topic_has_short_and_long_turns_in_each_phase(bank: UtteranceCatalogue, category: int) -> None:
    words = np.array([count_words(text) for text in bank.text])
    for topic in range(len(bank.topics)):
        for phase in (1, 2, 3):
            own = words[(bank.topic == topic) & (bank.category == category) & (bank.phase == phase)]
            assert own.min() <= 3
            assert np.isin(np.arange(1, 5), own).sum() >= 2
            assert own.max() >= 55
            assert (own > MAX_WORDS).sum() >= 3


def test_more_turns_are_sound(bank: UtteranceCatalogue) -> None:
    more = bank.text[len(utterances()) :]
    assert max(count_words(text) for text in more) <= LONGEST
    assert all(text[0].isupper() and text[-1] in ".?!" and "<" not in text and "  " not in text for text in more)
    guard = OutputGuard(GuardConfig())
    assert [text for text in set(more) if guard.findings(text, "All right.")] == []
    for text in more:
        sentences = [part.strip().lower() for part in text.replace("?", ".").split(".") if part.strip()]
        assert len(set(sentences)) == len(sentences)


def test_the_generator_reads_nearly_all_of_them_whole(bank: UtteranceCatalogue) -> None:
    """Of a longer one it keeps the end."""
    tokenizer = Tokenizer.from_json((shipped("generator") / "tokenizer.json").read_bytes())
    more = sorted(set(bank.text[len(utterances()) :]))
    ids = tokenizer.encode([clean(text) for text in more])
    assert sum(len(row) > longest_utterance(Shape()) for row in ids) <= 10
