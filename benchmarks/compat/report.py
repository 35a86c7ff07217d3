"""What a client's script has to say: checks with counts, and the versions they hold for."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from importlib import metadata
from typing import Any


@dataclass(frozen=True)
class Check:
    """One thing that has to be true.

    Attributes:
        what: in words.
        held: how many times it held.
        of: out of how many; none is a failure: nothing was checked.
    """

    what: str
    held: int
    of: int

    @property
    def ok(self) -> bool:
        """Whether it always held."""
        return self.held == self.of > 0


@dataclass
class Report:
    """Filled by a script, printed as one line of JSON by the process that ran it.

    Attributes:
        checks: in order.
        versions: package -> version.
    """

    checks: list[Check] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)

    def count(self, what: str, held_of: tuple[int, int]) -> None:
        """A check with counts."""
        self.checks.append(Check(what, *map(int, held_of)))

    def true(self, what: str, value: Any) -> None:
        """A check that holds or does not."""
        self.checks.append(Check(what, int(bool(value)), 1))

    def packages(self, *names: str) -> None:
        """Note the versions of some packages."""
        self.versions.update({name: metadata.version(name) for name in names})

    def line(self) -> str:
        """One line of JSON."""
        return json.dumps(self.fields())

    def fields(self) -> dict[str, Any]:
        """Plain values: how long it took is of one machine and day, and left out."""
        return {"checks": [asdict(check) for check in self.checks], "versions": self.versions}

    @classmethod
    def of(cls, fields: dict[str, Any]) -> Report:
        """From `fields`."""
        return cls([Check(**check) for check in fields["checks"]], fields["versions"])
