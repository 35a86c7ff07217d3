"""Rated dialogues that were made up, for tests of what is fitted to them and measured on them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rlgen.text.utterances import utterances
from rlgen.users.fidelity.crossfit import Corpus
from rlgen.users.logs.dialogues import read


@pytest.fixture(scope="session")
def rated_dialogues(tmp_path_factory):
    """A folder with 60 successes and 60 failed ones."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("dialogues")
    for file, split in (("esconv.jsonl", "train"), ("failed_esconv.jsonl", "failed")):
        lines = []
        for i in range(60):
            helped, turns = split == "train", []
            for j in range(int(rng.integers(8, 13))):
                turns.append({"speaker": "sys", "text": "yes?" * int(rng.integers(1, 4))})
                rating = int(rng.integers(1 + 2 * helped, 6)) if j % 2 else None
                turns.append({"speaker": "usr", "text": f"well {i}", "feedback": rating})
            survey = {"initial_emotion_intensity": "5", "final_emotion_intensity": str(rng.integers(1, 5))}
            if not helped and i % 4 == 0:
                del survey["final_emotion_intensity"]
            survey_score = {"seeker": survey}
            lines.append(
                json.dumps({"id": f"{split}{i}", "split": split, "survey_score": survey_score, "turns": turns})
            )
        (path / file).write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def made_up_corpus():
    """Reads such dialogues without a reader: readings and valences are drawn."""

    def corpus(path):
        dialogues = read(path)
        rng = np.random.default_rng(1)
        readings = [rng.normal(0.2, 0.2, (d.replies, 11)) for d in dialogues]
        bank = utterances()
        said = {text: (np.log(3.0), 0.0) for text in bank.text}
        return Corpus(dialogues, readings, said, bank, None)

    return corpus
