"""Finds deposits of an asset that close at a venue: nobody can bring any, so its price there may leave the market.

A venue closes them when it no longer trusts what comes in. Weak evidence of the venue leg, grade 1; only what closes while we
look counts, and only if deposits are closed over every network of the asset there.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from monitor.correlator.producer import EvidenceBoard, Finding
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject

MAX_NETWORKS = 32
MAX_WALLETS = 4096


@dataclass(slots=True)
class _Wallets:
    """Which networks take deposits now; whether any did; since when none does."""

    takes: dict[str, bool] = field(default_factory=dict)
    opened: bool = False
    closed_s: float | None = None


class DepositsClosedEvidence:
    """The declared deposits of each asset at each venue."""

    kinds = frozenset({SignalKind.WALLET})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._wallets: dict[tuple[str, str], _Wallets] = {}

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take what a venue declares of one network of an asset. Deposits of which it says nothing are unknown."""
        asset, venue, takes = signal.subject.asset, signal.subject.venue, signal.attributes.get("deposits")
        if asset is None or venue is None or not isinstance(takes, bool):
            return
        wallets = self._wallets.get((asset, venue))
        if wallets is None:
            if len(self._wallets) >= MAX_WALLETS:
                self._wallets.pop(next(iter(self._wallets)))
            wallets = self._wallets[asset, venue] = _Wallets()
        network = signal.subject.network or ""
        if network in wallets.takes or len(wallets.takes) < MAX_NETWORKS:
            wallets.takes[network] = takes
        if any(wallets.takes.values()):
            wallets.opened, wallets.closed_s = True, None
            self._board.withdraw(f"deposits_closed:{asset}:{venue}")
        elif wallets.opened:
            wallets.closed_s = at_s if wallets.closed_s is None else wallets.closed_s
            self._say(asset, venue, wallets.closed_s, at_s)

    def on_second(self, now_s: float) -> None:
        """Does nothing: the evidence depends on signals alone."""

    def _say(self, asset: str, venue: str, since_s: float, at_s: float) -> None:
        self._board.put(
            Finding(
                name="deposits_closed",
                leg=Leg.VENUE,
                subject=Subject(asset=asset, venue=venue),
                grade=1,
                onset_s=since_s,
                at_s=at_s,
                half_life_s=self._board.settings.venue_half_life_s,
                value=0.0,
                normal=1.0,
                unit="level",
                said=f"{venue} takes no deposits of {asset} any more",
            )
        )


PRODUCER = DepositsClosedEvidence
