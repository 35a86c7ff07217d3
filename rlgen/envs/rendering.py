"""What a person looks at: a dialogue as text, a turn as a picture, and the words in infos."""

from __future__ import annotations

import io
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rlgen.affect import AROUSAL, CATEGORIES, NUM_CATEGORIES, VALENCE
from rlgen.envs.records import Opening, TurnRecord
from rlgen.envs.world import World
from rlgen.types import ALLOW, CONTROL_RANGES, F32

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BLOCKS = " ▁▂▃▄▅▆▇█"
_INK, _PAPER, _SAID, _ANSWERED, _QUIET = "#1f2933", "#fbfaf7", "#e8e4da", "#d6e6e4", "#7b8794"


def bars(affect: F32) -> str:
    """Six category probabilities as block characters with the leading category's name."""
    levels = "".join(_BLOCKS[int(np.ceil(p * 8))] for p in affect[:NUM_CATEGORIES])
    leading = CATEGORIES[int(affect[:NUM_CATEGORIES].argmax())]
    return f"{levels} {leading} v{affect[VALENCE]:+.1f} a{affect[AROUSAL]:+.1f}"


def ending(record: TurnRecord, row: int) -> str:
    """How the dialogue ended in this turn; empty where it goes on."""
    if record.feedback.completed[row]:
        return "the person has had enough help and leaves"
    if record.feedback.abandoned[row]:
        return "the person gives up and leaves"
    if record.over[row]:
        return "the last turn: the limit ends the dialogue"
    return ""


def opening_text(opening: Opening, row: int = 0) -> str:
    """What a person says first: said, recognised."""
    lines = [
        "opening" + (f"  ({opening.topic[row]})" if opening.topic[row] else ""),
        f"  person      {opening.utterance[row]}",
        f"  recognised  {bars(opening.estimate.affect[row])}",
    ]
    return "\n".join(lines)


def turn_text(record: TurnRecord, row: int = 0) -> str:
    """One turn of one row: said, recognised, controls, reply, feedback."""
    c = record.controls
    rating = record.feedback.rating[row]
    shown = f"engagement {record.feedback.engagement[row]:.2f}"
    if np.isfinite(rating):
        shown = f"rating {rating:.0f}, {shown}"
    lines = [
        f"turn {int(record.turn[row]) + 1}" + (f"  ({record.topic[row]})" if record.topic[row] else ""),
        f"  person      {record.utterance[row]}",
        f"  recognised  {bars(record.estimate.affect[row])}",
        f"  controls    warmth {c.warmth[row]:+.2f}  directiveness {c.directiveness[row]:+.2f}  "
        f"temperature {c.temperature[row]:.2f}  weight {c.emotional_weight[row]:.2f}",
        f"  reply       {record.reply[row]}",
    ]
    if record.verdict.decision[row] != ALLOW:
        lines.append(f"  guard       {record.verdict.reason[row]}")
    lines.append(f"  feedback    {shown}  reward {record.reward[row]:+.3f}")
    if left := ending(record, row):
        lines.append(f"  end         {left}")
    return "\n".join(lines)


def show(words: str) -> None:
    """Write a line to the terminal; what its encoding does not know becomes a question mark."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    sys.stdout.write(words.encode(encoding, "replace").decode(encoding) + "\n")
    sys.stdout.flush()


class Transcripts:
    """The dialogues of a world, each from its opening on.

    Args:
        world: it keeps records from now on; `begin` and `take` follow its dialogues.
    """

    def __init__(self, world: World) -> None:
        world.record = True
        self._world = world
        self._openings: list[Opening | None] = [None] * world.num_envs
        self._turns: list[list[tuple[TurnRecord, int]]] = [[] for _ in range(world.num_envs)]

    def begin(self, rows: Iterable[int]) -> None:
        """Dialogues that the world has just begun."""
        opening = self._world.opening()
        for row in rows:
            self._openings[row], self._turns[row] = opening, []

    def take(self, rows: Iterable[int]) -> None:
        """The turn that the world has just made in these rows."""
        if (record := self._world.last) is not None:
            for at, row in enumerate(rows):
                self._turns[row].append((record, at))

    def text(self, row: int, turns: slice = slice(None)) -> str:
        """The dialogue so far turn by turn, or some turns of it; before the first turn its opening."""
        opening = self._openings[row]
        if self._turns[row]:
            return "\n".join(turn_text(record, at) for record, at in self._turns[row][turns])
        return "(no dialogue yet)" if opening is None else opening_text(opening, row)

    def picture(self, row: int) -> NDArray[np.uint8]:
        """The last turn, or the opening before the first, as a picture `[540, 960, 3]` uint8."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(9.6, 5.4), dpi=100, facecolor=_PAPER)
        turns, opening = self._turns[row], self._openings[row]
        if turns:
            record, at = turns[-1]
            _title(figure, f"turn {int(record.turn[at]) + 1}", record.topic[at])
            _bubble(figure, (0.03, 0.86), "person", record.utterance[at], _SAID)
            _bubble(figure, (0.13, 0.64), "reply", record.reply[at], _ANSWERED)
            _affect(figure, record.estimate.affect[at])
            _controls(figure, record, at)
            _feedback(figure, turns)
        elif opening is not None:
            _title(figure, "opening", opening.topic[row])
            _bubble(figure, (0.03, 0.86), "person", opening.utterance[row], _SAID)
            _affect(figure, opening.estimate.affect[row])
        buffer = io.BytesIO()
        figure.savefig(buffer, format="raw")
        pixels = np.frombuffer(buffer.getvalue(), dtype=np.uint8)
        return pixels.reshape(540, 960, 4)[..., :3].copy()

    def words(self, row: int) -> dict[str, Any]:
        """What was said last on both sides, and how long ago.

        Returns:
            `utterance`, the person's last words, and `utterance_age`, 0 where they wait for an answer and 1 where
            the person left without another; `reply`, the last one, empty before the first; `turn`, how many turns
            are done; `rating`, the last one given, and `rating_age`, how many turns ago (0: to the last reply);
            0 and -1 until there is one.
        """
        turns, opening = self._turns[row], self._openings[row]
        said: dict[str, Any] = {"utterance": "", "utterance_age": 0, "reply": "", "turn": len(turns)}
        if turns:
            record, at = turns[-1]
            following = record.next_utterance[at]
            said |= {"utterance": following or record.utterance[at], "utterance_age": int(not following)}
            said["reply"] = record.reply[at]
        elif opening is not None:
            said["utterance"] = opening.utterance[row]
        rating, age = 0.0, -1  # no NaN: checkers compare infos, and it equals nothing
        for ago, (record, at) in enumerate(reversed(turns)):
            if np.isfinite(given := record.feedback.rating[at]):
                rating, age = float(given), ago
                break
        return {**said, "rating": rating, "rating_age": age}


