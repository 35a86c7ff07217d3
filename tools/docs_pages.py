"""What MkDocs needs beside the pages under `docs/`: front page, cookbook, and the reference of every room.

They are made of what is there, the README, the examples and each room's `__all__`; mkdocs.yml names the rooms.
"""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]


def on_files(files: Files, config: Any) -> Files:
    """Add the pages."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    front = readme.replace("](docs/", "](").replace("](examples/README.md)", "](cookbook.md)")
    made = {"index.md": front, "cookbook.md": cookbook()}
    rooms = re.findall(r"reference/(\w+)\.md", str(config["nav"]))
    made |= {f"reference/{room}.md": reference(f"rlgen.{room}") for room in rooms}
    for name, content in made.items():
        files.append(File.generated(config, name, content=content))
    return files


def cookbook() -> str:
    """The table of the examples, and under it their code."""
    table = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    named = re.sub(r"\]\((\w+)\.py\)", r"](#\1py)", table)  # MkDocs' anchor of the heading below
    code = (
        f"## {path.name}\n\n```python\n{path.read_text(encoding='utf-8')}```"
        for path in sorted((ROOT / "examples").glob("*.py"))
    )
    return "\n\n".join([named, *code])


def reference(room: str) -> str:
    """A room's public classes and functions, each by the place where it is written: pages are read from source."""
    module = importlib.import_module(room)
    parts = [f"# `{room}`", inspect.getdoc(module) or ""]
    for name in sorted(module.__all__):
        found = getattr(module, name)
        if inspect.isclass(found) or inspect.isfunction(found):
            parts.append(f"::: {found.__module__}.{found.__qualname__}")
    return "\n\n".join(parts)


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Links out of `docs/` become plain text: the built pages stand alone."""
    del page, config, files
    return re.sub(r"\[([^\]]+)\]\((?:\.\./)+(?:rlgen|examples|benchmarks|recipes|tests|tools)[^)]*\)", r"\1", markdown)
