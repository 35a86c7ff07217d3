"""The project's own texts beside its own guard: what the docs claim about them."""

from __future__ import annotations

from recipes.writing.corpus import compose
from rlgen.governance import GuardConfig, OutputGuard
from rlgen.text.utterances import utterances


def test_simulated_people_never_speak_of_crisis() -> None:
    guard = OutputGuard(GuardConfig())
    assert [text for text in utterances().text if guard.findings(text, "All right.")] == []


def test_the_corpus_is_hardly_ever_stopped() -> None:
    guard = OutputGuard(GuardConfig())
    replies = [turn.reply for exchange in compose(5, 1000) for turn in exchange.turns]
    assert len([reply for reply in replies if guard.findings("", reply)]) <= 2
