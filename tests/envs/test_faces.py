"""The Gymnasium faces."""

import threading
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env, check_step_determinism
from stable_baselines3.common.env_checker import check_env as sb3_check_env

import rlgen
from rlgen.envs import DialogueVectorEnv, SupportDynamicEnv, batch_hint, world_config
from rlgen.envs.registration import IDS, register_all
from rlgen.errors import ActionError, ConfigError
from rlgen.text.topics import topics

OKAY = {"kind": "constant", "text": "Okay."}

MAIN = (
    "rlgen/SupportDynamic-v0",
    "rlgen/SupportDynamicDiscrete-v0",
    "rlgen/SupportDynamicFlat-v0",
    "rlgen/Support-v0",
)


def test_ids_are_registered_once_by_importing_rlgen():
    assert rlgen.__version__
    register_all()
    assert set(IDS) <= set(gymnasium.registry)


def both_checkers(env_id):
    """Gymnasium's and Stable-Baselines3's, which may not warn either."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gymnasium.make(env_id).unwrapped)
        sb3_check_env(gymnasium.make(env_id))


@pytest.mark.parametrize("env_id", MAIN)
def test_checkers(env_id):
    both_checkers(env_id)


@pytest.mark.slow
@pytest.mark.parametrize("env_id", sorted(set(IDS) - set(MAIN)))
def test_checkers_on_every_other_id(env_id):
    both_checkers(env_id)


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
    assert terminated
    assert info["episode_summary"]["length"] == round(obs[env.layout.slices["turn"]].item() * 16)
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
    env.reset(seed=0)
    env.step(np.zeros((4, 4), dtype=np.float32))
    obs, _, ended, truncated, infos = env.step(np.zeros((4, 4), dtype=np.float32))
    assert ended.any()
    assert not truncated.any()
    assert (infos["_final_obs"] == ended).all()
    turn = env.unwrapped.layout.slices["turn"]
    assert (obs[ended, turn] == 0).all()
    for row in np.flatnonzero(ended):
        assert infos["final_obs"][row][turn] > 0
    assert np.isfinite(infos["final_info"]["episode_summary"]["relief"][ended]).all()


@pytest.mark.parametrize("mode", ["sync", pytest.param("async", marks=pytest.mark.slow), "vector_entry_point"])
def test_every_vectorization_mode(mode):
    env = gymnasium.make_vec(
        "rlgen/SupportDynamic-v0", num_envs=2, vectorization_mode=mode, generator="shipped:surface",
        **({"vector_kwargs": {"context": "spawn"}} if mode == "async" else {}),
    )  # fmt: skip
    try:
        obs, _ = env.reset(seed=[1, 2])
        again, *_ = env.step(np.zeros((2, 4), dtype=np.float32))
        assert obs.shape == again.shape == (2, 140)
    finally:
        env.close()


@pytest.mark.parametrize(
    ("action", "named"),
    [
        (np.zeros(3, dtype=np.float32), "shape"),
        (np.float32([0, np.nan, 0, 0]), "finite"),
        (np.float32([0, 0, 1.5, 0]), "temperature"),
        (np.float32([0, 0, 0, -1.001]), "emotional_weight"),
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
        SupportDynamicEnv(render_mode="depth_array")
    with pytest.raises(ConfigError, match="max_turns"):
        SupportDynamicEnv(max_turns=0)


@pytest.mark.parametrize("make", [gymnasium.make, gymnasium.make_vec])
def test_unknown_keywords_are_refused_as_python_does(make):
    with pytest.raises(TypeError, match=r"got an unexpected keyword argument 'frameskip'"):
        make("rlgen/SupportDynamic-v0", frameskip=4)
    with pytest.raises(TypeError, match=r"'max_turn'\. Did you mean 'max_turns'"):
        make("rlgen/SupportDynamic-v0", max_turn=4)


@pytest.mark.parametrize("max_turns", [1, 3, 20])
def test_the_spec_names_the_limit_and_nobody_truncates_at_it(max_turns):
    env = gymnasium.make("rlgen/SupportDynamic-v0", generator=OKAY, max_turns=max_turns)
    assert env.spec.max_episode_steps == env.unwrapped.spec.max_episode_steps == max_turns
    lengths = []
    for seed in range(4):
        env.reset(seed=seed)
        for turn in range(1, max_turns + 1):
            _, _, terminated, truncated, info = env.step(np.zeros(4, dtype=np.float32))
            assert not truncated
            assert terminated or turn < max_turns
            if terminated:
                lengths.append(turn)
                assert info["episode_summary"]["limit"] == (info["episode_summary"]["ending"] == "limit")
                break
    assert len(lengths) == 4


def test_the_default_limit_is_sixteen():
    assert gymnasium.make("rlgen/SupportDynamic-v0").spec.max_episode_steps == 16
    assert gymnasium.make_vec("rlgen/SupportDynamic-v0", num_envs=2).spec.max_episode_steps == 16


def test_words_in_info():
    env = SupportDynamicEnv(words_in_info=True, generator=OKAY)
    _, info = env.reset(seed=0)
    opening = env.world.opening().utterance[0]
    assert info == {"utterance": opening, "utterance_age": 0, "reply": "", "turn": 0, "rating": 0, "rating_age": -1}
    check_step_determinism(env)
    env.reset(seed=0)
    rated = None
    for turn in range(1, 17):
        _, _, terminated, _, info = env.step(np.zeros(4, dtype=np.float32))
        record = env.world.last
        assert info["reply"] == "Okay."
        assert info["turn"] == turn
        left = terminated and not info["episode_summary"]["limit"]
        assert info["utterance"] == (record.utterance if left else record.next_utterance)[0]
        assert info["utterance_age"] == left
        if np.isfinite(rating := record.feedback.rating[0]):
            rated = turn, rating
        assert info["rating_age"] == (-1 if rated is None else turn - rated[0])
        assert rated is None or info["rating"] == rated[1]
        if terminated:
            break
    assert rated is not None


def test_many_single_environments_in_turn_get_one_hint(monkeypatch):
    monkeypatch.setattr(batch_hint, "_told", threading.Event())
    monkeypatch.setattr(batch_hint, "_rounds", batch_hint._Rounds())
    crowd = [object() for _ in range(batch_hint.MANY)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(5):
            for each in crowd[:8]:  # a handful
                batch_hint.stepped(each, "rlgen/SupportDynamic-v0")
        for each in [*crowd, *crowd[:8]] * 2:  # many, but not in turn
            batch_hint.stepped(each, "rlgen/SupportDynamic-v0")
        monkeypatch.setattr(batch_hint, "_rounds", batch_hint._Rounds())
        for each in crowd * 2:
            batch_hint.stepped(each, "rlgen/SupportDynamic-v0")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for each in crowd * 5:
            batch_hint.stepped(each, "rlgen/SupportDynamic-v0")
    (hint,) = told
    assert "make_vec('rlgen/SupportDynamic-v0', num_envs=10)" in str(hint.message)


def test_scenarios_limit_the_topics():
    env = gymnasium.make("rlgen/SupportDynamicEducation-v0", render_mode="ansi")
    env.reset(seed=0)
    wanted = {topic.name for topic in topics() if topic.scenario == "education"}
    for _ in range(8):
        env.step(np.zeros(4, dtype=np.float32))
        assert env.unwrapped.world.last.topic[0] in wanted
        env.reset()
