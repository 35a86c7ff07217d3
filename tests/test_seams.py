"""The door for parts: names that are found and told, objects that are described, and sentences for the rest."""

from __future__ import annotations

import copy
import pickle
import sys
from pathlib import Path

import pytest

from rlgen import seams
from rlgen.errors import ConfigError
from rlgen.seams import Own, find, is_name, name_of, source_sha256, written_out

SOURCE = """
LIMIT = 3

def short(trace, limit=LIMIT):
    return limit

class Judge:
    def __init__(self, scale=1.0):
        self.scale = scale

    def score(self):
        return self.scale

    class Inner:
        pass

JUDGE = Judge(2.0)
"""


@pytest.fixture
def module(tmp_path, monkeypatch, request):
    """A module of one's own, of a name that no other test has."""
    name = f"own_{abs(hash(request.node.nodeid))}"
    (tmp_path / f"{name}.py").write_text(SOURCE)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    yield name
    sys.modules.pop(name, None)


def test_every_kind_of_thing_is_found_and_named_again(module):
    for attribute in ("short", "Judge", "Judge.Inner", "JUDGE"):
        thing = find(f"{module}:{attribute}")
        assert name_of(thing) == f"{module}:{attribute}"
        assert find(name_of(thing)) is thing


def test_what_cannot_be_found_again_has_no_name(module):
    def inner(trace):
        return trace

    assert name_of(inner) is None
    assert name_of(lambda trace: trace) is None
    assert name_of(find(f"{module}:Judge")()) is None, "an object that no module keeps"
    assert name_of(3) is None
    assert Own.of(3) is Own.of(True) is Own.of([1]) is None, "plain data"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a:b", True), ("a.b:C.d", True), ("x/y z.py:f", True), ("shipped:generator", False), ("a/b", False),
        ("fast-bf16", False), ("C:/models/x", False), ("a:b:c", False), ("", False), (3, False), ("a:", False),
    ],
)  # fmt: skip
def test_what_is_written_like_a_name(value, expected):
    assert is_name(value) is expected


def test_a_mistake_is_one_sentence_with_what_there_is(module, tmp_path):
    (tmp_path / "broken_part.py").write_text("1 / 0\n")
    (tmp_path / "needy_part.py").write_text("import not_there_at_all\n")
    for name, said in (
        ("not_there_at_all:x", "there is no module 'not_there_at_all'; check its spelling"),
        (f"{module}.deeper:x", "there is no module"),
        (f"{module}:shrt", "has no 'shrt'; it has short"),
        (f"{module}:Judge.Iner", "has no 'Judge.Iner'; it has Inner"),
        ("broken_part:x", r"broken_part cannot be imported \(ZeroDivisionError"),
        ("needy_part:x", r"needy_part cannot be imported \(ModuleNotFoundError"),
        (f"{tmp_path}/none.py:x", "there is no file"),
        ("nonsense", "is no name of a part"),
    ):
        with pytest.raises(ConfigError, match=said) as caught:
            find(name)
        assert "\n" not in str(caught.value)


def test_a_file_is_a_module(module, tmp_path):
    file = tmp_path / "filed_part.py"
    file.write_text(SOURCE)
    assert find(f"{file}:LIMIT") == 3
    (tmp_path / "elsewhere").mkdir()
    other = tmp_path / "elsewhere" / "filed_part.py"
    other.write_text(SOURCE)
    with pytest.raises(ConfigError, match="another module is called 'filed_part'"):
        find(f"{other}:LIMIT")
    sys.modules.pop("filed_part")


def test_plain_data_there_and_back(module):
    for given, plain in (
        (f"{module}:short", f"{module}:short"),
        (find(f"{module}:short"), f"{module}:short"),
        ({"kind": f"{module}:Judge", "scale": 3.0}, {"kind": f"{module}:Judge", "scale": 3.0}),
        ({"kind": find(f"{module}:Judge"), "scale": 3.0}, {"kind": f"{module}:Judge", "scale": 3.0}),
        (find(f"{module}:JUDGE"), f"{module}:JUDGE"),
    ):
        own = Own.of(given)
        assert own.plain() == plain
        assert Own.of(own.plain()) == own == pickle.loads(pickle.dumps(own)) == copy.deepcopy(own)
    for other in ("shipped:generator", "some/model", Path("x"), None, {"kind": "surface"}, {"weight": 1}):
        assert Own.of(other) is None


def test_an_object_without_a_name_says_so_where_it_is_read_again(module):
    own = Own.of(find(f"{module}:Judge")(4.0))
    assert own.plain() == {"unnamed": "Judge of Judge"}
    assert own.make("reward", ["score"]).scale == 4.0
    with pytest.raises(ValueError, match="no name to find it again; give the part again"):
        Own.of(own.plain())


