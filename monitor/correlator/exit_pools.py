"""Computes what of an asset could be sold in one watched pool, in USD: what the pool pays, at the price of what it pays with.

A pool counts only while its network is seen, its depth was reported lately, and both tokens have prices and names that the
operator gave them; what is not known leaves it unknown. Pure (docs/detection.md, "Exit capacity").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median

from monitor.incidents import ExitWay, WayState
from monitor.signals import Scalar

REPORTED_FRESH_S = 2 * 3600.0
"""A pool that is watched is reported each hour."""
HEAD_FRESH_S = 120.0
MARK_FRESH_S = 150.0
"""Marks are asked for once a minute where no feed has them."""
KEPT = 0.9
"""A change of less than a tenth is not reported: so much is there at least."""
DOLLAR = "USD"
PERCENTS = (1, 5)
MAX_INSTRUMENTS = 256
MAX_POOLS = 32


@dataclass(slots=True)
class Prices:
    """The marks of each asset in dollars, by instrument."""

    marks: dict[str, dict[str, tuple[float, float]]] = field(default_factory=dict)

    def take(self, asset: str, instrument: str, usd: float, at_s: float) -> None:
        """Take a mark."""
        known = self.marks.setdefault(asset, {})
        known.pop(instrument, None)
        if len(known) >= MAX_INSTRUMENTS:
            known.pop(next(iter(known)))
        known[instrument] = (at_s, usd)

    def of(self, asset: str, now_s: float) -> float | None:
        """The median of the fresh marks; None if there are none."""
        if asset == DOLLAR:
            return 1.0
        fresh = [usd for at_s, usd in self.marks.get(asset, {}).values() if now_s - at_s <= MARK_FRESH_S and usd > 0]
        return median(fresh) if fresh else None


@dataclass(slots=True)
class Network:
    """Whether a network is seen to go on, by its heads."""

    head_s: float = float("-inf")
    stalled: bool = False

    def take_head(self, lag: Scalar, at_s: float) -> None:
        """Take a head; one that came late says nothing of now."""
        if not isinstance(lag, int | float) or lag <= HEAD_FRESH_S:
            self.head_s, self.stalled = at_s, False

    def seen(self, now_s: float) -> bool:
        """Whether a block came lately."""
        return not self.stalled and now_s - self.head_s <= HEAD_FRESH_S


@dataclass(slots=True)
class Sales:
    """What one pool pays for the asset as last reported: percent -> (units of the asset, units of `paid_in`)."""

    event_id: str
    at_s: float
    paid_in: str | None
    units: Mapping[int, tuple[float, float]] | None
    disputed: bool


def sales_of(asset: str, attributes: Mapping[str, Scalar], at_s: float) -> Sales:
    """Read a report of a pool's depth: which of its tokens is the asset, and what is paid for it."""
    named = [attributes.get(f"is{place}") for place in (0, 1)]
    places = [place for place in (0, 1) if named[place] == asset]
    paid_in, units = None, None
    if len(places) == 1:
        other = named[1 - places[0]]
        paid_in = other if isinstance(other, str) else None
        units = _units(attributes, places[0])
    return Sales(
        event_id=str(attributes.get("event_id", "")),
        at_s=at_s,
        paid_in=paid_in,
        units=units,
        disputed=attributes.get("disputed") is True,
    )


def _units(attributes: Mapping[str, Scalar], place: int) -> dict[int, tuple[float, float]] | None:
    found = {}
    for percent in PERCENTS:
        sold, got = attributes.get(f"sold{place}_{percent}"), attributes.get(f"got{place}_{percent}")
        if not isinstance(sold, int | float) or not isinstance(got, int | float):
            return None
        found[percent] = (float(sold), float(got))
    return found


@dataclass(slots=True)
class PoolExit:
    """One pool of an asset: its last report, None after a reorg undid it, and whether the token's issuer froze it."""

    network: str
    sales: Sales | None = None
    frozen: bool = False

    def way(self, name: str, asset: str, network: Network, prices: Prices, now_s: float) -> ExitWay:
        """The way out by this pool."""
        state, why, worth = self._state(asset, network, prices, now_s)
        if self.sales is None or self.sales.units is None or worth is None:
            return ExitWay(name=name, state=state, usd_1=None, usd_5=None, why=why)
        price, paid = worth
        usd_1, usd_5 = (_usd(self.sales.units[percent], price, paid, percent) for percent in PERCENTS)
        return ExitWay(name=name, state=state, usd_1=usd_1, usd_5=max(usd_1, usd_5), why=why)

    def _state(
        self, asset: str, network: Network, prices: Prices, now_s: float
    ) -> tuple[WayState, str, tuple[float, float] | None]:
        """Whether it counts, why not, and the prices of the asset and of what the pool pays with."""
        sales, price = self.sales, prices.of(asset, now_s)
        paid = None if sales is None or sales.paid_in is None else prices.of(sales.paid_in, now_s)
        worth = None if price is None or paid is None else (price, paid)
        if self.frozen:
            return WayState.CLOSED, "the issuer of a token froze the pool", worth
        if not network.seen(now_s):
            return WayState.UNKNOWN, "no block of its network lately", worth
        if sales is None or now_s - sales.at_s > REPORTED_FRESH_S:
            return WayState.UNKNOWN, "its depth was not reported lately", worth
        if sales.disputed:
            return WayState.UNKNOWN, "nodes disagree about it", worth
        if sales.paid_in is None:
            return WayState.UNKNOWN, "its tokens are not named in the settings", worth
        if sales.units is None:
            return WayState.UNKNOWN, "its exact depth or a token's decimals are not known", worth
        if worth is None:
            return WayState.UNKNOWN, f"no fresh price of {asset if price is None else sales.paid_in}", worth
        return WayState.OPEN, "", worth


def _usd(units: tuple[float, float], price: float, paid: float, percent: int) -> float:
    """What the pool pays, in USD; nothing if that is less per unit than so many percent under the asset's price."""
    sold, got = units
    usd = got * paid
    return KEPT * usd if usd >= sold * price * (1 - percent / 100) else 0.0


@dataclass(slots=True)
class PoolExits:
    """The pools of all assets, the networks that they are on, and the prices."""

    prices: Prices = field(default_factory=Prices)
    networks: dict[str, Network] = field(default_factory=dict)
    pools: dict[str, dict[str, PoolExit]] = field(default_factory=dict)
    """Asset -> "network/address" -> the pool."""

    def pool(self, asset: str, network: str, address: str) -> PoolExit | None:
        """One pool of an asset, made at the first look; None beyond `MAX_POOLS`."""
        pools, name = self.pools.setdefault(asset, {}), f"{network}/{address}"
        if name not in pools and len(pools) >= MAX_POOLS:
            return None
        return pools.setdefault(name, PoolExit(network))

    def retract(self, event_id: str) -> None:
        """Forget a report that a reorg undid."""
        for pools in self.pools.values():
            for pool in pools.values():
                if pool.sales is not None and event_id and pool.sales.event_id == event_id:
                    pool.sales = None

    def ways(self, asset: str, now_s: float) -> list[ExitWay]:
        """The ways out of an asset by its pools, in order of name."""
        never = Network()
        return [
            pool.way(name, asset, self.networks.get(pool.network, never), self.prices, now_s)
            for name, pool in sorted(self.pools.get(asset, {}).items())
        ]
