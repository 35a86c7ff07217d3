"""Tiny language models as generators, and what they are asked."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from rlgen.generation import HuggingFaceGenerator
from rlgen.rng import Streams
from rlgen.types import CONTROL_RANGES, Context, Controls

WINDOWS = [
    ["Hello."],
    ["My exam is tomorrow and I am so afraid that I cannot sleep at all."],
    ["I lost my job.", "That sounds hard.", "It is. What now?"],
    ["No."],
    ["My sister moved away, and the house is very quiet in the evening now."],
    ["Well.", "I am here.", "I do not know where to begin.", "Take your time.", "It is my knee."],
]


@pytest.fixture(scope="session")
def windows():
    """Dialogues of one to five texts, the last of them the person's."""
    return WINDOWS


@pytest.fixture(scope="session")
def mixed(estimated):
    """Arguments of `reply` for rows of all kinds; every fourth weight is 0, every fourth 1."""

    def arguments(rows, seed=0):
        rng = np.random.default_rng(seed)
        context = Context([WINDOWS[int(i)] for i in rng.integers(0, len(WINDOWS), rows)], rng.integers(0, 9, rows))
        drawn = {name: rng.uniform(low, high, rows).astype(np.float32) for name, (low, high) in CONTROL_RANGES.items()}
        drawn["emotional_weight"][::4], drawn["emotional_weight"][1::4] = 0.0, 1.0
        return context, estimated(rng.integers(0, 6, rows)), Controls(**drawn), Streams.of(seed, rows)

    return arguments


@pytest.fixture(scope="session")
def alone():
    """Does each of some rows, asked for alone, say the very ids that it says in the batch?"""

    def check(generator, arguments, whole, rows):
        for i in np.asarray(rows)[:, None]:
            said = generator.reply(*(part.rows(i) for part in arguments))
            assert (said.ids == whole.ids[i]).all(), f"row {i[0]} hears its neighbours"

    return check


@pytest.fixture(scope="module", params=["llama_chat", "gpt2_plain", "mistral_window"])
def path(request, tiny_models):
    """Folder of each tiny model in turn."""
    return tiny_models[request.param]


@pytest.fixture(scope="module")
def generator(path):
    """The model of `path`, with replies of at most 8 tokens."""
    return HuggingFaceGenerator(path, dtype="fp32", max_new_tokens=8)


@pytest.fixture
def copied(tiny_models, tmp_path):
    """A copy of a model, to be damaged."""
    return shutil.copytree(tiny_models["llama_chat"], tmp_path / "model")
