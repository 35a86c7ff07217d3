"""Training with its dialogues in several processes: the same weights, whoever is killed meanwhile."""

import os
import signal
import subprocess
import sys
import time

import pytest

from rlgen.errors import ConfigError, ShardError
from rlgen.experiments.runs.run import Run
from rlgen.experiments.runs.training import TrainConfig, train

TRAIN = {
    "steps": 256,
    "num_envs": 7,
    "threads": 1,
    "checkpoint_every": 1,
    "generator": {"kind": "surface", "path": "shipped:surface"},
    "ppo": {"n_steps": 8, "batch_size": 28, "n_epochs": 2},
}


def config(out, **changes):
    return TrainConfig(out=out, **{**TRAIN, **changes})


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The run in one process."""
    out = tmp_path_factory.mktemp("whole") / "run"
    train(config(out))
    return Run(out)


def stable(run):
    told = {"seconds", "steps_per_second", "learner_share"}
    return [{name: value for name, value in record.items() if name not in told} for record in run.read_metrics()]


class Stopped(Exception):
    pass


def at(step, do):
    def progress(now, record):
        if record is None and now >= step:
            do()

    return progress


def stop():
    raise Stopped


def test_weights_are_those_of_one_process_and_a_run_goes_on_in_another_number(whole, tmp_path):
    with pytest.raises(Stopped):
        train(config(tmp_path / "run", shards=2), at(100, stop))
    with pytest.raises(Stopped):
        train(config(tmp_path / "run"), at(180, stop))
    assert train(config(tmp_path / "run", shards=3)).started_at == 168
    run = Run(tmp_path / "run")
    assert run.weights_sha256() == whole.weights_sha256()
    assert stable(run) == stable(whole)
    assert [segment["shards"] for segment in run.manifest()["segments"]] == [2, 1, 3]
    assert run.config()["hash"] == whole.config()["hash"]


def children(pid=None):
    told = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(pid or os.getpid())], capture_output=True, text=True, check=False
    )
    return [int(line.split()[0]) for line in told.stdout.splitlines() if "rlgen.envs.shards.worker" in line]


def gone(pids, seconds=10):
    until = time.monotonic() + seconds
    while any(map(alive, pids)):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_shard_that_is_killed_is_told_in_a_sentence_and_the_run_goes_on(whole, tmp_path):
    seen = []

    def kill():
        if not seen:
            seen.extend(children())
            os.kill(seen[1], signal.SIGKILL)

    with pytest.raises(
        ShardError, match=r"shard 2 of 2 \(process \d+\) was killed by signal 9.*the same command"
    ) as error:
        train(config(tmp_path / "run", shards=2), at(100, kill))
    assert "\n" not in str(error.value)
    assert gone(seen)
    train(config(tmp_path / "run", shards=2))
    assert Run(tmp_path / "run").weights_sha256() == whole.weights_sha256()


DRIVER = """
import sys
from pathlib import Path
from rlgen.experiments.runs.training import TrainConfig, train
from tests.experiments.runs.test_shards import TRAIN
config = TrainConfig(out=Path(sys.argv[1]), **{**TRAIN, "steps": 100_000, "shards": 2})
train(config, lambda step, record: print(step, flush=True))
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_shards_end_with_their_driver(tmp_path, number):
    """Killed, it leaves nobody behind; by Ctrl-C, which a terminal sends to the whole group, it saves first."""
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(tmp_path / "run")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert driver.stdout.readline()
    shards = children(driver.pid)
    assert len(shards) == 2
    os.killpg(driver.pid, number)
    driver.wait(60)
    driver.stdout.close()
    assert gone(shards)
    if number == signal.SIGINT:
        assert driver.returncode == 0
        assert Run(tmp_path / "run").standing().step > 0


def test_mistakes_are_sentences(tmp_path):
    with pytest.raises(ConfigError, match="shards was 8: 7 dialogues are split over 1 to 7 processes"):
        train(config(tmp_path / "many", shards=8))
    with pytest.raises(ConfigError, match="add --executor ray"):
        train(config(tmp_path / "where", address="auto"))
    with pytest.raises(ConfigError, match="a shard cannot find what the world names"):
        train(config(tmp_path / "main", shards=2, reward=_Here()))


class _Here:
    """A reward that other processes cannot find."""

    def __call__(self, trace):
        return trace.turn * 0.0

    def __reduce__(self):
        return _only_here, (os.getpid(),)


def _only_here(pid):
    if pid != os.getpid():
        raise AttributeError("it was typed into another process")
    return _Here()


@pytest.fixture(scope="module")
def cluster():
    """A Ray cluster of two machines on this one."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    made.add_node(num_cpus=1)
    yield made
    made.shutdown()


@pytest.mark.slow
def test_actors_on_two_machines_of_a_ray_cluster_give_the_same_weights(whole, tmp_path, cluster):
    on_ray = {"shards": 2, "executor": "ray", "address": cluster.address}
    with pytest.raises(Stopped):
        train(config(tmp_path / "run", **on_ray), at(100, stop))
    train(config(tmp_path / "run", **on_ray))
    assert Run(tmp_path / "run").weights_sha256() == whole.weights_sha256()
    assert stable(Run(tmp_path / "run")) == stable(whole)


@pytest.mark.slow
def test_a_machine_that_leaves_the_cluster_is_told_in_a_sentence(whole, tmp_path, cluster):
    third = cluster.add_node(num_cpus=1)
    done = []

    def leave():
        if not done:
            cluster.remove_node(third, allow_graceful=False)
            done.append(True)

    on_ray = {"shards": 3, "executor": "ray", "address": cluster.address}
    with pytest.raises(ShardError, match=r"shard \d of 3 died on the cluster .*the same command"):
        train(config(tmp_path / "run", **on_ray), at(100, leave))
    train(config(tmp_path / "run"))
    assert Run(tmp_path / "run").weights_sha256() == whole.weights_sha256()
