"""Tokenizer and prompts: nothing is lost, nothing can be spelled, turns are cut whole."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlgen.generation.embedded.model import Shape
from rlgen.generation.embedded.tokenizer import END, PERSON, SPECIALS, SUPPORTER, Tokenizer
from rlgen.generation.embedded.window import ContextTokenizer, longest_reply, longest_utterance, pack
from rlgen.text.plain import clean

SAMPLE = ["I am tired of waiting.", "We are waiting for the doctor, and I can't sleep."] * 5
TOKENIZER = Tokenizer.train(SAMPLE, 320)


@given(st.text())
def test_cleaned_texts_come_back_whole(text):
    plain = clean(text)
    assert TOKENIZER.decode(TOKENIZER.encode([plain])) == [plain]


@given(st.text(alphabet=st.characters(codec=None)))
@settings(max_examples=300)
def test_no_text_spells_a_special_token(text):
    for given_text in (text, text.join(SPECIALS)):
        ids = TOKENIZER.encode([clean(given_text)])[0]
        assert min(ids, default=END + 1) > END


def test_clean():
    assert clean(" a\x00b\n\nc\u200d ’d’ \ud800") == "a b c 'd'"
    assert len(clean("x" * 10_000)) == 2000


def test_tokenizer_survives_json():
    again = Tokenizer.from_json(TOKENIZER.to_json())
    assert again.encode(SAMPLE) == TOKENIZER.encode(SAMPLE)
    for wrong in (b"", b"{}", b"\xff", Tokenizer.train(SAMPLE, 300).to_json().replace(b"person", b"parson")):
        with pytest.raises(ValueError, match="not a tokenizer"):
            Tokenizer.from_json(wrong)


def test_sayable_ids_are_text():
    sayable = TOKENIZER.sayable()
    assert sayable[END]
    assert not any(sayable[:END])
    texts = TOKENIZER.decode([[i] for i in range(END + 1, TOKENIZER.size) if sayable[i]])
    assert all("\ufffd" not in t and t.isprintable() for t in texts)
    assert 90 < sum(sayable) <= 96 + TOKENIZER.size - 260


SHAPE = Shape(vocabulary=TOKENIZER.size, prompt=40, reply=10)
turns = st.lists(st.text(alphabet="abc dé", max_size=40), max_size=9)


@given(turns)
def test_exchanges_hold_the_dialogue_in_order(dialogue):
    exchanges = ContextTokenizer(TOKENIZER, SHAPE).exchanges([dialogue])[0]
    texts = dialogue or [""]
    told = []
    for exchange in exchanges:
        if exchange.replied:
            told.append((SUPPORTER, exchange.ids[: exchange.replied]))
        told.append((PERSON, exchange.ids[exchange.replied :]))
        assert len(exchange.ids) <= SHAPE.prompt
    assert len(told) == len(texts)
    for back, ((speaker, ids), text) in enumerate(zip(reversed(told), reversed(texts), strict=True)):
        assert speaker == (PERSON if back % 2 == 0 else SUPPORTER)
        longest = longest_utterance(SHAPE) if speaker == PERSON else longest_reply(SHAPE)
        whole = TOKENIZER.encode([clean(text)])[0]
        assert ids == [speaker, *whole[max(0, len(whole) - longest) :]]


def test_dialogues_do_not_touch_each_other():
    contexts = ContextTokenizer(TOKENIZER, SHAPE)
    dialogues = [["one"], ["one", "two", "three"], []]
    together = contexts.exchanges(dialogues)
    assert together == [ContextTokenizer(TOKENIZER, SHAPE).exchanges([d])[0] for d in dialogues]
    flat, lengths, replied = pack([d[-1] for d in together])
    assert flat.tolist() == [i for d in together for i in d[-1].ids]
    assert lengths.tolist() == [len(d[-1].ids) for d in together]
    assert replied.tolist() == [0, len(TOKENIZER.encode(["two"])[0]) + 1, 0]


def test_a_text_that_is_cut_is_logged_once(caplog):
    contexts = ContextTokenizer(TOKENIZER, SHAPE)
    contexts.exchanges([["short"]])
    assert not caplog.records
    contexts.exchanges([["waiting " * 200], ["doctor " * 200]])
    assert len(caplog.records) == 1
    assert "read from its last 25" in caplog.text
