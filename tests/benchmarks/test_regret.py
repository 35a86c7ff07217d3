import json

import numpy as np
import pytest

from benchmarks.regret import foretold, main, regret, uncorrelated

NAMES = ["a", "b", "c", "d", "e"]


def test_regret_is_a_share_of_what_lies_between_the_best_and_the_worst():
    found = regret({"a": {"a": 3.0, "b": 1.0, "c": 2.0}, "b": {"a": 0.0, "b": 10.0, "c": 10.0},
                    "c": {"a": 1.0, "b": 0.0, "c": 0.0}})  # fmt: skip
    assert found.tolist() == [[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.5, 0.0, 1.0]]  # row: trained on; column: scored by


def test_a_distance_that_orders_pairs_as_regret_does_foretells_it_and_noise_does_not():
    draw = np.random.default_rng(0)
    distance = draw.random((9, 9))
    distance += distance.T
    rho, p, ends = foretold(distance, distance**3)
    assert (rho, *ends) == pytest.approx((1.0, 1.0, 1.0))
    assert p == 1 / 5_001
    rho, p, ends = foretold(draw.random((9, 9)), distance)
    assert p > 0.05
    assert ends[0] <= rho <= ends[1]


def test_returns_that_go_together_are_near_and_opposite_ones_far(tmp_path):
    draw = np.random.default_rng(0).normal(size=(200, 2))
    table = tmp_path / "comparison.csv"
    rows = [f"schedule,0,{i},nan,{x},{2 * x + 1},{-x},{y}" for i, (x, y) in enumerate(draw.tolist())]
    rows += [f"a,0,{i},1.0,0,5,9,1" for i in range(50)]  # of a trained policy: not looked at
    heads = ",".join(f"return by {name}" for name in "abcd")
    table.write_text("\n".join([f"design,seed,person,return,{heads}", *rows]))
    found = uncorrelated(table, list("abcd"))
    assert found[0, 1] == pytest.approx(0.0, abs=1e-7)
    assert found[0, 2] == pytest.approx(1.0)
    assert found[0, 3] == pytest.approx(0.5**0.5, abs=0.05)


def test_it_reads_what_the_two_commands_wrote(tmp_path, capsys):
    draw = np.random.default_rng(0)
    value = draw.random((6, 6)).tolist()
    value[0][1] = value[1][0] = None  # not told
    kinds = {"epic": {"value": value}}
    (tmp_path / "distances.json").write_text(json.dumps({"designs": [*NAMES, "other"], "distances": kinds}))
    scored = {by: {of: {"mean": draw.normal()} for of in NAMES} for by in NAMES}
    (tmp_path / "comparison.json").write_text(json.dumps({"yardsticks": scored}))
    heads = ",".join(f"return by {name}" for name in NAMES)
    rows = [f"schedule,0,{i},nan," + ",".join(map(str, draw.normal(size=5))) for i in range(9)]
    (tmp_path / "comparison.csv").write_text("\n".join([f"design,seed,person,return,{heads}", *rows]))
    named = ["--distances", str(tmp_path), "--compared", str(tmp_path)]
    assert main([*named, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in told["rows"]] == ["epic", "returns"]
    assert told["rows"][0]["baseline"] == told["rows"][1]["value"]
