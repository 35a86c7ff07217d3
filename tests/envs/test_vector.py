"""The native batch beside N single environments in Gymnasium's own SyncVectorEnv, in all three modes of autoreset."""

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import vector as wrappers

from rlgen.envs import DialogueVectorEnv, SupportDynamicEnv
from rlgen.envs.vector import mode_of
from rlgen.errors import ActionError, ConfigError

OKAY = {"kind": "constant", "text": "Okay."}

ID = "rlgen/SupportDynamic-v0"
FAST = {"generator": "shipped:surface", "max_turns": 4}
ROWS = 3


@pytest.fixture(scope="module")
def singles():
    return [SupportDynamicEnv(words_in_info=True, **FAST) for _ in range(ROWS)]


def sync(singles, mode):
    return SyncVectorEnv([lambda env=env: env for env in singles], autoreset_mode=mode)


def equal(one, other, at="infos"):
    """Infos of two vector environments hold the same: keys, masks, types and values, all the way down."""
    assert one.keys() == other.keys(), at
    for name, value in one.items():
        theirs = other[name]
        if isinstance(value, dict):
            equal(value, theirs, f"{at}/{name}")
            continue
        assert value.dtype == theirs.dtype, f"{at}/{name}"
        for mine, yours in zip(value, theirs, strict=True):
            if mine is None or isinstance(mine, str):
                assert mine == yours, f"{at}/{name}"
            else:
                assert np.allclose(mine, yours, atol=1e-5, equal_nan=True), f"{at}/{name}"


def both_reset(native, reference, **kwargs):
    (obs, infos), (expected, expected_infos) = native.reset(**kwargs), reference.reset(**kwargs)
    assert np.allclose(obs, expected, atol=1e-5)
    equal(infos, expected_infos)


def both_step(native, reference, action):
    mine, theirs = native.step(action), reference.step(action)
    for got, expected in zip(mine[:4], theirs[:4], strict=True):
        assert np.allclose(got, expected, atol=1e-5)
    equal(mine[4], theirs[4])
    return mine[2]


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_it_is_n_single_environments_in_the_same_mode(mode, singles, draw):
    native = gymnasium.make_vec(ID, num_envs=ROWS, autoreset_mode=mode.name, words_in_info=True, **FAST)
    reference = sync(singles, mode)
    both_reset(native, reference, seed=[3, 4, 5])
    endings = 0
    for turn, action in enumerate(draw(24, ROWS)):
        ended = both_step(native, reference, action)
        endings += ended.sum()
        if mode is AutoresetMode.DISABLED and ended.any():
            native.reset(options={"reset_mask": ended.copy()})
            reference.reset(options={"reset_mask": ended.copy()})
        if turn == 9:
            both_reset(native, reference)
        if turn == 14:
            both_reset(native, reference, seed=[None, 9, None])
    assert endings > ROWS


def dialogues(mode, draw):
    """(row, dialogue of that row) -> its observations, rewards and endings; the same actions turn by turn."""
    env = DialogueVectorEnv(num_envs=ROWS, autoreset_mode=mode, **FAST)
    obs, _ = env.reset(seed=5)
    actions = draw(6, 8, seed=1)  # of the k-th dialogue of a row, its t-th turn
    number, turn = np.zeros(ROWS, dtype=int), np.zeros(ROWS, dtype=int)
    told = {(row, 0): [obs[row]] for row in range(ROWS)}
    for _ in range(16):
        before = env._over.copy()
        action = np.stack([actions[min(number[row], 5), min(turn[row], 7)] for row in range(ROWS)])
        obs, reward, terminated, truncated, infos = env.step(action)
        assert not truncated.any()
        for row in range(ROWS):
            if before[row]:  # NEXT_STEP: this step began the row's next dialogue
                assert reward[row] == 0
                assert not terminated[row]
                told[row, number[row]] = [obs[row]]
                continue
            last = infos["final_obs"][row] if terminated[row] and mode == "SAME_STEP" else obs[row]
            told[row, number[row]] += [reward[row], last]
            turn[row] += 1
            if terminated[row]:
                number[row], turn[row] = number[row] + 1, 0
                if mode == "SAME_STEP":
                    told[row, number[row]] = [obs[row]]
        if mode == "DISABLED" and terminated.any():
            obs, _ = env.reset(options={"reset_mask": terminated})
            told |= {(row, number[row]): [obs[row]] for row in np.flatnonzero(terminated)}
    return {key: value for key, value in told.items() if key[1] < number[key[0]]}


