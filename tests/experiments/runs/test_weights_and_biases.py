"""What W&B is given is what metrics.jsonl holds, and whatever W&B does, the run goes on."""

import json
import struct
import sys
import time
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from types import ModuleType, SimpleNamespace

import pytest

from rlgen.errors import ConfigError
from rlgen.experiments.cli import main
from rlgen.experiments.runs.run import Run
from rlgen.experiments.runs.tracking import flat
from rlgen.experiments.runs.training import TrainConfig, train
from rlgen.experiments.runs.weights_and_biases import learning_curve
from rlgen.policies.saved import sha256_of, weights_sha256

PPO = {"n_steps": 16, "batch_size": 64, "n_epochs": 1}
SURFACE = {"num_envs": 16, "ppo": PPO, "generator": {"kind": "surface"}}
_BLOCK = 2**15  # bytes of a block of W&B's file, which is LevelDB's log


@pytest.fixture(autouse=True)
def _apart(tmp_path, monkeypatch):
    """W&B keeps its own files here, knows no login, and would reach nobody."""
    for name in ("DATA", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"WANDB_{name}_DIR", str(tmp_path / "wandb" / name))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.delenv("WANDB_API_KEY", raising=False)


def config(out, **fields):
    return TrainConfig(out=out, **{"steps": 512, "num_envs": 8, "ppo": PPO, **fields})


def written(run):
    """The records of W&B's files in a run's folder, by kind; its own process writes them, until there is an exit."""
    found = {}
    for file in sorted(run.path.glob("wandb/offline-run-*/*.wandb")):
        until = time.monotonic() + 10
        while (records := list(read(file.read_bytes())))[-1:] == [] or records[-1][0] != "exit":
            assert time.monotonic() < until
            time.sleep(0.02)
        for name, record in records:
            found.setdefault(name, []).append(record)
    return found


def read(data):
    """Kind and content of each record of a file of W&B's."""
    pb = pytest.importorskip("wandb.proto.wandb_internal_pb2")
    at, part = 7, b""
    while at + 7 <= len(data):
        if _BLOCK - at % _BLOCK < 7:
            at += _BLOCK - at % _BLOCK
            continue
        _, size, kind = struct.unpack("<IHB", data[at : at + 7])
        part += data[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):  # whole, or the last part
            record, part = pb.Record.FromString(part), b""
            yield record.WhichOneof("record_type"), getattr(record, record.WhichOneof("record_type"))


def numbers(history):
    """Name -> number of each line of W&B's history, without what W&B adds."""
    lines = [{"/".join(item.nested_key): json.loads(item.value_json) for item in line.item} for line in history]
    return [{name: value for name, value in line.items() if name[0] != "_"} for line in lines]


def scalars(folder):
    """Step -> name -> number, of TensorBoard's files."""
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    read.Reload()
    found = {}
    for name in read.Tags()["scalars"]:
        for event in read.Scalars(name):
            found.setdefault(event.step, {})[name] = event.value
    return found


def test_w_and_b_tensorboard_and_the_metrics_file_hold_the_same_figures_by_the_same_names(tmp_path):
    fields = {"wandb": "offline", "wandb_group": "study/default", "eval_every": 256, "eval_people": 16}
    train(TrainConfig(out=tmp_path / "seed-3", steps=512, **SURFACE, **fields))
    run = Run(tmp_path / "seed-3")
    truth = [{"step": record["step"], **flat(record)} for record in run.read_metrics()]
    assert len(truth) == 2
    assert {"return", "relief", "terms/alignment", "loss/value_loss", "validation/return"} <= truth[-1].keys()
    found = written(run)
    lines = numbers(found["history"])
    assert lines[:2] == truth
    shown = scalars(run.path / "tensorboard")
    assert {step: figures.keys() for step, figures in shown.items()} == {
        line["step"]: line.keys() - {"step"} for line in truth
    }
    for line in truth:
        assert shown[line["step"]] == pytest.approx({name: value for name, value in line.items() if name != "step"})

    (page,) = found["run"]
    assert (page.run_group, page.job_type, page.display_name) == ("study/default", "train", "study/default/seed-3")
    assert page.run_id == run.wandb()["id"]
    tags = ["rlgen/SupportDynamic-v0", "reward:default", "people:theory", "generator:surface"]
    assert list(page.tags) == tags
    axes = [(each.name or each.glob_name, each.step_metric) for each in found["metric"]]
    assert axes == [("step", ""), ("*", "step")]
    (table,) = run.path.glob("wandb/offline-run-*/files/media/table/validations*.json")
    held = json.loads(table.read_text())
    assert [dict(zip(held["columns"], row, strict=True)) for row in held["data"]] == [
        {"step": record["step"], **record["validation"]} for record in run.read_metrics()
    ]
    assert list(run.path.glob("wandb/*/files/media/images/learning_curve*.png"))
    best, last = (each for each in found["artifact"] if each.type == "model")
    assert "best" in best.aliases
    assert list(last.aliases) == ["latest"]  # W&B moves it to whatever comes last
    for made, file in ((best, run.best), (last, run.policy)):
        told = json.loads(made.metadata)
        assert {each.path for each in made.manifest.contents} == {"policy.zip", "config.json", "manifest.json"}
        assert told["sha256"]["policy.zip"] == sha256_of(file)
        assert told["weights_sha256"] == weights_sha256(file)
        assert told["config"] == run.config()["hash"]
        assert told["parts"] == run.manifest()["parts"]
    assert last.name == best.name

    assert main(["evaluate", str(run.path), "--people", "4", "--wandb", "offline"]) == 0
    (table,) = run.path.glob("wandb/offline-run-*/files/media/table/evaluation*.json")
    held = json.loads(table.read_text())
    rows = {row[0]: dict(zip(held["columns"], row, strict=True)) for row in held["data"]}
    policies = run.read_evaluation()["policies"]
    assert rows.keys() == policies.keys()
    assert all(rows[name]["relief low"] == policies[name]["relief"]["low"] for name in rows)
    assert {each.run_id for each in written(run)["run"]} == {page.run_id}


