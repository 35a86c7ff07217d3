"""Ids of the environments. Kept free of heavy imports: `import rlgen` runs this."""

from __future__ import annotations

from typing import Any, Final

from gymnasium.envs.registration import register, registry

_SCENARIOS: Final = ("education", "healthcare", "workplace", "companion")
_FAMILIES: Final = (("SupportDynamic", "theory", "support_dynamic"), ("Support", "calibrated", "support"))


def _ids() -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    fields: dict[str, dict[str, Any]] = {}
    modules: dict[str, str] = {}
    for name, family, module in _FAMILIES:
        people = {"family": family}
        variants: dict[str, dict[str, Any]] = {
            "": {"users": people},
            "Discrete": {"users": people, "actions": "discrete"},
        }
        variants |= {scenario.capitalize(): {"users": {**people, "scenario": scenario}} for scenario in _SCENARIOS}
        for variant, config in variants.items():
            env_id = f"rlgen/{name}{variant}-v0"
            fields[env_id] = config
            modules[env_id] = module
    return fields, modules


IDS, _MODULES = _ids()  # id -> fields of its WorldConfig; id -> module of its page


def register_all() -> None:
    """Register every id with Gymnasium; safe to call again."""
    for env_id, module in _MODULES.items():
        if env_id not in registry:
            register(
                id=env_id,
                entry_point=f"rlgen.envs.{module}:make",
                vector_entry_point="rlgen.envs.vector:DialogueVectorEnv",
                kwargs={"env_id": env_id},
            )