def test_the_three_modes_hold_the_same_dialogues(draw):
    found = {mode: dialogues(mode, draw) for mode in ("SAME_STEP", "NEXT_STEP", "DISABLED")}
    shared = set.intersection(*(set(each) for each in found.values()))
    assert len(shared) >= 2 * ROWS
    for key in shared:
        lists = [found[mode][key] for mode in found]
        for values in zip(*lists, strict=True):
            assert all(np.array_equal(values[0], value) for value in values), key


def test_the_mode_stands_where_others_look_for_it():
    default = DialogueVectorEnv(**FAST)
    assert default.metadata["autoreset_mode"] is default.autoreset_mode is AutoresetMode.SAME_STEP
    other = DialogueVectorEnv(autoreset_mode="next_step", **FAST)
    assert other.metadata["autoreset_mode"] is other.autoreset_mode is AutoresetMode.NEXT_STEP
    assert DialogueVectorEnv.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP


def test_modes_by_name_and_value():
    for mode in AutoresetMode:
        assert mode_of(mode) is mode_of(mode.name) is mode_of(mode.value) is mode
    with pytest.raises(ConfigError, match="NEXT_STEP, SAME_STEP, DISABLED"):
        mode_of("later")


def test_reset_after_a_seeded_reset_is_reproducible():
    env = DialogueVectorEnv(num_envs=2, **FAST)
    found = []
    for _ in range(2):
        first, _ = env.reset(seed=5)
        second, _ = env.reset()
        third, _ = env.reset()
        found.append((first, second, third))
    for one, again in zip(*found, strict=True):
        assert one.tobytes() == again.tobytes()
    assert not np.array_equal(found[0][0], found[0][1])
    assert not np.array_equal(found[0][1], found[0][2])
    assert env.np_random_seed == 5


def test_disabled_waits_for_the_reset_of_the_ended_rows(draw):
    env = DialogueVectorEnv(num_envs=ROWS, autoreset_mode="Disabled", generator=FAST["generator"], max_turns=1)
    env.reset(seed=0)
    last, _, terminated, _, _ = env.step(draw(1, ROWS)[0])
    assert terminated.all()
    with pytest.raises(ActionError, match="reset_mask"):
        env.step(draw(1, ROWS)[0])
    obs, _ = env.reset(options={"reset_mask": np.array([True, False, True])})
    assert np.array_equal(obs[1], last[1])
    turn = env.layout.slices["turn"]
    assert obs[:, turn][:, 0].tolist() == [0, 1, 0]
    with pytest.raises(ActionError, match=r"\[1\]"):
        env.step(draw(1, ROWS)[0])


def test_a_masked_reset_takes_seeds_too(draw):
    env = DialogueVectorEnv(num_envs=ROWS, **FAST)
    env.reset(seed=[7, 8, 9])
    env.step(draw(1, ROWS)[0])
    before, *_ = env.step(draw(1, ROWS)[0])
    obs, _ = env.reset(seed=[7, 7, 7], options={"reset_mask": np.array([False, True, False])})
    alone, _ = DialogueVectorEnv(**FAST).reset(seed=[7])
    assert np.allclose(obs[1], alone[0], atol=1e-5)
    assert np.array_equal(obs[[0, 2]], before[[0, 2]])


@pytest.mark.parametrize("bad", ["five", [1, 2], [1.5, 2, 3]])
def test_bad_seeds_are_named(bad):
    with pytest.raises(ConfigError, match="seed"):
        DialogueVectorEnv(num_envs=ROWS, **FAST).reset(seed=bad)


