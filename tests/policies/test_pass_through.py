"""SB3's own arguments reach SB3, and a features extractor of one's own keeps the normaliser."""

import json

import numpy as np
import pytest
import torch
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn

from rlgen.config import validate
from rlgen.errors import ConfigError
from rlgen.experiments.options import parse
from rlgen.experiments.runs.training import TrainConfig, train
from rlgen.policies import BoundedPPO, PPOConfig, Trained, WorldVecEnv, make_ppo

SMALL = {"n_steps": 16, "batch_size": 64, "n_epochs": 2}


class Watched(BaseFeaturesExtractor):
    """A linear layer that keeps what it was last given."""

    def __init__(self, observation_space, width=5):
        super().__init__(observation_space, width)
        self.layer = nn.Linear(observation_space.shape[0], width)

    def forward(self, observations):
        self.seen = observations.detach()
        return torch.tanh(self.layer(observations))


@pytest.mark.parametrize("shared", [True, False])
def test_an_extractor_of_ones_own_gets_normalised_observations_in_actor_and_critic(fake_world, shared):
    kwargs = {"features_extractor_class": Watched, "features_extractor_kwargs": {"width": 7}}
    kwargs["share_features_extractor"] = shared
    env = WorldVecEnv(fake_world(8))
    model = make_ppo(env, PPOConfig(**SMALL), policy_kwargs=kwargs)
    model.learn(512)
    policy = model.policy
    assert policy.normaliser.count == 512
    obs = torch.as_tensor(env.reset())
    wanted = policy.normaliser(obs)
    assert not torch.allclose(wanted, obs)
    with torch.no_grad():
        policy.get_distribution(obs)
        policy.predict_values(obs)
    actor, critic = policy.pi_features_extractor, policy.vf_features_extractor
    assert (actor is critic) == shared
    for extractor in (actor, critic):
        assert extractor.layer.out_features == 7
        assert torch.equal(extractor.seen, wanted)


def test_it_is_saved_and_loaded_with_it(fake_world, tmp_path):
    env = WorldVecEnv(fake_world(8))
    model = make_ppo(env, PPOConfig(**SMALL), policy_kwargs={"features_extractor_class": Watched})
    model.learn(256)
    model.save(tmp_path / "own.zip")
    obs = env.reset()
    for loaded in (BoundedPPO.load(tmp_path / "own.zip"), Trained.load(tmp_path / "own.zip").model):
        assert loaded.policy.normaliser.count == 256
        assert np.array_equal(loaded.predict(obs, deterministic=True)[0], model.predict(obs, deterministic=True)[0])


def test_arguments_go_through_and_those_of_the_call_win(fake_world):
    config = PPOConfig(**SMALL, target_kl=0.05, policy_kwargs={"activation_fn": "torch.nn:ReLU", "ortho_init": False})
    own = {"ortho_init": True, "optimizer_kwargs": {"weight_decay": 0.1}}
    model = make_ppo(
        WorldVecEnv(fake_world(4)), config, policy_kwargs=own, clip_range=0.3, learning_rate=2e-4, n_epochs=1
    )
    assert (model.target_kl, model.clip_range(1.0), model.learning_rate, model.n_epochs) == (0.05, 0.3, 2e-4, 1)
    assert model.policy.activation_fn is nn.ReLU
    assert model.policy.ortho_init
    assert model.policy.optimizer.defaults["weight_decay"] == 0.1


def test_another_policy_of_sb3_learns_too(fake_world, tmp_path):
    model = make_ppo(WorldVecEnv(fake_world(8)), PPOConfig(**SMALL, policy="MlpPolicy"))
    model.learn(256)
    assert type(model.policy).__name__ == "ActorCriticPolicy"
    model.save(tmp_path / "mlp.zip")
    assert Trained.load(tmp_path / "mlp.zip").algorithm == "PPO"


def test_a_runs_yaml_names_them_and_its_config_is_plain(tmp_path):
    (tmp_path / "run.yaml").write_text(
        "out: runs/x\nppo: {n_steps: 8, target_kl: 0.05, policy_kwargs: {activation_fn: 'torch.nn:ReLU'}}\n"
    )
    config = parse(TrainConfig, ["--config", str(tmp_path / "run.yaml"), "--gamma", "0.9"], "train").ppo
    assert (config.n_steps, config.gamma, config.target_kl) == (8, 0.9, 0.05)
    assert config.policy_kwargs == {"activation_fn": "torch.nn:ReLU"}
    again = PPOConfig(n_steps=8, gamma=0.9, target_kl=0.05, policy_kwargs={"activation_fn": nn.Tanh})
    plain = json.loads(json.dumps(again.model_dump(mode="json")))
    assert plain["policy_kwargs"] == {"activation_fn": "torch.nn.modules.activation:Tanh"}
    assert PPOConfig(**plain).sha256 == again.sha256
    assert len(again.sha256["torch.nn.modules.activation:Tanh"]) == 64


def test_mistakes_are_one_sentence(fake_world):
    env = WorldVecEnv(fake_world(4))
    with pytest.raises(ConfigError, match="no field 'foo'; the fields are n_steps"):
        validate(PPOConfig, {"foo": 1}, "x.yaml")
    with pytest.raises(ConfigError, match="unexpected keyword argument 'nonsense'"):
        make_ppo(env, PPOConfig(**SMALL, policy_kwargs={"nonsense": 1}))
    with pytest.raises(ConfigError, match="use_sde was true"):
        make_ppo(env, PPOConfig(**SMALL), use_sde=True)
    with pytest.raises(ConfigError, match="has no 'Reelu'"):
        make_ppo(env, PPOConfig(**SMALL, policy_kwargs={"activation_fn": "torch.nn:Reelu"}))


def test_a_run_with_a_network_of_ones_own_goes_on_and_is_evaluated(fake_world, tmp_path):
    kwargs = {"activation_fn": "torch.nn:ReLU", "features_extractor_class": Watched}
    ppo = PPOConfig(**SMALL, policy_kwargs=kwargs)
    run = train(TrainConfig(out=tmp_path / "run", steps=64, num_envs=4, ppo=ppo), world=fake_world(4)).run
    manifest = run.manifest()
    assert manifest["learner"] == ppo.sha256
    assert not manifest["parts"].keys() & ppo.sha256.keys()  # evaluating compares the parts of the world
    assert Trained.load(run.policy).model.policy.features_extractor.layer.out_features == 5
