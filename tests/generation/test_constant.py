"""The generator that is deaf to everything."""

from __future__ import annotations

import numpy as np

from rlgen.generation import ConstantGenerator
from rlgen.rng import Streams


def test_constant_generator_ignores_everything(opening, estimated, asked):
    constant = ConstantGenerator("I hear you.")
    one = constant.reply(opening(["Hello."] * 2), estimated([0, 3]), asked(2, warmth=1), Streams.of(0, 2))
    two = constant.reply(opening(["Bye."] * 2), estimated([2, 2]), asked(2, warmth=-1), Streams.of(9, 2))
    assert one.text == two.text == ["I hear you."] * 2
    assert np.array_equal(one.ids, two.ids)
    assert constant.calls == 2
    assert constant.weights_sha256() != ConstantGenerator("No.").weights_sha256()
