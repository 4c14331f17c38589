"""Simulates the market of all venues: one seeded random walk, and at each venue its books, open interest and forced orders.

Sizes are base units in whole lots; prices are whole steps of a grid near 2 bps of the first price. Times are given.
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field
from math import exp, floor, log10

from monitor.drill.scenario import MAX_PRICE, Liquidated
from monitor.drill.world.weather import CALM, Weather

LEVELS = 50
"""Levels a side, 2 bps apart: as many as Bybit's `orderbook.50` shows, so that no venue's view is cut."""
LEVEL_USD = 120_000.0
"""The usual size of a level: 25 levels, 3 M USD, within 50 bps."""
LEVEL_SHARE = 2e-4
"""The distance of two levels as a share of the price."""
LOT = 10
"""The smallest size in base units; every venue's contract size divides it."""
TOUCHED = 3
"""Levels a side whose size changes in each step, besides those that the price moves."""
VOLATILITY = 0.8e-4
"""The volatility of the walk, per square root of a second."""
IMPACT_PER_USD = 2e-9
FORCED_USD = 15_000.0
INTEREST_USD = 250e6
SPOT_VOLUME_USD = 130e6
INTEREST_PACE_S = 2.5
PRICE_PACE_S = 2.0
"""A price that is led somewhere makes up two thirds of its distance in so long."""
MAX_WAITING = 5000
RECENT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The prices a venue can quote: whole multiples of `step` (quote units), written with `digits` decimals."""

    step: float
    digits: int

    @classmethod
    def near(cls, price: float) -> Grid:
        """The grid with a round step near 2 bps of a price."""
        power = floor(log10(price * 2e-4))
        step = max(round(price * 2e-4 / 10.0**power), 1) * 10.0**power
        return cls(step=step, digits=max(-power, 0))

    def text(self, at: int) -> str:
        """The price at a grid place, as venues write it."""
        return f"{at * self.step:.{self.digits}f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of a book: updates `first_id`..`last_id` after `prev_id`; (grid place, new size), 0 deletes.

    `frame` counts changes by one, for a venue that numbers its frames and not its updates.
    """

    frame: int
    first_id: int
    last_id: int
    prev_id: int
    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Forced:
    """One forced order: when (unix ms), whose side, price, and size in base units."""

    at_ms: int
    side: Liquidated
    price: float
    base: int


