"""A walk that keeps the laws in both interfaces, and one small fault at a time that a check must name."""

from types import SimpleNamespace

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorEnv
from gymnasium.vector.utils import batch_space
from gymnasium.wrappers.vector import NormalizeObservation, RecordEpisodeStatistics
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import SubprocVecEnv, VecEnv, VecFrameStack, VecMonitor, VecNormalize

from rlgen.checks.vec_env import LAWS, check_vec_env, try_vec_env
from rlgen.errors import CheckError
from rlgen.policies import WorldVecEnv

LIMIT = 12
OBSERVATIONS = gym.spaces.Box(np.float32([-1, 0]), np.float32([1, 1]))
ACTIONS = gym.spaces.Discrete(2)
SAME, NEXT, OFF = AutoresetMode.SAME_STEP, AutoresetMode.NEXT_STEP, AutoresetMode.DISABLED


class Walks:
    """N random walks, which end beyond 1.5 and are cut off after twelve steps."""

    def seed(self, seed):
        self.rng = [np.random.default_rng([seed, row]) for row in range(self.num_envs)]

    def begin(self, rows):
        for row in rows:
            self.x[row], self.t[row] = self.rng[row].uniform(-1, 1), 0

    def all_begin(self):
        self.x, self.t = np.zeros(self.num_envs), np.zeros(self.num_envs)
        self.begin(range(self.num_envs))

    def noise(self):
        return np.array([rng.normal(0, 0.3) for rng in self.rng])

    def move(self, actions):
        self.x = self.x + np.where(np.asarray(actions) == 1, 0.3, -0.3) + self.noise()
        self.t = self.t + 1
        terminated = np.abs(self.x) > 1.5
        return -np.abs(self.x), terminated, ~terminated & (self.t >= LIMIT)

    def obs(self):
        return np.stack([np.clip(self.x / 4, -1, 1), np.minimum(self.t / LIMIT, 1)], axis=1).astype(np.float32)


class Walk(Walks, VecEnv):
    """For Stable-Baselines3."""

    def __init__(self, num_envs=3):
        self.render_mode = None
        super().__init__(num_envs, OBSERVATIONS, ACTIONS)
        self.seed(0)

    def seed(self, seed=None):
        Walks.seed(self, seed)

    def reset(self):
        self.all_begin()
        return self.obs()

    def step_async(self, actions):
        self.given = actions

    def step_wait(self):
        reward, terminated, truncated = self.move(self.given)
        done, last = terminated | truncated, self.obs()
        infos = [{} for _ in range(self.num_envs)]
        for row in np.flatnonzero(done):
            infos[row] = {"terminal_observation": last[row], "TimeLimit.truncated": bool(truncated[row])}
        self.begin(np.flatnonzero(done))
        return self.obs(), reward.astype(np.float32), done, infos

    def close(self):
        pass

    def get_attr(self, name, indices=None):
        return [getattr(self, name)] * len(self._get_indices(indices))

    def set_attr(self, name, value, indices=None):
        setattr(self, name, value)

    def env_method(self, name, *args, indices=None, **kwargs):
        return [getattr(self, name)(*args, **kwargs)] * len(self._get_indices(indices))

    def env_is_wrapped(self, wrapper, indices=None):
        return [False] * len(self._get_indices(indices))


