"""Policies of every algorithm act in an evaluation as `model.predict` lets them act in training."""

import numpy as np
import pytest
import torch
from gymnasium import spaces
from sb3_contrib import ARS, QRDQN, TQC, TRPO, CrossQ, MaskablePPO, RecurrentPPO
from scipy.stats import kstest
from stable_baselines3 import A2C, DDPG, DQN, PPO, SAC, TD3
from stable_baselines3.common.vec_env import VecEnvWrapper, VecFrameStack, VecNormalize

from rlgen.envs.actions import from_box, to_box
from rlgen.errors import ActionError, ArtifactError, ConfigError
from rlgen.experiments.evaluation.outcomes import evaluate
from rlgen.policies import BoundedPPO, PPOConfig, Trained, WorldVecEnv, make_ppo
from rlgen.policies.baselines import Fixed, begin, constant
from rlgen.policies.saved import algorithm_of
from rlgen.rng import Streams
from rlgen.types import CONTROL_RANGES

ROLLOUT = {"n_steps": 8, "batch_size": 16}
REPLAY = {"buffer_size": 100, "learning_starts": 8, "batch_size": 4}
BOXES = [
    (PPO, ROLLOUT), (A2C, {}), (RecurrentPPO, ROLLOUT), (TRPO, ROLLOUT), (ARS, {"n_delta": 1}), (SAC, REPLAY),
    (TD3, REPLAY), (DDPG, REPLAY), (TQC, REPLAY), (CrossQ, REPLAY),
]  # fmt: skip
GRIDS = [(DQN, REPLAY), (QRDQN, REPLAY), (MaskablePPO, ROLLOUT), (PPO, ROLLOUT)]


class Counted(VecEnvWrapper):
    """The grid of actions counted through, as algorithms with one discrete action want it."""

    def __init__(self, venv):
        super().__init__(venv, action_space=spaces.Discrete(300))

    def reset(self):
        return self.venv.reset()

    def step_async(self, actions):
        self.venv.step_async(from_box(to_box(actions, self.action_space, len(actions)), self.venv.action_space))

    def step_wait(self):
        return self.venv.step_wait()


def policy_of(kind):
    return "MlpLstmPolicy" if kind is RecurrentPPO else "MlpPolicy"


def made(kind, settings, env):
    """A model whose actions differ from row to row."""
    torch.manual_seed(0)
    model = kind(policy_of(kind), env, seed=0, **settings)
    with torch.no_grad():
        for name, weight in model.policy.named_parameters():
            if any(part in name for part in ("action_net", "actor.mu", "actor.action")):
                weight.mul_(20 if kind is not ARS else 1)
    return model


def followed(actor, model, world, turns=5, stats=None):
    """The actor's actions beside `model.predict` with its states, over some turns."""
    obs, state, start = world.reset(seed=3), None, np.ones(world.num_envs, bool)
    turn = np.zeros(world.num_envs, int)
    for _ in range(turns):
        seen = obs if stats is None else stats.normalize_obs(obs)
        right, state = model.predict(seen, state=state, episode_start=start, deterministic=True)
        right = to_box(right, model.action_space, len(right))
        yield actor.act(obs, world.layout, Streams.of(0, world.num_envs), turn), right
        step = world.step(from_box(right * 0.99, world.single_action_space))
        obs, turn = step.obs, turn + 1
        start = np.zeros(world.num_envs, bool)
        if step.finished is not None:
            turn[step.finished.rows], start[step.finished.rows] = 0, True


@pytest.mark.parametrize(("kind", "settings"), BOXES, ids=lambda value: getattr(value, "__name__", ""))
def test_every_algorithm_is_known_by_its_file_and_acts_as_it_predicts(fake_world, tmp_path, kind, settings):
    made(kind, settings, WorldVecEnv(fake_world(3))).save(tmp_path / "mine.zip")
    # To SB3 a DDPG is a TD3 with other settings, and its file says no more.
    assert algorithm_of(tmp_path / "mine.zip") is (TD3 if kind is DDPG else kind)
    actor, model = Trained.load(tmp_path / "mine.zip"), kind.load(tmp_path / "mine.zip")
    for rows in (5, 2):  # more than in training, and fewer
        for mine, right in followed(begin(actor, rows), model, fake_world(rows)):
            assert mine == pytest.approx(right, abs=1e-6)
    world = fake_world(4)
    actor.check(world.layout, world.single_observation_space, "mine.zip")
    few, many = (evaluate(fake_world(n), actor, 12).values["return"] for n in (3, 12))
    assert few == pytest.approx(many, abs=1e-5)


