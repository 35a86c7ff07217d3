"""People of one's own: curious ones, who open up when they are asked and go when they are told what to do.

python examples/own_people.py
rlgen train --users examples.own_people:Curious --steps 20000     # from the folder that holds examples/
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rlgen.users import Draws, Feedback, People, PeopleConfig, Reply, State


@dataclass
class Mood(State):
    """What changes in a person, beside the intensity of what troubles them."""

    patience: np.ndarray


class Curious(People[PeopleConfig, Mood]):
    """Questions help, and fresh words help more; instructions use up patience."""

    class Config(PeopleConfig):
        """What can be chosen about them: `users={"family": "examples.own_people:Curious", "ease": 0.3}`."""

        ease: float = 0.2

    def start(self, draw: Draws) -> Mood:
        """Who comes: every name is a draw of its own, from 0 to 1."""
        feeling = (3 * draw["feeling"]).astype(np.int64)  # sad, afraid or angry
        return Mood(intensity=0.6 + 0.4 * draw["intensity"], feeling=feeling, patience=0.5 + draw["patience"])

    def react(self, state: Mood, reply: Reply, draw: Draws) -> Feedback:
        """What a reply does to them, and what they show of it."""
        read = reply.reading
        state.intensity = np.clip(state.intensity - self.config.ease * read.question * (1 - read.repetition), 0, 1)
        state.patience = state.patience - 0.5 * np.maximum(read.directiveness, 0) - 0.05
        pleased = np.clip(0.5 + state.relief + 0.1 * draw.normal("mood"), 0, 1)
        content = (state.intensity < 0.2) & (reply.turn >= 2)
        return Feedback(np.rint(1 + 4 * pleased), pleased, content, (state.patience < 0) & ~content)


if __name__ == "__main__":
    import rlgen

    people = rlgen.simulated_people(Curious.Config(ease=0.3), 3, seed=1)
    print(people.reset())
    for reply in ("What happened then?", "You should sleep more.", "How did that feel?"):
        shown = people.respond([reply] * 3)
        print(reply, shown.utterances, shown.ratings, shown.left, sep="\n  ")
