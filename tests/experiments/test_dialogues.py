import json

import pytest

from rlgen.experiments.dialogues import simulate
from rlgen.policies.baselines import Fixed


def test_dialogues_are_whole_and_in_order(fake_world):
    world = fake_world(4)
    found = list(simulate(world, Fixed(), 11, seed=70))
    assert sorted(d[0]["person"] for d in found) == list(range(70, 81))
    for dialogue in found:
        assert [r["turn"] for r in dialogue] == list(range(len(dialogue)))
        assert len({r["person"] for r in dialogue}) == 1
        outcome = dialogue[-1]["outcome"]
        assert outcome["length"] == len(dialogue)
        assert outcome["return"] == pytest.approx(sum(r["reward"] for r in dialogue), abs=1e-2)
        assert all("outcome" not in r for r in dialogue[:-1])
    assert json.loads(json.dumps(found)) == found
    assert world.record is False
