"""Rules from YAML: one compiled alternation per side decides most texts, single rules the rest."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from rlgen.config import read_yaml, validate
from rlgen.errors import ConfigError
from rlgen.governance.words import denied

SHIPPED: Final = Path(__file__).parent / "patterns.yaml"
COSTS: Final = ("harm", "boundary", "privacy", "crisis", "quality")
_BEGIN: Final = r"\b"  # looked for once per place, not once per rule
Side = Literal["reply", "utterance"]
Cost = Literal["harm", "boundary", "privacy", "crisis", "quality"]


class _RuleFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    side: Side
    cost: Cost
    patterns: list[str] = Field(min_length=1)
    unless: list[str] = []
    even_denied: bool = False
    say: str = "replacement"


class _PatternFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    pieces: dict[str, str] = {}
    say: dict[str, str]
    rules: dict[str, _RuleFile] = Field(min_length=1)


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        name: its name in reasons and logs.
        cost: the cost that it raises.
        say: what is said in place of the reply.
        pattern: what it looks for.
        unless: what takes a match back where it covers it; None for nothing.
        even_denied: whether a match counts although its clause denies it.
    """

    name: str
    cost: Cost
    say: str
    pattern: re.Pattern[str]
    unless: re.Pattern[str] | None
    even_denied: bool

    def found(self, text: str) -> bool:
        """Whether a text (as `plain` writes it) breaks the rule."""
        for match in self.pattern.finditer(text):
            start, end = match.span()
            if self.unless is not None and any(
                other.start() <= start < other.end() or start <= other.start() < end
                for other in self.unless.finditer(text)
            ):
                continue
            if self.even_denied or not denied(text, start):
                return True
        return False


@dataclass(frozen=True)
class RuleSet:
    """The rules of one side, utterance or reply."""

    rules: tuple[Rule, ...]
    any: re.Pattern[str] | None

    def found(self, text: str) -> list[Rule]:
        """The rules that a text (as `plain` writes it) breaks, in the order of the file."""
        if self.any is None or self.any.search(text) is None:
            return []
        return [rule for rule in self.rules if rule.found(text)]


@dataclass(frozen=True)
class Patterns:
    """A file of rules, compiled.

    Attributes:
        utterance: rules for what the person said; they escalate.
        reply: rules for what the reply says; they replace.
        replacement: what is said in place of a refused reply.
        names: all rules of the file, also those that are off.
    """

    utterance: RuleSet
    reply: RuleSet
    replacement: str
    names: tuple[str, ...]


def read_patterns(path: Path | None = None, off: tuple[str, ...] = ()) -> Patterns:
    """Compile a file of rules.

    Args:
        path: YAML file; None for the shipped one.
        off: names of rules to leave out.

    Raises:
        ConfigError: unreadable, of another layout, a pattern that does not compile, an unknown name.
    """
    where = str(path or SHIPPED)
    content = validate(_PatternFile, read_yaml(path or SHIPPED), where)
    unknown = set(off) - set(content.rules)
    if unknown:
        raise ConfigError(f"guard: off names {sorted(unknown)[0]!r}; the rules are {', '.join(content.rules)}")
    if "replacement" not in content.say:
        raise ConfigError(f"{where}: say has no 'replacement'; write what is said in place of a refused reply")
    pieces = dict[str, str]()
    for name, piece in content.pieces.items():
        pieces[name] = _fill(piece, pieces, f"{where}: piece {name}")
    sets: dict[str, RuleSet] = {}
    for side in ("utterance", "reply"):
        kept = {name: rule for name, rule in content.rules.items() if rule.side == side and name not in off}
        rules = tuple(_rule(name, rule, pieces, content.say, where) for name, rule in kept.items())
        joined = "|".join(rule.pattern.pattern.removeprefix(_BEGIN) for rule in rules)
        sets[side] = RuleSet(rules, re.compile(f"{_BEGIN}(?:{joined})") if rules else None)
    return Patterns(sets["utterance"], sets["reply"], content.say["replacement"], tuple(content.rules))


def _rule(name: str, rule: _RuleFile, pieces: dict[str, str], say: dict[str, str], where: str) -> Rule:
    if rule.say not in say:
        raise ConfigError(f"{where}: rules.{name}.say was {rule.say!r}; the sentences are {', '.join(say)}")
    pattern = _compile(rule.patterns, pieces, f"{where}: rules.{name}.patterns")
    unless = _compile(rule.unless, pieces, f"{where}: rules.{name}.unless") if rule.unless else None
    return Rule(name, rule.cost, say[rule.say], pattern, unless, rule.even_denied)


def _compile(patterns: list[str], pieces: dict[str, str], where: str) -> re.Pattern[str]:
    filled = [_fill(pattern, pieces, where) for pattern in patterns]
    for given, pattern in zip(patterns, filled, strict=True):
        try:
            re.compile(pattern)
        except re.error as error:
            raise ConfigError(f"{where}: {given!r} is no regular expression ({error}); mend it") from error
    return re.compile(f"{_BEGIN}(?:{'|'.join(filled)})")


def _fill(pattern: str, pieces: dict[str, str], where: str) -> str:
    def piece(match: re.Match[str]) -> str:
        if match.group(1) not in pieces:
            raise ConfigError(f"{where}: there is no piece <{match.group(1)}>; the pieces are {', '.join(pieces)}")
        return pieces[match.group(1)]

    return re.sub(r"<([a-z_]+)>", piece, pattern)
