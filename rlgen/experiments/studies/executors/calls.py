"""One job, wherever it runs: from the name of a function and a spec to an answer of plain data."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rlgen.errors import RlgenError
from rlgen.seams import find, load_module, look_in


def call(run: str, spec: Mapping[str, Any], modules: Sequence[str] = (), folder: str | None = None) -> dict[str, Any]:
    """Run a function on a spec.

    Args:
        run: `package.module:function`.
        spec: what it takes.
        modules: imported first; they register parts.
        folder: to work in, where relative paths and modules of one's own are found; None: where this process works.

    Returns:
        `{"result": ...}`, or `{"error": a sentence}`; a fault of the program's has its traceback on standard error.
    """
    if folder is not None:
        os.chdir(folder)
    look_in(Path.cwd())
    try:
        for module in modules:
            load_module(module)
        return {"result": find(run)(spec)}
    except RlgenError as error:
        return {"error": str(error)}
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the other jobs go on; this one's sentence says what it was
        traceback.print_exc(file=sys.stderr)
        return {"error": f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"}
