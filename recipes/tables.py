"""`python -m recipes.tables`: compute the tables that come with the package, from its own models and banks."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pydantic import Field

from rlgen.experiments.cli import call
from rlgen.experiments.options import Options, parse, recorded

PROGRAM: Final = "python -m recipes.tables"


class FitTables(Options):
    """Compute what the shipped encoder, readers and recognizer make of the shipped banks.

    Needed after one of these has changed; until then a first world computes it itself.
    """

    out: Path = Field(description="folder to write; an artifact there is replaced")


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    options = parse(FitTables, argv, PROGRAM)
    import numpy as np

    from rlgen.artifacts import check_target
    from rlgen.artifacts.tables import KIND, write_tables
    from rlgen.perception import EmotionRecognizer, SignalBank, table
    from rlgen.text import Reader
    from rlgen.text.reading import tables
    from rlgen.text.utterances import of_all_lengths, with_crisis, with_masks

    check_target(options.out, KIND)
    reader = Reader.load()
    texts = list(dict.fromkeys([*with_masks().text, *of_all_lengths().text, *with_crisis().text]))
    read = reader.read_afresh(texts)
    kept = tables.packed(texts, read)
    again = tables.unpacked(kept, np.searchsorted(kept["mark"], tables.marks(texts)))
    near = (again["embedding"] * read["embedding"]).sum(axis=1)
    recognizer, bank = EmotionRecognizer.load("shipped:recognizer"), SignalBank.load("shipped:signal_bank")
    estimates = {name: array.astype(np.float16) for name, array in table.estimates(recognizer, bank).items()}
    write_tables(
        options.out,
        {
            tables.NAME: (tables.key(reader.sha256, reader.encoder.source_sha256), kept),
            table.NAME: (str(table.key(recognizer, bank)), estimates),
        },
        recorded(PROGRAM, options),
        {"texts": len(texts), "smallest cosine to the vector as computed": round(float(near.min()), 6)},
    )
    print(f"{options.out}: {len(texts)} utterances, {len(bank.catalogue.actor)} segments")
    return 0


if __name__ == "__main__":
    sys.exit(call(PROGRAM, main, sys.argv[1:]))
