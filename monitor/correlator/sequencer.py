"""Puts signals in event-time order: holds whole seconds back until they are complete.

The order is (order time, source, seq, vantage), so it does not depend on arrival. The order time of a liquidation is its event
time. The order time of a state that we request or receive (statistics stamped minutes ago, block stamps, old messages after a
subscribe) is when we received it. A second is complete when the watermark has passed it: the latest order time less the largest
lateness among the sources in use. Where several vantages tick, each has a watermark of its own (`watermarks.py`): a second is
complete when all have passed it, or the bound is over. A live run calls `complete` too, which releases a second as soon as
every source has passed it. What comes later is late: it joins the next second and is counted. In a live run `admit` writes this
second into the signal, so that a replay, which has only the watermark, puts it there too. A second that is complete waits here
until it is taken.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import floor, inf
from operator import itemgetter

import msgspec

from monitor.correlator.transit import TransitLag
from monitor.correlator.watermarks import Watermarks
from monitor.signals import Signal, SignalKind
from monitor.signals.kinds import ORDERED_AT

GRACE_S = 0.2
"""A live second waits this long for what was received in it and not yet taken."""
SETTLED_AFTER_S = 900
"""So many empty seconds in a row are judged before anybody asks whether a further one can change anything."""
PHASE_S = 60
"""Settled seconds are skipped by whole minutes: windows of 5 to 60 s then begin where they would have begun."""
MAX_LATE = 100_000
"""Late signals that one second takes: a clock that was set back makes all of them late for a while."""
LEAP_S = 3600.0
"""A liquidation so far ahead of all before it does not say how long they are on their way: its clock may be wrong."""
DUPLICATE, LATE = "duplicate", "late"
"""Reasons of a refusal."""
LAST_S = 253402300798
"""The last second that a datetime can hold the end of."""


_Entry = tuple[float, str, int, str, Signal]


def order_s(signal: Signal) -> float:
    """The order time of a signal, in unix seconds: its own, or the second that it joined because it was late."""
    own_s = _own_s(signal)
    second = floor(own_s)
    placed = _placed(signal, second)
    return own_s if placed == second else float(placed)


def _own_s(signal: Signal) -> float:
    received_at, event_time = signal.received_at, signal.event_time
    if (
        event_time < received_at  # times are compared as they are: this runs for every signal, and seconds cost more
        and signal.kind is SignalKind.LIQUIDATION
        and signal.attributes.get("backlog") is not True
    ):
        return event_time.timestamp()
    return received_at.timestamp()


def _placed(signal: Signal, second: int) -> int:
    """The second in which a signal of `second` is judged. A recording may say anything: a stamp that cannot be is ignored."""
    stamp = signal.attributes.get(ORDERED_AT)
    if type(stamp) not in (int, float):
        return second
    assert isinstance(stamp, int | float)
    return floor(stamp) if second < stamp <= LAST_S else second


@dataclass(frozen=True, slots=True)
class Second:
    """The signals with order times in [end_s - 1, end_s), in order, and those that came too late for their own second."""

    end_s: int
    signals: tuple[Signal, ...]
    late: tuple[Signal, ...]


class Sequencer:
    """Gives every second, empty ones too, but at most `max_empty_s` of a hole in the log: it skips the rest."""

    def __init__(self, lateness_s: float, max_empty_s: int = 86400, vantage_wait_s: float = 10.0) -> None:
        self.lateness_s = lateness_s
        self._watermarks = Watermarks(vantage_wait_s)
        self._max_empty_s = max_empty_s
        self._waiting: dict[int, list[_Entry]] = {}
        self._late: dict[int, list[_Entry]] = {}
        """By the second that they join."""
        self._latest_s = float("-inf")
        self._next: int | None = None
        """The first second that is not complete."""
        self._at = 0
        """The second that is taken next: at most `_next`."""
        self._empty = 0
        """Empty seconds in a row before `_at`, since the last of `_ends`."""
        self._ends: deque[int] = deque()
        """The seconds before which complete ones wait to be taken, one for each signal or call that completed some."""
        self._transit = TransitLag()
        self.late = 0
        self.refused: dict[tuple[str, str], int] = {}
        """(kind, reason) -> signals that were not judged: told twice, or late in too great a number."""

    def push(self, signal: Signal) -> None:
        """Take a signal: the seconds that its watermark has passed are complete."""
        at_s = _own_s(signal)
        second = floor(at_s)
        placed = _placed(signal, second) if ORDERED_AT in signal.attributes else second
        entry = (at_s, signal.source, signal.seq, signal.subject.vantage or "", signal)
        if self._next is None:
            self._next = self._at = second - floor(self.lateness_s)
        if placed > second or second < self._next:
            self.late += 1
            late = self._late.setdefault(max(placed, self._next), [])
            if len(late) >= MAX_LATE:
                self._refuse(signal, LATE)
                return
            late.append(entry)
        elif second in self._waiting:
            self._waiting[second].append(entry)
        else:
            self._waiting[second] = [entry]
        ticks = signal.kind is SignalKind.TICK
        if ticks:
            self._watermarks.take(signal.subject.vantage, at_s)
        if ticks or at_s > self._latest_s:
            self._latest_s = max(at_s, self._latest_s)
            self._release(floor(min(self._latest_s, self._watermarks.passed_s()) - self.lateness_s))

    def admit(self, signal: Signal) -> Signal:
        """A live signal as it is to be pushed and recorded: stamped with the next second, if its own is already released."""
        if signal.received_at.tzinfo is None or signal.event_time.tzinfo is None:
            return signal  # the gate refuses it
        at_s = _own_s(signal)
        if signal.kind is SignalKind.LIQUIDATION and not LEAP_S < at_s - self._latest_s < inf:
            self._transit.take(at_s, signal.received_at.timestamp() - at_s)
        if self._next is None or _placed(signal, floor(at_s)) >= self._next:
            return signal
        return msgspec.structs.replace(signal, attributes={**signal.attributes, ORDERED_AT: self._next})

    def complete(self, now_s: float) -> None:
        """Complete the seconds that every live source has passed at `now_s`, in unix seconds.

        It goes no further than the second of the latest signal: a replay, which has only the signals, ends there too.
        """
        now_s = min(now_s, self._watermarks.passed_s())
        if self._next is not None:
            wait_s = GRACE_S + min(self._transit.largest(now_s), self.lateness_s)
            self._release(min(floor(now_s - wait_s), floor(self._latest_s) + 1))

    def flush(self) -> None:
        """Complete every second that waits: no signal follows."""
        if self._next is not None:
            self._release(max([floor(self._latest_s), *self._late]) + 1)

    @property
    def behind(self) -> bool:
        """Whether a complete second waits to be taken."""
        return bool(self._ends)

    def take(self, settled: Callable[[], bool] = lambda: False) -> Second | None:
        """Take the next complete second; None: none waits. When it is taken changes nothing in it, nor in those after it.

        `settled` says whether no further empty second can change anything: then the rest of a long hole is skipped, too. It
        is asked when all seconds before are judged.
        """
        while self._ends:
            until = self._ends[0]
            entries = self._waiting.pop(self._at, [])
            late = self._late.pop(self._at, [])
            self._empty = 0 if entries or late else self._empty + 1
            if self._empty > self._max_empty_s or (self._empty > SETTLED_AFTER_S and settled()):
                skipped = min([until, *self._waiting, *self._late]) - self._at
                self._advance(skipped if self._empty > self._max_empty_s else skipped - skipped % PHASE_S)
                self._empty = 0
                continue
            self._advance(1)
            return Second(self._at, self._once(entries), self._once(late))
        return None

    def _release(self, until: int) -> None:
        assert self._next is not None
        if until > self._next:
            self._next = until
            self._ends.append(until)

    def _advance(self, seconds: int) -> None:
        self._at += seconds
        if self._at == self._ends[0]:
            self._ends.popleft()
            self._empty = 0

    def _refuse(self, signal: Signal, reason: str) -> None:
        key = (str(signal.kind), reason)
        self.refused[key] = self.refused.get(key, 0) + 1

    def _once(self, entries: list[_Entry]) -> tuple[Signal, ...]:
        """The signals in order, each once: what is equal in every field was sent twice."""
        entries.sort(key=_order)
        signals: list[Signal] = []
        before: _Entry | None = None
        for entry in entries:
            if before is not None and entry[2] == before[2] and entry[:2] == before[:2] and entry[4] == before[4]:
                self._refuse(entry[4], DUPLICATE)
                continue
            before = entry
            signals.append(entry[4])
        return tuple(signals)


_order = itemgetter(0, 1, 2, 3)
