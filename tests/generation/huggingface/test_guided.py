"""Words are chosen by the nucleus, the row's temperature and the row's number alone."""

from __future__ import annotations

import pytest
import torch

from rlgen.generation.huggingface.guided import Rules, choose


def rules(top_p=1.0, greedy=False):
    none = torch.zeros(6, dtype=torch.bool)
    return Rules(none, none, 1, top_p, greedy)


@pytest.mark.parametrize("temperature", [0.5, 1.0])
@pytest.mark.parametrize(("top_p", "inside"), [(1.0, [0, 1, 2, 3, 4]), (0.8, [1, 3, 4]), (0.5, [3, 1]), (0.01, [3])])
def test_sampling_follows_the_nucleus(top_p, inside, temperature):
    chances = torch.tensor([0.05, 0.25, 0.02, 0.45, 0.23, 0.0])
    if temperature != 1.0:
        inside = {1.0: inside, 0.8: [3, 1], 0.5: [3], 0.01: [3]}[top_p]
    count = 20_000
    u = ((torch.arange(count, dtype=torch.float64) + 0.5) / count)[:, None]
    token, logprob = choose(chances.log().expand(count, -1), torch.full((count, 1), temperature), u, rules(top_p=top_p))
    share = torch.bincount(token, minlength=6) / count
    wanted = chances ** (1 / temperature)
    wanted[[i for i in range(6) if i not in inside]] = 0
    wanted /= wanted.sum()
    assert torch.allclose(share, wanted, atol=2e-4)
    assert torch.allclose(logprob.exp(), wanted[token].double(), atol=1e-6)


def test_the_nucleus_is_the_same_by_a_short_search_and_by_a_whole_sort():
    draw = torch.Generator().manual_seed(0)
    sharp, flat = torch.randn(1, 3000, generator=draw) * 8, torch.randn(1, 3000, generator=draw)
    u = torch.rand(1, 1, generator=draw, dtype=torch.float64)
    one = torch.ones(1, 1)
    alone = choose(sharp, one, u, rules(top_p=0.9))
    beside = choose(torch.cat([sharp, flat]), torch.ones(2, 1), torch.cat([u, u]), rules(top_p=0.9))
    assert alone[0][0] == beside[0][0]
    assert alone[1][0] == beside[1][0]


def test_each_row_has_its_own_temperature():
    logits = torch.tensor([[0.0, 0.1, 0.2, 0.3, 0.4, 5.0]]).expand(2, -1)
    temperature, u = torch.tensor([[0.3], [1e6]]), torch.full((2, 1), 0.4, dtype=torch.float64)
    assert choose(logits, temperature, u, rules())[0].tolist() == [5, 2]
    assert choose(logits, temperature, u, rules(greedy=True))[0].tolist() == [5, 5]
