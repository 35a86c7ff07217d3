"""The command: one sentence and status 2 for what its user can mend."""

from __future__ import annotations

import socket
import sys

import pytest

from rlgen.experiments import cli


def test_without_the_extra_it_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "openenv", None)
    assert cli.main(["serve", "openenv"]) == 2
    told = capsys.readouterr().err
    assert 'pip install "rlgen[openenv]"' in told
    assert told.count("\n") == 1


@pytest.fixture
def with_extra(monkeypatch):
    """As if it were installed: nothing of it is called before a mistake is found."""
    for name in ("openenv", "openenv.core", "uvicorn"):
        monkeypatch.setitem(sys.modules, name, sys.modules.get(name) or type(sys)(name))


@pytest.mark.usefixtures("with_extra")
def test_a_port_in_use_is_said_before_anything_is_loaded(capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert cli.main(["serve", "openenv", "--port", str(port)]) == 2
    told = capsys.readouterr().err
    assert f"127.0.0.1:{port}" in told
    assert "--port" in told
    assert told.count("\n") == 1


@pytest.mark.usefixtures("with_extra")
@pytest.mark.parametrize("argv", [["--port", "99999"], ["--clients", "0"], ["--env", "rlgen/None-v0"]])
def test_options_out_of_range(argv, capsys):
    assert cli.main(["serve", "openenv", *argv]) == 2
    assert capsys.readouterr().err.count("\n") == 1
