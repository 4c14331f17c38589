"""Finds a mid, mark or index price that leaves the other venues' prices of its asset, and a mark that leaves its own index.

A price counts only while more than half of the venues agree with each other, and in two samples ten seconds apart. Samples of two
venues are up to three seconds apart: what a price itself was in that time is no gap, or a fast market would leave itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

from monitor.correlator.producer import EvidenceBoard, Finding, graded
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject

AWAY = (0.01, 0.03, 0.08, 0.20)
AGREED = 0.01
"""Prices of one asset within this share of their median say the same."""
FRESH_S = 3.0
"""With an older price nothing is compared: books are sampled each second, and a storm moves prices fast."""
JUDGED_EACH_S = 5.0
LASTING_S = 10.0
MAX_GAP_S = 180.0
"""Marks are asked for once a minute: with three missing answers nobody knows whether it was away between."""
MIN_OTHERS = 2
MAX_PRICES = 16_384
MAX_RECENT = 8
"""Values of a price in FRESH_S: a feed's sample each second, and answers."""
MID, MARK, INDEX, OWN_INDEX = "mid", "mark", "index", "own index"
COMPARED = frozenset({MID, MARK})


@dataclass(slots=True)
class _Price:
    """One price of one instrument, in `quote`. `away_s`: since when it is away, None if it is not; `judged_s`: the last look."""

    quote: str
    value: float = 0.0
    at_s: float = float("-inf")
    judged_s: float = float("-inf")
    away_s: float | None = None
    recent: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=MAX_RECENT))
    """Its values of the last FRESH_S, with their times."""

    def take(self, value: float, at_s: float) -> None:
        """Take a new value."""
        self.value, self.at_s = value, at_s
        self.recent.append((at_s, value))

    def nearest(self, value: float, normal: float, at_s: float) -> float:
        """Of what it is and was in the last FRESH_S, what is nearest to `normal`."""
        own = [value, *(one for seen_s, one in self.recent if at_s - seen_s <= FRESH_S)]
        return min(max(normal, min(own)), max(own))


class _Other(NamedTuple):
    """The fresh prices that may be compared with: of one other venue, instrument and quote."""

    venue: str
    instrument: str
    quote: str
    value: float


class PriceGapsEvidence:
    """Prices of each asset in dollars, by venue and instrument."""

    kinds = frozenset({SignalKind.BOOK, SignalKind.MARK_PRICE})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._prices: dict[str, dict[tuple[str, str, str], _Price]] = {}
        """Asset -> (venue, instrument, which price) -> the price."""
        self._count = 0

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take the prices of one instrument, and compare each with the others that are fresh."""
        subject, attributes = signal.subject, signal.attributes
        quote = attributes.get("quote")
        if subject.asset is None or subject.venue is None or not isinstance(quote, str):
            return
        if signal.kind is SignalKind.BOOK:
            if attributes.get("state") == "ok":
                self._take(subject, MID, attributes.get("mid"), quote, at_s)
            return
        index = attributes.get("index")
        self._take(subject, MARK, signal.value, quote, at_s)
        self._take(subject, INDEX, index, quote, at_s)
        if isinstance(index, int | float) and index > 0 and signal.value > 0:
            self._judge(subject, OWN_INDEX, self._price(subject, OWN_INDEX, quote), signal.value, float(index), at_s)

    def on_second(self, now_s: float) -> None:
        """Does nothing: the evidence depends on signals alone."""

    def _take(self, subject: Subject, which: str, value: object, quote: str, at_s: float) -> None:
        if not isinstance(value, int | float) or value <= 0:
            return
        price = self._price(subject, which, quote)
        price.take(float(value), at_s)
        price.quote = quote
        if at_s - price.judged_s >= JUDGED_EACH_S:
            normal = self._market(subject, quote, price.value, at_s)
            self._judge(subject, which, price, price.value, normal, at_s)

    def _price(self, subject: Subject, which: str, quote: str) -> _Price:
        prices = self._prices.setdefault(str(subject.asset), {})
        key = (str(subject.venue), subject.instrument or "", which)
        if key not in prices:
            if self._count >= MAX_PRICES:
                self._prices, self._count = {}, 0
                prices = self._prices.setdefault(str(subject.asset), {})
            prices[key] = _Price(quote)
            self._count += 1
        return prices[key]

    def _others(self, subject: Subject, at_s: float) -> list[_Other]:
        own = subject.venue
        return [
            _Other(venue, instrument, price.quote, price.value)
            for (venue, instrument, which), price in self._prices[str(subject.asset)].items()
            if at_s - price.at_s <= FRESH_S and venue != own and which in COMPARED
        ]

    def _market(self, subject: Subject, quote: str, value: float, at_s: float) -> float | None:
        """What the other venues agree on; None if too few can be seen, or if they do not agree.

        Venues of the same quote go first: a token that leaves the dollar moves all prices in it, and is nobody's fault.
        """
        others = self._others(subject, at_s)
        alike = [one for one in others if one.quote == quote]
        same = _agreed(alike)
        if same is not None:
            return same
        every = same if len(alike) == len(others) else _agreed(others)
        if every is None or not alike:
            return every
        near = median(one.value for one in alike)
        return min(every, near, key=lambda one: abs(value / one - 1))

    def _judge(
        self, subject: Subject, which: str, price: _Price, value: float, normal: float | None, at_s: float
    ) -> None:
        gap = 0.0 if normal is None else abs(price.nearest(value, normal, at_s) / normal - 1)
        grade = graded(round(gap, 9), AWAY)
        if not grade or at_s - price.judged_s > MAX_GAP_S:
            price.away_s = None
        price.judged_s = at_s
        if not grade or normal is None:
            return
        if price.away_s is None:
            price.away_s = at_s
        if at_s - price.away_s < LASTING_S:
            return
        own = which == OWN_INDEX
        where = "its own index" if own else "the other venues' prices"
        self._board.put(
            Finding(
                name="mark_off_index" if own else "price_away",
                leg=Leg.VENUE,
                subject=Subject(asset=subject.asset, venue=subject.venue, instrument=subject.instrument),
                grade=grade,
                onset_s=price.away_s,
                at_s=at_s,
                half_life_s=self._board.settings.venue_half_life_s,
                value=value,
                normal=normal,
                unit="quote units",
                said=f"{subject.venue} {subject.instrument} {MARK if own else which} {value:,.6g} is"
                f" {value / normal - 1:+.1%} from {where} ({normal:,.6g})",
                key="" if own else which,
            )
        )


def _agreed(others: Sequence[_Other]) -> float | None:
    """The median of the other venues, if with the one that is judged more than half of all say it.

    A venue has one vote, the median of its prices. Of a single other venue, two instruments or more vote instead.
    """
    votes: dict[str, list[float]] = {}
    for one in others:
        votes.setdefault(one.venue, []).append(one.value)
    if len(votes) == 1:
        votes = {}
        for one in others:
            votes.setdefault(one.instrument, []).append(one.value)
    if len(votes) < MIN_OTHERS:
        return None
    said = [median(values) for values in votes.values()]
    middle = median(said)
    agreeing = sum(abs(one / middle - 1) <= AGREED for one in said)
    return middle if 2 * agreeing > len(said) + 1 else None


PRODUCER = PriceGapsEvidence
