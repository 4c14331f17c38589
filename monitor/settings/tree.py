"""Joins the operator's settings in one tree: what to watch, from where, and where the findings go.

The settings of the store, the web server and others are beside their code. `public` shows the tree without secrets, as
snapshots and `config show` print it: node and sink URLs lose user names, paths and queries, which often contain keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from enum import Enum, StrEnum
from typing import Any

from chain.sync.settings import Traces
from monitor.correlator.settings import CorrelatorSettings
from monitor.log.bus.settings import BusSettings
from monitor.log.settings import LogSettings
from monitor.settings.chain_events import EventRef
from monitor.settings.coinglass import CoinGlassSettings
from monitor.settings.explorer import ExplorerSettings
from monitor.settings.lending import CollateralRef, LenderRef
from monitor.settings.maintenance import MaintenanceSettings
from monitor.settings.shown import is_secretive, origin
from monitor.settings.targets import TargetSettings
from monitor.store.settings import StoreSettings
from monitor.telemetry.settings import TelemetrySettings
from monitor.web.settings import WebSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractRef:
    """A contract whose code matters to an asset. `timelock` is the timelock that may upgrade it, if known."""

    network: str
    address: str
    timelock: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolRef:
    """A pool that holds an asset's liquidity. `kind` is one of the pool kinds `chain` knows.

    A pool with an id of 32 bytes (uniswap_v4, balancer_v2) has it as `address`. The other keys are for facts that the pool
    itself cannot answer: its two tokens, the contract that holds it (`manager`), the NFT contract of its positions, its tick
    spacing, and the swap fee of a pair in millionths, if it is not 3000.
    """

    network: str
    address: str
    kind: str = "uniswap_v2"
    token0: str | None = None
    token1: str | None = None
    manager: str | None = None
    positions: str | None = None
    tick_spacing: int | None = None
    fee_ppm: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRef:
    """A token whose use (transfers, addresses, reserves) shows how much an asset is used.

    `successor` is the token that takes its place, at `successor_ratio` of its units for one of the old: liquidity that leaves
    pools of the one and enters pools of the other is a migration.
    """

    network: str
    address: str
    successor: str | None = None
    successor_ratio: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletRef:
    """A venue's hot wallet that pays out an asset: the ERC-20 `token`, or the network's own coin without one.

    `least` is the smallest outflow that counts, in the smallest unit (wei); 0: any token transfer, or 0.01 of the own coin.
    """

    network: str
    asset: str
    address: str
    token: str | None = None
    least: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetSettings:
    """One asset to watch. Its instruments are found in the venues' own lists."""

    contracts: tuple[ContractRef, ...] = ()
    pools: tuple[PoolRef, ...] = ()
    tokens: tuple[TokenRef, ...] = ()
    collateral: tuple[CollateralRef, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueSettings:
    """One venue. `hosts` overrides base URLs by the dialect's keys; `every_s` how often a check runs.

    `wallets` are its hot wallets as the operator knows them: their outflows show withdrawals, whatever the venue declares.
    """

    enabled: bool = True
    hosts: Mapping[str, str] = field(default_factory=dict)
    assets: tuple[str, ...] = ()
    instruments: tuple[str, ...] = ()
    disabled: tuple[str, ...] = ()
    every_s: Mapping[str, float] = field(default_factory=dict)
    timeout_s: float | None = None
    interval_scale: float = 1.0
    key_env: str = ""
    secret_env: str = ""
    passphrase_env: str = ""
    ca_file: str = ""
    wallets: tuple[WalletRef, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRef:
    """One node of a network: its URL, or the environment variable that holds it (URLs often carry keys).

    `provider` says who runs it ("": the registrable name of the host). Nodes of one provider are one voice.
    """

    url: str = ""
    url_env: str = ""
    provider: str = ""

    def __post_init__(self) -> None:
        if bool(self.url) == bool(self.url_env):
            raise ValueError("either url or url_env, not both and not neither")


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSettings:
    """One network to watch.

    `quorum` providers must have a block and agree on its logs, if there are so many; each node gets at most `calls_per_s`
    requests a second (None: no limit), and a request fails after `timeout_s`. A reorg of up to `keep_blocks` blocks can be
    undone (the network's own figure counts if it is larger). `lending` are contracts that write liquidations, `factories` those
    that make pools; `events` are events of your own. `dollars` are tokens that count as one US dollar each.
    `wallets_file` is a CSV table of venues' hot wallets. `traces` is "auto" (only from your own nodes, recognised by their
    address), "on" or "off".
    """

    nodes: tuple[NodeRef, ...]
    enabled: bool = True
    timelocks: tuple[str, ...] = ()
    bridges: tuple[str, ...] = ()
    lending: tuple[LenderRef, ...] = ()
    factories: tuple[str, ...] = ()
    dollars: tuple[str, ...] = ()
    events: tuple[EventRef, ...] = ()
    wallets_file: str = ""
    poll_interval_s: float | None = None
    start_block: int | None = None
    quorum: int = 2
    calls_per_s: float | None = None
    timeout_s: float = 10.0
    keep_blocks: int = 128
    traces: Traces = Traces.AUTO


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlSettings:
    """Neutral targets that show if our own network is at fault: name -> URL."""

    targets: Mapping[str, str] = field(default_factory=dict)
    every_s: float = 5.0
    timeout_s: float = 3.0


class LogLevel(StrEnum):
    """The least severe lines of our own log that are shown; a library's are shown from warning on."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything a daemon needs. `stormwatch config init` documents the keys."""

    vantage: str = "local"
    instance: str = ""
    drill: bool = False
    log_level: LogLevel = LogLevel.INFO
    assets: Mapping[str, AssetSettings] = field(default_factory=dict)
    venues: Mapping[str, VenueSettings] = field(default_factory=dict)
    networks: Mapping[str, NetworkSettings] = field(default_factory=dict)
    targets: Mapping[str, TargetSettings] = field(default_factory=dict)
    coinglass: CoinGlassSettings = field(default_factory=CoinGlassSettings)
    explorer: ExplorerSettings = field(default_factory=ExplorerSettings)
    controls: ControlSettings = field(default_factory=ControlSettings)
    correlator: CorrelatorSettings = field(default_factory=CorrelatorSettings)
    log: LogSettings = field(default_factory=LogSettings)
    bus: BusSettings = field(default_factory=BusSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    telemetry: TelemetrySettings = field(default_factory=TelemetrySettings)
    web: WebSettings = field(default_factory=WebSettings)
    maintenance: tuple[MaintenanceSettings, ...] = ()
    sinks: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: {"console": {}})

    def public(self) -> dict[str, Any]:
        """The tree as plain values without secrets."""
        plain = _plain(self)
        assert isinstance(plain, dict)
        return plain


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: _named(one.name, getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _named(str(key), value[key]) for key in value}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str) and "://" in value:
        return origin(value)
    return value


def _named(name: str, value: Any) -> Any:
    return origin(value) if isinstance(value, str) and value and is_secretive(name) else _plain(value)
