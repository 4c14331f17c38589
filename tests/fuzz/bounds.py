"""States what an admitted reading may say at all, from the documents (docs/venues.md, "What is admitted") and not from the gate.

A complaint is a short text; a reading without one can be true. Seconds, USD, base units, basis points.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from probes.readings import (
    BookMeasured,
    BookRefilled,
    BookState,
    Censoring,
    EngineLag,
    FeedLag,
    Funding,
    Headroom,
    Instrument,
    InstrumentsListed,
    Liquidation,
    LongShortRatio,
    MarkPrice,
    OpenInterest,
    RequestTimed,
    ServerTime,
    ServiceStatus,
    Side,
    VenueClock,
    Volume,
    WalletStatus,
)

DAY_S = 86_400.0
AHEAD_S = 60.0
OLDEST_S: dict[type, float] = {
    BookMeasured: 3_600.0,
    Liquidation: DAY_S,
    MarkPrice: DAY_S,
    Volume: 2 * DAY_S,
    OpenInterest: 2 * DAY_S,
    LongShortRatio: 2 * DAY_S,
    Funding: 3 * DAY_S,
    ServerTime: 3_600.0,
}
BACKLOG_S = 30 * DAY_S
CLOCK_S = 3_600.0
MAX_FUNDING_S = 31 * DAY_S
"""No venue settles more rarely than its monthly futures."""
MOST_USD = 1e15
"""Ten times what the whole world makes in a year."""
MOST_BASE = 1.001e24
MOST = 1e60
"""No figure of any kind, price times amount included, is larger."""
MAX_NAME = 100
MAX_TEXT = 1_000
BANDS_BPS = (10, 25, 50, 100, 200, 500)
ROUNDING = 1e-9


def complaints(reading: Any, *, moments: Sequence[datetime] = ()) -> Iterator[str]:
    """What about a reading cannot be true. `moments`: when messages came that a book may be made of, beside its receipt."""
    if (unsound := _unsound(reading, type(reading).__name__)) is not None:
        yield unsound
        return
    yield from _named(reading)
    yield from _stamped(reading, moments)
    judge = _JUDGES.get(type(reading))
    if judge is not None:
        for one in judge(reading):
            yield f"{type(reading).__name__}: {one}"


_FIELDS: dict[type, tuple[str, ...]] = {}


def _field_names(kind: type) -> tuple[str, ...]:
    """The fields of a dataclass, none of anything else."""
    if kind not in _FIELDS:
        _FIELDS[kind] = tuple(one.name for one in fields(kind)) if is_dataclass(kind) else ()
    return _FIELDS[kind]


def _unsound(value: Any, place: str) -> str | None:
    """What cannot be counted with, or written: figures are finite, texts bounded and without lone surrogates."""
    kind = type(value)
    if kind is Decimal and not value.is_finite():
        return f"{place}: {value} is not finite"
    if kind is float or kind is int or kind is Decimal:
        return None if abs(value) < MOST else f"{place}: {value} is not finite"
    if kind is str:
        value.encode()  # raises for a lone surrogate
        return None if len(value) <= MAX_TEXT else f"{place}: a text of more than {MAX_TEXT} characters"
    if kind is dict or kind is list or kind is tuple:
        for one in value.values() if kind is dict else value:
            if (complaint := _unsound(one, place)) is not None:
                return complaint
        return None
    for name in _field_names(kind):
        if (complaint := _unsound(getattr(value, name), f"{place}.{name}")) is not None:
            return complaint
    return None


NAMES = frozenset({"instrument", "asset", "network", "symbol", "base", "quote"})


def _named(reading: Any) -> Iterator[str]:
    """Names are there, short, and can be printed."""
    kind = type(reading)
    for name in _field_names(kind):
        text = getattr(reading, name) if name in NAMES else None
        if isinstance(text, str) and not (0 < len(text) <= MAX_NAME and text.isprintable()):
            yield f"{kind.__name__}.{name}: empty, of more than {MAX_NAME} characters, or not to be printed"


def _stamped(reading: Any, moments: Sequence[datetime]) -> Iterator[str]:
    stamp, oldest_s = getattr(reading, "event_time", None), OLDEST_S.get(type(reading))
    if stamp is None or oldest_s is None:
        return
    if isinstance(reading, Liquidation) and reading.backlog:
        oldest_s = BACKLOG_S
    ahead_s = CLOCK_S if isinstance(reading, ServerTime) else AHEAD_S
    came = (reading.received_at, *moments) if isinstance(reading, BookMeasured) else (reading.received_at,)
    if not any(-ahead_s <= (at - stamp).total_seconds() <= oldest_s for at in came):
        yield f"{type(reading).__name__}.event_time: {(reading.received_at - stamp).total_seconds():.0f} s old"


def _liquidation(one: Liquidation) -> Iterator[str]:
    if not one.price > 0 or not one.quantity > 0:
        yield "of nothing"
    terms: tuple[Any, Any] = (one.side, one.censoring)
    if not isinstance(terms[0], Side) or not isinstance(terms[1], Censoring):
        yield "of no side, or of no feed"
    if not 0 < one.notional_usd <= Decimal(MOST_USD):
        yield f"of {one.notional_usd:.3g} dollars"
    if abs(one.notional_usd - one.price * one.quantity) > abs(one.notional_usd) * Decimal(ROUNDING):
        yield "its dollars are not price times quantity"


def _amount(amount: Decimal | None, most: float, place: str) -> Iterator[str]:
    if amount is not None and not 0 <= amount <= Decimal(most):
        yield f"{place} is {amount:.3g}"


def _price(price: float | None, place: str) -> Iterator[str]:
    if price is not None and not 0 < price <= MOST_USD:
        yield f"{place} is {price:.3g}"


def _interest(one: OpenInterest) -> Iterator[str]:
    yield from _amount(one.base, MOST_BASE, "base")
    yield from _amount(one.usd, MOST_USD, "usd")


def _volume(one: Volume) -> Iterator[str]:
    yield from _amount(one.base, MOST_BASE, "base")
    yield from _amount(one.usd, MOST_USD, "usd")
    yield from _price(one.last, "last")


def _mark(one: MarkPrice) -> Iterator[str]:
    yield from _price(one.mark, "mark")
    yield from _price(one.index, "index")


def _funding(one: Funding) -> Iterator[str]:
    if not -1 <= one.rate <= 1:
        yield f"rate is {one.rate:.3g}"
    if one.interval_s is not None and not 0 < one.interval_s <= MAX_FUNDING_S:
        yield f"interval is {one.interval_s:.3g} s"
    if one.next_at is not None:
        in_s = (one.next_at - one.received_at).total_seconds()
        if not -3 * DAY_S <= in_s <= MAX_FUNDING_S:
            yield f"is due in {in_s:.3g} s"


def _ratio(one: LongShortRatio) -> Iterator[str]:
    if not 0 < one.ratio <= 1e6:
        yield f"ratio is {one.ratio:.3g}"


def _clock(one: VenueClock) -> Iterator[str]:
    if abs(one.offset_s) > CLOCK_S + one.bound_s:
        yield f"offset is {one.offset_s:.3g} s"
    if not one.bound_s >= 0:
        yield "bound is below zero"


def _book(one: BookMeasured) -> Iterator[str]:
    whole = one.state in (BookState.OK, BookState.HOLLOW, BookState.FROZEN)
    if one.state in (BookState.CROSSED, BookState.EMPTY, BookState.ONE_SIDED) and one.mid is not None:
        yield f"{one.state} with a middle"
    if (one.mid is None) is not (one.spread_bps is None) or (whole and one.mid is None):
        yield f"{one.state}: a middle without a spread, or none where both sides are there"
    yield from _price(one.mid, "mid")
    if one.spread_bps is not None and not 0 < one.spread_bps <= 20_000:
        yield f"spread is {one.spread_bps:.3g} bps"
    if one.mid is not None and tuple(one.depth_usd) != BANDS_BPS:
        yield "bands are missing"
    for side in (0, 1):
        depths = [one.depth_usd[bps][side] for bps in BANDS_BPS if bps in one.depth_usd]
        if any(wide < near for near, wide in pairwise(depths)) or any(
            not 0 <= depth <= MOST_USD * max(one.levels, 1) for depth in depths
        ):
            yield f"depths are {depths}"
        costs = [given[side] for _, given in sorted(one.slippage_bps.items())]
        known = [cost for cost in costs if cost is not None]
        if any(more < less - 1e-3 for less, more in pairwise(known)) or any(cost < 0 for cost in known):
            yield f"slippages are {costs}"
        if None in costs and any(cost is not None for cost in costs[costs.index(None) :]):
            yield "more can be sold than less"
    if one.age_s < 0 or one.levels < 0 or one.updates < 0:
        yield "a count below zero"


def _refill(one: BookRefilled) -> Iterator[str]:
    if not 0 <= one.refill_s <= 300 or not 0.5 <= one.fallen <= 1:
        yield f"{one.refill_s} s, {one.fallen}"


def _lag(one: FeedLag | EngineLag) -> Iterator[str]:
    if not -2 * CLOCK_S - 2 * AHEAD_S <= one.lag_s <= BACKLOG_S + CLOCK_S:
        yield f"{one.lag_s:.3g} s"


def _engine_lag(one: EngineLag) -> Iterator[str]:
    if not -CLOCK_S - AHEAD_S <= one.lag_s <= CLOCK_S + AHEAD_S:
        yield f"{one.lag_s:.3g} s"


def _headroom(one: Headroom) -> Iterator[str]:
    if not 0 <= one.left <= 1 or one.used < 0 or not 0 < one.limit <= 1e9:
        yield f"left {one.left:.3g}, used {one.used:.3g}, limit {one.limit:.3g}"


def _status(one: ServiceStatus) -> Iterator[str]:
    if len(one.service) > 64:
        yield "a part with a name of more than 64 characters"
    if one.begins_at is not None and one.ends_at is not None and one.ends_at < one.begins_at:
        yield "a window that ends before it begins"


def _listed(one: InstrumentsListed) -> Iterator[str]:
    for instrument in one.instruments:
        yield from _instrument(instrument)


def _instrument(one: Instrument) -> Iterator[str]:
    yield from _named(one)
    if not 0 < one.contract_size <= Decimal(10) ** 12:
        yield f"contract size is {one.contract_size:.3g}"


def _wallet(one: WalletStatus) -> Iterator[str]:
    flags: tuple[Any, ...] = (one.deposits, one.withdrawals, one.delayed)
    if any(flag is not None and not isinstance(flag, bool) for flag in flags):
        yield f"{flags} are no flags"


def _request(one: RequestTimed) -> Iterator[str]:
    if one.latency_s < 0 or one.service_s < 0 or len(one.detail) > 200:
        yield "times below zero, or a long detail"


_JUDGES: dict[type, Any] = {
    Liquidation: _liquidation,
    OpenInterest: _interest,
    Volume: _volume,
    MarkPrice: _mark,
    Funding: _funding,
    LongShortRatio: _ratio,
    VenueClock: _clock,
    BookMeasured: _book,
    BookRefilled: _refill,
    FeedLag: _lag,
    EngineLag: _engine_lag,
    Headroom: _headroom,
    ServiceStatus: _status,
    InstrumentsListed: _listed,
    WalletStatus: _wallet,
    RequestTimed: _request,
}
