"""Follows concentrated liquidity as in Uniswap V3 and V4: price, active liquidity and the initialised ticks around it.

The state is read once (price; then the tick bitmap around it; then the ticks found there); from then on the pool's own logs
keep it exact. Only a window of ticks is known; when the price nears its edge, the window is read again. Source:
UniswapV3Pool.sol (v3-core 1.0.1), Pool.sol and StateLibrary.sol (v4-core 1.0.2).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from chain.blocks.reads import AnyRead, Read, StateRead
from chain.liquidity.depth import Depth, Spot, concentrated
from chain.liquidity.tick_math import MAX_TICK, amount0_between, amount1_between, moved_price, sqrt_price_at, tick_at

REACH = 1100
"""Ticks read on each side of the price: a little over twice ±5 %."""
MAX_TICKS = 1024
"""Initialised ticks remembered; with more, those farther than `REACH` are forgotten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Basics:
    """Price, spacing and fee, which are read before the ticks. `fee_ppm` is the swap fee in millionths."""

    spot: Spot
    spacing: int
    fee_ppm: int


class TickSource(Protocol):
    """Where one pool's state is read."""

    def basics(self) -> frozenset[AnyRead]:
        """The reads of price, liquidity, spacing and fee."""
        ...

    def read_basics(self, state: StateRead) -> Basics | None:
        """The answers to these; None where one could not be read."""
        ...

    def word(self, position: int) -> Read[int]:
        """One word of the tick bitmap."""
        ...

    def tick(self, tick: int) -> AnyRead:
        """The read of a tick's liquidityNet."""
        ...

    def net(self, tick: int, state: StateRead) -> int | None:
        """A tick's liquidityNet in this state; None where it could not be read."""
        ...


