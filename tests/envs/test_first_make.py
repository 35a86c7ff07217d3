"""The first environment in a fresh home where nothing can be written: soon, without a word, without heavy imports."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

CODE = """
import json, resource, sys
import gymnasium, rlgen
env = gymnasium.make(sys.argv[1])
env.reset(seed=0)
world = env.unwrapped.world
used = resource.getrusage(resource.RUSAGE_SELF)
heavy = ("sentence_transformers", "transformers", "lightning", "tslearn", "librosa", "sklearn", "matplotlib")
print(json.dumps({
    "seconds": used.ru_utime + used.ru_stime,
    "calls": world.parts.reader.encoder.calls,
    "heavy": [name for name in heavy if name in sys.modules],
}))
"""


@pytest.mark.parametrize("env_id", ["rlgen/SupportDynamic-v0", "rlgen/Support-v0"])
def test_first_make(env_id: str, tmp_path) -> None:
    home = tmp_path / "a file in the way"
    home.write_text("")
    environment = {"HOME": str(tmp_path), "RLGEN_CACHE": str(home / "cache"), "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", CODE, env_id], capture_output=True, text=True, env=environment, check=True
    )
    found = json.loads(done.stdout)
    assert found["calls"] == 0  # all that people can say is in the package's table
    assert found["heavy"] == []
    assert found["seconds"] < 15  # of processor time, which a busy machine does not lengthen
    assert "rlgen:" not in done.stderr
