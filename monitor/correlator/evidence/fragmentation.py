"""Finds an asset's depth concentrating in fewer places, so that the failure of one takes away more of it. Context only.

N_eff = 1 / Σ sᵢ² (the inverse Herfindahl index) is the number of places with equal shares of depth: venues by the ±2 % depth
of their books, pools by the chain's liquidity accounts. A fall by a third within an hour is evidence, with both counts.
"""

from __future__ import annotations

from collections import deque

from monitor.correlator.producer import EvidenceBoard, Finding, fully_seen
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject

EVERY_S = 15
WINDOW_S = 3600.0
NATS = 0.2
FALL = 2 / 3
HALF_LIFE_S = 1800.0
MAX_ACCOUNTS = 64
FRESH_S = 120.0
"""Books are sampled every 30 s or faster."""

_PoolCount = tuple[float, float, float, str]
"""Unix seconds, N_eff before, N_eff after, id of the event."""


class FragmentationEvidence:
    """Depth of each asset by venue, sampled, and the accounts of its pools."""

    kinds = frozenset({SignalKind.BOOK, SignalKind.LIQUIDITY_ACCOUNTED, SignalKind.RETRACTION})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._books: dict[str, dict[str, dict[str, tuple[float, float]]]] = {}
        self._venues: dict[str, deque[tuple[float, float]]] = {}
        self._pools: dict[str, deque[_PoolCount]] = {}

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Remember each instrument's newest depth, and the concentration that each account reports."""
        subject, attributes = signal.subject, signal.attributes
        if signal.kind is SignalKind.RETRACTION:
            for asset, counts in self._pools.items():
                left = [one for one in counts if one[3] != attributes.get("retracts")]
                if len(left) != len(counts):
                    self._pools[asset] = deque(left, MAX_ACCOUNTS)
                    self._board.withdraw(f"fragmentation:{asset}", retracted=True)
        elif subject.asset is None:
            return
        elif signal.kind is SignalKind.BOOK:
            bid, ask = attributes.get("bid_depth_200_usd"), attributes.get("ask_depth_200_usd")
            if isinstance(bid, int | float) and isinstance(ask, int | float) and subject.venue:
                venues = self._books.setdefault(subject.asset, {})
                venues.setdefault(subject.venue, {})[str(subject.instrument)] = (at_s, float(bid + ask))
        else:
            before, after = attributes.get("hhi_before"), attributes.get("hhi_after")
            if isinstance(before, int | float) and isinstance(after, int | float) and before > 0 and after > 0:
                counts = self._pools.setdefault(subject.asset, deque(maxlen=MAX_ACCOUNTS))
                counts.append((at_s, 1 / before, 1 / after, str(attributes.get("event_id", ""))))

    def on_second(self, now_s: float) -> None:
        """Put falls on the board."""
        if int(now_s) % EVERY_S:
            return
        for asset in sorted({*self._books, *self._pools}):
            samples = self._venues.setdefault(asset, deque(maxlen=int(WINDOW_S / EVERY_S)))
            depths = [sum(usd for _, usd in one.values()) for one in self._books.get(asset, {}).values()]
            total = sum(depths)
            if total > 0:
                samples.append((now_s, total**2 / sum(one**2 for one in depths)))
            self._judge(asset, now_s)

    def _judge(self, asset: str, now_s: float) -> None:
        venues = [count for at_s, count in self._venues[asset] if now_s - at_s <= WINDOW_S]
        pools = [one for one in self._pools.get(asset, ()) if now_s - one[0] <= WINDOW_S]
        counts = []
        if venues:
            counts.append(("venues", max(venues), venues[-1]))
            seen_s = (at_s for books in self._books[asset].values() for at_s, _ in books.values())
            if fully_seen(seen_s, now_s, FRESH_S):
                self._board.note(asset, "concentration", max(venues) / venues[-1], now_s)
        if pools:
            counts.append(("pools", max(one[1] for one in pools), pools[-1][2]))
        fallen = [(after / before, before, after) for _, before, after in counts if after <= FALL * before]
        if not fallen:
            return
        _, before, after = min(fallen)
        spread = "; over ".join(f"{what} {was:.1f} → {now:.1f}" for what, was, now in counts)
        self._board.put(
            Finding(
                name="fragmentation",
                leg=Leg.FRAGILITY,
                subject=Subject(asset=asset),
                grade=1,
                weight=NATS,
                onset_s=now_s,
                at_s=now_s,
                half_life_s=HALF_LIFE_S,
                value=after,
                normal=before,
                unit="places",
                said=f"{asset}'s depth gathers in fewer places (N_eff): over {spread}",
            )
        )


PRODUCER = FragmentationEvidence
