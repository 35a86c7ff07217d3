"""The checker of generators accepts ours, and names every fault that was put into a sound one."""

from __future__ import annotations

import copy
import threading

import numpy as np
import pytest

from rlgen.checks.generator import LAWS, check_generator, try_generator
from rlgen.errors import CheckError
from rlgen.generation import ConstantGenerator, EmbeddedGenerator, HuggingFaceGenerator
from rlgen.types import Replies

SENTENCES = ("I see.", "That sounds hard.", "What would help?", "I am here.", "Tell me more of it.")


class Sound:
    """Picks a sentence by the row's stream and the length of what was said."""

    def __init__(self):
        self.calls = 0
        self.heard = []

    def session(self):
        mine = copy.copy(self)
        mine.calls, mine.heard = 0, []
        return mine

    def weights_sha256(self):
        return "sentences"

    def pick(self, context, estimate, controls, streams):
        rows = len(context.texts)
        u = streams.uniform("generation.token", context.turn, size=1)[:, 0] if rows else np.zeros(0)
        return (u * len(SENTENCES)).astype(int) + np.array([len(texts[-1]) for texts in context.texts], dtype=int)

    def reply(self, context, estimate, controls, streams):
        self.calls += 1
        pick = self.pick(context, estimate, controls, streams) % len(SENTENCES)
        text = [SENTENCES[i] for i in pick]
        ids = np.stack([pick, np.where(pick > 2, 7, -1)], axis=1).astype(np.int64).reshape(-1, 2)
        return Replies(ids, text, np.full(len(pick), -1.5, dtype=np.float32))


class Wordless(Sound):
    def reply(self, *asked):
        made = super().reply(*asked)
        return Replies(made.ids, ["" if i == 3 else text for i, text in enumerate(made.text)], made.logprob)


class Lines(Sound):
    def reply(self, *asked):
        made = super().reply(*asked)
        return Replies(made.ids, [text.replace(" ", "\n") for text in made.text], made.logprob)


class Short(Sound):
    def reply(self, *asked):
        made = super().reply(*asked)
        return Replies(made.ids, made.text[:-1], made.logprob)


class Tuple(Sound):
    def reply(self, *asked):
        made = super().reply(*asked)
        return made.ids, made.text, made.logprob


class Revealing(Sound):
    """Hands more on than words."""

    class More(Replies):
        pass

    def reply(self, *asked):
        made = super().reply(*asked)
        return self.More(made.ids, made.text, made.logprob)


class FloatIds(Sound):
    def reply(self, *asked):
        made = super().reply(*asked)
        return Replies(made.ids.astype(np.float32), made.text, made.logprob)


class PadsInFront(Sound):
    def reply(self, *asked):
        made = super().reply(*asked)
        return Replies(made.ids[:, ::-1].copy(), made.text, made.logprob)


class OneId(Sound):
    def reply(self, *asked):
        made = super().reply(*asked)
        return Replies(np.zeros_like(made.ids), made.text, made.logprob)


class Probable(Sound):
    def reply(self, *asked):
        made = super().reply(*asked)
        return Replies(made.ids, made.text, -made.logprob)


class Impossible(Sound):
    def reply(self, *asked):
        made = super().reply(*asked)
        return Replies(made.ids, made.text, np.full_like(made.logprob, np.nan))


class Global(Sound):
    """Draws from the random state that all share."""

    def pick(self, context, *rest):
        return np.random.randint(0, 5, len(context.texts))  # noqa: NPY002


class Together(Sound):
    """Looks at the longest text of the batch."""

    def pick(self, context, estimate, controls, streams):
        longest = max((len(texts[-1]) for texts in context.texts), default=0)
        return super().pick(context, estimate, controls, streams) + longest


class Places(Sound):
    """Knows a row by its place in the call."""

    def pick(self, context, *rest):
        return np.arange(len(context.texts))


class Remembers(Sound):
    """Says something else the second time."""

    def pick(self, *asked):
        self.heard.append(1)
        return super().pick(*asked) + len(self.heard)


class OneMemory(Remembers):
    def session(self):
        mine = copy.copy(self)
        mine.calls = 0
        return mine


class Keeps(Sound):
    """Sessions of one count."""

    def session(self):
        return copy.copy(self)


class Uncounted(Sound):
    def reply(self, *asked):
        made = super().reply(*asked)
        self.calls -= 1
        return made


class Unpickled(Sound):
    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()


class Forgetful(Sound):
    """Pickles without what it says."""

    shift = 0

    def __init__(self, shift=2):
        super().__init__()
        self.shift = shift

    def session(self):
        return Forgetful(self.shift)

    def __reduce__(self):
        return Forgetful, (0,)

    def pick(self, *asked):
        return super().pick(*asked) + self.shift


class Crowded(Sound):
    """Needs somebody to answer."""

    def reply(self, context, *rest):
        return super().reply(context, *rest) if context.texts else None


class Scribbles(Sound):
    def reply(self, context, estimate, controls, streams):
        controls.temperature[:] = 1.0
        return super().reply(context, estimate, controls, streams)


class Learns(Sound):
    learned = 0

    def weights_sha256(self):
        return f"sentences {self.learned}"

    def reply(self, *asked):
        self.learned += 1
        return super().reply(*asked)


class Picky(Sound):
    def reply(self, context, *rest):
        for texts in context.texts:
            texts[-1].encode("utf-8")
        return super().reply(context, *rest)


class Hot(Sound):
    def reply(self, context, estimate, controls, streams):
        made = super().reply(context, estimate, controls, streams)
        return Replies(made.ids, made.text, np.where(controls.temperature > 1.29, -np.inf, made.logprob))


class Racing(Sound):
    """One scratch pad for all threads."""

    pad: list = []  # noqa: RUF012

    def pick(self, *asked):
        import time

        self.pad[:] = super().pick(*asked).tolist()
        time.sleep(0.01)
        return np.array(self.pad[: len(asked[0].texts)], dtype=int)


FAULTS = {
    Wordless: "says nothing", Lines: "one printable line", Short: "12", Tuple: "gives tuple",
    Revealing: "gives More", FloatIds: "ids is an array of", PadsInFront: "follows padding", OneId: "have the same ids",
    Probable: "at most 0", Impossible: "not finite", Global: "draw from the streams", Together: "one row at a time",
    Places: "one row at a time", Remembers: "may save work only", OneMemory: "draw from the streams",
    Keeps: "let each session count", Uncounted: "count calls of `reply`", Unpickled: "cannot be pickled",
    Forgetful: "once pickled", Crowded: "of no rows", Scribbles: "controls.temperature was written on",
    Learns: "hash of its weights", Picky: "UnicodeEncodeError", Hot: "not finite",
    Racing: "threads at once",
}  # fmt: skip


def test_a_sound_generator_keeps_every_law():
    assert [finding for finding in try_generator(Sound()) if finding.faults] == []
    check_generator(ConstantGenerator("I see."))
    assert len(list(try_generator(Sound()))) == len(LAWS)


@pytest.mark.parametrize("faulty", FAULTS, ids=lambda kind: kind.__name__)
def test_every_fault_is_named_in_one_sentence(faulty):
    found = [fault for finding in try_generator(faulty()) for fault in finding.faults]
    assert any(FAULTS[faulty] in fault for fault in found), found
    assert all("\n" not in fault and len(fault) < 300 for fault in found)
    with pytest.raises(CheckError):
        check_generator(faulty())


def test_ours_are_accepted(tiny_models):
    check_generator(EmbeddedGenerator.load())
    check_generator(HuggingFaceGenerator(tiny_models["llama_chat"], dtype="fp32", max_new_tokens=6))
