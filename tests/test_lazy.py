"""Names that are imported on first use."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

ROOMS = ("rlgen", "rlgen.envs", "rlgen.policies", "rlgen.users", "rlgen.text", "rlgen.generation", "rlgen.perception")


@pytest.mark.parametrize("room", ROOMS)
def test_every_name_of_a_room_is_there(room):
    module = importlib.import_module(room)
    assert all(getattr(module, name) is not None for name in module.__all__)
    with pytest.raises(AttributeError, match=f"module '{room}' has no attribute 'nothing'"):
        _ = module.nothing


def test_importing_the_rooms_loads_no_torch():
    code = f"import sys; {'; '.join(f'import {room}' for room in ROOMS)}; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
