"""Sessions without words, which are quick, and with words."""

from __future__ import annotations

import pytest

from rlgen.envs import world_config
from rlgen.experiments.serving.sessions import Sessions

DYNAMIC = "rlgen/SupportDynamic-v0"
SURFACE = {"generator": "shipped:surface"}


@pytest.fixture(scope="session")
def quick():
    return Sessions(world_config(DYNAMIC, **SURFACE), wait=0.01)


@pytest.fixture(scope="session")
def spoken():
    return Sessions(world_config(DYNAMIC), wait=0.01)
