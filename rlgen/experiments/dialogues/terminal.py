"""A person at a terminal: what is shown to them, what they are asked, and what they may type."""

from __future__ import annotations

import textwrap
from typing import Final, TextIO

from rlgen.text.plain import LONGEST_TEXT, clean
from rlgen.types import ALLOW, ESCALATE, Context, Guard, Verdict, Words
from rlgen.users.own_words.human import Answer, Leaving

BOUNDARY: Final = (
    "You are about to talk to a program, not to a person. This is a research instrument, never a replacement for a "
    "professional: it can misunderstand you, and it can say things that are wrong or that hurt.",
    "Do not use it in a crisis. If you or someone else may come to harm, call your local emergency number or a crisis "
    "line now, and let someone near you know.",
)
USAGE: Final = "Type what you want to say. /end leaves when it was enough, /quit (or Ctrl-D, Ctrl-C) breaks off."
PERSON_NEEDED: Final = (
    "This needs a person, not a program. Please turn to one now: your local emergency number, a crisis line, or "
    "someone near you. You can leave at any time with /quit."
)
_REPLACED: Final = "The output filter did not let a reply through; this is said instead."
_INTENSITY: Final = "How strong is what troubles you right now, from 1 (hardly) to 5 (very)? Enter skips: "
_FINAL: Final = "And how strong is it now, from 1 (hardly) to 5 (very)? Enter skips: "
_RATING: Final = "How helpful was that, from 1 (not at all) to 5 (very)? Enter skips: "
_ON_SCALE: Final = "That is not one of 1, 2, 3, 4 and 5; type one of them, or Enter to skip."
_COMMANDS: Final[dict[str, Leaving]] = {"/end": "completed", "/quit": "abandoned"}
_WIDTH: Final = 96


class Left(Exception):
    """The person leaves.

    Attributes:
        why: content, or not.
        listening: whether anything more can be asked.
    """

    def __init__(self, why: Leaving, listening: bool = True) -> None:
        super().__init__(why)
        self.why: Leaving = why
        self.listening = listening


class RecordingGuard:
    """A guard whose last verdict can be looked up, so that it can be shown; implements `rlgen.types.Guard`."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self.cost_names = guard.cost_names
        self.decision = ALLOW

    def review(self, context: Context, words: Words) -> Verdict:
        """The guard's own verdict."""
        verdict = self._guard.review(context, words)
        self.decision = int(verdict.decision[0])
        return verdict


class Terminal:
    """A `rlgen.users.Person` who reads and types lines.

    Args:
        typed: where lines come from.
        shown: where everything is printed.
        guard: its last verdict is shown with the reply.
        max_turns: replies until the dialogue's limit.

    Attributes:
        initial: how strong it felt at first, 1-5; None where not told.
        final: the same at the end.
    """

    def __init__(self, typed: TextIO, shown: TextIO, guard: RecordingGuard, max_turns: int) -> None:
        self._typed, self._shown, self._guard = typed, shown, guard
        self._left = max_turns
        self._over = False
        self.initial: int | None = None
        self.final: int | None = None

    def say(self, text: str, above: bool = False, below: bool = False) -> None:
        """Show a paragraph, with an empty line above or below it."""
        lines = textwrap.fill(text, _WIDTH)
        print("\n" * above + lines + "\n" * below, file=self._shown, flush=True)

    def consents(self, question: str) -> bool:
        """Ask until the answer is yes or no.

        Raises:
            Left: the person leaves instead.
        """
        while (answer := self._line(f"{question} [y/n] ").lower()) not in {"y", "yes", "n", "no"}:
            self.say("Please type y or n.")
        return answer in {"y", "yes"}

    def begin(self) -> Answer:
        """See `rlgen.users.Person.begin`.

        Raises:
            Left: the person leaves before anything was said.
        """
        if self._over:
            return Answer("")
        self.initial = self._scale(_INTENSITY)
        return Answer(self._words(), intensity=self.initial)

    def answer(self, reply: str, rate: bool) -> Answer:
        """See `rlgen.users.Person.answer`."""
        self._left -= 1
        if self._guard.decision == ESCALATE:
            self.say(f"*** {PERSON_NEEDED} ***", above=True)
        elif self._guard.decision != ALLOW:
            self.say(f"({_REPLACED})", above=True)
        self.say(f"program> {reply}", above=True, below=True)
        rating, text, leaving, listening = None, "", None, True
        try:
            if rate:
                rating = self._scale(_RATING)
            if self._left:
                text = self._words()
            else:
                self.say("The dialogue has come to its last turn.")
        except Left as left:
            leaving, listening = left.why, left.listening
        self._over = leaving is not None or not self._left
        if self._over and listening:
            try:
                self.final = self._scale(_FINAL)
            except Left:
                self.final = None
        return Answer(text, rating, leaving, self.final)

    def _words(self) -> str:
        while True:
            text = self._line("you> ")
            if len(text) > LONGEST_TEXT:
                self.say(f"That is {len(text)} characters and a turn holds {LONGEST_TEXT}; please say it in parts.")
            elif text.startswith("/"):
                self.say(f"There is no {text.split()[0][:20]}. {USAGE}")
            elif not clean(text):
                self.say(f"Nothing was said. {USAGE}")
            else:
                return clean(text)

    def _scale(self, question: str) -> int | None:
        while text := self._line(question):
            if text in {"1", "2", "3", "4", "5"}:
                return int(text)
            self.say(_ON_SCALE)
        return None

    def _line(self, prompt: str) -> str:
        """A line as typed, without space around it.

        Raises:
            Left: a command to leave, or no line comes any more.
        """
        print(prompt, end="", file=self._shown, flush=True)
        try:
            typed = self._typed.readline()
        except KeyboardInterrupt:
            typed = ""
        if not typed:
            print(file=self._shown, flush=True)
            raise Left("abandoned", listening=False)
        text = typed.strip()
        if text.lower() in _COMMANDS:
            raise Left(_COMMANDS[text.lower()])
        return text
