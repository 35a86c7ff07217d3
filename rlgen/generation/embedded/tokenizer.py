"""Byte-level BPE over the corpus, with four tokens that no text can spell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import tokenizers
from tokenizers import decoders, models, pre_tokenizers, trainers

PAD, PERSON, SUPPORTER, END = range(4)
# Private-use characters: `clean` turns every such character of a text into a space.
SPECIALS: Final = ("\ue000pad", "\ue000person", "\ue000supporter", "\ue000end")


class Tokenizer:
    """Texts to ids and back.

    Attributes:
        size: number of ids.
    """

    def __init__(self, inner: tokenizers.Tokenizer) -> None:
        self._inner = inner
        self.size: int = inner.get_vocab_size()

    @classmethod
    def train(cls, texts: Iterable[str], size: int) -> Tokenizer:
        """Learn merges (Sennrich et al., ACL 2016) over bytes.

        Args:
            texts: cleaned texts.
            size: ids at most; 260 are taken by the bytes and the special tokens.
        """
        inner = tokenizers.Tokenizer(models.BPE())
        # A leading space makes a word the same token at the start of a text as inside it.
        inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
        inner.decoder = decoders.ByteLevel()
        inner.train_from_iterator(
            texts,
            trainers.BpeTrainer(
                vocab_size=size,
                special_tokens=list(SPECIALS),
                initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
                show_progress=False,
            ),
        )
        return cls(inner)

    @classmethod
    def from_json(cls, data: bytes) -> Tokenizer:
        """Read what `to_json` wrote.

        Raises:
            ValueError: it is not a tokenizer, or not one with these special tokens.
        """
        try:
            inner = tokenizers.Tokenizer.from_buffer(data)
        except Exception as error:  # the library raises no other type
            raise ValueError(f"not a tokenizer: {error}") from error
        if [inner.id_to_token(i) for i in range(len(SPECIALS))] != list(SPECIALS):
            raise ValueError("not a tokenizer with the tokens of rlgen")
        return cls(inner)

    def to_json(self) -> bytes:
        """The tokenizer as bytes of JSON."""
        text: str = self._inner.to_str()
        return text.encode("utf-8")

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of cleaned texts, without special tokens; an empty text has none."""
        return [e.ids for e in self._inner.encode_batch_fast(list(texts), add_special_tokens=False)]

    def decode(self, ids: Sequence[Sequence[int]]) -> list[str]:
        """Texts of lists of ids; special tokens are left out."""
        return [text.strip() for text in self._inner.decode_batch(list(ids), skip_special_tokens=True)]

    def sayable(self) -> list[bool]:
        """For each id, whether a reply may hold it: whole printable characters, or the end.

        A byte that is only part of a character is not sayable, so that a reply is always text.
        """
        texts = self._inner.decode_batch([[i] for i in range(self.size)], skip_special_tokens=True)
        return [i == END or (bool(t) and t.isprintable() and "\ufffd" not in t) for i, t in enumerate(texts)]