def test_classes_and_makers_are_called_and_objects_are_taken(module):
    assert Own.of({"kind": f"{module}:Judge", "scale": 3.0}).make("x", ["score"]).scale == 3.0
    assert Own.of(f"{module}:JUDGE").make("x", ["score"]) is find(f"{module}:JUDGE")
    assert Own.of({"kind": f"{module}:short", "limit": 7}).function("x")(None) == 7
    for given, needs, said in (
        ({"kind": f"{module}:Judge", "scael": 1}, ["score"], "cannot be made .TypeError"),
        ({"kind": f"{module}:JUDGE", "scale": 1}, ["score"], "an object takes no options"),
        (f"{module}:Judge", ["rate"], "it is Judge, which has no rate"),
    ):
        with pytest.raises(ConfigError, match=said) as caught:
            Own.of(given).make("generator", needs)
        assert "\n" not in str(caught.value)


def test_the_hash_is_of_the_source_and_the_options(module, tmp_path):
    own = Own.of(f"{module}:short")
    before = own.sha256
    assert before != Own.of({"kind": f"{module}:short", "limit": 1}).sha256
    (tmp_path / f"{module}.py").write_text(SOURCE + "\n# changed\n")
    assert own.sha256 != before
    assert source_sha256(len) != source_sha256(sorted)
    assert source_sha256(find(f"{module}:JUDGE")) == source_sha256(find(f"{module}:Judge"))


def test_the_hash_is_of_what_the_source_imports_from_beside_it(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    files = {
        "hashed_part.py": "import numpy\nfrom hashed_house.rooms import cellar\ndef f(): import hashed_late\n",
        "hashed_late.py": "X = 1\n",
        "hashed_house/__init__.py": "from . import attic\n",
        "hashed_house/attic.py": "from .rooms.cellar import X\n",
        "hashed_house/rooms/__init__.py": "",
        "hashed_house/rooms/cellar.py": "from ..loop import *\nX = 1\n",
        "hashed_house/loop.py": "import hashed_part\n",
        "hashed_house/other.py": "X = 1\n",
        "hashed_other.py": "X = 1\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    before = source_sha256(find("hashed_part:f"))
    for name, text in files.items():
        (tmp_path / name).write_text(text + "# changed\n")
        changed = source_sha256(find("hashed_part:f")) != before
        assert changed == (not name.endswith("other.py")), name
        (tmp_path / name).write_text(text)
    (tmp_path / "hashed_house" / "attic.py").write_text("not Python (\n")
    assert source_sha256(find("hashed_part:f")) != before
    for name in [name for name in sys.modules if name.startswith("hashed_")]:
        del sys.modules[name]


def test_looking_in_a_folder_hides_nothing_that_is_installed(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "json.py").write_text("LIMIT = 1\n")
    (tmp_path / "only_here_part.py").write_text("LIMIT = 1\n")
    seams.look_in(tmp_path)
    seams.look_in(tmp_path)
    assert sys.path.count(str(tmp_path)) == 1
    assert find("only_here_part:LIMIT") == 1
    with pytest.raises(ConfigError, match="has no 'LIMIT'"):
        find("json:LIMIT")


def test_a_module_that_prints_or_leaves_does_not_take_the_command_along(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    (tmp_path / "own_loud.py").write_text("print('here'); here = 1")
    (tmp_path / "own_leaver.py").write_text("import sys; sys.exit(3)")
    assert find("own_loud:here") == 1
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "here\n")
    with pytest.raises(ConfigError, match=r"own_leaver cannot be imported \(SystemExit: 3\)"):
        find("own_leaver:x")


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("hf:OWNER/NAME", {"kind": "huggingface", "model": "OWNER/NAME"}),
        ("constant:Go on: I hear you.", {"kind": "constant", "text": "Go on: I hear you."}),
        ("surface:shipped:surface", {"kind": "surface", "path": "shipped:surface"}),
        ("corpus=FILE", {"kind": "corpus", "path": "FILE"}),
        ("calibrated:DIR", {"family": "calibrated", "parameters": "DIR"}),
        ("replay:log.jsonl", {"family": "replay", "path": "log.jsonl"}),
        ("llm:MODEL", {"family": "llm", "model": "MODEL"}),
    ],
)
def test_a_text_with_a_prefix_is_short_for_a_mapping(short, long):
    assert written_out(short) == long
    assert written_out(long) is long


@pytest.mark.parametrize("as_it_is", ["shipped:surface", "json:loads", "surface:", "DIR/surface", "C:\\x", None, 3])
def test_everything_else_is_as_it_is(as_it_is):
    assert written_out(as_it_is) is as_it_is
