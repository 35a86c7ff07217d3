"""Ids of the environments. Kept free of heavy imports: `import rlgen` runs this."""

from __future__ import annotations

import multiprocessing
from typing import Any, Final

from gymnasium.envs.registration import register, registry

_SCENARIOS: Final = ("education", "healthcare", "workplace", "companion")
_FAMILIES: Final = (
    ("SupportDynamic", "theory", "rlgen.envs.support_dynamic:SupportDynamicEnv"),
    ("Support", "calibrated", "rlgen.envs.support:SupportEnv"),
)


def _ids() -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    fields: dict[str, dict[str, Any]] = {}
    pages: dict[str, str] = {}
    for name, family, page in _FAMILIES:
        people = {"family": family}
        variants: dict[str, dict[str, Any]] = {
            "": {"users": people},
            "Discrete": {"users": people, "actions": "discrete"},
            "Flat": {"users": people, "actions": "flat"},
        }
        variants |= {scenario.capitalize(): {"users": {**people, "scenario": scenario}} for scenario in _SCENARIOS}
        for variant, config in variants.items():
            env_id = f"rlgen/{name}{variant}-v0"
            fields[env_id] = config
            pages[env_id] = page
    return fields, pages


IDS, _PAGES = _ids()  # id -> fields of its WorldConfig; id -> class whose docstring is its page


def register_all() -> None:
    """Register every id with Gymnasium, here and in the worker processes that this one starts; safe to call again.

    The specs name no `max_episode_steps`: Gymnasium would wrap a `TimeLimit` around an environment whose turn limit
    is its own, and cut dialogues short wherever `max_turns` was raised. The spec of a made environment names it.
    """
    for env_id, page in _PAGES.items():
        if env_id not in registry:
            register(
                id=env_id,
                entry_point=page,
                vector_entry_point="rlgen.envs.vector:DialogueVectorEnv",
                kwargs={"env_id": env_id},
            )
    _register_in_workers()


class _Registers:
    """What registers the ids wherever it is unpickled: for that its module, and so this package, is imported."""


def _register_in_workers() -> None:
    """Let processes that are spawned know the ids too.

    A spawned worker (and a forkserver's) begins with nothing imported and gets a pickled function to run. Where
    that function only calls `gymnasium.make(id)`, and the program is a notebook or `python -c` whose imports the
    worker cannot repeat, nothing there would import this package: Gymnasium loads no plugins. Every process hands
    its own settings on to those it starts, pickled; one entry more is what imports the package there.
    """
    settings = getattr(multiprocessing.current_process(), "_config", None)
    if isinstance(settings, dict):
        settings.setdefault("rlgen", _Registers())
