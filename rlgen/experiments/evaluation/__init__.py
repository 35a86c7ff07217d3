"""Policies on fresh people: what they achieve, how they rank, what there is to learn, and in words what that says."""

from rlgen.experiments.evaluation.outcomes import Outcomes, evaluate, evaluate_all

__all__ = ["Outcomes", "evaluate", "evaluate_all"]
