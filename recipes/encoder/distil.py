"""Training the fast encoder: a student that repeats its teacher's vectors on the project's own texts.

What counts is what the readers make of a vector: errors in the directions in which their heads look
cost extra, and so do errors in the cosines between texts, which relevance reads.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from rlgen import artifacts
from rlgen.hardware import has_bf16
from rlgen.text.encoding.encoder import SentenceEncoder
from rlgen.text.encoding.fast_encoder import PIECES, WEIGHTS, Net, Shape, layout, piece_table
from rlgen.text.encoding.piece_vectors import piece_vectors
from rlgen.text.encoding.wordpieces import VOCABULARY, model_folder, word_pieces
from rlgen.text.reading.reader import KIND, load_heads

F32 = NDArray[np.float32]
Say = Callable[[str], None]

_BATCH: Final = 128
_WARM: Final = 0.1  # share of the steps in which the rate rises
_READ: Final = 0.2  # weight of errors in the directions that the heads look in, in units of their spread
_NEAR: Final = 15.0  # weight of errors in cosines between the texts of a batch
_REPORT: Final = 200  # steps
_FREQUENT: Final = 4096  # pieces that have something of their own, at most
_SEEN: Final = 8  # times, at least
_RIDGE: Final = 0.1
_HEADS: Final = ("affect", "plane", "empathy", "tone")
_MOST_WORDS: Final = 10  # of texts of random words


@dataclass(frozen=True)
class Training:
    """How a student is trained.

    Attributes:
        shape: its sizes.
        passes: over the texts.
        rate: the greatest learning rate.
        seed: of initial weights and batches.
    """

    shape: Shape = field(default_factory=Shape)
    passes: float = 9.0
    rate: float = 2e-3
    seed: int = 0


def vocabulary() -> list[str]:
    """The whole words of two letters or more among the word pieces, by id."""
    text = (model_folder() / "tokenizer.json").read_text(encoding="utf-8")
    ids: dict[str, int] = json.loads(text)["model"]["vocab"]
    return [word for word in sorted(ids, key=ids.__getitem__) if word.isascii() and word.isalpha() and len(word) > 1]


def odd(texts: Sequence[str], words: Sequence[str], size: int, seed: int) -> list[str]:
    """Texts that nobody would compose: what a hot generator, a cut reply or another world may say.

    A fifth each are shuffled words and fragments, the rest two texts glued together, texts with some
    words exchanged for any others, and random words.

    Args:
        texts: that are bent.
        words: any others.
        size: how many.
        seed: of all choices.
    """
    rng = random.Random(f"odd texts/{seed}")

    def one() -> str:
        said = rng.choice(texts).split()
        way = rng.random()
        if way < 0.2:
            rng.shuffle(said)
        elif way < 0.4:
            first = rng.randrange(len(said))
            said = said[first : first + rng.randint(1, 8)]
        elif way < 0.55:
            other = rng.choice(texts).split()
            said = said[: rng.randint(1, len(said))] + other[rng.randrange(len(other)) :]
        elif way < 0.85:
            share = rng.choice((0.1, 0.3, 0.6))
            said = [rng.choice(words) if rng.random() < share else word for word in said]
        else:
            said = [rng.choice(words) for _ in range(rng.randint(2, _MOST_WORDS))]
        return " ".join(said)

    return [one() for _ in range(size)]


def directions(readers: str | Path, encoder: SentenceEncoder) -> F32:
    """Where the heads of a readers artifact look: their weights `[k, 384]` on a vector."""
    heads = load_heads(readers, KIND, encoder)[1]
    return np.concatenate([heads[f"{name}.embedding"] for name in _HEADS]).astype(np.float32)


def linear(lists: Sequence[NDArray[np.int32]], vectors: F32) -> tuple[Tensor, Tensor, Tensor]:
    """The best linear student: vectors of word pieces whose mean is a text's vector, but for its length.

    Two ridge regressions: on means of the teacher's word embeddings, which all pieces have, and of the rest on
    bags of frequent pieces.

    Args:
        lists: N texts' ids with both markers.
        vectors: the teacher's, `[N, 384]`.

    Returns:
        The map `[384, 384]`, ids of frequent pieces `[F]`, and what they have of their own `[F, 384]`.
    """
    from scipy.sparse import csr_matrix

    known = piece_vectors()[:VOCABULARY].numpy()
    lengths = np.array([len(ids) - 1 for ids in lists])
    share = np.repeat(1.0 / lengths, lengths).astype(np.float32)
    rows, columns = np.repeat(np.arange(len(lists)), lengths), np.concatenate([ids[1:] for ids in lists])
    bags = csr_matrix((share, (rows, columns)), shape=(len(lists), VOCABULARY))
    target = vectors * vectors.shape[1] ** 0.5  # coordinates of about one, as steps of the optimizer suppose
    mean = bags @ known
    project = np.linalg.solve(mean.T @ mean + np.eye(mean.shape[1]), mean.T @ target)
    seen = np.bincount(columns, minlength=VOCABULARY)
    frequent = np.sort(np.argsort(-seen, kind="stable")[:_FREQUENT])
    frequent = frequent[seen[frequent] >= _SEEN]
    some = bags[:, frequent]
    gram = (some.T @ some).toarray() + _RIDGE * np.eye(len(frequent))
    more = np.linalg.solve(gram, some.T @ (target - mean @ project))
    first, second = (torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32)) for array in (project, more))
    return first, torch.from_numpy(frequent), second


def fit(texts: Sequence[str], vectors: F32, directions: F32, training: Training, say: Say) -> dict[str, Tensor]:
    """Train a student.

    Args:
        texts: N of them.
        vectors: the teacher's, `[N, 384]`, of unit length.
        directions: `[k, 384]`, weights of the heads that will read the student's vectors.
        training: sizes and schedule.
        say: told how it goes.

    Returns:
        The student's tensors, as `stored` gives them.
    """
    torch.manual_seed(training.seed)
    rng = np.random.default_rng(training.seed)
    lists = word_pieces().lists(texts)
    project, frequent, more = linear(lists, vectors)
    net = Net(training.shape)
    start = stored(net, project, frequent, more)
    pieces = piece_table(start)
    say(f"linear student of {len(frequent)} frequent pieces")
    spread = (vectors @ directions.T).std(axis=0)
    looks = torch.from_numpy(np.ascontiguousarray((directions / np.maximum(spread, 1e-6)[:, None]).T))
    target = torch.from_numpy(np.ascontiguousarray(vectors))
    steps = max(int(training.passes * len(texts) / _BATCH), 1)
    optimizer = torch.optim.AdamW(net.parameters(), lr=training.rate, betas=(0.9, 0.98), weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, training.rate, total_steps=steps + 1, pct_start=_WARM)
    narrow = has_bf16(torch.device("cpu"))
    step = 0
    while step < steps:
        order = rng.permutation(len(texts))
        for first in range(0, len(order) - _BATCH + 1, _BATCH):
            chosen = order[first : first + _BATCH]
            wanted = target[torch.from_numpy(chosen)]
            with torch.autocast("cpu", torch.bfloat16, enabled=narrow):
                laid = layout([lists[int(i)] for i in chosen], torch.device("cpu"))
                said = pieces[laid.ids]
                found = net(said, net.enter(said), laid)
            missed = found - wanted
            far = 1.0 - (found * wanted).sum(dim=1).mean()
            read = ((missed @ looks) ** 2).mean()
            near = ((found @ found.T - wanted @ wanted.T) ** 2).mean()
            loss = far + _READ * read + _NEAR * near
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            step += 1
            if step % _REPORT == 0 or step == steps:
                say(f"step {step} of {steps}: cosine {1 - far.item():.4f}, error that heads see {read.item():.4f}")
            if step == steps:
                break
    return stored(net.eval(), project, frequent, more)


def stored(net: Net, project: Tensor, frequent: Tensor, more: Tensor) -> dict[str, Tensor]:
    """A student's tensors as they are kept: half precision, but whole numbers for `more` of `piece_table`."""
    scale = (more.abs().amax(dim=1, keepdim=True) / 127).clamp(min=1e-4).half()
    rest = {name: tensor.detach().half().contiguous() for name, tensor in net.state_dict().items()}
    whole = torch.round(more / scale.float()).clamp(-127, 127).to(torch.int8)
    return {**rest, **dict(zip(PIECES, (project.half(), frequent.int(), whole, scale), strict=True))}


def write(target: str | Path, shape: Shape, tensors: Mapping[str, Tensor], manifest: artifacts.Manifest) -> None:
    """Write a student's artifact; the sizes go into the manifest's settings."""
    complete = manifest.model_copy(update={"settings": {**manifest.settings, "shape": asdict(shape)}})
    artifacts.write(target, {WEIGHTS: save_tensors(dict(tensors))}, complete)
