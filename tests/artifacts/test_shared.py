"""Parts are shared by what they are made of."""

from __future__ import annotations

import os
import threading
import time

import pytest

from rlgen.artifacts import Manifest, Shared, content, state, write
from rlgen.errors import ArtifactError
from rlgen.locks import OneThread


def manifest(**changes):
    return Manifest(name="x", kind="x/1", description="", command="make x", **changes)


def test_a_part_is_shared_until_what_lies_there_changes():
    shared, made = Shared(), []

    def part(place, made_of):
        return shared.of(place, made_of, lambda: made.append((place, made_of)) or object())

    first = part("here", 1)
    assert part("here", 1) is first
    assert part("there", 1) is not first
    newer = part("here", 2)
    assert newer is not first
    assert part("here", 2) is newer
    assert made == [("here", 1), ("there", 1), ("here", 2)]


def test_the_parts_used_last_are_kept():
    shared = Shared(2)
    one, two = shared.of("one", 0, object), shared.of("two", 0, object)
    assert shared.of("one", 0, object) is one
    shared.of("three", 0, object)
    assert shared.of("one", 0, object) is one
    assert shared.of("two", 0, object) is not two


def test_threads_load_a_part_once():
    shared, made, found = Shared(), [], []

    def slow():
        made.append(1)
        time.sleep(0.05)
        return object()

    threads = [threading.Thread(target=lambda: found.append(shared.of("here", 0, slow))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert len(found) == 8
    assert len(set(map(id, found))) == 1


def test_content_is_of_the_files_and_of_what_the_manifest_says(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    write(here, {"a": b"1"}, manifest())
    write(there, {"a": b"1"}, manifest())
    first = content(here, "x/1")
    assert content(there, "x/1") == first
    write(here, {"a": b"2"}, manifest())
    assert content(here, "x/1") != first
    write(there, {"a": b"1"}, manifest(settings={"sizes": 2}))
    assert content(there, "x/1") != first
    write(there, {"a": b"1"}, manifest())
    assert content(there, "x/1") == first
    (there / "a").write_bytes(b"2")
    with pytest.raises(ArtifactError, match="damaged"):
        content(there, "x/1")


def test_a_file_that_was_written_again_is_another_state(tmp_path):
    (tmp_path / "deep").mkdir()
    file = tmp_path / "deep" / "weights"
    file.write_bytes(b"one")
    first = state(tmp_path)
    assert state(tmp_path) == first
    times = file.stat()
    time.sleep(0.02)
    file.write_bytes(b"two")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))  # as `cp -p` leaves it
    assert state(tmp_path) != first
    assert state(tmp_path / "nothing") == ()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_finds_locks_free():
    lock, held, done = OneThread(), threading.Event(), threading.Event()

    def hold():
        with lock:
            held.set()
            done.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(20)
    child = os.fork()
    if child == 0:
        with lock:
            os._exit(7)
    deadline = time.monotonic() + 20
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.monotonic() < deadline:
        time.sleep(0.01)
    done.set()
    thread.join()
    if ended == (0, 0):
        os.kill(child, 9)
    assert os.waitstatus_to_exitcode(ended[1]) == 7
