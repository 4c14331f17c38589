"""Refuses signals that cannot be, before anything rests on them. `monitor.signals.kinds` declares what a kind may hold.

Refusals are counted by kind and reason. A signal from the future is held until others agree with its time: one clock that is
wrong must not end the day of all others. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum

from monitor.signals import Scalar, Signal, Subject
from monitor.signals.kind import MAX_NUMBER, Kind
from monitor.signals.kinds import KINDS

FIRST_S, LAST_S = 946684800.0, 7258118400.0
"""Unix seconds of 2000 and 2200: no signal is older or newer."""
LEAP_S = 3600.0
"""A signal so far ahead of all before it is held."""
AGREE = 8
"""So many held signals in a row are the time: nothing was heard for a while, or the clock was set."""
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

    def take(self, signal: Signal) -> Iterator[Signal]:
        """Yield what may be judged now, in order of arrival: this signal, what was held before it, or nothing."""
        reason = self._reason(signal)
        if reason is not None:
            self._refuse(signal, reason)
            return
        received_s = signal.received_at.timestamp()
        if received_s - self._latest_s > LEAP_S and self._latest_s > FIRST_S:
            self._held.append(signal)
            if len(self._held) >= AGREE:
                yield from self.flush()
            return
        if self._held:  # the time goes on as before: what was held had a wrong clock
            for one in self._held:
                self._refuse(one, Refused.FUTURE)
            self._held.clear()
        yield from self._pass(signal, received_s)

    def flush(self) -> Iterator[Signal]:
        """Yield what is held: others agree with its time, or no signal follows."""
        held, self._held = self._held, []
        for one in held:
            yield from self._pass(one, one.received_at.timestamp())

    def _pass(self, signal: Signal, received_s: float) -> Iterator[Signal]:
        if self._latest_s - received_s > PAST_S:
            self._refuse(signal, Refused.PAST)
            return
        counted = self._sources.get(signal.source)
        second = int(received_s)
        if counted is None:
            if len(self._sources) >= MAX_SOURCES:
                self._refuse(signal, Refused.TOO_MANY)
                return
            counted = self._sources[signal.source] = [second, 0]
        asset = signal.subject.asset
        if asset is not None and asset not in self._assets:
            if len(self._assets) >= MAX_ASSETS:
                self._refuse(signal, Refused.TOO_MANY)
                return
            self._assets.add(asset)
        if counted[0] != second:
            counted[0], counted[1] = second, 0
        counted[1] += 1
        if counted[1] > MAX_A_SECOND:
            self._refuse(signal, Refused.FLOOD)
            return
        if received_s > self._latest_s:
            self._latest_s = received_s
        yield signal

    def _refuse(self, signal: Signal, reason: Refused) -> None:
        key = (str(signal.kind), reason.value)
        self.refused[key] = self.refused.get(key, 0) + 1

    @staticmethod
    def _reason(signal: Signal) -> Refused | None:
        kind = KINDS[signal.kind]
        value = signal.value
        if type(value) not in _NUMBERS or not kind.min_value <= value <= kind.max_value:
            return Refused.VALUE
        if not _has_times(signal):
            return Refused.TIME
        if type(signal.seq) is not int or not _is_name(signal.source) or not _are_names(signal.subject):
            return Refused.NAME
        return None if _fits(signal.attributes, kind) else Refused.ATTRIBUTE


_NUMBERS = frozenset({int, float})


def _has_times(signal: Signal) -> bool:
    """Whether both stamps are aware and of this age. An event may be older: a block, a statistic of yesterday."""
    if signal.received_at.tzinfo is None or signal.event_time.tzinfo is None:
        return False
    received_s = signal.received_at.timestamp()
    return FIRST_S <= received_s <= LAST_S and signal.event_time.timestamp() >= 0


def _is_name(name: object) -> bool:
    return type(name) is str and 0 < len(name) <= MAX_NAME


def _are_names(subject: Subject) -> bool:
    for name in (
        subject.asset, subject.venue, subject.instrument, subject.network, subject.contract, subject.pool, subject.vantage,
    ):  # fmt: skip
        if name is not None and (type(name) is not str or len(name) > MAX_NAME):
            return False
    return True


def _fits(attributes: Mapping[str, Scalar], kind: Kind) -> bool:
    if len(attributes) > MAX_ATTRIBUTES:
        return False
    for name, one in attributes.items():
        form = type(one)
        if form is float or form is int:
            if not -MAX_NUMBER <= one <= MAX_NUMBER:  # type: ignore[operator]  # NaN is refused too
                return False
        elif form is str:
            if len(one) > MAX_TEXT:  # type: ignore[arg-type]
                return False
        elif one is not None and form is not bool:
            return False
        if type(name) is not str:
            return False
    for name, (low, high) in kind.ranges.items():
        one = attributes.get(name)
        if one is not None and (type(one) not in _NUMBERS or not low <= one <= high):  # type: ignore[operator]
            return False
    return all(attributes.get(name) in words for name, words in kind.words.items())
