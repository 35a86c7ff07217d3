"""Policies on fresh people: worlds and actors come in; outcomes, their figures and the verdict in words go out."""

from rlgen.experiments.evaluation.outcomes import Evaluation, Outcomes, evaluate

__all__ = ["Evaluation", "Outcomes", "evaluate"]