EVERY_WRAPPER = {
    "RecordEpisodeStatistics": {},
    "DictInfoToList": {},
    "NormalizeObservation": {},
    "NormalizeReward": {},
    "ClipReward": {"min_reward": -1.0, "max_reward": 1.0},
    "ClipAction": {},
    "RescaleAction": {"min_action": 0.0, "max_action": 1.0},
    "RescaleObservation": {"min_obs": -1.0, "max_obs": 1.0},
    "FlattenObservation": {},
    "ReshapeObservation": {"shape": (2, 70)},
    "DtypeObservation": {"dtype": np.float64},
    "TransformReward": {"func": lambda reward: reward * 2},
}


def test_gymnasiums_vector_wrappers_run_on_it(draw):
    base = DialogueVectorEnv(num_envs=2, autoreset_mode="NEXT_STEP", **FAST)
    for name, arguments in EVERY_WRAPPER.items():
        env = getattr(wrappers, name)(base, **arguments)
        env.reset(seed=1)
        for action in draw(6, 2):
            obs, reward, terminated, _, _ = env.step(np.abs(action) if name == "RescaleAction" else action)
            assert np.isfinite(obs).all()
            assert np.isfinite(reward).all()
        assert terminated.shape == (2,)


def test_rows_are_asked_as_those_of_gymnasiums_own_vectors():
    plain, shown = DialogueVectorEnv(num_envs=3, **FAST), DialogueVectorEnv(num_envs=3, render_mode="ansi", **FAST)
    plain.reset(seed=1)
    shown.reset(seed=1)
    assert plain.call("render") == (None, None, None)
    assert shown.call("render") == shown.render()
    assert plain.get_attr("render_mode") == plain.call("render_mode") == (None, None, None)
    assert shown.get_attr("num_envs") == (3, 3, 3)
    with pytest.raises(AttributeError):
        plain.get_attr("no such thing")


@pytest.mark.parametrize("mode", ["NEXT_STEP", "DISABLED"])
def test_statistics_of_gymnasiums_wrapper_are_the_environments_own(mode, draw):
    env = wrappers.RecordEpisodeStatistics(DialogueVectorEnv(num_envs=ROWS, autoreset_mode=mode, **FAST))
    env.reset(seed=2)
    met = 0
    for action in draw(16, ROWS):
        _, _, terminated, _, infos = env.step(action)
        if not terminated.any():
            continue
        own, theirs = infos["episode_summary"], infos["episode"]
        assert (infos["_episode"] == infos["_episode_summary"]).all()
        assert np.allclose(own["return"], theirs["r"], atol=1e-5)
        assert (own["length"] == theirs["l"]).all()
        met += terminated.sum()
        if mode == "DISABLED":
            env.reset(options={"reset_mask": terminated.copy()})
    assert met > ROWS


def test_infos_as_a_list_are_those_of_the_single_environment(singles, draw):
    env = wrappers.DictInfoToList(DialogueVectorEnv(num_envs=1, autoreset_mode="NEXT_STEP", words_in_info=True, **FAST))
    single = singles[0]
    (info,) = env.reset(seed=4)[1]
    assert info == single.reset(seed=4)[1]
    for action in draw(4, 1):
        (info,), expected = env.step(action)[4], single.step(action[0])[4]
        assert info.keys() == expected.keys()
        assert info.get("episode_summary", {}).keys() == expected.get("episode_summary", {}).keys()
        if "episode_summary" in expected:
            break
    else:
        pytest.fail("no dialogue ended")


def test_rendering_of_all_rows():
    env = DialogueVectorEnv(num_envs=2, render_mode="ansi", generator=OKAY)
    assert env.metadata["render_modes"] == ["ansi", "rgb_array"]
    env.reset(seed=0)
    said = env.world.opening().utterance
    assert all(text in shown for text, shown in zip(said, env.render(), strict=True))
    env.step(np.zeros((2, 4), dtype=np.float32))
    assert all(text in shown and "Okay." in shown for text, shown in zip(said, env.render(), strict=True))


def test_a_spec_makes_the_batch_again():
    env = gymnasium.make_vec(ID, num_envs=2, autoreset_mode="NEXT_STEP", generator=OKAY, max_turns=5)
    assert env.spec.max_episode_steps == 5
    again = gymnasium.make_vec(env.spec)
    assert again.spec.max_episode_steps == 5
    assert again.unwrapped.autoreset_mode is AutoresetMode.NEXT_STEP
    assert again.num_envs == 2
