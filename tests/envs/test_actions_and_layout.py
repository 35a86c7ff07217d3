"""Actions to controls, and the observation's layout."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rlgen.envs import observation
from rlgen.envs.actions import GRID, to_box, to_controls
from rlgen.envs.observation import ObservationLayout
from rlgen.errors import ActionError


def test_controls_at_the_corners_and_the_centre():
    c = to_controls(np.float32([[-1, -1, -1, -1], [0, 0, 0, 0], [1, 1, 1, 1]]))
    assert c.temperature == pytest.approx([0.3, np.sqrt(0.3 * 1.3), 1.3])
    assert c.emotional_weight == pytest.approx([0, 1, 2])
    assert c.warmth == pytest.approx([-1, 0, 1])


def test_grid_points_are_even_and_reach_the_ends():
    for column, points in enumerate(GRID):
        actions = np.zeros((points, 4), dtype=np.int64)
        actions[:, column] = np.arange(points)
        assert to_box(actions, "discrete", points)[:, column] == pytest.approx(np.linspace(-1, 1, points))


def test_a_grid_index_beyond_its_end_is_refused():
    with pytest.raises(ActionError, match="below"):
        to_box(np.array([[0, 0, 3, 0]]), "discrete", 1)


@given(hnp.arrays(np.float32, (3, 4), elements=st.floats(-1, 1, width=32)))
def test_every_action_gives_controls_in_range(actions):
    c = to_controls(to_box(actions, "box", 3))
    assert ((c.temperature >= 0.3 - 1e-6) & (c.temperature <= 1.3 + 1e-6)).all()
    assert ((c.emotional_weight >= 0) & (c.emotional_weight <= 2)).all()


def test_layout_covers_the_vector_once_and_round_trips():
    layout = ObservationLayout.of(("trust", "intensity"))
    covered = np.zeros(layout.size, dtype=int)
    for block in layout.slices.values():
        covered[block] += 1
    assert (covered == 1).all()
    space = layout.space()
    assert space.shape == (layout.size,)
    sample = np.stack([space.sample() for _ in range(3)])
    blocks = layout.unflatten(sample)
    assert np.array_equal(layout.flatten(blocks), sample)


@pytest.mark.parametrize("privileged", [(), ("trust",)])
def test_flatten_clips_to_the_bounds_without_making_a_space(privileged, monkeypatch):
    layout = ObservationLayout.of(privileged)
    space = layout.space()
    monkeypatch.setattr(observation.spaces, "Box", None)
    for value, bound in ((99.0, space.high), (-99.0, space.low)):
        blocks = {name: np.full((2, s.stop - s.start), value, np.float32) for name, s in layout.slices.items()}
        assert np.array_equal(layout.flatten(blocks), np.stack([bound, bound]))
