"""Reads what a venue declares: maintenance and degradation, and withdrawals closed or delayed for an asset.

A network that is closed at first sight is the normal state; one that closes later is evidence, renewed while it stays closed.
"""

from __future__ import annotations

from dataclasses import dataclass

from monitor.correlator.producer import EvidenceBoard, Finding
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject


@dataclass(slots=True)
class _Wallet:
    first: float
    closed_s: float | None = None


class VenueStatusEvidence:
    """Declared status and declared wallets."""

    kinds = frozenset({SignalKind.WALLET, SignalKind.VENUE_STATUS})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._wallets: dict[tuple[str, str, str], _Wallet] = {}
        self._status_s: dict[str, float] = {}

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
        if signal.value <= 0:
            self._status_s.pop(venue, None)
            return
        since_s = self._status_s.setdefault(venue, at_s)
        planned = signal.attributes.get("planned") is True
        grade = 1 if planned else 3 if signal.value >= 2 else 2
        word = "maintenance" if signal.value >= 2 else "degraded"
        self._board.put(
            Finding(
                name="venue_status",
                leg=Leg.VENUE,
                subject=Subject(venue=venue),
                grade=grade,
                onset_s=since_s,
                at_s=at_s,
                half_life_s=self._board.settings.venue_half_life_s,
                value=signal.value,
                normal=0.0,
                unit="level",
                said=f"{venue} says {word}{' (planned)' if planned else ''}: {signal.attributes.get('title', '')}"[
                    :200
                ],
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
        word = "delayed" if state > 0 else "closed"
        self._board.put(
            Finding(
                name="withdrawals",
                leg=Leg.VENUE,
                subject=Subject(asset=asset, venue=venue),
                key=network,
                grade=2 if state > 0 else 3,
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
