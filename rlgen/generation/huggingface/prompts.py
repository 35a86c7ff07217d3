"""What a language model is told: who it is, how to speak this time, and the dialogue so far.

The instruction is the conditional part. Without it the prompt is the unconditioned one, which
emotional weight 0 means: the same role, the same dialogue, no word of tone or emotion.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from rlgen.affect import ANGER, FEAR, HAPPINESS, NEUTRAL, NUM_CATEGORIES, SADNESS, SURPRISE
from rlgen.errors import ConfigError
from rlgen.text.language_models.chat_template import SILENCE, Chat
from rlgen.text.language_models.pretrained import common

_LOG = logging.getLogger(__name__)

ROLE: Final = (
    "You are a caring companion, in a conversation with a person who wants to talk. Answer what they just said in "
    "one to three short sentences, in plain words and about their own situation. You are no therapist and no doctor "
    "and do not replace one: make no diagnosis, recommend no treatment, promise nothing. If they may be in danger, "
    "say kindly that they deserve help now, and point to someone they trust, a doctor or the emergency services."
)

# Five levels each, at the grid points of the discrete actions: words finer than that are not told apart.
WARMTH: Final = (
    "Be cool, reserved and factual",
    "Be polite, with a little distance",
    "Be friendly and even",
    "Be warm and kind",
    "Be very warm, tender and encouraging",
)
DIRECTIVENESS: Final = (
    "leave the lead wholly to them: listen and reflect, suggest nothing",
    "mostly listen, and ask rather than advise",
    "balance listening with one careful thought",
    "offer one clear suggestion",
    "take the lead: name one concrete next step and how to begin it",
)

FEELING: Final = {HAPPINESS: "joy", SADNESS: "sadness", ANGER: "anger", FEAR: "fear", SURPRISE: "surprise"}
NEED: Final = {
    HAPPINESS: "Be glad with them and let them enjoy it.",
    SADNESS: "Name it gently and stay with it before anything else.",
    ANGER: "Take it seriously, stay calm, and do not argue.",
    FEAR: "Be steady and reassuring, without promises.",
    SURPRISE: "Give them room to sort out what happened.",
}
CALM: Final = "You sense no strong feeling in them; meet them where they are."

# Used where guidance is off, so that emotional weight has to be said; with guidance the middle one stands always.
DEPTH: Final = (
    "Touch on feelings only lightly.",
    "Let them hear that you have understood how they feel.",
    "Put their feeling at the heart of your answer, in open and heartfelt words.",
)
PLAIN_DEPTH: Final = 1

# Least total probability of the categories but neutral for "a little", "clear" and "strong".
_A_LITTLE, _CLEAR, _STRONG = 0.3, 0.55, 0.8
# Least probability of a second feeling that is worth a word.
_SECOND = 0.25
# Greatest emotional weights of the first two depths.
_LIGHT, _HEARD = 0.5, 1.25
# Ids that must be left for the person's newest words, and ids that joining texts may cost.
_LEAST_WORDS = 16
_JOINTS = 8
# Dialogues without a letter in common, for finding out where their prompts part.
_UNLIKE = (["A b."], ["7?", "Yes", "Oh, 3"])


def level(value: float) -> int:
    """Which of five even levels a value in [-1, 1] is nearest to."""
    return int(np.clip(np.rint(2.0 * value), -2, 2)) + 2


def feeling(affect: np.ndarray[Any, Any]) -> str:
    """What was recognised, in a sentence or two.

    Args:
        affect: `[8]`, see `rlgen.affect`; intensity is the probability that is not on neutral.
    """
    chances = np.asarray(affect[:NUM_CATEGORIES], dtype=np.float64)
    intensity = float(chances.sum() - chances[NEUTRAL])
    if intensity < _A_LITTLE:
        return CALM
    ranked = sorted(FEELING, key=lambda c: -chances[c])
    degree = "strong" if intensity >= _STRONG else "clear" if intensity >= _CLEAR else "a little"
    second = f" and some {FEELING[ranked[1]]}" if chances[ranked[1]] >= _SECOND else ""
    return f"You sense {degree} {FEELING[ranked[0]]}{second} in them. {NEED[ranked[0]]}"


def depth(weight: float) -> str:
    """Emotional weight in words, for models that are not guided."""
    return DEPTH[0 if weight <= _LIGHT else 1 if weight <= _HEARD else 2]


def tone(warmth: float, directiveness: float) -> str:
    """How warm and how leading to be, in a sentence; both in [-1, 1]."""
    return f"{WARMTH[level(warmth)]}; {DIRECTIVENESS[level(directiveness)]}."


def instruction(
    affect: np.ndarray[Any, Any], warmth: float, directiveness: float, deep: str = DEPTH[PLAIN_DEPTH]
) -> str:
    """How to speak this time.

    Args:
        affect: `[8]`, recognised in the person.
        warmth: in [-1, 1].
        directiveness: in [-1, 1].
        deep: a sentence on emotional depth.
    """
    return f"{tone(warmth, directiveness)} {feeling(affect)} {deep}"


class Script:
    """Windows of texts as prompts of a model: by its chat template, or as a transcript where it has none.

    Attributes:
        chat: whether the tokenizer has a chat template.
        room: greatest number of ids of a prompt; None for no limit.
    """

    def __init__(self, tokenizer: Any, room: int | None, name: str = "the tokenizer") -> None:
        """Find out what the template can do.

        Args:
            tokenizer: of transformers.
            room: ids that a prompt may have; None for no limit.
            name: of the model, for errors.

        Raises:
            ArtifactError: the chat template cannot render a dialogue.
            ConfigError: instructions and a few words do not fit into `room`.
        """
        self._tokenizer = tokenizer
        self._chat = Chat(tokenizer, name)
        self.chat = self._chat.templated
        self.room = room
        self._name = name
        self._cut_before = False
        # Instructions are counted at their longest, so that what is kept of a dialogue does not depend on them.
        spoken = (WARMTH, DIRECTIVENESS, [f"You sense a little {f} and some {f}" for f in FEELING.values()], DEPTH)
        parts = [*spoken, list(NEED.values())]
        counts = [max(map(len, self.encode(list(p)))) for p in parts]
        self._reserve = sum(counts) + _JOINTS
        bare = len(self.encode([self.render([SILENCE], "")])[0])
        least = bare + self._reserve + _LEAST_WORDS
        if room is not None and room < least:
            raise ConfigError(
                f"{name}: the context window leaves {room} ids for the prompt, but instructions and a few words need "
                f"{least}; choose a smaller max_new_tokens or a model with a longer context"
            )

    def render(self, window: Sequence[str], told: str) -> str:
        """The prompt as one string.

        Args:
            window: an odd number of harmless texts, the person's first and last.
            told: the instruction; empty for the unconditioned prompt.
        """
        return self._chat.render(f"{ROLE} {told}".rstrip(), window)

    def encode(self, prompts: list[str]) -> list[list[int]]:
        """Ids of rendered prompts."""
        return self._chat.encode(prompts)

    def opening(self, *told: str) -> list[int]:
        """The ids that prompts with one of these instructions begin with, whatever was said in the dialogue.

        Args:
            told: instructions, as for `render`.
        """
        return common(self.encode([self.render(window, words) for words in told for window in _UNLIKE]))

    def windows(self, texts: Sequence[Sequence[str]]) -> tuple[list[list[str]], list[list[int]]]:
        """What of each dialogue fits, and its unconditioned prompt.

        The newest turns that fit whole are kept, in pairs from a person's turn on; of a single
        utterance that is too long, the end. The first dialogue that is cut is logged as a warning.

        Args:
            texts: N windows, oldest first, person and supporter in turn, the person last. An empty
                window is that of a person who has said nothing yet.

        Returns:
            N windows for `render`, and the ids of N prompts without instruction.
        """
        kept = [[self._chat.harmless(t) for t in self._newest(window)] or [SILENCE] for window in texts]
        prompts = self.encode([self.render(window, "") for window in kept]) if kept else []
        for i, ids in enumerate(prompts):
            if self._excess(ids) > 0:
                kept[i], prompts[i] = self._cut(kept[i])
        return kept, prompts

    def _newest(self, window: Sequence[str]) -> Sequence[str]:
        """A window from a person's turn on, without turns that cannot fit since each has an id at least."""
        turns = len(window) if self.room is None else min(len(window), self.room)
        return window[len(window) - turns + (turns + 1) % 2 :]

    def _excess(self, ids: Sequence[int]) -> int:
        """Ids too many in a prompt without instruction."""
        return 0 if self.room is None else len(ids) + self._reserve - self.room

    def _cut(self, window: list[str]) -> tuple[list[str], list[int]]:
        """The newest turns that fit whole, and their prompt."""
        if not self._cut_before:
            self._cut_before = True
            _LOG.warning(
                "%s: a dialogue does not fit into the %s ids that a prompt may have; what is oldest is left out, "
                "of this one and of others (said once)",
                self._name,
                self.room,
            )

        def without(pairs: int) -> tuple[list[str], list[int]]:
            left = window[2 * pairs :]
            return left, self.encode([self.render(left, "")])[0]

        most = len(window) // 2
        over, fits = 0, 1  # pairs to drop: too few, and the next guess
        while fits < most and self._excess(without(fits)[1]) > 0:
            over, fits = fits, 2 * fits
        fits = min(fits, most)
        while fits - over > 1:
            middle = (over + fits) // 2
            if self._excess(without(middle)[1]) > 0:
                over = middle
            else:
                fits = middle
        left, ids = without(fits)
        while (excess := self._excess(ids)) > 0:  # one utterance is left
            left = [self._end_of(left[0], excess)]
            ids = self.encode([self.render(left, "")])[0]
        return left, ids

    def _end_of(self, text: str, excess: int) -> str:
        count = max(1, len(self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]))
        keep = min(len(text) - 1, len(text) * max(count - excess, 1) // count)
        return text[-keep:].strip() or SILENCE if keep > 0 else SILENCE
