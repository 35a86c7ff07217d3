"""Where a frozen model runs and in which precision, and its tensors as bytes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Literal

import numpy as np
import torch

from rlgen.errors import ConfigError

Precision = Literal["auto", "bf16", "fp32"]

# Instruction sets, as oneDNN names them, that have no products of bf16.
_WITHOUT_BF16: Final = ("SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2", "AVX512_CORE", "AVX512_CORE_VNNI")
# What torch and the libraries under it say where memory is short, in errors that have no type of their own.
_FULL: Final = ("out of memory", "can't allocate memory", "alloc_failed", "not enough memory")


def usable(device: str) -> torch.device:
    """A device by name.

    Raises:
        ConfigError: torch has no such device here, or its memory is full.
    """
    try:
        with memory_of(device, "anything at all"):
            where = torch.device(device)
            torch.empty(1, device=where)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"device was {device!r}, which torch cannot use here; try 'cpu'") from error
    return where


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the memory of a device or of the machine is full."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _FULL)


@contextmanager
def memory_of(device: str | torch.device, what: str) -> Iterator[None]:
    """Tell want of memory from damage: whatever says the one inside the block is raised as such.

    Args:
        device: where memory is taken.
        what: what shall fit, for the message.

    Raises:
        ConfigError: the memory is full.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        plenty = "close other programs" if str(device).startswith("cpu") else "free some, or choose 'bf16' or 'cpu'"
        raise ConfigError(f"{what}: does not fit into the memory of {device}; {plenty}") from error


def has_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bf16 matrices in hardware, and torch and oneDNN may use what does so.

    `ONEDNN_MAX_CPU_ISA` and `ATEN_CPU_CAPABILITY` can forbid it: then bf16 would be emulated.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    most = os.environ.get("ONEDNN_MAX_CPU_ISA") or os.environ.get("DNNL_MAX_CPU_ISA") or ""
    if most.upper() in _WITHOUT_BF16 or torch.backends.cpu.get_cpu_capability() in ("DEFAULT", "NO AVX", "AVX2"):
        return False
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
    held = tensor.detach().cpu().contiguous()
    return (held if held.dim() else held.reshape(1)).view(torch.uint8).numpy()


class Bits(Mapping[str, "np.ndarray[Any, np.dtype[Any]]"]):
    """Tensors by name as arrays of bytes, each made when it is asked for: never a second copy of a whole model."""

    def __init__(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Args: tensors: by name, wherever they are."""
        self._tensors = tensors

    def __getitem__(self, name: str) -> np.ndarray[Any, np.dtype[Any]]:
        return bits(self._tensors[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)
