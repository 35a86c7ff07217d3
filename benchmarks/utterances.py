"""`python -m benchmarks.utterances`: do simulated people jump between moods or repeat themselves, beside real ones?"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rlgen.experiments.cli import call
from rlgen.experiments.options import TableOptions, parse
from rlgen.text.reading.repetition import clauses

if TYPE_CHECKING:
    from recipes.transitions import Spoken
    from rlgen.experiments.display.tables import Row
    from rlgen.text import Reader
    from rlgen.types import UtteranceCatalogue
    from rlgen.users import FamilyConfig

F32 = NDArray[np.float32]

ALIKE: Final = 0.8  # cosine from which two utterances count as near-duplicates
_TURNS: Final = 12
# What everybody is answered with, turn after turn; the bench is about people, not about replies.
_ANSWER: Final = {"warmth": 0.4, "directiveness": 0.1, "intensity": 0.5, "relevance": 0.5, "fluency": 0.9}


class BenchUtterancesOptions(TableOptions):
    """Moods and words of simulated people from turn to turn, beside those of real people where --data is given."""

    data: Path | None = Field(
        default=None, description="folder with esconv, meld_text and dailydialog, for real people"
    )
    people: int = Field(default=500, ge=20, description="simulated people of each family; at most so many real ones")
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="of the first person")
    utterances: str = Field(default="own", description="what people say: own, or the path of a corpus")
    encoder: str = Field(default="fast", description="sentence encoder of the readers, as in a world")


@dataclass(frozen=True)
class Talk:
    """What one person said in one dialogue, in order, openings and leave-takings too.

    Attributes:
        intensity: `[n]`, as read.
        valence: `[n]`, as read.
        embedding: `[n, d]`, of unit length.
        text: n strings.
    """

    intensity: F32
    valence: F32
    embedding: F32
    text: list[str]


def follows(series: Sequence[F32]) -> tuple[float, float]:
    """How a reading goes on from one own turn to the next, after the opening.

    Returns:
        Mean absolute jump in standard deviations of the reading (1.13 for independent normal values), and
        correlation of neighbours.
    """
    before = np.concatenate([values[1:-1] for values in series])
    after = np.concatenate([values[2:] for values in series])
    spread = np.concatenate([before, after]).std()
    return float(np.abs(after - before).mean() / spread), float(np.corrcoef(before, after)[0, 1])


def alike(talks: Sequence[Talk], turns: int = _TURNS) -> tuple[float, float, float]:
    """Of dialogues cut to `turns`: shares with an utterance and with a clause said twice; of near-duplicate pairs."""
    again, clause, near, pairs = 0, 0, 0, 0
    for talk in talks:
        text, embedding = talk.text[:turns], talk.embedding[:turns]
        again += len(set(text)) < len(text)
        clause += max(Counter(found for said in text for found in clauses(said)).values(), default=0) > 1
        above = np.triu_indices(len(text), 1)
        near += int(((embedding @ embedding.T)[above] > ALIKE).sum())
        pairs += len(above[0])
    return again / len(talks), clause / len(talks), near / max(pairs, 1)


def simulated(
    config: FamilyConfig, people: int, seed: int, bank: UtteranceCatalogue, reader: Reader
) -> tuple[list[Talk], Spoken]:
    """People of a config, each until they leave: their words, and the categories of their turns after the opening."""
    from rlgen.perception import SignalBank
    from rlgen.rng import Streams
    from rlgen.types import Reading, Words
    from rlgen.users import build

    users = build(config, people, bank, SignalBank.load("shipped:signal_bank").catalogue)
    streams, everybody = Streams.of(seed, people), np.arange(people)
    values: dict[str, Any] = {name: np.full(people, _ANSWER.get(name, 0.0), np.float32) for name in Reading.SCALARS}
    affect = np.zeros((people, 8), np.float32)
    affect[:, 0] = 1.0
    reading = Reading(affect, np.zeros((people, 3), np.float32), **values)
    words = Words(np.full((people, 1), -1), [""] * people)
    said = [users.reset(everybody, streams).utterance]
    stays = [np.ones(people, dtype=np.bool_)]
    for turn in range(16):
        feedback, expression = users.respond(everybody, words, reading, streams, np.full(people, turn))
        said.append(expression.utterance)
        stays.append(stays[-1] & ~(feedback.completed | feedback.abandoned))
    # The word on which somebody leaves is the last that is heard.
    heard = np.stack([stays[0], *stays[:-1]], axis=1)
    index = np.stack(said, axis=1)
    read, embedding = reader.read_catalogue(bank.text)
    unit = embedding / np.linalg.norm(embedding, axis=1, keepdims=True)
    rows = [index[person, heard[person]] for person in range(people)]
    talks = [
        Talk(read.intensity[own], read.affect[own, 6], unit[own], [bank.text[i] for i in own.tolist()]) for own in rows
    ]
    return talks, [bank.category[own[1:]].tolist() for own in rows]


def real(data: Path, people: int, reader: Reader) -> list[Talk]:
    """People who sought support in ESConv, with what they said in at least four turns."""
    from rlgen.users.logs import dialogues

    found = dialogues.read(data / "esconv" / dialogues.FILES[0])
    every = ([text for supporter, text in dialogue.spoken() if not supporter] for dialogue in found)
    turns = [said for said in every if len(said) >= 4][:people]
    flat = [text for said in turns for text in said]
    read, embedding = reader.read_catalogue(flat)
    unit = embedding / np.linalg.norm(embedding, axis=1, keepdims=True)
    talks, start = [], 0
    for said in turns:
        own = slice(start, start + len(said))
        talks.append(Talk(read.intensity[own], read.affect[own, 6], unit[own], said))
        start += len(said)
    return talks


def read_figures(talks: Sequence[Talk]) -> dict[str, float]:
    """What is measured on simulated and on real words alike, by name."""
    jump, intensity = follows([talk.intensity for talk in talks])
    valence_jump, valence = follows([talk.valence for talk in talks])
    again, clause, near = alike(talks)
    return {
        "intensity jump, SD": jump,
        "intensity correlation": intensity,
        "valence jump, SD": valence_jump,
        "valence correlation": valence,
        "an utterance twice": again,
        "a clause twice": clause,
        "pairs alike": near,
    }


def measure(options: BenchUtterancesOptions) -> Iterator[Row]:
    """One row per family, memory and figure.

    `baseline` is the figure of real people; of agreement, what independent draws would give.
    """
    from recipes.transitions import agreement, distressed, joint, spoken_emotions
    from rlgen.envs.config import WorldConfig
    from rlgen.envs.parts import load_bank
    from rlgen.experiments.display.progress import reading_shown
    from rlgen.experiments.display.tables import Row
    from rlgen.users import CalibratedConfig, TheoryConfig

    spoken_by = WorldConfig(utterances=options.utterances, encoder=options.encoder)
    _, reader = load_bank(spoken_by, reading_shown)
    human: dict[str, float] = {}
    if options.data is not None:
        human = read_figures(real(options.data, options.people, reader))
        for name, turns in spoken_emotions(options.data).items():
            same, chance = agreement(distressed(joint(turns)))
            yield Row(f"{name}: distressed turns agree", same, baseline=chance)
    for family, config in (("theory", TheoryConfig()), ("calibrated", CalibratedConfig())):
        own, _ = load_bank(spoken_by.model_copy(update={"users": config}), reading_shown)
        for memory, people in (("no memory", config.model_copy(update={"transitions": None})), ("", config)):
            name = f"{family}{', ' if memory else ''}{memory}"
            talks, spoken = simulated(people, options.people, options.seed, own, reader)
            same, chance = agreement(distressed(joint(spoken)))
            yield Row(f"{name}: distressed turns agree", same, baseline=chance)
            for what, value in read_figures(talks).items():
                yield Row(f"{name}: {what}", value, baseline=human.get(what))


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    options = parse(BenchUtterancesOptions, argv, "python -m benchmarks.utterances")
    from rlgen.experiments.display.tables import show

    show("utterances", list(measure(options)), options.as_json)
    return 0


if __name__ == "__main__":
    sys.exit(call("python -m benchmarks.utterances", main, sys.argv[1:]))