class SimBook:
    """One instrument's book. Update ids rise by one for each level changed, without gaps.

    Levels stand `stride` steps of the grid apart, about 2 bps of the present price, so that a book is as deep at any price.
    """

    def __init__(self, grid: Grid, mid: float, seed: int) -> None:
        self.grid = grid
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}
        self.last_id = 10_000_000
        self.frame = 1_000
        self._random = random.Random(seed)  # noqa: S311  # a model, not secrecy
        self._factor = 1.0
        self.step(mid, CALM)

    def step(self, mid: float, weather: Weather) -> Change:
        """Move to a new mid price and change a few sizes."""
        stride = max(round(mid * LEVEL_SHARE / self.grid.step), 1)
        tick = self.grid.step * stride
        places = max(round(weather.spread_bps / (tick / mid * 1e4)), 1)
        best_bid = floor(mid / tick) - (places - 1) // 2
        all_new = weather.depth_factor != self._factor
        self._factor = weather.depth_factor
        bids = self._side(self.bids, _places(best_bid - LEVELS + 1, best_bid, stride), all_new=all_new)
        asks = self._side(
            self.asks, _places(best_bid + places, best_bid + places + LEVELS - 1, stride), all_new=all_new
        )
        prev_id = self.last_id
        self.last_id += max(len(bids) + len(asks), 1)
        self.frame += 1
        return Change(
            frame=self.frame,
            first_id=prev_id + 1,
            last_id=self.last_id,
            prev_id=prev_id,
            bids=tuple(bids.items()),
            asks=tuple(asks.items()),
        )

    def _side(self, side: dict[int, int], places: range, *, all_new: bool) -> dict[int, int]:
        changed = {at: 0 for at in side if at not in places}
        for at in changed:
            del side[at]
        touched = places if all_new else self._random.sample(places, TOUCHED)
        for at in (*(at for at in places if at not in side), *touched):
            side[at] = changed[at] = self._size(at)
        return changed

    def _size(self, at: int) -> int:
        usd = LEVEL_USD * self._factor * self._random.uniform(0.5, 1.5)
        return max(round(usd / (at * self.grid.step) / LOT), 1) * LOT

    def levels(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Bids from the best down, asks from the best up."""
        return sorted(self.bids.items(), reverse=True), sorted(self.asks.items())


def _places(first: int, last: int, stride: int) -> range:
    """The grid places of the levels `first`..`last`."""
    return range(first * stride, last * stride + 1, stride)


@dataclass(slots=True)
class SimVenue:
    """One venue's market, which its dialect serves. `books` by market ("perp", "spot")."""

    id: str
    asset: str
    grid: Grid
    books: dict[str, SimBook]
    mid: float
    weather: Weather = CALM
    interest: float = 0.0
    """Open interest, base units, one side."""
    waiting: list[Forced] = field(default_factory=list)
    """Forced orders that the feed has not sent yet."""
    recent: deque[Forced] = field(default_factory=lambda: deque(maxlen=RECENT))
    used_weight: dict[int, float] = field(default_factory=dict)
    """Request costs by window number, for the budget headers."""

    def perp_volume_usd(self) -> float:
        """24 h volume of the perpetual."""
        return SPOT_VOLUME_USD * self.weather.perp_over_spot

    def count(self, now_s: float, window_s: int, cost: float = 1.0) -> float:
        """Add a request and return the costs in the window of `now_s`."""
        window = int(now_s) // window_s
        used = self.used_weight.get(window, 0.0) + cost
        self.used_weight = {window: used}
        return used


class Market:
    """The markets of all venues on one walk. `step` moves time on."""

    def __init__(self, venues: tuple[str, ...], asset: str, price: float, seed: int, lowest: float = MAX_PRICE) -> None:
        self._random = random.Random(seed)  # noqa: S311  # a model, not secrecy
        self._first = self.mid = price
        grid = Grid.near(min(price, lowest))
        self.venues = {
            name: SimVenue(
                id=name, asset=asset, grid=grid, mid=price, interest=INTEREST_USD / price,
                books={
                    market: SimBook(grid, price, seed * 1000 + index * 10 + part)
                    for part, market in enumerate(("perp", "spot"))
                },
            )
            for index, name in enumerate(venues)
        }  # fmt: skip

    def walk(self, dt_s: float, factor: float | None = None) -> None:
        """Move the price at random, and towards this multiple of the first price if there is one."""
        self.mid *= exp(self._random.gauss(0.0, VOLATILITY) * dt_s**0.5)
        if factor is not None:
            self.mid *= (self._first * factor / self.mid) ** (1 - exp(-dt_s / PRICE_PACE_S))

    def step(self, venue: SimVenue, weather: Weather, now_s: float, dt_s: float) -> dict[str, Change]:
        """Move one venue on by `dt_s`: its books' changes by market; forced orders go to `waiting`. No trade, no change."""
        venue.weather = weather
        if weather.cancel_only:
            return {}
        venue.mid = self.mid * weather.off_market
        target = INTEREST_USD / self._first * weather.open_interest_factor
        venue.interest += (target - venue.interest) * (1 - exp(-dt_s / INTEREST_PACE_S))
        for _ in range(self._arrivals(weather.liquidations_per_s * dt_s)):
            order = self._forced(venue, now_s - self._random.uniform(0, dt_s))
            venue.recent.append(order)
            if len(venue.waiting) < MAX_WAITING:
                venue.waiting.append(order)
        return {market: book.step(venue.mid, weather) for market, book in venue.books.items()}

    def _arrivals(self, expected: float) -> int:
        """A Poisson number, by Knuth's product of uniforms (TAOCP vol. 2, §3.4.1)."""
        threshold, product, count = exp(-expected), self._random.random(), 0
        while product > threshold:
            product *= self._random.random()
            count += 1
        return count

    def _forced(self, venue: SimVenue, at_s: float) -> Forced:
        side = venue.weather.liquidated_side or self._random.choice((Liquidated.LONG, Liquidated.SHORT))
        usd = FORCED_USD * self._random.lognormvariate(0.0, 0.7)
        sign = -1 if side is Liquidated.LONG else 1
        self.mid *= exp(sign * usd * IMPACT_PER_USD)
        places = venue.books["perp"]
        best = max(places.bids) if side is Liquidated.LONG else min(places.asks)
        price = best * venue.grid.step
        return Forced(at_ms=int(at_s * 1000), side=side, price=price, base=max(round(usd / price / LOT), 1) * LOT)
