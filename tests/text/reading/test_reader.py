"""The reader: known anchors, graded lists it never saw, independence of rows, damaged artifacts."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from recipes.readers import contrast_sets
from rlgen import artifacts
from rlgen.errors import ArtifactError
from rlgen.text import Judge, Reader, SentenceEncoder
from rlgen.text.reading import tables
from rlgen.text.reading.heads import Head
from rlgen.text.reading.relevance import Heard
from rlgen.text.utterances import of_all_lengths, utterances, with_crisis, with_masks
from rlgen.types import Reading

ANCHORS = {
    "warm": "I'm so sorry, that sounds incredibly painful.",
    "cool": "Noted.",
    "leading": "You should call them tomorrow.",
    "following": "What matters most to you?",
    "warm and leading": "You are so dear to me, please go and see a doctor tomorrow.",
    "cold and leading": "Stop complaining and see a doctor tomorrow.",
    "warm and following": "I'm so glad you told me, how does it feel to say it?",
    "cold and following": "Fine, and what do you want now?",
    "flat": "The appointment is on Tuesday.",
    "deep": "I'm heartbroken for you, this is utterly devastating.",
    "glad": "That makes me very happy, what wonderful news!",
    "sad": "It is so sad that she died.",
    "angry": "That makes me furious, I hate it.",
    "afraid": "I'm scared and terribly afraid of it.",
}


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader.load()


@pytest.fixture(scope="module")
def read(reader: Reader) -> dict[str, Reading]:
    reading, _ = reader.read_catalogue(list(ANCHORS.values()))
    return {name: reading.rows(np.array([i])) for i, name in enumerate(ANCHORS)}


def of(reader: Reader, texts: list[str]) -> Reading:
    return reader.read_catalogue(texts)[0]


def test_ranges(reader: Reader) -> None:
    texts = [*ANCHORS.values(), "", "?!", "a" * 400, "word " * 300]
    reading, embedding = reader.read(texts, Heard.alone(texts, reader.encoder.encode(texts)), [[]] * len(texts))
    assert embedding.shape == (len(texts), 384)
    assert reading.array().shape == (len(texts), 18)
    assert np.isfinite(reading.array()).all()
    np.testing.assert_allclose(reading.affect[:, :6].sum(axis=1), 1.0, atol=1e-5)
    for field in fields(reading):
        values = getattr(reading, field.name)
        low = -1.0 if field.name in ("affect", "warmth", "directiveness") else 0.0
        assert values.dtype == np.float32
        assert values.min() >= low
        assert values.max() <= 1.0


def test_warmth_and_directiveness_of_anchors(read: dict[str, Reading]) -> None:
    assert read["warm"].warmth > read["cool"].warmth + 0.5
    assert read["leading"].directiveness > read["following"].directiveness + 1.0
    for way in ("leading", "following"):
        assert read[f"warm and {way}"].warmth > read[f"cold and {way}"].warmth + 0.5
    for tone in ("warm", "cold"):
        assert read[f"{tone} and leading"].directiveness > read[f"{tone} and following"].directiveness + 0.5


def test_intensity_of_anchors(read: dict[str, Reading]) -> None:
    assert read["flat"].intensity < 0.3
    assert read["deep"].intensity > 0.7


@pytest.mark.parametrize(("name", "category"), [("glad", 1), ("sad", 2), ("angry", 3), ("afraid", 4)])
def test_affect_of_anchors(read: dict[str, Reading], name: str, category: int) -> None:
    assert read[name].affect[0, 1:5].argmax() == category - 1


@pytest.mark.parametrize("axis", contrast_sets.AXES)
def test_ladders_that_fitting_never_saw_rise(reader: Reader, axis: contrast_sets.Axis) -> None:
    held_out = contrast_sets.ladders(axis, held_out=True)
    values = getattr(of(reader, [text for rungs, _ in held_out for text in rungs]), axis).reshape(-1, 5)
    rises = (np.diff(values.mean(axis=0)) > 0).all()
    assert rises
    assert (values[:, 4] > values[:, 0]).mean() > 0.9


def test_axes_do_not_leak(reader: Reader) -> None:
    test = contrast_sets.labelled(held_out=True)
    both = np.flatnonzero(~np.isnan(test.on("warmth")) & ~np.isnan(test.on("directiveness")))
    reading = of(reader, [test.texts[i] for i in both])
    for own, other in (("warmth", "directiveness"), ("directiveness", "warmth")):
        value = getattr(reading, own)
        hit = np.corrcoef(value, test.on(own)[both])[0, 1]  # type: ignore[arg-type]
        leak = np.corrcoef(value, test.on(other)[both])[0, 1]  # type: ignore[arg-type]
        assert hit > 0.55
        assert abs(leak) < 0.25


def test_questions(reader: Reader) -> None:
    texts = ["How was it?", "It was good.", "what happened then", "What a day.", "I asked. Why? No idea."]
    assert of(reader, texts).question.tolist() == [1, 0, 1, 0, 1]


def test_relevance_prefers_the_answer(reader: Reader) -> None:
    said = ["My cat died last night."] * 3
    replies = ["Losing your cat must hurt.", "The train leaves at nine.", "Tell me more."]
    reading, _ = reader.read(replies, Heard.alone(said, reader.encoder.encode(said)), [[]] * 3)
    own, other, anything = reading.relevance
    assert own > other + 0.2
    assert own > anything + 0.2


def test_words_in_disorder_are_less_fluent(reader: Reader) -> None:
    rng = np.random.default_rng(0)
    texts = [t for rungs, _ in contrast_sets.ladders("warmth", held_out=True) for t in rungs if t.count(" ") > 5]
    disorder = [" ".join(rng.permutation(t.split())) for t in texts]
    straight, mixed = of(reader, texts).fluency, of(reader, disorder).fluency
    assert (straight > mixed).mean() > 0.85
    assert np.median(straight) > np.median(mixed) + 0.3


def test_a_row_does_not_depend_on_its_neighbours(reader: Reader) -> None:
    rng = np.random.default_rng(1)
    texts = [*ANCHORS.values(), "word " * 50, "ok"]
    asked = reader.encoder.encode(texts[::-1])
    earlier = [[texts[(i + 1) % len(texts)], texts[i][:20]] for i in range(len(texts))]
    heard = Heard(texts[::-1], asked, np.roll(asked, 1, axis=0))
    together, vectors = reader.read(texts, heard, earlier)
    for count in (1, 2, 5, 11, 16):
        chosen = rng.choice(len(texts), size=count, replace=False)
        few = Heard([heard.said[i] for i in chosen], asked[chosen], heard.before[chosen])
        alone, own = reader.read([texts[i] for i in chosen], few, [earlier[i] for i in chosen])
        np.testing.assert_array_equal(own, vectors[chosen])
        for field in fields(alone):
            np.testing.assert_array_equal(getattr(alone, field.name), getattr(together, field.name)[chosen])


def test_one_encoder_call(reader: Reader) -> None:
    asked = reader.encoder.encode(["hm"] * 64)
    before = reader.encoder.calls
    count = 4 * len(ANCHORS)
    reader.read(list(ANCHORS.values()) * 4, Heard.alone(["hm"] * count, asked[:count]), [[]] * count)
    assert reader.encoder.calls == before + 1


def test_a_catalogue_is_read_once(reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLGEN_CACHE", str(tmp_path))
    bank = ["A first thing to say.", "And a second."]
    first, vectors = reader.read_catalogue(bank)
    before = reader.encoder.calls
    again, same = reader.read_catalogue(bank)
    assert reader.encoder.calls == before
    np.testing.assert_array_equal(first.array(), again.array())
    np.testing.assert_array_equal(vectors, same)
    assert (first.relevance == 1).all()
    assert (first.repetition == 0).all()


def test_progress_sees_each_pass_over_a_catalogue_and_changes_nothing(
    reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank = ["A first thing to say.", "And a second.", "A third.", "What about a fourth?", "A fifth."]
    tables = []
    for chunk, seen in ((2, [0, 2, 4]), (2048, [0])):
        monkeypatch.setenv("RLGEN_CACHE", str(tmp_path / str(chunk)))
        monkeypatch.setattr("rlgen.text.reading.reader.PART", chunk)
        shown: list[int] = []

        def progress(starts: Sequence[int], shown: list[int] = shown) -> Sequence[int]:
            shown.extend(starts)
            return starts

        # The second time a table is there, and nothing is shown.
        tables += [reader.read_catalogue(bank, progress) for _ in range(2)]
        assert shown == seen
    for reading, vectors in tables:
        np.testing.assert_array_equal(reading.array(), tables[0][0].array())
        np.testing.assert_array_equal(vectors, tables[0][1])


def test_a_table_of_another_device_reader_or_code_is_not_found(
    reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RLGEN_CACHE", str(tmp_path))
    bank = ["A first thing to say."]
    reader.read_catalogue(bank)

    def read_again() -> bool:
        before = reader.encoder.calls
        reader.read_catalogue(bank)
        return reader.encoder.calls > before

    assert not read_again()
    for owner, name, value in (
        (reader.encoder, "device", "cuda"),
        (reader.encoder, "dtype", "bfloat16"),
        (reader.encoder, "source_sha256", "0" * 64),
        (reader, "sha256", "0" * 64),
        (artifacts, "code_sha256", lambda *modules: str("rlgen.text.reading.lexical" in modules)),
    ):
        with monkeypatch.context() as changed:
            changed.setattr(owner, name, value)
            assert read_again(), name
    assert not read_again()


def test_the_hash_is_of_every_weight_in_memory() -> None:
    own = Reader.load("shipped:readers")
    before = own.weights_sha256()
    texts = list(ANCHORS.values())
    own.read(texts, Heard.alone(texts, own.encoder.encode(texts)), [[]] * len(texts))
    assert own.weights_sha256() == before == Reader.load("shipped:readers", own.encoder).weights_sha256()
    heads = (own._affect, own._plane, own._empathy, own._tone)
    for array in (
        *(getattr(head, name) for head in heads for name in Head.NAMES if getattr(head, name).size),
        *(tensor.numpy() for tensor in own.fluency.net.state_dict().values()),
        own.fluency.table.numpy(),
        *(tensor.numpy() for tensor in own.relevance._weights.values()),
    ):
        before = own.weights_sha256()
        array.flat[-1] += 1
        assert own.weights_sha256() != before


def test_shipped_within_their_budget() -> None:
    names = ("readers", "readers_minilm", "judge")
    assert sum(file.stat().st_size for name in names for file in artifacts.shipped(name).iterdir()) <= 2_200_000


def test_damage_is_found(tmp_path: Path, reader: Reader) -> None:
    copy = tmp_path / "readers"
    shutil.copytree(artifacts.shipped("readers"), copy)
    weights = copy / "heads.npz"
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 1
    weights.chmod(0o644)
    weights.write_bytes(data)
    with pytest.raises(ArtifactError, match="sha256"):
        Reader.load(copy, reader.encoder)


def test_heads_of_another_encoder_are_refused(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    minilm = SentenceEncoder()
    for source, encoder, fitted_on in (
        ("shipped:readers", minilm, "fast"),
        ("shipped:readers_minilm", reader.encoder, "minilm"),
    ):
        told = f"fitted on the encoder {fitted_on} .*this is {encoder.name} .*docs/readers.md"
        with pytest.raises(ArtifactError, match=told) as error:
            Reader.load(source, encoder)
        assert "\n" not in str(error.value)
    monkeypatch.setattr(minilm, "source_sha256", "0" * 64)
    with pytest.raises(ArtifactError, match="no readers are shipped for the encoder 'minilm'"):
        Reader.load(None, minilm)


def test_readers_and_judge_bring_the_encoder_that_they_were_fitted_on() -> None:
    assert Reader.load().encoder.name == "fast"
    assert Reader.load(None, SentenceEncoder()).sha256 == Reader.load("shipped:readers_minilm").sha256
    assert Judge.load().encoder.name == "minilm"


def test_the_package_knows_its_own_bank(reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped table is what the present code makes of the bank, and is found without a call or a file."""
    monkeypatch.setenv("RLGEN_CACHE", str(tmp_path))
    everything = list(dict.fromkeys([*with_masks().text, *of_all_lengths().text, *with_crisis().text]))
    before = reader.encoder.calls
    reading, vectors = reader.read_catalogue(everything)
    assert reader.encoder.calls == before
    assert not list(tmp_path.iterdir())
    rows = np.random.default_rng(0).choice(len(everything), 60, replace=False)
    afresh = reader.read_afresh([everything[i] for i in rows])
    assert (vectors[rows] * afresh["embedding"]).sum(axis=1).min() > 0.9995
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    for field in fields(Reading):
        np.testing.assert_allclose(
            getattr(reading, field.name)[rows], afresh[field.name], atol=1e-3, err_msg=field.name
        )


