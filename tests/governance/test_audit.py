"""The audit log: whatever is done to a line, verification names the first that is bad."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlgen.errors import AuditError, ConfigError
from rlgen.governance import AuditLog, verify


def fill(path: Path, lines: int = 5, **options: object) -> str:
    with AuditLog(path, clock=lambda: 1000.0, salt=b"salt", **options) as log:  # type: ignore[arg-type]
        for row in range(lines - 1):
            log.intervention(row=row, turn=row, decision="replace", reason="insult", utterance="u", reply=f"r{row}")
        return log.head


@pytest.fixture
def path(tmp_path: Path) -> Path:
    fill(tmp_path / "audit.jsonl")
    return tmp_path / "audit.jsonl"


def edit(path: Path, lines: list[bytes]) -> None:
    path.write_bytes(b"".join(line + b"\n" for line in lines))


def test_an_untouched_log_is_intact(path: Path) -> None:
    report = verify(path)
    assert report.intact
    assert report.lines == 5
    assert report.first_bad is None
    assert report.counts == {"insult": 4}


def test_same_records_times_and_salt_give_the_same_bytes(path: Path, tmp_path: Path) -> None:
    fill(tmp_path / "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("number", range(5))
def test_a_changed_line_is_named(path: Path, number: int) -> None:
    lines = path.read_bytes().splitlines()
    lines[number] = lines[number].replace(b'"time":1000.0', b'"time":1001.0')
    edit(path, lines)
    report = verify(path)
    assert not report.intact
    assert report.first_bad == number + 1
    assert report.lines == number


@pytest.mark.parametrize("number", range(4))
def test_a_removed_line_is_noticed_at_its_place(path: Path, number: int) -> None:
    lines = path.read_bytes().splitlines()
    del lines[number]
    edit(path, lines)
    assert verify(path).first_bad == number + 1


def test_swapped_and_inserted_lines_are_noticed(path: Path) -> None:
    lines = path.read_bytes().splitlines()
    edit(path, [lines[0], lines[2], lines[1], *lines[3:]])
    assert verify(path).first_bad == 2
    edit(path, [*lines[:3], lines[2], *lines[3:]])
    assert verify(path).first_bad == 4


@settings(max_examples=60, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_any_flipped_bit_is_noticed(tmp_path_factory: pytest.TempPathFactory, place: float, bit: int) -> None:
    path = tmp_path_factory.mktemp("flip") / "audit.jsonl"
    fill(path)
    data = bytearray(path.read_bytes())
    data[int(place * len(data))] ^= 1 << bit
    path.write_bytes(data)
    assert not verify(path).intact


def test_a_recomputed_hash_breaks_the_next_line(path: Path) -> None:
    lines = path.read_bytes().splitlines()
    record = json.loads(lines[2])
    record["reason"] = "nothing"
    del record["hash"]
    body = json.dumps(record, separators=(",", ":")).encode()
    record["hash"] = hashlib.sha256(body).hexdigest()
    lines[2] = json.dumps(record, separators=(",", ":")).encode()
    edit(path, lines)
    assert verify(path).first_bad == 4


def test_lines_cut_off_the_end_show_beside_a_noted_head(path: Path) -> None:
    head = verify(path).head
    assert verify(path, head=head).intact
    edit(path, path.read_bytes().splitlines()[:-2])
    assert verify(path).intact  # an unkeyed or keyed chain alone cannot know
    assert not verify(path, head=head).intact


def test_a_torn_last_line_is_named_then_set_aside_and_noted(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"line":6,"tim')
    report = verify(path)
    assert not report.intact
    assert report.first_bad == 6
    assert "torn" in report.problem
    with AuditLog(path) as log:
        log.intervention(row=0, turn=0, decision="replace", reason="insult", utterance="u", reply="r")
    assert verify(path).intact
    assert verify(path).lines == 7
    assert path.read_bytes().startswith(whole)
    assert json.loads(path.read_bytes().splitlines()[5])["event"] == "torn line"
    assert path.with_name("audit.jsonl.torn").read_bytes() == b'{"line":6,"tim\n'


def test_a_log_torn_in_its_first_line_starts_again(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b'{"line":1')
    fill(path, 2)
    assert verify(path).intact


def test_a_log_is_continued(path: Path) -> None:
    fill(path, 3)
    report = verify(path)
    assert report.intact
    assert report.lines == 7


def test_a_tampered_log_is_not_continued(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"row":1', b'"row":2'))
    with pytest.raises(AuditError, match=r"line 3.*changed"):
        AuditLog(path)


def test_one_writer_at_a_time(path: Path) -> None:
    with AuditLog(path), pytest.raises(AuditError, match="another process"):
        AuditLog(path)
    AuditLog(path).close()


def test_a_key_keeps_others_from_writing_a_new_chain(tmp_path: Path) -> None:
    path, key, other = tmp_path / "audit.jsonl", tmp_path / "key", tmp_path / "other"
    key.write_bytes(b"0123456789abcdef")
    other.write_bytes(b"another key")
    fill(path, key_file=key)
    assert verify(path, key).intact
    assert verify(path, other).first_bad == 1
    with pytest.raises(AuditError, match="keyed"):
        verify(path)
    fill(tmp_path / "plain.jsonl")
    assert verify(tmp_path / "plain.jsonl", key).first_bad == 1


def test_hashes_of_texts_are_salted(tmp_path: Path) -> None:
    with AuditLog(tmp_path / "a.jsonl") as first, AuditLog(tmp_path / "b.jsonl") as second:
        assert first.text_hash("hello") == first.text_hash("hello")
        assert first.text_hash("hello") != second.text_hash("hello")
        assert len(first.text_hash("\ud800")) == 64
    salted = AuditLog(tmp_path / "a.jsonl")
    assert salted.text_hash("hello") == first.text_hash("hello")
    salted.close()


@pytest.mark.parametrize("data", [b"line A\nlast line", b"no line at all", b"{}", b"\n", b'{"event":"start"}\n{"a'])
def test_a_foreign_file_is_refused_and_stays(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(data)
    with pytest.raises(AuditError, match=r"notes\.txt: .*log elsewhere"):
        AuditLog(path)
    assert path.read_bytes() == data
    assert list(tmp_path.iterdir()) == [path]


def test_a_log_with_another_key_keeps_its_torn_line(tmp_path: Path) -> None:
    path, key = tmp_path / "audit.jsonl", tmp_path / "key"
    key.write_bytes(b"0123456789abcdef")
    fill(path, key_file=key)
    path.write_bytes(path.read_bytes() + b'{"line":6')
    before = path.read_bytes()
    with pytest.raises(AuditError, match="keyed"):
        AuditLog(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"event": "x", "hash": "0"}, "'hash'"),
        ({"event": "x", "line": 3}, "'line'"),
        ({"event": "x", "previous": ""}, "'previous'"),
        ({"event": "x", "time": 1.0}, "'time'"),
        ({"note": "x"}, "no `event`"),
        ({"event": 3}, "no `event`"),
        ({"event": "intervention"}, "without `reason`"),
        ({"event": "x", "value": float("nan")}, "not JSON"),
        ({"event": "x", "value": {1, 2}}, "not JSON"),
    ],
)
def test_a_record_that_would_break_the_log_is_refused(tmp_path: Path, record: dict[str, object], said: str) -> None:
    with AuditLog(tmp_path / "a.jsonl") as log:
        with pytest.raises(AuditError, match=said):
            log.append(record)
        log.append({"event": "x"})
    assert verify(tmp_path / "a.jsonl").lines == 2


@pytest.mark.parametrize(
    "record",
    [
        {"note": "no event"},
        {"event": 3},
        {"event": ["intervention"]},
        {"event": "intervention"},
        {"event": "intervention", "reason": 3},
    ],
)
def test_a_chained_line_of_the_wrong_form_is_named(path: Path, record: dict[str, object]) -> None:
    head, number = verify(path).head, 6
    body = {"line": number, "time": 1.0, **record, "previous": head}
    digest = hashlib.sha256(json.dumps(body, separators=(",", ":")).encode()).hexdigest()
    line = json.dumps({**body, "hash": digest}, separators=(",", ":")).encode()
    path.write_bytes(path.read_bytes() + line + b"\n")
    report = verify(path)
    assert report.first_bad == number
    assert report.lines == 5
    assert report.counts == {"insult": 4}


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b'{"line":6,"previous":3,"hash":[]}',
        b'{"line":"6","hash":null}',
        b"null",
        b"1" * 10_000,
    ],
)
def test_a_line_of_wrong_types_is_named(path: Path, line: bytes) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole + line + b"\n")
    assert verify(path).first_bad == 6
    path.write_bytes(line + b"\n" + whole)
    assert verify(path).first_bad == 1


def test_other_line_ends_are_a_change(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert verify(path).first_bad == 1


@pytest.mark.parametrize("data", [b"", b"\n", b"not json\n", b"[]\n", b"3\n", b'{"event":"start"}\n', b"\xff\xfe\n"])
def test_what_is_no_log_is_named(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_bytes(data)
    report = verify(path)
    assert report.first_bad == 1
    assert report.problem


def test_mistakes_are_typed(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="cannot be read"):
        verify(tmp_path / "none.jsonl")
    with pytest.raises(AuditError, match="cannot be opened"):
        AuditLog(tmp_path)
    with pytest.raises(ConfigError, match="key cannot be read"):
        AuditLog(tmp_path / "a.jsonl", key_file=tmp_path / "none")
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(ConfigError, match="key is empty"):
        AuditLog(tmp_path / "a.jsonl", key_file=tmp_path / "empty")
    log = AuditLog(tmp_path / "a.jsonl")
    log.close()
    log.close()
    with pytest.raises(AuditError, match="closed"):
        log.append({"event": "x"})


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    log = AuditLog(tmp_path / "a.jsonl")

    def full(file: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(AuditError, match=r"line 2 cannot be written.*No space"):
        log.append({"event": "x"})
    monkeypatch.undo()
    log.append({"event": "x"})
    log.close()
    assert verify(tmp_path / "a.jsonl").intact


def test_a_line_that_fits_only_half_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    log, write = AuditLog(tmp_path / "a.jsonl"), os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:10]))
    with pytest.raises(AuditError, match="line 2 does not fit"):
        log.append({"event": "x"})
    monkeypatch.undo()
    log.append({"event": "x"})
    log.close()
    assert verify(tmp_path / "a.jsonl").lines == 2
