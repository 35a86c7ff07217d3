"""A search that is written down goes on where it was killed."""

import json
from contextlib import suppress

import pytest

from rlgen.errors import DataError
from rlgen.experiments.files.journal import Journal

COMMAND = {"env": "one", "people": 3}


def never():
    pytest.fail("this was known")


def stopped(path, numbers, tail=b""):
    with suppress(KeyboardInterrupt), Journal(path, COMMAND) as journal:
        for of, value in numbers.items():
            assert journal.number(of, lambda value=value: value) == value
        raise KeyboardInterrupt
    with path.open("ab") as file:
        file.write(tail)


def test_what_was_found_is_not_looked_for_again(tmp_path):
    path = tmp_path / "deep" / ".search"
    stopped(path, {"a": 0.1 + 0.2, "b": -1.5}, b'{"of": "c", "i')  # as a kill leaves it
    with Journal(path, COMMAND) as journal:
        assert journal.known == 2
        assert journal.number("a", never) == 0.1 + 0.2
        assert journal.number("c", lambda: 7.0) == 7.0
        assert [json.loads(line).get("of") for line in path.read_text().splitlines()] == [None, "a", "b", "c"]
    assert not path.exists()


def test_of_another_command_or_process_it_is_refused(tmp_path):
    path = tmp_path / ".search"
    stopped(path, {"a": 1.0})
    with pytest.raises(DataError, match="people is 3 there and 4 now"):
        Journal(path, {**COMMAND, "people": 4}).__enter__()
    with Journal(path, COMMAND), pytest.raises(DataError, match="another process"):
        Journal(path, COMMAND).__enter__()
