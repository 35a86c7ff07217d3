"""Small made-up banks, readings and fits."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest

from rlgen.affect import CATEGORY_VALENCE_AROUSAL
from rlgen.types import Reading, SegmentCatalogue, UtteranceCatalogue, Words
from rlgen.users.calibrated.parameters import Parameters

TOPICS = ("one", "two", "three")
NO_SIGNS = {"mean": {}, "deviation": {}, "weight": {}, "offset": (0.0,)}


@pytest.fixture(scope="session")
def utterances() -> UtteranceCatalogue:
    cells = np.array([*product(range(3), range(6), range(4), range(3), range(3))])
    return UtteranceCatalogue(
        [f"utterance {i}" for i in range(len(cells))],
        cells[:, 0],
        TOPICS,
        cells[:, 1],
        np.array([0.25, 0.55, 0.85], dtype=np.float32)[cells[:, 4]],
        cells[:, 2],
        cells[:, 3],
    )


@pytest.fixture(scope="session")
def segments() -> SegmentCatalogue:
    cells = np.array([*product(range(10, 15), range(6), range(4))])
    intensity = np.array([0.2, 0.45, 0.7, 0.95], dtype=np.float32)[cells[:, 2]]
    plane = CATEGORY_VALENCE_AROUSAL[cells[:, 1]] * intensity[:, None]
    return SegmentCatalogue(cells[:, 0], cells[:, 1], intensity, plane[:, 0], plane[:, 1])


def make_reading(rows: int, **channels: object) -> Reading:
    """A reading whose scalar channels are given, `valence` and `empathy` zero."""
    values = {name: np.zeros(rows, dtype=np.float32) for name in Reading.SCALARS}
    values["fluency"] = values["relevance"] = np.ones(rows, dtype=np.float32)
    for name, value in channels.items():
        values[name] = np.broadcast_to(np.asarray(value, dtype=np.float32), (rows,)).copy()
    affect = np.zeros((rows, 8), dtype=np.float32)
    affect[:, 0] = 1.0
    return Reading(affect, np.zeros((rows, 3), dtype=np.float32), **values)


@pytest.fixture(scope="session")
def reading() -> Callable[..., Reading]:
    return make_reading


@pytest.fixture(scope="session")
def words() -> Callable[[int], Words]:
    return lambda rows: Words(np.full((rows, 1), -1), [""] * rows)


@pytest.fixture(scope="session")
def parameters() -> Parameters:
    relief = {"base": 2.8, "slope": -0.2, "mood": -0.7, "spread": 1.2}
    return Parameters.model_validate(
        {
            "ratings": {
                "cuts": (-4.5, -3.0, -1.2, 1.0),
                "spread": 1.2,
                "sharpness": 0.0,
                "unhelped": -2.5,
                "first": -0.3,
                "trend": 0.8,
                "curve": 0.0,
                "last": 0.5,
                "lapse": 0.04,
                "constant": (0.2, 0.1),
                "constant_value": ((0.02, 0.03, 0.1, 0.15, 0.7), (0.1, 0.1, 0.1, 0.2, 0.5)),
                "readings": {"warmth": {"effect": 0.4, "mean": 0.2, "deviation": 0.3}},
                "gap": (0.9, 0.1),
            },
            "endings": {
                "complete": (-7, -6, -6, -5, -4.5, -4, -3.5, -3, -2, -1, -0.8, -0.8, -0.8, -0.9, -1, -1),
                "complete_mood": 0.1,
                "abandon": -5.0,
                "abandon_mood": -1.5,
                "abandon_turn": -0.5,
                "share": 0.8,
                "signs": NO_SIGNS,
                "signs_with_goodbyes": NO_SIGNS,
            },
            "relief": (relief, {**relief, "base": 3.6, "slope": 0.7}),
            "initial": ((0, 0.03, 0.2, 0.44, 0.33), (0.01, 0.04, 0.18, 0.41, 0.36)),
            "feelings": (0.5, 0.35, 0.15),
        }
    )
