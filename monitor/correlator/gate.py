"""Refuses signals that cannot be, before anything rests on them. `monitor.signals.kinds` declares what a kind may hold.

Refusals are counted by kind and reason. A signal from the future is held until others agree with its time: one clock that is
wrong must not end the day of all others. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum

from msgspec.structs import astuple

from monitor.signals import Scalar, Signal, Subject
from monitor.signals.kind import MAX_NUMBER
from monitor.signals.kinds import KINDS

FIRST_S, LAST_S = 946684800.0, 7258118400.0
"""Unix seconds of 2000 and 2200: no signal is older or newer."""
LEAP_S = 3600.0
"""A signal so far ahead of all before it is held."""
AGREE = 8
"""So many held signals in a row are the time: nothing was heard for a while, or the clock was set."""
ALONE_S = 60.0
"""Held signals of one source alone are the time only if they go on for so long: else its own clock is wrong."""
MAX_HELD = 1000
PAST_S = 86400.0
"""A signal so far behind the latest one is refused."""
MAX_TEXT = 20_000
MAX_NAME = 300
MAX_ATTRIBUTES = 200
MAX_SOURCES = 20_000
MAX_ASSETS = 5_000
MAX_A_SECOND = 20_000
"""Signals of one source with one second of receipt: 10 times what the busiest feed of a venue sends."""


class Refused(StrEnum):
    """Why a signal is not taken."""

    VALUE = "value"
    TIME = "time"
    FUTURE = "future"
    PAST = "past"
    NAME = "name"
    ATTRIBUTE = "attribute"
    FLOOD = "flood"
    TOO_MANY = "too_many"


class Gate:
    """Holds the time of the latest signal, the names that it knows, and how many signals each source sent in its last second."""

    def __init__(self) -> None:
        self.refused: dict[tuple[str, str], int] = {}
        """(kind, reason) -> signals. Both are closed sets."""
        self._latest_s = float("-inf")
        self._held: list[Signal] = []
        self._sources: dict[str, list[int]] = {}
        """Source -> its last second of receipt, and its signals in it."""
        self._assets: set[str] = set()

    def take(self, signal: Signal) -> Sequence[Signal]:
        """What may be judged now, in order of arrival: this signal, what was held before it, or nothing."""
        reason = _reason(signal)
        if reason is not None:
            self._refuse(signal, reason)
            return ()
        received_s = signal.received_at.timestamp()
        if received_s - self._latest_s > LEAP_S and self._latest_s > FIRST_S:
            return self._hold(signal)
        if self._held:  # the time goes on as before: what was held had a wrong clock
            for one in self._held:
                self._refuse(one, Refused.FUTURE)
            self._held.clear()
        return (signal,) if self._passes(signal, received_s) else ()

    def _hold(self, signal: Signal) -> Sequence[Signal]:
        """Hold a signal of the future until enough agree with it: several sources, or the only one that is heard for a minute."""
        held = self._held
        held.append(signal)
        if len(held) > MAX_HELD:
            self._refuse(held.pop(0), Refused.FUTURE)
        if len(held) < AGREE:
            return ()
        several = len(self._sources) < 2 or any(one.source != signal.source for one in held)
        lasts_s = signal.received_at.timestamp() - held[0].received_at.timestamp()
        return self.flush() if several or lasts_s >= ALONE_S else ()

    def flush(self) -> Sequence[Signal]:
        """What is held: others agree with its time, or no signal follows."""
        held, self._held = self._held, []
        return [one for one in held if self._passes(one, one.received_at.timestamp())]

    def _passes(self, signal: Signal, received_s: float) -> bool:
        if self._latest_s - received_s > PAST_S:
            return self._refuse(signal, Refused.PAST)
        counted = self._sources.get(signal.source)
        second = int(received_s)
        if counted is None:
            if len(self._sources) >= MAX_SOURCES:
                return self._refuse(signal, Refused.TOO_MANY)
            counted = self._sources[signal.source] = [second, 0]
        asset = signal.subject.asset
        if asset is not None and asset not in self._assets:
            if len(self._assets) >= MAX_ASSETS:
                return self._refuse(signal, Refused.TOO_MANY)
            self._assets.add(asset)
        if counted[0] != second:
            counted[0], counted[1] = second, 0
        counted[1] += 1
        if counted[1] > MAX_A_SECOND:
            return self._refuse(signal, Refused.FLOOD)
        if received_s > self._latest_s:
            self._latest_s = received_s
        return True

    def _refuse(self, signal: Signal, reason: Refused) -> bool:
        key = (str(signal.kind), reason.value)
        self.refused[key] = self.refused.get(key, 0) + 1
        return False


_NUMBERS = frozenset({int, float})
_FIRST, _LAST = (datetime.fromtimestamp(one, UTC) for one in (FIRST_S, LAST_S))
_OLDEST_EVENT = datetime.fromtimestamp(0, UTC)
_ANY = (-MAX_NUMBER, MAX_NUMBER)
_RANGES = {
    kind: {name: (max(low, -MAX_NUMBER), min(high, MAX_NUMBER)) for name, (low, high) in one.ranges.items()}
    for kind, one in KINDS.items()
}
"""The numbers of a kind that have a range, for every signal: each name is looked up once."""


def _reason(signal: Signal) -> Refused | None:
    kind = KINDS[signal.kind]
    value = signal.value
    if type(value) not in _NUMBERS or not kind.min_value <= value <= kind.max_value:
        return Refused.VALUE
    if not _has_times(signal.received_at, signal.event_time):
        return Refused.TIME
    if type(signal.seq) is not int or not _is_name(signal.source) or not _are_names(signal.subject):
        return Refused.NAME
    if not _fits(signal.attributes, _RANGES[signal.kind]):
        return Refused.ATTRIBUTE
    for name, words in kind.words.items():
        if signal.attributes.get(name) not in words:
            return Refused.ATTRIBUTE
    return None


def _has_times(received_at: datetime, event_time: datetime) -> bool:
    """Whether both stamps are aware and of this age. An event may be older: a block, a statistic of yesterday."""
    if received_at.tzinfo is None or event_time.tzinfo is None:
        return False
    return _FIRST <= received_at <= _LAST and event_time >= _OLDEST_EVENT


def _is_name(name: object) -> bool:
    return type(name) is str and 0 < len(name) <= MAX_NAME


def _are_names(subject: Subject) -> bool:
    for name in astuple(subject):  # noqa: SIM110  # all() of a generator takes three times as long, for every signal
        if name is not None and (type(name) is not str or len(name) > MAX_NAME):
            return False
    return True


def _fits(attributes: Mapping[str, Scalar], ranges: Mapping[str, tuple[float, float]]) -> bool:
    """Whether attributes are texts, numbers, truths or null, each within its bounds. NaN is within none."""
    if len(attributes) > MAX_ATTRIBUTES:
        return False
    for name, one in attributes.items():
        form = type(one)
        if type(name) is not str:
            return False
        if form is float or form is int:
            low, high = ranges.get(name, _ANY)
            if not low <= one <= high:  # type: ignore[operator]
                return False
        elif form is str:
            if len(one) > MAX_TEXT or name in ranges:  # type: ignore[arg-type]
                return False
        elif one is not None and (form is not bool or name in ranges):
            return False
    return True
