"""Actions to controls, and the observation's layout."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rlgen.envs import WorldConfig, observation, world_config
from rlgen.envs.actions import EDGE, GRID, action_space, to_box, to_controls
from rlgen.envs.observation import BLOCKS, ObservationLayout
from rlgen.errors import ActionError, ConfigError


def test_controls_at_the_corners_and_the_centre():
    c = to_controls(np.float32([[-1, -1, -1, -1], [0, 0, 0, 0], [1, 1, 1, 1]]))
    assert c.temperature == pytest.approx([0.3, np.sqrt(0.3 * 1.3), 1.3])
    assert c.emotional_weight == pytest.approx([0, 1, 2])
    assert c.warmth == pytest.approx([-1, 0, 1])


def test_grid_points_are_even_and_reach_the_ends():
    for column, points in enumerate(GRID):
        actions = np.zeros((points, 4), dtype=np.int64)
        actions[:, column] = np.arange(points)
        assert to_box(actions, action_space("discrete"), points)[:, column] == pytest.approx(np.linspace(-1, 1, points))


def test_a_grid_index_beyond_its_end_is_refused():
    with pytest.raises(ActionError, match="below"):
        to_box(np.array([[0, 0, 3, 0]]), action_space("discrete"), 1)


@given(hnp.arrays(np.float32, (3, 4), elements=st.floats(-1, 1, width=32)))
def test_every_action_gives_controls_in_range(actions):
    c = to_controls(to_box(actions, action_space("box"), 3))
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


def test_flat_actions_are_the_grid_in_one_row():
    space = action_space("flat")
    points = np.stack(np.meshgrid(*map(np.arange, GRID), indexing="ij"), axis=-1).reshape(-1, len(GRID))
    assert space.n == len(points) == 300
    assert np.array_equal(to_box(np.arange(300), space, 300), to_box(points, action_space("discrete"), 300))


@pytest.mark.parametrize("bad", [np.array([300]), np.array([-1]), np.array([1.0]), np.array([[1]]), np.array([1, 2])])
def test_bad_flat_actions_are_refused(bad):
    with pytest.raises(ActionError):
        to_box(bad, action_space("flat"), 1)


@given(hnp.arrays(np.float64, (2, 4), elements=st.floats(-1 - EDGE, 1 + EDGE)))
def test_rounding_errors_beyond_the_edge_are_the_edge(actions):
    box = to_box(actions, action_space("box"), 2)
    assert box.dtype == np.float32
    assert np.array_equal(box, np.clip(actions, -1, 1).astype(np.float32))


@given(st.floats(1 + 2 * EDGE, 1e6), st.integers(0, 3), st.sampled_from([-1, 1]))
def test_what_is_really_outside_is_refused(value, column, sign):
    action = np.zeros((1, 4))
    action[0, column] = sign * value
    with pytest.raises(ActionError, match=r"outside \[-1, 1\]"):
        to_box(action, action_space("box"), 1)


@given(st.sets(st.sampled_from(BLOCKS), max_size=len(BLOCKS) - 1), st.sampled_from([(), ("trust", "intensity")]))
def test_dropped_blocks_are_gone_and_the_others_as_they_were(dropped, privileged):
    whole, layout = ObservationLayout.of(privileged), ObservationLayout.of(privileged, dropped)
    sample = np.stack([whole.space().sample() for _ in range(2)])
    blocks = whole.unflatten(sample)
    kept = {name: values for name, values in blocks.items() if name not in dropped}
    found = layout.unflatten(layout.flatten(blocks))
    assert list(found) == list(kept)
    for name, values in kept.items():
        assert np.array_equal(found[name], values)
        for bound in ("low", "high"):
            mine, theirs = getattr(layout.space(), bound), getattr(whole.space(), bound)
            assert np.array_equal(layout.unflatten(mine)[name], whole.unflatten(theirs)[name])
    assert layout.space().shape == (layout.size,) == (sum(v.shape[1] for v in kept.values()),)


def test_dropping_is_a_field_of_the_config():
    config = world_config("rlgen/SupportDynamic-v0", drop=["context", "vector"])
    assert config.drop == ("vector", "context")
    assert config == world_config("rlgen/SupportDynamic-v0", drop=("vector", "context"))
    with pytest.raises(ConfigError, match=r"no block 'colour'.*affect, uncertainty"):
        world_config("rlgen/SupportDynamic-v0", drop=["colour"])
    with pytest.raises(ConfigError, match="at least one block"):
        world_config("rlgen/SupportDynamic-v0", drop=list(BLOCKS))
    assert WorldConfig().drop == ()


def test_a_world_without_blocks_observes_the_rest(make_world, draw):
    whole, less = make_world(2), make_world(2, drop=["vector", "context"])
    seen, fewer = whole.reset(3), less.reset(3)
    for action in draw(3, 2):
        blocks, kept = whole.layout.unflatten(seen), less.layout.unflatten(fewer)
        assert set(blocks) - set(kept) == {"vector", "context"}
        assert all(np.array_equal(blocks[name], values) for name, values in kept.items())
        seen, fewer = whole.step(action).obs, less.step(action).obs
