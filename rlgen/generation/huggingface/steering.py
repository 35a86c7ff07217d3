"""Activation steering: directions in a model's hidden states, added without changing their length.

A direction is the difference of the mean hidden states of texts that have a quality and texts
that lack it, layer by layer (Turner et al., "Activation addition", 2023; Rimsky et al., "Steering
Llama 2 via contrastive activation addition", ACL 2024). Adding it lengthens a hidden state, which
the layers above are not used to; so the sum is brought back to the length it had.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rlgen.affect import CATEGORIES, NUM_CATEGORIES, regulating_target
from rlgen.config import read_yaml
from rlgen.errors import ConfigError

DIRECTIONS = ("warmth", "directiveness", *CATEGORIES)

Pairs = Mapping[str, Sequence[tuple[str, str]]]
"""Direction, one of `DIRECTIONS`, -> pairs of a text that has the quality and one that lacks it."""


def contrasts() -> Pairs:
    """The project's own pairs, in `contrasts.yaml`."""
    pairs = read_yaml(Path(__file__).with_name("contrasts.yaml"))
    return {name: [(has, lacks) for has, lacks in some] for name, some in pairs.items()}


@dataclass(frozen=True)
class Steering:
    """Directions of a model.

    Attributes:
        vectors: name, one of `DIRECTIONS`, -> `[layers, h]` float32; a zero row leaves its layer alone.
        strength: factor on all of them.
    """

    vectors: Mapping[str, Tensor]
    strength: float = 1.0

    def __post_init__(self) -> None:
        unknown = sorted(set(self.vectors) - set(DIRECTIONS))
        if unknown or not self.vectors:
            raise ConfigError(f"steering has the directions {unknown}; it must have some of {', '.join(DIRECTIONS)}")
        shapes = {tuple(v.shape) for v in self.vectors.values()}
        if len(shapes) > 1 or any(len(s) != 2 for s in shapes):
            raise ConfigError(f"steering has vectors of shapes {sorted(shapes)}; all must be [layers, width]")

    def amounts(
        self,
        affect: np.ndarray[Any, Any],
        warmth: np.ndarray[Any, Any],
        directiveness: np.ndarray[Any, Any],
        weight: np.ndarray[Any, Any],
    ) -> Tensor:
        """How far each row goes along each direction, `[N, directions]` in the order of `vectors`.

        Along warmth and directiveness as asked; along a category by what a helpful reply would
        sound like to the recognised state (`rlgen.affect.regulating_target`), times `weight`.

        Args:
            affect: `[N, 8]`.
            warmth: `[N]`.
            directiveness: `[N]`.
            weight: `[N]`.
        """
        target = regulating_target(np.asarray(affect, dtype=np.float32))[:, :NUM_CATEGORIES] * weight[:, None]
        known = {"warmth": warmth, "directiveness": directiveness}
        known |= {category: target[:, i] for i, category in enumerate(CATEGORIES)}
        columns = [np.asarray(known[name], dtype=np.float32) * self.strength for name in self.vectors]
        return torch.from_numpy(np.stack(columns, axis=1).astype(np.float32))


class Steerer:
    """Hooks that steer a model's layers at the last position of every pass, where words are made.

    Attributes:
        amounts: `[B, directions]` for the rows of the next passes; None leaves the model alone.
        steering: the directions.
    """

    def __init__(self, model: Any, steering: Steering) -> None:
        """Put the hooks in.

        Raises:
            ConfigError: the vectors are not of this model's layers and width.
        """
        layers = layers_of(model)
        self.steering = steering
        self.vectors = torch.stack([v.float() for v in steering.vectors.values()], dim=1).to(model.device)
        width = model.get_output_embeddings().weight.shape[-1]
        if self.vectors.shape[0] != len(layers) or self.vectors.shape[2] != width:
            shape = (self.vectors.shape[0], self.vectors.shape[2])
            raise ConfigError(
                f"steering has vectors of shape {shape}, but the model has {len(layers)} layers of width {width}; "
                f"fit them on this model"
            )
        self.amounts: Tensor | None = None
        self._handles = [layer.register_forward_hook(partial(self._steered, i)) for i, layer in enumerate(layers)]

    def remove(self) -> None:
        """Take the hooks out."""
        for handle in self._handles:
            handle.remove()

    def _steered(self, index: int, module: Any, given: Any, output: Any) -> Any:
        if self.amounts is None:
            return None
        hidden = output[0] if isinstance(output, tuple) else output
        last = steer(hidden[:, -1], self.amounts @ self.vectors[index])
        hidden = torch.cat([hidden[:, :-1], last[:, None]], dim=1)
        return (hidden, *output[1:]) if isinstance(output, tuple) else hidden


