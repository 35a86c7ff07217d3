"""One sentence for whoever leaves the ranges of the controls."""

from __future__ import annotations

from typing import Final

import numpy as np

from rlgen.errors import ActionError, SignalError
from rlgen.types import CONTROL_RANGES, Controls, Estimate

# A float32 of an end of a range may lie this much outside it.
_SLACK: Final = 1e-6


def check(controls: Controls, estimate: Estimate, rows: int) -> None:
    """Refuse what the decoder cannot mean anything by.

    Args:
        controls: of N rows.
        estimate: of N rows; only its affect is looked at.
        rows: N.

    Raises:
        ActionError: a control has the wrong shape, is not finite or lies outside its range.
        SignalError: the affect has the wrong shape or is not finite.
    """
    for name, (low, high) in CONTROL_RANGES.items():
        values = np.asarray(getattr(controls, name))
        if values.shape != (rows,):
            raise ActionError(f"{name} has shape {values.shape}, but {rows} dialogues need shape ({rows},)")
        bad = ~((values >= low - _SLACK) & (values <= high + _SLACK))
        if bad.any():
            row = int(bad.argmax())
            raise ActionError(f"{name} of row {row} is {values[row]}; it must be a number in [{low:g}, {high:g}]")
    if estimate.affect.shape != (rows, 8) or not np.isfinite(estimate.affect).all():
        raise SignalError(
            f"the estimate's affect has shape {estimate.affect.shape} or holds NaN; "
            f"give finite numbers of shape ({rows}, 8)"
        )
