"""Finds windows that end now in which events came faster than usual, and says how often a day chance alone makes as grave a one.

Windows of 1 to 2,584 s are tested at each second that has an event; no other second can raise an alarm. The statistic is the
surprise of the window's count under a negative binomial law with the stream's own rate and dispersion (`tails`, `usual`). Where
counts are clustered, a second statistic takes the counts of seconds clipped: a surge that lasts is many active seconds, a
cluster is one. The higher of both becomes a rate of false alarms by the stream's own quiet peaks (`quiet_peaks.py`).
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from math import log

from monitor.detect.clipped import ClippedCounts
from monitor.detect.quiet_peaks import QuietPeaks
from monitor.detect.tails import surprise
from monitor.detect.usual import BLOCKS_S, Usual

WINDOWS_S = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987, 1597, 2584)
MAX_EXPECTED = 150.0
"""Longer windows than of so many usual events are left out: a surge is found sooner by a shorter one."""
MIN_LONGEST_S = 34
ROUND_S = 60
BLOCK_ROUNDS = 10
"""Rounds of a block that has one peak."""
PRIOR_PER_S = 1.0
CLUSTERED = 1.2
FROZEN_PER_DAY = 1 / 7
"""At this rate of false alarms the stream is in a surge: its seconds are not learned."""
BURST_ROUNDS = 2
BURST_SECONDS = 5
MAX_BURST = 50.0
"""A surge of so few rounds and grave seconds was one burst: it is learned, with at most `MAX_BURST` events a second."""
CAP_PER_DAY = 1 / 60
"""A peak is learned as at most what chance makes once in two months: a crash is no part of the quiet past."""
MAX_SURGE_ROUNDS = 720
"""A surge of twelve hours is the new usual rate."""
RECENT_S = 20
RECENT_EVENTS = 5.0
"""The last seconds of a surge: so many, or the time of so many of its events."""
MIN_LIVE_S = 1e-4


@dataclass(frozen=True, slots=True)
class Surge:
    """The gravest window: its statistic in nats, false alarms a day as grave, its length, and events over expected."""

    statistic: float
    per_day: float
    seconds: int
    ratio: float


NO_SURGE = Surge(0.0, float("inf"), 0, 1.0)


class SurgeDetector:
    """One stream of counts. Seconds are whole unix seconds and ascend; `warm_s` are learned before the first alarm."""

    def __init__(self, half_life_s: float, floor: float, warm_s: float, mu_min: float, began_s: int) -> None:
        self._mu_min = mu_min
        self._began_s = began_s
        self._warm_s = warm_s
        self.usual = Usual(half_life_s, floor)
        self.clipped = ClippedCounts(half_life_s, floor)
        self.peaks = QuietPeaks(PRIOR_PER_S, float(BLOCK_ROUNDS * ROUND_S))
        self._times: list[int] = []
        self._events: list[float] = [0.0]
        self._active: list[float] = [0.0]
        self._dead: list[float] = [0.0]
        """Cumulative sums, one longer than the times: the first is what came before."""
        self._round = began_s // ROUND_S
        self._first_whole = -(-began_s // ROUND_S)
        """The first round that is seen whole."""
        self._pending: list[tuple[int, float, float]] = []
        """(second, events, dead part) of the round."""
        self._held: list[list[tuple[int, float, float]]] = []
        self._surge_rounds = 0
        self._grave = 0
        self._held_grave = 0
        self._block = self._round // BLOCK_ROUNDS
        self._block_events = [0.0, 0.0, 0.0]
        self._peak = 0.0

    # -- learning

    def is_new_round(self, second: int) -> bool:
        """Whether a round has ended before this second."""
        return second // ROUND_S > self._round

    def pass_to(self, second: int, seen: float = 1.0) -> None:
        """Learn every round that ended before this second; `seen` is the share of the stream that could be seen in them."""
        now = second // ROUND_S
        if now <= self._round:
            return
        if self._round < self._first_whole:  # half a minute learned as a whole one would halve the usual rate
            self._pending, self._grave = [], 0
            self._round += 1
        if now > self._round and (self._pending or self._grave or self._held):
            self._end_round(seen)
            self._round += 1
        if now > self._round:
            self._learn_empty(now - self._round, seen)
            self._round = now
        if self._round // BLOCK_ROUNDS > self._block:
            self._end_block()

    def _end_round(self, seen: float) -> None:
        pending, self._pending = self._pending, []
        grave, self._grave = self._grave, 0
        self._trim(int((self._round + 1) * ROUND_S - self._max_window_s()))
        warm = (self._round + 1) * ROUND_S - self._began_s < self._warm_s
        if grave and not warm and self._surge_rounds < MAX_SURGE_ROUNDS:
            self._surge_rounds += 1
            self._held_grave += grave
            if len(self._held) <= BURST_ROUNDS:
                self._held.append(pending)
            return
        self._surge_rounds = self._surge_rounds if grave else 0
        if 0 < len(self._held) <= BURST_ROUNDS and self._held_grave <= BURST_SECONDS:
            for one in self._held:
                self._learn_round(one, seen)
        self._held, self._held_grave = [], 0
        self._learn_round(pending, seen)

    def _learn_empty(self, rounds: int, seen: float) -> None:
        if seen < 0.5:
            return
        self._surge_rounds = 0
        elapsed_s = float(rounds * ROUND_S)
        for usual in (self.usual, self.clipped.usual):
            rate = usual.rate
            usual.learn(0.0, elapsed_s * seen, elapsed_s)
            expected = rate * elapsed_s
            for index in range(3):
                usual.learn_blocks(index, expected * rate * BLOCKS_S[index], expected, elapsed_s)
            usual.settle()
        self.clipped.learn([], elapsed_s)
        self._block_events[1] += self.usual.rate * elapsed_s
        self._block_events[2] += rounds

    def _learn_round(self, pending: list[tuple[int, float, float]], seen: float) -> None:
        if seen < 0.5:
            return
        clipped = self.clipped
        clipped.learn([one for _, one, _ in pending], float(ROUND_S - len(pending)))
        self._learn_counts(self.usual, [(at, min(events, MAX_BURST), dead) for at, events, dead in pending], seen)
        clip = float(clipped.at)
        self._learn_counts(clipped.usual, [(at, min(events, clip), dead) for at, events, dead in pending], seen)

    def _learn_counts(self, usual: Usual, pending: list[tuple[int, float, float]], seen: float) -> None:
        rate = usual.rate
        events = sum([one for _, one, _ in pending])
        dead = sum([one for _, _, one in pending])
        seconds = (ROUND_S - len(pending)) * rate * rate
        tens: dict[int, tuple[float, float]] = {}
        for at, one, hidden in pending:
            seconds += (one - rate * (1 - hidden)) ** 2
            before = tens.get(at // 10, (0.0, 0.0))
            tens[at // 10] = (before[0] + one, before[1] + hidden)
        squares = (ROUND_S // 10 - len(tens)) * (10 * rate) ** 2
        for one, hidden in tens.values():
            squares += (one - rate * (10 - hidden)) ** 2
        expected = rate * (ROUND_S - dead)
        doubt = usual.doubt
        usual.learn_blocks(0, seconds - doubt * ROUND_S * rate * rate, expected, ROUND_S)
        usual.learn_blocks(1, squares - doubt * 10 * ROUND_S * rate * rate, expected, ROUND_S)
        usual.learn_blocks(2, (events - expected) ** 2 - doubt * expected * expected, expected, ROUND_S)
        usual.learn(events, max(ROUND_S * seen - dead, 0.0), ROUND_S)
        usual.settle()
        if usual is self.usual:
            self._block_events[0] += events
            self._block_events[1] += expected
            self._block_events[2] += 1

    def _end_block(self) -> None:
        self._block = self._round // BLOCK_ROUNDS
        events, expected, rounds = self._block_events
        self._block_events = [0.0, 0.0, 0.0]
        peak, self._peak = self._peak, 0.0
        if rounds < BLOCK_ROUNDS / 2:
            return  # what was not seen is not quiet
        block_s, time_s = float(BLOCK_ROUNDS * ROUND_S), rounds * ROUND_S
        usual = self.usual
        squares = (events - expected) ** 2
        if rounds > BLOCK_ROUNDS:  # blocks without events after this one
            squares = rounds / BLOCK_ROUNDS * (usual.rate * block_s) ** 2
        usual.learn_blocks(3, squares - usual.doubt * expected * expected, expected, time_s)
        if self._block * block_s - self._began_s > self._warm_s + block_s:
            self.peaks.learn(min(peak, self.peaks.statistic_of(CAP_PER_DAY)), time_s)
        self.clipped.settle()

    # -- judging

    def add(self, second: int, events: float, dead: float = 0.0) -> Surge:
        """Take a second with events; in the part `dead` of it nothing could be seen. Return the gravest window."""
        self._pending.append((second, events, dead))
        self._times.append(second)
        self._events.append(self._events[-1] + events)
        self._active.append(self._active[-1] + min(events, float(self.clipped.at)))
        self._dead.append(self._dead[-1] + dead)
        if second + 1 - self._began_s < self._warm_s:
            return NO_SURGE
        if (
            self._round <= self._first_whole and not self._grave
        ):  # no whole round is over yet, and no surge is under way
            self.usual.guess(self._events[-1] - events, max(second - self._began_s - self._dead[-1], 1.0))
            self.clipped.usual.guess(self._active[-1] - self._active[-2], float(second - self._began_s))
        statistic, seconds, ratio = self._best(second)
        if statistic <= 0:
            return NO_SURGE
        per_day = self.peaks.per_day(statistic)
        if per_day < 24.0 and self._is_over(second, seconds, ratio):
            self._trim(second + 1)
            return NO_SURGE
        self._peak = max(self._peak, statistic)
        if per_day <= FROZEN_PER_DAY:
            self._grave += 1
        return Surge(statistic, per_day, seconds, ratio)

    def hide(self, second: int, dead: float) -> None:
        """Take note that a second without events could not be seen in this part."""
        self._pending.append((second, 0.0, dead))
        self._times.append(second)
        self._events.append(self._events[-1])
        self._active.append(self._active[-1])
        self._dead.append(self._dead[-1] + dead)

    def add_late(self, second: int, events: float) -> None:
        """Take events of a second that is over. They count in the windows that hold their second, and raise no alarm there."""
        index = bisect_left(self._times, second)
        if index == len(self._times) or self._times[index] != second:
            self._times.insert(index, second)
            for sums in (self._events, self._active, self._dead):
                sums.insert(index + 1, sums[index])
        known = self._events[index + 1] - self._events[index]
        clip = float(self.clipped.at)
        active = min(known + events, clip) - min(known, clip)
        for later in range(index + 1, len(self._events)):
            self._events[later] += events
            self._active[later] += active
        for place, (at, before, dead) in enumerate(self._pending):
            if at == second:
                self._pending[place] = (at, before + events, dead)
                return
        self._pending.append((second, events, 0.0))

    def events_since(self, second: int) -> float:
        """The events of this second and of all that came after it."""
        return self._events[-1] - self._events[bisect_left(self._times, second)]

    def onset(self, second: int, surge: Surge) -> tuple[int, float]:
        """When a surge began that `add` found in this second, and its events over expected since then.

        It is the begin that makes the change of rate likeliest.
        """
        first = bisect_left(self._times, second + 1 - 2 * surge.seconds)
        best, onset, ratio = 0.0, second, surge.ratio
        for index in range(first, len(self._times)):
            at = self._times[index]
            count = self._events[-1] - self._events[index]
            expected = self.usual.rate * max(second + 1 - at - (self._dead[-1] - self._dead[index]), MIN_LIVE_S)
            gain = count * log(count / expected) - count + expected if count > expected else 0.0
            if gain > best:
                best, onset, ratio = gain, at, count / expected
        return onset, ratio

    def _trim(self, since: int) -> None:
        first = bisect_left(self._times, since)
        del self._times[:first]
        del self._events[:first]
        del self._active[:first]
        del self._dead[:first]

    def _max_window_s(self) -> float:
        """The max_s window that is tested."""
        return min(max(MAX_EXPECTED / self.usual.rate, MIN_LONGEST_S), WINDOWS_S[-1])

    def _best(self, second: int) -> tuple[float, int, float]:
        usual, clipped = self.usual, self.clipped
        clustered = usual.fano(1) > CLUSTERED
        max_s = min(self._max_window_s(), second + 1 - self._began_s)
        times, events, active, dead = self._times, self._events, self._active, self._dead
        best, best_s, best_ratio = 0.0, 0, 1.0
        for seconds in WINDOWS_S:
            if seconds > max_s:
                break
            first = bisect_left(times, second + 1 - seconds)
            count = events[-1] - events[first]
            live_s = max(seconds - (dead[-1] - dead[first]), MIN_LIVE_S)
            expected = usual.rate * live_s
            if count <= self._mu_min * expected:
                continue
            one = surprise(count, expected, usual.fano(seconds) + expected * usual.doubt)
            if clustered:
                few = clipped.usual.rate * live_s
                some = active[-1] - active[first]
                if some > self._mu_min * few:
                    one = max(one, clipped.surprise(some, few))
            if one > best:
                best, best_s, best_ratio = one, seconds, count / expected
        return best, best_s, best_ratio

    def _is_over(self, second: int, seconds: int, ratio: float) -> bool:
        """Whether the last seconds are nearer to the usual rate than to the surge's: its window stays grave for long."""
        recent = min(seconds, max(RECENT_S, int(RECENT_EVENTS / (ratio * self.usual.rate))))
        first = bisect_left(self._times, second + 1 - recent)
        expected = self.usual.rate * max(recent - (self._dead[-1] - self._dead[first]), MIN_LIVE_S)
        return self._events[-1] - self._events[first] < expected * (1 + (ratio - 1) / 4)
