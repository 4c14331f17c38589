"""Computes the effects of a scenario on one venue at one time: its stages merged, later ones over earlier ones. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.drill.scenario import Liquidated, Mute, Scenario

CALM_PER_S = 0.15
CALM_FUNDING = 0.0001
CALM_LONG_SHORT = 1.2
CALM_PERP_OVER_SPOT = 3.0
CALM_SPREAD_BPS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """The effects on one venue now; the defaults are a quiet, normal market. Units as in `Stage`."""

    rest_latency_s: float = 0.0
    throttle: float = 0.0
    failing: float = 0.0
    outage: bool = False
    engine_lag_s: float = 0.0
    feed_lag_s: float = 0.0
    liquidations_per_s: float = CALM_PER_S
    liquidated_side: Liquidated | None = None
    mute: frozenset[Mute] = frozenset()
    depth_factor: float = 1.0
    spread_bps: float = CALM_SPREAD_BPS
    cancel_only: bool = False
    withdrawals_closed: bool = False
    withdrawals_delayed: bool = False
    deposits_closed: bool = False
    open_interest_factor: float = 1.0
    funding_rate: float = CALM_FUNDING
    long_short: float = CALM_LONG_SHORT
    perp_over_spot: float = CALM_PERP_OVER_SPOT
    off_market: float = 1.0
    network_down: bool = False
    chain_halted: bool = False


CALM = Weather()
_VALUES = (
    "rest_latency_s", "throttle", "failing", "engine_lag_s", "feed_lag_s", "liquidations_per_s", "liquidated_side",
    "depth_factor", "spread_bps", "open_interest_factor", "funding_rate", "long_short", "perp_over_spot",
    "off_market",
)  # fmt: skip
_SWITCHES = (
    "outage",
    "cancel_only",
    "withdrawals_closed",
    "withdrawals_delayed",
    "deposits_closed",
    "network_down",
    "chain_halted",
)


def at(scenario: Scenario, venue: str, at_s: float | None) -> Weather:
    """The weather of a venue ("" for everything else) at scenario second `at_s`; None: before it begins."""
    if at_s is None:
        return CALM
    found: dict[str, object] = {}
    mute: set[Mute] = set()
    for stage in scenario.stages:
        if not stage.covers(venue, at_s):
            continue
        found |= {name: value for name in _VALUES if (value := getattr(stage, name)) is not None}
        found |= {name: True for name in _SWITCHES if getattr(stage, name) and not stage.regions}
        mute |= set(stage.mute)
    if not found and not mute:
        return CALM
    return Weather(mute=frozenset(mute), **found)  # type: ignore[arg-type]  # each name has its stage's own type


def price_factor(scenario: Scenario, at_s: float | None) -> float | None:
    """The multiple of the first price where the market's price is led at scenario second `at_s`; None: it walks freely."""
    led: float | None = None
    for stage in sorted(scenario.stages, key=lambda one: one.at_s):
        if stage.price_factor is None or stage.until_s is None or at_s is None or at_s < stage.at_s:
            continue
        lasts_s = stage.until_s - stage.at_s
        share = min((at_s - stage.at_s) / lasts_s, 1.0) if lasts_s > 0 else 1.0
        before = 1.0 if led is None else led
        led = before * (stage.price_factor / before) ** share
    return led
