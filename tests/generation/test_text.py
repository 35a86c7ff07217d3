"""Tokenizer and prompts: nothing is lost, nothing can be spelled, turns are cut whole."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlgen.generation.tokenizer import END, PERSON, SPECIALS, SUPPORTER, Tokenizer, clean
from rlgen.generation.window import LAST_TEXTS, Prompter, pack

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


turns = st.lists(st.text(alphabet="abc dé", max_size=30), max_size=9)


@given(turns, st.integers(8, 40))
def test_prompts_are_the_newest_whole_turns(window, length):
    prompt = Prompter(TOKENIZER, length).prompts([window])[0]
    assert 1 <= len(prompt) <= length
    whole: list[list[int]] = []
    for back, text in enumerate(reversed(window[-LAST_TEXTS:])):
        whole.insert(0, [PERSON if back % 2 == 0 else SUPPORTER, *TOKENIZER.encode([clean(text)])[0]])
    flat = [i for turn in whole for i in turn]
    if not window:
        assert prompt == [PERSON]
    elif len(whole[-1]) > length:
        assert prompt == [PERSON, *whole[-1][len(whole[-1]) - length + 1 :]]
    else:
        assert flat[len(flat) - len(prompt) :] == prompt
        assert prompt[0] in (PERSON, SUPPORTER)
        left_out = len(flat) - len(prompt)
        sizes = [len(turn) for turn in whole]
        cuts = [sum(sizes[:i]) for i in range(len(sizes))]
        assert left_out in cuts
        if left_out:
            assert len(prompt) + sizes[cuts.index(left_out) - 1] > length


def test_windows_do_not_touch_each_other():
    prompter = Prompter(TOKENIZER, 20)
    windows = [["one"], ["one", "two", "three"], []]
    together = prompter.prompts(windows)
    assert together == [Prompter(TOKENIZER, 20).prompts([w])[0] for w in windows]
    flat, lengths = pack(together)
    assert flat.tolist() == [i for prompt in together for i in prompt]
    assert lengths.tolist() == [len(p) for p in together]
