"""The gate that every reading of a venue passes before anything is made of it: what cannot be true is not admitted. Pure.

It judges one reading by itself: the name, the stamp near its receipt, the price, the size, the figure, the clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

from probes.readings import (
    Deleveraging,
    Funding,
    Instrument,
    InsuranceFund,
    Liquidation,
    LongShortRatio,
    MalformedReason,
    MarkPrice,
    OpenInterest,
    Reading,
    RowsMalformed,
    ServerTime,
    ServiceStatus,
    VenueId,
    Volume,
    WalletStatus,
)

MAX_AHEAD_S = 60.0
"""A stamp further after its receipt than this is no stamp: clocks that are kept at all agree better."""
MAX_CLOCK_OFFSET_S = 3600.0
"""A venue whose clock is further from ours states none: 0, seconds for milliseconds, another year."""
_DAY_S = 86_400.0
MAX_BACKLOG_AGE_S = 30 * _DAY_S
MAX_BOOK_AGE_S = 3600.0
MAX_AGE_S: dict[type[Reading], float] = {
    Liquidation: _DAY_S,
    MarkPrice: _DAY_S,
    Volume: 2 * _DAY_S,
    OpenInterest: 2 * _DAY_S,
    LongShortRatio: 2 * _DAY_S,
    Funding: 3 * _DAY_S,
    InsuranceFund: 3 * _DAY_S,
    Deleveraging: _DAY_S,
}
"""How old a reading may be at its receipt. A late one is a lag and says so; a day late it speaks of another day. Funding is
stamped with the last settlement, ratios and open interest with their period."""
_AHEAD, _BACKLOG_AGE = timedelta(seconds=-MAX_AHEAD_S), timedelta(seconds=MAX_BACKLOG_AGE_S)
_AGES = {kind: timedelta(seconds=age_s) for kind, age_s in MAX_AGE_S.items()}
_LIQUIDATION_AGE = _AGES[Liquidation]
MAX_FUNDING_RATE = 1.0
MAX_FUNDING_INTERVAL_S = 31 * _DAY_S
"""Nothing settles more rarely than once a month."""
MAX_RATIO = 1e6
MAX_PATH = 200
"""Characters of the place of an odd row."""
MAX_NAME = 100
"""Characters of the name of an instrument, asset or network."""
MAX_PRICE = MAX_QUOTE = 1e15
"""A price, and one amount in units of the quote (dollars mostly): ten times what the world makes in a year."""
MAX_BASE = Decimal(10) ** 24
"""An amount in base units; the coins with the most units have some 1e18."""
MAX_CONTRACT_SIZE = Decimal(10) ** 12
"""Base units a contract: the largest known has ten million."""
_ZERO, _MAX_PRICE, _MAX_QUOTE = Decimal(0), Decimal(10) ** 15, Decimal(10) ** 15


def stamp_refused(stamp: datetime | None, received_at: datetime, max_age_s: float) -> bool:
    """Whether a stamp cannot be one of a message received then. None: the venue gave none, which is no fault."""
    if stamp is None:
        return False
    age_s = (received_at - stamp).total_seconds()
    return not -MAX_AHEAD_S <= age_s <= max_age_s


def nameless(name: str) -> bool:
    """Whether a text cannot be a name: it is empty, too long, cannot be printed, or has no letter or digit of any script."""
    return not 0 < len(name) <= MAX_NAME or not name.isprintable() or not any(map(str.isalnum, name))


def instrument_refused(one: Instrument) -> MalformedReason | None:
    """Why an instrument of a listing is not admitted, None if it is. It costs itself alone."""
    if nameless(one.symbol) or nameless(one.base) or nameless(one.quote):
        return MalformedReason.NAME
    return None if 0 < one.contract_size <= MAX_CONTRACT_SIZE else MalformedReason.SIZE


def refused(reading: Reading) -> MalformedReason | None:
    """Why a reading is not admitted, None if it is. What is asked beyond its name is found by its type, in one step."""
    kind = type(reading)
    if kind is Liquidation:
        return _liquidation(reading)  # type: ignore[arg-type]  # a reading's type has no subclasses
    instrument = getattr(reading, "instrument", None)
    if instrument is not None and nameless(instrument):
        return MalformedReason.NAME
    figures_refused = _FIGURES.get(kind)
    if figures_refused is not None:
        stamp = reading.event_time  # type: ignore[union-attr]  # those of `Dated`
        if stamp is not None and not _AHEAD <= reading.received_at - stamp <= _AGES[kind]:
            return MalformedReason.STAMP
        return figures_refused(reading)
    match reading:
        case ServerTime():
            offset_s = (reading.event_time - reading.received_at).total_seconds()
            return MalformedReason.CLOCK if abs(offset_s) > MAX_CLOCK_OFFSET_S else None
        case WalletStatus() if nameless(reading.asset) or nameless(reading.network):
            return MalformedReason.NAME
        case ServiceStatus() if reading.begins_at and reading.ends_at and reading.ends_at < reading.begins_at:
            return MalformedReason.STAMP
    return None


def _fund(reading: InsuranceFund) -> MalformedReason | None:
    if nameless(reading.fund) or nameless(reading.currency):
        return MalformedReason.NAME
    return None if reading.balance.is_finite() else MalformedReason.FIGURE


def _mark(reading: MarkPrice) -> MalformedReason | None:
    mark, index = reading.mark, reading.index
    good = (mark is None or 0 < mark <= MAX_PRICE) and (index is None or 0 < index <= MAX_PRICE)
    return None if good else MalformedReason.PRICE


def _funding(reading: Funding) -> MalformedReason | None:
    interval_s, next_at = reading.interval_s, reading.next_at
    if not -MAX_FUNDING_RATE <= reading.rate <= MAX_FUNDING_RATE:
        return MalformedReason.FIGURE
    if interval_s is not None and not 0 < interval_s <= MAX_FUNDING_INTERVAL_S:
        return MalformedReason.FIGURE
    if next_at is not None:
        in_s = (next_at - reading.received_at).total_seconds()
        return None if -MAX_AGE_S[Funding] <= in_s <= MAX_FUNDING_INTERVAL_S else MalformedReason.STAMP
    return None


def _ratio(reading: LongShortRatio) -> MalformedReason | None:
    return None if 0 < reading.ratio <= MAX_RATIO else MalformedReason.FIGURE


def _word(_reading: Deleveraging) -> MalformedReason | None:
    return None


def _liquidation(reading: Liquidation) -> MalformedReason | None:
    """All that is asked of a liquidation, in one step: in a storm there are thousands a second."""
    name = reading.instrument
    if (not name.isalnum() or len(name) > MAX_NAME) and nameless(name):  # most names are nothing but letters and digits
        return MalformedReason.NAME
    age = reading.received_at - reading.event_time
    if not _AHEAD <= age <= (_BACKLOG_AGE if reading.backlog else _LIQUIDATION_AGE):
        return MalformedReason.STAMP
    price, quantity = reading.price, reading.quantity
    if not (price.is_finite() and _ZERO < price <= _MAX_PRICE):
        return MalformedReason.PRICE
    if not (quantity.is_finite() and _ZERO < quantity <= MAX_BASE and reading.notional_usd <= _MAX_QUOTE):
        return MalformedReason.SIZE
    return None


def _interest(reading: OpenInterest) -> MalformedReason | None:
    return None if _amounts(reading) else MalformedReason.SIZE


def _volume(reading: Volume) -> MalformedReason | None:
    if not _amounts(reading):
        return MalformedReason.SIZE
    return None if reading.last is None or 0 < reading.last <= MAX_PRICE else MalformedReason.PRICE


def _amounts(reading: OpenInterest | Volume) -> bool:
    return _amount(reading.base, MAX_BASE) and _amount(reading.usd, _MAX_QUOTE)


def _amount(amount: Decimal | None, most: Decimal) -> bool:
    return amount is None or (amount.is_finite() and _ZERO <= amount <= most)


_FIGURES: dict[type[Reading], Callable[[Any], MalformedReason | None]] = {
    MarkPrice: _mark, Funding: _funding, OpenInterest: _interest, Volume: _volume, LongShortRatio: _ratio,
    InsuranceFund: _fund, Deleveraging: _word,
}  # fmt: skip
"""What is asked of the figures of each kind that has an age."""


class Levels(Protocol):
    """A book or a change of one. Levels are (price, size in base units)."""

    @property
    def instrument(self) -> str:
        """The venue's symbol."""
        ...

    @property
    def event_time(self) -> datetime | None:
        """The venue's stamp."""
        ...

    @property
    def engine_time(self) -> datetime | None:
        """The matching engine's stamp."""
        ...

    @property
    def bids(self) -> Sequence[tuple[float, float]]:
        """The bids, in any order."""
        ...

    @property
    def asks(self) -> Sequence[tuple[float, float]]:
        """The asks, in any order."""
        ...


