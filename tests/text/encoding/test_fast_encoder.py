"""The fast encoder: the same bits whoever stands beside a text, any text welcome, and a fit that learns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from recipes.encoder.distil import stored, write
from rlgen.artifacts import Manifest
from rlgen.envs import WorldConfig
from rlgen.errors import ArtifactError, ConfigError
from rlgen.text import SentenceEncoder
from rlgen.text.encoding import fast_encoder
from rlgen.text.encoding.fast_encoder import FastEncoder, Net, Shape
from rlgen.text.encoding.loading import encoder_of

SMALL = Shape(width=64, layers=2, inner=96, head=64)
WORDS = ["the", "bus", "was", "late", "again", "and", "my", "sister", "did", "not", "call", "so", "we", "waited"]


def random_tensors(shape: Shape, seed: int = 0) -> dict[str, torch.Tensor]:
    """A student that has learned nothing: all of its parts say something."""
    generator = torch.Generator().manual_seed(seed)
    net = Net(shape)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.08)
    frequent = torch.tensor([1996, 3902, 7190])
    return stored(
        net, torch.randn(384, 384, generator=generator) / 20, frequent, torch.randn(3, 384, generator=generator)
    )


def texts(count: int, longest: int = 45) -> list[str]:
    rng = np.random.default_rng(count)
    return [" ".join(rng.choice(WORDS, size=int(rng.integers(1, longest)))) for _ in range(count)]


@pytest.fixture(scope="module")
def tensors() -> dict[str, torch.Tensor]:
    return random_tensors(SMALL)


@pytest.fixture(scope="module", params=["float32", "bfloat16"])
def either(request: pytest.FixtureRequest, tensors: dict[str, torch.Tensor]) -> FastEncoder:
    return FastEncoder(SMALL, tensors, request.param)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, tensors: dict[str, torch.Tensor]) -> Path:
    target = tmp_path_factory.mktemp("student") / "fast_encoder"
    manifest = Manifest(
        name="fast_encoder",
        kind=fast_encoder.KIND,
        description="untrained",
        command="none",
    )
    write(target, SMALL, tensors, manifest)
    return target


@pytest.mark.parametrize("threads", [1, 2])
def test_a_row_does_not_depend_on_its_neighbours(either: FastEncoder, threads: int) -> None:
    bank = [*texts(100), "", " ".join(WORDS * 20)]  # of all attention widths
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        together = either.encode(bank)
        rng = np.random.default_rng(0)
        for count in (*range(1, 36, threads * threads), 64, 102):
            chosen = rng.choice(len(bank), size=count, replace=False)
            # In bfloat16 some processors' products round otherwise where there are more rows (seen with AMX).
            last_digits = 0.0 if either.dtype == "float32" else 5e-3
            np.testing.assert_allclose(either.encode([bank[i] for i in chosen]), together[chosen], 0, last_digits)
    finally:
        torch.set_num_threads(before)


def test_two_groups_of_one_width_give_the_same_bits(either: FastEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    bank = texts(50)
    whole = either.encode(bank)
    monkeypatch.setattr(fast_encoder, "_CELLS", 256)
    np.testing.assert_array_equal(either.encode(bank), whole)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=60), min_size=1, max_size=4))
def test_any_text_has_a_unit_vector(odd: list[str]) -> None:
    encoder = test_any_text_has_a_unit_vector.encoder  # type: ignore[attr-defined]
    vectors = encoder.encode(odd)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    np.testing.assert_array_equal(encoder.encode(odd[:1]), vectors[:1])


test_any_text_has_a_unit_vector.encoder = FastEncoder(SMALL, random_tensors(SMALL), "float32")  # type: ignore[attr-defined]


def test_the_interface_of_the_encoder_it_stands_for(either: FastEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = SentenceEncoder("float32")
    assert either.dim == exact.dim == 384
    assert either.source_sha256 != exact.source_sha256  # heads are fitted on one of them
    assert either.identity != exact.identity
    assert either.device == "cpu"
    assert either.dtype in ("float32", "bfloat16")
    assert either.encode([]).shape == (0, 384)
    assert either.encode(["hello"]).dtype == np.float32
    monkeypatch.setattr(fast_encoder, "CHUNK", 40)
    before = either.calls
    either.encode(["again"] * 40)
    assert either.calls == before + 1
    either.encode(["again"] * 41)
    assert either.calls == before + 3


def test_precisions_agree_and_tables_of_theirs_are_kept_apart(tensors: dict[str, torch.Tensor]) -> None:
    exact, narrow = (FastEncoder(SMALL, tensors, dtype) for dtype in ("float32", "bfloat16"))
    cosine = (exact.encode(texts(32)) * narrow.encode(texts(32))).sum(axis=1)
    assert cosine.min() > 0.995
    assert exact.identity != narrow.identity


def test_identity_follows_the_weights(tensors: dict[str, torch.Tensor]) -> None:
    other = FastEncoder(SMALL, random_tensors(SMALL, seed=1), "float32")
    assert other.identity != FastEncoder(SMALL, tensors, "float32").identity
    before = other.weights_sha256()
    other.encode(["hello"])
    assert other.weights_sha256() == before
    other._pieces[0] += 1
    assert other.weights_sha256() != before


def test_what_is_written_is_what_is_read(folder: Path, tensors: dict[str, torch.Tensor]) -> None:
    own = FastEncoder(SMALL, tensors)
    read = encoder_of(str(folder))
    assert isinstance(read, FastEncoder)
    assert read.weights_sha256() == own.weights_sha256()
    np.testing.assert_array_equal(read.encode(texts(5)), own.encode(texts(5)))


def test_bad_students_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="no artifact here"):
        FastEncoder.load(tmp_path / "nowhere")
    copy = tmp_path / "wide"
    tensors = random_tensors(SMALL)
    del tensors["norm.weight"]
    manifest = Manifest(name="x", kind=fast_encoder.KIND, description="", command="rebuild it", settings={})
    write(copy, SMALL, tensors, manifest)
    with pytest.raises(ArtifactError, match="rebuild it"):
        FastEncoder.load(copy)
    with pytest.raises(ConfigError, match="bfloat16"):
        FastEncoder.load(folder, dtype="float16")  # type: ignore[arg-type]


@pytest.mark.parametrize("choice", ["fast", "fast-bf16", "minilm", "minilm-bf16", "owner/some-model", "."])
def test_a_config_names_an_encoder(choice: str) -> None:
    assert WorldConfig(encoder=choice).encoder == choice


@pytest.mark.parametrize("choice", ["auto", "float32", "bfloat16", "fst", "", "fast-fp16", "a/b/c", "fastest"])
def test_another_name_is_refused_before_anything_is_loaded(choice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_encoder.FastEncoder, "load", None)
    with pytest.raises(ValidationError, match="no encoder"):
        WorldConfig(encoder=choice)
    with pytest.raises(ConfigError, match="fast, minilm"):
        encoder_of(choice)


def test_a_misspelt_encoder_is_guessed() -> None:
    with pytest.raises(ConfigError, match="did you mean 'minilm'"):
        encoder_of("minlm")


def test_the_default_is_fp32_on_every_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    dtypes = set()
    for capable in (False, True):
        monkeypatch.setattr("rlgen.hardware.has_bf16", lambda device, capable=capable: capable)
        dtypes.add(encoder_of(WorldConfig().encoder).dtype)
    assert dtypes == {"float32"}
    assert encoder_of("fast-bf16").dtype == "bfloat16"
