"""Who is supported: people by the name of a family, by their config, or as a class or object of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, get_args

from pydantic import PlainSerializer, SerializationInfo, ValidatorFunctionWrapHandler, WrapValidator

from rlgen.seams import Own, written_out
from rlgen.types import SegmentCatalogue, UtteranceCatalogue
from rlgen.users import FamilyConfig, Users, build
from rlgen.users.families import UsersConfig

FAMILIES: Final = tuple(str(kind.model_fields["family"].default) for kind in get_args(get_args(UsersConfig)[0]))
"""Names of the shipped families."""

_NEEDS: Final = ("reset", "respond", "hidden", "hidden_names", "knows_relief", "sha256")


class OwnPeople(FamilyConfig):
    """People of one's own that have no config: a class called with (rows, utterances, segments), or people made."""

    part: Own


def _chosen(value: Any, handler: ValidatorFunctionWrapHandler) -> FamilyConfig:
    if isinstance(value, FamilyConfig):
        return value
    value = written_out(value)
    if isinstance(value, str) and value in FAMILIES:
        value = {"family": value}
    if isinstance(value, Mapping) and "kind" not in value:
        family = value.get("family")
        if family in FAMILIES:
            return handler(value)  # type: ignore[no-any-return]
        own = Own.of({"kind": family, **{key: each for key, each in value.items() if key != "family"}})
    else:
        own = Own.of(value)
    if own is None:
        raise ValueError(
            f"no such people; the families are {', '.join(FAMILIES)} (options as in {{family: replay, path: FILE}}), "
            "and people of your own are named package.module:Class"
        )
    thing = own.thing
    if isinstance(thing, FamilyConfig) and not own.options:
        return thing
    config = thing if isinstance(thing, type) and issubclass(thing, FamilyConfig) else getattr(thing, "Config", None)
    if isinstance(config, type) and issubclass(config, FamilyConfig):
        return config.model_validate(own.options)
    return OwnPeople(part=own)


def _plain(config: FamilyConfig, info: SerializationInfo) -> Any:
    if not isinstance(config, OwnPeople):
        return config.model_dump(mode=info.mode)
    told = config.part.plain()
    if not isinstance(told, dict):
        return told
    return {"family" if key == "kind" else key: each for key, each in told.items()}


AnyPeople = Annotated[UsersConfig, WrapValidator(_chosen), PlainSerializer(_plain)]
"""Who is supported: the config of any family, shipped or one's own."""


def make_people(config: FamilyConfig, rows: int, utterances: UtteranceCatalogue, segments: SegmentCatalogue) -> Users:
    """People of a config for a world of N rows; see `rlgen.users.build`.

    Raises:
        ConfigError: people of one's own cannot be made, or lack something that people have.
    """
    if isinstance(config, OwnPeople):
        users: Users = config.part.make("users", _NEEDS, rows, utterances, segments)
        return users
    return build(config, rows, utterances, segments)