class Stroll(Walks, VectorEnv):
    """For Gymnasium, in each of its modes."""

    def __init__(self, num_envs=3, mode=SAME):
        self.metadata = {"autoreset_mode": mode}
        self.mode = mode
        self.num_envs = num_envs
        self.single_observation_space, self.single_action_space = OBSERVATIONS, ACTIONS
        self.observation_space, self.action_space = batch_space(OBSERVATIONS, num_envs), batch_space(ACTIONS, num_envs)
        self.over = np.zeros(num_envs, bool)
        self.seed(0)

    def reset(self, *, seed=None, options=None):
        if seed is not None:
            self.seed(seed)
        mask = (options or {}).get("reset_mask")
        if mask is None:
            self.all_begin()
        else:
            self.begin(np.flatnonzero(mask))
        self.over[:] = False
        return self.obs(), {}

    def step(self, actions):
        waiting = self.over.copy() if self.mode is NEXT else np.zeros(self.num_envs, bool)
        x, t = self.x.copy(), self.t.copy()
        reward, terminated, truncated = self.move(actions)
        self.x[waiting], self.t[waiting] = x[waiting], t[waiting]
        reward[waiting], terminated[waiting], truncated[waiting] = 0, False, False
        self.begin(np.flatnonzero(waiting))
        self.over = terminated | truncated
        infos = {"x": self.x.copy(), "_x": np.ones(self.num_envs, bool)}
        if self.mode is SAME and self.over.any():
            infos |= {"final_obs": np.array([*self.obs(), None], dtype=object)[:-1], "_final_obs": self.over.copy()}
            self.begin(np.flatnonzero(self.over))
        return self.obs(), reward, terminated, truncated, infos


# What is accepted.


def pole():
    return gym.make("CartPole-v1")


CARTPOLE = [
    *((f"{kind.__name__} {mode.name}", lambda kind=kind, mode=mode: kind([pole] * 2, autoreset_mode=mode))
      for kind in (SyncVectorEnv, AsyncVectorEnv) for mode in (SAME, NEXT, OFF)),
    ("its own batch", lambda: gym.make_vec("CartPole-v1", 3, vectorization_mode="vector_entry_point")),
    ("normalised", lambda: NormalizeObservation(RecordEpisodeStatistics(gym.make_vec("CartPole-v1", 2)))),
    ("FrozenLake", lambda: gym.make_vec("FrozenLake-v1", 2)),
    ("Blackjack", lambda: gym.make_vec("Blackjack-v1", 2)),
    ("DummyVecEnv", lambda: make_vec_env("CartPole-v1", 3)),
    ("SubprocVecEnv", lambda: make_vec_env("CartPole-v1", 2, vec_env_cls=SubprocVecEnv)),
    ("VecNormalize", lambda: walked(VecNormalize(make_vec_env("CartPole-v1", 3)))),
    ("VecFrameStack", lambda: VecFrameStack(make_vec_env("CartPole-v1", 2), 3)),
    ("all at once", lambda: VecMonitor(VecFrameStack(VecNormalize(make_vec_env("CartPole-v1", 2)), 2))),
]  # fmt: skip


def walked(env):
    """An env whose statistics have moved."""
    env.reset()
    for _ in range(60):
        env.step([env.action_space.sample() for _ in range(env.num_envs)])
    return env


@pytest.mark.parametrize(("name", "make"), CARTPOLE, ids=[name for name, _ in CARTPOLE])
def test_what_both_libraries_make_is_accepted(name, make):
    env = make()
    check_vec_env(env)
    if name == "VecNormalize":
        assert env.training


@pytest.mark.parametrize("mode", [SAME, NEXT, OFF])
def test_ours_are_accepted_in_every_mode(mode):
    def make(rows):
        return gym.make_vec("rlgen/SupportDynamic-v0", rows, autoreset_mode=mode, generator={"kind": "surface"})

    found = list(try_vec_env(make(2), make))
    assert [finding.law for finding in found] == [law.says for law in LAWS]
    assert not any(finding.faults for finding in found)


def test_ours_for_sb3_is_accepted(fake_world):
    check_vec_env(WorldVecEnv(fake_world(3)), lambda rows: WorldVecEnv(fake_world(rows)))


@pytest.mark.parametrize("mode", [SAME, NEXT, OFF])
def test_the_strolls_keep_the_laws(mode):
    check_vec_env(Stroll(mode=mode), lambda rows: Stroll(rows, mode))


def test_the_walk_keeps_the_laws():
    check_vec_env(Walk(), Walk)
    check_vec_env(Walk(1))


def test_what_cannot_be_tried_says_so():
    untried = {finding.law: finding.untried for finding in try_vec_env(Walk(1), steps=1) if finding.untried}
    assert (
        "no episode ended in 1 steps" in untried["an end comes with the last observation, and another episode follows"]
    )
    assert "one row" in untried["a row does not depend on what other rows do"]


