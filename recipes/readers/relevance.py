"""Fitting relevance: two towers on true exchanges against all others of a batch, then a head on contrast sets.

A *contrast* is an utterance with a reply that answers another one: of another topic, of the same topic, of another turn
of the same dialogue, of another feeling, naming another person's step. ESConv, EmpatheticDialogues, DailyDialog and
MELD give human exchanges, the composed and the written corpus the project's own.
"""

from __future__ import annotations

import csv
import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from recipes.readers import sources
from rlgen.affect import CATEGORIES
from rlgen.text.reading.relevance import (
    FEATURES,
    IDF_BUCKETS,
    WIDTHS,
    Heard,
    Relevance,
    remembered,
    word_buckets,
)
from rlgen.types import F32, I64

Contrast = Literal[
    "another topic", "same topic", "same dialogue", "another feeling", "another step", "another dialogue"
]
CONTRASTS: Final[tuple[Contrast, ...]] = (
    "another topic", "same topic", "same dialogue", "another feeling", "another step",
)  # fmt: skip
"""What the head learns from; `"another dialogue"`, of any topic, is only measured: it needs no labels."""

_BATCH: Final = 1024
_EPOCHS: Final = 10
_RATE: Final = 1e-3
_DROPPED: Final = 0.15
_FORGOTTEN: Final = 0.3  # share of the pairs that are learned without what was said before
# How often an exchange is drawn while the towers learn, and how much each source counts for the head.
_DRAWN: Final = {"esconv": 10.0, "written": 4.0, "composed": 2.5, "empathetic": 2.0, "meld": 1.0, "dailydialog": 1.0}
_COUNTS: Final = {"esconv": 0.5, "written": 0.15, "composed": 0.25, "empathetic": 0.1, "meld": 0.0, "dailydialog": 0.0}
_COMPOSED: Final = 4000  # dialogues
_HEAD_SHARE: Final = 0.15  # of the dialogues, kept from the towers for the head
_HEAD_PENALTY: Final = 1e-3
_USUAL: Final = 4096  # utterances that say how well a reply fits anything


@dataclass(frozen=True)
class Exchange:
    """A reply and what it answers.

    Attributes:
        source: of `_DRAWN`.
        dialogue: number of its dialogue, over all sources.
        topic: what it is about, by name; `""` where nobody said.
        feeling: of the person, `""` where nobody said.
        step: whether the person names a next step.
        said: what is answered.
        reply: the answer.
        before: what the same person said earlier, oldest first.
        speaker: 0 or 1, of what is answered.
    """

    source: str
    dialogue: int
    topic: str
    feeling: str
    step: bool
    said: str
    reply: str
    before: tuple[str, ...] = ()
    speaker: int = 0


@dataclass
class Exchanges:
    """Exchanges of many dialogues, as they are read."""

    of: list[Exchange] = field(default_factory=list)
    dialogues: int = 0

    def add(self, source: str, topic: str, turns: Sequence[tuple[int, str]], both: bool = False) -> None:
        """A dialogue: (speaker, text) in turn; speaker 0 is answered, with `both` speaker 1 too."""
        kept = [(who, text.strip()) for who, text in turns if text.strip()]
        for i, ((who, said), (answers, reply)) in enumerate(itertools.pairwise(kept)):
            if who != answers and (both or who == 0):
                before = tuple(text for speaker, text in kept[:i] if speaker == who)
                self.of.append(Exchange(source, self.dialogues, topic, "", False, said, reply, before, who))
        self.dialogues += 1


def human(data: Path, held_out: bool) -> list[Exchange]:
    """Human exchanges: those that are learned from, or those that are kept apart.

    Raises:
        DataError: a data set is missing.
    """
    found = Exchanges()
    parts: tuple[sources.Part, ...] = ("held-out",) if held_out else ("people", "generator")
    for dialogue in (dialogue for part in parts for dialogue in sources.esconv_dialogues(data, part)):
        turns = [(int(turn["speaker"] != "usr"), turn["text"]) for turn in dialogue["turns"]]
        found.add("esconv", dialogue["problem_type"], turns)
    name = "test" if held_out else "valid"
    for talk in sources.json_lines(sources.opened(data, f"empathetic_dialogues/{name}.jsonl")):
        found.add("empathetic", talk["emotion"], [(i % 2, t) for i, t in enumerate(talk["turns"])], both=not held_out)
    for turns in _meld(sources.opened(data, f"meld_text/{'test' if held_out else 'train'}_sent_emo.csv")):
        found.add("meld", "", turns, both=not held_out)
    if not held_out:
        for talk in sources.json_lines(sources.opened(data, "dailydialog/dailydialog.jsonl")):
            if talk["split"] != "test":
                turns = [(i % 2, turn["text"]) for i, turn in enumerate(talk["turns"])]
                found.add("dailydialog", str(talk.get("topic", "")), turns, both=True)
    return found.of


