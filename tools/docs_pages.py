"""What MkDocs needs beside the pages under `docs/`: the README as front page, and the reference of every room.

A page of the reference is made of a room's public names, its `__all__`: nothing has to be listed twice.
"""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
ROOMS = ("envs", "users", "rewards", "policies", "generation", "perception", "text", "governance", "artifacts")


def on_files(files: Files, config: Any) -> Files:
    """Add the front page and the reference."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8").replace("](docs/", "](")
    files.append(File.generated(config, "index.md", content=readme))
    for room in ROOMS:
        module = importlib.import_module(f"rlgen.{room}")
        parts = [f"# `rlgen.{room}`", inspect.getdoc(module) or ""]
        for name in sorted(module.__all__):
            made = getattr(module, name)  # pages are read from source, so a name is looked up where it is written
            if inspect.isclass(made) or inspect.isfunction(made):
                parts.append(f"::: {made.__module__}.{made.__qualname__}")
        files.append(File.generated(config, f"reference/{room}.md", content="\n\n".join(parts)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Links out of `docs/` become plain text: the built pages stand alone."""
    del page, config, files
    return re.sub(r"\[([^\]]+)\]\((?:\.\./)+(?:rlgen|examples|benchmarks|tests|tools)[^)]*\)", r"\1", markdown)
