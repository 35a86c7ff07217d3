"""Causal language models by path or hub id: loading, refusing what cannot serve, and one pass over a batch."""

from __future__ import annotations

import inspect
import os
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rlgen.artifacts import state
from rlgen.errors import ArtifactError, ConfigError
from rlgen.hardware import is_out_of_memory, memory_of
from rlgen.locks import OneThread

# Change of a logit, in standard deviations, that a later token may cause: rounding, and nothing else.
_ROUNDING = {torch.float32: 1e-3, torch.bfloat16: 3e-2}
# Files of weights that transformers can read.
_WEIGHTS = (".safetensors", ".bin")


@dataclass(frozen=True)
class Pretrained:
    """A model that was found fit to reply.

    Attributes:
        name: path or hub id.
        model: of transformers, in eval mode, without gradients.
        tokenizer: of transformers.
        ends: ids that end a reply.
        context: greatest number of positions; None for no limit.
    """

    name: str
    model: Any
    tokenizer: Any
    ends: tuple[int, ...]
    context: int | None


def load_pretrained(model: str | Path, device: torch.device, dtype: torch.dtype) -> Pretrained:
    """Load and check a causal language model.

    Args:
        model: path of a folder, or a hub id. What is a folder, or looks like a path, never leads to the
            network; neither does anything where HF_HUB_OFFLINE is set.
        device: where it will run.
        dtype: type of its weights.

    Raises:
        ArtifactError: missing, not readable, not a causal language model, or without an end-of-text token.
        ConfigError: the model does not fit into the device's memory.
    """
    name = str(model)
    path = Path(name).expanduser()
    if not name:
        raise ArtifactError("no model was named; give the folder of a Hugging Face causal language model, or a hub id")
    local = path.exists() or looks_like_path(name)
    if local and not (path / "config.json").is_file():
        what = "holds no config.json" if path.exists() else "does not exist"
        raise ArtifactError(f"{name}: {what}; give the folder of a Hugging Face causal language model, or a hub id")
    if local and not any(next(path.glob(f"*{ending}"), None) for ending in _WEIGHTS):
        raise ArtifactError(
            f"{name}: holds no weights (model.safetensors); save the whole model there with save_pretrained"
        )
    source = str(path) if local else name
    from transformers import AutoModelForCausalLM, AutoTokenizer

    # Code that a model brings along is never run.
    options: dict[str, Any] = {"local_files_only": local or _offline(), "trust_remote_code": False}
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(source, **options)
    except Exception as error:  # a broken file can raise anything
        raise ArtifactError(_unreadable(name, "tokenizer", local, error)) from error
    try:
        options |= {"dtype": dtype, "output_loading_info": True}
        loaded: Any = AutoModelForCausalLM.from_pretrained(source, **options)
    except Exception as error:
        if is_out_of_memory(error):
            raise ConfigError(f"{name}: does not fit into this machine's memory; choose a smaller model") from error
        raise ArtifactError(_unreadable(name, "causal language model", local, error)) from error
    found, report = loaded
    lacking = sorted(report["missing_keys"])
    if lacking:
        raise ArtifactError(
            f"{name}: has no weights for {lacking[0]} and {len(lacking) - 1} more, so it is no complete causal "
            f"language model; give one that was saved from a ...ForCausalLM class"
        )
    found.requires_grad_(False).eval()
    with memory_of(device, name):
        found.to(device)
    output = found.get_output_embeddings()
    if output is None or "past_key_values" not in inspect.signature(found.forward).parameters:
        raise ArtifactError(f"{name}: keeps no keys and values between tokens; give a causal transformer")
    rows = found.get_input_embeddings().weight.shape[0]
    if len(tokenizer) > rows:
        raise ArtifactError(
            f"{name}: the tokenizer has {len(tokenizer)} ids and the model embeds {rows}; they are not of one model"
        )
    with memory_of(device, name):
        _check_causal(name, found, device, dtype, rows)
    text_config = found.config.get_text_config(decoder=True)
    limits = (getattr(text_config, key, None) for key in ("max_position_embeddings", "max_seq_len"))
    context = next((limit for limit in limits if limit), None)
    return Pretrained(name, found, tokenizer, _ends(name, found, tokenizer), context)


def model_state(model: str | Path) -> tuple[Hashable, ...]:
    """What a model is made of now, for `rlgen.artifacts.Shared`: the state of a folder's files; a hub id's name."""
    path = Path(model).expanduser()
    return state(path) if path.is_dir() else (str(model),)


