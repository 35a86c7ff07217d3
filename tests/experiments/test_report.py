import json
import re
import shutil
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

from rlgen.errors import ConfigError
from rlgen.experiments import charts, report_dialogues
from rlgen.experiments.dialogues import simulate
from rlgen.experiments.evaluation import evaluate_all
from rlgen.experiments.report import _consistency, write_report
from rlgen.experiments.runs import Run
from rlgen.experiments.training import TrainConfig, train
from rlgen.experiments.verdict import judge, listed
from rlgen.policies import PPOConfig
from rlgen.policies.baselines import Fixed, Random
from rlgen.policies.trained import Trained


def difference(mean, half):
    return {"mean": mean, "low": mean - half, "high": mean + half}


def evaluation(returns, reliefs):
    """A made-up evaluation: differences of the trained policy to each baseline, with half-width .1."""
    policies = {"trained": {"return": {"mean": 1.0}, "relief": {"mean": 0.5}}}
    policies |= {n: {"return": {"mean": 1.0 - r}, "relief": {"mean": 0.5 - reliefs[n]}} for n, r in returns.items()}
    for found in policies.values():
        found["worst_tenth"] = {what: difference(found[what]["mean"] - 1.5, 0.1) for what in ("return", "relief")}
    return {
        "reference": "trained",
        "people": 300,
        "policies": policies,
        "differences": {
            n: {"return": difference(r, 0.1), "relief": difference(reliefs[n], 0.1)} for n, r in returns.items()
        },
    }


@pytest.mark.parametrize(
    ("returns", "words"),
    [
        ({"random": 0.5, "untrained": 0.3}, "more than every baseline"),
        ({"random": 0.0, "untrained": -0.5}, "no more than any baseline"),
        ({"random": 0.5, "schedule": -0.3}, "more than random actions, but less than schedule by turn"),
        ({"random": 0.5, "schedule": 0.05}, "about as much as schedule by turn"),
        ({"random": 0.5, "centre": 0.4, "fixed": 0.3, "schedule": -0.3}, "three of four baselines, but less"),
    ],
)
def test_the_headline_follows_from_the_figures(returns, words):
    found = judge(evaluation(returns, dict.fromkeys(returns, 0.2)))
    assert words in found.headline
    assert not found.warning


def test_reward_without_relief_is_called_out():
    worse = judge(evaluation({"random": 0.5, "untrained": 0.5}, {"random": -0.3, "untrained": 0.3}))
    assert "less relief" in worse.warning
    assert "random actions" in worse.warning
    flat = judge(evaluation({"untrained": 0.5}, {"untrained": 0.0}))
    assert "did not rise measurably" in flat.warning


def test_the_worst_off_tenth_is_told():
    told = judge(evaluation({"random": 0.5, "schedule": 0.1}, {"random": 0.2, "schedule": 0.0})).worst
    assert "\N{MINUS SIGN}0.50 of return and \N{MINUS SIGN}1.00 of relief" in told
    assert "schedule by turn, \N{MINUS SIGN}0.60" in told  # beside the strongest baseline only
    assert "1.20" not in told


def test_lists_read_like_english():
    assert listed(["random"]) == "random actions"
    assert listed(["random", "centre", "fixed"]) == "random actions, centre controls and fixed controls"


def test_ticks_are_round_and_inside():
    assert charts.ticks(0, 50_000) == [0, 10_000, 20_000, 30_000, 40_000, 50_000]
    found = charts.ticks(-0.13, 0.92)
    assert all(-0.13 <= t <= 0.92 for t in found)
    assert 3 <= len(found) <= 7
    assert charts.ticks(1.0, 1.0) == [1.0]


def test_labels_are_spread_in_order_and_stay_inside():
    placed = charts.spread([50, 51, 52, 10], 14, 0, 100)
    assert placed[3] < placed[0] < placed[1] < placed[2]
    assert min(np.diff(sorted(placed))) >= 14 - 1e-9
    assert all(0 <= p <= 100 for p in placed)


def test_charts_are_well_formed_and_break_at_gaps():
    svg = charts.lines(
        [charts.Series("a <b>", [0, 1, 2], [1.0, float("nan"), 2.0])],
        [charts.Level("level", 1.5)],
        label="x & y",
        x_name="t",
    )
    root = ElementTree.fromstring(svg)
    path = next(e for e in root.iter() if e.tag.endswith("path"))
    assert path.attrib["d"].count("M") == 2
    ElementTree.fromstring(charts.intervals([charts.Span("a", 0.1, -0.1, 0.3)], label="l", x_name="d"))
    assert charts.smoothed([1.0, float("nan"), 3.0], 3) == [1.0, 2.0, 3.0]


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
    result, _ = evaluate_all(world, {"trained": actor, "random": Random(), "centre": Fixed()}, "rlgen/X-v0", 40)
    run.evaluation.write_text(json.dumps(result))
    dialogues = [list(d) for d in simulate(world, actor, 9, 50)]
    dialogues[0][0]["said"] = "<script>alert(1)</script>"
    run.dialogues.write_text("".join(json.dumps(r) + "\n" for d in dialogues for r in d))
    return run


def test_the_page_stands_alone(run):
    page = write_report(run).read_text()
    links = Links()
    links.feed(page)
    assert links.opened == []
    assert links.found == []
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", page)
    assert "@import" not in page
    assert page.count("<svg") >= 6
    for words in ("must not be concluded", "Difference in relief", "emotional weight", run.config()["hash"]):
        assert words in page
    assert {p.stem for p in (run.path / "plots").iterdir()} >= {"return", "relief", "term_near", "by_turn"}


def test_the_consistency_of_each_policy_is_told_beside_its_baselines(run):
    assert "Do the words follow the emotion?" not in write_report(run).read_text(encoding="utf-8")  # nothing was read
    result = run.read_evaluation()
    beside = {"value": 0.25, "shuffled": -0.5, "constant": 0.125}
    figures = {**dict.fromkeys(("trend", "raw", "mirroring", "appropriateness"), beside), "angry_turns": 7}
    for found, anger in zip(result["policies"].values(), (0.5, None, None), strict=False):
        found["consistency"] = {**figures, "anger_for_anger": anger}
    page = _consistency(result)
    assert page.count("0.25<small>shuffled \u22120.50</small>") == len(result["policies"])
    assert "50%<small>of 7 turns</small>" in page
    assert "<td>–</td>" in page


def test_nothing_said_can_become_markup(run):
    page = write_report(run).read_text()
    assert "<script" not in page


def test_dialogues_are_chosen_by_rule(run):
    dialogues = report_dialogues.read(run.dialogues)
    returns = sorted(d[-1]["outcome"]["return"] for d in dialogues)
    chosen = {rule: d[-1]["outcome"]["return"] for rule, d in report_dialogues.choose(dialogues)}
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