# Faults: what is changed in the walk, and what must be said.


def altered(base, **changes):
    """A class that is `base` but for some members."""
    return type("Faulty", (base,), changes)


def after_step(change, base=Walk):
    """What `step` answers, changed by a function of the env and the answer."""
    name = "step_wait" if base is Walk else "step"
    return altered(base, **{name: lambda self, *args: change(self, list(getattr(base, name)(self, *args)))})


def replaced(place, value, base=Walk):
    def change(env, answer):
        answer[place] = value(answer[place])
        return tuple(answer)

    return after_step(change, base)


def infos_changed(change):
    def step(env, answer):
        for row, info in enumerate(answer[3]):
            change(env, row, info, answer)
        return tuple(answer)

    return after_step(step)


def no_final(env, row, info, answer):
    info.pop("terminal_observation", None)


def final_of_the_next(env, row, info, answer):
    if "terminal_observation" in info:
        info["terminal_observation"] = answer[0][row].copy()


def final_of_all(env, row, info, answer):
    info.setdefault("terminal_observation", answer[0][row].copy())


def cut_always(env, row, info, answer):
    info["TimeLimit.truncated"] = True


def cut_for_ended(env, row, info, answer):
    if answer[2][row]:
        info["TimeLimit.truncated"] = True


def one_stream(self, seed=None):
    rng = np.random.default_rng(seed)
    self.rng = [rng] * self.num_envs


def same_seed(self, seed=None):
    self.rng = [np.random.default_rng(seed) for _ in range(self.num_envs)]


def stale(self, *args):
    """Observations in one buffer that each step overwrites."""
    answer = list(Walk.step_wait(self))
    self.buffer = getattr(self, "buffer", answer[0])
    self.buffer[:] = answer[0]
    return (self.buffer, *answer[1:])


def step_then_clip(self, actions):
    actions[:] = 0
    self.given = actions


def leaking(self):
    """A reset that leaves the count of steps as it was."""
    t = getattr(self, "t", np.zeros(self.num_envs))
    Walks.all_begin(self)
    self.t = t


def dragged(self, actions):
    answer = Walks.move(self, actions)
    self.x = self.x + 0.05 * np.sum(actions)
    return answer


def restarted(self, rows):
    """Each episode from the first seed."""
    for row in rows:
        self.rng[row] = np.random.default_rng([self.given_seed, row])
    Walks.begin(self, rows)


def seed_unused(self, seed=None):
    self.times = getattr(self, "times", 0) + 1
    Walks.seed(self, self.times)


def seed_kept(self, seed=None):
    self.given_seed = self.given_seed if seed is None and hasattr(self, "given_seed") else seed
    Walks.seed(self, seed)


def no_rows(self, num_envs=3):
    Walk.__init__(self, num_envs)
    self.num_envs = 0


def once(self):
    if getattr(self, "gone", False):
        raise RuntimeError("closed before")
    self.gone = True


def stuck(self, rows):
    """Episodes that are begun once only."""
    if len(rows) == self.num_envs or not getattr(self, "t", np.zeros(1)).any():
        Walks.begin(self, rows)


