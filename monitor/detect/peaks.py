"""Turns the height of an excursion into a rate: how often the stream's own quiet past makes one as high.

Excursions above a bound have a tail that is exponential with an uncertain slope; the posterior predictive of a gamma prior is
a Pareto tail, which is heavy while little was seen. No tail is believed to be steeper than that of independent values.
"""

from __future__ import annotations

from math import exp, log1p

BOUND = 4.0
"""Excursions up to here, in nats, are not learned: the tail begins there."""
MAX_EXCESS = 12.0
"""A storm is learned as one excursion of this excess, not at its size."""
PRIOR_PEAKS = 40.0
"""The prior of the mean excess weighs as many excursions as this."""
PRIOR_MEAN = 1.0
"""The shipped prior of the mean excess in nats: independent values have 1 at most."""
PRIOR_VALUES = 200.0
"""The shipped prior of how many values begin an excursion weighs as many values as this."""


def mean_excess(peaks: float, excess: float, prior: float) -> float:
    """The mean excess above `BOUND` of `peaks` excursions that sum to `excess`, with a prior mean."""
    return (excess + PRIOR_PEAKS * prior) / (peaks + PRIOR_PEAKS)


def share_as_high(height: float, values: float, peaks: float, mean: float) -> float:
    """The share of values at which an excursion of at least `height` nats begins; 1 for a height under `BOUND`.

    `values` were seen, with `peaks` excursions above `BOUND`; `mean` is their mean excess.
    """
    over = height - BOUND
    if over < 0:
        return 1.0
    weight = peaks + PRIOR_PEAKS
    begun = (peaks + PRIOR_VALUES * exp(-BOUND)) / (values + PRIOR_VALUES)
    return begun * max(exp(-weight * log1p(over / (weight * mean))), exp(-over))