def _title(figure: Figure, at: str, topic: str) -> None:
    figure.text(0.03, 0.94, f"{at}   {topic}", fontsize=11, color=_QUIET, va="top")


def _bubble(figure: Figure, at: tuple[float, float], name: str, words: str, colour: str) -> None:
    x, y = at
    figure.text(x, y, name, fontsize=9, color=_QUIET, va="top")
    figure.text(
        x + 0.01,
        y - 0.055,
        textwrap.fill(words, 78),
        fontsize=12,
        color=_INK,
        va="top",
        bbox={"boxstyle": "round,pad=0.6", "facecolor": colour, "edgecolor": "none"},
    )


def _affect(figure: Figure, affect: F32) -> None:
    axes = figure.add_axes((0.12, 0.09, 0.24, 0.27), facecolor=_PAPER)
    axes.barh(CATEGORIES, affect[:NUM_CATEGORIES], color="#3f7f8c")
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_title(
        f"recognised   valence {affect[VALENCE]:+.2f}  arousal {affect[AROUSAL]:+.2f}", fontsize=9, loc="left"
    )
    _plain(axes)


def _controls(figure: Figure, record: TurnRecord, row: int) -> None:
    axes = figure.add_axes((0.50, 0.09, 0.2, 0.27), facecolor=_PAPER)
    c = record.controls
    names = ["warmth", "directiveness", "temperature", "weight"]
    places = np.arange(len(names))
    low, high = np.array(list(CONTROL_RANGES.values())).T
    values = np.array([getattr(c, name)[row] for name in CONTROL_RANGES])
    axes.hlines(places, 0, 1, color=_SAID, linewidth=4)
    axes.scatter((values - low) / (high - low), places, color="#b4553d", zorder=3)
    axes.set_yticks(places, names)
    for place, value in zip(places, values, strict=True):
        axes.text(1.08, float(place), f"{value:.2f}", fontsize=9, color=_INK, va="center")
    axes.invert_yaxis()
    axes.set_xlim(-0.05, 1.05)
    axes.set_xticks([])
    axes.set_title("controls", fontsize=9, loc="left")
    _plain(axes)


def _feedback(figure: Figure, turns: Sequence[tuple[TurnRecord, int]]) -> None:
    axes = figure.add_axes((0.80, 0.09, 0.17, 0.27), facecolor=_PAPER)
    number = [int(record.turn[at]) + 1 for record, at in turns]
    axes.plot(number, [record.feedback.engagement[at] for record, at in turns], color="#3f7f8c", marker=".")
    for t, (record, at) in zip(number, turns, strict=True):
        if np.isfinite(rating := record.feedback.rating[at]):
            axes.text(t, 1.02, f"{rating:.0f}★", fontsize=8, color="#b4553d", ha="center")
    axes.set_ylim(0, 1.15)
    axes.set_xlim(0.5, max(number[-1], 4) + 0.5)
    axes.set_title(ending(*turns[-1]) or "engagement and ratings", fontsize=9, loc="right")
    _plain(axes)


def _plain(axes: Axes) -> None:
    axes.tick_params(labelsize=8, colors=_INK, length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
