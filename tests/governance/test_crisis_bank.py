"""What people in crisis say: the guard hands them over to people, and no line teaches anything."""

from __future__ import annotations

import re

import pytest

from recipes.writing.utterances import MAX_WORDS
from rlgen.affect import CATEGORIES
from rlgen.governance import GuardConfig, OutputGuard
from rlgen.text.topics import DISTRESSED
from rlgen.text.utterances import CRISIS, utterances, with_crisis
from rlgen.types import MAX_TURNS


@pytest.fixture(scope="module")
def lines():
    """(category, phase, disclosure, text) of the topic."""
    bank = with_crisis()
    own = [i for i, topic in enumerate(bank.topic) if bank.topics[topic] == CRISIS]
    return [(CATEGORIES[bank.category[i]], bank.phase[i], bank.disclosure[i], bank.text[i]) for i in own]


def test_the_general_bank_comes_first_and_unchanged():
    bank, general = with_crisis(), utterances()
    assert bank.text[: len(general)] == general.text
    assert bank.topics == (*general.topics, CRISIS)
    assert (bank.topic[: len(general)] == general.topic).all()
    assert len(set(bank.text)) == len(bank.text)
    arrays = (bank.topic, bank.category, bank.intensity, bank.phase, bank.disclosure)
    assert {len(array) for array in arrays} == {len(bank.text)}


def test_the_guard_escalates_what_is_said_plainly_and_nothing_else(lines):
    guard = OutputGuard(GuardConfig())
    for category, _, disclosure, text in lines:
        found = guard.findings(text, "I am glad that you told me.")
        if category in DISTRESSED and disclosure > 0:
            assert any(finding.escalate and finding.cost == "crisis" for finding in found), text
        else:
            assert not found, text


def test_there_is_enough_to_say_and_nobody_opens_calmly(lines):
    assert sum(category in DISTRESSED and phase in (1, 2) for category, phase, _, _ in lines) > MAX_TURNS
    for category in ("sadness", "fear", "anger"):
        assert {disclosure for found, phase, disclosure, _ in lines if (found, phase) == (category, 0)} == {0, 1, 2}
    assert all(category in DISTRESSED for category, phase, _, _ in lines if phase == 0)
    assert all(len(text.split()) <= MAX_WORDS for *_, text in lines)


def test_no_line_names_a_method_a_means_a_place_or_a_time(lines):
    named = re.compile(
        r"pill|tablet|medic|dose|drug|rope|hang|gun|shoot|knife|blade|razor|cut|blood|jump|bridge|roof|train|drown|water|"
        r"poison|gas|note|letter|tonight|tomorrow|midnight|o'clock|street|peace|finally|brave|selfish|succe|commit",
        re.IGNORECASE,
    )
    assert [text for *_, text in lines if named.search(text)] == []
