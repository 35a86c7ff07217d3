"""Figures on held-out texts: a reader that knows every label, and one that says the same of every text."""

from types import SimpleNamespace

import numpy as np
import pytest

from recipes.readers import contrast_sets, held_out, relevance, sources

CATEGORIES = np.eye(6)[np.arange(12) % 6]
VALENCE = np.linspace(-1, 1, 12)
LEVELS = np.array([[0, 0, 1], [1, 0, 0], [2, 1, 0], [0, 2, 2]])
SAID = [f"{n} plain words here" for n in "abcdef"]


class Knowing:
    """Reads the number at the end of a text, or nothing at all."""

    encoder = SimpleNamespace(identity="the same")

    def __init__(self, knows):
        self.knows = knows
        self.fluency = SimpleNamespace(score=self._fluency)
        self.relevance = SimpleNamespace(score=self._relevance)

    def _relevance(self, replies, embedding, heard):
        pairs = zip(replies, heard.said, strict=True)
        return np.array([float(reply.split()[1:] == said.split()[1:]) * self.knows for reply, said in pairs])

    def _fluency(self, texts):
        return np.array([float(text in SAID) * self.knows for text in texts])

    def read_catalogue(self, texts):
        n = np.array([int(text.rpartition(" ")[2]) if text[-1].isdigit() else 0 for text in texts]) * self.knows
        affect = np.concatenate([CATEGORIES[n % 12], VALENCE[n % 12, None], np.zeros((len(n), 1))], axis=1)
        empathy = LEVELS[n % 4].astype(float)
        found = SimpleNamespace(affect=affect, empathy=empathy, warmth=empathy[:, 0], directiveness=n % 2, intensity=n)
        if all(text.startswith("rung") for text in texts):
            found.warmth = found.directiveness = n.astype(float)
        return found, None

    def read_embedded(self, texts, vectors):
        return self.read_catalogue(texts)[0]


@pytest.fixture
def texts(monkeypatch):
    emotions = SimpleNamespace(
        texts=[f"emotion {i}" for i in range(12)], category=CATEGORIES, valence_arousal=VALENCE[:, None]
    )
    whole = np.ones(4, dtype=bool)
    empathy = SimpleNamespace(texts=[f"post {i}" for i in range(4)], whole=whole, levels=LEVELS)
    monkeypatch.setattr(sources, "goemotions", lambda *_: emotions)
    monkeypatch.setattr(sources, "epitome", lambda *_: empathy)
    monkeypatch.setattr(
        sources, "advice_and_reflection", lambda *_: ([f"turn {i}" for i in range(6)], np.arange(6) % 2)
    )
    monkeypatch.setattr(sources, "human_sentences", lambda *_: SAID)
    rungs = [([f"rung {i}" for i in range(5)], ""), ([f"rung {i}" for i in range(5, 10)], "")]
    monkeypatch.setattr(contrast_sets, "ladders", lambda *_, **__: rungs)
    told = [
        relevance.Exchange("esconv", d, f"topic {d % 3}", "", False, f"said {d} {t}", f"reply {d} {t}")
        for d in range(12)
        for t in range(3)
    ]
    monkeypatch.setattr(relevance, "human", lambda *_, **__: told)
    monkeypatch.setattr(held_out, "embed", lambda _, texts: np.ones((len(texts), 4), dtype=np.float32))


def test_who_knows_every_label_has_every_figure_at_one(texts, tmp_path):
    found = held_out.measure(tmp_path, Knowing(1), Knowing(1))
    assert len(found["readers"]) == 13
    assert len(found["judge"]) == 4
    for figures in found.values():
        assert {name for name, figure in figures.items() if figure["value"] != 1.0} == set()
        assert all(figure["baseline"] < 1 for figure in figures.values())


def test_who_says_the_same_of_every_text_is_at_the_baseline(texts, tmp_path):
    for figures in held_out.measure(tmp_path, Knowing(0), Knowing(0)).values():
        for name, figure in figures.items():
            assert figure["value"] == pytest.approx(figure["baseline"]), name
