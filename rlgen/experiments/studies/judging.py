"""One policy meets the people of a comparison: its outcomes, and its return under every design, from one pass."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rlgen.config import validate
from rlgen.envs.config import WorldConfig
from rlgen.envs.world import World
from rlgen.errors import ConfigError, DataError
from rlgen.experiments.dialogues.rollout import Rollout, Turn
from rlgen.experiments.dialogues.simulation import Simulation
from rlgen.experiments.provenance import code_sha256
from rlgen.experiments.runs.policies import find_policy
from rlgen.experiments.runs.run import Run
from rlgen.experiments.studies.compared import METRICS
from rlgen.experiments.studies.executors import ExecutorOptions, open_executor
from rlgen.files import whole
from rlgen.policies.baselines import shipped_baselines

_ENDED: Final = {"return": "episode_return"} | {name: name for name in METRICS if name not in ("return", "engagement")}


@dataclass(frozen=True)
class Judged:
    """What a policy achieved.

    Attributes:
        outcomes: metric (`METRICS`, without `return`) -> `[P]`.
        yardsticks: design -> `[P]`, undiscounted return of the dialogues under it.
        dialogues: of the first persons, in order: turns as in `dialogues.jsonl`.
    """

    outcomes: dict[str, NDArray[np.float64]]
    yardsticks: dict[str, NDArray[np.float64]]
    dialogues: list[list[dict[str, Any]]]


def judge_one(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A job: measure a policy, and write what was found.

    Args:
        spec: `policy` (as `--policy` takes it), `env`, `world` (fields of `WorldConfig`), `people`, `seed`,
            `num_envs`, `yardsticks` (designs as plain data), `examples` (of how many persons the words are kept), `out`
            (file to write).

    Returns:
        `out`.
    """
    config = validate(WorldConfig, spec["world"], "comparison")
    world = World(config, min(int(spec["num_envs"]), int(spec["people"])), yardsticks=spec["yardsticks"])
    actor = find_policy(str(spec["policy"]), str(spec["env"]), world).actor
    people, seed = int(spec["people"]), int(spec["seed"])
    met = _Met(people, len(world.yardsticks))
    for turn in Rollout(world, actor, people, seed, realm="evaluation").turns():
        met.take(turn, world)
    words = _examples(world.config, actor, min(int(spec["examples"]), people), seed)
    place = Path(spec["out"])
    place.parent.mkdir(parents=True, exist_ok=True)
    arrays = {f"outcome {name}": values for name, values in met.outcomes.items()}
    arrays |= {f"yardstick {name}": met.returns[k] for k, name in enumerate(world.yardsticks)}
    with whole(place) as fresh, fresh.open("wb") as file:
        np.savez_compressed(file, dialogues=np.array(json.dumps(words)), **arrays)  # type: ignore[arg-type]
    return {"out": str(place)}


def read_judged(place: Path) -> Judged:
    """What `judge_one` wrote.

    Raises:
        DataError: it is something else.
    """
    try:
        with np.load(place, allow_pickle=False) as found:
            tables = {name: found[name] for name in found.files}
        words: list[list[dict[str, Any]]] = json.loads(str(tables.pop("dialogues")))
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{place}: cannot be read ({type(error).__name__}); remove it, and compare again") from error
    kinds = {kind: {name.partition(" ")[2]: values for name, values in tables.items() if name.startswith(kind)}
             for kind in ("outcome", "yardstick")}  # fmt: skip
    return Judged(kinds["outcome"], kinds["yardstick"], words)