@pytest.mark.parametrize("name", ["lr=1e-3,seed=2", "\N{GREEK SMALL LETTER LAMDA} 1|2", "n" * 200])
def test_ids_are_of_the_run_and_not_of_the_folders_name(fake_world, tmp_path, name):
    runs = [Run(tmp_path / place / name) for place in ("monday", "tuesday")]
    for run in runs:
        train(config(run.path, steps=128, wandb="offline"), world=fake_world(8))
        assert [each.run_id for each in written(run)["run"]] == [run.wandb()["id"]]
    assert runs[0].wandb()["id"] != runs[1].wandb()["id"]
    with pytest.raises(ConfigError, match="wandb_project was given"):
        train(config(tmp_path / "other", steps=128, wandb_project="mine"), world=fake_world(8))


def test_an_evaluation_is_added_to_the_page_of_a_run(tmp_path, capsys):
    assert main(["evaluate", "--policy", "random", "--wandb", "offline"]) == 2
    assert "--wandb adds to the page of a run" in capsys.readouterr().err


def test_a_page_goes_on_after_a_stop_and_is_not_of_a_finished_run_before(fake_world, tmp_path):
    class Left(Exception):
        pass

    def leave(step, record):
        if record is not None and step == 256:
            raise Left

    asked = config(tmp_path / "run", wandb="offline", wandb_project="mine", checkpoint_every=128)
    with pytest.raises(Left):
        train(asked, leave, world=fake_world(8))
    run = Run(tmp_path / "run")
    (ended,) = written(run)["exit"]
    assert ended.exit_code == 1
    time.sleep(1)  # W&B names its folders by the second
    train(asked, world=fake_world(8))
    found = written(run)
    assert [each.exit_code for each in found["exit"]] == [1, 0]
    assert {(each.run_id, each.project) for each in found["run"]} == {(run.wandb()["id"], "mine")}
    steps = [line["step"] for line in numbers(found["history"]) if "return" in line]
    assert steps == [128, 256, 256, 384, 512]  # what was lived through again is shown again


def test_where_no_server_answers_that_is_told_and_the_page_is_written_offline(fake_world, tmp_path, capfd):
    train(config(tmp_path / "run", wandb="online"), world=fake_world(8))
    lines = numbers(written(Run(tmp_path / "run"))["history"])
    assert [line["step"] for line in lines if "return" in line] == [128, 256, 384, 512]
    (told,) = [line for line in capfd.readouterr().err.splitlines() if "W&B" in line]
    assert told.startswith("--wandb online: W&B cannot be reached (http://127.0.0.1:9: ")
    assert told.endswith("it is written offline, and `wandb sync` sends it later")


def test_a_missing_login_is_told_in_a_sentence(fake_world, tmp_path, monkeypatch):
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:  # answers 501 whatever is asked
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{server.server_port}")
        wandb = pytest.importorskip("wandb")
        wandb.teardown()  # it has read its settings
        with pytest.raises(ConfigError, match=r"W&B did not start \(No API key.*use `wandb login`, or --wandb offline"):
            train(config(tmp_path / "run", wandb="online"), world=fake_world(8))
        server.shutdown()
        wandb.teardown()


class Fake(ModuleType):
    """A module `wandb` whose `fails` raises."""

    def __init__(self, fails):
        super().__init__("wandb")
        self.asked = []
        kinds = {name: type(name, (Exception,), {}) for name in ("UsageError", "AuthenticationError")}
        self.errors = SimpleNamespace(**kinds)
        self.Settings = dict

        def call(what, /, *args, **kwargs):
            self.asked.append(what)
            if what == fails:
                raise RuntimeError(f"{what} is out of order")
            return self

        for name in ("init", "define_metric", "log", "log_artifact", "finish", "Image", "Artifact", "add_file"):
            setattr(self, name, partial(call, name))


@pytest.mark.parametrize("fails", ["init", "define_metric", "log", "Image", "Artifact", "log_artifact", "finish"])
def test_whatever_fails_at_w_and_b_is_told_once_and_changes_nothing(fake_world, tmp_path, monkeypatch, capfd, fails):
    train(config(tmp_path / "without"), world=fake_world(8))
    fake = Fake(fails)
    monkeypatch.setitem(sys.modules, "wandb", fake)
    assert train(config(tmp_path / "with", wandb="offline"), world=fake_world(8)).finished
    lines = [line for line in capfd.readouterr().err.splitlines() if "W&B" in line]
    assert len(lines) == 1
    assert f"{fails} is out of order" in lines[0]
    assert "the run goes on without it" in lines[0]
    assert fake.asked[-1] == fails  # and nothing was asked after it
    without, with_it = Run(tmp_path / "without"), Run(tmp_path / "with")
    assert without.weights_sha256() == with_it.weights_sha256()
    assert [record["return"] for record in without.read_metrics()] == [r["return"] for r in with_it.read_metrics()]


def test_a_curve_is_drawn_of_what_is_known(tmp_path):
    metrics = [{"step": 1, "return": None, "relief": 0.5}, {"step": 2, "return": None, "relief": 0.25}]
    drawn = learning_curve(metrics)
    assert drawn.shape[2] == 4
    assert drawn.min() < drawn.max()
    assert (learning_curve(metrics) == drawn).all()
    flat_line = [{**record, "relief": 0.5} for record in metrics]
    assert (learning_curve(flat_line) != drawn).any()
