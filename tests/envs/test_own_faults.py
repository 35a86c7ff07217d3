"""What parts of one's own do wrong while they run is one sentence, whichever part it is and wherever it runs."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

from rlgen.envs import Block, World, world_config
from rlgen.errors import PartError
from rlgen.seams import own_fault
from rlgen.text import Reader
from rlgen.text.encoding.fast_encoder import FastEncoder
from rlgen.types import ALLOW, Estimate, Replies, Verdict

ID = "rlgen/SupportDynamic-v0"
SAID = {"kind": "constant", "text": "Go on."}
ZERO = np.zeros((3, 4), np.float32)


def generator(reply):
    class Mine:
        calls = 0

        def weights_sha256(self):
            return "mine"

        def reply(self, context, estimate, controls, streams):
            return reply(len(context.texts))

    return Mine()


def recognizer(**given):
    class Mine:
        vector_dim = 5

        def weights_sha256(self):
            return "mine"

        def estimate(self, signals):
            n = len(signals.present)
            chances = np.full((n, 8), 1 / 6, np.float32)
            made = {"vector": np.zeros((n, 5), np.float32), "affect": chances, "uncertainty": chances[:, :3]}
            return given["whole"] if "whole" in given else Estimate(
                **{**made, "present": signals.present, **{name: make(n) for name, make in given.items()}})  # fmt: skip

    return Mine()


def guard(names=("cost",), **given):
    class Mine:
        cost_names = names

        def review(self, context, words):
            n = len(words.text)
            made = {"decision": np.full(n, ALLOW), "cost": np.zeros((n, 1)), "text": words.text, "reason": [""] * n}
            return given["whole"] if "whole" in given else Verdict(**{**made, **{k: f(n) for k, f in given.items()}})

    return Mine()


def played(**fields):
    """A step of three dialogues."""
    env = gymnasium.make_vec(ID, num_envs=3, device="cpu", **fields)
    env.reset(seed=1)
    env.step(ZERO)


def fails(*_):
    return 1 / 0


GENERATOR = [
    (lambda n: None, "it gave None; give rlgen.types.Replies of 3 rows"),
    (lambda n: ["Go on."] * n, "it gave a list of 3; give rlgen.types.Replies"),
    (lambda n: Replies.of(["Go on."] * (n - 1)), "[2, 1]; give a NumPy array of whole numbers [3, any]"),
    (lambda n: Replies.of([1] * n), "its text holds int '1' in row 0; give a text"),
    (lambda n: Replies.of(None), "it raised TypeError: object of type 'NoneType' has no len()"),
    (lambda n: Replies(Replies.of([""] * n).ids, [""] * n, np.full(n, np.nan)), "its logprob is not finite in row 0"),
    (fails, "it raised ZeroDivisionError: division by zero"),
    (lambda n: exit(3), "it raised SystemExit: 3"),
]
RECOGNIZER = [
    ({"whole": None}, "it gave None; give rlgen.types.Estimate of"),
    ({"vector": lambda n: np.zeros((n, 4), np.float32)}, "5]"),
    ({"vector": lambda n: [[0.0] * 5] * n}, "its vector is a list of"),
    ({"affect": lambda n: np.full((n, 8), np.nan, np.float32)}, "its affect is not finite in row 0"),
    ({"affect": lambda n: np.zeros((n, 8), np.float32)}, "the first 6 columns of affect are no probabilities"),
    ({"affect": lambda n: np.eye(8, dtype=np.float32)[:1].repeat(n, 0) * [1, 1, 1, 1, 1, 1, 1, 1] - 2 * np.eye(8)[7]},
     "valence or arousal, the last two columns of affect, leaves [-1, 1]"),
    ({"uncertainty": lambda n: np.full((n, 3), 1.5)}, "uncertainty leaves [0, 1]"),
    ({"vector": fails}, "it raised ZeroDivisionError"),
]  # fmt: skip
GUARD = [
    ({"whole": None}, "it gave None; give rlgen.types.Verdict of 3 rows"),
    ({"decision": lambda n: np.full(n, 7)}, "it decided 7 to 7; give ALLOW, REPLACE"),
    ({"decision": lambda n: np.full(n, "allow")}, "its decision is an array of <U5 [3]; give a NumPy array of whole"),
    ({"cost": lambda n: np.zeros(n)}, "its cost is an array of float64 [3]; give a NumPy array of floats [3, 1]"),
    ({"cost": lambda n: np.full((n, 1), -1.0)}, "it gave a cost below 0"),
    ({"text": lambda n: ["Something else."] * n}, "it allows row 0 and changes its text; decide REPLACE there"),
    ({"reason": lambda n: [None] * n}, "its reason holds None in row 0; give a text"),
    ({"names": "cost"}, "its cost_names are str 'cost'; give a tuple of names"),
    ({"text": fails}, "it raised ZeroDivisionError"),
]
FAULTS = [
    *(({"generator": generator(reply)}, said) for reply, said in GENERATOR),
    *(({"generator": SAID, "recognizer": recognizer(**given)}, said) for given, said in RECOGNIZER),
    *(({"generator": SAID, "guard": guard(**given)}, said) for given, said in GUARD),
    ({"generator": SAID, "blocks": Block("mine", 1, fails)}, "it raised ZeroDivisionError"),
    (
        {"generator": SAID, "blocks": Block("mine", 1, lambda visible: "x")},
        "its block is str 'x'; give a NumPy array",
    ),
    ({"generator": SAID, "blocks": Block("mine", 1, lambda visible: ZERO)}, "its block is an array of float32 [3, 4]"),
]


@pytest.mark.parametrize(("fields", "said"), FAULTS)
def test_a_fault_is_one_sentence_with_the_part_by_its_name(fields, said):
    field = next(name for name in reversed(fields))
    with pytest.raises(PartError) as caught:
        played(**fields)
    told = str(caught.value)
    assert told.startswith(field.removesuffix("s")), told
    assert " was " in told, told
    assert said in told, told
    assert "\n" not in told
    assert told.endswith("(docs/parts.md)" if "raised" not in told else "; mend it"), told
    if "raised" in told:
        assert f"{__file__}, line " in told
        assert isinstance(caught.value.__cause__, Exception | SystemExit)


class MyReader(Reader):
    def read(self, text, asked, earlier):
        reading, embedding = super().read(text, asked, earlier)
        wrong = {"nothing": None, "few": (reading.rows(slice(1)), embedding), "narrow": (reading, embedding[:, :3])}
        return wrong[self.how]


class MyEncoder(FastEncoder):
    def encode(self, texts):
        return super().encode(texts)[:, :-1] if self.how == "narrow" else 1 / 0


@pytest.mark.parametrize(
    ("of", "how", "said"),
    [
        (MyReader, "nothing", "it gave None; give a pair of rlgen.types.Reading and embeddings"),
        (MyReader, "few", "its affect is an array of float32 [1, 8]; give a NumPy array of floats [3, 8]"),
        (MyReader, "narrow", "its embedding is an array of float32 [3, 3]; give a NumPy array of floats [3, 384]"),
        (MyEncoder, "narrow", "its embedding is an array of float32 [3, 383]; give a NumPy array of floats [3, 384]"),
        (MyEncoder, "raises", "it raised ZeroDivisionError: division by zero"),
    ],
)
def test_readers_and_encoder_of_ones_own(parts, of, how, said):
    world = World(world_config(ID, readers=Reader.load("shipped:readers", parts.reader.encoder), generator=SAID), 3)
    world.reset(0)
    reader = world.parts.pipeline.reader  # as if it had been of another class from the beginning
    part, field = (reader, "readers") if of is MyReader else (reader.encoder, "encoder")
    part.__class__, part.how = of, how
    with pytest.raises(PartError) as caught:
        world.step(ZERO)
    assert str(caught.value).startswith(f"{field} was {__name__}:{of.__name__}: {said}")


def test_what_a_shipped_part_raises_passes_as_it_is(parts):
    with pytest.raises(ZeroDivisionError), own_fault("readers", parts.reader):
        fails()
    with pytest.raises(KeyboardInterrupt), own_fault("generator", generator(fails)):
        raise KeyboardInterrupt
