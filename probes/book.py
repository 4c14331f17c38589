"""Maintains an order book from snapshots and changes, checks its continuity, and measures its depth and slippage.

Continuity (docs/venues.md, "Order books"): a change follows if its `prev_id` is our last id, or, if it has none, if its first
id is ours plus one. After a REST snapshot, changes that end at or before it are dropped, and the first change applied must
straddle it. A gap, or a sequence that has begun anew, leaves the book unsynced until the next snapshot.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Context, Decimal, localcontext
from enum import Enum, auto
from itertools import accumulate
from math import inf, nextafter
from operator import neg

from probes.readings import BookMeasured, BookState, VenueId
from probes.venue import BookDelta, BookSnapshot

BANDS_BPS = (10, 25, 50, 100, 200, 500)
NOTIONALS_USD = (10_000, 100_000, 1_000_000)
USUAL_GAPS, WARM_CHANGES = 5.0, 20
"""A book has stopped after five times its own longest usual gap, known after so many changes."""
WARM_GAP_S, GAP_HALF_LIFE_S = 12.0, 6 * 3600.0
HOLLOW_USD, HOLLOW_BPS = 1_000.0, 200
"""A book with less than so many dollars within so many bps on a side is hollow."""
MAX_LEVELS = 20_000
_EXACT = Context(prec=80, traps=[])
MAX_OLD = 8
"""So many old changes in a row are no echo of the venue: its sequence has begun anew without a word."""
REST_AHEAD_S = 5.0
"""A change this much newer than a REST snapshot cannot be in it, whatever its id says."""
OLD_FOR_S = 60.0
"""A stream that has not caught up with a REST snapshot after so long counts in another sequence."""


class Applied(Enum):
    """The outcome of applying a change."""

    YES = auto()
    OLD = auto()
    """The change ends before our last id: dropped."""
    GAP = auto()
    """Updates are missing before the change: the book is unsynced now."""
    WAITING = auto()
    """The book has no snapshot yet."""


def follows(change: BookDelta, last_id: int) -> bool:
    """Whether a change continues after this id."""
    return change.prev_id == last_id or (change.prev_id is None and change.first_id == last_id + 1)


@dataclass(slots=True)
class Restarts:
    """Tells a sequence that has begun anew (OKX after maintenance, Bybit's `u` of 1) from changes that came twice or late."""

    count: int = 0

    def seen(self, change: BookDelta, newest: datetime | None) -> bool:
        """Take a change with an old id; `newest` is the stamp of the last one applied. A later stamp is a later change."""
        self.count += 1
        later = newest is not None and change.event_time is not None and change.event_time > newest
        return later or self.count >= MAX_OLD


@dataclass(slots=True)
class Rhythm:
    """How long a book usually stays as it is, learned from its changes: the longest gap, which fades within hours."""

    max_gap_s: float = 0.0
    changes: int = 0
    _faded_s: float | None = None

    def changed(self, gap_s: float) -> None:
        """Take a gap between two changes. One far beyond the usual may be a stop: it counts as twice the usual."""
        self.changes += 1
        if gap_s > self.max_gap_s:
            self.max_gap_s = min(gap_s, max(2 * self.max_gap_s, WARM_GAP_S))

    def stops_after_s(self, floor_s: float, now_s: float) -> float:
        """After how long without a change a book has stopped. Before its twentieth change nobody knows its rhythm."""
        if self._faded_s is not None:
            self.max_gap_s *= 0.5 ** (max(now_s - self._faded_s, 0.0) / GAP_HALF_LIFE_S)
        self._faded_s = now_s
        return max(floor_s, USUAL_GAPS * self.max_gap_s) if self.changes >= WARM_CHANGES else inf


class Book:
    """One instrument's book. Prices in quote units (USD-like), sizes in base units."""

    def __init__(self, venue: VenueId, instrument: str) -> None:
        self.venue = venue
        self.instrument = instrument
        self.bids: dict[float, float] = {}
        self.asks: dict[float, float] = {}
        self.last_id: int | None = None
        self.synced = False
        self.updates = 0
        self.event_time: datetime | None = None
        self.changed_s = 0.0
        self.missing = 0
        self._from_rest = False
        self._restarts = Restarts()
        self.rhythm = Rhythm()

    def snapshot(self, full: BookSnapshot, now_s: float, *, from_rest: bool = False) -> None:
        """Replace the book by a whole one."""
        self.bids = {price: size for price, size in full.bids if size > 0}
        self.asks = {price: size for price, size in full.asks if size > 0}
        self.last_id = full.last_id
        self.synced = True
        self._from_rest = from_rest
        self._restarts.count = 0
        self.event_time = full.event_time
        self.changed_s = now_s
        self.updates += 1

    def apply(self, change: BookDelta, now_s: float) -> Applied:
        """Apply one change, if it follows the last one."""
        last_id = self.last_id
        if not self.synced or last_id is None:
            return Applied.WAITING
        if not self._follows(change, last_id):
            if change.last_id <= last_id and change.prev_id != change.last_id and not self._restarted(change, now_s):
                return Applied.OLD
            self.missing = max((change.prev_id if change.prev_id is not None else change.first_id - 1) - last_id, 1)
            self.synced = False
            return Applied.GAP
        self._from_rest = False
        self._restarts.count = 0
        _merge(self.bids, change.bids)
        _merge(self.asks, change.asks)
        self.last_id = change.last_id
        self.event_time = change.event_time
        self.rhythm.changed(now_s - self.changed_s)
        self.changed_s = now_s
        self.updates += 1
        if len(self.bids) > MAX_LEVELS or len(self.asks) > MAX_LEVELS:
            self.cut(MAX_LEVELS // 2)  # a venue that never deletes levels must not fill our memory
        return Applied.YES

    def _follows(self, change: BookDelta, last_id: int) -> bool:
        if follows(change, last_id):
            return True
        return self._from_rest and change.first_id <= last_id + 1 <= change.last_id + 1 and change.last_id >= last_id

    def _restarted(self, change: BookDelta, now_s: float) -> bool:
        """Whether an old id is of a new sequence. A REST snapshot may be ahead of the stream for a moment."""
        if not self._from_rest:
            return self._restarts.seen(change, self.event_time)
        newest = None if self.event_time is None else self.event_time + timedelta(seconds=REST_AHEAD_S)
        later = newest is not None and change.event_time is not None and change.event_time > newest
        return later or now_s - self.changed_s > OLD_FOR_S

    def cut(self, depth: int) -> None:
        """Drop all levels but the `depth` best of each side."""
        for side, best_first in ((self.bids, True), (self.asks, False)):
            if len(side) > depth:
                for price in sorted(side, reverse=best_first)[depth:]:
                    del side[price]

    def measure(self, received_at: datetime, now_s: float, source: str, frozen_after_s: float = inf) -> BookMeasured:
        """Measure spread, depth, slippage and state now. `updates` counts since the last measurement.

        A book that did not change for longer than `frozen_after_s` is frozen: who knows its rhythm and its like says when.
        """
        bids, asks = self.bids, self.asks
        best_bid, best_ask = max(bids, default=0.0), min(asks, default=0.0)
        state = self._state(best_bid, best_ask, now_s, frozen_after_s)
        both = best_bid > 0 and best_ask > 0
        mid = (best_bid + best_ask) / 2 if both and best_bid < best_ask else None
        depth: dict[int, tuple[float, float]] = {}
        slippage: dict[int, tuple[float | None, float | None]] = {}
        if mid is not None:
            lowest, highest = zip(*band_edges(best_bid, best_ask), strict=True)
            bid_depth, sold = _walked(bids, lowest, mid, sell=True)
            ask_depth, bought = _walked(asks, highest, mid, sell=False)
            depth = dict(zip(BANDS_BPS, zip(bid_depth, ask_depth, strict=True), strict=True))
            if state is BookState.OK and min(depth[HOLLOW_BPS]) < HOLLOW_USD:
                state = BookState.HOLLOW
            slippage = dict(zip(NOTIONALS_USD, zip(sold, bought, strict=True), strict=True))
        measured = BookMeasured(
            venue=self.venue,
            instrument=self.instrument,
            received_at=received_at,
            event_time=self.event_time,
            source=source,
            state=state,
            mid=mid,
            spread_bps=None if mid is None else (best_ask - best_bid) / mid * 1e4,
            depth_usd=depth,
            slippage_bps=slippage,
            levels=len(bids) + len(asks),
            updates=self.updates,
            age_s=max(now_s - self.changed_s, 0.0),
        )
        self.updates = 0
        return measured

    def _state(self, best_bid: float, best_ask: float, now_s: float, frozen_after_s: float) -> BookState:
        if not self.synced:
            return BookState.UNSYNCED
        if not self.bids and not self.asks:
            return BookState.EMPTY
        if not self.bids or not self.asks:
            return BookState.ONE_SIDED
        if best_bid >= best_ask:
            return BookState.CROSSED
        if now_s - self.changed_s > frozen_after_s:
            return BookState.FROZEN
        return BookState.OK


def band_edges(best_bid: float, best_ask: float) -> list[tuple[float, float]]:
    """The lowest bid and the highest ask within each of `BANDS_BPS` around the middle, as the venue writes prices.

    A level exactly on an edge counts: edges are decimal, and rounding them as floats would move them past a price.
    """
    with localcontext(_EXACT):
        double = Decimal(repr(best_bid)) + Decimal(repr(best_ask))
        edges = [(double * (10_000 - bps) / 20_000, double * (10_000 + bps) / 20_000) for bps in BANDS_BPS]
        return [
            (
                float(low) if Decimal(repr(float(low))) >= low else nextafter(float(low), inf),
                float(high) if Decimal(repr(float(high))) <= high else nextafter(float(high), 0.0),
            )
            for low, high in edges
        ]


def _merge(side: dict[float, float], levels: Iterable[tuple[float, float]]) -> None:
    for price, size in levels:
        if size > 0.0:  # a float with a float: faster than with a whole number
            side[price] = size
        elif price in side:  # a venue deletes what we may never have seen
            del side[price]


def _walked(
    side: dict[float, float], edges: Sequence[float], mid: float, *, sell: bool
) -> tuple[list[float], list[float | None]]:
    """What a walk into a side finds: USD as far as each of the `edges`, and the slippage against mid, in bps, of `NOTIONALS_USD`.

    The side is sorted once, and beyond the last edge only if the largest notional goes there. The slippage is None if the
    visible levels cannot fill it.
    """
    last = edges[-1]
    prices = (
        sorted((one for one in side if one >= last), reverse=True) if sell else sorted(p for p in side if p <= last)
    )
    usd = [*accumulate(price * side[price] for price in prices)]
    depth = []
    for edge in edges:
        within = bisect_right(prices, -edge, key=neg) if sell else bisect_right(prices, edge)
        depth.append(usd[within - 1] if within else 0.0)
    if len(prices) < len(side) and not (usd and usd[-1] >= NOTIONALS_USD[-1]):
        prices = sorted(side, reverse=sell)
        usd = [*accumulate([price * side[price] for price in prices])]
    base = [*accumulate(map(side.__getitem__, prices))]
    return depth, [_slippage_bps(prices, usd, base, notional, mid) for notional in NOTIONALS_USD]


def _slippage_bps(
    prices: Sequence[float], usd: Sequence[float], base: Sequence[float], notional: float, mid: float
) -> float | None:
    """The slippage of a notional by the sums, as far as each price, of USD and of base units."""
    at = bisect_left(usd, notional)
    if at == len(usd):
        return None
    before_usd, before = (usd[at - 1], base[at - 1]) if at else (0.0, 0.0)
    paid = notional / (before + (notional - before_usd) / prices[at])
    return abs(paid / mid - 1) * 1e4
