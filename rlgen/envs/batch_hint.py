"""A hint to those who step many single environments where one batch would do."""

from __future__ import annotations

import threading
import warnings
from typing import Final

MANY: Final = 10
"""So many environments in turn are worth a hint; a handful, or a server's sessions, are not."""


class _Rounds(threading.local):
    """Which environments this thread has stepped since it last stepped the first of them, and in the round before."""

    def __init__(self) -> None:
        self.now: set[int] = set()
        self.before: set[int] = set()


_rounds = _Rounds()
_told = threading.Event()


def stepped(environment: object, env_id: str) -> None:
    """Count a step; once per process, warn where the same many environments take their steps in turn.

    Args:
        environment: the one that steps.
        env_id: its id, for the advice.
    """
    if _told.is_set():
        return
    if id(environment) in _rounds.now:
        if len(_rounds.now) >= MANY and _rounds.now == _rounds.before:
            _told.set()
            rows = len(_rounds.now)
            warnings.warn(
                f"{rows} single environments are stepped in turn, which takes {rows} calls of the generator where one "
                f"would do; a batch is about ten times faster: gymnasium.make_vec({env_id!r}, num_envs={rows}), or for "
                f"Stable-Baselines3 rlgen.policies.WorldVecEnv(rlgen.envs.World(rlgen.envs.world_config({env_id!r}), "
                f"{rows}))",
                stacklevel=3,
            )
        _rounds.before, _rounds.now = _rounds.now, set()
    _rounds.now.add(id(environment))
