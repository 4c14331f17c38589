"""Reads what a venue declares: maintenance and degradation, and withdrawals closed or delayed for an asset.

A network that is closed at first sight is the normal state; one that closes later is evidence, renewed while it stays closed.
Withdrawals that are delayed for minutes queue: that is as grave as closed ones.
"""

from __future__ import annotations

from dataclasses import dataclass

from monitor.correlator.producer import WEIGHT, EvidenceBoard, Finding
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject

MAX_PARTS = 64
"""Parts of one venue that are in trouble at once; the one that was silent longest is forgotten first."""


@dataclass(slots=True)
class _Wallet:
    first: float
    closed_s: float | None = None


@dataclass(frozen=True, slots=True)
class _Part:
    """What a venue says of one of its parts; `since_s` is when its trouble began."""

    service: str
    value: float
    planned: bool
    title: str
    since_s: float
    at_s: float

    @property
    def grade(self) -> int:
        return 1 if self.planned else 3 if self.value >= 2 else 2


class VenueStatusEvidence:
    """Declared status and declared wallets."""

    kinds = frozenset({SignalKind.WALLET, SignalKind.VENUE_STATUS})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._wallets: dict[tuple[str, str, str], _Wallet] = {}
        self._troubled: dict[str, dict[str, _Part]] = {}

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take a wallet's or a venue's state."""
        venue = signal.subject.venue
        if venue is None:
            return
        if signal.kind is SignalKind.VENUE_STATUS:
            self._status(venue, signal, at_s)
        elif signal.subject.asset is not None:
            self._wallet(venue, signal.subject.asset, signal.subject.network or "", signal.value, at_s)

    def _status(self, venue: str, signal: Signal, at_s: float) -> None:
        """A venue is as bad as its worst part. A part that says nothing any more fades as its evidence does."""
        service, parts = str(signal.attributes.get("service", "")), self._troubled.setdefault(venue, {})
        planned = signal.attributes.get("planned") is True
        if signal.value <= 0 and planned:
            return  # what is to come says nothing of now
        if signal.value > 0:
            old = parts.get(service)
            if old is None and len(parts) >= MAX_PARTS:
                del parts[min(parts, key=lambda one: parts[one].at_s)]
            title, since_s = str(signal.attributes.get("title", "")), at_s if old is None else old.since_s
            parts[service] = _Part(service, signal.value, planned, title, since_s, at_s)
        elif not service:
            parts.clear()
        else:
            parts.pop(service, None)
        if parts:
            self._say(venue, max(parts.values(), key=lambda one: (self._weight(one, at_s), one.service)))

    def _weight(self, part: _Part, now_s: float) -> float:
        age_s = max(now_s - part.at_s, 0.0)
        return WEIGHT[part.grade] * float(2 ** (-age_s / self._board.settings.venue_half_life_s))

    def _say(self, venue: str, part: _Part) -> None:
        word = "maintenance" if part.value >= 2 else "degraded"
        name = f"{venue} ({part.service})" if part.service else venue
        self._board.put(
            Finding(
                name="venue_status",
                leg=Leg.VENUE,
                subject=Subject(venue=venue),
                grade=part.grade,
                onset_s=part.since_s,
                at_s=part.at_s,
                half_life_s=self._board.settings.venue_half_life_s,
                value=part.value,
                normal=0.0,
                unit="level",
                said=f"{name} says {word}{' (planned)' if part.planned else ''}: {part.title}"[:200],
            )
        )

    def _wallet(self, venue: str, asset: str, network: str, state: float, at_s: float) -> None:
        wallet = self._wallets.setdefault((venue, asset, network), _Wallet(state))
        if state >= wallet.first:
            wallet.first = state
            wallet.closed_s = None
            return
        if wallet.closed_s is None:
            wallet.closed_s = at_s
        late_s = at_s - wallet.closed_s
        queue = state > 0 and late_s >= self._board.settings.queue_s
        length = f"{late_s / 60:.0f} min" if late_s >= 120 else f"{late_s:.0f} s"
        word = f"delayed for {length}" if queue else "delayed" if state > 0 else "closed"
        self._board.put(
            Finding(
                name="withdrawals",
                leg=Leg.VENUE,
                subject=Subject(asset=asset, venue=venue),
                key=network,
                grade=2 if state > 0 and not queue else 3,
                onset_s=wallet.closed_s,
                at_s=at_s,
                half_life_s=self._board.settings.venue_half_life_s,
                value=state,
                normal=wallet.first,
                unit="level",
                said=f"{venue} withdrawals of {asset} over {network or 'its network'} {word}",
            )
        )

    def on_second(self, now_s: float) -> None:
        """Does nothing: the evidence depends on signals alone."""


PRODUCER = VenueStatusEvidence
