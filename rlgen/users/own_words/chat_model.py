"""A frozen language model that writes what a person says and answers questions with fixed options.

N prompts are one batch, padded on the left. Words are drawn by inverse CDF with one uniform each; an
answer is read from the logits of its options, so that no text has to be understood. A dialogue is read once
for all that is asked and said after it: its keys and values are laid before the rest of each prompt, in the
columns that they would have in a batch that is read whole, so that sliding windows see no difference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import torch
from torch import Tensor

from rlgen.artifacts import Shared, tensors_sha256
from rlgen.errors import ArtifactError, ConfigError
from rlgen.hardware import Bits, Precision, is_out_of_memory, place
from rlgen.text.language_models.chat_template import PERSON, Chat
from rlgen.text.language_models.pretrained import Forward, common, left_pad, load_pretrained, model_state
from rlgen.types import F64

LISTENER: Final = "Listener:"
# Probabilities are counted in units of this: sums of whole numbers are the same in any order.
_UNIT: Final = 2.0**-40


@dataclass(frozen=True)
class Questions:
    """One question to K people.

    Attributes:
        prompts: K, rendered by the model's `chat`, each ending in the question.
        options: O short words or signs.
        rows: `[K]`, which of the dialogues that were read each one goes on with.
    """

    prompts: list[str]
    options: Sequence[str]
    rows: Sequence[int]


@dataclass(frozen=True)
class Prefix:
    """The beginnings of N dialogues.

    Attributes:
        ids: of each, as far as it was read.
        known: index of a layer, its keys and its values `[N, heads, width, *]`; beginnings end in one column.
    """

    ids: list[list[int]]
    known: list[tuple[int, Tensor, Tensor]]


_MODELS: Final = Shared(2)
P = ParamSpec("P")
R = TypeVar("R")


def _alone(method: Callable[Concatenate[ChatModel, P], R]) -> Callable[Concatenate[ChatModel, P], R]:
    """A method of a model in which one thread is at a time."""

    @wraps(method)
    def alone(self: ChatModel, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self._forward.lock:
            return method(self, *args, **kwargs)

    return alone


def chat_model(model: str, device: str, dtype: Precision) -> ChatModel:
    """The model of a name, one for all people of a process; another once its files have changed."""
    return _MODELS.of((model, device, dtype), model_state(model), lambda: ChatModel(model, device, dtype))


class ChatModel:
    """A model that plays the second speaker of a chat, the person.

    Frozen: it keeps nothing of a call, and threads that share it wait for each other.

    Attributes:
        chat: how a dialogue becomes a prompt.
        context: greatest number of positions; None for no limit.
    """

    def __init__(self, model: str, device: str, dtype: Precision) -> None:
        """Load a model; use `chat_model`, which shares it.

        Args:
            model: folder or hub id.
            device: as torch names it.
            dtype: of the weights.

        Raises:
            ArtifactError: there is no such model, it is no causal language model, has no tokenizer, or its chat
                template cannot render a dialogue.
            ConfigError: there is no such device, or the model does not fit into its memory.
        """
        self._made_by = model, device, dtype
        loaded = load_pretrained(model, *place(device, dtype))
        self.context = loaded.context
        self.chat = Chat(loaded.tokenizer, loaded.name, (LISTENER, PERSON))
        self._loaded = loaded
        self._forward = Forward(loaded.model)
        size = loaded.model.get_output_embeddings().weight.shape[0]
        ends = torch.zeros(size, dtype=torch.bool)
        ends[list(loaded.ends)] = True
        stops = ends.clone()
        if not self.chat.templated:  # a turn of a transcript is one line
            texts = loaded.tokenizer.batch_decode([[i] for i in range(len(loaded.tokenizer))])
            stops[[i for i, text in enumerate(texts) if "\n" in text]] = True
        never = ~ends & (torch.arange(size) >= len(loaded.tokenizer))  # rows that only fill up the matrix
        self._plain = keeps_plain(loaded.model.config)
        where = loaded.model.device
        self._ends, self._stops, self._never = ends.to(where), stops.to(where), never.to(where)

    def __deepcopy__(self, memo: dict[int, object]) -> ChatModel:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return chat_model, self._made_by

    def sha256(self) -> str:
        """Hash of the weights as they are in memory."""
        return tensors_sha256(Bits(self._loaded.model.state_dict()))

    @_alone
    def lengths(self, prompts: list[str]) -> list[int]:
        """How many ids each prompt has."""
        return [len(ids) for ids in self.chat.encode(prompts)]

    @_alone
    @torch.inference_mode()
    def read(self, prompts: Sequence[Sequence[str]]) -> Prefix | None:
        """Read N dialogues, in one pass, as far as some prompts about each are alike.

        Args:
            prompts: two or more about each dialogue, rendered by `chat`.

        Returns:
            What `answer` and `write` go on from; None where the model keeps more than keys and values, or there is
            nothing alike.

        Raises:
            ArtifactError: the model's logits are not finite.
            ConfigError: the batch does not fit into memory.
        """
        encoded = iter(self.chat.encode([prompt for some in prompts for prompt in some]))
        alike = [common([next(encoded) for _ in some]) for some in prompts]
        if not self._plain or not all(alike):
            return None
        from transformers import DynamicCache

        cache: Any = DynamicCache()  # without windows: all of it is kept
        ids, mask = left_pad(alike, max(map(len, alike)), self._loaded.model.device)
        self._pass(ids, mask, _positions(mask), cache)
        layers = enumerate(cache.layers)
        return Prefix(alike, [(i, layer.keys, layer.values) for i, layer in layers if layer.get_seq_length()])

    @_alone
    @torch.inference_mode()
    def write(self, prompts: list[str], uniform: F64, temperature: float, read: Prefix | None = None) -> list[str]:
        """What the person says next, one line each, never empty.

        Args:
            prompts: N, rendered by `chat`.
            uniform: `[N, L]`, one for each id; L is the greatest number of ids.
            temperature: above 0.
            read: the beginnings of these N prompts; None reads them whole.

        Raises:
            ArtifactError: the model's logits are not finite.
            ConfigError: the batch does not fit into memory.
        """
        rows, limit = uniform.shape
        device = self._loaded.model.device
        logits, mask, cache = self._after(self.chat.encode(prompts), read, range(rows))
        width, length = mask.shape[1], mask.sum(dim=1)
        mask = torch.cat([mask, mask.new_ones(rows, limit)], dim=1)
        u = torch.from_numpy(uniform).to(device)
        made = torch.full((rows, limit), -1, dtype=torch.long, device=device)
        live = torch.ones(rows, dtype=torch.bool, device=device)
        for t in range(limit):
            logits = logits.masked_fill(self._never | self._stops if t == 0 else self._never, -torch.inf)
            token = _draw(logits / temperature, u[:, t : t + 1])
            made[:, t] = torch.where(live & ~self._ends[token], token, -1)
            live = live & ~self._stops[token]
            if t + 1 == limit or not bool(live.any()):
                break
            logits = self._pass(token[:, None], mask[:, : width + t + 1], (length + t)[:, None], cache)
        said = [row[:n] for row, n in zip(made.tolist(), (made >= 0).sum(dim=1).tolist(), strict=True)]
        texts: list[str] = self._loaded.tokenizer.batch_decode(said, skip_special_tokens=True)
        if not self.chat.templated:
            texts = [text.partition("\n")[0] for text in texts]
        return [self.chat.harmless(text) for text in texts]

    @_alone
    @torch.inference_mode()
    def answer(self, asked: Sequence[Questions], read: Prefix | None = None) -> list[F64]:
        """Probabilities of fixed answers, all questions in one pass.

        Args:
            asked: the questions.
            read: the beginnings of the dialogues; None reads the prompts whole.

        Returns:
            For each question `[K, O]`, among its options alone.

        Raises:
            ArtifactError: the tokenizer does not tell the options apart, or the logits are not finite.
            ConfigError: the batch does not fit into memory.
        """
        bare = iter(self.chat.encode([prompt for question in asked for prompt in question.prompts]))
        encoded, firsts = [], []
        for question in asked:
            dropped, lead, first = self._option_ids(tuple(question.options))
            encoded += [[*ids[: len(ids) - dropped], *lead] for _, ids in zip(question.prompts, bare, strict=False)]
            firsts.append(first)
        logits = self._after(encoded, read, [row for question in asked for row in question.rows])[0]
        parts = torch.split(logits, [len(question.prompts) for question in asked])
        pairs = zip(parts, firsts, strict=True)
        return [torch.softmax(part[:, first].double(), dim=-1).cpu().numpy() for part, first in pairs]

    def _option_ids(self, options: tuple[str, ...]) -> tuple[int, list[int], list[int]]:
        """How answers follow a prompt: ids to drop from its end, ids to put there, and the one id of each option."""
        prompt = self.chat.render("Answer.", ["Yes or no?"])
        space = "" if self.chat.templated else " "
        bare, *full = self.chat.encode([prompt, *(prompt + space + option for option in options)])
        shared = common(full)
        kept = len(common([bare, shared]))
        first = [ids[len(shared)] for ids in full if len(ids) > len(shared)]
        if len(set(first)) < len(options):
            raise ArtifactError(
                f"{self._loaded.name}: its tokenizer does not tell the answers {', '.join(options)} apart by their "
                f"first id; give another model"
            )
        return len(bare) - kept, shared[kept:], first

    def _after(self, encoded: list[list[int]], read: Prefix | None, rows: Sequence[int]) -> tuple[Tensor, Tensor, Any]:
        """Logits `[B, V]` after B prompts, their mask `[B, S]` and the cache, from a pass over what was not read yet.

        Args:
            encoded: ids of the prompts.
            read: the beginnings of dialogues.
            rows: `[B]`, which of them each prompt goes on with.
        """
        from transformers import DynamicCache

        cache: Any = DynamicCache(config=self._loaded.model.config)
        width, start = max(map(len, encoded)), 0
        ids, mask = left_pad(encoded, width, self._loaded.model.device)
        if read is not None:
            pairs = list(zip(encoded, (read.ids[row] for row in rows), strict=True))
            # Logits come from a pass, so at least one id is left; all rows compute as many columns as the row that
            # has most left.
            start = width - max(len(own) - min(len(common([own, known])), len(own) - 1) for own, known in pairs)
        if read is not None and start:
            # Where the first id of each prompt stands among the known columns, and here.
            shift = [max(map(len, read.ids)) - len(known) - (width - len(own)) for own, known in pairs]
            index = (torch.arange(start) + torch.tensor(shift)[:, None]).clamp_min(0)
            picked = torch.tensor(rows)[:, None]
            for layer, keys, values in read.known:
                at = picked.to(keys.device), index.to(keys.device)
                cache.update(*(each.transpose(1, 2)[at].transpose(1, 2) for each in (keys, values)), layer)
        logits = self._pass(ids[:, start:], mask, _positions(mask)[:, start:], cache)
        return logits, mask, cache

    def _pass(self, ids: Tensor, mask: Tensor, positions: Tensor, cache: Any) -> Tensor:
        try:
            logits = self._forward(ids, mask, positions, cache)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            raise ConfigError(
                f"{self._loaded.name}: {len(ids)} people at once do not fit into the memory of {ids.device}; choose "
                f"fewer num_envs or dtype 'bf16'"
            ) from error
        if not bool(logits.isfinite().all()):
            raise ArtifactError(f"{self._loaded.name}: its logits are not finite; choose dtype 'fp32' or another model")
        return logits


def _positions(mask: Tensor) -> Tensor:
    """Of ids that are padded on the left, from their mask `[B, S]`."""
    return (mask.cumsum(dim=1) - 1).clamp_min(0)


def keeps_plain(config: Any) -> bool:
    """Whether every layer keeps plain keys and values, of all positions or of a window of them."""
    from transformers.cache_utils import DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

    types = getattr(config.get_text_config(decoder=True), "layer_types", None) or ()
    # Chunks begin at fixed columns, so that padding moves what they hold.
    return "chunked_attention" not in types and all(
        type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) for layer in DynamicCache(config=config).layers
    )


def _draw(logits: Tensor, u: Tensor) -> Tensor:
    """One id per row by inverse CDF: `[N, V]` logits, `[N, 1]` float64 uniforms in (0, 1)."""
    cumulative = (torch.softmax(logits, dim=-1) / _UNIT).long().cumsum(dim=-1)
    total = cumulative[:, -1:]
    threshold = torch.minimum((u * total).long(), total - 1)
    return torch.searchsorted(cumulative, threshold, right=True)[:, 0]
