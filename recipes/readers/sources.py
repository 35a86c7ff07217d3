"""Reading a researcher's own copies of the data sets that readers and judges are fitted to.

Each item belongs to exactly one part, by a hash of its id: `"people"` (the reader in people and
rewards), `"judge"` (benches) or `"generator"` (neither; relevance learns from it too). Held-out
items belong to none of them. Ids are split, not texts: what two people wrote alike, such as "I know
how you feel.", can be in two parts.
"""

from __future__ import annotations

import csv
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from rlgen.affect import ANGER, FEAR, HAPPINESS, NEUTRAL, NUM_CATEGORIES, SADNESS, SURPRISE
from rlgen.errors import DataError

Part = Literal["people", "judge", "generator", "held-out"]

LICENCES: Final = {
    "goemotions": "GoEmotions (Demszky et al., ACL 2020), CC BY 4.0",
    "epitome": "EPITOME, Reddit part (Sharma et al., EMNLP 2020), shared for research, no licence file",
    "esconv": "ESConv (Liu et al., ACL 2021), CC BY-NC 4.0, academic use",
    "annomi": "AnnoMI (Wu et al., ICASSP 2022), no licence file, research use",
    "empathetic_dialogues": "EmpatheticDialogues (Rashkin et al., ACL 2019), CC BY-NC 4.0",
    "dailydialog": "DailyDialog (Li et al., IJCNLP 2017), CC BY-NC-SA 4.0",
    "meld_text": "MELD, transcripts (Poria et al., ACL 2019), GPL-3.0, research use",
}

# GoEmotions' 27 emotions as one of the six categories, and as valence and arousal in [-1, 1]. The
# categories are the data set's own Ekman mapping with two differences: disgust, which the shared
# space does not have, is left out; confusion, curiosity and realization count as neutral instead of
# surprise, because otherwise every question that a supporter asks would read as surprise. Valence
# and arousal are this project's placements, by the ordering of Russell's circumplex (1980).
EMOTIONS: Final[dict[str, tuple[int, float, float]]] = {
    "admiration": (HAPPINESS, 0.7, 0.2),
    "amusement": (HAPPINESS, 0.7, 0.5),
    "anger": (ANGER, -0.7, 0.8),
    "annoyance": (ANGER, -0.5, 0.4),
    "approval": (HAPPINESS, 0.5, 0.0),
    "caring": (HAPPINESS, 0.6, -0.2),
    "confusion": (NEUTRAL, -0.2, 0.2),
    "curiosity": (NEUTRAL, 0.2, 0.3),
    "desire": (HAPPINESS, 0.3, 0.4),
    "disappointment": (SADNESS, -0.6, -0.3),
    "disapproval": (ANGER, -0.5, 0.2),
    "embarrassment": (SADNESS, -0.5, 0.2),
    "excitement": (HAPPINESS, 0.8, 0.9),
    "fear": (FEAR, -0.7, 0.8),
    "gratitude": (HAPPINESS, 0.8, 0.1),
    "grief": (SADNESS, -0.9, -0.1),
    "joy": (HAPPINESS, 0.9, 0.5),
    "love": (HAPPINESS, 0.9, 0.3),
    "nervousness": (FEAR, -0.4, 0.6),
    "optimism": (HAPPINESS, 0.6, 0.2),
    "pride": (HAPPINESS, 0.7, 0.3),
    "realization": (NEUTRAL, 0.1, 0.2),
    "relief": (HAPPINESS, 0.6, -0.4),
    "remorse": (SADNESS, -0.6, -0.1),
    "sadness": (SADNESS, -0.7, -0.4),
    "surprise": (SURPRISE, 0.3, 0.8),
    "neutral": (NEUTRAL, 0.0, 0.0),
}
SUGGESTING: Final = frozenset({"Providing Suggestions"})
REFLECTING: Final = frozenset({"Reflection of feelings", "Restatement or Paraphrasing"})


@dataclass(frozen=True)
class Emotional:
    """Texts with emotions: `category` `[N, 6]` (sums to one) and `valence_arousal` `[N, 2]`."""

    texts: list[str]
    category: NDArray[np.float32]
    valence_arousal: NDArray[np.float32]


@dataclass(frozen=True)
class Empathic:
    """Responses with levels 0-2 of emotional reactions, interpretations, explorations.

    Attributes:
        texts: whole responses or single sentences of them.
        levels: `[N, 3]`; a sentence has its response's level where a rationale touches it, else 0.
        whole: `[N]` bool, whether it is a whole response.
        response: `[N]`, which response it belongs to.
    """

    texts: list[str]
    levels: NDArray[np.int64]
    whole: NDArray[np.bool_]
    response: NDArray[np.int64]


def share(identifier: str, purpose: str) -> float:
    """A fixed number in [0, 1) for an id, so that splits need no file."""
    return zlib.crc32(f"{purpose}:{identifier}".encode()) / 2**32


def _part_of(identifier: str, purpose: str) -> Part:
    """45 % to people, 40 % to the judge, the rest to the generator."""
    at = share(identifier, purpose)
    return "people" if at < 0.45 else "judge" if at < 0.85 else "generator"


def opened(data: Path, name: str) -> Path:
    """A file below the folder of the data sets.

    Raises:
        DataError: it is missing.
    """
    path = data / name
    if not path.is_file():
        raise DataError(f"{path}: missing; --data must name a folder with the data sets ({', '.join(LICENCES)})")
    return path


