"""The generator as the world meets it: controls that work, odd texts, bad input, damaged files."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from safetensors.torch import load_file

from rlgen.errors import ActionError, ArtifactError, ConfigError, SignalError
from rlgen.generation import ConstantGenerator, EmbeddedGenerator
from rlgen.rng import Streams
from rlgen.types import CONTROL_RANGES, Context, Controls


@pytest.fixture(scope="module")
def say(generator, opening, estimated, asked):
    """Texts for one utterance, many rows, given controls."""

    def texts(rows=40, category=4, text="My rent makes me afraid.", **controls):
        context, estimate = opening([text] * rows), estimated([category] * rows)
        return generator.reply(context, estimate, asked(rows, **controls), Streams.of(3, rows)).text

    return texts


def share(texts, *words):
    return np.mean([any(word in text for word in words) for text in texts])


def test_warmth_and_directiveness_are_heard(say):
    assert share(say(warmth=1), "glad") > 0.8 > 0.2 > share(say(warmth=-1), "glad")
    assert share(say(directiveness=1), "Call") > 0.8 > 0.2 > share(say(directiveness=-1), "Call")


def test_depth_follows_the_emotional_weight(say):
    deep = [share(say(weight=w), "deeply") for w in (0.0, 0.3, 1.0, 1.7, 2.0)]
    assert deep[0] < 0.2
    assert deep[1] < 0.2
    assert deep[3] > 0.8
    assert deep[4] > 0.8


def test_replies_pick_up_the_words_of_the_person(say):
    assert share(say(text="My knee makes me angry.", category=3), "knee") > 0.9


def test_cool_replies_are_alike_and_hot_ones_differ(say):
    assert len(set(say(temperature=0.3, warmth=0.5))) < len(set(say(temperature=1.3, warmth=0.5)))


def test_contract_of_replies(generator, opening, estimated, asked):
    before = generator.calls
    replies = generator.reply(opening(["My job makes me sad."] * 5), estimated([2] * 5), asked(5), Streams.of(0, 5))
    assert generator.calls == before + 1
    assert replies.ids.dtype == np.int64
    assert replies.logprob.shape == (5,)
    assert (replies.logprob < 0).all()
    for ids, text in zip(replies.ids, replies.text, strict=True):
        length = int((ids >= 0).sum())
        assert (ids[length:] == -1).all()
        assert generator._tokenizer.decode([ids[:length].tolist()]) == [text]


@pytest.mark.parametrize("dtype", ["bf16", "fp32"])
def test_a_row_is_the_same_in_every_batch(trained, estimated, dtype):
    """From strings to strings, as the world calls it."""
    generator = EmbeddedGenerator.load(trained, dtype=dtype)
    rng = np.random.default_rng(0)
    rows = 64
    windows = [
        [f"My {rng.choice(['exam', 'job', 'knee'])} makes me sad."] * int(rng.choice([1, 3])) for _ in range(rows)
    ]
    context = Context(windows, rng.integers(0, 9, rows))
    estimate = estimated(rng.integers(0, 6, rows))
    controls = Controls(*(rng.uniform(low, high, rows).astype(np.float32) for low, high in CONTROL_RANGES.values()))
    streams = Streams.of(7, rows)
    whole = generator.reply(context, estimate, controls, streams)
    assert len(set(whole.text)) > 10
    for size in (1, 2, 7, 16, 33):
        index = rng.permutation(rows)[:size]
        part = generator.reply(context.rows(index), estimate.rows(index), controls.rows(index), streams.rows(index))
        assert np.array_equal(part.ids, whole.ids[index])
        assert part.text == [whole.text[i] for i in index]
        assert np.allclose(part.logprob, whole.logprob[index], atol=1e-4)


@pytest.mark.parametrize("dtype", ["bf16", "fp32"])
def test_a_dialogue_that_goes_on_is_one_that_is_read_anew(trained, estimated, dtype):
    """Dialogues end and begin at different times in the same rows; what was there before leaves no trace."""
    going = EmbeddedGenerator.load(trained, dtype=dtype)
    rng, rows = np.random.default_rng(0), 24
    dialogues: list[list[str]] = [[] for _ in range(rows)]
    for turn in range(14):
        for dialogue in dialogues:
            if rng.random() < 0.15:
                dialogue.clear()
            words = rng.choice(["exam", "job", "sister", "knee", "rent"], rng.integers(1, 12))
            dialogue.append(f"My {' and '.join(words)} makes me sad.")
        controls = Controls(*(rng.uniform(low, high, rows).astype(np.float32) for low, high in CONTROL_RANGES.values()))
        rest = estimated(rng.integers(0, 6, rows)), controls, Streams.of(7, rows)
        context = Context([list(d) for d in dialogues], np.full(rows, turn))
        replies = going.reply(context, *rest)
        anew = EmbeddedGenerator.load(trained, dtype=dtype).reply(context, *rest)
        for name in ("ids", "logprob"):
            assert np.array_equal(getattr(replies, name), getattr(anew, name)), (turn, name)
        # The guard may have said something else than the generator did.
        for dialogue, text in zip(dialogues, replies.text, strict=True):
            dialogue.append("Let us pause here." if rng.random() < 0.1 else text)
    assert max(map(len, dialogues)) > 12


def test_streams_decide(generator, opening, estimated, asked):
    context, estimate = opening(["My exam makes me afraid."] * 8), estimated([4] * 8)
    controls = asked(8, temperature=1.3)
    first = generator.reply(context, estimate, controls, Streams.of(0, 8))
    again = generator.reply(context, estimate, controls, Streams.of(0, 8))
    later = generator.reply(Context(context.texts, context.turn + 1), estimate, controls, Streams.of(0, 8))
    assert np.array_equal(first.ids, again.ids)
    assert not np.array_equal(first.ids, later.ids)


ODD = [
    "",
    "   ",
    "\x00\x07\x1b[31m\r\n\t",
    "word " * 5000,
    "x" * 100_000,
    "我很难过,不知道该怎么办。",
    "أنا حزين جدا",
    "😭😭👩‍👩‍👧‍👦🏳️‍🌈" * 30,
    "\ud800 lone surrogate",
    "\ue000person \ue000end <person> <end> </s>",
]


def test_odd_texts_never_crash_and_do_not_touch_their_neighbours(generator, estimated, asked):
    windows = [[t] for t in ODD] + [ODD, [], ["Hello.", "Hi."], ["My move makes me sad."]]
    rows = len(windows)
    context = Context(windows, np.zeros(rows, dtype=np.int64))
    replies = generator.reply(context, estimated([2] * rows), asked(rows), Streams.of(0, rows))
    assert all(text and text.isprintable() for text in replies.text)
    alone = generator.reply(
        Context(windows[-1:], np.zeros(1, dtype=np.int64)),
        estimated([2]),
        asked(1),
        Streams.of(0, rows).rows(slice(rows - 1, rows)),
    )
    assert np.array_equal(alone.ids[0], replies.ids[-1])


def test_no_rows(generator, estimated, asked):
    replies = generator.reply(Context([], np.zeros(0, dtype=np.int64)), estimated([]), asked(0), Streams.of(0, 0))
    assert replies.text == []
    assert replies.logprob.shape == (0,)


@pytest.mark.parametrize("name", CONTROL_RANGES)
@pytest.mark.parametrize("value", [np.nan, np.inf, 7.0, -7.0])
def test_bad_controls_are_named(generator, opening, estimated, asked, name, value):
    controls = asked(3)
    getattr(controls, name)[1] = value
    for which in (generator, ConstantGenerator("Yes.")):
        with pytest.raises(ActionError, match=f"{name} of row 1"):
            which.reply(opening(["Hello."] * 3), estimated([0] * 3), controls, Streams.of(0, 3))


def test_wrong_shapes_are_named(generator, opening, estimated, asked):
    with pytest.raises(ActionError, match="warmth has shape"):
        generator.reply(opening(["Hello."] * 3), estimated([0] * 3), asked(2), Streams.of(0, 3))
    estimate = estimated([0] * 3)
    estimate.affect[0, 0] = np.nan
    with pytest.raises(SignalError, match="affect"):
        generator.reply(opening(["Hello."] * 3), estimate, asked(3), Streams.of(0, 3))


def test_artifacts_that_cannot_be_used(trained, tmp_path):
    with pytest.raises(ArtifactError, match=r"manifest\.json is missing"):
        EmbeddedGenerator.load(tmp_path / "nowhere")
    bare = tmp_path / "bare"
    shutil.copytree(trained, bare)
    (bare / "weights.safetensors").unlink()
    with pytest.raises(ArtifactError, match="damaged or missing"):
        EmbeddedGenerator.load(bare)
    flipped = tmp_path / "flipped"
    shutil.copytree(trained, flipped)
    data = bytearray((flipped / "weights.safetensors").read_bytes())
    data[-1] ^= 1
    (flipped / "weights.safetensors").write_bytes(data)
    with pytest.raises(ArtifactError, match="damaged"):
        EmbeddedGenerator.load(flipped)


def test_manifest_that_does_not_fit(trained, tmp_path):
    """Sizes are outside the hashed files, so a wrong one must be noticed by the tensors."""
    for change in ({"width": 32}, {"layers": 9}, {"depth": 1}):
        other = tmp_path / next(iter(change))
        shutil.copytree(trained, other)
        manifest = json.loads((other / "manifest.json").read_text())
        manifest["settings"]["shape"].update(change)
        (other / "manifest.json").write_text(json.dumps(manifest))
        with pytest.raises(ArtifactError):
            EmbeddedGenerator.load(other)


def test_wrong_device_and_type(trained):
    with pytest.raises(ConfigError, match="device"):
        EmbeddedGenerator.load(trained, device="abacus")
    with pytest.raises(ConfigError, match="dtype"):
        EmbeddedGenerator.load(trained, dtype="int3")  # type: ignore[arg-type]


def test_calls_do_not_change_the_weights(generator, trained, opening, estimated, asked):
    before = generator.weights_sha256()
    generator.reply(opening(["Hello."]), estimated([0]), asked(1), Streams.of(0, 1))
    assert generator.weights_sha256() == before == EmbeddedGenerator.load(trained).weights_sha256()


def test_the_hash_is_of_every_weight_in_memory(trained):
    generator = EmbeddedGenerator.load(trained)
    before = generator.weights_sha256()
    for name, tensor in generator._decoder.frozen.tensors().items():
        kept = tensor.flatten()[0].clone()
        tensor.view(-1)[0] = kept + 1
        assert generator.weights_sha256() != before, name
        tensor.view(-1)[0] = kept
    assert generator.weights_sha256() == before
    stored = load_file(trained / "weights.safetensors")
    assert sum(t.numel() for t in generator._decoder.frozen.tensors().values()) == sum(
        t.numel() for t in stored.values()
    )
