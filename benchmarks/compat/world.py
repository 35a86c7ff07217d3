"""What the scripts run on."""

from __future__ import annotations

from typing import Any, Final

import rlgen  # noqa: F401 - registers the ids

DYNAMIC: Final = "rlgen/SupportDynamic-v0"
FLAT: Final = "rlgen/SupportDynamicFlat-v0"
# Without words a step takes milliseconds; the interface is the same.
QUICK: Final[dict[str, Any]] = {"generator": "shipped:surface"}
