import numpy as np
import pytest
from gymnasium import spaces
from pydantic import ValidationError

from rlgen.artifacts import Manifest, write
from rlgen.envs.actions import from_box, to_box
from rlgen.errors import ArtifactError
from rlgen.experiments.evaluation.outcomes import evaluate
from rlgen.policies.baselines import (
    KIND,
    EmotionTable,
    Fixed,
    Random,
    Schedule,
    dumps,
    read_ladders,
    shipped_baselines,
)
from rlgen.rng import Streams

TABLE = tuple((i / 10, -i / 10, 0.0, 0.5) for i in range(6))
LADDER = {
    "random": Random(),
    "fixed": Fixed(controls=(0.1, 0.2, 0.3, 0.4)),
    "table": EmotionTable(table=TABLE),
    "schedule": Schedule(table=TABLE[:3]),
}


@pytest.mark.parametrize("name", LADDER)
def test_actions_are_inside_the_open_box(fake_world, name):
    world = fake_world(8)
    obs = world.reset(seed=0)
    actions = LADDER[name].act(obs, world.layout, Streams.of(0, 8), np.arange(8))
    assert actions.shape == (8, 4)
    assert np.abs(actions).max() < 1


def test_what_a_person_meets_from_a_drawing_actor_does_not_depend_on_the_batch(fake_world):
    few, many = (evaluate(fake_world(rows), Random(), 12, seed=7) for rows in (3, 12))
    assert np.array_equal(few.values["return"], many.values["return"])


def test_table_and_schedule_look_up_their_rows(fake_world):
    world = fake_world(8)
    obs = world.reset(seed=0)
    rng = Streams.of(0, 8)
    by_emotion = LADDER["table"].act(obs, world.layout, rng, np.zeros(8, int))
    assert by_emotion == pytest.approx(np.array(TABLE)[world.category], abs=1e-6)
    by_turn = LADDER["schedule"].act(obs, world.layout, rng, np.arange(8))
    assert by_turn == pytest.approx(np.array(TABLE)[[0, 1, 2, 2, 2, 2, 2, 2]], abs=1e-6)


def test_they_survive_json_and_the_artifact_store(tmp_path):
    manifest = Manifest(name="baselines", kind=KIND, description="d", command="c")
    write(tmp_path / "b", {"baselines.json": dumps({"some/id": LADDER})}, manifest)
    assert read_ladders(tmp_path / "b") == {"some/id": LADDER}
    write(tmp_path / "b", {"baselines.json": b'{"x": {"y": {"kind": "magic"}}}'}, manifest)
    with pytest.raises(ArtifactError, match="not a ladder"):
        read_ladders(tmp_path / "b")


def test_a_table_of_the_wrong_size_is_refused():
    with pytest.raises(ValidationError):
        EmotionTable(table=TABLE[:5])


def test_every_id_has_random_and_centre():
    assert {"random", "centre"} <= set(shipped_baselines("no/such-id"))


def test_grid_actions_come_back_to_their_point():
    space = spaces.MultiDiscrete([5, 5, 3, 4])
    grid = np.array([[0, 4, 1, 2], [2, 2, 2, 3]])
    assert np.array_equal(from_box(to_box(grid, space, len(grid)), space), grid)
    assert np.array_equal(from_box(np.full((1, 4), 0.999), space), [[4, 4, 2, 3]])
