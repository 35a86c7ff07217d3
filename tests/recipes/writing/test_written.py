"""The written corpus: every line has its form, bad lines are named, copies and near-duplicates are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from recipes.writing import written
from recipes.writing.__main__ import PROGRAM, check, main
from recipes.writing.originality import COPIED, RUN, copied, originality, runs
from recipes.writing.written import CORNERS, Written, WrittenTurn, corners, dialogues, is_held_out, read
from rlgen.affect import CATEGORIES
from rlgen.errors import DataError
from rlgen.experiments.cli import call
from rlgen.text.plain import clean

GOOD = """= exam 01
P sadness 3 opening plain | failed the mock again
S +1 -1 1 | Again, after all that work. Which part went worst?

P fear 2 exploring open | integrals
S -2 +2 0 | Do ten of them tonight.
= grief 02
P neutral 1 working guarded | fine
S 0 0 2 | Fine, you say.
"""


def file_of(folder: Path, text: str) -> Path:
    path = folder / "mine.txt"
    path.write_text(text, encoding="utf-8")
    return path


def talk(name: str, *texts: str) -> Written:
    turns = zip(texts[::2], texts[1::2], strict=True)
    return Written(name, 0, tuple(WrittenTurn(a, b, 1, 0.5, 1, 1, 0.0, 0.0, 0.0) for a, b in turns))


def test_a_file_becomes_labelled_dialogues(tmp_path: Path) -> None:
    one, two = read(file_of(tmp_path, GOOD), 1)
    assert (one.name, two.name) == ("exam-01", "grief-02")
    first, second = one.turns
    assert first == WrittenTurn(
        "failed the mock again", "Again, after all that work. Which part went worst?",
        CATEGORIES.index("sadness"), 0.85, 0, 1, 0.5, -0.5, 0.5,
    )  # fmt: skip
    assert (second.warmth, second.directiveness, second.weight) == (-1.0, 1.0, 0.0)
    assert (second.intensity, second.phase, second.disclosure) == (0.55, 1, 2)
    assert two.turns[0].weight == 1.0


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (GOOD.replace("S +1 -1 1", "S +3 -1 1"), "line 3: 'S +3 -1 1 | Again"),
        (GOOD.replace("P fear 2", "P dread 2"), "line 5: feeling, phase or disclosure is unknown"),
        (GOOD.replace("= grief 02", "= gardening 02"), "line 7: 'gardening' is no topic"),
        (GOOD.replace("S -2 +2 0 | Do ten of them tonight.\n", ""), "line 6: the dialogue before it is not complete"),
        (GOOD.replace("= exam 01\n", ""), "line 1: a dialogue begins with"),
        (GOOD.replace("P fear 2 exploring open | integrals\n", ""), "line 5: a reply without an utterance"),
        (GOOD.removesuffix("S 0 0 2 | Fine, you say.\n"), "line 8: the last dialogue is not complete"),
        (GOOD.replace(" | integrals", " | "), "line 5: 'P fear 2 exploring open | ' is neither"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, wrong: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = file_of(tmp_path, wrong)
    with pytest.raises(DataError, match=r"mine\.txt") as caught:
        list(read(path, 1))
    assert told in str(caught.value)
    assert call(PROGRAM, main, ["--dialogues", str(path)]) == 2
    assert told in capsys.readouterr().err


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "x.txt", tmp_path / "nothing.txt"):
        with pytest.raises(DataError, match="cannot be read as UTF-8"):
            list(read(path, 1))


def test_the_corpus_is_whole_and_original() -> None:
    everything = [*dialogues(), *corners()]
    assert check(everything, None) == []
    names = [one.name for one in dialogues()] + sorted({one.name for one in corners()})
    assert len(names) == len(set(names))
    for one in dialogues():
        assert 6 <= len(one.turns) <= 16, one.name
        assert one.turns[0].phase == 0, one.name
    sets = [corners()[i : i + CORNERS] for i in range(0, len(corners()), CORNERS)]
    asked = [(w, d, s) for w in (1.0, -1.0) for d in (-1.0, 1.0) for s in (0.0, 1.0)]
    for eight in sets:
        assert len({one.turns[0].said for one in eight}) == 1
        assert [(t.warmth, t.directiveness, t.weight) for one in eight for t in one.turns] == asked, eight[0].name
    for text in written.texts(everything):
        assert clean(text), text
        assert "|" not in text
    held = [one.name for one in dialogues("held_out")]
    assert all(map(is_held_out, held))
    assert not set(held) & {one.name for one in dialogues("train")}


def test_dials_do_not_go_together_in_written_dialogues() -> None:
    import numpy as np

    dials = np.array([(t.warmth, t.directiveness, t.weight) for one in dialogues() for t in one.turns])
    assert np.abs(np.corrcoef(dials.T)[np.triu_indices(3, 1)]).max() < 0.1


def test_shared_runs_are_counted_between_dialogues_only() -> None:
    text = "one two three four five six"
    apart = originality([talk("a", text, text), talk("a", text, "x"), talk("b", "nothing of it", "here")])
    assert apart.shared == {}
    assert apart.runs == 1
    both = originality([talk("a", text, "x"), talk("b", f"and {text}", "y")])
    assert list(both.shared.values()) == [["a", "b"]]
    assert both.share == 1 / 2
    assert len(runs(text, RUN)) == 1


def test_near_duplicates_and_copies_are_found() -> None:
    said = "my landlord painted the stairs green and then sent me the bill for it"
    other = said.replace("green", "blue")
    assert len(originality([talk("a", said, "x"), talk("b", other, "y")]).near) == 1
    assert originality([talk("a", said, "x"), talk("a", other, "y")]).near == []
    known = ["Well, MY landlord painted the stairs green and then left."]
    assert copied([talk("a", said, "x")], known) == [("a", said)]
    assert copied([talk("a", said, "x")], [" ".join(said.split()[: COPIED - 1])]) == []


def test_a_corpus_with_copies_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    doubled = GOOD.replace("integrals", "i keep staring at the same green page of the workbook")
    again = doubled.replace("= exam 01", "= exam 03").replace("= grief 02", "= grief 04")
    assert call(PROGRAM, main, ["--dialogues", str(file_of(tmp_path, doubled + again))]) == 2
    told = capsys.readouterr().err
    assert "of runs of 6 words are shared" in told
    assert "near-duplicates" in told


def test_samples_are_printed_with_their_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(PROGRAM, main, ["--dialogues", str(file_of(tmp_path, GOOD)), "--samples", "5"]) == 0
    told = capsys.readouterr().out
    assert told.count("\n- ") == 3
    assert "exam, fear 0.55, exploring; warmth -1, directiveness +1, depth 0" in told
