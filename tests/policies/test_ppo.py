import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnvWrapper, VecFrameStack, VecNormalize

from rlgen.envs.actions import to_box
from rlgen.errors import ArtifactError
from rlgen.policies import BoundedPPO, PPOConfig, WorldVecEnv, load_model, make_ppo, resume, save_checkpoint
from rlgen.policies.trained import Trained, untrained
from rlgen.rng import Streams

SMALL = PPOConfig(n_steps=16, batch_size=64, n_epochs=4)


class Watch(BaseCallback):
    def __init__(self):
        super().__init__()
        self.actions = []

    def _on_step(self):
        self.actions.append(self.locals["actions"])
        assert np.array_equal(self.locals["actions"], self.locals["clipped_actions"])
        return True


def weights(model):
    return {name: value.clone() for name, value in model.policy.state_dict().items()}


def test_it_learns_and_never_clips(fake_world):
    env = WorldVecEnv(fake_world(64), seed=3)
    config = PPOConfig(n_steps=16, batch_size=256, n_epochs=6, learning_rate=2e-3, gamma=0.0)
    model = make_ppo(env, config, seed=0)
    watch = Watch()
    model.learn(16_000, callback=watch)
    assert np.abs(np.concatenate(watch.actions)).max() < 1
    world, actor = fake_world(64), Trained(model)
    obs = world.reset(seed=1000)
    reward = world.step(actor.act(obs, world.layout, Streams.of(0, 64), np.zeros(64, int))).reward
    assert reward.mean() > 0.88  # random earns about .5 a turn, the centre .83, the best action 1


def test_infos_are_sb3s(fake_world):
    env = WorldVecEnv(fake_world(8, max_turns=3), seed=0)
    env.reset()
    for _ in range(20):
        obs, reward, done, infos = env.step(np.zeros((8, 4), np.float32))
        assert obs.shape == (8, 12)
        assert reward.dtype == np.float32
        for row in range(8):
            assert ("episode" in infos[row]) == bool(done[row])
            if done[row]:
                assert infos[row]["terminal_observation"].shape == (12,)
                assert set(infos[row]["episode"]) == {"r", "l", "t"}
                assert infos[row]["TimeLimit.truncated"] is False


def test_returns_at_the_limit_are_those_of_the_rewards_alone(fake_world):
    """Once gamma V of a state that no rollout contains was added where the limit ended a dialogue."""
    gamma, steps = 0.9, 24
    config = PPOConfig(n_steps=steps, batch_size=96, n_epochs=1, gamma=gamma, gae_lambda=1.0)
    model = make_ppo(WorldVecEnv(fake_world(8, max_turns=3), seed=3), config, seed=0)
    with torch.no_grad():
        model.policy.value_net.bias += 100  # any value that is bootstrapped shows
    seen = {}

    class Keep(BaseCallback):
        def _on_step(self):
            return True

        def _on_rollout_end(self):
            buffer = self.model.rollout_buffer
            seen.update(rewards=buffer.rewards.copy(), returns=buffer.returns.copy(), starts=buffer.episode_starts)

    model.learn(8 * steps, callback=Keep())
    last = np.array([np.flatnonzero(seen["starts"][:, row])[-1] for row in range(8)])  # later turns are unfinished
    for row in range(8):
        earned = 0.0
        for turn in range(last[row] - 1, -1, -1):
            earned = seen["rewards"][turn, row] + gamma * earned * (1 - seen["starts"][turn + 1, row])
            assert seen["returns"][turn, row] == pytest.approx(earned, abs=1e-4)
    assert (last >= 3).all()


def test_every_row_has_an_info_of_its_own_with_the_steps_costs_and_terms(fake_world):
    env = WorldVecEnv(fake_world(4, max_turns=1), seed=0)
    env.reset()
    for _ in range(2):  # rows that go on, and rows that end
        _, reward, done, infos = env.step(np.zeros((4, 4), np.float32))
        for row, info in enumerate(infos):
            info["row"] = row
        assert [info["row"] for info in infos] == [0, 1, 2, 3]
        assert [info["cost"] for info in infos] == [info["cost_harm"] for info in infos] == [1, 0, 0, 1]
        assert [info["term_near"] + info["term_other"] for info in infos] == pytest.approx(reward)
        assert done.all()
        assert {"terminal_observation", "outcome"} <= infos[0].keys()


def test_stacked_and_altered_observations_are_learned_from(fake_world):
    share = [8**-0.5] * 8 + [1.0] + [3**-0.5] * 3
    stacked = VecFrameStack(WorldVecEnv(fake_world(8)), 3)
    model = make_ppo(stacked, SMALL)
    assert model.policy.normaliser.share.numpy() == pytest.approx(share * 3)
    model.learn(256)
    fewer = make_ppo(Fewer(WorldVecEnv(fake_world(8))), SMALL)
    assert fewer.policy.normaliser.share.numpy() == pytest.approx([1.0] * 5)
    fewer.learn(128)
    rows = make_ppo(Rows(stacked), SMALL)  # as Gymnasium's FrameStackObservation has them: an axis of its own
    assert rows.policy.normaliser.share.numpy().flatten() == pytest.approx(share * 3)
    rows.learn(128)
    assert rows.policy.normaliser.count == 128


class Fewer(VecEnvWrapper):
    """Five columns of the observation."""

    def __init__(self, venv):
        super().__init__(venv, gym.spaces.Box(-5, 5, (5,), np.float32))

    def reset(self):
        return self.venv.reset()[:, :5]

    def step_wait(self):
        obs, reward, done, infos = self.venv.step_wait()
        for info in infos:
            if "terminal_observation" in info:
                info["terminal_observation"] = info["terminal_observation"][:5]
        return obs[:, :5], reward, done, infos


