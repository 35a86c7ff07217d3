"""Reward terms from a registry, and declarative designs that compose them."""

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
