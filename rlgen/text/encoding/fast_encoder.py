"""The encoder of the registered ids: small, and in fp32 the same on every machine.

It began as a student of all-MiniLM-L6-v2 (`rlgen.text.encoding.minilm`); the shipped readers are fitted on its own
vectors, so that it stands for nobody.

Every word piece has a vector of the teacher's 384 dimensions, and their mean is the best linear guess at
a text's vector; two narrow transformer layers and a small net over pooled pieces correct it. As in
`rlgen.text.encoding.minilm`, texts lie end to end, so that a text's bits do not depend on its neighbours.

A piece's vector is a linear map of the teacher's own word embedding, so that all of English has one;
pieces that are frequent in this world have a correction of their own.

`python -m recipes.encoder` trains it on the project's own texts (`recipes.encoder.distil`), and
`python -m benchmarks.encoder` says how faithful it is to its teacher, and on which texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load as load_tensors
from torch import Tensor, nn
from torch.nn import functional

from rlgen import artifacts
from rlgen.hardware import memory_of
from rlgen.text.encoding.choice import FAST
from rlgen.text.encoding.encoder import CHUNK, DIM, Precision, SentenceEncoder, check_precision
from rlgen.text.encoding.packing import ROWS, Group, groups
from rlgen.text.encoding.piece_vectors import piece_vectors
from rlgen.text.encoding.wordpieces import MAX_TOKENS, VOCABULARY, word_pieces

KIND: Final = "fast_encoder/1"
WEIGHTS: Final = "weights.safetensors"
SHIPPED: Final = "shipped:fast_encoder"
_CELLS: Final = 8192  # of one group of texts in attention
_HEAD: Final = 32  # dimensions of an attention head
PIECES: Final = ("map", "frequent", "more", "more_scale")  # names of tensors beside those of `Net`


@dataclass(frozen=True)
class Shape:
    """Sizes of a student.

    Attributes:
        width: dimensions of a word piece in the layers, a multiple of 32.
        layers: of attention.
        inner: hidden units of a layer.
        head: hidden units of the net that ends in the teacher's dimensions.
    """

    width: int = 128
    layers: int = 2
    inner: int = 256
    head: int = 768


@dataclass(frozen=True)
class Layout:
    """N texts end to end, T pieces together.

    Attributes:
        ids: `[T']` word pieces, padded to a multiple of rows.
        places: `[T']` of each in its text.
        lengths: `[N]` pieces per text, at least one each.
        total: T.
        groups: the texts by attention width.
    """

    ids: Tensor
    places: Tensor
    lengths: Tensor
    total: int
    groups: list[Group]


def layout(lists: Sequence[NDArray[np.int32]], device: torch.device) -> Layout:
    """Lay texts end to end.

    Args:
        lists: ids of each text with both markers; the first one says nothing and is left out.
        device: where the arrays go.
    """
    lengths = np.array([len(ids) for ids in lists], dtype=np.int64) - 1
    starts = np.cumsum(lengths) - lengths
    total = int(lengths.sum())
    padded = total + -total % ROWS
    ids, places = np.zeros(padded, dtype=np.int64), np.zeros(padded, dtype=np.int64)
    ids[:total] = np.concatenate([ids[1:] for ids in lists])
    places[:total] = np.arange(total) - np.repeat(starts, lengths)

    def put(array: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(array).to(device)

    laid_out = groups(lengths, starts, _CELLS, device)
    return Layout(put(ids), put(places), put(lengths), total, laid_out)


def _waves(width: int) -> Tensor:
    """Where positions begin, `[MAX_TOKENS, width]`: sines and cosines, since from zero they take long to part."""
    turn = torch.arange(MAX_TOKENS)[:, None] / 1000 ** torch.linspace(0, 1, width // 2)
    return torch.cat([turn.sin(), turn.cos()], dim=1)


class Layer(nn.Module):
    """A transformer layer that normalises first.

    Args:
        shape: sizes.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = shape.width
        self.heads = width // _HEAD
        self.norm_1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm_2 = nn.LayerNorm(width)
        self.up = nn.Linear(width, shape.inner)
        self.down = nn.Linear(shape.inner, width)
        for last in (self.out, self.down):  # a new layer changes little
            nn.init.normal_(last.weight, std=0.02)

    def _attend(self, qkv: Tensor, groups: Sequence[Group]) -> Tensor:
        mixed = qkv.new_zeros(len(qkv), self.heads * _HEAD)
        for group in groups:
            laid = qkv[group.gather].view(-1, group.width, 3, self.heads, _HEAD)
            query, key, value = laid.permute(2, 0, 3, 1, 4)
            scores = (query @ key.transpose(-1, -2)).float() * _HEAD**-0.5 + group.bias
            heads = torch.softmax(scores, dim=-1).to(qkv.dtype) @ value
            mixed = mixed.index_copy(0, group.tokens, heads.transpose(1, 2).reshape(-1, mixed.shape[1])[group.cells])
        return mixed

    def forward(self, x: Tensor, groups: Sequence[Group]) -> Tensor:
        """`[T', width]` to the same."""
        x = x + self.out(self._attend(self.qkv(self.norm_1(x)), groups))
        wider: Tensor = self.down(functional.gelu(self.up(self.norm_2(x))))
        return x + wider