SB3 = {
    "observations of another type": (replaced(0, lambda obs: obs.astype(np.float64)), "float64; give float32"),
    "observations of another shape": (replaced(0, lambda obs: obs[:, :1]), r"shape \(3, 1\)"),
    "observations outside their space": (replaced(0, lambda obs: obs + 2), "outside its space"),
    "observations that are not numbers": (replaced(0, lambda obs: obs * np.float32("nan")), "NaN"),
    "a list of observations": (replaced(0, list), "as a list"),
    "rewards of whole numbers": (replaced(1, lambda r: r.astype(int)), "rewards are of int64"),
    "a list of rewards": (replaced(1, list), "rewards are a list"),
    "rewards as a column": (replaced(1, lambda r: r[:, None]), r"shape \(3, 1\)"),
    "rewards that are not finite": (replaced(1, lambda r: r * np.inf), "not finite"),
    "ends as numbers": (replaced(2, lambda d: d.astype(np.float32)), "dones is an array of float32"),
    "one dict for all rows": (replaced(3, lambda infos: [infos[0]] * 3), "share one dict"),
    "a dict instead of a list": (replaced(3, lambda infos: {}), "infos are a dict"),
    "infos of some rows only": (replaced(3, lambda infos: infos[:2]), "infos are a list of 2"),
    "five answers": (after_step(lambda env, a: (*a, {})), "step returned a tuple of 5"),
    "reset as Gymnasium has it": (altered(Walk, reset=lambda self: (Walk.reset(self), {})), "reset returned a tuple"),
    "no last observation": (infos_changed(no_final), "without terminal_observation"),
    "the last observation is the next episode's": (infos_changed(final_of_the_next), "is the same as its terminal"),
    "a last observation where nothing ended": (infos_changed(final_of_all), "but goes on"),
    "truncated in the middle": (infos_changed(cut_always), "says TimeLimit.truncated, but row 0 goes on"),
    "all ends are truncations": (infos_changed(cut_for_ended), "episodes were truncated after"),
    "rows that are never begun anew": (altered(Walk, begin=stuck), "ended at step|same as its terminal"),
    "one buffer for all observations": (altered(Walk, step_wait=stale), "overwrites"),
    "actions changed in place": (altered(Walk, step_async=step_then_clip), "changed the actions"),
    "a seed that is not used": (altered(Walk, seed=seed_unused), "given twice"),
    "a count that reset leaves": (altered(Walk, all_begin=leaking), "given twice|outside its space"),
    "the same seed in each row": (altered(Walk, seed=same_seed), "all rows begin alike"),
    "each episode alike": (altered(Walk, begin=restarted, seed=seed_kept), "begins as"),
    "rows that drag each other": (altered(Walk, move=dragged), "others were given other actions"),
    "rows that share a stream": (altered(Walk, seed=one_stream), "among 4 rows than among 3"),
    "attributes of one row": (altered(Walk, get_attr=lambda self, name, indices=None: [None]), "get_attr"),
    "a second close that raises": (altered(Walk, close=once), r"second close\(\) raised RuntimeError"),
    "no rows": (altered(Walk, __init__=no_rows), "num_envs is 0"),
}  # fmt: skip


@pytest.mark.parametrize("name", SB3)
def test_each_fault_of_a_vec_env_is_named(name):
    made, says = SB3[name]
    with pytest.raises(CheckError, match=says) as caught:
        check_vec_env(made(), made)
    assert "\n" not in str(caught.value)


def in_infos(**more):
    return after_step(lambda env, a: (*a[:4], a[4] | {name: value(env) for name, value in more.items()}), Stroll)


def without_final(env, answer):
    answer[4] = {name: value for name, value in answer[4].items() if "final" not in name}
    return tuple(answer)


def final_now(env, answer):
    if "final_obs" in answer[4]:
        answer[4]["final_obs"] = np.array([*answer[0], None], dtype=object)[:-1]
    return tuple(answer)


def final_before(self, actions):
    before = self.obs()
    answer = Stroll.step(self, actions)
    if "final_obs" in answer[4]:
        answer[4]["final_obs"] = np.array([*before, None], dtype=object)[:-1]
    return answer


def swapped(env, answer):
    answer[2], answer[3] = answer[3], answer[2]
    return tuple(answer)


def paid_at_reset(env, answer):
    answer[1] = answer[1] + np.float64(0.5)
    return tuple(answer)


def resets_all(self, *, seed=None, options=None):
    return Stroll.reset(self, seed=seed)


def resets_none(self, *, seed=None, options=None):
    return (self.obs(), {}) if options else Stroll.reset(self, seed=seed)


def called(mode, named):
    """An env that does one thing and says another."""

    def init(self, num_envs=3, mode_=None):
        Stroll.__init__(self, num_envs, mode)
        self.metadata = {} if named is None else {"autoreset_mode": named}

    return init


