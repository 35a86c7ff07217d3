"""Rated human support dialogues, from JSON lines.

The layout is that of ESConv and FailedESConv (Liu et al., "Towards Emotional Support Dialog Systems",
ACL 2021) with each speaker's consecutive utterances merged to a turn; `docs/users/calibrated.md` has
the schema. A folder holds `esconv.jsonl` and `failed_esconv.jsonl`; a single file works too.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from rlgen.errors import DataError

FILES: Final = ("esconv.jsonl", "failed_esconv.jsonl")

_FEELING_OF: Final = {
    "sadness": 0, "depression": 0, "shame": 0, "guilt": 0, "pain": 0,
    "anxiety": 1, "fear": 1, "nervousness": 1,
    "anger": 2, "disgust": 2, "jealousy": 2,
}  # fmt: skip


@dataclass(frozen=True)
class Turn:
    """What one speaker says before the other speaks again.

    Attributes:
        supporter: whether the supporter speaks.
        text: the words.
        utterances: how many messages it was sent in.
        rating: 1-5 that the seeker gave at this turn, None where none was asked for.
    """

    supporter: bool
    text: str
    utterances: int
    rating: float | None


@dataclass(frozen=True)
class Dialogue:
    """One dialogue.

    Attributes:
        name: its id, for messages.
        helped: it belongs to the collection of successes.
        rated: the seeker rated the supporter now and then.
        topic: the kind of problem, e.g. `"job crisis"`.
        feeling: 0 sadness, 1 fear, 2 anger, or None for another feeling.
        initial: emotional intensity 1-5 before, None if not surveyed.
        final: the same after; None if the seeker left without the survey.
        turns: in order.
    """

    name: str
    helped: bool
    rated: bool
    topic: str
    feeling: int | None
    initial: int | None
    final: int | None
    turns: tuple[Turn, ...]

    @property
    def replies(self) -> int:
        """How many turns the supporter had."""
        return sum(turn.supporter for turn in self.turns)

    @property
    def abandoned(self) -> bool:
        """An unsuccessful dialogue that the seeker left without answering the last survey."""
        return not self.helped and self.final is None

    def ratings(self) -> tuple[list[int], list[float]]:
        """After how many replies each rating came, and the ratings."""
        replies, after, given = 0, [], []
        for turn in self.turns:
            replies += turn.supporter
            if turn.rating is not None:
                after.append(replies)
                given.append(turn.rating)
        return after, given


def read(path: Path) -> list[Dialogue]:
    """All dialogues of a folder or of one file.

    Raises:
        DataError: nothing is there, or a line is malformed; names file, line and field.
    """
    files = [path] if path.is_file() else [path / name for name in FILES if (path / name).is_file()]
    if not files:
        raise DataError(f"{path}: no {FILES[0]} or {FILES[1]} here; give the folder that holds them, or one such file")
    dialogues: list[Dialogue] = []
    for file in files:
        try:
            with file.open(encoding="utf-8") as lines:
                dialogues += [_parse(line, f"{file}, line {i}") for i, line in enumerate(lines, 1) if line.strip()]
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{file}: cannot be read as UTF-8 text ({type(error).__name__}); check the file") from error
    if not dialogues:
        raise DataError(f"{files[0]}: holds no dialogue; give a file with one JSON object a line")
    return dialogues


def split(dialogues: Sequence[Dialogue], held_out: float, seed: int) -> tuple[list[Dialogue], list[Dialogue]]:
    """Kept and held-out dialogues, drawn apart among successes and failures, rated and unrated."""
    rng = np.random.default_rng(seed)
    out: set[int] = set()
    for kind in sorted({(d.helped, d.rated) for d in dialogues}):
        members = [i for i, d in enumerate(dialogues) if (d.helped, d.rated) == kind]
        out.update(rng.permutation(members)[: round(held_out * len(members))].tolist())
    return [d for i, d in enumerate(dialogues) if i not in out], [dialogues[i] for i in sorted(out)]


def _parse(line: str, where: str) -> Dialogue:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise DataError(f"{where}: not JSON ({error.msg}); mend or remove the line") from error
    if not isinstance(record, dict):
        raise DataError(f"{where}: holds {type(record).__name__}; each line must be one JSON object")
    turns = _field(record, "turns", list, where)
    if len(turns) < 2:
        raise DataError(f"{where}: turns has {len(turns)} entries; a dialogue needs at least two")
    survey = record.get("survey_score") or {}
    seeker = (survey.get("seeker") if isinstance(survey, dict) else None) or {}
    parsed = tuple(_turn(turn, f"{where}, turns[{i}]") for i, turn in enumerate(turns))
    rated = bool(record.get("has_turn_feedback", any(turn.rating is not None for turn in parsed)))
    return Dialogue(
        name=str(record.get("id", where)),
        helped=record.get("split") != "failed",
        rated=rated and any(turn.rating is not None for turn in parsed),
        topic=str(record.get("problem_type", "")),
        feeling=_FEELING_OF.get(str(record.get("emotion_type", "")).lower()),
        initial=_intensity(seeker, "initial_emotion_intensity", where),
        final=_intensity(seeker, "final_emotion_intensity", where),
        turns=parsed,
    )


def _field(record: dict[str, Any], name: str, kind: type, where: str) -> Any:
    if name not in record:
        raise DataError(f"{where}: the field {name!r} is missing; see the schema in docs/users/calibrated.md")
    if not isinstance(record[name], kind):
        raise DataError(f"{where}: {name} is {type(record[name]).__name__}; it must be {kind.__name__}")
    return record[name]


def _turn(record: Any, where: str) -> Turn:
    if not isinstance(record, dict):
        raise DataError(f"{where}: is {type(record).__name__}; each turn must be an object")
    speaker = _field(record, "speaker", str, where)
    if speaker not in {"usr", "sys"}:
        raise DataError(f"{where}: speaker is {speaker!r}; it must be 'usr' or 'sys'")
    rating = record.get("feedback")
    if rating is not None:
        rating = _on_scale(rating, "feedback", where)
    utterances = record.get("utts")
    count = max(len(utterances), 1) if isinstance(utterances, list) else 1
    return Turn(speaker == "sys", _field(record, "text", str, where), count, None if speaker == "sys" else rating)


def _intensity(survey: dict[str, Any], name: str, where: str) -> int | None:
    value = survey.get(name)
    return None if value in (None, "") else int(_on_scale(value, name, where))


def _on_scale(value: Any, name: str, where: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if number not in {1.0, 2.0, 3.0, 4.0, 5.0}:
        raise DataError(f"{where}: {name} is {value!r}; it must be 1, 2, 3, 4 or 5")
    return number
