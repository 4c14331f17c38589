"""Makes the worlds of the generator: venues with their usual rates, latencies and books, alike for every case of one world.

A world is known by the number of its venues and its variant, so that its quiet past can be judged once and thawed for many
cases. Rates, policies and figures follow documented ones (docs/score.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from math import exp, log
from random import Random

ASSET = "RIFT"
NETWORK = "ethereum"
VANTAGE = "score"
PRICE = 2.5
CONTROLS = ("control_a", "control_b", "control_c")
VARIANTS = 4

_RATES_PER_S = (0.02, 0.4, 0.1, 1.0)
"""Usual liquidations a second at a middling venue, by variant: from a small perpetual to a large one."""
_STARTS = (
    datetime(2026, 3, 3, 14, tzinfo=UTC), datetime(2026, 3, 8, 3, tzinfo=UTC), datetime(2026, 3, 6, 21, tzinfo=UTC),
    datetime(2026, 3, 11, 8, tzinfo=UTC),
)  # fmt: skip
"""When the cases of a variant begin: another hour of the week each."""
_COMPLETE, _LATEST, _LARGEST, _ONE = "complete", "latest_per_second", "largest_per_second", "one_per_second"
_VENUES: tuple[tuple[str, str | None, str], ...] = (
    ("binance_usdm", _LATEST, "tokyo"), ("bybit", _COMPLETE, "singapore"), ("okx", _ONE, "hongkong"),
    ("gate", _COMPLETE, "tokyo"), ("bitget", _LARGEST, "tokyo"), ("htx", _COMPLETE, "tokyo"),
    ("deribit", _COMPLETE, "london"), ("kraken_futures", _COMPLETE, "london"), ("hyperliquid", None, "tokyo"),
    ("coinbase", None, "virginia"), ("kucoin", None, "tokyo"), ("mexc", None, "tokyo"), ("kraken", None, "virginia"),
    ("binance_spot", None, "tokyo"),
)  # fmt: skip
"""Name, what its liquidation feed leaves out (None: it has none), and where it is hosted."""
_THROTTLED = (_LATEST, _ONE, _LARGEST)
_ONLY = ("binance_usdm", "bybit", "okx", "bybit")
"""The venue of a world with one, by variant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueTraits:
    """A venue's usual life. `clustering` is the branching ratio of its liquidations; `depth_usd` is one side within 50 bps."""

    name: str
    provider: str
    censoring: str | None
    liquidations_per_s: float
    clustering: float
    size_usd: float
    latency_s: float
    latency_sigma: float
    transit_s: float
    depth_usd: float
    spread_bps: float
    interest_base: float

    @property
    def instrument(self) -> str:
        """Its perpetual of the asset."""
        return f"{ASSET}USDT"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Venues and the time at which cases begin, unix seconds."""

    venues: tuple[VenueTraits, ...]
    variant: int
    start_s: float

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the venues."""
        return tuple(one.name for one in self.venues)

    @property
    def throttled(self) -> bool:
        """Whether every liquidation feed leaves out a part."""
        return self.variant % 2 == 1


def world_of(venues: int, variant: int) -> World:
    """The world with so many venues and this variant, always the same."""
    chosen = [_VENUES[index % len(_VENUES)] for index in range(venues)]
    if venues == 1:
        chosen = [one for one in _VENUES if one[0] == _ONLY[variant % VARIANTS]]
    traits = []
    for index, (name, censoring, provider) in enumerate(chosen):
        full = name if index < len(_VENUES) else f"{name}_{index // len(_VENUES) + 1}"
        throttled = variant % 2 == 1 and censoring is not None
        traits.append(_traits(full, _THROTTLED[index % len(_THROTTLED)] if throttled else censoring, provider, variant))
    return World(venues=tuple(traits), variant=variant, start_s=_STARTS[variant % VARIANTS].timestamp())


def _traits(name: str, censoring: str | None, provider: str, variant: int) -> VenueTraits:
    rng = Random(f"traits/{variant}/{name}")  # noqa: S311  # no secret: a seeded world
    size = exp(rng.gauss(0.0, 0.5))
    return VenueTraits(
        name=name,
        provider=provider,
        censoring=censoring,
        liquidations_per_s=0.0 if censoring is None else _RATES_PER_S[variant % VARIANTS] * size,
        clustering=rng.uniform(0.2, 0.6),
        size_usd=2500.0 * exp(rng.gauss(0.0, 0.3)),
        latency_s=exp(rng.uniform(log(0.03), log(0.3))),
        latency_sigma=rng.uniform(0.12, 0.4),
        transit_s=rng.uniform(0.02, 0.12),
        depth_usd=4e5 * size,
        spread_bps=rng.uniform(0.8, 4.0),
        interest_base=4e7 * size,
    )