SPEC = SimpleNamespace(max_episode_steps=LIMIT)


def too_many(self, num_envs=3, mode=SAME):
    Stroll.__init__(self, num_envs, mode)
    self.observation_space = batch_space(OBSERVATIONS, num_envs + 1)


def unmasked(env, answer):
    answer[4].pop("_final_obs", None)
    return tuple(answer)


def bare(self, **given):
    return Stroll.reset(self, **given)[0]


GYMNASIUM = {
    "no mode": (altered(Stroll, __init__=called(SAME, None)), SAME, "metadata\\['autoreset_mode'\\] is None"),
    "a mode as text": (altered(Stroll, __init__=called(SAME, "SAME_STEP")), SAME, "'SAME_STEP'.*; name there"),
    "SAME_STEP called NEXT_STEP": (altered(Stroll, __init__=called(SAME, NEXT)), SAME, "as in SAME_STEP"),
    "SAME_STEP called DISABLED": (altered(Stroll, __init__=called(SAME, OFF)), SAME, "as in SAME_STEP"),
    "NEXT_STEP called SAME_STEP": (altered(Stroll, __init__=called(NEXT, SAME)), NEXT, "without final_obs"),
    "DISABLED called NEXT_STEP": (altered(Stroll, __init__=called(OFF, NEXT)), OFF, "in NEXT_STEP"),
    "no final_obs": (after_step(without_final, Stroll), SAME, "without final_obs"),
    "final_obs of the next episode": (after_step(final_now, Stroll), SAME, "same as its final_obs"),
    "final_obs before the last action": (altered(Stroll, step=final_before), SAME, "before the last action"),
    "final_obs without a mask": (after_step(unmasked, Stroll), SAME, "no mask _final_obs"),
    "terminated and truncated exchanged": (after_step(swapped, Stroll), NEXT, "episodes were truncated after"),
    "the same, with a known limit": (altered(after_step(swapped, Stroll), spec=SPEC), NEXT, "max_episode_steps is 12"),
    "a reward for the reset": (after_step(paid_at_reset, Stroll), NEXT, "only begins its next episode; give 0"),
    "a mask that is not heeded": (altered(Stroll, reset=resets_all), OFF, "which the mask leaves out"),
    "a reset by mask that does nothing": (altered(Stroll, reset=resets_none), OFF, "leaves rows where"),
    "reset as SB3 has it": (altered(Stroll, reset=bare), SAME, "reset returned an array"),
    "four answers": (after_step(lambda env, a: tuple(a[:4]), Stroll), SAME, "step returned a tuple of 4"),
    "infos as a list": (replaced(4, lambda infos: [{}] * 3, Stroll), SAME, "infos as a list"),
    "a key that is no text": (after_step(lambda env, a: (*a[:4], {7: 1}), Stroll), SAME, "the key 7"),
    "a value of too few rows": (in_infos(few=lambda env: np.zeros(2)), SAME, "'few'.* has length 2"),
    "a mask of numbers": (in_infos(_x=lambda env: np.ones(3)), SAME, "mask infos\\['_x'\\]"),
    "a mask of nothing": (in_infos(_y=lambda env: np.ones(3, bool)), SAME, "no 'y'"),
    "truncated as None": (replaced(3, lambda t: None, Stroll), SAME, "truncated is NoneType"),
    "a batch of another size": (altered(Stroll, __init__=too_many), SAME, "but 3 rows of"),
}  # fmt: skip


@pytest.mark.parametrize("name", GYMNASIUM)
def test_each_fault_of_a_vector_env_is_named(name):
    made, mode, says = GYMNASIUM[name]
    with pytest.raises(CheckError, match=says) as caught:
        check_vec_env(made(3, mode), lambda rows: made(rows, mode))
    assert "\n" not in str(caught.value)


def test_a_single_env_is_told_where_to_go():
    with pytest.raises(CheckError, match="neither a VectorEnv"):
        check_vec_env(gym.make("CartPole-v1"))
