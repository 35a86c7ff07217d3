"""Reward terms, and declarative designs that compose them.

In comes a turn of N dialogues as a reward may see it (`Trace`); out go `[N]` rewards and what each term added. `design`
takes a name, a YAML file, a mapping, or a function `(trace) -> [N]`.
"""

from rlgen.rewards.composition import RewardDesign, Weighted, design, notice_of, shipped_designs
from rlgen.rewards.registry import TERMS, Term, TermParams, term
from rlgen.rewards.trace import Trace

__all__ = [
    "TERMS",
    "RewardDesign",
    "Term",
    "TermParams",
    "Trace",
    "Weighted",
    "design",
    "notice_of",
    "shipped_designs",
    "term",
]
