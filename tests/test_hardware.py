"""Want of memory is told from damage; weights are hashed one by one."""

from __future__ import annotations

import os
import subprocess
import sys
import weakref

import numpy as np
import pytest
import torch

from rlgen.artifacts import tensors_sha256
from rlgen.errors import ArtifactError, ConfigError
from rlgen.hardware import Bits, bits, is_out_of_memory, memory_of, usable

FULL = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nSee the documentation"),
    RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:121] . DefaultCPUAllocator: can't allocate memory: you tried"),
    MemoryError("Unable to allocate 1.14 GiB"),
]


@pytest.mark.parametrize("error", FULL, ids=lambda error: str(error)[:20])
@pytest.mark.parametrize("device", ["cpu", "cuda", "cuda:1"])
def test_want_of_memory_is_one_sentence_that_says_so(error, device):
    told = f"^the policy: does not fit into the memory of {device};"
    with pytest.raises(ConfigError, match=told) as caught, memory_of(device, "the policy"):
        raise error
    assert "\n" not in str(caught.value)
    assert ("'cpu'" in str(caught.value)) == (device != "cpu")


def test_other_errors_stay_what_they_are():
    for error in (RuntimeError("Error(s) in loading state_dict"), KeyError("out of memory"), ValueError("x")):
        assert not is_out_of_memory(error)
        with pytest.raises(type(error)), memory_of("cuda", "x"):
            raise error


def test_a_full_device_is_not_said_to_be_missing(monkeypatch):
    def full(*_, **__):
        raise FULL[1]

    monkeypatch.setattr(torch, "empty", full)
    with pytest.raises(ConfigError, match="does not fit into the memory of cuda"):
        usable("cuda")


@pytest.mark.parametrize("error", FULL, ids=lambda error: str(error)[:20])
def test_a_policy_that_does_not_fit_is_not_to_be_trained_again(tmp_path, monkeypatch, error):
    from rlgen.policies.ppo import BoundedPPO
    from rlgen.policies.saved import load_model

    def full(*_, **__):
        raise error

    path = tmp_path / "policy.zip"
    path.write_bytes(b"")
    monkeypatch.setattr(BoundedPPO, "load", full)
    with pytest.raises(ConfigError, match=r"policy\.zip: does not fit into the memory of cuda"):
        load_model(path, "cuda", BoundedPPO)
    monkeypatch.undo()
    with pytest.raises(ArtifactError, match="cannot be read as a policy"):
        load_model(path)


def test_the_hash_of_lazy_bytes_is_that_of_a_copy():
    tensors = {
        "half": torch.randn(3, 5).bfloat16(),
        "turned": torch.randn(4, 6).T,
        "one": torch.tensor(3.0),
        "none": torch.zeros(0, 4),
        "whole": torch.arange(3),
    }
    assert tensors_sha256(Bits(tensors)) == tensors_sha256({name: bits(t) for name, t in tensors.items()})
    assert tensors_sha256({"x": np.arange(6).reshape(2, 3)[:, ::2]}) == tensors_sha256(
        {"x": np.array([[0, 2], [3, 5]])}
    )


def test_weights_are_hashed_one_at_a_time():
    made: list[weakref.ref[torch.Tensor]] = []
    alive: list[int] = []

    class Counted(dict):
        def __getitem__(self, name):
            alive.append(sum(tensor() is not None for tensor in made))
            made.append(weakref.ref(tensor := torch.ones(7, 11)))
            return tensor

    tensors_sha256(Bits(Counted.fromkeys("abcdefgh")))
    assert len(alive) == 8
    assert max(alive) <= 1


@pytest.mark.parametrize("limits", [{"ONEDNN_MAX_CPU_ISA": "AVX2"}, {"ATEN_CPU_CAPABILITY": "avx2"}])
def test_bf16_is_not_chosen_where_it_would_be_emulated(limits):
    """Both are read once, when a process first uses torch."""
    script = "import torch; from rlgen.hardware import place; print(place('cpu', 'auto')[1])"
    told = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **limits},
        capture_output=True,
        text=True,
        check=True,
        timeout=200,
    )
    assert told.stdout.strip() == "torch.float32"
