"""Values come in, by person or by training seed and person; figures with their intervals go out."""

from rlgen.experiments.statistics.crossed import (
    Band,
    Estimate,
    Resampled,
    curve,
    difference,
    estimate,
    interquartile_mean,
    profile,
    resample,
)
from rlgen.experiments.statistics.orders import (
    holm,
    kendall,
    order_agreement,
    pareto_front,
    probability_of_improvement,
)
from rlgen.experiments.statistics.people import (
    F64,
    RESAMPLES,
    Interval,
    as_dict,
    bootstrap_mean,
    crossed_error,
    intervals,
    paired_difference,
)

__all__ = [
    "F64",
    "RESAMPLES",
    "Band",
    "Estimate",
    "Interval",
    "Resampled",
    "as_dict",
    "bootstrap_mean",
    "crossed_error",
    "curve",
    "difference",
    "estimate",
    "holm",
    "interquartile_mean",
    "intervals",
    "kendall",
    "order_agreement",
    "paired_difference",
    "pareto_front",
    "probability_of_improvement",
    "profile",
    "resample",
]
