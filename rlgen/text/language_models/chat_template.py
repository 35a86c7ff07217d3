"""Dialogues as prompts of a language model: by its chat template, or as a transcript where it has none.

What is said cannot leave its place: texts lose control characters and whatever would be read as the
tokenizer's own markup.
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
        added = tokenizer.added_tokens_decoder.values()
        markup = {str(t) for t in added if t.special or re.search(r"[<>|\[\]]", str(t))} | set(
            tokenizer.all_special_tokens
        )
        marks = sorted((m for m in markup if m.strip()), key=len, reverse=True)
        self._markup = re.compile("|".join(map(re.escape, marks))) if marks else None
        self._system_role = self.templated and self._takes_system(name)

    def harmless(self, text: str) -> str:
        """A text on one line without markup, and never empty."""
        text = clean(text)
        while self._markup is not None and self._markup.search(text):
            text = clean(self._markup.sub(" ", text))
        return text or SILENCE

    def render(self, system: str, turns: Sequence[str]) -> str:
        """A prompt for the second speaker's next words.

        Args:
            system: instructions.
            turns: an odd number of harmless texts, the first speaker's first and last.
        """
        if not self.templated:
            lines = [f"{self._labels[i % 2]} {text}" for i, text in enumerate(turns)]
            return "\n".join([system, "", *lines, self._labels[1]])
        messages = [{"role": "user" if i % 2 == 0 else "assistant", "content": text} for i, text in enumerate(turns)]
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