@dataclass(slots=True, kw_only=True)
class Ticks:
    """One pool's price and ticks. `low`..`high` are the ticks within which `net` is complete."""

    source: TickSource
    known: Basics | None = None
    net: dict[int, int] = field(default_factory=dict)
    low: int = 0
    high: int = -1
    wanted: dict[int, None] | None = None
    aim: tuple[int, int] = (0, -1)

    def reads(self) -> frozenset[AnyRead]:
        """The next reads; none while all ticks around the price are known."""
        if self.known is None:
            return self.source.basics()
        if not self.known.spacing:
            return frozenset()  # only the price can be followed
        if self.wanted is not None:
            return frozenset(self.source.tick(tick) for tick in self.wanted)
        low, high = self._around(moved_price(self.known.spot.sqrt_price, -500), 500)
        if self.low <= low and high <= self.high:
            return frozenset()
        return frozenset(self.source.word(position) for position in self._words())

    def on_state(self, state: StateRead) -> None:
        """Take the answers, one step a block."""
        if self.known is None:
            self.known = self.source.read_basics(state)
            return
        if self.wanted is not None:
            self._take_ticks(state)
        elif (reads := self.reads()) and all(read in state for read in reads):
            self._take_words(state)

    def initialise(self, sqrt_price: int, tick: int, *, spacing: int, fee_ppm: int) -> None:
        """Take a pool that was just initialised: it is empty, so all its ticks are known."""
        spot = Spot(sqrt_price=sqrt_price, tick=tick, liquidity=0)
        self.known = Basics(spot=spot, spacing=spacing, fee_ppm=fee_ppm)
        self.net, self.wanted, self.low, self.high = {}, None, -MAX_TICK, MAX_TICK

    def swapped(self, spot: Spot, fee_ppm: int | None = None) -> None:
        """Take the state after a swap."""
        if self.known is not None:
            self.known = replace(self.known, spot=spot, fee_ppm=self.known.fee_ppm if fee_ppm is None else fee_ppm)

    def modified(self, lower: int, upper: int, delta: int) -> None:
        """Take a change of a position's liquidity by `delta`."""
        if self.known is None:
            return
        spot = self.known.spot
        if lower <= spot.tick < upper:
            self.known = replace(self.known, spot=replace(spot, liquidity=max(spot.liquidity + delta, 0)))
        for tick, change in ((lower, delta), (upper, -delta)):
            if self.low <= tick <= self.high:
                self.net[tick] = self.net.get(tick, 0) + change
                if not self.net[tick]:
                    del self.net[tick]
            if self.wanted is not None and self.aim[0] <= tick <= self.aim[1]:
                self.wanted[tick] = None
        if len(self.net) > MAX_TICKS:
            low, high = max(spot.tick - REACH, self.low), min(spot.tick + REACH, self.high)
            self.net = {tick: net for tick, net in self.net.items() if low <= tick <= high}
            self.low, self.high = low, high

    def depth(self, bps: int) -> tuple[int, int] | None:
        """Each token's depth within ±bps, None where the ticks there are not known."""
        found = self.trades(bps)
        return found.of_tokens if found else None

    def trades(self, bps: int) -> Depth | None:
        """The trades that move the price by ±bps, by walking the ticks; None where these are not known."""
        if self.known is None:
            return None
        spot = self.known.spot
        low, high = self._around(moved_price(spot.sqrt_price, -bps), bps)
        if low < self.low or high > self.high:
            return None
        near = {tick: net for tick, net in self.net.items() if low <= tick <= high}
        return concentrated(spot, near, self.known.fee_ppm, bps)

    def reserves(self) -> tuple[int, int] | None:
        """The virtual reserves L/√P and L·√P."""
        if self.known is None:
            return None
        spot = self.known.spot
        return (spot.liquidity << 96) // spot.sqrt_price, spot.liquidity * spot.sqrt_price >> 96

    def amounts(self, lower: int, upper: int, liquidity: int) -> tuple[int, int]:
        """Both tokens of this much liquidity between two ticks at the price now; zero while the price is not known."""
        if self.known is None:
            return 0, 0
        low, high = sqrt_price_at(lower), sqrt_price_at(upper)
        inner = min(max(self.known.spot.sqrt_price, low), high)
        return amount0_between(inner, high, liquidity), amount1_between(low, inner, liquidity)

    def share(self, lower: int, upper: int, liquidity: int) -> float:
        """The share of the active liquidity, were this much of it here; 0 where its range is not the active one."""
        spot = self.known.spot if self.known else None
        if spot is None or not lower <= spot.tick < upper:
            return 0.0
        return min(liquidity / spot.liquidity, 1.0) if spot.liquidity else 1.0

    def memory(self) -> Any:
        """As lists of numbers."""
        basics = None
        if self.known:
            spot = self.known.spot
            basics = [spot.sqrt_price, spot.tick, spot.liquidity, self.known.spacing, self.known.fee_ppm]
        wanted = None if self.wanted is None else list(self.wanted)
        return [basics, sorted(self.net.items()), self.low, self.high, wanted, list(self.aim)]

    def recall(self, plain: Any) -> None:
        """Restore the memory that `memory` gave."""
        basics, net, self.low, self.high, wanted, aim = plain
        self.known = None
        if basics:
            spot = Spot(sqrt_price=basics[0], tick=basics[1], liquidity=basics[2])
            self.known = Basics(spot=spot, spacing=basics[3], fee_ppm=basics[4])
        self.net = dict(net)
        self.wanted = None if wanted is None else dict.fromkeys(wanted)
        self.aim = (aim[0], aim[1])

    def _around(self, down: int, bps: int) -> tuple[int, int]:
        assert self.known is not None
        up = moved_price(self.known.spot.sqrt_price, bps)
        return max(tick_at(down), -MAX_TICK), min(tick_at(up) + 1, MAX_TICK)

    def _window(self) -> tuple[int, int]:
        assert self.known is not None
        tick = self.known.spot.tick
        return max(tick - REACH, -MAX_TICK), min(tick + REACH, MAX_TICK)

    def _words(self) -> range:
        assert self.known is not None
        low, high = self._window()
        return range((low // self.known.spacing) >> 8, ((high // self.known.spacing) >> 8) + 1)

    def _take_words(self, state: StateRead) -> None:
        assert self.known is not None
        self.aim = low, high = self._window()
        found = [
            ((position << 8) + bit) * self.known.spacing
            for position in self._words()
            for bit in range(256)
            if (state.get(self.source.word(position)) or 0) >> bit & 1
        ]
        self.wanted = dict.fromkeys(tick for tick in found if low <= tick <= high)
        if not self.wanted:
            self._take_ticks(StateRead())

    def _take_ticks(self, state: StateRead) -> None:
        assert self.wanted is not None
        nets = {tick: self.source.net(tick, state) for tick in self.wanted}
        if None in nets.values():
            return
        self.net = {tick: net for tick, net in nets.items() if net}
        self.low, self.high = self.aim
        self.wanted = None
