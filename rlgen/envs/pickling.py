"""Worlds as bytes without what never changes about them, so that they travel light, and copies on the same parts.

Parts that a config names are loaded again where the world is unpickled. People hold indices of the banks: many
megabytes that are the same wherever these people are built. By the project's convention such an object is its own deep
copy. It stays at home, and is found again in people built anew.
"""

from __future__ import annotations

import copy
import io
import pickle
from types import FunctionType
from typing import TYPE_CHECKING, Any

from rlgen.envs.parts import load_parts
from rlgen.envs.people import seat
from rlgen.errors import ArtifactError, ConfigError

if TYPE_CHECKING:
    from rlgen.envs.world import World
    from rlgen.users import Users


def state_of(world: World) -> dict[str, Any]:
    """What a pickled world takes along.

    Raises:
        ConfigError: it has an audit log.
    """
    if world.parts.audit is not None:
        raise ConfigError("a world with an audit log cannot be pickled: two would write to one log; leave audit out")
    state = {**world.__dict__, "sha256": world.sha256}
    if world.parts.named == world.config:
        del state["parts"]
        if not world.own_people:
            state["_users"] = packed(world._users)
    return state


def restore(world: World, state: dict[str, Any]) -> None:
    """Fill a world from `state_of`.

    Raises:
        ArtifactError: the config names other parts here.
    """
    state = dict(state)
    expected, users = state.pop("sha256"), state.pop("_users")
    world.__dict__.update(state)
    if "parts" not in state:
        world.parts = load_parts(world.config).session()
    if isinstance(users, bytes):
        fresh = seat(world.config.users, world.num_envs, world.parts.utterances, world.parts.segments)
        world._users = fresh
        _check_parts(expected, world.sha256)
        users = unpacked(users, fresh)
    world._users = users
    _check_parts(expected, world.sha256)


def twin_of(world: World, memo: dict[int, Any]) -> World:
    """A world that goes on from here by itself, on the same frozen parts."""
    twin: World = object.__new__(type(world))
    memo |= {id(world): twin, id(world.config): world.config, id(world.parts): world.parts.session()}
    twin.__dict__.update(copy.deepcopy(world.__dict__, memo))
    return twin


def _check_parts(expected: dict[str, str], found: dict[str, str]) -> None:
    changed = sorted(name for name in {*expected, *found} if expected.get(name) != found.get(name))
    if changed:
        raise ArtifactError(
            f"the world was made with another {' and another '.join(changed)} than the config names here (their hashes "
            "differ); unpickle it beside the same version of rlgen and the same files"
        )


def packed(users: Users) -> bytes:
    """People, without what never changes."""
    sink = io.BytesIO()
    _Packer(sink).dump(users)
    return sink.getvalue()


def unpacked(data: bytes, fresh: Users) -> Users:
    """People from `packed`.

    Args:
        data: their bytes.
        fresh: people built from the same config and banks, who know what never changes.
    """
    packer = _Packer(io.BytesIO())
    packer.dump(fresh)
    users: Users = _Unpacker(data, packer.left).load()
    return users


class _Packer(pickle.Pickler):
    """Leaves out what is its own deep copy, numbered in the order in which it is met."""

    def __init__(self, sink: io.BytesIO) -> None:
        super().__init__(sink, protocol=pickle.HIGHEST_PROTOCOL)
        self.left: list[Any] = []

    def persistent_id(self, thing: Any) -> int | None:
        copies = getattr(type(thing), "__deepcopy__", None)
        if not isinstance(copies, FunctionType) or copies(thing, {}) is not thing:
            return None
        for number, known in enumerate(self.left):
            if known is thing:
                return number
        self.left.append(thing)
        return len(self.left) - 1


class _Unpacker(pickle.Unpickler):
    """Takes what was left out from another's list."""

    def __init__(self, data: bytes, left: list[Any]) -> None:
        super().__init__(io.BytesIO(data))
        self._left = left

    def persistent_load(self, number: Any) -> Any:
        return self._left[number]
