"""A file that grows: kills at any moment, other programs, other processes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rlgen.errors import ConfigError, DataError
from rlgen.experiments.dialogues.simulation import Simulation
from rlgen.experiments.files import resumable
from rlgen.experiments.files.resumable import ResumableFile
from rlgen.experiments.provenance import versions
from rlgen.policies.baselines import Random

COMMAND = {"people": 23, "seed": 70}


def lines_of(world, people=23):
    return [line for done in Simulation(world, Random(), people, 70, False).steps() for d in done for line in d]


# A process that simulates slowly and keeps a state after every step.
CHILD = """
import importlib.util, sys, time
from pathlib import Path
from rlgen.experiments.dialogues.simulation import Simulation
from rlgen.experiments.files.resumable import ResumableFile
from rlgen.policies.baselines import Random
spec = importlib.util.spec_from_file_location("rlgen_tests_fake_world", sys.argv[1])
module = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = module
spec.loader.exec_module(module)
simulation = Simulation(module.FakeWorld(4), Random(), 23, 70, False)
with ResumableFile(Path(sys.argv[2]), {"people": 23, "seed": 70}) as file:
    file.state()
    for done in simulation.steps():
        file.write([line for dialogue in done for line in dialogue])
        file.save(simulation.state())
        if simulation.done > 8:
            file.write(["what is written after the last state is written again"])
            file._file.flush()
            time.sleep(60)
"""


def killed(out):
    """Run the child until it has written more than its last state covers, then kill it."""
    fake = Path(__file__).parents[2] / "fake_world.py"
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(fake), str(out)])
    partial = out.with_name(f".{out.name}.partial")
    deadline = time.monotonic() + 60
    try:
        while time.monotonic() < deadline and child.poll() is None:
            if partial.is_file() and b"written again" in partial.read_bytes():
                break
            time.sleep(0.02)
    finally:
        child.send_signal(signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL


def go_on(out, world, command=COMMAND):
    simulation = Simulation(world, Random(), 23, 70, False)
    with ResumableFile(out, command) as file:
        state = file.state()
        if state is not None:
            simulation.load_state(state)
        begun = simulation.done
        for done in simulation.steps():
            file.write([line for dialogue in done for line in dialogue])
        file.finish()
    return begun


def test_a_killed_process_is_gone_on_with_to_the_same_bytes(fake_world, tmp_path):
    out = tmp_path / "d.jsonl"
    out.write_text("what was there before stays until the new file is whole\n")
    killed(out)
    assert out.read_text().startswith("what was there")
    with pytest.raises(DataError, match="people is 23 there and 24 now") as refused:
        go_on(out, fake_world(4), {**COMMAND, "people": 24})
    assert "--out" in str(refused.value)
    assert 8 < go_on(out, fake_world(4)) < 23
    assert out.read_text().splitlines() == lines_of(fake_world(4))
    assert [path.name for path in tmp_path.iterdir()] == ["d.jsonl"]


def test_a_damaged_state_is_refused_and_a_lost_one_begins_anew(fake_world, tmp_path):
    out = tmp_path / "d.jsonl"
    state, partial = tmp_path / ".d.jsonl.state", tmp_path / ".d.jsonl.partial"
    simulation = Simulation(fake_world(4), Random(), 23, 70, False)
    with ResumableFile(out, COMMAND) as file:
        for done in simulation.steps():
            file.write([line for dialogue in done for line in dialogue])
            file.save(simulation.state())
    kept = state.read_bytes()
    for damage in (b"", b"no json\n", b"{}\n", kept[: kept.index(b"\n") + 20]):
        state.write_bytes(damage)
        with pytest.raises(DataError, match=r"delete \.d\.jsonl\.state"):
            go_on(out, fake_world(4))
    state.write_bytes(kept)
    whole = partial.read_bytes()
    partial.write_bytes(whole[:-1])
    with pytest.raises(DataError, match="is longer"):
        go_on(out, fake_world(4))
    state.unlink()
    assert go_on(out, fake_world(4)) == 0
    assert out.read_bytes() == whole


# Every interleaving: a first call is killed before its n-th system call, a second before its m-th, a third one lives.
# Prints for each pair what the calls went on from and what they saved, what they left of the file, and all files.
KILLS = """
import json, os, sys
from itertools import count
from pathlib import Path
from rlgen.experiments.files.resumable import ResumableFile

CALLS = {"open", "write", "flush", "flock", "truncate", "replace", "unlink", "mkdir", "dump"}
os.fsync = lambda file: None  # a kill loses nothing that was written

def run(out, log, kill):
    file, calls = ResumableFile(out, {"people": 3}), count()
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    def before(frame, event, what):
        if event == "c_call" and what.__name__ in CALLS and what is not tell and next(calls) == kill:
            os._exit(9)
    tell = log.write
    sys.setprofile(before)
    with file:
        begun = file.state() or 0
        tell(b"b%d " % begun)
        for i in range(begun, 2):
            if i:
                file.write(["line 1"])
            file.save(i + 1)
            tell(b"s%d " % (i + 1))
        file.write(["line 2"])
        file.finish()
    os._exit(0)

