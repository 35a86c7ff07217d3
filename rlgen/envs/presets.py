"""Configs of the registered ids."""

from __future__ import annotations

from typing import Any

from rlgen.config import validate
from rlgen.envs.config import WorldConfig
from rlgen.envs.registration import IDS
from rlgen.errors import ConfigError


def world_config(env_id: str, /, **overrides: Any) -> WorldConfig:
    """The config of a registered id, with some fields replaced.

    Args:
        env_id: e.g. `"rlgen/SupportDynamic-v0"`.
        **overrides: fields of `WorldConfig`; `users` may be a mapping that is laid over the id's own.

    Raises:
        ConfigError: an unknown id, or a field that is unknown or out of range.
    """
    if env_id not in IDS:
        raise ConfigError(f"there is no environment {env_id!r}; the ids are {', '.join(IDS)}")
    fields: dict[str, Any] = {**IDS[env_id], **overrides}
    users = fields.get("users")
    if isinstance(users, dict):
        fields["users"] = {**IDS[env_id]["users"], **users}
    return validate(WorldConfig, fields, env_id)
