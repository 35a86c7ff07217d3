"""Keys and values of what prompts have in common: read once, laid into the cache of every later batch.

A batch is padded on the left, so that all prompts end in one column. The last Q columns of it are
computed, Q being the longest rest of a prompt after what it shares; before them stand the first
ids of each prompt, which are always within its shared part, and whose keys and values are known.
Columns, masks and positions are those of a batch that is read whole: sliding windows and relative
positions see no difference.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final

import torch
from torch import Tensor

from rlgen.text.language_models.pretrained import Forward, common, left_pad

_LOG = logging.getLogger(__name__)

# Layer by layer the keys and the values of one prefix, `[P, heads, width]`.
_Known = list[tuple[Tensor, Tensor]]

# Bytes of keys and values that are kept between calls; the longest unused go first.
_KEPT: Final = 2**29
# Mean change of a logit, in standard deviations, that comes of rounding; a wrong layout changes them by about one.
_ROUNDING: Final = {torch.float32: 5e-3}
_COARSE: Final = 0.15


class Prefixes:
    """What prompts begin with, read once.

    The keys and values of a prefix are computed alone, from those of the shorter prefix inside it,
    so that they depend on its ids and on nothing that was asked before.

    Attributes:
        usable: whether the model's cache allows it; prompts are read whole where it does not.
        computed: columns that were computed for prefixes so far, for measurements.
    """

    def __init__(self, forward: Forward, wanted: bool = True) -> None:
        """Try it on a batch of two short prompts.

        Args:
            forward: passes of the model.
            wanted: False reads every prompt whole.
        """
        self._forward = forward
        self._kept: OrderedDict[tuple[int, ...], _Known] = OrderedDict()
        self._bytes = 0
        self.computed = 0
        self.usable = wanted and self._fits() and self._proves()
        if wanted and not self.usable:
            _LOG.info("%s: what prompts share is not kept, its cache does not allow it", type(forward.model).__name__)
        self._forget()

    def lay(self, prompts: Sequence[Sequence[int]], shared: Sequence[Sequence[int]]) -> tuple[Any, int]:
        """A cache that holds the first columns of a batch.

        Args:
            prompts: ids of B prompts.
            shared: for each, increasing lengths of what it has in common with other prompts: the
                widest circle first. None for a prompt that shares nothing.

        Returns:
            A `DynamicCache` and the number S of columns in it, 0 where prompts have to be read whole.
        """
        cache = self._empty()
        width = max(map(len, prompts))
        # Where passes are short of rows, not of arithmetic, a prefix is worth one only if many prompts share it.
        circles = None if self._forward.model.device.type == "cpu" else 1
        # At least one id is left to compute: logits come from a pass.
        bounds = [[n for n in inner if n < len(ids)][:circles] for ids, inner in zip(prompts, shared, strict=True)]
        start = width - max(len(ids) - max(inner, default=0) for ids, inner in zip(prompts, bounds, strict=True))
        if not self.usable or start <= 0:
            return cache, 0
        offsets: dict[tuple[int, ...], int] = {}
        known: list[_Known] = []
        columns = torch.arange(start)
        index = torch.zeros(len(prompts), start, dtype=torch.long)
        size = 0
        for row, (ids, inner) in enumerate(zip(prompts, bounds, strict=True)):
            begins = width - len(ids)
            if begins >= start:
                continue  # this prompt is computed whole; what stands before it is masked
            key = tuple(ids[: inner[-1]])
            if key not in offsets:
                known.append(self._known(key, inner))
                offsets[key] = size
                size += len(key)
            index[row] = offsets[key] + (columns - begins).clamp_min(0)
        for layer in range(len(known[0])):
            keys, values = (torch.cat([prefix[layer][i] for prefix in known]) for i in (0, 1))
            here = index.to(keys.device)
            cache.update(keys[here].transpose(1, 2), values[here].transpose(1, 2), layer)
        return cache, start

    def _known(self, key: tuple[int, ...], inner: Sequence[int]) -> _Known:
        """Keys and values of a prefix, from those of the prefixes inside it."""
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        from transformers import DynamicCache

        device = self._forward.model.device
        cache: Any = DynamicCache()  # without windows: all of it is kept
        begin = 0
        if len(inner) > 1:
            begin = inner[-2]
            for layer, (keys, values) in enumerate(self._known(key[:begin], inner[:-1])):
                cache.update(keys.transpose(0, 1)[None], values.transpose(0, 1)[None], layer)
        ids = torch.tensor([key[begin:]], device=device)
        mask = torch.ones(1, len(key), dtype=torch.long, device=device)
        self._forward(ids, mask, torch.arange(begin, len(key), device=device)[None], cache)
        self.computed += len(key) - begin
        made = [(layer.keys[0].transpose(0, 1), layer.values[0].transpose(0, 1)) for layer in cache.layers]
        self._kept[key] = made
        self._bytes += _size(made)
        while self._bytes > _KEPT and len(self._kept) > 1:
            self._bytes -= _size(self._kept.popitem(last=False)[1])
        return made

    def _empty(self) -> Any:
        from transformers import DynamicCache

        return DynamicCache(config=self._forward.model.config)

    def _forget(self) -> None:
        self._kept.clear()
        self._bytes = self.computed = 0

    def _fits(self) -> bool:
        """Whether every layer keeps plain keys and values, of all positions or of a window of them."""
        from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

        types = getattr(self._forward.model.config.get_text_config(decoder=True), "layer_types", None) or ()
        layers = self._empty().layers
        # Chunks begin at fixed columns, so that padding moves what they hold.
        return "chunked_attention" not in types and all(
            type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) for layer in layers
        )

    @torch.inference_mode()
    def _proves(self) -> bool:
        """Whether two prompts of unlike lengths have the same logits as when they are read whole."""
        model = self._forward.model
        vocabulary = model.get_input_embeddings().weight.shape[0]
        rows = [[i * 7 % vocabulary for i in range(1, n)] for n in (13, 16)]
        rows[1][9] = 3 % vocabulary
        ids, mask = left_pad(rows, 15, model.device)
        positions = (mask.cumsum(dim=1) - 1).clamp_min(0)
        whole = self._forward(ids, mask, positions, self._empty())
        self.usable = True
        try:
            cache, start = self.lay(rows, [[4, 8], [4, 9]])
            laid = self._forward(ids[:, start:], mask, positions[:, start:], cache)
        except (
            AttributeError,
            IndexError,
            KeyError,
            NotImplementedError,
            RuntimeError,
            TypeError,
            ValueError,
        ) as error:
            _LOG.info("%s: a cache cannot be laid out (%s)", type(model).__name__, " ".join(str(error).split())[:200])
            return False
        change = float((laid - whole).abs().mean() / whole.std())
        return change <= _ROUNDING.get(model.dtype, _COARSE)


def alike(ids: Sequence[int], openings: Sequence[Sequence[int]]) -> list[int]:
    """How many ids a prompt has in common with each of some openings, increasing, without zeros."""
    counts = {
        len(opening) if list(ids[: len(opening)]) == list(opening) else len(common([ids, opening]))
        for opening in openings
    }
    return sorted(counts - {0})


def _size(known: _Known) -> int:
    return sum(tensor.numel() * tensor.element_size() for pair in known for tensor in pair)
