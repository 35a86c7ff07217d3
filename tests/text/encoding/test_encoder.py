"""MiniLM: right by its peer, and the same vector whoever stands beside a text."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rlgen.errors import ArtifactError, ConfigError
from rlgen.text import SentenceEncoder
from rlgen.text.encoding import encoder, wordpieces

# Some processors' matrix products round otherwise where there are more rows (seen with AMX, and with two threads).
LAST_DIGITS = {"float32": 1e-6, "bfloat16": 5e-3}

WORDS = [
    "the",
    "bus",
    "was",
    "late",
    "again",
    "and",
    "my",
    "sister",
    "did",
    "not",
    "call",
    "so",
    "I",
    "waited",
    "at home",
]


def texts(count: int, longest: int = 45) -> list[str]:
    rng = np.random.default_rng(count)
    return [" ".join(rng.choice(WORDS, size=int(rng.integers(1, longest)))) for _ in range(count)]


@pytest.fixture(scope="module", params=["float32", "bfloat16"])
def either(request: pytest.FixtureRequest) -> SentenceEncoder:
    return SentenceEncoder(request.param)


@pytest.fixture(scope="module")
def exact() -> SentenceEncoder:
    return SentenceEncoder("float32")


@pytest.mark.parametrize("threads", [1, 2])
def test_a_row_does_not_depend_on_its_neighbours(either: SentenceEncoder, threads: int) -> None:
    bank = texts(40)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        together = either.encode(bank)
        rng = np.random.default_rng(0)
        for count in (1, 2, 5, 17, 40):
            chosen = rng.choice(40, size=count, replace=False)
            alone = either.encode([bank[i] for i in chosen])
            np.testing.assert_allclose(alone, together[chosen], rtol=0, atol=LAST_DIGITS[either.dtype])
    finally:
        torch.set_num_threads(before)


@pytest.mark.slow
def test_every_size_up_to_64_gives_the_same(either: SentenceEncoder) -> None:
    bank = texts(64, longest=30)
    together = either.encode(bank)
    for count in range(1, 65):
        np.testing.assert_allclose(
            either.encode(bank[:count]), together[:count], rtol=0, atol=LAST_DIGITS[either.dtype]
        )


def test_vectors_are_on_the_unit_sphere(either: SentenceEncoder) -> None:
    vectors = either.encode(texts(9))
    assert vectors.shape == (9, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_one_forward_pass_per_batch(exact: SentenceEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, "CHUNK", 40)
    before = exact.calls
    exact.encode(texts(40, longest=8))
    assert exact.calls == before + 1
    exact.encode(["again"] * 41)
    assert exact.calls == before + 3


def test_nothing_and_empty_texts(exact: SentenceEncoder) -> None:
    assert exact.encode([]).shape == (0, 384)
    assert np.isfinite(exact.encode([""])).all()


def test_a_very_long_text_is_read_from_its_beginning(exact: SentenceEncoder) -> None:
    long = " ".join(WORDS * 40)
    np.testing.assert_array_equal(exact.encode([long]), exact.encode([long + " and so on"]))


def test_meaning_is_in_the_angle(exact: SentenceEncoder) -> None:
    a, b, c = exact.encode(["My dog died yesterday.", "Yesterday I lost my dog.", "The tax form is due in May."])
    assert a @ b > 0.7 > 0.3 > a @ c


def test_bfloat16_is_close_to_exact(exact: SentenceEncoder) -> None:
    bank = texts(32)
    cosine = (exact.encode(bank) * SentenceEncoder("bfloat16").encode(bank)).sum(axis=1)
    assert cosine.min() > 0.999


@pytest.mark.slow
def test_agrees_with_sentence_transformers(exact: SentenceEncoder) -> None:
    bank = texts(48)
    other = SentenceEncoder("float32", model=str(wordpieces.model_folder()))
    assert other.dim == 384
    np.testing.assert_allclose(exact.encode(bank), other.encode(bank), atol=2e-6)


def test_weights_hash_is_of_memory() -> None:
    model = SentenceEncoder("bfloat16")
    before = model.weights_sha256()
    model.encode(["hello"])
    assert model.weights_sha256() == before
    assert model._own is not None
    model._own.tensors()[-1][0] += 1
    assert model.weights_sha256() != before


def test_damaged_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wordpieces, "WEIGHTS_SHA256", "0" * 64)
    with pytest.raises(ArtifactError, match="reinstall"):
        SentenceEncoder()


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(ConfigError, match="float16"):
        SentenceEncoder("float16")  # type: ignore[arg-type]


def test_a_missing_model_is_refused(tmp_path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ArtifactError, match="nowhere"):
        SentenceEncoder(model=str(tmp_path / "nowhere"))
