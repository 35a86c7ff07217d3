"""Rated support dialogues, from JSON of three layouts; the first object of a file tells which.

An object is a dialogue as ESConv and FailedESConv are published (Liu et al., "Towards Emotional Support Dialog
Systems", ACL 2021; `published` reads it), or the same with each speaker's consecutive utterances merged to a turn. Or
it is a turn: what `rlgen simulate` and `rlgen chat` write. `docs/users/calibrated.md` has the schemas. Objects stand
one a line, or in one JSON array, printed in whatever way. A folder holds `esconv.jsonl` and `failed_esconv.jsonl`, or
`ESConv.json` and `FailedESConv.json`; a single file of any layout works too.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from rlgen.errors import DataError

FILES: Final = ("esconv.jsonl", "failed_esconv.jsonl")
FAILED: Final = "failed"  # the split of dialogues that did not help
PUBLISHED: Final = ("ESConv.json", "FailedESConv.json")
LONGEST_LINE: Final = 1 << 23  # characters; hundreds of times the longest dialogue known
LARGEST_ARRAY: Final = 1 << 28  # bytes; dozens of times ESConv
Ending = Literal["completed", "abandoned", "open"]
Line = tuple[dict[str, Any], str]
"""A line's object, and where it stands."""

# Who speaks, as the published files and others name them: whether it is the supporter.
_SPEAKERS: Final = {
    "usr": False, "user": False, "seeker": False, "speaker": False,
    "sys": True, "system": True, "supporter": True, "listener": True,
}  # fmt: skip
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
        split: the part of the collection that it belongs to, as the file names it; empty where it names none.
        ending: how it ended, where that was logged: the person left content, left disappointed, or did not leave
            (a turn limit, a broken connection). None in collections that do not say.
    """

    name: str
    helped: bool
    rated: bool
    topic: str
    feeling: int | None
    initial: int | None
    final: int | None
    turns: tuple[Turn, ...]
    split: str = ""
    ending: Ending | None = None

    @property
    def replies(self) -> int:
        """How many turns the supporter had."""
        return sum(turn.supporter for turn in self.turns)

    @property
    def abandoned(self) -> bool:
        """Left disappointed; where no ending was logged: unsuccessful, and left without answering the last survey."""
        if self.ending is None:
            return not self.helped and self.final is None
        return self.ending == "abandoned"

    @property
    def filtered(self) -> bool:
        """Of a collection that kept successes only from some length on, as those do that log no endings."""
        return self.ending is None

    @property
    def digest(self) -> str:
        """What tells this dialogue from others without holding its words: 12 digits of a SHA-256 of all turns."""
        said = "\x00".join(f"{turn.supporter:d} {' '.join(turn.text.split())}" for turn in self.turns)
        return hashlib.sha256(said.encode()).hexdigest()[:12]

    def spoken(self) -> list[tuple[bool, str]]:
        """Whether the supporter speaks, and the words, in turn: what one says in a row is joined, silence left out."""
        found: list[tuple[bool, str]] = []
        for turn in self.turns:
            text = " ".join(turn.text.split())
            if text and found and found[-1][0] == turn.supporter:
                found[-1] = (turn.supporter, f"{found[-1][1]} {text}")
            elif text:
                found.append((turn.supporter, text))
        return found

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
        DataError: nothing is there, or a line is malformed or too long; names file, line and field.
    """
    if not path.exists():
        raise DataError(f"{path}: there is no such file or folder; give a log, or the folder that holds {FILES[0]}")
    files = [path] if path.is_file() else collection(path)
    if not files:
        raise DataError(
            f"{path}: no {' or '.join(FILES)}, and no {' or '.join(PUBLISHED)} here; give the folder that holds them, "
            "or one such file"
        )
    dialogues: list[Dialogue] = []
    for file in files:
        try:
            dialogues += _dialogues(_objects(file))
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{file}: cannot be read as UTF-8 text ({type(error).__name__}); check the file") from error
    if not dialogues:
        raise DataError(f"{files[0]}: holds no dialogue; give a file with one JSON object a line")
    return dialogues


def collection(folder: Path) -> list[Path]:
    """The files of ESConv in a folder, in either layout; what is there in both is the same and read once."""
    there = {entry.name.lower(): entry for entry in sorted(folder.iterdir(), reverse=True) if entry.is_file()}
    pairs = zip(FILES, PUBLISHED, strict=True)
    found = (there.get(own, there.get(published.lower())) for own, published in pairs)
    return [file for file in found if file is not None]


