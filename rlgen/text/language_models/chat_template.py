"""Dialogues as prompts of a language model: by its chat template, or as a transcript where it has none.

What is said cannot leave its place: texts lose control characters and whatever would be read as markup. That is the
tokenizer's own, and what the template is seen to write around texts, since the markers of many templates are plain text
(`[INST]`, `<<SYS>>`, `### Response:`, `USER:`), which no tokenizer protects.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from rlgen.errors import ArtifactError
from rlgen.text.plain import clean

PERSON: Final = "Person:"
SUPPORTER: Final = "Supporter:"
SILENCE: Final = "..."

# Texts that no template contains, to find out what it writes around them.
_PROBES: Final = ("qzsystemqz", "qzfirstqz", "qzsecondqz", "qzthirdqz")
# Markers in what a template writes: what stands in brackets of any kind, and rows of other signs.
_SIGNS: Final = re.compile(
    r"<+[^<>\s][^<>]{0,60}>+|\[+[^\[\]]{1,40}\]+|\{+[^{}]{1,40}\}+|[#|=*~]{2,}|[^\w\s]*[<>|#][^\w\s]*"
)
# A speaker's name right before what they say: up to three words, and a colon or the like.
_NAME: Final = re.compile(r"([^\W_][\w/-]*(?: [\w/-]+){0,2})\s*([:：=>»→-]+)$")


class Chat:
    """What two speakers say, and instructions for the second one, as prompts.

    Attributes:
        templated: whether the tokenizer has a chat template.
    """

    def __init__(self, tokenizer: Any, name: str, labels: tuple[str, str] = (PERSON, SUPPORTER)) -> None:
        """Find out what the template can do.

        Args:
            tokenizer: of transformers.
            name: of the model, for errors.
            labels: what stands before a line of the first speaker and of the second, whom the model plays,
                in a transcript.

        Raises:
            ArtifactError: the chat template cannot render a dialogue.
        """
        self._tokenizer = tokenizer
        self._labels = labels
        self.templated = bool(tokenizer.chat_template)
        self._system_role = self.templated and self._takes_system(name)
        added = tokenizer.added_tokens_decoder.values()
        markup = {str(t) for t in added if t.special or re.search(r"[<>|\[\]]", str(t))}
        written = self._around() if self.templated else list(labels)
        marks = {mark for text in written for mark in _SIGNS.findall(text)}
        names = {found.groups() for text in written if (found := _NAME.search(text.strip()))}
        self._markup = _any_of([_spelled(mark) for mark in {*markup, *tokenizer.all_special_tokens, *marks}])
        # A name alone is a word as any other; only the sign behind it makes it a speaker's.
        self._names = _any_of([rf"({_spelled(words)})\s*{re.escape(sign)}" for words, sign in names])

    def harmless(self, text: str) -> str:
        """A text on one line without markup, and never empty."""
        before, text = None, clean(text)
        while text != before:
            before, text = text, clean(self._unmarked(text))
        return text or SILENCE

    def _unmarked(self, text: str) -> str:
        """A text without markup; what is left over may spell it again, and is looked at again."""
        before = None
        while text != before:
            before = text
            if self._markup is not None:
                text = self._markup.sub(" ", text)
            if self._names is not None:
                text = self._names.sub(lambda found: f"{found[found.lastindex or 0]} ", text)
        return text

    def _around(self) -> list[str]:
        """What the template writes before, between and behind texts."""
        turns = _PROBES[1:]
        shown = self._rendered(_PROBES[0], turns)
        if self._system_role:  # some write something else where nothing is told
            shown += _PROBES[0] + self._template(_messages(turns))
        return re.split("|".join(_PROBES), shown)

    def render(self, system: str, turns: Sequence[str]) -> str:
        """A prompt for the second speaker's next words.

        Args:
            system: instructions.
            turns: an odd number of texts, the first speaker's first and last.
        """
        return self._rendered(self._unmarked(system), [self._unmarked(text) for text in turns])

    def _rendered(self, system: str, turns: Sequence[str]) -> str:
        if not self.templated:
            lines = [f"{self._labels[i % 2]} {text}" for i, text in enumerate(turns)]
            return "\n".join([system, "", *lines, self._labels[1]])
        messages = _messages(turns)
        if self._system_role:
            messages = [{"role": "system", "content": system}, *messages]
        else:
            messages[0] = {"role": "user", "content": f"{system}\n\n{messages[0]['content']}"}
        return self._template(messages)

    def encode(self, prompts: list[str]) -> list[list[int]]:
        """Ids of rendered prompts; a template has put in its own special tokens already."""
        ids: list[list[int]] = self._tokenizer(prompts, add_special_tokens=not self.templated, verbose=False)[
            "input_ids"
        ]
        end = self._tokenizer.eos_token_id
        # Some tokenizers close every text; a reply cannot follow a text that has ended.
        return ids if self.templated else [row[:-1] if len(row) > 1 and row[-1] == end else row for row in ids]

    def _takes_system(self, name: str) -> bool:
        """Whether the template shows what a system message says; some refuse it, some leave it out."""
        marks = ["mark one", "mark two", "mark three", "mark four"]
        roles = ["system", "user", "assistant", "user"]
        messages = [{"role": role, "content": mark} for role, mark in zip(roles, marks, strict=True)]
        try:
            shown = self._template(messages)
        except Exception:  # noqa: BLE001 - a template is a program of the model's; without a system message it may do
            shown = ""
        if all(mark in shown for mark in marks):
            return True
        try:
            shown = self._template(messages[1:])
        except Exception as error:
            reason = " ".join(str(error).split())[:200]
            raise ArtifactError(
                f"{name}: the chat template cannot render a dialogue ({reason}); mend or remove it"
            ) from error
        if not all(mark in shown for mark in marks[1:]):
            raise ArtifactError(f"{name}: the chat template leaves out what was said; mend or remove it")
        return False

    def _template(self, messages: list[dict[str, str]]) -> str:
        # Models that can think aloud first are asked not to: their thoughts would be read as the reply.
        rendered: str = self._tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True, enable_thinking=False
        )
        return rendered


def _messages(turns: Sequence[str]) -> list[dict[str, str]]:
    return [{"role": "user" if i % 2 == 0 else "assistant", "content": text} for i, text in enumerate(turns)]


def _spelled(mark: str) -> str:
    """The pattern of a marker, whatever stands between its words."""
    return re.escape(mark).replace(r"\ ", r"\s+")


def _any_of(patterns: Sequence[str]) -> re.Pattern[str] | None:
    """Any of some patterns, the longest first, in whatever case."""
    held = sorted((pattern for pattern in set(patterns) if pattern.strip()), key=len, reverse=True)
    return re.compile("|".join(held), re.IGNORECASE) if held else None
