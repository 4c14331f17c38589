"""Judges the rows of any series by the daemon's methods: a rate of false alarms, a score in [0, 1], and alarms.

The score says how surprising what is new in a row is: half at what chance makes once in a thousand rows, 1 at once in a million.
After a row has told its surprise, only a greater one tells again for a while.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import log10
from typing import Protocol

from monitor.detect.alarm_rate import MAX_PER_DAY
from monitor.detect.focus import PoissonFocus
from monitor.detect.latency import LatencyStream
from monitor.detect.level_series import LevelSeries
from monitor.detect.peaks import BOUND, MAX_EXCESS, PRIOR_MEAN, mean_excess, share_as_high
from monitor.detect.rate import Background

KINDS = ("count", "latency", "level")
ALARM_PER_DAY = MAX_PER_DAY[2]
END_CHANCE = 0.02
"""An alarm ends when chance makes a row as unusual so often."""
FULL_SCORE = 6.0
"""Decimal orders of rarity that make a score of 1."""
AGAIN = 0.25
"""A score is told again within the rest after one only if it is higher by so much than what is left of that."""
MIN_REST, REST_SHARE = 20, 0.06
"""Rows in which a score that was told fades, and at least so great a share of all rows so far."""
DAY_S = 86400.0
MAX_VALUE = 1e100
"""Squares and sums of values stay finite."""
MAX_GAPS = 10.0
"""A hole counts as time up to so many usual gaps."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A row: `chance` makes one as unusual in this share of rows, `per_day` times a day; `onset_s` is when an alarm began."""

    score: float
    chance: float
    per_day: float
    normal: float
    alarm: bool
    begins: bool
    onset_s: float


class Lane(Protocol):
    """One method over the rows of a series."""

    onset_s: float
    """When what is unusual now began (unix seconds)."""

    @property
    def normal(self) -> float:
        """The usual value."""
        ...

    def chance(self, value: float, at_s: float, values_a_day: float) -> float:
        """Take a row; the share of rows at which chance makes one as unusual."""
        ...


class Latencies:
    """Lasting rises, by the lanes of `monitor/detect/shift.py`."""

    def __init__(self) -> None:
        self._stream = LatencyStream()
        self.onset_s = 0.0

    @property
    def normal(self) -> float:
        """The usual latency."""
        return self._stream.normal_s

    def chance(self, value: float, at_s: float, values_a_day: float) -> float:
        """Take a latency."""
        rise = self._stream.add(value, at_s)
        self.onset_s = rise.onset_s
        return min(rise.per_day / values_a_day, 1.0)


class Counts:
    """Surges of counts, by Poisson-FOCuS over rows; its statistic is judged by the peaks of its own quiet past."""

    HALF_LIFE_ROWS = 360.0
    FLOOR = 0.01
    QUIET_BELOW = 6.0
    MAX_LONG_SURGE = 500
    """Rows after which a surge is the usual rate."""
    WARM = 10
    LAST = 10
    OVER_BELOW = 1.5
    """A surge is over when the last rows have under so many times the usual rate."""

    def __init__(self) -> None:
        self._background = Background(self.HALF_LIFE_ROWS, self.FLOOR)
        self._focus = PoissonFocus()
        self._rows = 0
        self._surge_rows = 0
        self._last: deque[float] = deque(maxlen=self.LAST)
        self._times: deque[float] = deque(maxlen=self.MAX_LONG_SURGE)
        self._top = self._peaks = self._excess = 0.0
        self._highest = MAX_EXCESS / 2
        self.onset_s = 0.0

    @property
    def normal(self) -> float:
        """Usual events a row."""
        return self._background.rate

    def chance(self, value: float, at_s: float, values_a_day: float) -> float:
        """Take a count. Below zero counts as zero."""
        self._rows += 1
        count = max(value, 0.0)
        self._last.append(count)
        self._times.append(at_s)
        if self._rows <= self.WARM:
            self._background.learn(count)
            return 1.0
        background = self._background
        height = self._focus.add(count, background.upper).statistic / background.fano
        over = height >= self.QUIET_BELOW and sum(self._last) < self.OVER_BELOW * background.rate * self.LAST
        if over or self._surge_rows >= self.MAX_LONG_SURGE:
            self._focus.reset()
            height = 0.0
            if not over:
                background = self._background = Background(self.HALF_LIFE_ROWS, self.FLOOR)
        self.onset_s = self._times[-min(max(self._focus.excess.bins, 1), len(self._times))]
        if height <= 0:
            self._end()
        self._top = max(self._top, height)
        self._surge_rows = self._surge_rows + 1 if height >= self.QUIET_BELOW else 0
        if not self._surge_rows:
            background.learn(count)
        mean = mean_excess(self._peaks, self._excess, PRIOR_MEAN)
        return share_as_high(height, self._rows, self._peaks, mean)

    def _end(self) -> None:
        """Learn a surge, at twice the highest so far at most."""
        if self._top > BOUND:
            excess = min(self._top - BOUND, 2 * self._highest)
            self._highest = max(self._highest, excess)
            self._peaks += 1
            self._excess += excess
        self._top = 0.0


