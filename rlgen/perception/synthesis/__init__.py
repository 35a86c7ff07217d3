"""Synthetic people: actors whose voices, faces and bodies are computed, for the embedded signal bank.

Nobody was recorded. What the numbers are set by is said beside them.
"""

from rlgen.perception.synthesis.cohort import Cohort, Performance

__all__ = ["Cohort", "Performance"]
