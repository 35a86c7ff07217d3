"""The decoder says what the network would, and a row never hears its neighbours."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from rlgen.generation.decode import Decoder, sample
from rlgen.generation.model import Network, Shape
from rlgen.generation.tokenizer import END, SUPPORTER

SHAPE = Shape(vocabulary=300, width=64, layers=3, heads=4, shared=2, condition=16, prompt=24, reply=12)
SAYABLE = [i >= END for i in range(SHAPE.vocabulary)]


@pytest.fixture(scope="module")
def network():
    """Random weights, modulations included: neighbours would be heard best here."""
    torch.manual_seed(0)
    network = Network(SHAPE)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.15)
    end = network.embedding.weight[END].detach()
    network.norm.bias.data.copy_(5 * end / end.square().sum())  # likely to end: replies of many lengths
    return network.eval()


def inputs(rows: int) -> dict[str, list[torch.Tensor] | torch.Tensor]:
    draw = torch.Generator().manual_seed(1)
    return {
        "prompts": [
            torch.randint(4, SHAPE.vocabulary, (int(n),), generator=draw)
            for n in torch.randint(1, SHAPE.prompt + 1, (rows,), generator=draw)
        ],
        "affect": torch.rand(rows, 8, generator=draw),
        "tone": torch.rand(rows, 2, generator=draw) * 2 - 1,
        "weight": torch.rand(rows, generator=draw) * 2,
        "temperature": torch.rand(rows, generator=draw) + 0.3,
        "u": torch.rand(rows, SHAPE.reply, generator=draw, dtype=torch.float64),
    }


def speak(decoder: Decoder, given: dict, index) -> object:
    prompts = [given["prompts"][int(i)] for i in index]
    lengths = torch.tensor([len(p) for p in prompts])
    rest = (given[name][index] for name in ("affect", "tone", "weight", "temperature", "u"))
    return decoder.speak(torch.cat(prompts), lengths, *rest)


@pytest.fixture(scope="module", params=[torch.bfloat16, torch.float32], ids=["bf16", "fp32"])
def decoder(request, network):
    return Decoder(SHAPE, network.state_dict(), SAYABLE, torch.device("cpu"), request.param)


def test_rows_do_not_hear_their_neighbours(decoder):
    given = inputs(256)
    whole = speak(decoder, given, torch.arange(256))
    lengths = (whole.ids >= 0).sum(1)
    assert len(lengths.unique()) > 5, "replies of many lengths, so that rows are compacted away"
    for rows in (1, 2, 7, 16, 64, 256):
        index = torch.randperm(256, generator=torch.Generator().manual_seed(rows))[:rows]
        part = speak(decoder, given, index)
        assert torch.equal(part.ids, whole.ids[index])
        assert torch.allclose(part.logprob, whole.logprob[index], atol=1e-4)


def test_teacher_forcing_gives_the_same_log_probability(network):
    """The network in one pass, over what the decoder said token by token."""
    decoder = Decoder(SHAPE, network.state_dict(), SAYABLE, torch.device("cpu"), torch.float32)
    given = inputs(20)
    spoken = speak(decoder, given, torch.arange(20))
    for row in range(20):
        prompt, said = given["prompts"][row], spoken.ids[row][spoken.ids[row] >= 0]
        ended = len(said) < SHAPE.reply
        target = torch.cat([said, torch.tensor([END])]) if ended else said
        ids = torch.cat([prompt, torch.tensor([SUPPORTER]), target])[None, :-1]
        weight = torch.zeros_like(ids, dtype=torch.float32)
        weight[0, len(prompt) :] = given["weight"][row]
        with torch.no_grad():
            hidden = network(ids, weight, given["affect"][row : row + 1], given["tone"][row : row + 1])
            logits = network.logits(hidden)[0, len(prompt) :] / given["temperature"][row]
        logits[:, :END] = -torch.inf
        logits[0, END] = -torch.inf
        expected = torch.log_softmax(logits, dim=-1).gather(1, target[:, None]).sum()
        assert spoken.logprob[row] == pytest.approx(float(expected), abs=2e-3)
        assert torch.allclose(spoken.hidden[row], hidden[0, -1], atol=1e-3)


def test_weight_zero_is_the_unconditioned_model_to_the_bit(network, decoder):
    given = inputs(32)
    given["weight"][:] = 0
    plain = speak(decoder, given, torch.arange(32))
    given["tone"] = -given["tone"]
    given["affect"] = given["affect"].flip(0)
    other = speak(decoder, given, torch.arange(32))
    unconditioned = {
        name: torch.zeros_like(t) if name.startswith("conditioner") else t for name, t in network.state_dict().items()
    }
    without = Decoder(SHAPE, unconditioned, SAYABLE, torch.device("cpu"), decoder.dtype)
    given["weight"][:] = 1.7
    bare = speak(without, given, torch.arange(32))
    for result in (other, bare):
        assert torch.equal(plain.ids, result.ids)
        assert torch.equal(plain.hidden, result.hidden)
        assert torch.equal(plain.logprob, result.logprob)


def test_network_is_unconditioned_at_birth():
    network = Network(SHAPE).eval()
    ids = torch.arange(4, 20)[None]
    affect, tone = torch.rand(1, 8), torch.rand(1, 2)
    with torch.no_grad():
        at_zero = network(ids, torch.zeros(1, 16), affect, tone)
        at_two = network(ids, torch.full((1, 16), 2.0), affect, tone)
    assert torch.equal(at_zero, at_two)


def test_tones_change_what_is_said(decoder):
    given = inputs(32)
    given["weight"][:] = 1.5
    before = speak(decoder, given, torch.arange(32))
    given["tone"] = -given["tone"]
    assert not torch.equal(before.ids, speak(decoder, given, torch.arange(32)).ids)


def test_replies_hold_only_what_may_be_said(network):
    sayable = [i == END or i % 7 == 0 for i in range(SHAPE.vocabulary)]
    decoder = Decoder(SHAPE, network.state_dict(), sayable, torch.device("cpu"), torch.float32)
    ids = speak(decoder, inputs(64), torch.arange(64)).ids
    said = ids[ids >= 0]
    assert (said % 7 == 0).all()
    assert (ids[:, 0] >= 0).all()
    assert ((ids[:, 1:] >= 0) <= (ids[:, :-1] >= 0)).all(), "nothing follows the end"


def test_sampling_follows_the_probabilities():
    probabilities = torch.tensor([0.0, 0.5, 0.0, 0.3, 0.2, 0.0])
    count = 20_000
    u = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    drawn = sample(probabilities.expand(count, -1), u[torch.randperm(count)][:, None])
    seen = np.bincount(drawn.numpy(), minlength=6)
    assert set(np.flatnonzero(seen)) == {1, 3, 4}
    assert chisquare(seen[[1, 3, 4]], np.array([0.5, 0.3, 0.2]) * count).pvalue > 0.99


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.floats(0, 1, width=32), min_size=2, max_size=30).filter(lambda p: sum(p) > 1e-3),
    st.floats(2.0**-53, 1 - 2.0**-53),
)
def test_sampling_never_takes_the_impossible(weights, u):
    probabilities = torch.tensor([weights], dtype=torch.float32)
    drawn = int(sample(probabilities / probabilities.sum(), torch.tensor([[u]], dtype=torch.float64)))
    assert weights[drawn] > 0
