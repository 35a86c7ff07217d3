"""Files that are whole or not there; records that are read again."""

from __future__ import annotations

import json
import os

import pytest

from rlgen.errors import ConfigError, DataError
from rlgen.experiments.files.whole import (
    read_json,
    read_lines,
    whole,
    writable_file,
    writable_folder,
    write_atomically,
)


def test_a_file_gets_its_name_when_it_is_whole(tmp_path):
    out = tmp_path / "deep" / "a.png"
    with whole(out) as place:
        assert not out.exists()
        assert place.suffix == ".png"  # some writers go by the ending
        place.write_bytes(b"new")
    assert out.read_bytes() == b"new"
    assert list(out.parent.iterdir()) == [out]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_was_there_survives_a_failure(tmp_path, error):
    out = tmp_path / "a.txt"
    write_atomically(out, "old\r\n")

    def fail():
        with whole(out) as place:
            place.write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert out.read_bytes() == b"old\r\n"  # line ends are those of the text
    assert list(tmp_path.iterdir()) == [out]


def test_places_that_cannot_be_written_are_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    for check in (writable_file, writable_folder, lambda path: write_atomically(path, "")):
        with pytest.raises(DataError, match=r"file.*: cannot be .*;( make room or)? choose another place"):
            check(tmp_path / "file" / "x")
    for check in (writable_file, lambda path: write_atomically(path, "")):
        with pytest.raises(DataError, match=r"is a folder|Is a directory"):
            check(tmp_path)
    assert not list((tmp_path).glob(".*"))


@pytest.mark.skipif(os.geteuid() == 0 if hasattr(os, "geteuid") else True, reason="root may write everywhere")
def test_a_folder_without_the_right_to_write_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(DataError, match="cannot be written to"):
        writable_folder(tmp_path)


def test_a_line_cut_short_is_left_out_and_a_damaged_one_named(tmp_path):
    file = tmp_path / "m.jsonl"
    file.write_text('{"a": 1}\n{"a": 2}\n{"a"')
    assert read_lines(file, ("a",)) == [{"a": 1}, {"a": 2}]
    for damaged in ("[]", "{", '{"b": 1}'):
        file.write_text(f'{{"a": 1}}\n{damaged}\n')
        with pytest.raises(DataError, match="line 2 is not a record"):
            read_lines(file, ("a",))


def test_only_an_object_is_taken(tmp_path):
    file = tmp_path / "c.json"
    for text, says in (("[1]", "holds list"), ("{", "cannot be read"), ("\udc80", "cannot be read")):
        file.write_bytes(text.encode("utf-8", "surrogateescape"))
        with pytest.raises(ConfigError, match=says):
            read_json(file)
    file.write_text(json.dumps({"a": 1}))
    assert read_json(file) == {"a": 1}
