"""`rlgen fit baselines`: fit the ladder of simple rules that a policy has to beat."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from rlgen.experiments.display.progress import note
from rlgen.experiments.display.tables import Row, show
from rlgen.experiments.evaluation import search
from rlgen.experiments.options import TableOptions, parse, recorded
from rlgen.experiments.runs.worlds import WorldOptions

if TYPE_CHECKING:
    from rlgen.policies.baselines import Baseline


class FitBaselines(TableOptions, WorldOptions):
    """Search the best fixed controls, controls by recognised emotion and schedule by turn for a world of your own."""

    out: Path = Field(default=Path("baselines"), description="folder to write; ladders of other ids there are kept")
    surface: str | None = Field(
        default=None,
        description="search on this measured response surface; without it on real words, which is far slower",
    )
    people: int = Field(default=1000, ge=2, description="persons that each candidate meets on real words in the end")
    num_envs: int = Field(default=256, ge=1, description="dialogues at once on real words")
    fit_people: int = Field(default=512, ge=16, description="persons per candidate and iteration of the search")
    iterations: int = Field(default=20, ge=1, description="iterations of the cross-entropy method per rung")


def main(argv: Sequence[str]) -> int:
    """Search, choose on real words, write."""
    options = parse(FitBaselines, argv, "fit baselines")
    from rlgen.artifacts import check_target
    from rlgen.experiments.evaluation.outcomes import evaluate
    from rlgen.policies.baselines import KIND

    check_target(options.out, KIND)
    words = options.make_world(options.num_envs)
    ladder = _ladder(options, words)
    earned = {
        name: float(evaluate(words, rule, options.people).values["return"].mean()) for name, rule in ladder.items()
    }
    _write(options, ladder, earned)
    rows = [Row(f"return: {name}", value, "", earned["fixed"]) for name, value in earned.items()]
    show(f"baselines {options.env}", rows, options.as_json)
    return 0


def _ladder(options: FitBaselines, words: Any) -> dict[str, Baseline]:
    from rlgen.policies.baselines import Fixed, Random

    world = words
    if options.surface is not None:
        world = options.make_world(options.fit_people, generator={"kind": "surface", "path": options.surface})
    budget = search.Budget(people=options.fit_people, iterations=options.iterations)
    found = search.Search(world, budget, progress=note).ladder()
    # Constant controls are a rule of every rung, so no rung may fall below them.
    constants = [Fixed(), found["fixed"], search.cooler(found["fixed"])]
    candidates = {rung: list(dict.fromkeys([rule, search.cooler(rule), *constants])) for rung, rule in found.items()}
    return {"random": Random(), "centre": Fixed(), **search.best_on(words, candidates, options.people, note)}


def _write(options: FitBaselines, ladder: dict[str, Baseline], earned: dict[str, float]) -> None:
    """Put the ladder of this id into the artifact, beside those of other ids."""
    from rlgen.artifacts import Manifest, load, write
    from rlgen.policies.baselines import KIND, dumps, read_ladders

    ladders: dict[str, dict[str, Baseline]] = {}
    quality: dict[str, Any] = {}
    commands: dict[str, Any] = {}
    if (options.out / "manifest.json").is_file():
        before = load(options.out, KIND).manifest
        ladders, quality, commands = read_ladders(options.out), dict(before.quality), dict(before.settings)
    ladders[options.env] = {name: rule for name, rule in ladder.items() if name not in ("random", "centre")}
    quality[options.env] = {
        name: {"return": round(value, 4), "people": options.people} for name, value in earned.items()
    }
    commands[options.env] = recorded("fit baselines", options)
    manifest = Manifest(
        name="baselines",
        kind=KIND,
        description="Best fixed controls found, controls by recognised emotion, and a schedule by turn, per id.",
        command="rlgen fit baselines --env ID --surface DIR --out DIR, with the options in settings",
        seeds=[0],
        quality=quality,
        settings=commands,
    )
    write(options.out, {"baselines.json": dumps(ladders)}, manifest)
