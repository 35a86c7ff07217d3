"""`rlgen reward list`: the reward terms and designs."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from rlgen.experiments.options import TableOptions, parse
from rlgen.rewards import TERMS, RewardDesign, design, shipped_designs

_WIDTH = 100


class RewardListOptions(TableOptions):
    """The reward terms and designs."""

    check: Path | None = Field(None, description="a design of your own (YAML) to check and show with the shipped ones")


def main(argv: Sequence[str]) -> int:
    """Print terms and designs."""
    options = parse(RewardListOptions, argv, "reward list")
    designs = [design(name) for name in shipped_designs()]
    if options.check is not None:
        designs.append(design(options.check))
    if options.as_json:
        terms = {name: {"summary": term.summary, "params": term.params().model_dump()} for name, term in TERMS.items()}
        print(json.dumps({"terms": terms, "designs": [one.to_dict() for one in designs]}))
        return 0
    print("terms")
    for name, term in sorted(TERMS.items()):
        params = ", ".join(f"{field}: {value}" for field, value in term.params().model_dump().items())
        _entry(name, term.summary, f"params {{{params}}}" if params else "no params")
    print("\ndesigns")
    for one in designs:
        _entry(one.name, *_lines(one))
    return 0


def _lines(one: RewardDesign) -> list[str]:
    low, high = one.staying()
    fixed, left = one.completing()
    weights = " + ".join(f"{weighted.weight:g} {name}" for name, weighted in one.terms.items())
    how = weights if one.combine == "sum" else f"{one.combine} of {weights}"
    pays = f"a turn pays {low:g} to {high:g} while staying; completion pays {fixed:g} + {left:g} per turn left"
    law = "may pay for prolonging, and says so" if one.allow_prolonging else "does not pay for prolonging"
    cites = [f"cites {one.cites}"] if one.cites else []
    return [one.description, *cites, how, pays, one.notice or law]


def _entry(name: str, *lines: str) -> None:
    told = [part for line in lines for part in textwrap.wrap(line, _WIDTH) or [""]]
    for i, line in enumerate(told):
        print(f"  {name if i == 0 else '':<17}{line}")
