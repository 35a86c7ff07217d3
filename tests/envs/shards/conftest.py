"""Shards in threads of this process: all of a shard but the pipe, and no time to start."""

import logging
import queue
import threading

import pytest

from rlgen.envs import world_config
from rlgen.envs.shards import ShardedWorld
from rlgen.envs.shards.serving import serve
from rlgen.users.expression import voices

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


@pytest.fixture(autouse=True, scope="package")
def _indexed_once():
    """The bank is indexed once for all worlds of these tests, which make dozens."""
    known = {}

    def once(index):
        def of(bank):
            if (index, id(bank)) not in known:
                known[index, id(bank)] = (index(bank), bank)
            return known[index, id(bank)][0]

        return of

    with pytest.MonkeyPatch.context() as patch:
        for name in ("_index_utterances", "_index_clauses"):
            patch.setattr(voices, name, once(getattr(voices, name)))
        yield


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
