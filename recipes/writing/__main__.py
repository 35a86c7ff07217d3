"""`python -m recipes.writing`: check the written corpus, describe it, and print exchanges of it."""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final

import numpy as np
from pydantic import Field

from recipes.writing import written
from recipes.writing.originality import COPIED, RUN, copied, originality
from recipes.writing.written import CORNERS, Written
from rlgen.affect import CATEGORIES
from rlgen.errors import DataError
from rlgen.experiments.cli import call
from rlgen.experiments.options import Options, parse
from rlgen.text.plain import count_words
from rlgen.text.topics import topics
from rlgen.text.utterances import PHASES

PROGRAM: Final = "python -m recipes.writing"
SHARED: Final = 0.01  # runs of six words that two dialogues may share


class WritingOptions(Options):
    """Check the written corpus: its form, its originality, and with --data that no text is a data set's."""

    dialogues: Annotated[Path | None, Field(description="a file of written dialogues of your own, instead")] = None
    data: Annotated[Path | None, Field(description="folder of the data sets: refuses what was copied from them")] = None
    samples: Annotated[int, Field(ge=0, description="exchanges to print, drawn at random, in Markdown")] = 0
    seed: Annotated[int, Field(ge=0, description="of the choice")] = 0


def known_texts(data: Path) -> Iterator[str]:
    """Texts of the data sets of dialogues that this project reads.

    Raises:
        DataError: one is missing.
    """
    from recipes.readers import sources

    for part in ("people", "judge", "generator", "held-out"):
        for dialogue in sources.esconv_dialogues(data, part):
            yield from (turn["text"] for turn in dialogue["turns"])
    for name in ("valid", "test"):
        for talk in sources.json_lines(sources.opened(data, f"empathetic_dialogues/{name}.jsonl")):
            yield from talk["turns"]
    for talk in sources.json_lines(sources.opened(data, "dailydialog/dailydialog.jsonl")):
        yield from (turn["text"] for turn in talk["turns"])


def check(everything: Sequence[Written], data: Path | None) -> list[str]:
    """What is wrong, a line each: shared runs, near-duplicates, copies."""
    found = originality(everything)
    wrong = []
    if found.share > SHARED:
        worst = sorted(found.shared.items(), key=lambda item: -len(item[1]))[:5]
        told = "; ".join(f"{' '.join(run)!r} in {', '.join(names[:3])}" for run, names in worst)
        wrong.append(
            f"{found.share:.2%} of runs of {RUN} words are shared between dialogues, above {SHARED:.0%}: {told}"
        )
    wrong += [f"near-duplicates: {one!r} and {other!r}" for one, other in found.near]
    if data is not None:
        wrong += [
            f"{name}: shares {COPIED} words in a row with a data set: {text!r}"
            for name, text in copied(everything, known_texts(data))
        ]
    return wrong


def described(dialogues: Sequence[Written], corners: Sequence[Written]) -> list[str]:
    """Counts and lengths, a line each."""
    turns = [turn for one in dialogues for turn in one.turns]
    said = [turn.said for turn in turns]
    if not turns:
        return ["no dialogue"]
    lengths = [len(one.turns) for one in dialogues]
    words = np.array([count_words(text) for text in said])
    openings = np.array([count_words(one.turns[0].said) for one in dialogues])
    replies = np.array([count_words(turn.reply) for turn in turns])
    feelings = Counter(CATEGORIES[turn.category] for turn in turns)
    found = originality([*dialogues, *corners])
    return [
        f"{len(dialogues):,} dialogues of {min(lengths)} to {max(lengths)} turns, {len(turns):,} exchanges, "
        f"{len({one.topic for one in dialogues})} topics",
        f"{len(corners) // CORNERS:,} utterances with {CORNERS} replies each",
        f"people: {np.median(words):.0f} words (a tenth above {np.quantile(words, 0.9):.0f}), openings "
        f"{np.median(openings):.0f}; {np.mean(['?' in text for text in said]):.1%} with a question, "
        f"{np.mean(['thank' in text.lower() or 'thx' in text.lower() for text in said]):.1%} with thanks, "
        f"{len(set(said)) / len(said):.1%} distinct",
        f"replies: {np.median(replies):.0f} words (a tenth above {np.quantile(replies, 0.9):.0f})",
        "feelings: " + ", ".join(f"{name} {count:,}" for name, count in feelings.most_common()),
        f"runs of {RUN} words shared between dialogues: {found.share:.2%} of {found.runs:,}",
    ]


def samples(dialogues: Sequence[Written], count: int, seed: int) -> Iterator[str]:
    """Exchanges drawn at random, in Markdown."""
    exchanges = [(one, turn) for one in dialogues for turn in one.turns]
    for one, turn in random.Random(f"written/{seed}").sample(exchanges, min(count, len(exchanges))):
        labels = f"{topics()[one.topic].name}, {CATEGORIES[turn.category]} {turn.intensity:g}, {PHASES[turn.phase]}"
        dials = f"warmth {turn.warmth:+g}, directiveness {turn.directiveness:+g}, depth {turn.weight:g}"
        yield f"- {turn.said}\n    - {turn.reply}  *({labels}; {dials})*"


def main(argv: Sequence[str]) -> int:
    """Describe, check, print; a corpus with a fault is refused."""
    options = parse(WritingOptions, argv, PROGRAM)
    if options.dialogues is not None:
        dialogues, corners = list(written.read(options.dialogues, 1)), []
    else:
        dialogues, corners = written.dialogues(), written.corners()
    print("\n".join(described(dialogues, corners)))
    if wrong := check([*dialogues, *corners], options.data):
        raise DataError("\n".join([f"the written corpus has {len(wrong)} fault(s):", *wrong[:20]]))
    if options.samples:
        print("\n".join(samples(dialogues, options.samples, options.seed)))
    return 0


if __name__ == "__main__":
    sys.exit(call(PROGRAM, main, sys.argv[1:]))
