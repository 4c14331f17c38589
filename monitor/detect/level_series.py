"""Tells how unusual each value of any numeric series is, from what came before it: its size, its level, its unrest, its rhythm.

Several figures are made of each value, and each is compared with its own past (`monitor/detect/past.py`). The rarest counts.
"""

from __future__ import annotations

from collections import deque
from math import floor

from monitor.detect.past import Past

WARM = 30
"""Figures of a kind before the first judgement by it."""
DELAY = 50
"""Values after which a figure is learned: what is unusual now must not become its own past."""
FAST, SLOW, LONG = 1 / 6, 1 / 60, 1 / 600
"""Weights of a new value in the averages."""
DAY_S = 86400
SLOTS = 48
"""Parts of a day that have an average of their own."""
MIN_DAYS = 3
"""Days of a slot before its average counts."""
LANES = ("jump", "distance", "shift", "unrest", "stillness", "rhythm")
LANES_AS_ONE = 3.0
"""The rarest of several figures is rare that much oftener than one (they rise together)."""


class _Rhythm:
    """The average of each part of the day, and of the week once that explains values better."""

    __slots__ = ("_errors", "_profiles")

    def __init__(self) -> None:
        self._profiles: tuple[dict[int, tuple[float, float]], ...] = ({}, {})
        self._errors = [0.0, 0.0]

    def expects(self, at_s: float) -> float | None:
        """The usual value at a time of the day or week; None while unknown."""
        found = [profile.get(slot) for profile, slot in zip(self._profiles, _slots(at_s), strict=True)]
        day, week = found
        if week is not None and week[1] >= MIN_DAYS and self._errors[1] < 0.8 * self._errors[0]:
            return week[0]
        return day[0] if day is not None and day[1] >= MIN_DAYS else None

    def learn(self, value: float, at_s: float) -> None:
        """Take a value of a time."""
        for place, (profile, slot) in enumerate(zip(self._profiles, _slots(at_s), strict=True)):
            mean, count = profile.get(slot, (value, 0.0))
            if count >= MIN_DAYS:
                self._errors[place] += 0.01 * (abs(value - mean) - self._errors[place])
            count = min(count + 1, 100.0)
            profile[slot] = (mean + (value - mean) / count, count)


def _slots(at_s: float) -> tuple[int, int]:
    slot = floor(at_s / DAY_S * SLOTS)
    return slot % SLOTS, slot % (7 * SLOTS)


class LevelSeries:
    """One series. `add` takes values in order of time."""

    __slots__ = (
        "_fast",
        "_last",
        "_long",
        "_pasts",
        "_rhythm",
        "_rhythm_off",
        "_seen",
        "_slow",
        "_unrest",
        "_usual_unrest",
        "_waiting",
        "reason",
    )

    def __init__(self) -> None:
        self._seen = 0
        self._last = self._fast = self._slow = self._long = 0.0
        self._unrest = self._usual_unrest = 0.0
        self._rhythm = _Rhythm()
        self._rhythm_off = 0.0
        self._pasts = {lane: Past() for lane in LANES}
        self._waiting: deque[dict[str, float]] = deque()
        self.reason = ""
        """The figure that was the rarest."""

    @property
    def normal(self) -> float:
        """The usual value."""
        return self._slow

    def add(self, value: float, at_s: float) -> float:
        """The share of values at which chance makes one as unusual; 1 while too little was seen."""
        self._seen += 1
        if self._seen == 1:
            self._last = self._fast = self._slow = self._long = value
        figures = self._figures(value, at_s)
        chance = 1.0
        for lane, figure in figures.items():
            past = self._pasts[lane]
            if past.count >= WARM:
                found = LANES_AS_ONE * past.chance(figure)
                if found < chance:
                    chance, self.reason = found, lane
        self._waiting.append(figures)
        if len(self._waiting) > DELAY:
            for lane, figure in self._waiting.popleft().items():
                self._pasts[lane].learn(figure)
        self._learn(value, at_s)
        return chance

    def _figures(self, value: float, at_s: float) -> dict[str, float]:
        jump = abs(value - self._last)
        fast = self._fast + FAST * (value - self._fast)
        unrest = self._unrest + FAST * (jump - self._unrest)
        usual = max(self._usual_unrest, 1e-9)
        figures = {
            "jump": jump,
            "distance": abs(value - self._long),
            "shift": abs(fast - self._slow),
            "unrest": unrest / usual,
            "stillness": usual / max(unrest, 0.01 * usual),
        }
        expected = self._rhythm.expects(at_s)
        if expected is not None:
            self._rhythm_off += FAST * (value - expected - self._rhythm_off)
            figures["rhythm"] = abs(self._rhythm_off)
        return figures

    def _learn(self, value: float, at_s: float) -> None:
        jump = abs(value - self._last)
        equal = 1 / self._seen
        self._fast += max(FAST, equal) * (value - self._fast)
        self._slow += max(SLOW, equal) * (value - self._slow)
        self._long += max(LONG, equal) * (value - self._long)
        self._unrest += max(FAST, equal) * (jump - self._unrest)
        self._usual_unrest += max(LONG, equal) * (jump - self._usual_unrest)
        self._last = value
        self._rhythm.learn(value, at_s)
