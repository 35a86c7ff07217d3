"""What every raw signal must be before anything is computed from it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlgen.errors import SignalError


def numbers(values: Any, name: str) -> NDArray[Any]:
    """An array of real numbers, as given.

    Raises:
        SignalError: not an array, or not of real numbers.
    """
    if not isinstance(values, np.ndarray) or values.ndim == 0 or values.dtype.kind not in "iuf":
        found = f"an array of {values.dtype}" if isinstance(values, np.ndarray) else f"of type {type(values).__name__}"
        raise SignalError(f"{name}: is {found}; give a NumPy array of numbers")
    return values


def rate(value: Any, name: str) -> float:
    """Samples or frames a second, as given.

    Raises:
        SignalError: not a finite number above 0.
    """
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not number or not 0 < value < np.inf:
        raise SignalError(f"{name}: its rate is {value!r}; give how many samples a second it has")
    return float(value)
