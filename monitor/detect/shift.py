"""Finds lasting rises of a stream, by how often its own quiet past goes as far above its level.

One lane a distance: the share of quiet values beyond it is learned, and a cumulative sum (Page, 1954) of log-likelihood
ratios tests it against nine in ten. The height of a lane's sum becomes a rate by `monitor/detect/peaks.py`.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from math import inf, log

from monitor.detect.alarm_rate import MAX_PER_DAY
from monitor.detect.peaks import BOUND, MAX_EXCESS, PRIOR_MEAN, mean_excess, share_as_high

DISTANCES = (1.5, 2.25, 3.0, 3.75, 4.5, 5.25, 6.0, 7.0, 8.0, 10.0, 12.0, 16.0, 22.0, 30.0)
"""In units of the caller's."""
SHARE_AFTER = 0.9
"""The share of values beyond a distance after a rise by more than it."""
MAX_SHARE = 0.98
MAX_HIT = 4.0
"""The most nats that one value may add: one value alone is never an alarm."""
MAX_SUM = 20.0
PRIOR_VALUES = 20.0
"""The shipped prior of the shares weighs as many values as this."""
PRIOR_TIE = 0.02
PRIOR_TIES = 30.0
"""The shipped prior of how much likelier a value beyond is within an excursion weighs as many values as this."""
LANES_AS_ONE = 3.0
"""Neighbouring lanes rise together: all of them make about three times the false alarms of one (simulated)."""
QUIET_BELOW = 5.0
"""While a sum is higher, the caller learns no level."""
ALARM_PER_DAY = MAX_PER_DAY[2]
"""A rise with a rate as low is an alarm."""
MAX_STORM_VALUES = 4.0
"""An excursion with an alarm is learned as one of so many values."""
MEMORY_S = 3 * 86400.0
"""What was learned counts by half after twice this time."""
DAY_S = 86400.0


@dataclass(frozen=True, slots=True)
class Rise:
    """A rise that chance makes `per_day` times a day, and that began at `onset_s` (unix seconds)."""

    per_day: float
    onset_s: float


NONE = Rise(inf, 0.0)


class ShiftLanes:
    """The lanes of one stream. `add` takes its values in order."""

    __slots__ = (
        "_beyond", "_beyond_within", "_excess", "_hits", "_learned", "_live", "_observed_s", "_onset_s", "_peaks", "_run",
        "_seen", "_storm", "_sums", "_tops", "_within",
    )  # fmt: skip

    def __init__(self) -> None:
        lanes = len(DISTANCES)
        self._live = 0
        """Lanes up to here may have a sum above zero."""
        self._sums = [0.0] * lanes
        self._tops = [0.0] * lanes
        """The height of each excursion so far, its values, and those of them that are beyond: learned when it ends."""
        self._run = [0.0] * lanes
        self._hits = [0.0] * lanes
        self._storm = False
        """Whether an alarm was among the excursions that have not ended."""
        self._onset_s = [0.0] * lanes
        self._beyond = [0.0] * lanes
        self._within = [0.0] * lanes
        """Values within excursions, and those of them that are beyond."""
        self._beyond_within = [0.0] * lanes
        self._peaks = [0.0] * lanes
        self._excess = [0.0] * lanes
        self._learned = 0.0
        """Values behind `_beyond`."""
        self._seen = 0.0
        self._observed_s = 0.0

    @property
    def quiet(self) -> bool:
        """Whether the level may be learned."""
        return not self._live or max(self._sums) < QUIET_BELOW

    def add(self, distance: float, scale: float, at_s: float, after_s: float) -> Rise:
        """Take a value's distance above the level, `after_s` after the one before. `scale` is the usual one, for the prior."""
        self._observed_s += after_s
        self._seen += 1
        hits = bisect_right(DISTANCES, distance)
        rise = self._step(hits, max(scale, 1.0), at_s) if hits or self._live else NONE
        if rise.per_day <= ALARM_PER_DAY:
            self._storm = True
        if not self._storm:
            self._learned += 1
        elif not self._live:
            self._storm = False
        if self._observed_s > 2 * MEMORY_S:
            self._forget()
        return rise

    def clear(self) -> None:
        """End every excursion: the level was learned anew."""
        for lane in range(self._live):
            self._sums[lane] = 0.0
            self._end(lane)
        self._live = 0

    def drop(self) -> None:
        """Take every excursion under way for none: nothing of it is learned."""
        for lane in range(self._live):
            self._sums[lane] = self._tops[lane] = self._run[lane] = self._hits[lane] = 0.0
        self._live, self._storm = 0, False

    def _step(self, hits: int, scale: float, at_s: float) -> Rise:
        values_a_day = DAY_S * self._seen / max(self._observed_s, 1.0)
        least, onset_s, live, tie, mean = inf, 0.0, 0, PRIOR_TIE, PRIOR_MEAN
        for lane in range(max(hits, self._live)):
            share, tie = self._shares(lane, scale, tie)
            mean = mean_excess(self._peaks[lane], self._excess[lane], mean)
            if self._sums[lane]:
                share += tie * (1 - share)
            elif lane < hits:
                self._onset_s[lane] = at_s
            self._run[lane] += 1
            if lane < hits:
                self._hits[lane] += 1
                gain = min(log(SHARE_AFTER / share), MAX_HIT)
            else:
                gain = log((1 - SHARE_AFTER) / (1 - share))
            height = self._sums[lane] = min(max(self._sums[lane] + gain, 0.0), MAX_SUM)
            if height > self._tops[lane]:
                self._tops[lane] = height
            elif not height:
                self._end(lane)
                continue
            live = lane + 1
            if height > BOUND:
                per_day = values_a_day * share_as_high(height, self._seen, self._peaks[lane], mean)
                if per_day < least:
                    least, onset_s = per_day, self._onset_s[lane]
        self._live = live
        return Rise(LANES_AS_ONE * least, onset_s) if live else NONE

    def _shares(self, lane: int, scale: float, tie: float) -> tuple[float, float]:
        """The share of quiet values beyond a lane's distance, and how much likelier one is within an excursion.

        The prior of the share has a heavy tail, that of the tie is the lane before's.
        """
        prior = 0.5 / (1 + (DISTANCES[lane] / scale) ** 2)
        share = (self._beyond[lane] + PRIOR_VALUES * prior) / (self._learned + PRIOR_VALUES)
        share = min(share, MAX_SHARE)  # storms add to those beyond and not to the quiet ones
        tied = share + tie * (1 - share)
        within = (self._beyond_within[lane] + PRIOR_TIES * tied) / (self._within[lane] + PRIOR_TIES)
        return share, min(max((within - share) / (1 - share), 0.0), MAX_SHARE)

    def _end(self, lane: int) -> None:
        """Learn an excursion. Its first value is not within it."""
        hits, run, over = self._hits[lane], self._run[lane], self._tops[lane] - BOUND
        self._hits[lane] = self._run[lane] = self._tops[lane] = 0.0
        if not hits:
            return
        if self._storm:
            run, hits = min(run, MAX_STORM_VALUES), min(hits, MAX_STORM_VALUES)
        self._beyond[lane] += hits
        self._within[lane] += run - 1
        self._beyond_within[lane] += hits - 1
        if over > 0:
            self._peaks[lane] += 1
            self._excess[lane] += min(over, MAX_EXCESS)

    def _forget(self) -> None:
        for counts in (self._beyond, self._within, self._beyond_within, self._peaks, self._excess):
            counts[:] = [one / 2 for one in counts]
        self._learned /= 2
        self._seen /= 2
        self._observed_s /= 2
