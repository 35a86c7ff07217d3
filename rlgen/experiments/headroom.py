"""The ladder of baselines: the best that simple rules can do, which a policy has to beat.

Every rung is learned by the same learner, on the same budget of turns, as the policy that is
compared with it; only what its actor is shown differs (`rlgen.policies.views`). What it learned
is then read out as a plain rule.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from rlgen.affect import NUM_CATEGORIES
from rlgen.experiments.evaluation import evaluate
from rlgen.policies.baselines import Baseline, EmotionTable, Fixed, Four, Schedule
from rlgen.policies.ppo import PPOConfig, make_ppo
from rlgen.policies.protocols import Floats, WorldLike
from rlgen.policies.trained import Trained
from rlgen.policies.vec_env import WorldVecEnv
from rlgen.policies.views import View
from rlgen.types import MAX_TURNS

SEED: Final = 2_000_000
"""First person that rules are learned on; evaluations start at 3,000,000."""

CHOOSING_SEED: Final = 2_500_000
"""First person on whom it is decided which of a rung's candidates is kept."""

RUNGS: Final[dict[str, View]] = {"fixed": "nothing", "emotion_table": "emotion", "schedule": "turn"}
"""Rung -> what it is shown."""

# A table has one weight per case and action, and has to cross the box with it.
RULE_PPO: Final = PPOConfig(hidden=(), learning_rate=1e-2)


def learn(world: WorldLike, config: PPOConfig, steps: int, seed: int, name: str, say: Callable[[str], None]) -> Trained:
    """Train a policy without a run folder.

    Args:
        world: begun anew; row i meets people seeded `seed + i`.
        config: hyperparameters.
        steps: turns of dialogue; whole rollouts are run.
        seed: of the learner and of the people.
        name: for `say`.
        say: called with a line of text at the end.
    """
    began = time.perf_counter()
    model = make_ppo(WorldVecEnv(world, seed=seed), config, seed=seed)
    model.learn(steps)
    say(f"{name}: learned on {model.num_timesteps} turns in {time.perf_counter() - began:.0f} s")
    return Trained(model)


def read_rule(policy: Trained, world: WorldLike, rung: str) -> Baseline:
    """What a policy with a narrow view does, as a rule.

    Args:
        policy: trained with the view of the rung.
        world: that it was trained in.
        rung: a key of `RUNGS`.
    """
    cases = {"fixed": 1, "emotion_table": NUM_CATEGORIES, "schedule": MAX_TURNS}[rung]
    obs = np.zeros((cases, *(world.single_observation_space.shape or ())), dtype=np.float32)
    named = world.layout.unflatten(obs)  # views into `obs`
    if rung == "emotion_table":
        named["affect"][:, :NUM_CATEGORIES] = np.eye(NUM_CATEGORIES)
    elif rung == "schedule":
        named["turn"][:, 0] = np.arange(MAX_TURNS) / MAX_TURNS
    table = _rows(policy.act(obs, world.layout, np.random.default_rng(0), np.arange(cases)))
    if rung == "fixed":
        return Fixed(controls=table[0])
    return EmotionTable(table=table) if rung == "emotion_table" else Schedule(table=table)


def _rows(actions: Floats) -> tuple[Four, ...]:
    table = np.round(np.asarray(actions, dtype=np.float64), 3).tolist()
    return tuple((a, b, c, d) for a, b, c, d in table)


def ladder(
    world: WorldLike,
    judge: WorldLike,
    steps: int,
    seeds: int,
    people: int,
    say: Callable[[str], None],
    config: PPOConfig = RULE_PPO,
) -> dict[str, Baseline]:
    """Learn all rungs and keep the best rule found for each.

    Constant controls are a rule of every rung, so the fixed candidates stand for each of them.

    Args:
        world: where the rules are learned.
        judge: where it is decided which candidate is kept; real words.
        steps: turns that each candidate is learned on.
        seeds: candidates per rung.
        people: that each candidate meets when one is chosen.
        say: called with a line of text now and then.
        config: hyperparameters.
    """
    found: dict[str, list[Baseline]] = {}
    for rung, view in RUNGS.items():
        shown = config.model_copy(update={"view": view})
        for seed in range(seeds):
            policy = learn(world, shown, steps, SEED + 1000 * seed, f"{rung}, seed {seed}", say)
            found.setdefault(rung, []).append(read_rule(policy, world, rung))
    constants = [Fixed(), *found["fixed"]]
    return best_on(judge, {rung: [*constants, *rules] for rung, rules in found.items()}, people, say)


def best_on(
    world: WorldLike, candidates: Mapping[str, Sequence[Baseline]], people: int, say: Callable[[str], None]
) -> dict[str, Baseline]:
    """For each rung the candidate with the highest mean return, all on the same people.

    Args:
        world: with a real generator.
        candidates: rung -> rules.
        people: that each candidate meets.
        say: called with a line of text per candidate.
    """
    known: dict[Baseline, float] = {}
    chosen = {}
    for rung, rules in candidates.items():
        for rule in rules:
            if rule not in known:
                known[rule] = float(evaluate(world, rule, people, CHOOSING_SEED).values["return"].mean())
                say(f"{rung}: a candidate earns {known[rule]:.3f}")
        chosen[rung] = max(rules, key=lambda rule: known[rule])
    return chosen
