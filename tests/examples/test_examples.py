"""Every example runs, on a small budget, and is short enough to read in a minute."""

import importlib.util
import runpy
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))
ELSEWHERE = {
    "huggingface_generator": "in test_parts",
    "llm_judge": "in test_llm_judge, with a model",
    "own_recognizer": "in test_parts",
    "rate_a_chatbot": "in test_people",
}
SMALL = {
    "ablate_observations": {"steps": 64, "people": 3, "num_envs": 2, "batch_size": 64},
    "compare_rewards": {"steps": 64, "people": 3, "seeds": 2, "num_envs": 2, "batch_size": 64},
    "dose_response": {"people": 40, "num_envs": 8},
    "own_extractor": {"steps": 64, "num_envs": 2, "batch_size": 64},
    "own_reward": {"turns": 3, "num_envs": 4},
    "ppo_one_page": {"steps": 40, "num_envs": 4, "rollout": 10},
    "recurrent_ppo": {"steps": 64, "people": 2, "num_envs": 2},
    "replay_logs": {},
    "sac": {"steps": 44, "people": 2, "num_envs": 2},
}
PRINTS = {
    "ablate_observations": "no memory",
    "compare_rewards": "minus default +0.000 +- 0.000",
    "dose_response": "(0.2, 0.6]",
    "own_extractor": "return of the last",
    "own_people": "How did that feel?",
    "own_reward": "cold: ",
    "ppo_one_page": "turn 40: return",
    "recurrent_ppo": "relief",
    "replay_logs": "PERSON   That I fail and have to tell my parents.",
    "sac": "SAC minus centre",
}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_prints_what_it_says(path, capsys):
    if path.stem in ELSEWHERE:
        pytest.skip(ELSEWHERE[path.stem])
    if "import pandas" in path.read_text(encoding="utf-8"):
        pytest.importorskip("pandas")
    if path.stem in SMALL:
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        module.main(**SMALL[path.stem])
    else:
        runpy.run_path(str(path), run_name="__main__")
    assert PRINTS[path.stem] in capsys.readouterr().out


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_is_short_and_in_the_cookbook(path):
    source = path.read_text(encoding="utf-8")
    assert source.startswith('"""')
    assert len(source.splitlines()) <= 60
    assert f"]({path.name})" in (path.parent / "README.md").read_text(encoding="utf-8")
