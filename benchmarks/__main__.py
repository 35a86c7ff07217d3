"""`python -m benchmarks`: the questions that are measured here, each with the command that answers it."""

from __future__ import annotations

import ast
import sys
from pathlib import Path


def listed(folder: Path = Path(__file__).parent) -> dict[str, str]:
    """Command -> the first line of its file's docstring, without the command."""
    found = {}
    for file in sorted([*folder.glob("*.py"), *folder.glob("*/__main__.py")]):
        name = file.parent.name if file.name == "__main__.py" and file.parent != folder else file.stem
        if not name.startswith("__"):
            said = (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").partition("\n")[0]
            found[f"python -m benchmarks.{name}"] = said.partition(": ")[2]
    return found


def main() -> int:
    """Print the list."""
    commands = listed()
    width = max(map(len, commands))
    print("\n".join(f"{command:<{width}}  {question}" for command, question in commands.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
