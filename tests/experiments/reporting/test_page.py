import json
import re
import shutil
from html.parser import HTMLParser

import pytest

from rlgen.errors import ConfigError
from rlgen.experiments.dialogues.simulation import Simulation
from rlgen.experiments.evaluation.outcomes import evaluate, evaluation_record
from rlgen.experiments.provenance import program
from rlgen.experiments.reporting import examples
from rlgen.experiments.reporting.page import write_report
from rlgen.experiments.runs.run import Run
from rlgen.experiments.runs.training import TrainConfig, train
from rlgen.policies import PPOConfig
from rlgen.policies.baselines import Fixed, Random
from rlgen.policies.saved import sha256_of
from rlgen.policies.trained import Trained


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.opened = [], []

    def handle_starttag(self, tag, attrs):
        self.found += [value for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "br", "link", "circle", "path", "line", "!doctype"):
            self.opened.append(tag)

    def handle_endtag(self, tag):
        assert self.opened.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.found += [value for name, value in attrs if name in ("src", "href")]


@pytest.fixture(scope="module")
def run(fake_world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "demo"
    ppo = PPOConfig(n_steps=16, batch_size=64, n_epochs=2)
    run = train(TrainConfig(out=folder, steps=1024, num_envs=8, ppo=ppo), world=fake_world(8)).run
    world = fake_world(8)
    actor = Trained.load(run.policy)
    actors = {"trained": actor, "random": Random(), "centre": Fixed()}
    outcomes = {name: evaluate(world, found, 40) for name, found in actors.items()}
    result = evaluation_record(world, "rlgen/X-v0", outcomes, 0)
    stamp = {**run.stamp(), "policy": actor.stamp(), **program()}
    done = [dialogue for step in Simulation(world, actor, 9, 50).steps() for dialogue in step]
    dialogues = [[json.loads(line) for line in dialogue] for dialogue in done]
    dialogues[0][0]["said"] = "<script>alert(1)</script>"
    run.dialogues.write_text("".join(json.dumps(r) + "\n" for d in dialogues for r in d))
    run.evaluation.write_text(json.dumps({**result, "stamp": stamp, "dialogues": sha256_of(run.dialogues)}))
    return run


def test_the_page_stands_alone(run):
    page = write_report(run).read_text()
    links = Links()
    links.feed(page)
    assert links.opened == []
    assert links.found == []
    assert not re.search(r"https?://(?!www\.w3\.org/(?:2000/svg|1999/xlink))", page)
    assert "@import" not in page
    assert page.count("<svg") >= 6
    for words in ("must not be concluded", "Difference in relief", "emotional weight", run.config()["hash"]):
        assert words in page
    assert {p.stem for p in (run.path / "plots").iterdir()} >= {"return", "relief", "term_near", "by_turn"}


def test_the_consistency_of_each_policy_is_told_beside_its_baselines(run, tmp_path):
    assert "Do the words follow the emotion?" not in write_report(run).read_text(encoding="utf-8")  # nothing was read
    result = run.read_evaluation()
    beside = {"value": 0.25, "shuffled": -0.5, "constant": 0.125}
    figures = {**dict.fromkeys(("trend", "raw", "mirroring", "appropriateness"), beside), "angry_turns": 7}
    for found, anger in zip(result["policies"].values(), (0.5, None, None), strict=False):
        found["consistency"] = {**figures, "anger_for_anger": anger}
    told = copied(run, tmp_path / "told")
    told.evaluation.write_text(json.dumps(result))
    page = write_report(told).read_text(encoding="utf-8")
    assert page.count("0.25<small>shuffled \u22120.50</small>") == len(result["policies"])
    assert "50%<small>of 7 turns</small>" in page
    assert "<td>–</td>" in page


def test_nothing_said_can_become_markup(run):
    page = write_report(run).read_text()
    assert "<script" not in page


def test_dialogues_are_chosen_by_rule(run):
    dialogues = examples.read(run.dialogues)
    returns = sorted(d[-1]["outcome"]["return"] for d in dialogues)
    chosen = {rule: d[-1]["outcome"]["return"] for rule, d in examples.choose(dialogues)}
    assert chosen == {"median return": returns[4], "highest return": returns[-1], "lowest return": returns[0]}


def test_the_page_tells_the_worst_tenth_and_other_files_are_refused(run, tmp_path):
    result = run.read_evaluation()
    tail = result["policies"]["trained"]["worst_tenth"]["return"]["mean"]
    assert f"{tail:.2f}".replace("-", "\N{MINUS SIGN}") in write_report(run).read_text(encoding="utf-8")
    shutil.copytree(run.path, tmp_path / "old")
    old = Run(tmp_path / "old")
    for found in result["policies"].values():
        found["worst_decile"] = found.pop("worst_tenth")["return"]["mean"]
    old.evaluation.write_text(json.dumps(result))
    with pytest.raises(ConfigError, match="run it again"):
        write_report(old)


def test_a_run_without_evaluation_says_so(run, tmp_path):
    shutil.copytree(run.path, tmp_path / "bare")
    bare = Run(tmp_path / "bare")
    bare.evaluation.unlink()
    bare.dialogues.unlink()
    assert "not yet evaluated" in write_report(bare).read_text()


@pytest.mark.parametrize("unknown", [("relief",), ("return", "relief")])
def test_what_training_has_not_told_has_no_curve(run, tmp_path, unknown):
    """No dialogue has ended yet, or nobody knows how these people feel."""
    bare = copied(run, tmp_path / "bare")
    bare.evaluation.unlink()
    bare.dialogues.unlink()
    records = [json.loads(line) for line in bare.metrics.read_text().splitlines()]
    for record in records:
        record |= dict.fromkeys(unknown)
        record["terms"] = {} if "return" in unknown else record["terms"]
    bare.metrics.write_text("".join(json.dumps(record) + "\n" for record in records))
    page = write_report(bare).read_text()
    assert "Relief per dialogue" not in page
    assert ("Return per dialogue" in page) == ("return" not in unknown)
    assert ("No dialogue ended" in page) == ("return" in unknown)


def copied(run, path):
    shutil.copytree(run.path, path)
    return Run(path)


def edited(file, change):
    found = json.loads(file.read_text())
    change(found)
    file.write_text(json.dumps(found))


def test_an_evaluation_of_an_earlier_policy_is_not_shown_beside_new_curves(run, tmp_path):
    older = copied(run, tmp_path / "older")
    edited(older.evaluation, lambda found: found["stamp"].update(step=512, policy={"sha256": {"policy.zip": "0" * 64}}))
    page = write_report(older).read_text()
    assert "not evaluated as it is now" in page
    assert "policy at step 512 of 1,024; this one is at step 1,024 of 1,024" in page
    assert "return (proxy)" not in page
    assert "Difference in relief" not in page
    assert "by_turn" not in {p.stem for p in (older.path / "plots").iterdir()}
    assert "Dialogues</h2>" not in page


def test_dialogues_of_another_evaluation_are_not_shown(run, tmp_path):
    assert "Dialogues</h2>" in write_report(run).read_text()
    other = copied(run, tmp_path / "other")
    other.dialogues.write_text(other.dialogues.read_text() + other.dialogues.read_text())
    assert "Dialogues</h2>" not in write_report(other).read_text()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda found: found["parts"].update(fake="1" * 64), r"measured with other parts \(fake\)"),
        (lambda found: found["stamp"].update(config="0" * 16), "of another run"),
    ],
)
def test_an_evaluation_with_other_parts_or_of_another_run_is_not_shown(run, tmp_path, change, said):
    other = copied(run, tmp_path / "other")
    edited(other.evaluation, change)
    page = write_report(other).read_text()
    assert re.search(said, page)
    assert "return (proxy)" not in page


def test_another_program_is_told(run, tmp_path):
    other = copied(run, tmp_path / "other")
    edited(other.evaluation, lambda found: found["stamp"].update(code="0" * 16))
    page = write_report(other).read_text()
    assert "Measured with another program than it was trained with: rlgen was" in page
    assert "return (proxy)" in page
    assert "another program" not in write_report(run).read_text()


def test_an_unfinished_run_says_how_to_go_on(run, tmp_path):
    short = copied(run, tmp_path / "short")
    config = {k: v for k, v in json.loads((short.path / "config.json").read_text()).items() if k != "hash"}
    short.write_config({**config, "steps": 50_000})
    edited(short.path / "manifest.json", lambda found: found["segments"][-1].update(command="rlgen train --out short"))
    edited(short.evaluation, lambda found: found["stamp"].update(config=short.config()["hash"], of=50_000))
    page = write_report(short).read_text()
    assert "Trained for 1,024 of 50,000 steps; resume with `rlgen train --out short`." in page
    assert "The trained policy, after 1,024 of 50,000 steps, earns" in page
    short.evaluation.unlink()
    assert "Not trained to the end, not yet evaluated." in write_report(short).read_text()
