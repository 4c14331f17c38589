"""Finds networks that stand still: their nodes answer, and no new head comes. Nothing can leave such a network.

It is evidence for each asset that the network's heads cover. Grade 1 from the first stall that the watcher tells (eight block
times), 2 from five minutes, 3 from half an hour. A head that moves again withdraws it. If no node answers, we are blind, and
that is no evidence: coverage counts it.
"""

from __future__ import annotations

from monitor.correlator.producer import EvidenceBoard, Finding, graded
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject

STALLS_S = (0.0, 300.0, 1800.0, float("inf"))
MAX_ASSETS = 4096


class NetworkHaltsEvidence:
    """Which assets each network's heads cover."""

    kinds = frozenset({SignalKind.EXPECT, SignalKind.HEAD_STALLED, SignalKind.HEAD_RESUMED})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._assets: dict[tuple[str, str], None] = {}

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take an expectation, a stall, or its end."""
        network = signal.subject.network
        if network is None or signal.source != f"{network}/chain":
            return
        if signal.kind is SignalKind.EXPECT:
            if signal.subject.asset is not None and len(self._assets) < MAX_ASSETS:
                self._assets[network, signal.subject.asset] = None
            return
        assets = [asset for where, asset in self._assets if where == network]
        for asset in assets:
            if signal.kind is SignalKind.HEAD_RESUMED:
                self._board.withdraw(f"network_halted:{asset}:{network}")
            elif signal.attributes.get("answered") is True:
                self._put(signal, asset, network, at_s)

    def _put(self, signal: Signal, asset: str, network: str, at_s: float) -> None:
        since = signal.attributes.get("since")
        block = signal.attributes.get("block")
        self._board.put(
            Finding(
                name="network_halted",
                leg=Leg.MIGRATION,
                subject=Subject(asset=asset, network=network),
                key=network,
                grade=graded(signal.value, STALLS_S),
                onset_s=at_s - signal.value,
                at_s=at_s,
                half_life_s=self._board.settings.liquidity_half_life_s,
                value=signal.value,
                normal=0.0,
                unit="s without a new head",
                said=f"{network} stands still at block {block} for {signal.value:.0f} s"
                + (f", since {since}" if since else ""),
            )
        )

    def on_second(self, now_s: float) -> None:
        """Does nothing: the evidence depends on signals alone."""


PRODUCER = NetworkHaltsEvidence
