"""The Gymnasium faces."""

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

import rlgen
from rlgen.envs import DialogueVectorEnv, SupportDynamicEnv, world_config
from rlgen.envs.registration import IDS, register_all
from rlgen.errors import ActionError, ConfigError
from rlgen.text.writing.topics import topics

MAIN = ("rlgen/SupportDynamic-v0", "rlgen/SupportDynamicDiscrete-v0", "rlgen/Support-v0")


def test_ids_are_registered_once_by_importing_rlgen():
    assert rlgen.__version__
    register_all()
    assert set(IDS) <= set(gymnasium.registry)


@pytest.mark.parametrize("env_id", MAIN)
def test_gymnasium_checker(env_id):
    check_env(gymnasium.make(env_id).unwrapped, skip_render_check=True)


@pytest.mark.slow
@pytest.mark.parametrize("env_id", sorted(set(IDS) - set(MAIN)))
def test_gymnasium_checker_on_every_other_id(env_id):
    check_env(gymnasium.make(env_id).unwrapped, skip_render_check=True)


def test_an_episode_ends_and_the_next_reset_begins_another():
    env = SupportDynamicEnv()
    first, _ = env.reset(seed=0)
    assert env.observation_space.contains(first)
    for _ in range(16):
        obs, reward, terminated, truncated, info = env.step(np.zeros(4, dtype=np.float32))
        assert np.isfinite(reward)
        assert env.observation_space.contains(obs)
        if terminated or truncated:
            break
    assert terminated or truncated
    assert info["episode_summary"]["length"] >= 1
    with pytest.raises(ActionError, match="reset"):
        env.step(np.zeros(4, dtype=np.float32))
    second, _ = env.reset()
    assert not np.array_equal(first, second)
    again, _ = env.reset(seed=0)
    assert np.array_equal(first, again)


def test_reset_in_the_middle_begins_a_new_person():
    env = SupportDynamicEnv()
    first, _ = env.reset(seed=0)
    env.step(np.zeros(4, dtype=np.float32))
    second, _ = env.reset()
    blocks = env.layout.unflatten(second)
    assert blocks["turn"][0] == 0
    assert not np.array_equal(first, second)


def test_one_row_of_the_vector_is_the_single_environment():
    vector = gymnasium.make_vec("rlgen/SupportDynamic-v0", num_envs=3)
    single = gymnasium.make("rlgen/SupportDynamic-v0")
    many, _ = vector.reset(seed=7)
    one, _ = single.reset(seed=7)
    assert np.array_equal(many[0], one)
    action = np.float32([0.1, -0.3, 0.2, 0.4])
    many, rewards, *_ = vector.step(np.tile(action, (3, 1)))
    one, reward, *_ = single.step(action)
    assert np.allclose(many[0], one, atol=1e-5)
    assert rewards[0] == pytest.approx(reward, abs=1e-5)


def test_vector_env_is_native_and_resets_in_the_same_step():
    env = gymnasium.make_vec("rlgen/SupportDynamic-v0", num_envs=4, max_turns=2)
    assert isinstance(env.unwrapped, DialogueVectorEnv)
    assert env.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP
    env.reset(seed=0)
    env.step(np.zeros((4, 4), dtype=np.float32))
    obs, _, terminated, truncated, infos = env.step(np.zeros((4, 4), dtype=np.float32))
    ended = terminated | truncated
    assert ended.any()
    assert (infos["_final_obs"] == ended).all()
    turn = env.unwrapped.layout.slices["turn"]
    assert (obs[ended, turn] == 0).all()
    for row in np.flatnonzero(ended):
        assert infos["final_obs"][row][turn] > 0
    assert np.isfinite(infos["final_info"]["relief"][ended]).all()


def test_reset_mask_renews_only_the_named_rows():
    env = gymnasium.make_vec("rlgen/SupportDynamic-v0", num_envs=3)
    env.reset(seed=0)
    before, *_ = env.step(np.zeros((3, 4), dtype=np.float32))
    after, _ = env.reset(options={"reset_mask": np.array([False, True, False])})
    assert np.array_equal(before[[0, 2]], after[[0, 2]])
    assert not np.array_equal(before[1], after[1])


@pytest.mark.parametrize(
    ("action", "named"),
    [
        (np.zeros(3, dtype=np.float32), "shape"),
        (np.float32([0, np.nan, 0, 0]), "finite"),
        (np.float32([0, 0, 1.5, 0]), "temperature"),
    ],
)
def test_bad_actions_are_named(action, named):
    env = SupportDynamicEnv()
    env.reset(seed=0)
    with pytest.raises(ActionError, match=named):
        env.step(action)


def test_bad_fields_are_named():
    with pytest.raises(ConfigError, match="colour"):
        world_config("rlgen/SupportDynamic-v0", colour="red")
    with pytest.raises(ConfigError, match="max_turns"):
        world_config("rlgen/SupportDynamic-v0", max_turns=0)
    with pytest.raises(ConfigError, match="no environment"):
        world_config("rlgen/Nothing-v0")
    with pytest.raises(ConfigError, match="render_mode"):
        SupportDynamicEnv(render_mode="human")


def test_scenarios_limit_the_topics():
    env = gymnasium.make("rlgen/SupportDynamicEducation-v0", render_mode="ansi")
    env.reset(seed=0)
    wanted = {topic.name for topic in topics() if topic.scenario == "education"}
    for _ in range(8):
        env.step(np.zeros(4, dtype=np.float32))
        assert env.unwrapped.world.last.topic[0] in wanted
        env.reset()


def test_rendering_shows_the_turn():
    env = gymnasium.make("rlgen/SupportDynamic-v0", render_mode="ansi")
    env.reset(seed=0)
    env.step(np.zeros(4, dtype=np.float32))
    shown = env.render()
    record = env.unwrapped.world.last
    assert record.person_text[0] in shown
    assert record.reply_text[0] in shown
    env = gymnasium.make("rlgen/SupportDynamic-v0", render_mode="rgb_array")
    env.reset(seed=0)
    env.step(np.zeros(4, dtype=np.float32))
    picture = env.render()
    assert picture.shape == (540, 960, 3)
    assert picture.dtype == np.uint8
    assert np.ptp(picture) > 100
