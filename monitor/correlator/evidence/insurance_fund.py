"""Finds funds of venues that pay for losses beyond margin: after a fund comes auto-deleveraging, and others lose their positions.

Compares each pool with its own highest balance of a day. A venue may also move money; so the grade is 3 at most.
"""

from __future__ import annotations

from collections import deque

from monitor.correlator.producer import EvidenceBoard, Finding, graded
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject

FALL = (0.05, 0.15, 0.30, 1e9)
"""Share of the highest balance that is gone. There is no grade 4."""
WINDOW_S = 86_400.0
MIN_FUND = 10_000.0
"""In units of its currency: a smaller pool says nothing, since one liquidation may empty it."""
MAX_POINTS = 320
MAX_POOLS = 4096


class InsuranceFundEvidence:
    """What each pool holds, against the last day."""

    kinds = frozenset({SignalKind.INSURANCE_FUND})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._pools: dict[tuple[str, str, str], deque[tuple[float, float]]] = {}
        """(venue, pool, currency) -> unix seconds and balance."""

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take the balance of one pool. A balance that is stated again with the same time is the same."""
        subject = signal.subject
        if subject.venue is None:
            return
        fund, currency = str(signal.attributes.get("fund", "")), str(signal.attributes.get("currency", ""))
        key = (subject.venue, fund, currency)
        if key not in self._pools and len(self._pools) >= MAX_POOLS:
            self._pools.pop(next(iter(self._pools)))
        points = self._pools.setdefault(key, deque(maxlen=MAX_POINTS))
        if points and at_s <= points[-1][0]:
            return
        points.append((at_s, signal.value))
        while at_s - points[0][0] > WINDOW_S:
            points.popleft()
        peak_s, peak = max(points, key=lambda one: one[1])
        grade = graded(1 - signal.value / peak, FALL) if peak >= MIN_FUND else 0
        if not grade:
            return
        hours = (at_s - peak_s) / 3600
        self._board.put(
            Finding(
                name="insurance_fund",
                leg=Leg.VENUE,
                subject=Subject(asset=subject.asset, venue=subject.venue, instrument=subject.instrument),
                key=fund,
                grade=grade,
                onset_s=peak_s,
                at_s=at_s,
                half_life_s=self._board.settings.liquidity_half_life_s,
                value=signal.value,
                normal=peak,
                unit=currency,
                said=f"{subject.venue} insurance fund {fund} fell {1 - signal.value / peak:.0%} in {hours:.1f} h"
                f" to {signal.value:,.0f} {currency}",
            )
        )

    def on_second(self, now_s: float) -> None:
        """Does nothing: the evidence depends on signals alone."""


PRODUCER = InsuranceFundEvidence
