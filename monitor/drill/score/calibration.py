"""Compares stated probabilities with what was true: a reliability table, the expected calibration error, the Brier score. Pure.

ECE is the mean over bins of |mean stated − share true|, weighted by the seconds in the bin (Guo et al., "On Calibration of Modern
Neural Networks", ICML 2017); ten bins of equal width. The Brier score is the mean of (stated − true)².
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

BINS = 10
DOUBTFUL_P = 0.05
"""Seconds above it are judged on their own too: almost every second of a quiet life is right at almost zero."""


class Bin(msgspec.Struct, frozen=True, kw_only=True):
    """The seconds whose probability lay in one bin: how many, the sum of what was stated, how many were true."""

    seconds: int = 0
    stated: float = 0.0
    true: int = 0

    def plus(self, other: Bin) -> Bin:
        """Both together."""
        return Bin(seconds=self.seconds + other.seconds, stated=self.stated + other.stated, true=self.true + other.true)


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """Bins over all seconds, bins over the doubtful ones, and the sum of squared errors."""

    bins: tuple[Bin, ...] = (Bin(),) * BINS
    doubtful: tuple[Bin, ...] = (Bin(),) * BINS
    squares: float = 0.0

    def plus(self, other: Calibration) -> Calibration:
        """Both together."""
        return Calibration(
            bins=_joined(self.bins, other.bins),
            doubtful=_joined(self.doubtful, other.doubtful),
            squares=self.squares + other.squares,
        )

    @property
    def seconds(self) -> int:
        """How many seconds were judged."""
        return sum(one.seconds for one in self.bins)

    def ece(self) -> float | None:
        """The expected calibration error over all seconds; None without any."""
        return _ece(self.bins)

    def ece_doubtful(self) -> float | None:
        """The same over the seconds with p above `DOUBTFUL_P`."""
        return _ece(self.doubtful)

    def brier(self) -> float | None:
        """The Brier score; None without any second."""
        return self.squares / self.seconds if self.seconds else None


def calibrated(stated: Iterable[tuple[float, bool]]) -> Calibration:
    """The calibration of pairs: the probability that was stated for a second, and whether it was true."""
    seconds, sums, trues = [0] * BINS, [0.0] * BINS, [0] * BINS
    doubtful, doubtful_sums, doubtful_trues = [0] * BINS, [0.0] * BINS, [0] * BINS
    squares = 0.0
    for p, true in stated:
        at = min(int(p * BINS), BINS - 1)
        seconds[at] += 1
        sums[at] += p
        trues[at] += true
        squares += (p - true) ** 2
        if p > DOUBTFUL_P:
            doubtful[at] += 1
            doubtful_sums[at] += p
            doubtful_trues[at] += true
    return Calibration(
        bins=_bins(seconds, sums, trues), doubtful=_bins(doubtful, doubtful_sums, doubtful_trues), squares=squares
    )


def _bins(seconds: list[int], sums: list[float], trues: list[int]) -> tuple[Bin, ...]:
    return tuple(
        Bin(seconds=count, stated=stated, true=true) for count, stated, true in zip(seconds, sums, trues, strict=True)
    )


def _joined(some: tuple[Bin, ...], more: tuple[Bin, ...]) -> tuple[Bin, ...]:
    return tuple(one.plus(other) for one, other in zip(some, more, strict=True))


def _ece(bins: tuple[Bin, ...]) -> float | None:
    total = sum(one.seconds for one in bins)
    if not total:
        return None
    return sum(abs(one.stated - one.true) for one in bins) / total
