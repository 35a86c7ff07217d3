"""Reward terms, and declarative designs that compose them.

In comes a turn of N dialogues as a reward may see it (`Trace`); out go `[N]` rewards and what each term added. `design`
takes a name, a YAML file, a mapping, or a function `(trace) -> [N]`. Designs are values; what one has to remember of
earlier turns, a `Scorer` keeps for a world.
"""

from rlgen.rewards.composition import RewardDesign, Weighted
from rlgen.rewards.finding import design, notice_of, shipped_designs
from rlgen.rewards.registry import TERMS, Term, TermParams, term
from rlgen.rewards.scorer import Scorer
from rlgen.rewards.trace import Trace

__all__ = [
    "TERMS",
    "RewardDesign",
    "Scorer",
    "Term",
    "TermParams",
    "Trace",
    "Weighted",
    "design",
    "notice_of",
    "shipped_designs",
    "term",
]
