"""Builds the daemon's settings for a drill: the world's hosts, shorter times, an embedded store of its own.

Only lengths of time differ from production (a drill is too short to learn for an hour); thresholds, nats and caps do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from chain.sync.settings import Traces
from monitor.correlator import CorrelatorSettings
from monitor.drill.routes import sinks_of
from monitor.drill.world_link import Ready
from monitor.settings.tree import (
    AssetSettings,
    ContractRef,
    ControlSettings,
    NetworkSettings,
    NodeRef,
    PoolRef,
    Settings,
    VenueSettings,
)
from monitor.store.settings import StoreSettings
from monitor.telemetry.settings import TelemetrySettings
from monitor.web.settings import WebSettings

SECRET_ENV = "STORMWATCH_DRILL_SECRET"  # noqa: S105  # the variable's name
NETWORK = "local"
WORLD_SINK = "drill's own"
"""The sink of the world's receiver: no desk has one of this name."""

CORRELATOR = CorrelatorSettings(
    warm_s=15,
    background_half_life_s=60,
    level_long_s=120,
    liquidation_half_life_s=20,
    venue_half_life_s=20,
    book_half_life_s=20,
    liquidity_half_life_s=30,
    upgrade_half_life_s=30,
    queued_lead_s=60,
    queue_s=20,
    local_cooldown_s=10,
    lower_ticks=5,
    leave_after_s=10,
)

EVERY_S: Mapping[str, float] = {
    "server_time": 1.0,
    "system_status": 5.0,
    "wallet_status": 3.0,
    "book_rest": 5.0,
    "open_interest": 3.0,
    "funding": 5.0,
    "mark_price": 5.0,
    "long_short_ratio": 5.0,
    "long_short_ratio_top": 5.0,
    "insurance_fund": 15.0,
    "deleveraging": 5.0,
    "volume": 5.0,
    "volume_spot": 5.0,
    "liquidations_rest": 3600.0,
    "instruments": 3600.0,
}


def of_region(settings: Settings, ready: Ready, region: str) -> Settings:
    """The settings of a drill as one of its vantages has them: it reaches the world by a network of its own."""
    reached = ready.regions[region]
    return replace(
        settings,
        vantage=region,
        venues={venue: _venue(venue, hosts) for venue, hosts in reached.hosts.items()},
        networks={NETWORK: replace(settings.networks[NETWORK], nodes=(NodeRef(url=reached.node),))},
        controls=replace(settings.controls, targets=reached.controls),
        correlator=replace(settings.correlator, networks={one: f"network of {one}" for one in ready.regions}),
    )


def rehearsal(
    ready: Ready,
    folder: Path,
    *,
    otlp_endpoint: str = "",
    own_sinks: Mapping[str, Mapping[str, object]] | None = None,
    providers: Mapping[str, tuple[str, ...]] | None = None,
) -> Settings:
    """Settings that watch the world. `own_sinks` are the operator's, so that the drill tests their real routes too.

    `providers` says who carries which venue, as `correlator.providers` does.
    """
    pools = tuple(PoolRef(network=NETWORK, address=address) for address in ready.pools)
    contract = ContractRef(network=NETWORK, address=ready.contract, timelock=ready.timelock)
    return Settings(
        vantage="drill",
        drill=True,
        assets={ready.asset: AssetSettings(contracts=(contract,), pools=pools)},
        venues={venue: _venue(venue, hosts) for venue, hosts in ready.hosts.items()},
        networks={  # a scripted chain runs no code, so that there is nothing to trace
            NETWORK: NetworkSettings(nodes=(NodeRef(url=ready.node),), poll_interval_s=0.5, traces=Traces.OFF)
        },
        controls=ControlSettings(targets=ready.controls, every_s=1.0, timeout_s=2.0),
        correlator=replace(CORRELATOR, providers=providers or {}),
        store=StoreSettings(folder=str(folder)),
        telemetry=TelemetrySettings(otlp_endpoint=otlp_endpoint, export_interval_s=2.0),
        web=WebSettings(enabled=False),
        sinks={
            **sinks_of(own_sinks or {}),
            WORLD_SINK: {"type": "webhook", "url": ready.webhook, "secret_env": SECRET_ENV},
        },
    )


def _venue(venue: str, hosts: Mapping[str, str]) -> VenueSettings:
    from probes import venues

    known = {one.name for one in venues.declared(venue).checks}
    every_s = {name: every for name, every in EVERY_S.items() if name in known}
    return VenueSettings(hosts=hosts, every_s=every_s, timeout_s=3.0)