def _meld(path: Path) -> Iterator[list[tuple[int, str]]]:
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        for _, rows in itertools.groupby(csv.DictReader(file), key=lambda row: row["Dialogue_ID"]):
            turns: list[tuple[str, str]] = []
            for row in rows:
                if turns and turns[-1][0] == row["Speaker"]:
                    turns[-1] = row["Speaker"], f"{turns[-1][1]} {row['Utterance'].strip()}"
                else:
                    turns.append((row["Speaker"], row["Utterance"].strip()))
            yield [(i % 2, text) for i, (_, text) in enumerate(turns)]


def own(seed: int, held_out: bool) -> list[Exchange]:
    """The project's own exchanges, composed and written, with feelings and steps."""
    from recipes.writing import written
    from recipes.writing.corpus import MOST_TURNS, compose
    from rlgen.text.topics import topics

    names = [topic.name for topic in topics()]
    found: list[Exchange] = []
    composed = compose(seed + 31, _COMPOSED // (8 if held_out else 1), "held_out" if held_out else "train", MOST_TURNS)
    told: list[tuple[str, int, Sequence[Any]]] = [("composed", one.topic, one.turns) for one in composed]
    told += [("written", one.topic, one.turns) for one in written.dialogues("held_out" if held_out else "train")]
    for number, (source, topic, turns) in enumerate(told):
        for i, turn in enumerate(turns):
            found.append(
                Exchange(
                    source,
                    10_000_000 + number,
                    names[topic],
                    CATEGORIES[turn.category],
                    bool(getattr(turn, "step", "")),
                    turn.said,
                    turn.reply,
                    tuple(earlier.said for earlier in turns[:i]),
                )
            )
    return found


@dataclass(frozen=True)
class Encoded:
    """Exchanges with their embeddings, `[M, dim]` each."""

    of: Sequence[Exchange]
    said: F32
    reply: F32
    before: F32

    def heard(self, index: I64) -> Heard:
        """What some of the replies answer."""
        return Heard([self.of[i].said for i in index.tolist()], self.said[index], self.before[index])

    def pairs(self, whose: I64, which: I64) -> tuple[list[str], F32, Heard]:
        """What `Relevance.score` takes: some of the replies, and for each an utterance that it answers, or does not."""
        return [self.of[i].reply for i in which.tolist()], self.reply[which], self.heard(whose)


def encoded(of: Sequence[Exchange], embed: Callable[[Sequence[str]], F32]) -> Encoded:
    """Embed all texts, each once."""
    texts = list(dict.fromkeys(text for one in of for text in (one.said, one.reply, *one.before)))
    vectors, place = embed(texts), {text: i for i, text in enumerate(texts)}
    before = np.zeros((len(of), vectors.shape[1]), dtype=np.float32)
    for i, one in enumerate(of):
        for text in one.before:
            before[i] = remembered(before[i], vectors[place[text]])
    said, reply = (vectors[[place[getattr(one, side)] for one in of]] for side in ("said", "reply"))
    return Encoded(of, said, reply, before)


def contrasted(of: Sequence[Exchange], how: Contrast, rng: np.random.Generator) -> tuple[I64, I64]:
    """Pairs (whose utterance, whose reply) in which the reply answers something else.

    Returns:
        Two index arrays `[K]`; exchanges for which there is no such reply are left out.
    """
    pools: dict[Any, list[int]] = defaultdict(list)

    def key(one: Exchange) -> Any:
        if how == "same dialogue":
            return one.dialogue
        if how in ("another topic", "another dialogue"):
            return one.source
        return (one.source, one.topic)

    def answers_else(one: Exchange, other: Exchange) -> bool:
        if other.reply in (one.reply, one.said) or other.speaker != one.speaker:
            return False
        if how == "same dialogue":
            return other is not one
        if how == "another topic":
            return other.topic != one.topic
        if how in ("same topic", "another dialogue"):
            return other.dialogue != one.dialogue
        if how == "another feeling":
            return other.feeling != one.feeling and other.dialogue != one.dialogue
        return one.step and other.step and other.dialogue != one.dialogue

    for i, one in enumerate(of):
        pools[key(one)].append(i)
    whose, which = [], []
    for i, one in enumerate(of):
        if (how in ("another feeling", "another step") and not one.feeling) or (how == "another step" and not one.step):
            continue
        if how in ("another topic", "same topic") and not one.topic:
            continue
        pool = pools[key(one)]
        for _ in range(20):
            j = pool[int(rng.integers(len(pool)))]
            if answers_else(one, of[j]):
                whose.append(i)
                which.append(j)
                break
    return np.array(whose, dtype=np.int64), np.array(which, dtype=np.int64)


class _Towers(nn.Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        hidden, size = WIDTHS
        self.said = nn.Sequential(nn.Linear(2 * dim, hidden), nn.GELU(), nn.Linear(hidden, size))
        self.reply = nn.Sequential(nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, size))
        self.sharpness = nn.Parameter(torch.tensor(2.5))

    def asked(self, said: Tensor, before: Tensor) -> Tensor:
        return F.normalize(self.said(torch.cat([said, before], dim=1)), dim=1)

    def fits(self, reply: Tensor) -> Tensor:
        return F.normalize(self.reply(reply), dim=1)


def _towers(on: Encoded, seed: int, steps: int) -> _Towers:
    """Learn the towers: each true pair against all other replies of its batch, one of which comes from near by.

    Near by is the same dialogue; where feelings are known the same topic, so that a reply to another feeling is met.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    towers = _Towers(on.said.shape[1])
    learner = torch.optim.AdamW(towers.parameters(), lr=_RATE, weight_decay=0.05)
    said, reply, before = map(torch.from_numpy, (on.said, on.reply, on.before))
    texts = {text: i for i, text in enumerate(dict.fromkeys(t for one in on.of for t in (one.said, one.reply)))}
    said_id, reply_id = (np.array([texts[getattr(one, side)] for one in on.of]) for side in ("said", "reply"))
    dialogue = np.array([one.dialogue for one in on.of])
    speaker = np.array([one.speaker for one in on.of])
    near: dict[Any, list[int]] = defaultdict(list)
    places = [(one.source, one.topic) if one.feeling else (one.source, str(one.dialogue)) for one in on.of]
    for i, place in enumerate(places):
        near[place].append(i)
    chance = np.array([_DRAWN[one.source] for one in on.of])
    chance /= chance.sum()
    for step in range(steps):
        for group in learner.param_groups:
            group["lr"] = _RATE * min(1.0, (step + 1) / 50) * 0.5 * (1 + math.cos(math.pi * step / steps))
        first = rng.choice(len(on.of), _BATCH // 2, p=chance)
        mates = [around[int(rng.integers(len(around)))] for around in (near[places[i]] for i in first.tolist())]
        rows = np.concatenate([first, np.array(mates)])
        heard = before[rows] * torch.from_numpy(rng.random((len(rows), 1)) >= _FORGOTTEN)
        asked = towers.asked(F.dropout(said[rows], _DROPPED), heard)
        scores = asked @ towers.fits(F.dropout(reply[rows], _DROPPED)).T * towers.sharpness.exp()
        same = said_id[rows][:, None] == said_id[rows]
        same |= reply_id[rows][:, None] == reply_id[rows]
        same |= said_id[rows][:, None] == reply_id[rows]
        same |= (dialogue[rows][:, None] == dialogue[rows]) & (speaker[rows][:, None] != speaker[rows])
        np.fill_diagonal(same, False)
        scores = scores.masked_fill(torch.from_numpy(same), -1e4)
        target = torch.arange(len(rows))
        loss = F.cross_entropy(scores, target) + F.cross_entropy(scores.T, target)
        learner.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        learner.step()
    return towers.eval().requires_grad_(False)


def fit(on: Encoded, seed: int, steps: int = 0) -> Relevance:
    """Learn the towers on most dialogues, the head on the rest.

    Args:
        on: exchanges to learn from.
        seed: of order, weights and contrasts.
        steps: updates of the towers; 0 for as many as see everything a few times.
    """
    rng = np.random.default_rng(seed)
    numbers = np.array([one.dialogue for one in on.of])
    apart = np.isin(numbers, rng.permutation(np.unique(numbers))[: int(_HEAD_SHARE * len(np.unique(numbers)))])
    main, rest = np.flatnonzero(~apart), np.flatnonzero(apart)
    towers = _towers(_some(on, main), seed, steps or _EPOCHS * len(main) // _BATCH + 1)
    counted: Counter[int] = Counter()
    texts = {text for one in on.of for text in (one.said, one.reply)}
    for text in texts:
        counted.update(word_buckets(text))
    idf = np.log(len(texts) / (1.0 + np.array([counted[i] for i in range(IDF_BUCKETS)])))
    some = rng.choice(main, min(_USUAL, len(main)), replace=False)
    asked = towers.asked(torch.from_numpy(on.said[some]), torch.from_numpy(on.before[some]))
    weights: dict[str, Any] = {"usual": asked.mean(dim=0), "idf": torch.from_numpy(idf.clip(min=0.0))}
    for side, tower in (("said", towers.said), ("reply", towers.reply)):
        for number, place in enumerate((0, 2)):
            weights[f"{side}.{number}"], weights[f"{side}.{number}_bias"] = tower[place].weight, tower[place].bias
    weights |= {"head": torch.zeros(len(FEATURES)), "head_bias": torch.zeros(1)}
    kept = {f"relevance.{name}": np.asarray(tensor.detach(), dtype=np.float16) for name, tensor in weights.items()}
    return _with_head(kept, _some(on, rest), rng)


def _some(on: Encoded, index: I64) -> Encoded:
    return Encoded([on.of[i] for i in index.tolist()], on.said[index], on.reply[index], on.before[index])


def _with_head(kept: dict[str, NDArray[Any]], on: Encoded, rng: np.random.Generator) -> Relevance:
    """Fit the head: true pairs against contrasts, as much weight on each side, every kind and source by its share."""
    base = Relevance(kept)
    everyone = np.arange(len(on.of))
    lots = [(everyone, everyone)] + [contrasted(on.of, how, rng) for how in CONTRASTS]
    x = np.concatenate([base.features(*on.pairs(a, b)) for a, b in lots]).astype(np.float64)
    kind = np.repeat(np.arange(len(lots)), [len(a) for a, _ in lots])
    source = np.array([on.of[i].source for a, _ in lots for i in a.tolist()])
    weight = np.zeros(len(x))
    for name, share in _COUNTS.items():
        kinds = [k for k in range(1, len(lots)) if ((kind == k) & (source == name)).any()]
        for k, part in [(0, share), *((k, share / len(kinds)) for k in kinds)]:
            mine = (kind == k) & (source == name)
            weight[mine] = part / max(mine.sum(), 1)
    mean, spread = np.average(x, axis=0, weights=weight), x.std(axis=0) + 1e-3
    head = _logistic((x - mean) / spread, (kind == 0).astype(np.float64), weight / weight.sum())
    slopes = head[:-1] / spread
    learned = {"head": slopes, "head_bias": np.array([head[-1] - slopes @ mean])}
    return Relevance({**kept, **{f"relevance.{name}": array.astype(np.float16) for name, array in learned.items()}})


def _logistic(x: NDArray[np.float64], y: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights `[F + 1]`, the bias last, by Newton's method; the problem is convex."""
    x = np.concatenate([x, np.ones((len(x), 1))], axis=1)
    penalty = np.diag(np.append(np.full(x.shape[1] - 1, _HEAD_PENALTY), 1e-9))
    found = np.zeros(x.shape[1])
    for _ in range(30):
        p = 1.0 / (1.0 + np.exp(-x @ found))
        slope = x.T @ (weight * (y - p)) - penalty @ found
        found += np.linalg.solve((x * (weight * p * (1 - p))[:, None]).T @ x + penalty, slope)
    return found
