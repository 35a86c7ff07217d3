"""Simulation: order of persons, kills at any moment, commands that do not go together."""

import contextlib
import itertools
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from rlgen.envs.surface import ResponseSurface
from rlgen.errors import ConfigError, DataError
from rlgen.experiments import cli, unfinished
from rlgen.experiments.commands import bench_simulate
from rlgen.experiments.commands.simulate import SimulateOptions
from rlgen.experiments.dialogues import Simulation
from rlgen.experiments.ranking import agreement, tau
from rlgen.experiments.runs import versions
from rlgen.experiments.unfinished import Unfinished
from rlgen.policies.baselines import Random
from rlgen.types import MAX_TURNS

COMMAND = {"people": 23, "seed": 70}


def lines_of(world, people=23):
    return [line for done in Simulation(world, Random(), people, 70, False).steps() for d in done for line in d]


def test_dialogues_are_in_the_order_of_persons_whatever_the_number_of_rows(fake_world):
    found = [[json.loads(line) for line in lines_of(fake_world(rows))] for rows in (1, 5, 64)]
    for record in (record for records in found for record in records if "outcome" in record):
        del record["outcome"]["mean_rating"]  # that of the fake world depends on the row
    assert found[0] == found[1] == found[2]
    assert [r["person"] for r in found[0] if r["turn"] == 0] == list(range(70, 93))
    for before, after in itertools.pairwise(found[0]):
        assert after["turn"] == (0 if "outcome" in before else before["turn"] + 1)
    assert not {"said", "reply", "then"} & set(found[0][0])


def test_a_simulation_goes_on_from_any_of_its_states(fake_world):
    whole = lines_of(fake_world(4))
    simulation = Simulation(fake_world(4), Random(), 23, 70, False)
    begun: list[str] = []
    for done in simulation.steps():
        begun += [line for dialogue in done for line in dialogue]
        other = Simulation(fake_world(4), Random(), 23, 70, False)
        other.load_state(pickle.loads(pickle.dumps(simulation.state())))
        rest = [line for d in other.steps() for dialogue in d for line in dialogue]
        assert begun + rest == whole
        assert (other.written, other.turns) == (23, len(whole))


# A process that simulates slowly and keeps a state after every step.
CHILD = """
import importlib.util, sys, time
from pathlib import Path
from rlgen.experiments.dialogues import Simulation
from rlgen.experiments.unfinished import Unfinished
from rlgen.policies.baselines import Random
spec = importlib.util.spec_from_file_location("rlgen_tests_fake_world", sys.argv[1])
module = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = module
spec.loader.exec_module(module)
simulation = Simulation(module.FakeWorld(4), Random(), 23, 70, False)
with Unfinished(Path(sys.argv[2]), {"people": 23, "seed": 70}) as file:
    file.state()
    for done in simulation.steps():
        file.write([line for dialogue in done for line in dialogue])
        file.save(simulation.state())
        if simulation.written > 8:
            file.write(["what is written after the last state is written again"])
            file._file.flush()
            time.sleep(60)
"""


def killed(out):
    """Run the child until it has written more than its last state covers, then kill it."""
    fake = Path(__file__).parents[1] / "fake_world.py"
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
    with Unfinished(out, command) as file:
        state = file.state()
        if state is not None:
            simulation.load_state(state)
        begun = simulation.written
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
    with Unfinished(out, COMMAND) as file:
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
from rlgen.experiments.unfinished import Unfinished

CALLS = {"open", "write", "flush", "flock", "truncate", "replace", "unlink", "mkdir", "dump"}
os.fsync = lambda file: None  # a kill loses nothing that was written

def run(out, log, kill):
    file, calls = Unfinished(out, {"people": 3}), count()
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
    with Unfinished(out, command) as file:
        file.write(["a line"])
        file.save(1)
    with (
        Unfinished(out, {"parts": {"generator": "b"}}) as file,
        pytest.raises(DataError, match=r"parts\.generator is 'a' there and 'b' now"),
    ):
        file.state()
    monkeypatch.setattr(unfinished, name, now)
    with Unfinished(out, command) as file, pytest.raises(DataError, match=says) as refused:
        file.state()
    assert "\n" not in str(refused.value)
    monkeypatch.undo()
    with Unfinished(out, command) as file:
        assert file.state() == 1


def test_a_crash_before_the_first_state_leaves_nothing(tmp_path):
    def crash():
        with Unfinished(tmp_path / "d.jsonl", COMMAND) as file:
            assert file.state() is None
            file.write(["a line"])
            raise ConfigError("people who cannot be asked")

    with pytest.raises(ConfigError):
        crash()
    assert not list(tmp_path.iterdir())


def test_two_processes_do_not_write_one_file(tmp_path):
    with Unfinished(tmp_path / "d.jsonl", COMMAND), pytest.raises(DataError, match="another process"):
        Unfinished(tmp_path / "d.jsonl", COMMAND).__enter__()


def test_places_that_cannot_be_written_are_refused_and_links_followed(fake_world, tmp_path):
    with pytest.raises(DataError, match="is not a file"):
        Unfinished(tmp_path, COMMAND)
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        Unfinished(tmp_path / "file" / "d.jsonl", COMMAND).__enter__()
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "deep" / "real.jsonl")
    go_on(tmp_path / "link.jsonl", fake_world(4))
    assert (tmp_path / "link.jsonl").is_symlink()
    assert len((tmp_path / "deep" / "real.jsonl").read_text().splitlines()) == len(lines_of(fake_world(4)))


