"""Worlds as bytes without what never changes about them, so that they travel light, and copies on the same parts.

Parts that a config names are loaded again where the world is unpickled. People hold indices of the banks: many
megabytes that are the same wherever these people are built. By the project's convention such an object is its own deep
copy. It stays at home, and is found again in people built anew.
"""

from __future__ import annotations

import io
import pickle
from traceback import walk_stack
from types import FunctionType
from typing import Any

from rlgen.envs.config import WorldConfig
from rlgen.errors import ArtifactError, ConfigError
from rlgen.users import Users


def check_travels(config: WorldConfig) -> None:
    """Check that what a config names can be pickled; cloudpickle takes along functions without a name too.

    Raises:
        ConfigError: it holds a lambda, or another object that pickle does not take.
    """
    if any("cloudpickle" in str(frame.f_globals.get("__name__")) for frame, _ in walk_stack(None)):
        return
    try:
        pickle.dumps(config)
    except Exception as error:
        raise ConfigError(
            f"the world cannot be pickled ({' '.join(str(error).split())[:160]}); instead of a lambda or an object, "
            "name a function or class of a module: package.module:attribute"
        ) from error


def check_same(expected: dict[str, str], found: dict[str, str]) -> None:
    """Check hashes of parts, by name.

    Raises:
        ArtifactError: the config names other parts here.
    """
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
