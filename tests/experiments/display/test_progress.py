import pytest

from rlgen.experiments.display import progress
from rlgen.experiments.display.progress import Shown, remaining


@pytest.mark.parametrize(
    ("seconds", "done", "left", "words"),
    [
        (10, 100, 400, "about 40 s left"),
        (60, 100, 400, "about 4 min left"),
        (60, 0, 400, ""),
        (60, 100, 0, ""),
        (0, 100, 10, ""),
    ],
)
def test_the_time_that_is_left(seconds, done, left, words):
    assert remaining(seconds, done, left) == words


def test_where_there_is_no_terminal_lines_come_within_the_first_minute(monkeypatch, capsys):
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with Shown("train", "steps", 1000) as shown:
        for second in range(61):
            now[0] = 100.0 + second
            shown.update(500 + second, "44/s")  # goes on with a run of 500 steps
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "train      510/1,000 steps  44/s  about 8 min left",
        "train      540/1,000 steps  44/s  about 8 min left",
    ]
    with Shown("train", "steps", 10) as shown:
        for _ in range(3):
            shown.update(10)
    assert capsys.readouterr().err == "train       10/10 steps\n"