def measure(
    asked: Mapping[tuple[str, int], Mapping[str, Any]],
    out: Path,
    where: ExecutorOptions,
    shown: Callable[[int, str], None],
) -> dict[tuple[str, int], Judged]:
    """What each policy achieved; what was measured before is read.

    Args:
        asked: name and number of a policy -> spec as `judge_one` takes it, without `out`.
        out: folder; every measurement lies in `judged/` under a hash of policy, world, people, designs and program.
        where: the executor.
        shown: called with the number of measured policies, and a name.

    Raises:
        ConfigError: a measurement failed.
    """
    specs = {key: {**spec, "out": str(out / "judged" / f"{_key_of(spec)}.npz")} for key, spec in asked.items()}
    wanted: dict[str, list[tuple[str, int]]] = {}  # equal policies, under two designs' names, are measured once
    for key, spec in specs.items():
        if not Path(spec["out"]).is_file():
            wanted.setdefault(spec["out"], []).append(key)
    missing = list(wanted.values())
    done = len(specs) - sum(map(len, missing))
    shown(done, "")
    if missing:
        job = f"{judge_one.__module__}:{judge_one.__name__}"
        with open_executor(where, 1, out / "logs") as executor:
            for ended in executor.map(job, [specs[alike[0]] for alike in missing]):
                alike = missing[ended.index]
                name, number = alike[0]
                if ended.result is None:
                    raise ConfigError(f"{name}, policy {number}: {ended.error}")
                done += len(alike)
                shown(done, f"{name} {number}")
    return {key: read_judged(Path(spec["out"])) for key, spec in specs.items()}


def _key_of(spec: Mapping[str, Any]) -> str:
    """What tells this measurement from others; of the policy its weights or its rule, wherever it lies."""
    policy = str(spec["policy"])
    rule = policy.removeprefix("baseline:")
    who = (
        shipped_baselines(spec["env"])[rule].model_dump(mode="json") if rule != policy else Run(policy).weights_sha256()
    )
    told = {name: spec[name] for name in ("env", "world", "people", "seed", "yardsticks", "examples")}
    plain = json.dumps({**told, "policy": who, "code": code_sha256()}, sort_keys=True)
    return hashlib.sha256(plain.encode()).hexdigest()[:24]


class _Met:
    """Turns to what is kept of each person."""

    def __init__(self, people: int, yardsticks: int) -> None:
        self.outcomes = {name: np.full(people, np.nan) for name in METRICS if name != "return"}
        self.returns = np.full((yardsticks, people), np.nan)
        self._engagement, self._turns = np.zeros(people), np.zeros(people)

    def take(self, turn: Turn, world: World) -> None:
        """Count a turn; surplus rows are nobody's."""
        real = turn.person >= 0
        whose = turn.person[real]
        ended = turn.result.finished
        self._turns[whose] += 1
        shown = _engagement(world, turn)
        self._engagement[whose] += np.nan if shown is None else shown[real]
        if ended is None:
            return
        gone = np.asarray(ended.person)
        known = gone >= 0
        for name, attribute in _ENDED.items():
            if name in self.outcomes:
                self.outcomes[name][gone[known]] = np.asarray(getattr(ended, attribute))[known]
        for k, values in enumerate(ended.yardsticks.values()):
            self.returns[k, gone[known]] = np.asarray(values)[known]
        self.outcomes["engagement"][gone[known]] = (self._engagement / np.maximum(self._turns, 1))[gone[known]]


def _engagement(world: World, turn: Turn) -> NDArray[np.float64] | None:
    """`[N]`, shown after this turn's replies; None where the observation leaves it out."""
    blocks = world.layout.unflatten(turn.result.obs)
    if "engagement" not in blocks:
        return None
    shown = np.array(blocks["engagement"], dtype=np.float64).reshape(len(turn.person))
    ended = turn.result.finished
    if ended is not None:
        final = world.layout.unflatten(ended.final_obs)["engagement"]
        shown[np.asarray(ended.rows)] = np.asarray(final).reshape(-1)
    return shown


def _examples(config: WorldConfig, actor: Any, people: int, seed: int) -> list[list[dict[str, Any]]]:
    """The dialogues of the first persons, who are those of the measurement."""
    if not people:
        return []
    simulation = Simulation(World(config, people), actor, people, seed, config.has_words, realm="evaluation")
    found: list[Sequence[str]] = [dialogue for ended in simulation.steps() for dialogue in ended]
    return [[json.loads(line) for line in dialogue] for dialogue in found]
