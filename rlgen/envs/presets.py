"""Configs of the registered ids."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from inspect import signature
from typing import Any

from rlgen.config import validate
from rlgen.envs.config import WorldConfig
from rlgen.envs.people import FAMILIES
from rlgen.envs.registration import IDS
from rlgen.errors import ConfigError
from rlgen.seams import written_out


def world_config(env_id: str, /, **overrides: Any) -> WorldConfig:
    """The config of a registered id, with some fields replaced.

    Args:
        env_id: e.g. `"rlgen/SupportDynamic-v0"`.
        **overrides: fields of `WorldConfig`; `users` may be a mapping that is laid over the id's own, or the name of
            a family.

    Raises:
        ConfigError: an unknown id, or a field that is unknown or out of range.
    """
    if env_id not in IDS:
        raise ConfigError(f"there is no environment {env_id!r}; the ids are {', '.join(IDS)}")
    fields: dict[str, Any] = {**IDS[env_id], **overrides}
    users = written_out(fields.get("users"))
    if isinstance(users, str) and users in FAMILIES:
        users = {"family": users}
    if isinstance(users, dict) and "kind" not in users and users.get("family", FAMILIES[0]) in FAMILIES:
        fields["users"] = {**IDS[env_id]["users"], **users}
    return validate(WorldConfig, fields, env_id)


def made_by(environment: type, env_id: str, keywords: Mapping[str, Any]) -> WorldConfig:
    """`world_config` for the constructor of an environment, which refuses unknown keywords as Python does.

    Other people's programs try keywords of other environments, and go by the exception whether there are such.

    Args:
        environment: the class whose constructor was called.
        env_id: as for `world_config`.
        keywords: those that are no parameters of the constructor.

    Raises:
        TypeError: one of them is no field of `WorldConfig` either.
        ConfigError: see `world_config`.
    """
    for name in keywords:
        if name not in WorldConfig.model_fields:
            own = [known for known in signature(environment).parameters if known != "overrides"]
            near = get_close_matches(name, [*WorldConfig.model_fields, *own], n=1)
            raise TypeError(
                f"{environment.__name__}.__init__() got an unexpected keyword argument {name!r}"
                + (f". Did you mean {near[0]!r}?" if near else "")
            )
    return world_config(env_id, **keywords)
