"""The decoder says what the network would, and a row never hears its neighbours."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from recipes.generator.examples import Examples, batches
from rlgen.generation.embedded import prefill
from rlgen.generation.embedded.cache import KeyValueCache
from rlgen.generation.embedded.decode import Decoder, Generated
from rlgen.generation.embedded.frozen import Frozen, FrozenLayer
from rlgen.generation.embedded.model import Layout, Network, Shape
from rlgen.generation.embedded.prefill import Prefiller, read
from rlgen.generation.embedded.tokenizer import END, PERSON, SUPPORTER
from rlgen.generation.embedded.window import Exchange
from rlgen.generation.sampling import sample

SHAPE = Shape(vocabulary=300, width=64, layers=3, heads=4, shared=2, condition=16, prompt=60, reply=12)
SAYABLE = [i >= END for i in range(SHAPE.vocabulary)]
CPU = torch.device("cpu")


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


def dialogues(rows: int, longest: int = 11, most: int = 6) -> list[list[Exchange]]:
    """Random dialogues of one to `most` exchanges."""
    rng = np.random.default_rng(1)

    def text(speaker: int) -> list[int]:
        return [speaker, *rng.integers(4, SHAPE.vocabulary, rng.integers(1, longest)).tolist()]

    made = []
    for _ in range(rows):
        exchanges = [Exchange(text(PERSON), 0)]
        for _ in range(rng.integers(0, most)):
            reply = text(SUPPORTER)
            exchanges.append(Exchange(reply + text(PERSON), len(reply)))
        made.append(exchanges)
    return made


def inputs(rows: int) -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(1)
    return {
        "affect": torch.rand(rows, 8, generator=draw),
        "tone": torch.rand(rows, 2, generator=draw) * 2 - 1,
        "weight": torch.rand(rows, generator=draw) * 2,
        "temperature": torch.rand(rows, generator=draw) + 0.3,
        "u": torch.rand(rows, SHAPE.reply, generator=draw),
    }


class AsTheyAre:
    """A context tokenizer of dialogues that are exchanges already."""

    def exchanges(self, told: list[list[Exchange]]) -> list[list[Exchange]]:
        return [list(dialogue) for dialogue in told]


def cached(decoder: Decoder, told: list[list[Exchange]]) -> KeyValueCache:
    prefiller = Prefiller(decoder.frozen, decoder.slots, AsTheyAre())
    return prefiller.prefill(told)


def speak(decoder: Decoder, told: list[list[Exchange]], given: dict[str, torch.Tensor], index) -> Generated:
    cache = cached(decoder, [told[int(i)] for i in index])
    return decoder.generate(cache, *(given[name][index] for name in ("affect", "tone", "weight", "temperature", "u")))


@pytest.fixture(scope="module", params=[torch.bfloat16, torch.float32], ids=["bf16", "fp32"])
def decoder(request, network):
    return Decoder(Frozen(SHAPE, network.state_dict(), CPU, request.param), SAYABLE)


def test_rows_do_not_hear_their_neighbours(decoder):
    told, given = dialogues(256), inputs(256)
    whole = speak(decoder, told, given, torch.arange(256))
    lengths = (whole.ids >= 0).sum(1)
    assert len(lengths.unique()) > 5, "replies of many lengths, so that rows are compacted away"
    for rows in (1, 2, 7, 16, 64, 256):
        index = torch.randperm(256, generator=torch.Generator().manual_seed(rows))[:rows]
        part = speak(decoder, told, given, index)
        assert torch.equal(part.ids, whole.ids[index])
        assert torch.allclose(part.logprob, whole.logprob[index], atol=1e-4)


def test_a_broken_call_is_not_believed(decoder, monkeypatch):
    told = dialogues(4)
    prefiller = Prefiller(decoder.frozen, decoder.slots, AsTheyAre())
    prefiller.prefill([d[:1] for d in told])

    def breaks(*arguments):
        read(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(prefill, "read", breaks)
        with pytest.raises(KeyboardInterrupt):
            prefiller.prefill([d + d[:2] for d in told])
    again, fresh = prefiller.prefill(told), cached(decoder, told)
    assert np.array_equal(again.read[:4], fresh.read[:4])
    assert np.array_equal(again.length[:4], fresh.length[:4])
    for row, length in enumerate(again.length[:4]):
        for side in ("keys", "values"):
            both = zip(getattr(again, side), getattr(fresh, side), strict=True)
            assert all(torch.equal(a[row, :, :length], b[row, :, :length]) for a, b in both)


def test_teacher_forcing_gives_the_same_log_probability(network):
    """The network in one pass, over what the decoder said token by token, in dialogues that leave the window."""
    decoder = Decoder(Frozen(SHAPE, network.state_dict(), CPU, torch.float32), SAYABLE)
    rows = 20
    told, given = dialogues(rows), inputs(rows)
    assert max(map(len, told)) > 4
    spoken = speak(decoder, told, given, torch.arange(rows))
    for row in range(rows):
        said = spoken.ids[row][spoken.ids[row] >= 0].tolist()
        turns = len(told[row])
        replies = [e.ids[1 : e.replied] for e in told[row][1:]] + [said]
        examples = Examples(
            said=[[e.ids[e.replied :] for e in told[row]]],
            replies=[replies],
            first=np.array([0, turns]),
            reply_bytes=np.ones(turns, dtype=np.int64),
            category=np.zeros(turns, dtype=np.int64),
            intensity=np.zeros(turns, dtype=np.float32),
            tone=np.zeros((turns, 2), dtype=np.float32),
            depth=np.zeros(turns, dtype=np.float32),
        )
        batch = next(batches(examples, 1, np.random.default_rng(0), exact=True))
        branch = torch.from_numpy(batch.branch & (batch.exchange == turns - 1))
        layout = Layout(
            *map(torch.from_numpy, (batch.position, batch.exchange, batch.read, batch.branch)),
            held=torch.ones_like(branch),
        )
        affect, tone = (given[name][row].expand(1, turns, -1) for name in ("affect", "tone"))
        with torch.no_grad():
            hidden = network(torch.from_numpy(batch.ids), layout, branch * given["weight"][row], affect, tone)[branch]
            logits = network.logits(hidden) / given["temperature"][row]
        logits[:, :END] = -torch.inf
        logits[0, END] = -torch.inf
        target = torch.from_numpy(batch.reply)[branch]
        if len(said) == SHAPE.reply:  # it was cut off
            target, logits = target[:-1], logits[:-1]
        expected = torch.log_softmax(logits, dim=-1).gather(1, target[:, None]).sum()
        assert spoken.logprob[row] == pytest.approx(float(expected), abs=3e-3)


def test_what_is_out_of_reach_is_gone(network):
    """Directly an utterance reaches two further back; through the layers the past fades, it does not vanish."""
    shallow = Shape(**{**SHAPE.__dict__, "layers": 1})
    tensors = {n: t for n, t in network.state_dict().items() if not n.startswith(("layers.1", "layers.2"))}
    tensors["conditioner.modulation.weight"] = tensors["conditioner.modulation.weight"][: 3 * 2 * 64]
    tensors["conditioner.modulation.bias"] = tensors["conditioner.modulation.bias"][: 3 * 2 * 64]
    decoder = Decoder(Frozen(shallow, tensors, CPU, torch.float32), SAYABLE)
    given = inputs(1)
    told = next(d for d in dialogues(50) if len(d) == 5)

    def changed(exchange: int, where: int) -> Generated:
        ids = list(told[exchange].ids)
        ids[where] = 5 if ids[where] != 5 else 6
        other = [*told[:exchange], Exchange(ids, told[exchange].replied), *told[exchange + 1 :]]
        return speak(decoder, [other], given, torch.arange(1))

    as_it_was = speak(decoder, [told], given, torch.arange(1))
    assert torch.equal(changed(1, -1).logprob, as_it_was.logprob)
    assert torch.equal(changed(2, 1).logprob, as_it_was.logprob), "the reply before the oldest utterance in reach"
    for exchange, where in ((2, -1), (3, 1), (3, -1), (4, -1)):
        assert not torch.equal(changed(exchange, where).logprob, as_it_was.logprob)


def test_an_exchange_that_is_overwritten_goes_as_a_whole(decoder):
    """Long exchanges do not fit three to a window: the oldest is cut at its beginning, not inside."""
    told = [[Exchange([PERSON, *range(10, 31)], 0), *(Exchange([SUPPORTER, *range(40, 61)], 11) for _ in range(3))]]
    cache = cached(decoder, told)
    assert (cache.read[0], cache.length[0]) == (4 * 22, 2 * 22)


def test_weight_zero_is_the_unconditioned_model_to_the_bit(network, decoder):
    told, given = dialogues(32), inputs(32)
    given["weight"][:] = 0
    plain = speak(decoder, told, given, torch.arange(32))
    given["tone"] = -given["tone"]
    given["affect"] = given["affect"].flip(0)
    other = speak(decoder, told, given, torch.arange(32))
    unconditioned = {
        name: torch.zeros_like(t) if name.startswith("conditioner") else t for name, t in network.state_dict().items()
    }
    without = Decoder(Frozen(SHAPE, unconditioned, CPU, decoder.frozen.dtype), SAYABLE)
    given["weight"][:] = 1.7
    bare = speak(without, told, given, torch.arange(32))
    for result in (other, bare):
        assert torch.equal(plain.ids, result.ids)
        assert torch.equal(plain.logprob, result.logprob)


def test_network_is_unconditioned_at_birth():
    network = Network(SHAPE).eval()
    ids = torch.arange(4, 20)[None]
    none = torch.zeros(1, 16, dtype=torch.bool)
    layout = Layout(torch.arange(16)[None], torch.zeros(1, 16, dtype=torch.long), none, none, ~none)
    affect, tone = torch.rand(1, 1, 8), torch.rand(1, 1, 2)
    with torch.no_grad():
        at_zero = network(ids, layout, torch.zeros(1, 16), affect, tone)
        at_two = network(ids, layout, torch.full((1, 16), 2.0), affect, tone)
    assert torch.equal(at_zero, at_two)


def test_tones_change_what_is_said(decoder):
    told, given = dialogues(32), inputs(32)
    given["weight"][:] = 1.5
    before = speak(decoder, told, given, torch.arange(32))
    given["tone"] = -given["tone"]
    assert not torch.equal(before.ids, speak(decoder, told, given, torch.arange(32)).ids)


def test_replies_hold_only_what_may_be_said(network):
    sayable = [i == END or i % 7 == 0 for i in range(SHAPE.vocabulary)]
    decoder = Decoder(Frozen(SHAPE, network.state_dict(), CPU, torch.float32), sayable)
    ids = speak(decoder, dialogues(64), inputs(64), torch.arange(64)).ids
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


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_a_row_of_a_layer_has_the_same_bits_among_any_number_of_rows(dtype):
    """Backends choose a kernel by the number of rows, and some add up in another order."""
    draw = torch.Generator().manual_seed(0)
    size = Shape().width
    up, down = (
        torch.randn(*shape, generator=draw).mul(0.05).to(dtype) for shape in ((4 * size, size), (size, 4 * size))
    )
    none = torch.zeros(size, dtype=dtype)
    layer = FrozenLayer((none, none), up, none, (none, none), up, down)
    rows = torch.randn(512, size, generator=draw).to(dtype)
    whole = layer.feed_forward(rows)
    least = 16 if dtype == torch.float32 else 1  # what the decoder fills a batch up to
    for number in (*range(least, 70), 96, 127, 128, 129, 191, 192, 256):
        assert torch.equal(layer.feed_forward(rows[:number].clone()), whole[:number]), number
