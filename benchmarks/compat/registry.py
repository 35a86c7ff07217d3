"""Which clients there are, what each needs, and what could not be installed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Client:
    """A piece of third-party code that is run.

    Attributes:
        title: its name as people write it.
        needs: what pip installs besides rlgen; empty: the project's own environment does.
        lifts: pins of `constraints.txt` that it cannot live with.
        shows: packages whose versions the table names.
        user: what a user has to do, in a sentence.
        minutes: limit of the run, without the installation.
    """

    title: str
    needs: tuple[str, ...] = ()
    lifts: tuple[str, ...] = ()
    shows: tuple[str, ...] = ("gymnasium",)
    user: str = "nothing"
    minutes: float = 20.0


CLIENTS: dict[str, Client] = {
    "gymnasium_single": Client(
        "Gymnasium, one environment", user='`gymnasium.make("rlgen:rlgen/SupportDynamic-v0")`; wrap it'
    ),
    "gymnasium_vector": Client(
        "Gymnasium, vector environments",
        user="`gymnasium.make_vec(id, num_envs=N, autoreset_mode=...)`; some wrappers want NEXT_STEP",
    ),
    "cleanrl": Client(
        "PPO in CleanRL's style",
        shows=("torch", "gymnasium"),
        user="take the next observation of a finished row from `final_obs` (SAME_STEP), or leave out the step "
        "after an end (NEXT_STEP)",
    ),
    "sb3": Client(
        "Stable-Baselines3",
        shows=("stable-baselines3", "gymnasium"),
        user="`WorldVecEnv` instead of `make_vec_env`: one batched world; DQN takes the flat id",
    ),
    "sb3_contrib": Client("sb3-contrib", shows=("sb3-contrib", "gymnasium"), user="as with Stable-Baselines3"),
    "rl_zoo3": Client(
        "RL Zoo3",
        needs=("rl-zoo3",),
        lifts=("python-dateutil",),
        shows=("rl-zoo3", "stable-baselines3", "gymnasium"),
        user="`python -m rl_zoo3.train --gym-packages rlgen --conf-file YOURS.yml`; it wants python-dateutil < 3",
    ),
    "sbx": Client("SBX", needs=("sbx-rl",), shows=("sbx-rl", "jax", "gymnasium"), user="as with Stable-Baselines3"),
    "torchrl": Client(
        "TorchRL",
        needs=("torchrl",),
        shows=("torchrl", "tensordict", "gymnasium"),
        user="`GymEnv(id)`; the native one through `GymWrapper`, in DISABLED or SAME_STEP",
    ),
    "tianshou": Client(
        "Tianshou",
        needs=("tianshou>=2",),
        lifts=("filelock",),
        shows=("tianshou", "gymnasium"),
        user="its own `DummyVectorEnv`; a wrapper that leaves `episode_summary` out of `info`, whose texts it takes "
        "for missing values (`NumbersOnly` in the script); it wants filelock < 4",
    ),
    "skrl": Client(
        "skrl",
        needs=("skrl",),
        shows=("skrl", "gymnasium"),
        user="`clip_actions=True` in the policy; the trainer with `headless` (it calls `render` at every step)",
    ),
    "rllib": Client(
        "RLlib",
        needs=("ray[rllib]",),
        lifts=("gymnasium",),
        shows=("ray", "gymnasium"),
        user='nothing on its default (sync vectors); on the native one `env_config={"autoreset_mode": "NEXT_STEP"}` '
        'and `gym_env_vectorize_mode="vector_entry_point"`: RLlib knows no other mode, and does not say so',
    ),
    "openenv": Client(
        "OpenEnv",
        needs=("openenv>=0.10",),
        lifts=("pillow",),
        shows=("openenv",),
        user="`rlgen serve openenv`; any OpenEnv client connects",
    ),
}

# What was tried with pip beside this project's pins, and why it does not install.
ABSENT: dict[str, str] = {
    "Sample Factory": "it does not install beside the pins of this project",
    "OmniSafe": "it does not install beside the pins of this project",
}