def _objects(file: Path) -> Iterator[Line]:
    """The objects of a file, from its lines or from one array."""
    with file.open(encoding="utf-8-sig") as lines:
        start = lines.read(4096).lstrip()
    first = start.split("\n", 1)[0].strip()
    # An array, or an object over many lines; a line that is cut off is one of a file of lines.
    whole = start.startswith("[") or first in ("{", '{"') or (first.startswith("{") and first.endswith(("[", "{", ",")))
    for record, where in (_of_whole if whole else _of_lines)(file):
        if not isinstance(record, dict):
            raise DataError(f"{where}: holds {type(record).__name__}; each dialogue or turn must be one JSON object")
        yield record, where


def _of_whole(file: Path) -> Iterator[tuple[Any, str]]:
    """The entries of one JSON array, or the one object of a file."""
    if file.stat().st_size > LARGEST_ARRAY:
        raise DataError(f"{file}: is an array of more than {LARGEST_ARRAY >> 20} MiB; write one object a line")
    found = _parsed(file.read_text(encoding="utf-8-sig"), str(file))
    for number, record in enumerate(found if isinstance(found, list) else [found], start=1):
        yield record, f"{file}, dialogue {number}"


def _of_lines(file: Path) -> Iterator[tuple[Any, str]]:
    """What stands in a file's lines; empty lines are passed over."""
    with file.open(encoding="utf-8-sig") as lines:
        for number in itertools.count(1):
            if not (line := lines.readline(LONGEST_LINE + 1)):
                return
            where = f"{file}, line {number}"
            if len(line) > LONGEST_LINE:
                raise DataError(f"{where}: is longer than {LONGEST_LINE} characters; give one object a line")
            if line.strip():
                yield _parsed(line, where), where


def _parsed(text: str, where: str) -> Any:
    try:
        record = json.loads(text)
        if "\\ud" in text.lower():  # half a character may be escaped in JSON, but is no text
            record = json.loads(json.dumps(record, ensure_ascii=False).encode("utf-8", "replace"))
    except RecursionError as error:
        raise DataError(f"{where}: not JSON (nested too deeply); mend or remove it") from error
    except ValueError as error:
        what = "a number is too long"
        if isinstance(error, json.JSONDecodeError):
            what = error.msg if error.lineno == 1 else f"{error.msg}, line {error.lineno}"
        raise DataError(f"{where}: not JSON ({what}); mend or remove it") from error
    return record


def _dialogues(lines: Iterator[Line]) -> Iterable[Dialogue]:
    """The dialogues of a file, of whichever layout its first line is."""
    for record, where in lines:
        whole = itertools.chain([(record, where)], lines)
        if "turns" in record:
            return [_dialogue(*line) for line in whole]
        if "dialog" in record:
            return [_dialogue(published(*line), line[1]) for line in whole]
        if "turn" in record:
            return _by_turn(whole)
        raise DataError(
            f"{where}: the fields 'turns' or 'dialog' (a dialogue each) and 'turn' (a turn each, as rlgen simulate "
            "writes) are missing; see the schemas in docs/users/calibrated.md"
        )
    return []


def published(record: dict[str, Any], where: str) -> dict[str, Any]:
    """A dialogue as ESConv is published, in the layout of turns: consecutive utterances of a speaker are one.

    Args:
        record: with `dialog`, a list of utterances with `speaker`, `content` and `annotation`.
        where: it stands. FailedESConv is told by its name alone.

    Raises:
        DataError: it is malformed; names place and field.
    """
    turns: list[dict[str, Any]] = []
    for number, said in enumerate(_field(record, "dialog", list, where)):
        at = f"{where}, dialog[{number}]"
        supporter, text = _supports(said, at), _field(said, "content", str, at).strip()
        rating = (said.get("annotation") or {}).get("feedback") if isinstance(said.get("annotation"), dict) else None
        if not turns or _SPEAKERS[turns[-1]["speaker"]] != supporter:
            turns.append({"speaker": "sys" if supporter else "usr", "utts": [], "feedback": None})
        turns[-1]["utts"].append(text)
        turns[-1]["feedback"] = turns[-1]["feedback"] if rating in (None, "") else rating
    merged = [{**turn, "text": " ".join(turn["utts"])} for turn in turns]
    failed = "failed" in Path(where.rsplit(", ", 1)[0]).name.lower()
    return {"id": where, **({"split": FAILED} if failed else {}), **record, "turns": merged}


def _by_turn(lines: Iterator[Line]) -> Iterable[Dialogue]:
    """Dialogues of a log: one ends where the next line begins another, or with the file."""
    found: list[Dialogue] = []
    turns: list[Line] = []
    for record, where in lines:
        person, turn = _field(record, "person", int, where), _field(record, "turn", int, where)
        if turn == 0 and turns:
            found.append(_logged(turns))
            turns = []
        if turn != len(turns):
            wanted = f"{len(turns)}, or 0 where a dialogue begins" if turns else "0, the first of a dialogue"
            raise DataError(f"{where}: turn is {turn}; it must be {wanted}")
        if turns and person != turns[0][0]["person"]:
            raise DataError(f"{where}: person is {person}; this dialogue is with person {turns[0][0]['person']}")
        turns.append((record, where))
    return [*found, _logged(turns)]


