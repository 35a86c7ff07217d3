"""From a policy's name to an actor, and to what tells it from every other policy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rlgen.errors import ActionError, ConfigError
from rlgen.experiments.display.progress import note
from rlgen.experiments.runs.run import Run
from rlgen.seams import find, is_name, look_in, own_fault, source_sha256
from rlgen.types import NUM_CONTROLS

if TYPE_CHECKING:
    from rlgen.envs.observation import ObservationLayout
    from rlgen.envs.world import World
    from rlgen.policies.baselines import Actor, Baseline
    from rlgen.policies.trained import Trained
    from rlgen.rng import Streams
    from rlgen.types import F32, I64

POLICY = (
    "run folder, a model's zip file, baseline:NAME, fixed:W,D,T,E (controls; random is drawn per person), untrained, "
    "or an object with `act`: module:NAME or FILE.py:NAME"
)
"""What `--policy` takes, for help."""


@dataclass(frozen=True)
class Policy:
    """A policy that was asked for.

    Attributes:
        name: short, for tables.
        actor: which acts.
        stamp: plain values that tell it from other policies: the rule, or the hashes of its files and its step.
    """

    name: str
    actor: Actor
    stamp: dict[str, Any]


def find_policy(name: str, env_id: str, world: World, stochastic: bool = False, device: str = "cpu") -> Policy:
    """A policy by name.

    Args:
        name: see `POLICY`.
        env_id: whose ladder `baseline:NAME` is of.
        world: where it is to act.
        stochastic: draw a trained policy's actions from its distribution instead of taking their modes.
        device: of a trained policy.

    Raises:
        ConfigError: nothing of that name, it does not fit the world, or nothing can be drawn from it.
        ArtifactError: no policy at that path, or a damaged one.
    """
    if Path(name).exists():
        return _trained("trained", _saved(Path(name), world, device), stochastic)
    if name == "untrained":
        from rlgen.policies.ppo import PPOConfig
        from rlgen.policies.trained import untrained

        return _trained(name, untrained(world, PPOConfig(), 0), stochastic)
    if is_name(name) and not name.startswith(("baseline:", "fixed:")):
        return _own(name, world, stochastic)
    short, rule = _rule(name, env_id)
    if stochastic:
        raise _nothing_to_draw(name)
    return Policy(short, rule, {"rule": rule.model_dump(mode="json")})


def _trained(short: str, actor: Trained, stochastic: bool) -> Policy:
    actor.deterministic = not stochastic
    return Policy(short, actor, actor.stamp())


def _rule(name: str, env_id: str) -> tuple[str, Baseline]:
    """A constant, or a rung of the ladder, with its short name."""
    from rlgen.policies.baselines import constant, shipped_baselines

    if name.startswith("fixed:"):
        return name, constant(name)
    ladder = shipped_baselines(env_id)
    if not name.startswith("baseline:"):
        known = ", ".join(f"baseline:{rung}" for rung in ladder)
        raise ConfigError(f"there is no policy {name!r}; give a {POLICY}; the baselines are {known}")
    short = name.removeprefix("baseline:")
    if short not in ladder:
        raise ConfigError(f"{env_id} has no baseline {short!r}; there are {', '.join(ladder)}")
    return short, ladder[short]


def _nothing_to_draw(name: str) -> ConfigError:
    return ConfigError(f"--stochastic draws from a trained policy's distribution, and {name} has none; leave it out")


def _saved(path: Path, world: World, device: str) -> Trained:
    """The policy of a run, or of a zip file."""
    from rlgen.policies.trained import Trained

    file = path
    if path.is_dir():
        file = path / "policy.zip"
        if (path / "config.json").is_file():
            run = Run.open(path)
            standing = run.standing()
            if not run.policy.is_file():
                raise ConfigError(f"{path}: has no policy yet; {standing.unfinished()}")
            if not standing.finished:
                note(f"{path}: {standing.unfinished()}")
    actor = Trained.load(file, device)
    actor.check(world.layout, world.single_observation_space, str(file))
    return actor


def _own(name: str, world: World, stochastic: bool) -> Policy:
    """An object of the user's own program."""
    from stable_baselines3.common.base_class import BaseAlgorithm

    from rlgen.policies.trained import Trained

    look_in(Path.cwd())
    try:
        found = named = find(name)
        if isinstance(named, type) or (callable(named) and not hasattr(named, "act")):
            found = named()
    except ConfigError as error:
        raise ConfigError(f"policy was {name!r}: {error}") from error
    except Exception as error:
        raise ConfigError(f"policy was {name!r}: it cannot be made ({_said(error)}); mend it") from error
    short = name.rpartition(":")[2]
    stamp = {"object": name, "sha256": {name: source_sha256(named)}}
    if isinstance(found, BaseAlgorithm):
        actor = Trained(found)
        actor.check(world.layout, world.single_observation_space, name)
        made = _trained(short, actor, stochastic)
        return Policy(short, actor, {**made.stamp, **stamp})
    if not callable(getattr(found, "act", None)):
        raise ConfigError(
            f"policy was {name!r}: it is {type(found).__name__}, which has no act(obs, layout, streams, turn); "
            "see rlgen.policies.baselines.Actor"
        )
    if stochastic:
        raise _nothing_to_draw(name)
    return Policy(short, Acting(found, name), stamp)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]


class Acting:
    """An actor of the user's own, whose actions are looked at before the world takes them.

    Args:
        actor: the object.
        name: for messages.
    """

    def __init__(self, actor: Any, name: str) -> None:
        self._actor = actor
        self._name = name

    def begin(self, rows: int) -> Acting:
        """See `rlgen.policies.baselines.Remembering`; an actor that does not remember stays as it is."""
        return Acting(self._actor.begin(rows), self._name) if hasattr(self._actor, "begin") else self

    def state(self) -> Any:
        """See `rlgen.policies.baselines.Remembering`."""
        return self._actor.state() if hasattr(self._actor, "state") else None

    def load_state(self, state: Any) -> None:
        """See `rlgen.policies.baselines.Remembering`."""
        if hasattr(self._actor, "load_state"):
            self._actor.load_state(state)

    def act(self, obs: F32, layout: ObservationLayout, streams: Streams, turn: I64) -> NDArray[np.float32]:
        """See `rlgen.policies.baselines.Actor`.

        Raises:
            ActionError: other actions than `[N, 4]`, finite and in [-1, 1].
            PartError: the actor raised something.
        """
        with own_fault("policy", self._actor):
            given = np.asarray(self._actor.act(obs, layout, streams, turn))
        shape = (len(obs), NUM_CONTROLS)
        if given.shape != shape or given.dtype.kind not in "fiu":
            raise ActionError(f"{self._name}: gave {given.dtype} of shape {given.shape}; give floats {list(shape)}")
        if not np.isfinite(given).all() or np.abs(given).max() > 1 + 1e-6:
            raise ActionError(f"{self._name}: gave an action outside [-1, 1], or one that is not finite; clip it")
        return np.asarray(np.clip(given, -1.0, 1.0), dtype=np.float32)