@pytest.mark.parametrize(("kind", "settings"), GRIDS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_discrete_policy_acts_at_the_points_of_the_grid(fake_world, tmp_path, kind, settings):
    made(kind, settings, Counted(WorldVecEnv(fake_world(3, actions="discrete")))).save(tmp_path / "mine.zip")
    assert algorithm_of(tmp_path / "mine.zip") is kind
    actor, model = Trained.load(tmp_path / "mine.zip"), kind.load(tmp_path / "mine.zip")
    for mine, right in followed(actor, model, fake_world(4, actions="discrete"), 2):
        assert np.array_equal(mine, right)
    assert not np.isnan(evaluate(fake_world(4, actions="discrete"), actor, 8).values["return"]).any()


def test_our_own_policy_is_known_too(fake_world, tmp_path):
    make_ppo(WorldVecEnv(fake_world(2)), PPOConfig(n_steps=8, batch_size=16)).save(tmp_path / "mine.zip")
    assert algorithm_of(tmp_path / "mine.zip") is BoundedPPO


@pytest.mark.parametrize("kind", [PPO, A2C, TRPO, RecurrentPPO, SAC, TQC, CrossQ])
def test_each_row_draws_from_its_own_stream_and_from_the_distribution(fake_world, kind):
    settings = ROLLOUT if kind in (PPO, TRPO, RecurrentPPO) else {} if kind is A2C else REPLAY
    world = fake_world(2)
    model = kind(policy_of(kind), WorldVecEnv(world), seed=0, **settings)
    actor = Trained(model, deterministic=False)
    obs = np.repeat(world.reset(seed=1)[:1], 3000, axis=0)
    start = np.zeros(3000, int)
    mine = actor.act(obs, world.layout, Streams.of(0, 3000), start)
    torch.manual_seed(0)
    sampled, _ = model.predict(obs, episode_start=np.ones(3000, bool), deterministic=False)
    assert mine.mean(0) == pytest.approx(sampled.mean(0), abs=0.05)
    assert mine.std(0) == pytest.approx(sampled.std(0), abs=0.04)
    few = begin(actor, 3).act(obs[:3], world.layout, Streams.of(0, 3), start[:3])
    assert few == pytest.approx(mine[:3], abs=1e-5)


@pytest.mark.parametrize(
    ("kind", "settings", "why"),
    [
        (TD3, REPLAY, "TD3 has no distribution"),
        (ARS, {}, "ARS has no distribution"),
        (PPO, {**ROLLOUT, "use_sde": True}, "noise of PPO with use_sde"),
        (SAC, {**REPLAY, "use_sde": True}, "noise of SAC with use_sde"),
    ],
)
def test_what_cannot_be_drawn_is_a_sentence(fake_world, kind, settings, why):
    world = fake_world(2)
    actor = Trained(kind("MlpPolicy", WorldVecEnv(world), **settings), deterministic=False)
    with pytest.raises(ActionError, match=why):
        actor.act(world.reset(seed=0), world.layout, Streams.of(0, 2), np.zeros(2, int))


def test_a_policy_with_a_memory_follows_one_world_and_says_so(fake_world):
    model = made(RecurrentPPO, ROLLOUT, WorldVecEnv(fake_world(3)))
    actor = Trained(model)
    one, two = (begin(actor, 3) for _ in range(2))
    pairs = zip(followed(one, model, fake_world(3)), followed(two, model, fake_world(3)), strict=True)
    for (mine, right), (other, same) in pairs:  # two worlds in turn
        assert np.array_equal(mine, right)
        assert np.array_equal(other, same)
    kept = one.state()
    world, turn = fake_world(3), one.state().turn + 1
    asked = (world.reset(seed=0), world.layout, Streams.of(0, 3), turn)
    after = one.act(*asked)
    again = begin(actor, 3)
    with pytest.raises(ActionError, match="in the middle of a dialogue"):
        again.act(*asked)
    again.load_state(kept)
    assert np.array_equal(again.act(*asked), after)
    with pytest.raises(ActionError, match="in the middle of a dialogue"):
        again.act(*asked)  # a turn cannot be asked twice


@pytest.mark.parametrize(
    "name", ["mine_vecnormalize.pkl", "mine.vecnormalize.pkl", "vecnormalize.pkl", "zoo/vecnormalize.pkl"]
)
def test_saved_statistics_are_applied(fake_world, tmp_path, name):
    env = VecNormalize(WorldVecEnv(fake_world(8)))
    model = made(PPO, ROLLOUT, env)
    model.learn(64)
    world = fake_world(4)
    for mine, right in followed(Trained(model), model, world, stats=env):  # the model's own env has them
        assert np.array_equal(mine, right)
    model.save(tmp_path / "mine.zip")
    bare = Trained.load(tmp_path / "mine.zip")
    with pytest.raises(ConfigError, match=r"mine_vecnormalize\.pkl"):
        bare.check(world.layout, world.single_observation_space, str(tmp_path / "mine.zip"))
    (tmp_path / name).parent.mkdir(exist_ok=True)
    env.save(tmp_path / name)
    actor = Trained.load(tmp_path / "mine.zip")
    actor.check(world.layout, world.single_observation_space, str(tmp_path / "mine.zip"))
    assert list(actor.stamp()["sha256"]) == ["mine.zip", (tmp_path / name).name]
    for mine, right in followed(actor, model, world, stats=env):
        assert np.array_equal(mine, right)


def test_statistics_of_a_neighbour_are_left_alone(fake_world, tmp_path):
    VecNormalize(WorldVecEnv(fake_world(8))).save(tmp_path / "vecnormalize.pkl")
    model = made(PPO, ROLLOUT, WorldVecEnv(fake_world(8)))
    model.learn(64)
    model.save(tmp_path / "mine.zip")
    actor, world = Trained.load(tmp_path / "mine.zip"), fake_world(4)
    actor.check(world.layout, world.single_observation_space, "mine.zip")
    assert actor.statistics is None
    for mine, right in followed(actor, model, world):
        assert np.array_equal(mine, right)
    (tmp_path / "mine_vecnormalize.pkl").write_bytes(b"no pickle")
    with pytest.raises(ArtifactError, match=r"mine_vecnormalize\.pkl"):
        Trained.load(tmp_path / "mine.zip")


@pytest.mark.parametrize("order", ["stack", "stack of normalised", "normalised stack"])
def test_a_policy_of_stacked_observations_sees_them_stacked(fake_world, tmp_path, order):
    def wrapped(world):
        env = WorldVecEnv(world, seed=3)
        if order == "stack":
            return VecFrameStack(env, 3)
        return (
            VecFrameStack(VecNormalize(env), 3)
            if order == "stack of normalised"
            else VecNormalize(VecFrameStack(env, 3))
        )

    env = wrapped(fake_world(4))
    model = made(PPO, ROLLOUT, env)
    model.learn(64)
    model.save(tmp_path / "mine.zip")
    stats = model.get_vec_normalize_env()
    if stats is not None:
        stats.save(tmp_path / "mine_vecnormalize.pkl")
        stats.training = False
    actor, world = Trained.load(tmp_path / "mine.zip"), fake_world(4)
    actor.check(world.layout, world.single_observation_space, str(tmp_path / "mine.zip"))
    env.seed(3)
    stacked, obs, turn = env.reset(), world.reset(seed=3), np.zeros(4, int)
    for _ in range(10):
        right, _ = model.predict(stacked, deterministic=True)
        mine = actor.act(obs, world.layout, Streams.of(0, 4), turn)
        assert mine == pytest.approx(right, abs=1e-6)
        stacked, _, done, _ = env.step(right * 0.99)
        obs = world.step(right * 0.99).obs
        turn = np.where(done, 0, turn + 1)


def test_another_observation_or_action_is_a_sentence(fake_world):
    world = fake_world(2)
    there = (world.layout, spaces.Box(-5, 5, (7,), np.float32), "mine.zip")
    with pytest.raises(ConfigError, match="12 numbers, but this world gives 7"):
        Trained(made(PPO, ROLLOUT, WorldVecEnv(world))).check(*there)
    here = (world.layout, world.single_observation_space, "mine.zip")
    env = Counted(WorldVecEnv(world))
    env.action_space = spaces.Discrete(7)
    with pytest.raises(ConfigError, match=r"Discrete\(7\), which no world has"):
        Trained(PPO("MlpPolicy", env, **ROLLOUT)).check(*here)


@pytest.mark.parametrize("content", [b"", b"not a zip", None])
def test_other_files_are_a_sentence(tmp_path, content):
    import zipfile

    place = tmp_path / "bad.zip"
    if content is None:
        with zipfile.ZipFile(place, "w") as archive:
            archive.writestr("data", '{"policy_class": {"__module__": "sbx.ppo.policies"}, "clip_range": 1}')
    else:
        place.write_bytes(content)
    with pytest.raises(ArtifactError, match=r"bad\.zip.*(SBX|zip file that training)"):
        Trained.load(place)


def test_constants_are_controls_in_their_own_units():
    from rlgen.envs.actions import to_controls

    rule = constant("fixed:0.5,-1,0.7,1.5")
    assert isinstance(rule, Fixed)
    found = to_controls(rule.act(np.zeros((2, 3)), None, Streams.of(0, 2), np.zeros(2, int)))
    given = dict(zip(CONTROL_RANGES, (0.5, -1, 0.7, 1.5), strict=True))
    for name, value in given.items():
        assert getattr(found, name) == pytest.approx([value] * 2, abs=1e-6), name


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("fixed:0,0,0,1", "temperature is 0, but it lies in 0.3 to 1.3"),
        ("fixed:0,0,1,nan", "emotional_weight is nan"),
        ("fixed:0,0,1", "warmth,directiveness,temperature,emotional_weight"),
        ("fixed:", "such as fixed:0.5,0,0.7,1"),
        ("fixed:warm,0,1,1", "warmth is 'warm'"),
    ],
)
def test_other_constants_are_a_sentence(named, said):
    with pytest.raises(ConfigError, match=said):
        constant(named)