class Rows(VecEnvWrapper):
    """Three stacked observations as rows."""

    def __init__(self, venv):
        super().__init__(venv, gym.spaces.Box(-5, 5, (3, 12), np.float32))

    def reset(self):
        return self.venv.reset().reshape(-1, 3, 12)

    def step_wait(self):
        obs, reward, done, infos = self.venv.step_wait()
        for info in infos:
            if "terminal_observation" in info:
                info["terminal_observation"] = info["terminal_observation"].reshape(3, 12)
        return obs.reshape(-1, 3, 12), reward, done, infos


def test_reset_continues_and_seed_starts_anew(fake_world):
    env = WorldVecEnv(fake_world(4), seed=5)
    first = env.reset()
    assert not np.array_equal(first, env.reset())
    env.seed(5)
    assert np.array_equal(first, env.reset())


def test_works_under_vec_normalize(fake_world):
    env = VecNormalize(WorldVecEnv(fake_world(8)))
    model = make_ppo(env, SMALL)
    before = weights(model)
    model.learn(256)
    assert env.obs_rms.count == pytest.approx(8 + 256, abs=0.1)  # those of the reset, then those of the steps
    assert model._last_obs == pytest.approx(env.normalize_obs(env.get_original_obs()))
    assert not any(torch.equal(before[name], value) for name, value in model.policy.named_parameters())


def test_saves_and_loads_as_sb3_does(fake_world, tmp_path):
    env = WorldVecEnv(fake_world(8))
    model = make_ppo(env, SMALL)
    model.learn(256)
    model.save(tmp_path / "policy.zip")
    loaded = BoundedPPO.load(tmp_path / "policy.zip")
    obs = env.reset()
    assert np.array_equal(model.predict(obs, deterministic=True)[0], loaded.predict(obs, deterministic=True)[0])
    assert loaded.policy.normaliser.count == 256


@pytest.mark.parametrize("actions", ["box", "discrete"])
def test_a_resumed_run_ends_in_the_same_weights(fake_world, tmp_path, actions):
    total = 8 * 16 * 6

    class Save(BaseCallback):
        def _on_rollout_start(self):
            if self.model.num_timesteps == total // 2:
                save_checkpoint(tmp_path / "half.zip", self.model, {"note": 7})

        def _on_step(self):
            return True

    whole = make_ppo(WorldVecEnv(fake_world(8, actions=actions), seed=11), SMALL, seed=2)
    whole.learn(total, callback=Save())
    torch.manual_seed(999)
    np.random.seed(999)  # noqa: NPY002 - a new process would have other states
    resumed, extra = resume(tmp_path / "half.zip", WorldVecEnv(fake_world(8, actions=actions), seed=0))
    assert extra == {"note": 7}
    resumed.learn(total - resumed.num_timesteps, reset_num_timesteps=False)
    assert resumed.num_timesteps == whole.num_timesteps == total
    mine, other = weights(whole), weights(resumed)
    assert all(torch.equal(mine[name], other[name]) for name in mine)
    assert list(tmp_path.iterdir()) == [tmp_path / "half.zip"]


def test_a_checkpoint_is_a_policy_too(fake_world, tmp_path):
    world = fake_world(4)
    model = make_ppo(WorldVecEnv(world), SMALL)
    model.learn(64)
    save_checkpoint(tmp_path / "c.zip", model)
    actor = Trained.load(tmp_path / "c.zip")
    obs = world.reset(seed=1)
    actions = actor.act(obs, world.layout, Streams.of(0, 4), np.zeros(4, int))
    assert np.array_equal(actions, model.predict(obs, deterministic=True)[0])


def test_damaged_and_missing_policies_are_named(tmp_path):
    (tmp_path / "bad.zip").write_bytes(b"not a zip")
    for name in ("bad.zip", "none.zip"):
        with pytest.raises(ArtifactError, match=name):
            load_model(tmp_path / name)


def test_untrained_starts_near_the_centre(fake_world):
    world = fake_world(4)
    actor = untrained(world, SMALL, seed=0)
    actions = actor.act(world.reset(seed=1), world.layout, Streams.of(0, 4), np.zeros(4, int))
    assert np.abs(actions).max() < 0.1


@pytest.mark.parametrize("actions", ["box", "discrete"])
def test_drawn_actions_follow_the_distribution_and_are_each_rows_own(fake_world, actions):
    world = fake_world(4, actions=actions)
    actor = untrained(world, SMALL, seed=0, deterministic=False)
    obs = np.repeat(world.reset(seed=1)[:1], 4000, axis=0)
    drawn = actor.act(obs, world.layout, Streams.of(0, 4000), np.zeros(4000, int))
    policy = actor.model.policy
    with torch.no_grad():
        torch.manual_seed(0)
        found = policy.get_distribution(policy.obs_to_tensor(obs)[0]).sample().numpy()
    sampled = to_box(found, actor.model.action_space, len(found))
    assert drawn.mean(0) == pytest.approx(sampled.mean(0), abs=0.04)
    assert drawn.std(0) == pytest.approx(sampled.std(0), abs=0.03)
    few = actor.act(obs[:3], world.layout, Streams.of(0, 3), np.zeros(3, int))
    assert few == pytest.approx(drawn[:3], abs=1e-5)
