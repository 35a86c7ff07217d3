"""Shards in threads of this process: all of a shard but the pipe, and no time to start."""

import logging
import queue
import threading

import pytest

from rlgen.envs import world_config
from rlgen.envs.shards import ShardedWorld
from rlgen.envs.shards.serving import serve

SURFACE = {"kind": "surface", "path": "shipped:surface"}


class ThreadShard:
    def __init__(self, name, number):
        self._asked, self._answers = queue.SimpleQueue(), queue.SimpleQueue()
        threading.Thread(target=serve, args=(self._asked.get, self._answers.put), daemon=True).start()

    def send(self, message):
        self._asked.put(message)

    def receive(self):
        return self._answers.get()

    def close(self):
        pass


@pytest.fixture
def sharded():
    """Makes a world in shards that are threads."""

    def make(config, num_envs, shards, **more):
        return ShardedWorld(config, num_envs, shards, ThreadShard, **more)

    yield make
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="session")
def surface():
    """Makes the config of a world on the response surface."""

    def make(**fields):
        return world_config("rlgen/SupportDynamic-v0", **{"generator": SURFACE, **fields})

    return make