class Net(nn.Module):
    """All of the student but its vectors of word pieces.

    Args:
        shape: sizes.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.enter = nn.Linear(DIM, shape.width, bias=False)
        self.places = nn.Parameter(_waves(shape.width))
        self.norm = nn.LayerNorm(shape.width)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.weigh = nn.Linear(shape.width, 1)
        self.straight = nn.Linear(DIM + 2 * shape.width, DIM)
        self.up = nn.Linear(DIM + 2 * shape.width, shape.head)
        self.down = nn.Linear(shape.head, DIM)
        # A new student is nearly the linear one.
        for last in (self.straight, self.down):
            nn.init.normal_(last.weight, std=0.01)
            nn.init.zeros_(last.bias)
        with torch.no_grad():
            self.straight.weight[:, :DIM] = torch.eye(DIM)

    def forward(self, pieces: Tensor, entered: Tensor, laid: Layout) -> Tensor:
        """Unit vectors of texts.

        Args:
            pieces: `[T', 384]` vectors of `laid.ids`.
            entered: `[T', width]`, what `enter` makes of them.
            laid: the texts.

        Returns:
            `[N, 384]` float32.
        """
        x = self.norm(entered + self.places[laid.places])
        for layer in self.layers:
            x = layer(x, laid.groups)
        x = x[: laid.total].float()
        # Three means: of the pieces alone, of pieces read, and one in which they count as much as they say they do.
        says = torch.exp(torch.tanh((x * self.weigh.weight.float()).sum(dim=1, keepdim=True) / 4) * 4)
        each = torch.cat([pieces[: laid.total].float(), x, x * says, says], dim=1)
        summed = torch.segment_reduce(each, "sum", lengths=laid.lengths, unsafe=True)
        plain = DIM + self.shape.width
        pooled = torch.cat([summed[:, :plain] / laid.lengths[:, None], summed[:, plain:-1] / summed[:, -1:]], dim=1)
        rows = len(pooled)
        pooled = functional.pad(pooled, (0, 0, 0, -rows % ROWS)).to(self.straight.weight.dtype)
        vectors = self.straight(pooled) + self.down(functional.gelu(self.up(pooled)))
        return functional.normalize(vectors[:rows].float(), dim=1)


def piece_table(tensors: Mapping[str, Tensor]) -> Tensor:
    """Vectors of all word pieces, `[VOCABULARY, 384]`.

    Args:
        tensors: `map` `[384, 384]` from standardised word embeddings of the teacher; `frequent` `[F]` ids, and
            what they have of their own: whole numbers `more` `[F, 384]` in units of `more_scale` `[F, 1]`.
    """
    table = piece_vectors()[:VOCABULARY] @ tensors["map"].float()
    table[tensors["frequent"].long()] += tensors["more"].float() * tensors["more_scale"].float()
    return table


class FastEncoder(SentenceEncoder):
    """Sentences to the unit sphere, frozen. In fp32 a text's vector does not depend on the texts beside it, to the bit.

    Args:
        shape: sizes.
        tensors: as its artifact keeps them; see `piece_table` for those of word pieces.
        dtype: `"float32"` or `"bfloat16"`.
        device: `"cpu"` or `"cuda"`.
        name: that a config gives it.

    Raises:
        ConfigError: `dtype` is neither of the two.
        KeyError: a tensor is missing.
        RuntimeError: the tensors do not fit the sizes.
    """

    def __init__(
        self,
        shape: Shape,
        tensors: Mapping[str, Tensor],
        dtype: Precision = "float32",
        device: str = "cpu",
        name: str = FAST,
    ) -> None:
        # MiniLM's weights are what the parent's __init__ loads, and they are not needed here.
        self._where = torch.device(device)
        check_precision(dtype)
        self.dtype = dtype
        self.device = self._where.type
        self.calls = 0
        self.dim = DIM
        self.name = name
        self.source_sha256 = artifacts.tensors_sha256({of: tensor.numpy() for of, tensor in tensors.items()})
        kind = getattr(torch, dtype)
        net = Net(shape)
        net.load_state_dict({of: tensor.float() for of, tensor in tensors.items() if of not in PIECES})
        net = net.eval().requires_grad_(False)
        table = piece_table(tensors)
        self._pieces, self._entered = table.to(self._where, kind), net.enter(table).to(self._where, kind)
        self._net = net.to(self._where, kind)

    @classmethod
    def load(cls, source: str | Path = SHIPPED, dtype: Precision = "float32", device: str = "cpu") -> FastEncoder:
        """Read an artifact that `python -m recipes.encoder` wrote.

        Args:
            source: `"shipped:fast_encoder"` or the path of a folder.
            dtype: see the class.
            device: where to run.

        Raises:
            ArtifactError: missing, damaged, or of another kind.
        """
        artifact = artifacts.load(source, KIND)
        settings = artifact.manifest.settings
        try:
            tensors = load_tensors(artifact.file(WEIGHTS).read_bytes())
            name = FAST if source == SHIPPED else str(source)
            with memory_of(device, str(artifact.path)):
                return cls(Shape(**settings["shape"]), tensors, dtype, device, name)
        except (KeyError, TypeError, ValueError, RuntimeError, OSError) as error:
            raise artifact.unreadable(error) from error

    @property
    def identity(self) -> str:
        """All that its vectors depend on, for the keys of tables that are kept."""
        code = artifacts.code_sha256(
            __name__,
            "rlgen.text.encoding.piece_vectors",
            "rlgen.text.encoding.packing",
            "rlgen.text.encoding.wordpieces",
        )
        return f"{self.source_sha256}:{self.dtype}:{self.device}:{code}"

    def weights_sha256(self) -> str:
        """Hash of the weights as they are in memory now (it differs between precisions)."""
        held = {**self._net.state_dict(), "pieces": self._pieces, "entered": self._entered}
        return artifacts.tensors_sha256({name: t.view(torch.uint8).cpu().numpy() for name, t in held.items()})

    @torch.inference_mode()
    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors `[N, 384]`; one forward pass for up to `CHUNK` texts, see `SentenceEncoder.encode`."""
        found = np.zeros((len(texts), self.dim), dtype=np.float32)
        for start in range(0, len(texts), CHUNK):
            part = list(texts[start : start + CHUNK])
            self.calls += 1
            laid = layout(word_pieces().lists(part), self._where)
            vectors = self._net(self._pieces[laid.ids], self._entered[laid.ids], laid)
            found[start : start + len(part)] = vectors.cpu().numpy()
        return found
