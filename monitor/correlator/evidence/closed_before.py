"""Finds withdrawals of an asset that were closed at a venue before we first looked: nothing can leave there, whenever it began.

Grade 2, since a wallet may have been closed for long. It counts if all its networks there are closed and none was ever seen open,
for as long as a state lasts until it is usual. What closes while we look is graver (`venue_words.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from monitor.correlator.producer import EvidenceBoard, Finding
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject

GRADE = 2
LASTING_S = 60.0
"""A first answer may be of a venue that is starting up."""
MAX_NETWORKS = 32
MAX_WALLETS = 4096


@dataclass(slots=True)
class _Wallets:
    """The networks of one asset at one venue: since when each is watched and closed; None as soon as one was open."""

    first_s: float
    closed: dict[str, None] | None = field(default_factory=dict)


class ClosedBeforeEvidence:
    """The declared withdrawals of each asset at each venue."""

    kinds = frozenset({SignalKind.WALLET})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._wallets: dict[tuple[str, str], _Wallets] = {}

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take what a venue declares of one network of an asset."""
        asset, venue = signal.subject.asset, signal.subject.venue
        if asset is None or venue is None:
            return
        wallets = self._wallets.get((asset, venue))
        if wallets is None:
            if len(self._wallets) >= MAX_WALLETS:
                self._wallets.pop(next(iter(self._wallets)))
            wallets = self._wallets[asset, venue] = _Wallets(at_s)
        if wallets.closed is None:
            return
        if signal.value > 0:
            wallets.closed = None
            self._board.withdraw(f"closed_before:{asset}:{venue}")
            return
        if len(wallets.closed) < MAX_NETWORKS:
            wallets.closed[signal.subject.network or "its network"] = None
        self._judge(asset, venue, wallets, at_s)

    def on_second(self, now_s: float) -> None:
        """Does nothing: the evidence depends on signals alone."""

    def _judge(self, asset: str, venue: str, wallets: _Wallets, at_s: float) -> None:
        if not LASTING_S <= at_s - wallets.first_s <= self._board.settings.level_long_s:
            return
        networks = ", ".join(sorted(wallets.closed or ()))
        self._board.put(
            Finding(
                name="closed_before",
                leg=Leg.VENUE,
                subject=Subject(asset=asset, venue=venue),
                grade=GRADE,
                onset_s=wallets.first_s,
                at_s=at_s,
                half_life_s=self._board.settings.venue_half_life_s,
                value=0.0,
                normal=1.0,
                unit="level",
                said=f"{venue} withdrawals of {asset} were closed before we looked ({networks})"[:200],
            )
        )


PRODUCER = ClosedBeforeEvidence
