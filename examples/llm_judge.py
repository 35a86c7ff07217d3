"""A judge model as a reward term: any Hugging Face classifier or chat model, one batched call a step, cached by text.

rlgen train --reward '{name: judged, terms: {continuity: {weight: 1}, judge: {weight: 0.05, term:
  examples/llm_judge.py:Judge, params: {model: FOLDER_OR_ID, label: caring}}}}' --out runs/judged
python examples/llm_judge.py FOLDER_OR_ID              # scores two replies
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

QUESTION = "Person: {utterance}\nReply: {reply}\nIs the reply kind and helpful? Answer yes or no.\nAnswer:"


class Judge:
    """How good a reply is in a model's eyes, less a half: a classifier's probability of a label, or of yes over no."""

    staying = (-0.5, 0.5)  # the law against prolonging is checked with this
    reads = ("utterance", "reply")

    def __init__(self, model: str, label: str | int = 1, batch: int = 64) -> None:
        classifies = "SequenceClassification" in (AutoConfig.from_pretrained(model).architectures or [""])[0]
        kind: Any = AutoModelForSequenceClassification if classifies else AutoModelForCausalLM
        self.model: Any = kind.from_pretrained(model).eval().requires_grad_(False)
        self.tokenizer: Any = AutoTokenizer.from_pretrained(model, padding_side="left")
        self.tokenizer.pad_token = self.tokenizer.pad_token or self.tokenizer.eos_token
        self.model.config.pad_token_id = self.tokenizer.pad_token_id
        self.batch, self.known = batch, dict[str, float]()
        self.label = self.model.config.label2id.get(label, label) if classifies else None
        self.answers = [self.tokenizer.encode(word, add_special_tokens=False)[-1] for word in (" no", " yes")]

    def score(self, texts: list[str]) -> list[float]:
        """Probabilities `[N]`."""
        told = self.tokenizer(texts, return_tensors="pt", padding=True, truncation=True, max_length=512)
        told.pop("token_type_ids", None)
        with torch.no_grad():
            logits = self.model(**told).logits
        if self.label is not None:
            return logits.softmax(-1)[:, self.label].tolist()
        return logits[:, -1, self.answers].softmax(-1)[:, 1].tolist()

    def __call__(self, trace: Any) -> np.ndarray:
        """`[N]` in [-.5, .5]; each pair of utterance and reply is judged once."""
        pairs = zip(trace.utterance, trace.reply, strict=True)
        asked = [reply if self.label is not None else QUESTION.format(utterance=u, reply=reply) for u, reply in pairs]
        new = sorted({text for text in asked if text not in self.known}, key=lambda text: (len(text), text))
        for start in range(0, len(new), self.batch):
            part = new[start : start + self.batch]
            self.known |= dict(zip(part, self.score(part), strict=True))
        return np.array([self.known[text] for text in asked]) - 0.5


if __name__ == "__main__":
    judge = Judge(sys.argv[1])
    print(dict(zip(("kind", "cold"), judge.score(["I am so sorry that happened.", "Get over it."]), strict=True)))
