"""A process that has used torch's threads may fork: workers of vector environments and of pools do not hang."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="fork is what other systems do not do by default")
WAIT = 200  # seconds after which a child has hung


def finished(script: str) -> str:
    """What a fresh process with two threads prints."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        timeout=WAIT,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "2"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


POOL = """
import multiprocessing, threading
import numba, numpy as np, rlgen, torch
torch.set_num_threads(2)

@numba.njit
def total(x):
    found = 0.0
    for value in x:
        found += value
    return found

def work(i):
    a, b = torch.ones(600, 600), np.ones((300, 300))
    torch.softmax(a @ a, dim=-1), torch.nn.functional.linear(a.bfloat16(), a.bfloat16()), torch.exp(torch.ones(2**20))
    b @ b, np.linalg.svd(b), total(b.ravel())
    thread = threading.Thread(target=lambda: a @ a)
    thread.start()
    thread.join()
    return torch.get_num_threads()

work(0)
busy = threading.Event()
used = threading.Thread(target=lambda: [torch.ones(400, 400) @ torch.ones(400, 400) for _ in iter(busy.is_set, True)])
used.start()  # the parent goes on while it forks
with multiprocessing.get_context("fork").Pool(2) as pool:
    print(pool.map(work, range(4)), torch.get_num_threads())
busy.set()
used.join()
"""


def test_workers_of_a_pool_compute_with_one_thread_and_the_parent_keeps_its_own():
    assert finished(POOL) == "[1, 1, 1, 1] 2"


ASYNC = """
import gymnasium, numpy as np, rlgen
kwargs = {"generator": {"kind": "constant", "text": "That sounds hard."}, "encoder": "fast"}
def run(mode):
    made = gymnasium.make_vec("rlgen/SupportDynamic-v0", num_envs=2, vectorization_mode=mode, **kwargs)
    told = [made.reset(seed=0)[0].copy()]
    for _ in range(2):
        told.append(made.step(np.zeros((2, 4), np.float32))[0].copy())
    made.close()
    return np.array(told)
before = run("sync")
print(np.abs(run("async") - before).max() < 1e-5)
"""


def test_asynchronous_environments_are_the_synchronous_ones():
    assert finished(ASYNC) == "True"


def test_importing_the_package_needs_no_torch():
    assert finished("import sys, rlgen; print('torch' in sys.modules)") == "False"
