"""`rlgen fit reward`: learn a reward design from preferences between dialogues."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from pydantic import Field

from rlgen.errors import ConfigError
from rlgen.experiments.display.progress import Shown
from rlgen.experiments.display.tables import Row, show
from rlgen.experiments.files.whole import writable_file, write_atomically
from rlgen.experiments.options import TableOptions, parse
from rlgen.experiments.runs.worlds import WorldOptions, open_world
from rlgen.rewards import RewardDesign
from rlgen.types import NUM_CONTROLS

if TYPE_CHECKING:
    from rlgen.policies.baselines import Baseline
    from rlgen.rewards.distances import Turns

_WIDTH = 118


class FitReward(TableOptions, WorldOptions):
    """Learn a reward design from preferences between whole dialogues (Bradley-Terry): who ended better is preferred.

    Without `--dialogues` people of the realm "fitting" meet rules that draw their controls, a schedule and a table by
    emotion.
    """

    out: Path = Field(default=Path("learned.yaml"), description="the design to write, a YAML file")
    dialogues: tuple[Path, ...] = Field(
        default=(), description="dialogues that `rlgen simulate` or `rlgen chat` wrote, instead of simulated ones"
    )
    people: int = Field(default=1000, ge=20, description="persons that meet each of the four rules")
    pairs: int = Field(default=8, ge=1, description="in how many pairs each dialogue is compared with another one")
    noise: float = Field(default=0.5, ge=0.0, description="scale of a choice's logistic noise, in points of the survey")
    held_out: float = Field(default=0.25, gt=0.0, lt=1.0, description="share of dialogues on which it is judged")
    members: int = Field(default=1, ge=1, description="fits, each on a bootstrap sample; 1 is fitted on all dialogues")
    pessimism: float = Field(default=0.0, ge=0.0, description="deviations over the fits that a turn is paid below mean")
    limit: float = Field(default=0.1, gt=0.0, description="what a turn may pay at most, and what one left pays")
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="of people, splits, pairs and choices")


def main(argv: Sequence[str]) -> int:
    """Gather, fit, judge, write."""
    options = parse(FitReward, argv, "fit reward")
    if options.reward is not None:
        raise ConfigError("--reward has no use here: preferences come from how people end")
    if options.out.suffix not in {".yaml", ".yml"}:
        raise ConfigError(f"out was {options.out}: a design is a YAML file; end its name in .yaml")
    writable_file(options.out)
    from rlgen.rewards.preferences import Settings, learn

    turns, source = _logged(options)
    settings = Settings(
        each=options.pairs,
        **{name: getattr(options, name) for name in ("noise", "held_out", "members", "pessimism", "limit", "seed")},
    )
    made, rules = learn(turns.trace, turns.dialogue, options.out.stem, settings)
    shares = ", ".join(f"{name} {share:.3f}" for name, share in rules.items())
    head = f"Fitted on {source}, {options.held_out:.0%} of them held out.\nRight on held-out preferences: {shares}."
    write_atomically(options.out, written(made, head))
    rows = [Row(f"right: {name}", share, "", rules["a coin"]) for name, share in rules.items()]
    show(f"fit reward {options.out.stem}", rows, options.as_json)
    return 0


def written(made: RewardDesign, head: str) -> str:
    """The text of a design's file, with what is known of it in comments."""
    fields = {name: value for name, value in made.to_dict().items() if name != "name" and value not in ("", False)}
    body: str = yaml.safe_dump(fields, sort_keys=False, default_flow_style=None, width=_WIDTH, allow_unicode=True)
    return "".join(f"# {line}\n" for line in head.splitlines()) + body


def _logged(options: FitReward) -> tuple[Turns, str]:
    """The dialogues, and what they are in words."""
    from rlgen.experiments.studies.auditing.meetings import ROWS, meet, read_dialogues, together

    if options.dialogues:
        if given := sorted({*WorldOptions.model_fields, "people"} & options.model_fields_set):
            raise ConfigError(f"{given[0]} is for simulated dialogues, but --dialogues brings its own; leave one out")
        turns = together([read_dialogues(path) for path in options.dialogues])
        names = ", ".join(path.name for path in options.dialogues)
        return turns, f"{turns.dialogues:,} dialogues of {names}"
    from rlgen.policies.baselines import Fixed, Random, shipped_baselines

    config = options.world_config()
    world = open_world(config, min(ROWS[config.has_words], options.people))
    ladder = shipped_baselines(options.env)
    rules: dict[str, Baseline] = {"random": Random(), "constants per person": Fixed(controls=(None,) * NUM_CONTROLS)}
    rules |= {name: ladder[name] for name in ("schedule", "emotion_table") if name in ladder}
    logs = []
    with Shown("fit reward", "people", options.people * len(rules)) as shown:
        for i, (name, rule) in enumerate(rules.items()):
            first = i * options.people

            def met(count: int, first: int = first, name: str = name) -> None:
                shown.update(first + count, name)

            logs.append(meet(world, rule, options.people, options.seed, "fitting", first, met))
    kind = "on words" if config.has_words else "on the response surface"
    return together(logs), f"{sum(log.dialogues for log in logs):,} dialogues of {options.env} {kind}"
