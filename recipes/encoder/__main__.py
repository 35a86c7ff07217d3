"""`python -m recipes.encoder`: train a small student of MiniLM on the project's own texts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import Field

from rlgen.experiments.cli import call
from rlgen.experiments.options import Options, parse, recorded

if TYPE_CHECKING:
    from rlgen.types import Generator

_GENERATED: Final = 2**20  # added to the seed of generated replies, whose controls are thus nobody else's


PROGRAM: Final = "python -m recipes.encoder"


class FitEncoder(Options):
    """Train a small student of MiniLM on composed, generated and bent texts; readers have to be fitted on it then."""

    out: Path = Field(Path("fast_encoder"), description="folder to write; an artifact there is replaced")
    generator: str = Field("shipped:generator", description="whose replies it learns: shipped:generator or a folder")
    readers: str = Field(
        "shipped:readers_minilm",
        description="readers fitted on minilm: in the directions in which they look errors cost more",
    )
    judge: str = Field("shipped:judge", description="only measured with: shipped:judge or a folder")
    composed: int = Field(16000, ge=100, description="replies of the corpus, and as many utterances")
    generated: int = Field(14000, ge=100, description="replies of the generator, from cold to too hot")
    bent: int = Field(14000, ge=0, description="shuffled, cut, glued texts and texts with any words")
    passes: float = Field(9.0, gt=0, description="over all texts")
    contexts: int = Field(2000, ge=50, description="held-out exchanges to measure on")
    seed: int = Field(0, ge=0, le=2**31 - 1, description="of texts, initial weights and batches")


def own_texts(generator: Generator, options: FitEncoder, say: Callable[[str], None]) -> list[str]:
    """What is trained on: texts of the corpus, of the bank of utterances and of the generator, and bent ones."""
    from recipes.encoder.distil import odd, vocabulary
    from recipes.encoder.faithful import answers
    from recipes.writing.corpus import compose
    from rlgen.text.utterances import utterances

    texts: list[str] = list(utterances().text)
    exchanges = list(compose(options.seed, options.composed))
    turns = [turn for exchange in exchanges for turn in exchange.turns]
    texts += [text for turn in turns[: options.composed] for text in (turn.reply, turn.said)]
    say(f"{options.generated} replies of the generator")
    asked = list(compose(options.seed + _GENERATED, options.generated))
    texts += answers(generator, asked, options.seed + _GENERATED)
    return texts + odd(texts, vocabulary(), options.bent, options.seed)


def _quality(rows: Sequence[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for row in rows:
        found[row.name] = {"value": round(row.value, 4)}
        if row.baseline is not None:
            found[row.name]["baseline"] = round(row.baseline, 4)
    return found


def main(argv: Sequence[str]) -> int:
    """Gather, train, measure, write."""
    options = parse(FitEncoder, argv, PROGRAM)
    from rich.console import Console

    from recipes.encoder import distil as fitting_encoder
    from recipes.encoder.faithful import HELD_OUT, faithfulness, held_out
    from recipes.readers.fit import embed
    from rlgen.artifacts import Manifest, check_target
    from rlgen.experiments.display.tables import show
    from rlgen.generation import EmbeddedGenerator
    from rlgen.text import Judge, Reader, SentenceEncoder
    from rlgen.text.encoding import fast_encoder

    check_target(options.out, fast_encoder.KIND)
    say = Console(stderr=True).log
    teacher = SentenceEncoder()
    reader, judge = Reader.load(options.readers, teacher), Judge.load(options.judge, teacher)
    generator = EmbeddedGenerator.load(options.generator)
    probes = held_out(generator, options.contexts, HELD_OUT)
    unseen = {text for probe in probes for text in probe.replies}
    texts = [text for text in dict.fromkeys(own_texts(generator, options, say)) if text not in unseen]
    say(f"{len(texts)} texts; MiniLM's vectors of them")
    vectors = embed(teacher, texts)
    training = fitting_encoder.Training(passes=options.passes, seed=options.seed)
    directions = fitting_encoder.directions(options.readers, teacher)
    tensors = fitting_encoder.fit(texts, vectors, directions, training, say)
    student = fast_encoder.FastEncoder(training.shape, tensors)
    say("measuring on held-out replies")
    rows = faithfulness(student, teacher, reader, judge, probes)
    manifest = Manifest(
        name=options.out.name,
        kind=fast_encoder.KIND,
        description="A small student of all-MiniLM-L6-v2 that repeats its vectors on texts of this world. "
        "Learned from the project's own texts only: corpus, utterance bank, generator, the words of the vocabulary.",
        command=recorded(PROGRAM, options),
        seeds=[options.seed],
        data=["distilled from all-MiniLM-L6-v2 (sentence-transformers), Apache-2.0"],
        quality=_quality(rows),
        settings={
            "teacher": teacher.name,
            "teacher_sha256": teacher.source_sha256,
            "generator_sha256": generator.sha256,
            "readers_sha256": reader.sha256,
            "texts": len(texts),
        },
    )
    fitting_encoder.write(options.out, training.shape, tensors, manifest)
    show("encoder", rows, as_json=False)
    print(f"written: {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(call(PROGRAM, main, sys.argv[1:]))
