"""Writes the signals of a simulated world: times, sources, subjects and numbers, as the daemon would have taken them in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime

from monitor.drill.score.worlds import ASSET, NETWORK, VANTAGE, VenueTraits
from monitor.signals import Scalar, Signal, SignalKind, Subject

_NOTHING: Mapping[str, Scalar] = {}


class SignalWriter:
    """Numbers the signals of each source from `first_seq` on, and gathers them until they are taken."""

    def __init__(self, first_seq: int) -> None:
        self._seq: Counter[str] = Counter()
        self._first = first_seq
        self._written: list[tuple[float, int, Signal]] = []
        self._count = 0
        self._subjects: dict[tuple[str | None, str | None, bool], Subject] = {}

    def write(
        self,
        kind: SignalKind,
        source: str,
        at_s: float,
        value: float,
        attributes: Mapping[str, Scalar] = _NOTHING,
        *,
        subject: Subject,
        event_s: float | None = None,
    ) -> None:
        """Add a signal received at `at_s`, about what happened at `event_s` (None: then)."""
        received = datetime.fromtimestamp(at_s, UTC)
        happened = received if event_s is None else datetime.fromtimestamp(min(event_s, at_s), UTC)
        number = self._seq[source] = self._seq[source] + 1
        signal = Signal(kind, subject, happened, received, source, self._first + number, value, attributes)
        self._count += 1
        self._written.append((at_s, self._count, signal))

    def of_venue(self, venue: VenueTraits, *, asset: bool = True, instrument: bool = True) -> Subject:
        """The subject of a venue's signal: its instrument, its asset, or the venue alone."""
        key = (venue.name, ASSET if asset else None, instrument)
        found = self._subjects.get(key)
        if found is None:
            name = venue.instrument if instrument and asset else None
            found = Subject(asset=key[1], venue=venue.name, instrument=name, vantage=VANTAGE)
            self._subjects[key] = found
        return found

    def of_chain(self, contract: str | None = None, pool: str | None = None, venue: str | None = None) -> Subject:
        """The subject of a chain's signal about the asset."""
        return Subject(asset=ASSET, venue=venue, network=NETWORK, contract=contract, pool=pool, vantage=VANTAGE)

    def take(self, until_s: float) -> list[Signal]:
        """Everything received before `until_s`, in order of receipt."""
        self._written.sort()
        ready = 0
        while ready < len(self._written) and self._written[ready][0] < until_s:
            ready += 1
        found = [one for _, _, one in self._written[:ready]]
        del self._written[:ready]
        return found
