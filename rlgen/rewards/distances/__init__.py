"""How far two rewards are apart before anybody trains on them: EPIC, DARD and STARC.

A reward comes in as a table over a small world (`tabular`) or as a design that scores logged dialogues (`logged`,
`sampled`); a number in [0, 1] comes out. 0: the same policies are best under both, 1: what one wants the other shuns,
.71: they have nothing to do with each other. All three bring a reward into a canonical form, which potential-based
shaping (Ng, Harada and Russell, 1999) does not change, and compare directions, so that scale does not count.

- EPIC (Gleave et al., ICLR 2021) compares on any transition that can be put together, possible or not.
- DARD (Wulfe et al., ICLR 2022) compares on transitions that did happen, and shapes with what is near them.
- STARC (Skalse et al., ICLR 2024) compares advantages under the world's own dynamics, and bounds regret on both sides.
"""

from rlgen.rewards.distances.logged import Turns
from rlgen.rewards.distances.sampled import KINDS, Distances, distances
from rlgen.rewards.distances.tabular import apart, dard, epic, starc

__all__ = ["KINDS", "Distances", "Turns", "apart", "dard", "distances", "epic", "starc"]