def _logged(lines: Sequence[Line]) -> Dialogue:
    """A dialogue from its turns. Helped is who is better off by both surveys; without them, who left content."""
    turns: list[Turn] = []
    rating: float | None = None
    for record, where in lines:
        said, reply = (_field(record, name, str, where) for name in ("said", "reply"))
        turns += [Turn(False, said, 1, rating), Turn(True, reply, 1, None)]
        feedback = _field(record, "feedback", dict, where)
        given = feedback.get("rating")
        rating = None if given is None else _on_scale(given, "feedback.rating", where)
    last, where = lines[-1]
    leaving = _field(last, "then", str, where) if last.get("then") is not None else ""
    if leaving or rating is not None:
        turns.append(Turn(False, leaving, 1, rating))
    completed, abandoned = (_field(feedback, name, bool, where) for name in ("completed", "abandoned"))
    if completed and abandoned:
        raise DataError(f"{where}: feedback.completed and feedback.abandoned are both true; at most one can be")
    outcome = last.get("outcome") or {}
    if not isinstance(outcome, dict):
        raise DataError(f"{where}: outcome is {type(outcome).__name__}; it must be dict")
    initial, final = (_intensity(outcome, f"{when}_intensity", where) for when in ("initial", "final"))
    return Dialogue(
        name=str(last["person"]),
        helped=completed if initial is None or final is None else final < initial,
        rated=any(turn.rating is not None for turn in turns),
        topic="",
        feeling=None,
        initial=initial,
        final=final,
        turns=tuple(turns),
        ending="completed" if completed else "abandoned" if abandoned else "open",
    )


def _dialogue(record: dict[str, Any], where: str) -> Dialogue:
    turns = _field(record, "turns", list, where)
    if len(turns) < 2:
        raise DataError(f"{where}: turns has {len(turns)} entries; a dialogue needs at least two")
    survey = record.get("survey_score") or {}
    seeker = (survey.get("seeker") if isinstance(survey, dict) else None) or {}
    parsed = tuple(_turn(turn, f"{where}, turns[{i}]") for i, turn in enumerate(turns))
    rated = bool(record.get("has_turn_feedback", any(turn.rating is not None for turn in parsed)))
    return Dialogue(
        name=str(record.get("id", where)),
        helped=record.get("split") != FAILED,
        rated=rated and any(turn.rating is not None for turn in parsed),
        topic=str(record.get("problem_type") or ""),
        feeling=_FEELING_OF.get(str(record.get("emotion_type", "")).lower()),
        initial=_intensity(seeker, "initial_emotion_intensity", where),
        final=_intensity(seeker, "final_emotion_intensity", where),
        turns=parsed,
        split=str(record.get("split") or ""),
    )


def _field(record: dict[str, Any], name: str, kind: type, where: str) -> Any:
    if name not in record:
        raise DataError(f"{where}: the field {name!r} is missing; see the schema in docs/users/calibrated.md")
    if not isinstance(record[name], kind) or (kind is int and isinstance(record[name], bool)):
        raise DataError(f"{where}: {name} is {type(record[name]).__name__}; it must be {kind.__name__}")
    return record[name]


def _supports(record: Any, where: str) -> bool:
    """Whether the supporter speaks in a turn or an utterance."""
    if not isinstance(record, dict):
        raise DataError(f"{where}: is {type(record).__name__}; it must be an object with who speaks and the words")
    speaker = _field(record, "speaker", str, where).lower()
    if speaker not in _SPEAKERS:
        raise DataError(f"{where}: speaker is {speaker!r}; it must be one of {', '.join(map(repr, _SPEAKERS))}")
    return _SPEAKERS[speaker]


def _turn(record: Any, where: str) -> Turn:
    supporter = _supports(record, where)
    rating = record.get("feedback")
    if rating is not None:
        rating = _on_scale(rating, "feedback", where)
    utterances = record.get("utts")
    count = max(len(utterances), 1) if isinstance(utterances, list) else 1
    return Turn(supporter, _field(record, "text", str, where), count, None if supporter else rating)


def _intensity(survey: dict[str, Any], name: str, where: str) -> int | None:
    value = survey.get(name)
    return None if value in (None, "") else int(_on_scale(value, name, where))


def _on_scale(value: Any, name: str, where: str) -> float:
    try:
        number = float("nan" if isinstance(value, bool) else value)
    except (TypeError, ValueError, OverflowError):
        number = float("nan")
    if number not in {1.0, 2.0, 3.0, 4.0, 5.0}:
        raise DataError(f"{where}: {name} is {value!r:.40}; it must be 1, 2, 3, 4 or 5")
    return number
