"""A small numpy world with the members of `rlgen.envs.World`, for tests of policies and experiments.

A person has a category of emotion that lasts; an action is good when it is near the target of that
category and turn. Everything is drawn from `rlgen.rng.Streams`, per person.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
from gymnasium import spaces

from rlgen.affect import CATEGORIES
from rlgen.envs import ObservationLayout
from rlgen.rng import Streams
from rlgen.types import Controls, Estimate, Feedback

DIM = 12
TARGETS = np.array(
    [[0, 0, 0, 0], [0.5, 0.5, 0, 0], [0.8, -0.6, 0.2, 0.4], [-0.4, 0.6, 0, 0], [0.6, 0.2, -0.5, 0.8], [0, -0.5, 0.5, 0]]
)


@dataclass
class FakeStep:
    obs: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    finished: SimpleNamespace | None
    terms: dict
    cost: np.ndarray
    costs: dict


class FakeWorld:
    def __init__(self, num_envs=8, max_turns=6, actions="box"):
        self.num_envs = num_envs
        self.max_turns = max_turns
        self.actions = actions
        self.single_observation_space = spaces.Box(-5.0, 5.0, (DIM,), np.float32)
        self.single_action_space = (
            spaces.Box(-1.0, 1.0, (4,), np.float32) if actions == "box" else spaces.MultiDiscrete([5, 5, 3, 4])
        )
        self.layout = ObservationLayout({"affect": slice(0, 8), "turn": slice(8, 9), "noise": slice(9, DIM)})
        self.sha256 = {"fake": "0" * 64}
        self.encoder = "a fake (0123)"
        self.record = False
        self.last = None

    @property
    def exhausted(self):
        return self.people is not None and self.served == self.people

    def reset(self, seed=0, people=None, *, realm=None, first=0):
        n = self.num_envs
        self.streams = Streams.of(seed, n, realm or ("training" if people is None else "evaluation"))
        self.streams = Streams(self.streams.key, self.streams.row + np.uint32(first), self.streams.episode)
        self.first = first
        self.people, self.served = people, 0
        self.person = np.full(n, -1)
        if people is not None:
            self.person[: min(n, people)] = np.arange(min(n, people))
        self.next_person = n
        self.turn = np.zeros(n, np.int64)
        self.total = np.zeros(n)
        self.category = np.zeros(n, np.int64)
        self._begin(np.arange(n))
        return self._obs()

    def restart(self, rows):
        self._advance(rows)
        return self._obs()

    def _begin(self, rows):
        self.category[rows] = self.streams.rows(rows).integers("fake.category", len(CATEGORIES))
        self.turn[rows] = 0
        self.total[rows] = 0

    def _obs(self):
        obs = np.zeros((self.num_envs, DIM), np.float32)
        obs[np.arange(self.num_envs), self.category] = 1
        obs[:, 8] = self.turn / self.max_turns
        obs[:, 9:12] = np.clip(self.streams.normal("fake.noise", self.turn, 3), -5, 5)
        return obs

    def step(self, actions):
        if self.actions == "discrete":
            actions = np.asarray(actions) / (np.array([5, 5, 3, 4]) - 1) * 2 - 1
        actions = np.asarray(actions, float)
        assert actions.shape == (self.num_envs, 4)
        assert (np.abs(actions) <= 1).all() or self.actions == "discrete"
        target = TARGETS[self.category] * (1 - 0.5 * self.turn / self.max_turns)[:, None]
        near = 1 - np.square(actions - target).mean(1)
        noise = 0.1 * self.streams.normal("fake.reward", self.turn)[:, 0]
        reward = (near + noise).astype(np.float32)
        said = self.turn.copy()
        obs_now = self._obs()
        leave = self.streams.uniform("fake.leave", self.turn)[:, 0]
        left = leave < 0.1
        self.turn = self.turn + 1
        terminated = left | (self.turn >= self.max_turns)
        self.total += reward
        done = terminated
        if self.record:
            self._remember(said, obs_now, actions, reward, left)
        finished = None
        if done.any():
            rows = np.flatnonzero(done)
            k = len(rows)
            finished = SimpleNamespace(
                rows=rows,
                person=self.person[rows].copy(),
                final_obs=self._obs()[rows],
                episode_return=self.total[rows].copy(),
                length=self.turn[rows].copy(),
                completed=left[rows],
                abandoned=np.zeros(k, bool),
                limit=~left[rows],
                ending=["completed" if gone else "limit" for gone in left[rows]],
                relief=self.total[rows] / 10,
                relief_points=4 * self.total[rows] / 10,
                mean_rating=np.where(rows % 2 == 0, np.nan, 3.5),
                cost=np.zeros(k),
                terms={"near": self.total[rows] * 0.9, "other": self.total[rows] * 0.1},
            )
            self._advance(rows)
        terms = {"near": reward * 0.9, "other": reward * 0.1}
        harm = (np.arange(self.num_envs) % 3 == 0).astype(np.float32)
        return FakeStep(
            self._obs(), reward, terminated, np.zeros_like(terminated), finished, terms, harm, {"harm": harm}
        )

    def _advance(self, rows):
        people, episodes = self.streams.row.copy(), self.streams.episode.copy()
        if self.people is None:
            episodes[rows] += 1
        else:
            self.served += int((self.person[rows] >= 0).sum())
            for row in rows:
                self.person[row] = self.next_person if self.next_person < self.people else -1
                people[row] = self.first + self.next_person
                self.next_person += 1
        self.streams = Streams(self.streams.key, people, episodes)
        self._begin(rows)

    def _remember(self, said, obs, actions, reward, terminated):
        n = self.num_envs
        affect = obs[:, :8]
        self.last = SimpleNamespace(
            turn=said,
            utterance=[f"said {i}" for i in range(n)],
            estimate=Estimate(
                np.zeros((n, 2), np.float32), affect, np.zeros((n, 3), np.float32), np.ones((n, 3), bool)
            ),
            controls=Controls(*(actions[:, i].astype(np.float32) for i in range(4))),
            reply=[f"reply {i}" for i in range(n)],
            reading=None,
            verdict=None,
            feedback=Feedback(
                np.full(n, np.nan, np.float32), np.full(n, 0.5, np.float32), terminated, np.zeros(n, bool)
            ),
            reward=reward,
            terms={"near": reward * 0.9},
            next_utterance=[f"then {i}" for i in range(n)],
        )

    def close(self):
        pass

    def state(self):
        keys = ("streams", "first", "people", "served", "person", "next_person", "turn", "total", "category")
        return {key: copy.deepcopy(getattr(self, key)) for key in keys}

    def load_state(self, state):
        for key, value in state.items():
            setattr(self, key, copy.deepcopy(value))
