"""The output guard: it reads what the person said and what is about to be said, and has the last word.

It is a first guard, made of written rules. It knows words, not meanings; `docs/governance.md` says
what it misses and how often.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from rlgen.governance.audit import Log
from rlgen.governance.config import GuardConfig
from rlgen.governance.form import garbled, personal_data
from rlgen.governance.patterns import COSTS, Cost, read_patterns
from rlgen.governance.words import plain
from rlgen.types import ALLOW, ESCALATE, F32, REPLACE, Context, Verdict, Words

_REMEMBERED: Final = 1 << 16  # texts whose findings are kept, per side
_DECISIONS: Final = ("allow", "replace", "escalate")


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        name: the rule.
        cost: the cost that it raises, one of `OutputGuard.cost_names`.
        escalate: whether people have to take over; else the reply is replaced.
        say: what is said instead; None for the guard's replacement.
        detail: what to add in the reason, never the text itself.
    """

    name: str
    cost: Cost
    escalate: bool = False
    say: str | None = None
    detail: str = ""


Check = Callable[[str, str], Sequence[Finding]]


class OutputGuard:
    """Reviews replies; implements `rlgen.types.Guard`.

    Crisis in the person's last utterance escalates: whatever the reply was, the person is pointed to
    human help. A reply that breaks a rule is replaced by a fixed sentence. An error inside any check, or
    a check that returns no findings in form, replaces too: the guard fails closed.

    Args:
        config: see `GuardConfig`.
        audit: where every intervention leaves a line; None for nowhere.
        checks: further checks, `(utterance, reply) -> findings`, e.g. a classifier. They run for every
            reply and are not remembered.

    Attributes:
        cost_names: `("harm", "boundary", "privacy", "crisis", "quality")`; each cost is 0 or 1.
            `crisis` comes from what the person said, not from the policy's reply.

    Example:
        >>> guard = OutputGuard(GuardConfig())
        >>> guard.findings("i feel low", "You are not alone with this.")
        []
    """

    cost_names: tuple[str, ...] = COSTS

    def __init__(self, config: GuardConfig, audit: Log | None = None, checks: Sequence[Check] = ()) -> None:
        self.config = config
        self.audit = audit
        self.checks = tuple(checks)
        self._patterns = read_patterns(config.patterns, config.off)
        self.replacement = config.replacement or self._patterns.replacement
        self._of_utterance: dict[str, tuple[Finding, ...]] = {}
        self._of_reply: dict[str, tuple[Finding, ...]] = {}

    def review(self, context: Context, words: Words) -> Verdict:
        """Verdicts on N replies, each with the utterance that it answers.

        Raises:
            AuditError: an intervention could not be written to the audit log.
        """
        rows = len(words.text)
        decision = np.zeros(rows, dtype=np.int64)
        cost = np.zeros((rows, len(self.cost_names)), dtype=np.float32)
        text = [""] * rows
        reason = [""] * rows
        for i, reply in enumerate(words.text):
            try:
                found = self.findings(context.texts[i][-1] if context.texts[i] else "", reply)
                ruled = self._rule(found) if found else (ALLOW, cost[i], reply, "")
            except Exception as error:  # noqa: BLE001  (whatever a check does or returns, its reply must not pass unread)
                ruled = self._rule([Finding("guard failed", "quality", detail=type(error).__name__)])
            decision[i], cost[i], text[i], reason[i] = ruled
        for row in np.flatnonzero(decision != ALLOW).tolist():
            self._write(row, context, words.text[row], _DECISIONS[decision[row]], reason[row])
        return Verdict(decision, cost, text, reason)

    def _rule(self, found: Sequence[Finding]) -> tuple[int, F32, str, str]:
        """Decision, costs `[k]`, what is said and the reason, of one or more findings."""
        first = next((finding for finding in found if finding.escalate), found[0])
        cost = np.zeros(len(self.cost_names), dtype=np.float32)
        for finding in found:
            cost[self.cost_names.index(finding.cost)] = 1.0
        reason = "; ".join(f"{f.name}: {f.detail}" if f.detail else f.name for f in found)
        return ESCALATE if first.escalate else REPLACE, cost, first.say or self.replacement, reason

    def findings(self, utterance: str, reply: str) -> list[Finding]:
        """All that is wrong with answering an utterance by a reply; nothing may be caught here."""
        found = [*self._look_up(self._of_utterance, utterance, self._in_utterance)]
        found += self._look_up(self._of_reply, reply, self._in_reply)
        for check in self.checks:
            found += check(utterance, reply)
        return found

    def _look_up(
        self, known: dict[str, tuple[Finding, ...]], text: str, scan: Callable[[str], tuple[Finding, ...]]
    ) -> tuple[Finding, ...]:
        found = known.get(text)
        if found is None:
            found = scan(text)
            if len(known) >= _REMEMBERED:
                known.clear()
            known[text] = found
        return found

    def _in_utterance(self, text: str) -> tuple[Finding, ...]:
        rules = self._patterns.utterance.found(plain(text))
        return tuple(Finding(rule.name, rule.cost, escalate=True, say=rule.say) for rule in rules)

    def _in_reply(self, text: str) -> tuple[Finding, ...]:
        problem = garbled(text, self.config.max_chars)
        found = [Finding("garbled", "quality", detail=problem)] if problem else []
        if len(text) > self.config.max_chars:
            return tuple(found)
        found += [Finding(rule.name, rule.cost) for rule in self._patterns.reply.found(plain(text))]
        if kind := personal_data(text):
            found.append(Finding("personal_data", "privacy", detail=kind))
        return tuple(found)

    def _write(self, row: int, context: Context, reply: object, decision: str, reason: str) -> None:
        if self.audit is None:
            return
        turn = int(context.turn[row]) if row < len(context.turn) else -1
        texts = context.texts[row] if row < len(context.texts) else ()
        self.audit.intervention(
            row=row,
            turn=turn,
            decision=decision,
            reason=reason,
            utterance=str(texts[-1]) if texts else "",
            reply=str(reply),
            keep_text=self.config.keep_text,
        )