def steer(hidden: Tensor, push: Tensor) -> Tensor:
    """Hidden states moved and brought back to their length.

    Args:
        hidden: `[B, h]`.
        push: `[B, h]`; a zero row leaves its hidden state the same to the bit.
    """
    moved = hidden.float() + push
    scale = hidden.float().norm(dim=-1, keepdim=True) / moved.norm(dim=-1, keepdim=True).clamp_min(1e-12)
    return torch.where((push == 0).all(dim=-1, keepdim=True), hidden, (moved * scale).to(hidden.dtype))


def layers_of(model: Any) -> list[Any]:
    """The transformer's layers, lowest first.

    Raises:
        ConfigError: the model has no list of that many modules as its config names layers.
    """
    wanted = model.config.get_text_config(decoder=True).num_hidden_layers
    for module in model.modules():
        if isinstance(module, torch.nn.ModuleList) and len(module) == wanted:
            return list(module)
    raise ConfigError(f"{type(model).__name__} shows no list of its {wanted} layers; it cannot be steered")


def fit_steering(
    model: Any,
    tokenizer: Any,
    pairs: Pairs,
    strength: float = 1.0,
    layers: Sequence[int] | None = None,
) -> Steering:
    """Directions of a model from texts that differ in one quality.

    Args:
        model: causal language model of transformers.
        tokenizer: its tokenizer.
        pairs: e.g. `contrasts()`.
        strength: factor on the directions.
        layers: which layers to steer, from 0; None for all.

    Returns:
        For each direction and layer the mean hidden state, over tokens and then over texts, of the
        first texts less that of the second ones.

    Raises:
        ConfigError: a direction is unknown or has no pairs, or the model has no such layer.
    """
    return mean_direction(differences(model, tokenizer, pairs), strength, layers)


@torch.inference_mode()
def differences(model: Any, tokenizer: Any, pairs: Pairs) -> dict[str, Tensor]:
    """What each pair of texts differs by, layer by layer.

    Args:
        model: causal language model of transformers.
        tokenizer: its tokenizer.
        pairs: as for `fit_steering`.

    Returns:
        Direction -> `[pairs, layers, h]` float32: mean hidden state over the tokens of the first
        text less that of the second one.

    Raises:
        ConfigError: a direction has no pairs.
    """
    empty = [name for name, some in pairs.items() if not some]
    if empty:
        raise ConfigError(f"steering cannot be fitted: {empty[0]!r} has no pairs of texts")
    layers = layers_of(model)
    seen: list[Tensor] = [torch.empty(0)] * len(layers)

    def catch(index: int) -> Any:
        def hook(module: Any, given: Any, output: Any) -> None:
            seen[index] = output[0] if isinstance(output, tuple) else output

        return hook

    def mean(text: str) -> Tensor:
        ids = tokenizer(text, return_tensors="pt").input_ids.to(model.device)
        model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False)
        return torch.stack([h[0].float().mean(dim=0) for h in seen])

    handles = [layer.register_forward_hook(catch(i)) for i, layer in enumerate(layers)]
    try:
        return {
            name: torch.stack([mean(has) - mean(lacks) for has, lacks in some]).cpu() for name, some in pairs.items()
        }
    finally:
        for handle in handles:
            handle.remove()


def mean_direction(
    differing: Mapping[str, Tensor], strength: float = 1.0, layers: Sequence[int] | None = None
) -> Steering:
    """Directions from what pairs differ by; zero in layers that are not to be steered.

    Args:
        differing: from `differences`.
        strength: factor on the directions.
        layers: which layers to steer, from 0; None for all.

    Raises:
        ConfigError: the model has no such layer.
    """
    count = next(iter(differing.values())).shape[1]
    steered = torch.zeros(count, 1)
    for layer in range(count) if layers is None else layers:
        if not 0 <= layer < count:
            raise ConfigError(f"layer {layer} cannot be steered: the model has the layers 0 to {count - 1}")
        steered[layer] = 1.0
    return Steering({name: some.mean(dim=0) * steered for name, some in differing.items()}, strength)


def told_apart(differing: Mapping[str, Tensor], layers: Sequence[int] | None = None) -> dict[str, float]:
    """How often the direction of the other pairs points from the text that lacks the quality to the one that has it.

    Args:
        differing: from `differences`; a direction of one pair is left out.
        layers: which layers count, with the cosine in each; None for all.

    Returns:
        Direction -> share of its pairs in [0, 1], each left out of the mean in turn; chance is .5.
    """
    shares = {}
    for name, some in differing.items():
        if len(some) < 2:
            continue
        chosen = some if layers is None else some[:, list(layers)]
        others = (chosen.sum(dim=0, keepdim=True) - chosen) / (len(chosen) - 1)
        along = torch.nn.functional.cosine_similarity(chosen, others, dim=-1).mean(dim=1)
        shares[name] = float((along > 0).float().mean())
    return shares