def book_refused(book: Levels, received_at: datetime) -> MalformedReason | None:
    """Why a book or its change is not admitted, None if it is. One level that cannot be makes the whole of it unknown."""
    if nameless(book.instrument):
        return MalformedReason.NAME
    if stamp_refused(book.event_time, received_at, MAX_BOOK_AGE_S):
        return MalformedReason.STAMP
    if stamp_refused(book.engine_time, received_at, MAX_BOOK_AGE_S):
        return MalformedReason.STAMP
    for levels in (book.bids, book.asks):
        for price, size in levels:
            if not price > 0.0 or price > MAX_PRICE:
                return MalformedReason.PRICE
            if not size >= 0.0 or price * size > MAX_QUOTE:
                return MalformedReason.SIZE
    return None


class OddRowTally:
    """Counts what was not admitted, by reason, until it is taken as readings. Bounded by the number of reasons."""

    def __init__(self) -> None:
        self._odd: dict[MalformedReason, tuple[str, int]] = {}

    def add(self, reason: MalformedReason, path: str, count: int = 1) -> None:
        """Count rows; the first path of a reason is kept."""
        first, before = self._odd.get(reason, (path[:MAX_PATH], 0))
        self._odd[reason] = (first, before + count)

    def take(self, venue: VenueId, check: str, received_at: datetime) -> list[RowsMalformed]:
        """One reading for each reason since the last call."""
        taken, self._odd = self._odd, {}
        return [
            RowsMalformed(venue=venue, check=check, received_at=received_at, reason=reason, path=path, count=count)
            for reason, (path, count) in taken.items()
        ]