def test_known_and_unknown_texts_keep_their_places(
    reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RLGEN_CACHE", str(tmp_path))
    known, new = utterances().text[:3], ["Nobody has said this yet, zebra.", "Nor this, quartz."]
    mixed = [new[0], known[2], known[0], new[1], known[1]]
    reading, vectors = reader.read_catalogue(mixed)
    for text, row, vector in zip(mixed, reading.array(), vectors, strict=True):
        [alone], [of_it] = (
            found for found in (reader.read_catalogue([text])[0].array(), reader.read_catalogue([text])[1])
        )
        np.testing.assert_array_equal(row, alone)
        np.testing.assert_array_equal(vector, of_it)


def test_readers_of_another_make_do_not_find_the_shipped_table(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = utterances().text[:3]
    assert tables.find(texts, reader.sha256, reader.encoder.source_sha256) is not None
    assert tables.find(texts, "0" * 64, reader.encoder.source_sha256) is None
    assert tables.find(texts, reader.sha256, "0" * 64) is None


def test_a_judge_is_no_reader(reader: Reader) -> None:
    with pytest.raises(ArtifactError, match="judge/2"):
        Reader.load("shipped:judge", reader.encoder)


def test_the_judge_agrees_on_anchors() -> None:
    judge = Judge.load()
    advice = "You could try calling a therapist, they might help you with it."
    judgement = judge.read([ANCHORS["warm"], ANCHORS["flat"], advice, "So you feel torn and left out."])
    assert judgement.warmth[0] > judgement.warmth[1] + 0.3
    assert judgement.directiveness[2] > judgement.directiveness[3] + 0.5
