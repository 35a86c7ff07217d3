"""`rlgen fit baselines`: fit the ladder of simple rules that a policy has to beat."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from rlgen.experiments.display.progress import Shown, note
from rlgen.experiments.display.tables import Row, show
from rlgen.experiments.evaluation import search
from rlgen.experiments.files.resumable import ResumableFile
from rlgen.experiments.options import TableOptions, parse, recorded
from rlgen.experiments.runs.worlds import WorldOptions, plain

if TYPE_CHECKING:
    from rlgen.envs import World
    from rlgen.policies.baselines import Baseline
    from rlgen.rng import Realm


class FitBaselines(TableOptions, WorldOptions):
    """Search the best fixed controls, controls by recognised emotion and schedule by turn for a world of your own.

    The number of meetings is fixed beforehand and shown; after a kill or Ctrl-C the same command goes on.
    """

    out: Path = Field(default=Path("baselines"), description="folder to write; ladders of other ids there are kept")
    surface: str | None = Field(
        default=None,
        description="search on this measured response surface; without it on real words, which is far slower",
    )
    people: int = Field(default=1000, ge=2, description="persons that each candidate meets on real words in the end")
    num_envs: int = Field(default=256, ge=1, description="dialogues at once on real words")
    fit_people: int = Field(default=512, ge=16, description="persons per candidate and iteration of the search")
    iterations: int = Field(default=20, ge=1, description="iterations of the cross-entropy method per rung")


_CANDIDATES = 7  # rules at most among which those of the ladder are chosen on words: two a rung, and three constants


def main(argv: Sequence[str]) -> int:
    """Search, choose on real words, write."""
    options = parse(FitBaselines, argv, "fit baselines")
    from rlgen.artifacts import check_target
    from rlgen.policies.baselines import KIND, Fixed, Random

    check_target(options.out, KIND)
    words = options.make_world(options.num_envs)
    fast = words
    if options.surface is not None:
        fast = options.make_world(options.fit_people, generator={"kind": "surface", "path": options.surface})
    budget = search.Budget(people=options.fit_people, iterations=options.iterations)
    command = {
        "words": plain(words.config),
        "search": plain(fast.config),
        "parts": {**fast.sha256, **words.sha256},
        **{name: getattr(options, name) for name in ("env", "people", "num_envs", "fit_people", "iterations")},
    }
    meetings = budget.meetings + (_CANDIDATES + 5) * options.people
    log = options.out.with_name(f"{options.out.name}.search")
    with ResumableFile(log, command) as file, Shown("fit baselines", "meetings", meetings) as shown:
        known: dict[str, float] = file.state() or {}
        if known:
            note(f"{options.out}: going on after {len(known)} candidates")
        told = _Told(known, file, shown)
        found = search.Search(told.meeting("search", fast), budget, progress=told.say).ladder()
        # Constant controls are a rule of every rung, so no rung may fall below them.
        constants = [Fixed(), found["fixed"], search.cooler(found["fixed"])]
        candidates = {
            rung: list(dict.fromkeys([rule, search.cooler(rule), *constants])) for rung, rule in found.items()
        }
        meet = told.meeting("words", words)
        ladder: dict[str, Baseline] = {"random": Random(), "centre": Fixed()}
        ladder |= search.best_on(meet, candidates, options.people, note)
        earned = {name: meet(rule, options.people, "evaluation") for name, rule in ladder.items()}
        shown.update(meetings)
        _write(options, ladder, earned)
        file.discard()
    rows = [Row(f"return: {name}", value, "", earned["fixed"]) for name, value in earned.items()]
    show(f"baselines {options.env}", rows, options.as_json)
    return 0


class _Told:
    """Meetings that are kept, so that a later call finds them again at once, and counted for whoever waits."""

    def __init__(self, known: dict[str, float], file: ResumableFile, shown: Shown) -> None:
        self._known, self._file, self._shown = known, file, shown
        self._met, self._line = 0, ""

    def say(self, line: str) -> None:
        """What stands beside the progress from now on."""
        self._line = line

    def meeting(self, where: str, world: World) -> search.Meet:
        """Meetings in a world, by its name among those that are known."""
        plainly = search.meeting(world)

        def meet(rule: Baseline, people: int, realm: Realm, first: int = 0) -> float:
            of = f"{where} {realm} {first} {people} {rule.model_dump_json()}"
            if of not in self._known:
                self._known[of] = plainly(rule, people, realm, first)
                self._file.save(self._known)
            self._met += people
            self._shown.update(self._met, self._line)
            return self._known[of]

        return meet


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
