"""The ids, here and in processes that are spawned from a program whose imports cannot be repeated."""

import subprocess
import sys

import gymnasium
import pytest

from rlgen.envs.registration import IDS

IN_A_NOTEBOOK = """
import rlgen
import gymnasium
{body}
"""
SUBPROC = """
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import SubprocVecEnv
env = make_vec_env("{env_id}", n_envs=1, vec_env_cls=SubprocVecEnv, vec_env_kwargs={{"start_method": "{start}"}},
                   env_kwargs={{"generator": "shipped:surface"}})
print("made", env.reset().shape)
env.close()
"""
ASYNC = """
make = lambda: gymnasium.make("{env_id}", generator="shipped:surface")
env = gymnasium.vector.AsyncVectorEnv([make], context="{start}")
print("made", env.reset()[0].shape)
env.close()
"""


def run(body):
    return subprocess.run([sys.executable, "-c", IN_A_NOTEBOOK.format(body=body)], capture_output=True, text=True)


@pytest.mark.parametrize("start", ["spawn", "forkserver"])
def test_a_bare_id_is_known_in_workers(start):
    done = run(
        "from multiprocessing import get_context\n"
        f"with get_context({start!r}).Pool(1) as pool:\n"
        "    print(pool.apply(gymnasium.spec, ('rlgen/SupportDynamic-v0',)).id)\n"
    )
    assert done.stdout.strip() == "rlgen/SupportDynamic-v0", done.stderr[-2000:]


@pytest.mark.slow
@pytest.mark.parametrize("start", ["spawn", "forkserver"])
@pytest.mark.parametrize("body", [SUBPROC, ASYNC], ids=["subproc", "async"])
def test_environments_by_a_bare_id_in_workers(body, start):
    done = run(body.format(env_id="rlgen/SupportDynamic-v0", start=start))
    assert "made (1, 140)" in done.stdout, done.stderr[-2000:]


@pytest.mark.parametrize("env_id", IDS)
def test_entry_points_are_classes_with_metadata(env_id):
    from gymnasium.envs.registration import load_env_creator

    spec = gymnasium.spec(env_id)
    for point in (spec.entry_point, spec.vector_entry_point):
        creator = load_env_creator(point)
        assert isinstance(creator, type)
        assert "render_modes" in creator.metadata
    assert gymnasium.spec(env_id).to_json()


def test_importing_the_package_is_cheap():
    done = subprocess.run(
        [sys.executable, "-c", "import sys, rlgen; print(sorted({'torch', 'pydantic', 'scipy'} & set(sys.modules)))"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "[]"
