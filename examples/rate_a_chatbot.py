"""Let simulated people rate a chatbot: any program that answers in text.

    python examples/rate_a_chatbot.py

Prints ratings and ends of the dialogues beside those of a chatbot that always says the same, and how human the people
are that say so. Put your own in `chatbot`: it gets the dialogue so far, the person's words last.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import rlgen

Chatbot = Callable[[list[str]], str]


def chatbot(dialogue: list[str]) -> str:
    """Yours: a call of a model, a server, a person."""
    asked = ("What weighs on you most?", "How long has it been like this?", "What would help a little?")
    return f"That sounds hard, I am sorry. {asked[len(dialogue) // 2 % len(asked)]}"


def always_the_same(dialogue: list[str]) -> str:
    """The trivial one, which any other has to beat."""
    return "I see."


def rated(answer: Chatbot, people: int = 64, seed: int = 0) -> dict[str, float]:
    """Mean rating, share of dialogues by how they ended, and fall of the feeling in points of a survey from 1 to 5."""
    met = rlgen.simulated_people("calibrated", people, seed=seed)  # the same people for every chatbot of one seed
    dialogues = [[text] for text in met.reset()]
    ratings, ways, relief = [], [], []
    while met.here.any():
        replies = [answer(dialogue) if here else "" for dialogue, here in zip(dialogues, met.here, strict=True)]
        shown = met.respond(replies)
        ratings += shown.ratings[~np.isnan(shown.ratings)].tolist()
        ways += [way for way in shown.left if way]
        relief += shown.relief_points[~np.isnan(shown.relief_points)].tolist()
        for dialogue, reply, said in zip(dialogues, replies, shown.utterances, strict=True):
            dialogue += [reply, said]
    ends = {way: ways.count(way) / len(ways) for way in ("completed", "abandoned", "limit")}
    return {"rating": float(np.mean(ratings)), **ends, "relief_points": float(np.mean(relief))}


if __name__ == "__main__":
    for name, answer in (("yours", chatbot), ("always the same", always_the_same)):
        print(f"{name:16}", {figure: round(value, 2) for figure, value in rated(answer).items()})
    print(rlgen.simulated_people("calibrated").fidelity["statement"])
