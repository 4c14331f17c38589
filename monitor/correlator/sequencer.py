"""Puts signals in event-time order: holds whole seconds back until the watermark says that they are complete.

The order is (order time, source, seq), so it does not depend on arrival. The order time of a liquidation is its event time.
The order time of a state that we request or receive (statistics stamped minutes ago, block stamps, old messages after a
subscribe) is when we received it. The watermark is the latest order time less the largest lateness among the sources in use. A
signal under the watermark is late: it joins the next second and is counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import floor

from monitor.signals import Signal, SignalKind


def order_s(signal: Signal) -> float:
    """The order time of a signal, in unix seconds."""
    received_s = signal.received_at.timestamp()
    if signal.kind is SignalKind.LIQUIDATION and signal.attributes.get("backlog") is not True:
        return min(signal.event_time.timestamp(), received_s)
    return received_s


@dataclass(frozen=True, slots=True)
class Second:
    """The signals with order times in [end_s - 1, end_s), in order, and those that came too late for their own second."""

    end_s: int
    signals: tuple[Signal, ...]
    late: tuple[Signal, ...]


class Sequencer:
    """Yields every second, empty ones too, but at most `max_empty_s` of a hole in the log: it skips the rest."""

    def __init__(self, lateness_s: float, max_empty_s: int = 86400) -> None:
        self.lateness_s = lateness_s
        self._max_empty_s = max_empty_s
        self._waiting: dict[int, list[tuple[float, str, int, Signal]]] = {}
        self._late: list[tuple[float, str, int, Signal]] = []
        self._latest_s = float("-inf")
        self._next: int | None = None
        self.late = 0

    def push(self, signal: Signal) -> Iterator[Second]:
        """Take a signal; yield the seconds that are complete now, empty ones included."""
        at_s = order_s(signal)
        second = floor(at_s)
        entry = (at_s, signal.source, signal.seq, signal)
        if self._next is None:
            self._next = second - floor(self.lateness_s)
        if second < self._next:
            self.late += 1
            self._late.append(entry)
        else:
            self._waiting.setdefault(second, []).append(entry)
        if at_s > self._latest_s:
            self._latest_s = at_s
            yield from self._release(floor(at_s - self.lateness_s))

    def flush(self) -> Iterator[Second]:
        """Yield every second that waits: no signal follows."""
        if self._next is not None:
            yield from self._release(floor(self._latest_s) + 1)

    def _release(self, until: int) -> Iterator[Second]:
        assert self._next is not None
        empty = 0
        while self._next < until:
            entries = self._waiting.pop(self._next, [])
            empty = 0 if entries else empty + 1
            if empty > self._max_empty_s:
                self._next = min([until, *self._waiting])
                empty = 0
                continue
            entries.sort(key=_order)
            late, self._late = sorted(self._late, key=_order), []
            self._next += 1
            yield Second(self._next, tuple(entry[3] for entry in entries), tuple(entry[3] for entry in late))


def _order(entry: tuple[float, str, int, Signal]) -> tuple[float, str, int]:
    return entry[:3]
