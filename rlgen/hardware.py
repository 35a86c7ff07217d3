"""Where a frozen model runs and in which precision, and its tensors as bytes."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch

from rlgen.errors import ConfigError

Precision = Literal["auto", "bf16", "fp32"]


def usable(device: str) -> torch.device:
    """A device by name.

    Raises:
        ConfigError: torch has no such device here.
    """
    try:
        where = torch.device(device)
        torch.empty(1, device=where)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"device was {device!r}, which torch cannot use here; try 'cpu'") from error
    return where


def has_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bf16 matrices in hardware."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    report: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(report.get("avx512_bf16") or report.get("amx_bf16"))


def place(device: str, dtype: Precision) -> tuple[torch.device, torch.dtype]:
    """Device and type by name.

    Args:
        device: `"cpu"`, `"cuda"`, or as torch names them.
        dtype: `"bf16"`, `"fp32"`, or `"auto"`: bf16 where the device multiplies it in hardware.

    Raises:
        ConfigError: there is no such device or type.
    """
    if dtype not in ("auto", "bf16", "fp32"):
        raise ConfigError(f"dtype was {dtype!r}; it must be 'auto', 'bf16' or 'fp32'")
    where = usable(device)
    narrow = dtype == "bf16" or (dtype == "auto" and has_bf16(where))
    return where, torch.bfloat16 if narrow else torch.float32


def bits(tensor: torch.Tensor) -> np.ndarray[Any, np.dtype[Any]]:
    """A tensor's bytes as an array, for hashing (numpy has no bf16)."""
    return tensor.detach().cpu().contiguous().view(torch.uint8).numpy()
