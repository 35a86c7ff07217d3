"""Jobs end with the same answers on every engine, whoever is killed meanwhile."""

import json
import os
import random
import subprocess
import sys
import time

import pytest

from rlgen.errors import ConfigError
from rlgen.experiments.studies.executors import ExecutorOptions, open_executor

JOBS = "tests.experiments.studies.jobs"

ENGINES = [
    pytest.param(ExecutorOptions(workers=2), id="local"),
    pytest.param(ExecutorOptions(executor="slurm", workers=2, slurm={"cluster": "debug"}), id="submitit-debug"),
    pytest.param(
        ExecutorOptions(executor="slurm", workers=2, slurm={"cluster": "local", "timeout_min": 2}),
        id="submitit-local",
        marks=pytest.mark.slow,
    ),
    pytest.param(ExecutorOptions(executor="ray", workers=2), id="ray", marks=pytest.mark.slow),
]


def carry_out(options, folder, run, specs):
    with open_executor(options, 1, folder / "logs") as executor:
        ended = list(executor.map(f"{JOBS}:{run}", specs))
    assert sorted(done.index for done in ended) == list(range(len(specs)))
    return sorted(ended, key=lambda done: done.index)


@pytest.fixture(autouse=True)
def _extras(request):
    options = request.node.callspec.params.get("options") if hasattr(request.node, "callspec") else None
    if options is not None and options.executor != "local":
        pytest.importorskip({"ray": "ray", "slurm": "submitit"}[options.executor])


@pytest.mark.parametrize("options", ENGINES)
def test_answers_are_those_of_the_specs(tmp_path, options):
    specs = [{"place": str(tmp_path / str(number)), "to": number} for number in range(1, 6)]
    ended = carry_out(options, tmp_path, "count", specs)
    assert [done.result["count"] for done in ended] == [1, 2, 3, 4, 5]
    assert {done.error for done in ended} == {""}


@pytest.mark.parametrize("options", ENGINES)
def test_a_mistake_is_one_sentence_and_the_others_go_on(tmp_path, options):
    ended = carry_out(options, tmp_path, "refuse", [{"name": "one"}, {"name": "two"}])
    assert [(done.result, done.error) for done in ended] == [
        (None, "one: not like this"), (None, "two: not like this")
    ]  # fmt: skip
    (failed,) = carry_out(options, tmp_path, "fail", [{}])
    assert failed.error == "ZeroDivisionError: a fault of the program's"


def test_a_worker_that_is_killed_is_followed_by_another_one_that_goes_on(tmp_path):
    specs = [{"place": str(tmp_path / str(number)), "to": 5, "dies_at": [2, 4]} for number in range(3)]
    specs.append({"place": str(tmp_path / "fine"), "to": 1})
    ended = carry_out(ExecutorOptions(workers=2), tmp_path, "count", specs)
    assert [done.result["count"] for done in ended] == [5, 5, 5, 1]
    assert {done.result["threads"] for done in ended} == {"1"}
    assert "a job may print" in (tmp_path / "logs" / "worker-0.log").read_text()


def test_a_job_that_kills_every_worker_is_given_up_and_the_others_are_done(tmp_path):
    with open_executor(ExecutorOptions(workers=1), 1, tmp_path) as executor:
        (dead,) = executor.map(f"{JOBS}:die", [{}])
        assert dead.error.startswith("its process died 3 times, the last time by signal 9; see ")
        (left,) = executor.map(f"{JOBS}:leave", [{}])
        assert left.error == "SystemExit: 3"
        (fine,) = executor.map(f"{JOBS}:count", [{"place": str(tmp_path / "n"), "to": 2}])
        assert fine.result["count"] == 2


DRIVER = """
import json, sys
from pathlib import Path
from rlgen.experiments.studies.executors import ExecutorOptions, open_executor
folder, options = Path(sys.argv[1]), ExecutorOptions(**json.loads(sys.argv[2]))
specs = [{"place": str(folder / str(n)), "to": 12, "pause": 0.05} for n in range(4)]
with open_executor(options, 1, folder / "logs") as executor:
    print(sorted(done.result["count"] for done in executor.map("tests.experiments.studies.jobs:count", specs)))
"""


@pytest.mark.parametrize("options", [ENGINES[0], ENGINES[2], ENGINES[3]])
def test_a_driver_that_is_killed_leaves_nobody_behind_and_is_asked_again(tmp_path, options):
    """Ten moments on the slow engines; three on this machine's own in every run."""
    program = [sys.executable, "-c", DRIVER, str(tmp_path), options.model_dump_json()]
    random.seed(3)
    for _ in range(3 if options.executor == "local" else 10):
        driver = subprocess.Popen(program, stdout=subprocess.DEVNULL, start_new_session=True)
        time.sleep(random.uniform(0.5, 3.0))
        driver.kill()
        driver.wait()
    found = subprocess.run(program, capture_output=True, text=True, check=True)
    assert found.stdout.split("\n")[0] == "[12, 12, 12, 12]"


def test_workers_end_when_their_driver_is_gone(tmp_path):
    spec = {"place": str(tmp_path / "n"), "to": 2000, "pause": 0.05}
    told = DRIVER.replace('"to": 12', '"to": 2000')
    driver = subprocess.Popen([sys.executable, "-c", told, str(tmp_path), json.dumps({"workers": 1})])
    pids = children(driver.pid)
    driver.kill()
    driver.wait()
    for _ in range(100):
        if not any(alive(pid) for pid in pids):
            return
        time.sleep(0.1)
    pytest.fail(f"still there: {pids}, {spec}")


def children(pid):
    for _ in range(100):
        time.sleep(0.1)
        told = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
        if told.stdout.split():
            return [int(word) for word in told.stdout.split()]
    raise AssertionError("no worker began")


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.slow
def test_a_machine_of_a_ray_cluster_dies_and_its_jobs_go_on_elsewhere(tmp_path):
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    second = cluster.add_node(num_cpus=1)
    try:
        specs = [{"place": str(tmp_path / str(number)), "to": 30, "pause": 0.1} for number in range(6)]
        with open_executor(ExecutorOptions(executor="ray", address=cluster.address), 1, tmp_path) as executor:
            ended = []
            for done in executor.map(f"{JOBS}:count", specs):
                ended.append(done)
                if len(ended) == 2:
                    cluster.remove_node(second, allow_graceful=False)
        assert sorted(done.index for done in ended) == list(range(6))
        assert {done.error for done in ended} == {""}
        assert {done.result["count"] for done in ended} == {30}
        assert len({done.result["pid"] for done in ended}) > 1
    finally:
        cluster.shutdown()


def test_no_cluster_and_no_slurm_are_told_in_a_sentence(tmp_path):
    pytest.importorskip("submitit")
    if any(os.access(os.path.join(place, "srun"), os.X_OK) for place in os.environ["PATH"].split(os.pathsep)):
        pytest.skip("there is a Slurm here")
    with pytest.raises(ConfigError, match="there is no Slurm here"):
        open_executor(ExecutorOptions(executor="slurm"), 1, tmp_path)
    with pytest.raises(ConfigError, match="submitit refused"):
        open_executor(ExecutorOptions(executor="slurm", slurm={"cluster": "debug", "nonsense": 1}), 1, tmp_path)
