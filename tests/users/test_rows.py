"""People react alone: who is not spoken to stays as they are, and who is reacts as among all."""

import copy

import numpy as np
import pytest

from rlgen.rng import Streams
from rlgen.users import CalibratedConfig, TheoryConfig, build


@pytest.mark.parametrize("config", [TheoryConfig(), CalibratedConfig()], ids=lambda config: config.family)
def test_some_rows_react_as_they_do_among_all(config, utterances, segments, words, reading):
    rows, streams = np.arange(12), Streams.of(3, 12)
    whole = build(config, 12, utterances, segments)
    whole.reset(rows, streams)
    parted = copy.deepcopy(whole)
    some, others = np.array([7, 0, 4]), np.setdiff1d(rows, [7, 0, 4])
    for turn in range(6):
        said, read = words(12), reading(12, warmth=0.2 * turn - 0.5)
        feedback, expression = whole.respond(rows, said, read, streams, np.full(12, turn))
        for part in (some, others):
            before = parted.hidden()
            shown, spoken = parted.respond(
                part, said.rows(part), read.rows(part), streams.rows(part), np.full(len(part), turn)
            )
            for name, value in vars(feedback.rows(part)).items():
                np.testing.assert_array_equal(getattr(shown, name), value)
            np.testing.assert_array_equal(spoken.utterance, expression.utterance[part])
            np.testing.assert_array_equal(spoken.segment, expression.segment[part])
            unheard = np.setdiff1d(rows, part)
            for name, value in parted.hidden().items():
                np.testing.assert_array_equal(value[unheard], before[name][unheard])
        for name, value in whole.hidden().items():
            np.testing.assert_array_equal(parted.hidden()[name], value)
