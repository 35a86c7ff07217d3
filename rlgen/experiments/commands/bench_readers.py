"""`rlgen bench readers`: how well readers and judge read, beside TF-IDF and trivial peers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import tyro
from pydantic import Field

from rlgen.experiments.options import Options, parse
from rlgen.experiments.tables import Row, show


class BenchReaders(Options):
    """Held-out figures of the people's reader and of the judge."""

    data: Path = Field(description="folder with goemotions, epitome, esconv, annomi, empathetic_dialogues, dailydialog")
    readers: str = Field(default="shipped:readers", description="artifact of the people's reader")
    judge: str = Field(default="shipped:judge", description="artifact of the judge")
    dtype: Literal["float32", "bfloat16", "auto"] = Field(default="auto", description="precision of the encoder")
    as_json: Annotated[bool, tyro.conf.arg(name="json")] = Field(False, description="one line of JSON")


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    options = parse(BenchReaders, argv, "bench readers")
    from rlgen.text.encoder import SentenceEncoder
    from rlgen.text.evaluation import measure
    from rlgen.text.judge import Judge
    from rlgen.text.reader import Reader

    encoder = SentenceEncoder(options.dtype)
    figures = measure(options.data, Reader.load(options.readers, encoder), Judge.load(options.judge, encoder))
    rows = [
        Row(f"{f.artifact}, {f.name}", f.value, baseline=f.baseline, better="higher" if f.higher else "lower")
        for f in figures
    ]
    show("readers", rows, options.as_json)
    return 0
