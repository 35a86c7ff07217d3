"""`rlgen check`: does an environment, or a part of one's own, keep the laws that those who use it rely on?"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from pydantic import Field

from rlgen.checks.laws import Finding
from rlgen.errors import ArtifactError, ConfigError
from rlgen.experiments.options import Part, TableOptions, parse
from rlgen.seams import Own, find, is_name

Kind = Literal["env", "users", "generator", "recognizer", "reward"]
_ENV = "rlgen/SupportDynamic-v0"


class CheckOptions(TableOptions):
    """Check an environment, or a part: people, a generator, a recognizer, a reward.

    Status 0 where all laws hold, 2 where one is broken.
    """

    part: Annotated[Part, tyro.conf.Positional] = Field(
        description="id of an environment, package.module:attribute, FILE.py:attribute, a name, a path, or {kind: ...}"
    )
    kind: Literal["auto"] | Kind = Field("auto", description="what it is to be checked as; auto finds out")
    num_envs: int = Field(3, ge=1, description="rows, of an environment")
    steps: int = Field(200, ge=1, description="most steps from a seed, of an environment")


def main(argv: Sequence[str]) -> int:
    """A line for each law; 0 where all hold, 2 where one is broken."""
    options = parse(CheckOptions, argv, "check")
    kind = kind_of_part(options.part) if options.kind == "auto" else options.kind
    if not options.as_json:
        shown = json.dumps(options.part) if isinstance(options.part, Mapping) else options.part
        print(f"{shown}: checked as {kind}", flush=True)
    found = []
    for finding in _findings(options, kind):
        found.append(finding)
        if not options.as_json:
            _show(finding)
    broken = sum(bool(finding.faults) for finding in found)
    if options.as_json:
        laws = [{"law": each.law, "faults": list(each.faults), "untried": each.untried} for each in found]
        print(json.dumps({"part": str(options.part), "kind": kind, "holds": not broken, "laws": laws}))
    else:
        tried = sum(not finding.untried for finding in found)
        print(f"{tried - broken} of {tried} laws hold" if broken else f"all {tried} laws hold")
    return 2 if broken else 0


def _show(finding: Finding) -> None:
    sign = "FAULT" if finding.faults else "-    " if finding.untried else "ok   "
    print(f"{sign} {finding.law}{f' (not tried: {finding.untried})' if finding.untried else ''}", flush=True)
    for fault in finding.faults:
        print(f"      {fault}", flush=True)


def _findings(options: CheckOptions, kind: Kind) -> Iterator[Finding]:
    from rlgen.envs import world_config

    part = options.part
    if kind == "env":
        from rlgen.checks.vec_env import try_vec_env

        make = _maker(part)
        return try_vec_env(make(options.num_envs), make, options.steps)
    if kind == "users":
        from rlgen.checks.users import try_users

        return try_users(part)
    if kind == "reward":
        from rlgen.checks.reward import try_reward

        return try_reward(part)
    if kind == "generator":
        from rlgen.checks.generator import try_generator

        generator = world_config(_ENV, generator=part).generator
        if isinstance(generator, Own):
            return try_generator(generator.make("generator", ("reply",)))
        if generator.kind == "surface":
            raise ConfigError(f"{part} is a surface, which gives readings and no replies; check a generator of words")
        return try_generator(generator.load("cpu", "fp32"))
    from rlgen.checks.recognizer import try_recognizer
    from rlgen.perception import EmotionRecognizer

    recognizer = world_config(_ENV, recognizer=part).recognizer
    if isinstance(recognizer, Own):
        return try_recognizer(recognizer.make("recognizer", ("estimate",)))
    return try_recognizer(EmotionRecognizer.load(recognizer))


def kind_of_part(part: Any) -> Kind:
    """What a part is, by its name, by what lies there, or by the methods that it has.

    Raises:
        ConfigError: it is nothing that can be checked.
    """
    if isinstance(part, Mapping):
        if "family" in part:
            return "users"
        if "terms" in part:
            return "reward"
        part = part.get("kind")
    text = str(part)
    if is_name(text):
        return _kind_of_thing(find(text), text)
    from gymnasium.envs.registration import registry

    from rlgen.envs.generators import KINDS
    from rlgen.rewards import shipped_designs

    if text in registry or text.rpartition(":")[2] in registry:
        return "env"
    if text in shipped_designs() or Path(text).suffix in (".yaml", ".yml"):
        return "reward"
    if text in ("theory", "calibrated"):
        return "users"
    if text in KINDS or (Path(text) / "config.json").is_file():
        return "generator"
    try:
        from rlgen.artifacts import kind_of

        found = kind_of(text).partition("/")[0]
    except ArtifactError:
        found = ""
    if found in ("generator", "recognizer"):
        return found  # type: ignore[return-value]
    raise ConfigError(
        f"part was {text!r}: it is no id of an environment, no reward, people, generator or recognizer that can be "
        "found; check its spelling, or name a class or object, package.module:attribute"
    )


def _kind_of_thing(thing: Any, name: str) -> Kind:
    for method, kind in (("reply", "generator"), ("estimate", "recognizer"), ("respond", "users"), ("react", "users")):
        if callable(getattr(thing, method, None)):
            return kind  # type: ignore[return-value]
    if hasattr(thing, "reset") and hasattr(thing, "step"):
        return "env"
    if callable(thing):
        parameters = [*inspect.signature(thing).parameters]
        if parameters[:1] == ["trace"] or (
            isinstance(thing, type) and "trace" in inspect.signature(thing.__call__).parameters
        ):
            return "reward"
        if parameters and parameters[0] in ("num_envs", "n_envs", "rows", "n"):
            return "env"
    raise ConfigError(
        f"part was {name!r}: it cannot be told what it is (a function of a trace is a reward, one of num_envs makes an "
        "environment); say so with --kind"
    )


def _maker(part: Any) -> Callable[[int], Any]:
    """Number of rows -> the batch of environments that a name stands for."""
    import gymnasium

    text = str(part)
    if not is_name(text) or text.rpartition(":")[2] in gymnasium.registry:

        def by_id(rows: int) -> Any:
            return gymnasium.make_vec(text, rows)

        return by_id
    thing = find(text)
    if not callable(thing):
        raise ConfigError(
            f"part was {text!r}: one object; name what makes it, a function or class of the number of rows"
        )
    made: Callable[[int], Any] = thing
    return made