def looks_like_path(name: str) -> bool:
    """Whether a name cannot be a hub id, which is `NAME` or `OWNER/NAME`."""
    return name.startswith((".", "/", "~")) or name.count("/") > 1 or "\\" in name or name.endswith("/")


def _offline() -> bool:
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}


def _unreadable(name: str, what: str, local: bool, error: Exception) -> str:
    reason = f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"
    if local:
        return f"{name}: no {what} can be read from it ({reason}); save one there with save_pretrained"
    if _offline():
        return f"{name}: is no folder, and not in the cache, and HF_HUB_OFFLINE is set; give a path, or fetch it first"
    return f"{name}: is no folder, and no {what} can be read from the hub ({reason}); give a path, or another hub id"


def _ends(name: str, model: Any, tokenizer: Any) -> tuple[int, ...]:
    """Ids that end a text: the tokenizer's, and those that the model's generation config names."""
    named = getattr(model.generation_config, "eos_token_id", None)
    ends = {tokenizer.eos_token_id, *(named if isinstance(named, list | tuple) else [named])} - {None}
    if not ends:
        raise ArtifactError(
            f"{name}: the tokenizer has no end-of-text token, so no reply would end; set its eos_token and save it"
        )
    return tuple(sorted(int(i) for i in ends))


@torch.inference_mode()
def _check_causal(name: str, model: Any, device: torch.device, dtype: torch.dtype, rows: int) -> None:
    """Refuse encoders, which transformers loads as if they were decoders: later tokens must not be seen."""
    ids = torch.tensor([[1, 2, 3, 4], [1, 5, 6, 7]], device=device) % rows
    logits = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits.float()
    if not bool(logits.isfinite().all()):
        raise ArtifactError(f"{name}: its weights give logits that are not finite; fetch or save it again")
    change = (logits[0, 0] - logits[1, 0]).abs().max() / logits.std()
    # What masked words are predicted with is no decoder, however little an untrained one looks ahead.
    masked = any("ForMaskedLM" in kind for kind in model.config.architectures or ())
    if masked or not bool(change <= _ROUNDING.get(dtype, 3e-2)):
        raise ArtifactError(
            f"{name}: is no causal language model, its predictions change with tokens that come later; "
            f"give a decoder such as GPT-2, Llama or Qwen"
        )


class Forward:
    """One pass of a causal model of transformers over the columns that its cache does not hold.

    Attributes:
        model: as given.
        lock: held by whoever uses the model or its tokenizer: both keep things between the parts of a call.
    """

    def __init__(self, model: Any) -> None:
        """Args: model: in eval mode, without gradients."""
        self.model = model
        self.lock = OneThread()
        self._accepts = set(inspect.signature(model.forward).parameters)

    def __call__(self, ids: Tensor, mask: Tensor, positions: Tensor, cache: Any) -> Tensor:
        """Logits `[B, V]` float32 after the last id of each row.

        Args:
            ids: `[B, Q]`, the new columns.
            mask: `[B, S + Q]`, those in the cache included.
            positions: `[B, Q]`.
            cache: of S columns; it takes up the new ones.
        """
        given: dict[str, Any] = {"attention_mask": mask, "past_key_values": cache, "use_cache": True}
        if "position_ids" in self._accepts:
            given["position_ids"] = positions
        if "logits_to_keep" in self._accepts:
            given["logits_to_keep"] = 1
        logits: Tensor = self.model(input_ids=ids, **given).logits
        return logits[:, -1].float()


def left_pad(prompts: Sequence[Sequence[int]], size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Prompts that end in one column.

    Args:
        prompts: ids of B prompts.
        size: columns, those after the prompts included.
        device: where the tensors are made.

    Returns:
        Ids and mask `[B, size]`; where the mask is 0 the ids mean nothing.
    """
    width = max(map(len, prompts))
    ids = torch.zeros(len(prompts), size, dtype=torch.long)
    mask = torch.zeros(len(prompts), size, dtype=torch.long)
    for row, prompt in enumerate(prompts):
        ids[row, width - len(prompt) : width] = torch.tensor(prompt, dtype=torch.long)
        mask[row, width - len(prompt) : width] = 1
    return ids.to(device), mask.to(device)


def common(rows: Sequence[Sequence[int]]) -> list[int]:
    """The ids that all rows begin with."""
    first = min(rows, key=len)
    alike = (i for i, ids in enumerate(zip(*rows, strict=False)) if len(set(ids)) > 1)
    return list(first[: next(alike, len(first))])