def test_no_text_and_a_generator_of_words_do_not_go_together():
    assert SimulateOptions(text=False).with_generator().generator == "surface:shipped:surface"
    own = SimulateOptions(text=False, generator="surface:mine")
    assert own.with_generator().generator == "surface:mine"
    with pytest.raises(ConfigError, match="--no-text has no generator"):
        SimulateOptions(text=False, generator="constant:Yes.").with_generator()


@pytest.fixture(scope="module")
def surface(tmp_path_factory):
    """A surface of random readings: small, and nothing that is shipped is needed."""
    rng = np.random.default_rng(0)
    readings = rng.uniform(0.1, 0.9, (400, 18)).astype(np.float32)
    folder = tmp_path_factory.mktemp("surface") / "surface"
    ResponseSurface(rng.uniform(-1, 1, (400, 14)).astype(np.float32), readings).save(folder, "a command", "random")
    return folder


def test_the_command_without_text(surface, tmp_path, capsys, monkeypatch):
    common = ["simulate", "--people", "24", "--policy", "baseline:random", "--generator", f"surface:{surface}"]
    for name, more in (("a", ["--num-envs", "7"]), ("b", ["--save-every", "0"])):
        assert cli.main([*common, *more, "--out", str(tmp_path / name)]) == 0
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]
    records = [json.loads(line) for line in (tmp_path / "a").read_text().splitlines()]
    assert list(dict.fromkeys(r["person"] for r in records)) == list(range(3_000_000, 3_000_024))
    assert all(r["turn"] < MAX_TURNS and len(r["reading"]["affect"]) == 8 for r in records)
    assert not {"said", "reply", "then", "guard"} & set(records[0])
    capsys.readouterr()
    assert cli.main([*common, "--out", "-"]) == 0
    assert capsys.readouterr().out == (tmp_path / "a").read_text()

    step, steps = Simulation._step, itertools.count()

    def interrupted(simulation):
        if next(steps) == 7:
            raise KeyboardInterrupt
        return step(simulation)

    monkeypatch.setattr(Simulation, "_step", interrupted)
    last = [*common, "--save-every", "0", "--out", str(tmp_path / "c")]
    assert cli.main(last) == 130
    assert "the same command goes on" in capsys.readouterr().err
    assert not (tmp_path / "c").exists()
    assert cli.main(last) == 0
    assert "going on after" in capsys.readouterr().err
    assert (tmp_path / "a").read_bytes() == (tmp_path / "c").read_bytes()


@pytest.mark.slow
def test_the_command_goes_on_after_a_kill(surface, tmp_path):
    out = tmp_path / "d.jsonl"
    words = [
        *(sys.executable, "-m", "rlgen.experiments.cli", "simulate", "--people", "3000", "--save-every", "0"),
        *("--num-envs", "64", "--generator", f"surface:{surface}"),
    ]
    child = subprocess.Popen([*words, "--out", str(out)], env={**os.environ, "OMP_NUM_THREADS": "1"})
    state = tmp_path / ".d.jsonl.state"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and child.poll() is None:
        with contextlib.suppress(OSError, ValueError):
            if json.loads(state.open("rb").readline())["bytes"] > 200_000:
                break
        time.sleep(0.02)
    child.kill()
    assert child.wait() == -signal.SIGKILL
    assert not out.exists()
    other = subprocess.run([*words, "--out", str(out), "--seed", "5"], capture_output=True, text=True, check=False)
    assert other.returncode == 2
    assert "seed is 3000000 there and 5 now" in other.stderr
    assert len(other.stderr.strip().splitlines()) == 1
    assert cli.main([*words[3:], "--out", str(out)]) == 0
    assert cli.main([*words[3:], "--out", str(tmp_path / "whole.jsonl")]) == 0
    assert out.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_agreement_of_worlds_that_are_the_same_reversed_or_unrelated():
    rng = np.random.default_rng(0)
    skill = np.arange(12)[:, None]
    first = skill + rng.normal(size=(12, 300))
    same = agreement(first, first, resamples=100, splits=20)
    assert same.tau.mean == pytest.approx(1.0)
    assert same.tau.low <= same.tau.high <= 1.0
    assert same.halves == pytest.approx(same.across)
    assert 0.9 < same.halves <= 1.0
    assert agreement(first, -first, resamples=50, splits=5).tau.mean == pytest.approx(-1.0)
    noise = agreement(first, rng.normal(size=first.shape), resamples=100, splits=5)
    assert noise.tau.low < 0.5
    with pytest.raises(ValueError, match="the same policies"):
        agreement(first, first[:, :5])


def test_tau_of_a_known_ranking():
    # One of the six pairs is discordant: (5 - 1) / 6.
    assert tau(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 3.0, 2.0, 4.0])) == pytest.approx(4 / 6)


def test_at_least_twelve_policies_that_differ_are_ranked():
    found = bench_simulate.policies("rlgen/SupportDynamic-v0")
    assert len(set(found.values())) == len(found) >= 12
    corners = np.array([rule.controls for name, rule in found.items() if name.startswith("fixed ")])
    assert len(corners) == 8
    # Main effects of the controls can be told apart: the corners are orthogonal.
    assert corners.T @ corners == pytest.approx(8 * 0.36 * np.eye(4))