def test_a_constant_of_each_person_lasts_and_is_spread_over_the_box(fake_world):
    rule = constant("fixed:random,0,random,random")
    assert rule.draws
    world, streams = fake_world(5000), Streams.of(4, 5000)
    obs = world.reset(seed=4)
    early, late = (rule.act(obs, world.layout, streams, np.full(5000, t)) for t in (0, 7))
    assert np.array_equal(early, late)
    assert (early[:, 1] == 0).all()
    for column in (0, 2, 3):
        assert kstest(early[:, column], "uniform", (-1, 2)).pvalue > 0.001
    assert np.array_equal(rule.act(obs[:9], world.layout, Streams.of(4, 9), np.zeros(9, int)), early[:9])
    assert constant("fixed:random") == constant("fixed:random,random,random,random") == Fixed(controls=(None,) * 4)


def test_what_a_dose_does_is_seen_where_each_person_has_a_dose(fake_world):
    # Under one constant the log says nothing of warmth; here the return of a person falls with the square of its error.
    found = evaluate(fake_world(64, max_turns=1), Fixed(controls=(None, 0.0, 0.0, 0.0)), 600)
    worst = np.abs(found.actions[:, 0]) > 0.8
    best = np.abs(found.actions[:, 0]) < 0.4
    assert worst.sum() > 50
    assert best.sum() > 50
    assert len(np.unique(found.actions[:, 0])) == 600
