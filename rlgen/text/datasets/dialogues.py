"""Support dialogues in a researcher's own copy of ESConv, or a file like it; nothing of such a file is shipped.

Two layouts are known: JSON lines whose `turns` have `speaker` (`usr`, `sys`) and `text`, and the published
`ESConv.json`, one list whose entries have a `dialog` with `speaker` (`seeker`, `supporter`) and `content`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from rlgen.errors import DataError

FILE: Final = "esconv.jsonl"
_SPEAKERS: Final = {"usr": False, "seeker": False, "sys": True, "supporter": True}


Exchange = tuple[str, str]


def records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each dialogue with a name of where it stands.

    Args:
        path: a file, or a folder with `esconv.jsonl`.

    Raises:
        DataError: the file is missing or malformed; names file and line.
    """
    file = path / FILE if path.is_dir() else path
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise DataError(f"{file}: missing; give a file of dialogues, or a folder with {FILE}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file}: cannot be read as UTF-8 text ({type(error).__name__}); check the file") from error
    whole = text.lstrip().startswith("[")
    parts = [("line 1", text)] if whole else [(f"line {i}", line) for i, line in enumerate(text.split("\n"), 1)]
    for where, part in parts:
        if not part.strip():
            continue
        try:
            found = json.loads(part)
        except json.JSONDecodeError as error:
            line = where if not whole else f"line {error.lineno}"
            raise DataError(f"{file}, {line}: not JSON ({error.msg}); mend or remove it") from error
        for number, record in enumerate(found if whole else [found], 1):
            place = f"{file}, dialogue {number}" if whole else f"{file}, {where}"
            if not isinstance(record, dict):
                raise DataError(f"{place}: holds {type(record).__name__}; a dialogue must be a JSON object")
            yield place, record


def seekers(path: Path) -> list[tuple[str, list[str]]]:
    """Every dialogue's `problem_type` (empty where it names none) and the person's turns in order, all splits.

    Args:
        path: a file, or a folder with `esconv.jsonl`.

    Raises:
        DataError: the file is missing or malformed; names file and line.
    """
    return [
        (str(record.get("problem_type") or ""), [text for supporter, text in _joined(record, where) if not supporter])
        for where, record in records(path)
    ]


def exchanges(record: dict[str, Any], where: str) -> list[Exchange]:
    """Pairs (said, answered), what one speaker says in a row joined; what has no other side is left out."""
    joined = _joined(record, where)
    first = next((i for i, (supporter, _) in enumerate(joined) if not supporter), len(joined))
    texts = [text for _, text in joined[first:]]
    return list(zip(texts[::2], texts[1::2], strict=False))


def _joined(record: dict[str, Any], where: str) -> list[tuple[bool, str]]:
    """Turns (whether the supporter speaks, words), what one speaker says in a row joined."""
    key, text_key = ("turns", "text") if "turns" in record else ("dialog", "content")
    turns = record.get(key)
    if not isinstance(turns, list):
        raise DataError(f"{where}: has no list 'turns' (or 'dialog'); see the layouts in docs/corpus.md")
    joined: list[tuple[bool, str]] = []
    for number, turn in enumerate(turns):
        speaker, text = (turn.get("speaker"), turn.get(text_key)) if isinstance(turn, dict) else (None, None)
        if speaker not in _SPEAKERS or not isinstance(text, str):
            raise DataError(
                f"{where}: {key}[{number}] needs 'speaker' ({', '.join(_SPEAKERS)}) and a text '{text_key}'; mend it"
            )
        text = " ".join(text.split())
        if not text:
            continue
        if joined and joined[-1][0] == _SPEAKERS[speaker]:
            joined[-1] = (joined[-1][0], f"{joined[-1][1]} {text}")
        else:
            joined.append((_SPEAKERS[speaker], text))
    return joined