def json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file, line by line.

    Raises:
        DataError: a line is not JSON.
    """
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                yield json.loads(line)
            except json.JSONDecodeError as error:
                raise DataError(f"{path}: line {number} is not JSON; fetch the file again") from error


def goemotions(data: Path, part: Part) -> Emotional:
    """GoEmotions comments of a part; `"held-out"` is the official test set."""
    names = opened(data, "goemotions/emotions.txt").read_text(encoding="utf-8").split()
    texts: list[str] = []
    category: list[NDArray[np.float32]] = []
    plane: list[tuple[float, float]] = []
    for file in ["test.tsv"] if part == "held-out" else ["train.tsv", "dev.tsv"]:
        with opened(data, f"goemotions/{file}").open(encoding="utf-8", newline="") as rows:
            for text, labels, identifier in csv.reader(rows, delimiter="\t", quoting=csv.QUOTE_NONE):
                if part != "held-out" and _part_of(identifier, "goemotions") != part:
                    continue
                known = [EMOTIONS[name] for i in labels.split(",") if (name := names[int(i)]) in EMOTIONS]
                if not known:
                    continue
                counts = np.bincount([c for c, _, _ in known], minlength=NUM_CATEGORIES)
                texts.append(re.sub(r"\[(?:NAME|RELIGION)\]", "they", text))
                category.append((counts / counts.sum()).astype(np.float32))
                plane.append((float(np.mean([v for _, v, _ in known])), float(np.mean([a for _, _, a in known]))))
    return Emotional(texts, np.stack(category), np.array(plane, dtype=np.float32))


def epitome(data: Path, part: Part) -> Empathic:
    """EPITOME responses of a part and their sentences; a fifth of the seeker posts is held out."""
    from rlgen.text.reading.lexical import sentences

    names = ("emotional-reactions", "interpretations", "explorations")
    tables = []
    for name in names:
        with opened(data, f"epitome/{name}-reddit.csv").open(encoding="utf-8", newline="") as rows:
            tables.append(list(csv.DictReader(rows)))
    texts: list[str] = []
    levels: list[list[int]] = []
    whole: list[bool] = []
    response: list[int] = []
    for number, rows_of in enumerate(zip(*tables, strict=True)):
        post = rows_of[0]["sp_id"]
        found: Part = (
            "held-out" if share(post, "epitome.test") < 0.2 else "people" if share(post, "epitome") < 0.5 else "judge"
        )
        if found != part:
            continue
        text = rows_of[0]["response_post"].strip()
        level = [int(row["level"]) for row in rows_of]
        rationales = [[r.strip() for r in row["rationales"].split("|") if len(r.strip()) > 3] for row in rows_of]
        texts.append(text)
        levels.append(level)
        whole.append(True)
        response.append(number)
        for sentence in sentences(text):
            touched = [any(r in sentence or sentence.rstrip(".!?") in r for r in marks) for marks in rationales]
            texts.append(sentence)
            levels.append([value if touch else 0 for value, touch in zip(level, touched, strict=True)])
            whole.append(False)
            response.append(number)
    return Empathic(texts, np.array(levels), np.array(whole), np.array(response))


def esconv_dialogues(data: Path, part: Part) -> list[dict[str, Any]]:
    """ESConv dialogues of a part; `"held-out"` is its validation split, of which no part holds anything."""
    found = []
    for dialogue in json_lines(opened(data, "esconv/esconv.jsonl")):
        held_out = dialogue["split"] != "train"
        if (part == "held-out") == held_out and (held_out or _part_of(dialogue["id"], "esconv") == part):
            found.append(dialogue)
    return found


def supporter_utterances(dialogues: list[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """Supporters' utterances of ESConv and their strategies."""
    texts: list[str] = []
    strategies: list[str] = []
    for dialogue in dialogues:
        for turn in dialogue["turns"]:
            if turn["speaker"] == "sys":
                for text, strategy in zip(turn["utts"], turn["strategies"], strict=True):
                    if text.strip():
                        texts.append(text.strip())
                        strategies.append(strategy)
    return texts, strategies


def advice_and_reflection(data: Path, part: Part) -> tuple[list[str], NDArray[np.float32]]:
    """Utterances that advise (1) or reflect (0), from ESConv and AnnoMI."""
    texts, strategies = supporter_utterances(esconv_dialogues(data, part))
    kept = [(t, float(s in SUGGESTING)) for t, s in zip(texts, strategies, strict=True) if s in SUGGESTING | REFLECTING]
    with opened(data, "annomi/AnnoMI-full.csv").open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows):
            if row["interlocutor"] != "therapist":
                continue
            held_out = share(row["transcript_id"], "annomi.test") < 0.2
            if (part == "held-out") != held_out or (not held_out and part != "judge"):
                continue
            advises = row["therapist_input_subtype"] in ("advice", "options")
            reflects = row["reflection_exists"] == "True" and row["therapist_input_exists"] == "False"
            if advises or reflects:
                kept.append((row["utterance_text"].strip(), float(advises)))
    kept = list(dict.fromkeys(kept))  # an utterance rated by several annotators comes once
    return [t for t, _ in kept], np.array([y for _, y in kept], dtype=np.float32)


def human_sentences(data: Path, part: Part) -> list[str]:
    """Human dialogue turns for fluency: EmpatheticDialogues, DailyDialog, people's ESConv."""
    held_out = part == "held-out"
    texts: list[str] = []
    for dialogue in esconv_dialogues(data, part):
        texts += [text for turn in dialogue["turns"] for text in turn["utts"]]
    for talk in json_lines(opened(data, f"empathetic_dialogues/{'test' if held_out else 'valid'}.jsonl")):
        texts += talk["turns"]
    for talk in json_lines(opened(data, "dailydialog/dailydialog.jsonl")):
        if (talk["split"] == "test") == held_out:
            texts += [turn["text"] for turn in talk["turns"]]
    cleaned = (re.sub(r"\s+", " ", text).strip() for text in texts)
    return list(dict.fromkeys(text for text in cleaned if 2 <= text.count(" ") < 45))