def call(name, files, kill):
    folder = Path(sys.argv[1]) / name
    folder.mkdir()
    for file, content in files:
        (folder / file).write_bytes(content)
    with open(folder.with_suffix(".log"), "w+b", buffering=0) as log:
        lived = run(folder / "d.jsonl", log, kill)
        log.seek(0)
        told = log.read().decode()
    return lived, told, tuple(sorted((p.name, p.read_bytes()) for p in folder.iterdir()))

found, seen = [], set()
for n in count():
    over, *first = call(f"{n}", (), n)
    for m in count() if tuple(first) not in seen else ():
        lived, *second = call(f"{n}-{m}", first[1], m)
        _, *third = call(f"{n}-{m}-", second[1], None)
        calls = [[told, [name for name, _ in files], dict(files).get("d.jsonl", b"").decode()]
                 for told, files in (first, second, third)]
        found.append(calls)
        if lived:
            break
    seen.add(tuple(first))
    if over:
        break
print(json.dumps(found))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")
def test_no_kill_at_any_point_loses_finished_work(tmp_path):
    words = [sys.executable, "-c", KILLS, str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found) > 100
    for calls in found:
        saved, whole = 0, ""
        for told, _, text in calls:
            for word in told.split():
                step = int(word[1:])
                assert word[0] == "s" or step >= saved or whole, f"goes back behind its last state: {calls}"
                saved = max(saved, step)
            assert text in (whole, "line 1\nline 2\n"), calls
            whole = text
        assert whole, f"{calls}: {done.stderr}"
        assert calls[-1][1] == ["d.jsonl"], calls


@pytest.mark.parametrize(
    ("name", "now", "says"),
    [
        ("code_sha256", lambda: "f" * 16, "code is"),
        ("versions", lambda: {**versions(), "torch": "0"}, "packages.torch is"),
    ],
)
def test_another_program_does_not_go_on(tmp_path, monkeypatch, name, now, says):
    out = tmp_path / "d.jsonl"
    command = {"parts": {"generator": "a"}}
    with ResumableFile(out, command) as file:
        file.write(["a line"])
        file.save(1)
    with (
        ResumableFile(out, {"parts": {"generator": "b"}}) as file,
        pytest.raises(DataError, match=r"parts\.generator is 'a' there and 'b' now"),
    ):
        file.state()
    monkeypatch.setattr(resumable, name, now)
    with ResumableFile(out, command) as file, pytest.raises(DataError, match=says) as refused:
        file.state()
    assert "\n" not in str(refused.value)
    monkeypatch.undo()
    with ResumableFile(out, command) as file:
        assert file.state() == 1


def test_a_crash_before_the_first_state_leaves_nothing(tmp_path):
    def crash():
        with ResumableFile(tmp_path / "d.jsonl", COMMAND) as file:
            assert file.state() is None
            file.write(["a line"])
            raise ConfigError("people who cannot be asked")

    with pytest.raises(ConfigError):
        crash()
    assert not list(tmp_path.iterdir())


def test_two_processes_do_not_write_one_file(tmp_path):
    with ResumableFile(tmp_path / "d.jsonl", COMMAND), pytest.raises(DataError, match="another process"):
        ResumableFile(tmp_path / "d.jsonl", COMMAND).__enter__()


def test_a_process_that_finishes_is_not_interfered_with(tmp_path, monkeypatch):
    """Between the moment when the file has its name and that when its state is gone, nobody else begins it."""
    out, replace, met = tmp_path / "d.jsonl", os.replace, []

    def named(source, target):
        replace(source, target)
        if target == out:
            with pytest.raises(DataError, match="another process"):
                ResumableFile(out, COMMAND).__enter__()
            met.append(sorted(path.name for path in tmp_path.iterdir()))

    with ResumableFile(out, COMMAND) as file:
        file.write(["a line"])
        file.save(1)
        monkeypatch.setattr(os, "replace", named)
        file.finish()
    assert met == [[".d.jsonl.state", "d.jsonl"]]
    with ResumableFile(out, COMMAND) as file:  # afterwards it may be written anew
        assert file.state() is None


def test_places_that_cannot_be_written_are_refused_and_links_followed(fake_world, tmp_path):
    with pytest.raises(DataError, match="is not a file"):
        ResumableFile(tmp_path, COMMAND)
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        ResumableFile(tmp_path / "file" / "d.jsonl", COMMAND).__enter__()
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "deep" / "real.jsonl")
    go_on(tmp_path / "link.jsonl", fake_world(4))
    assert (tmp_path / "link.jsonl").is_symlink()
    assert len((tmp_path / "deep" / "real.jsonl").read_text().splitlines()) == len(lines_of(fake_world(4)))
