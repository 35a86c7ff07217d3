"""Batched decoding of any causal model, two prompts a row: guidance, temperature and stream are the row's own.

A row's next word comes from `u + w (c - u)`: c are the logits after its conditional prompt, u
those after its unconditioned one, w its emotional weight (classifier-free guidance; Sanchez et
al., "Stay on topic with classifier-free guidance", 2023). Both prompts are rows of one batch. A
row of weight 0 or 1 needs only one of them, and has only one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from rlgen.errors import ArtifactError
from rlgen.generation.embedded.decode import Generated
from rlgen.generation.huggingface.prefixes import Prefixes
from rlgen.generation.huggingface.steering import Steerer
from rlgen.generation.sampling import sample, within
from rlgen.text.language_models.pretrained import Forward, left_pad

# Finished rows are dropped when less than this share of the batch is still speaking.
_COMPACT_BELOW = 0.75
# Logits below this are as good as impossible; differences between them must stay finite.
_IMPOSSIBLE = -1e9


@dataclass(frozen=True)
class Rules:
    """How words are chosen, the same for all rows.

    Attributes:
        ends: `[V]` bool, ids that end a reply and are no part of it.
        lasts: `[V]` bool, ids that end a reply and are its last.
        limit: greatest number of ids of a reply.
        top_p: least probability of the nucleus that is sampled from.
        greedy: the likeliest word always.
        never: `[V]` bool, ids that no text has; None where every id has one.
    """

    ends: Tensor
    lasts: Tensor
    limit: int
    top_p: float
    greedy: bool
    never: Tensor | None = None


@dataclass(frozen=True)
class Branches:
    """Which prompts of the batch are whose.

    Attributes:
        prompts: ids of B prompts.
        conditional: `[N]` index into the prompts.
        unconditional: `[N]`, likewise; the same as `conditional` where a row has one prompt.
        shared: for each prompt, lengths of what it shares with others; see `rlgen.generation.huggingface.prefixes`.
    """

    prompts: Sequence[Sequence[int]]
    conditional: Tensor
    unconditional: Tensor
    shared: Sequence[Sequence[int]]


class GuidedDecoder:
    """A frozen causal model, ready to generate.

    Attributes:
        rules: how words are chosen.
        prefixes: what prompts share, read once.
        steerer: moves hidden states; None for not.
        lock: held by whoever speaks or steers: the model is steered by hooks.
    """

    def __init__(self, model: Any, rules: Rules, share: bool = True) -> None:
        """Take over a model of transformers.

        Args:
            model: in eval mode, without gradients.
            rules: how words are chosen.
            share: whether to keep keys and values of what prompts share.
        """
        self._model = model
        self.rules = rules
        self._forward = Forward(model)
        self.lock = self._forward.lock
        self.prefixes = Prefixes(self._forward, share)
        self.steerer: Steerer | None = None

    @torch.inference_mode()
    def generate(
        self,
        branches: Branches,
        weight: Tensor,
        temperature: Tensor,
        uniforms: Tensor,
        amounts: Tensor | None = None,
    ) -> Generated:
        """Replies of N rows.

        Args:
            branches: the prompts.
            weight: `[N]`, of guidance.
            temperature: `[N]`.
            uniforms: `[N, limit]` float64 uniforms in (0, 1), one for each id.
            amounts: `[B, directions]` of steering.

        Raises:
            ArtifactError: the model's logits are not finite.
        """
        rules, device = self.rules, self._model.device
        rows, width = len(weight), max(map(len, branches.prompts))
        ids, mask = left_pad(branches.prompts, width + rules.limit, device)
        length = mask.sum(dim=1)
        cache, start = self.prefixes.lay(branches.prompts, branches.shared)
        ids, positions = ids[:, start:width], (mask[:, :width].cumsum(dim=1) - 1).clamp_min(0)[:, start:]
        mask[:, width:] = 1
        told, bare = branches.conditional.to(device), branches.unconditional.to(device)
        weight, temperature, uniforms = weight.to(device)[:, None], temperature.to(device)[:, None], uniforms.to(device)
        self._steer(amounts)

        made = torch.full((rows, rules.limit), -1, dtype=torch.long, device=device)
        logprob = torch.zeros(rows, dtype=torch.float64, device=device)
        place = torch.arange(rows, device=device)  # which rows of the call are left in the batch
        live = torch.ones_like(place, dtype=torch.bool)
        try:
            for t in range(rules.limit):
                logits = self._forward(ids, mask[:, : width + t], positions, cache)
                if not bool((logits < torch.inf).all()):  # no word can be chosen by what is no number
                    raise ArtifactError(
                        f"{self._model.name_or_path}: logits of the model are not finite at word {t + 1} of a reply; "
                        f"choose dtype 'fp32', less steering, or another model"
                    )
                guided = logits[told]
                if not torch.equal(told, bare):
                    # lerp is exact at both ends: weight 0 and 1 are the branches themselves.
                    guided = torch.lerp(logits[bare].clamp_min(_IMPOSSIBLE), guided.clamp_min(_IMPOSSIBLE), weight)
                if rules.never is not None:
                    guided = guided.masked_fill(rules.never, -torch.inf)
                if t == 0:  # a reply has at least one word
                    guided = guided.masked_fill(rules.ends, -torch.inf)
                token, chance = choose(guided, temperature, uniforms[:, t : t + 1], rules)
                spoken = place[live]
                logprob[spoken] += chance[live]
                live = live & ~rules.ends[token]
                made[place[live], t] = token[live]
                live = live & ~rules.lasts[token]
                left = int(live.sum())
                if left == 0 or t + 1 == rules.limit:
                    break
                ids, positions = torch.empty(len(mask), 1, dtype=torch.long, device=device), (length + t)[:, None]
                ids[told, 0], ids[bare, 0] = token, token
                if left < _COMPACT_BELOW * len(live):
                    keep = live.nonzero()[:, 0]
                    kept = torch.unique(torch.cat([told[keep], bare[keep]]))  # sorted
                    told, bare = torch.searchsorted(kept, told[keep]), torch.searchsorted(kept, bare[keep])
                    place, live, weight, temperature, uniforms = (
                        a[keep] for a in (place, live, weight, temperature, uniforms)
                    )
                    mask, length, ids, positions = (a[kept] for a in (mask, length, ids, positions))
                    cache.reorder_cache(kept)  # drops the others too, in every kind of layer
                    if self.steerer is not None and self.steerer.amounts is not None:
                        self.steerer.amounts = self.steerer.amounts[kept]
        finally:
            self._steer(None)
        return Generated(made, logprob.float())

    def _steer(self, amounts: Tensor | None) -> None:
        if self.steerer is not None:
            self.steerer.amounts = None if amounts is None else amounts.to(self._model.device)


def choose(logits: Tensor, temperature: Tensor, uniforms: Tensor, rules: Rules) -> tuple[Tensor, Tensor]:
    """One id per row, and the logarithm of its probability.

    Args:
        logits: `[N, V]` float32.
        temperature: `[N, 1]`.
        uniforms: `[N, 1]` float64 in (0, 1).
        rules: `top_p` and `greedy`.

    Returns:
        `[N]` ids; `[N]` float64 log-probabilities under what they were sampled from. A greedy choice
        has the log-probability that sampling at its temperature would have given it.
    """
    if rules.greedy:
        token = logits.argmax(dim=-1)
        chances = torch.log_softmax(logits.double() / temperature, dim=-1)
        return token, chances.gather(1, token[:, None])[:, 0]
    nucleus = within(torch.softmax(logits / temperature, dim=-1).double(), rules.top_p)
    nucleus = nucleus / nucleus.sum(dim=-1, keepdim=True)
    token = sample(nucleus, uniforms)
    return token, nucleus.gather(1, token[:, None])[:, 0].log()
