"""A frozen language model that writes what a person says and answers questions with fixed options.

N prompts are one batch, padded on the left. Words are drawn by inverse CDF with one uniform each; an
answer is read from the logits of its options, so that no text has to be understood.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import torch
from torch import Tensor

from rlgen.artifacts import tensors_sha256
from rlgen.errors import ArtifactError, ConfigError
from rlgen.hardware import Precision, bits, place
from rlgen.text.chat_template import PERSON, Chat
from rlgen.text.pretrained import Forward, common, left_pad, load_pretrained
from rlgen.users.expression import F64

LISTENER: Final = "Listener:"
# Probabilities are counted in units of this: sums of whole numbers are the same in any order.
_UNIT: Final = 2.0**-40


@lru_cache(maxsize=2)
def mind(model: str, device: str, dtype: Precision) -> Mind:
    """The mind of a model, one for all people of a process."""
    return Mind(model, device, dtype)


class Mind:
    """A model that plays the second speaker of a chat, the person.

    Attributes:
        chat: how a dialogue becomes a prompt.
        context: greatest number of positions; None for no limit.
    """

    def __init__(self, model: str, device: str, dtype: Precision) -> None:
        """Load a model; use `mind`, which shares it.

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
        where = loaded.model.device
        self._ends, self._stops, self._never = ends.to(where), stops.to(where), never.to(where)

    def __deepcopy__(self, memo: dict[int, object]) -> Mind:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return mind, self._made_by

    def sha256(self) -> str:
        """Hash of the weights as they are in memory."""
        return tensors_sha256({name: bits(t) for name, t in self._loaded.model.state_dict().items()})

    def lengths(self, prompts: list[str]) -> list[int]:
        """How many ids each prompt has."""
        return [len(ids) for ids in self.chat.encode(prompts)]

    @torch.inference_mode()
    def write(self, prompts: list[str], uniform: F64, temperature: float) -> list[str]:
        """What the person says next, one line each, never empty.

        Args:
            prompts: N, rendered by `chat`.
            uniform: `[N, L]`, one for each id; L is the greatest number of ids.
            temperature: above 0.

        Raises:
            ArtifactError: the model's logits are not finite.
            ConfigError: the batch does not fit into memory.
        """
        rows, limit = uniform.shape
        encoded = self.chat.encode(prompts)
        width = max(map(len, encoded))
        device = self._loaded.model.device
        ids, mask = left_pad(encoded, width + limit, device)
        length = mask.sum(dim=1)
        positions = (mask[:, :width].cumsum(dim=1) - 1).clamp_min(0)
        ids, mask[:, width:] = ids[:, :width], 1
        u = torch.from_numpy(uniform).to(device)
        made = torch.full((rows, limit), -1, dtype=torch.long, device=device)
        live = torch.ones(rows, dtype=torch.bool, device=device)
        cache = self._cache()
        for t in range(limit):
            logits = self._pass(ids, mask[:, : width + t], positions, cache)
            logits = logits.masked_fill(self._never | self._stops if t == 0 else self._never, -torch.inf)
            token = _draw(logits / temperature, u[:, t : t + 1])
            made[:, t] = torch.where(live & ~self._ends[token], token, -1)
            live = live & ~self._stops[token]
            if not bool(live.any()):
                break
            ids, positions = token[:, None], (length + t)[:, None]
        said = [row[:n] for row, n in zip(made.tolist(), (made >= 0).sum(dim=1).tolist(), strict=True)]
        texts: list[str] = self._loaded.tokenizer.batch_decode(said, skip_special_tokens=True)
        if not self.chat.templated:
            texts = [text.partition("\n")[0] for text in texts]
        return [self.chat.harmless(text) for text in texts]

    @torch.inference_mode()
    def answer(self, prompts: list[str], options: Sequence[str]) -> F64:
        """Probabilities of fixed answers `[N, O]`, among these alone.

        Args:
            prompts: N, rendered by `chat`, each ending in the question.
            options: O short words or signs.

        Raises:
            ArtifactError: the tokenizer does not tell the options apart, or the logits are not finite.
            ConfigError: the batch does not fit into memory.
        """
        dropped, lead, first = self._option_ids(tuple(options))
        encoded = [[*ids[: len(ids) - dropped], *lead] for ids in self.chat.encode(prompts)]
        ids, mask = left_pad(encoded, max(map(len, encoded)), self._loaded.model.device)
        positions = (mask.cumsum(dim=1) - 1).clamp_min(0)
        logits = self._pass(ids, mask, positions, self._cache())[:, first]
        chances: F64 = torch.softmax(logits.double(), dim=-1).cpu().numpy()
        return chances

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

    def _cache(self) -> Any:
        from transformers import DynamicCache

        return DynamicCache(config=self._loaded.model.config)

    def _pass(self, ids: Tensor, mask: Tensor, positions: Tensor, cache: Any) -> Tensor:
        try:
            logits = self._forward(ids, mask, positions, cache)
        except torch.OutOfMemoryError as error:
            raise ConfigError(
                f"{self._loaded.name}: {len(ids)} people at once do not fit into the memory of {ids.device}; choose "
                f"fewer num_envs or dtype 'bf16'"
            ) from error
        if not bool(logits.isfinite().all()):
            raise ArtifactError(f"{self._loaded.name}: its logits are not finite; choose dtype 'fp32' or another model")
        return logits


def _draw(logits: Tensor, u: Tensor) -> Tensor:
    """One id per row by inverse CDF: `[N, V]` logits, `[N, 1]` float64 uniforms in (0, 1)."""
    cumulative = (torch.softmax(logits, dim=-1) / _UNIT).long().cumsum(dim=-1)
    total = cumulative[:, -1:]
    threshold = torch.minimum((u * total).long(), total - 1)
    return torch.searchsorted(cumulative, threshold, right=True)[:, 0]