class Levels:
    """Whatever is unusual in a value, up or down."""

    def __init__(self) -> None:
        self._series = LevelSeries()
        self.onset_s = 0.0

    @property
    def normal(self) -> float:
        """The usual value."""
        return self._series.normal

    def chance(self, value: float, at_s: float, values_a_day: float) -> float:
        """Take a value."""
        self.onset_s = at_s
        return min(self._series.add(value, at_s), 1.0)


_LANES: dict[str, type[Counts] | type[Latencies] | type[Levels]] = {
    "count": Counts,
    "latency": Latencies,
    "level": Levels,
}


class SeriesJudge:
    """One series of a kind of `KINDS`. `add` takes rows in order of time and looks only at the past."""

    def __init__(self, kind: str, alarm_per_day: float = ALARM_PER_DAY) -> None:
        self._lane: Lane = _LANES[kind]()
        self._alarm_per_day = alarm_per_day
        self._last_s: float | None = None
        self._gap_s = 0.0
        self._rows = 0
        self._last_alarm = 0.0
        self._rows_since = 0
        self._alarm = False
        self._onset_s = 0.0

    def add(self, value: float, at_s: float) -> Judged:
        """Judge the next row. Values beyond `MAX_VALUE` count as that."""
        value = min(max(value, -MAX_VALUE), MAX_VALUE)
        values_a_day = DAY_S / self._gap(at_s)
        chance = self._lane.chance(value, at_s, values_a_day)
        per_day = chance * values_a_day
        begins = not self._alarm and per_day <= self._alarm_per_day and chance < END_CHANCE
        if begins:
            self._alarm, self._onset_s = True, self._lane.onset_s
        elif chance > END_CHANCE:
            self._alarm = False
        return Judged(
            self._score(chance), chance, per_day, self._lane.normal, self._alarm, begins,
            self._onset_s if self._alarm else 0.0,
        )  # fmt: skip

    def _gap(self, at_s: float) -> float:
        """The usual time between rows, in seconds."""
        if self._last_s is not None:
            gap_s = max(at_s - self._last_s, 0.0)
            if self._rows > 1:
                gap_s = min(gap_s, MAX_GAPS * self._gap_s)
            self._gap_s += (gap_s - self._gap_s) / min(self._rows, 1000)
        self._rows += 1
        self._last_s = at_s
        return max(self._gap_s, 1e-3) if self._rows > 1 else DAY_S

    def _score(self, chance: float) -> float:
        surprise = max(0.0, min(-log10(max(chance, 1e-12)) / FULL_SCORE, 1.0))
        rest = max(MIN_REST, REST_SHARE * self._rows)
        self._rows_since += 1
        held = self._last_alarm * max(1 - self._rows_since / rest, 0.0)
        if held and surprise < held + AGAIN:
            return 0.0
        self._last_alarm, self._rows_since = surprise, 0
        return surprise
