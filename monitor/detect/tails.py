"""Measures how surprising a count is: minus the logarithm of the chance that a quiet stream gives at least as many.

Counts that come in clusters follow a negative binomial law: a Poisson count whose rate itself varies (Greenwood and Yule 1920).
"""

from __future__ import annotations

from math import lgamma, log

POISSON_BELOW = 1.01
"""Under this variance over mean a count is as good as Poisson."""
MIN_MEAN = 1e-12


def surprise(count: float, mean: float, fano: float) -> float:
    """-ln P(N >= count) in nats for a count N of this mean and variance over mean; 0 for a count that is nothing special.

    The tail is its first term over one minus the ratio of the next term to it, which is exact to a tenth of a nat for counts
    well above the mean.
    """
    mean = max(mean, MIN_MEAN)
    if count <= mean or count <= 0:
        return 0.0
    if fano < POISSON_BELOW:
        first = mean - count * log(mean) + lgamma(count + 1)
        ratio = mean / (count + 1)
    else:
        share = (fano - 1) / fano
        shape = mean / (fano - 1)
        first = lgamma(shape) + lgamma(count + 1) - lgamma(count + shape) + shape * log(fano) - count * log(share)
        ratio = share * (count + shape) / (count + 1)
    return max(first + log(max(1 - ratio, 1e-3)), 0.0)
