"""Finds forced orders that fill ever further from the market: the books can no longer take them where the price is.

Of each venue the distance of a forced order's price from the middle of its book is a stream of its own, because some venues
state the price of bankruptcy and others that of the fill. Its own past rates a rise; under 1 % nothing is found, and the grade is
2 at most.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from monitor.correlator.producer import EvidenceBoard, Finding
from monitor.detect.alarm_rate import grade_of_rate
from monitor.detect.latency import LatencyStream
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject

FRESH_S = 5.0
MIN_AWAY = 0.01
MIN_RISE = 2.0
MAX_GRADE = 2
MAX_INSTRUMENTS = 4096


@dataclass(slots=True)
class _Instrument:
    mid: float = 0.0
    at_s: float = float("-inf")
    away: LatencyStream = field(default_factory=LatencyStream)


class LiquidationPricesEvidence:
    """How far from its book each instrument's forced orders are."""

    kinds = frozenset({SignalKind.BOOK, SignalKind.LIQUIDATION})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._instruments: dict[tuple[str, str, str], _Instrument] = {}

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take a book's middle, or a forced order."""
        subject, attributes = signal.subject, signal.attributes
        if subject.asset is None or subject.venue is None:
            return
        key = (subject.asset, subject.venue, subject.instrument or "")
        one = self._instruments.get(key)
        if one is None:
            if len(self._instruments) >= MAX_INSTRUMENTS:
                self._instruments.pop(next(iter(self._instruments)))
            one = self._instruments[key] = _Instrument()
        if signal.kind is SignalKind.BOOK:
            mid = attributes.get("mid")
            if attributes.get("state") == "ok" and isinstance(mid, int | float) and mid > 0:
                one.mid, one.at_s = float(mid), at_s
            return
        price = attributes.get("price")
        if attributes.get("backlog") is True or not isinstance(price, int | float) or price <= 0:
            return
        if abs(at_s - one.at_s) <= FRESH_S:
            self._judge(one, subject, abs(price / one.mid - 1), at_s)

    def on_second(self, now_s: float) -> None:
        """Does nothing: the evidence depends on signals alone."""

    def _judge(self, one: _Instrument, subject: Subject, away: float, at_s: float) -> None:
        usual = one.away.normal_s
        rise = one.away.add(away, at_s)
        grade = min(grade_of_rate(rise.per_day), MAX_GRADE)
        if not grade or away < max(MIN_AWAY, MIN_RISE * usual):
            return
        self._board.put(
            Finding(
                name="liquidation_prices",
                leg=Leg.LIQUIDATION,
                subject=Subject(asset=subject.asset, venue=subject.venue, instrument=subject.instrument),
                grade=grade,
                far_per_day=rise.per_day,
                onset_s=rise.onset_s,
                at_s=at_s,
                half_life_s=self._board.settings.liquidation_half_life_s,
                value=away,
                normal=usual,
                unit="fraction",
                said=f"forced orders at {subject.venue} {subject.instrument} are {away:.1%} from the book ({usual:.1%} usual)",
            )
        )


PRODUCER = LiquidationPricesEvidence
