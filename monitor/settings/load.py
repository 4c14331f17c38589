"""Finds, reads and checks the settings: a TOML file, the environment over it, and a check that every name exists.

`STORMWATCH_STORE__DSN` sets `store.dsn`: two underscores step into a table; the value is TOML if it parses as TOML, else text.
Errors are OperatorError with key, value, what is allowed and the remedy.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from chain import detectors, networks
from monitor.errors import OperatorError, nearest
from monitor.settings.chain_events import check_events
from monitor.settings.coinglass import check_coinglass
from monitor.settings.filtered import check_filters, check_maintenance
from monitor.settings.lending import check_collateral, check_lending
from monitor.settings.reader import read
from monitor.settings.shown import origin
from monitor.settings.targets import check_targets
from monitor.settings.tree import NetworkSettings, NodeRef, PoolRef, Settings, TokenRef
from monitor.signals import TARGET_PREFIX
from probes import venues
from probes.instruments import unbundled
from probes.readings import Market

DEFAULT_FILE = "stormwatch.toml"
PREFIX = "STORMWATCH_"
NODE_SCHEMES = ("http", "https", "ws", "wss")
LOOPBACK = ("127.0.0.1", "::1", "localhost")
_ADDRESS = re.compile(r"^0x[0-9a-fA-F]{40}$")
_ID = re.compile(r"^0x[0-9a-fA-F]{64}$")
KINDS_WITH_ID = ("uniswap_v4", "balancer_v2")
"""Kinds of pool that have an id of 32 bytes instead of an address."""
MAX_RATIO = 1e18
"""Units of a successor for one of the token before it."""
_ASSET = re.compile(r"[^\W_]{1,20}")
"""Letters and digits of any script."""


def load_settings(path: Path | None, env: Mapping[str, str]) -> Settings:
    """The settings of `path` (default: ./stormwatch.toml if it exists) with the environment over it."""
    tree = _file(path)
    for name, text in sorted(env.items()):
        if name.startswith(PREFIX) and "__" in name:
            _set(tree, name.removeprefix(PREFIX).lower().split("__"), text, name)
    settings = read(Settings, tree)
    check(settings)
    return settings


def _file(path: Path | None) -> dict[str, Any]:
    chosen = path or Path(DEFAULT_FILE)
    if path is None and not chosen.exists():
        return {}
    try:
        return tomllib.loads(chosen.read_text(encoding="utf-8"))
    except OSError as error:
        raise OperatorError(
            "--config", str(chosen), "a readable TOML file", f"{error.strerror}; `stormwatch config init` writes one"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OperatorError(str(chosen), "its text", "valid TOML in UTF-8", f"correct it: {error}") from None


def _set(tree: dict[str, Any], steps: list[str], text: str, name: str) -> None:
    try:
        value: Any = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    for step in steps[:-1]:
        inner = tree.setdefault(step, {})
        if not isinstance(inner, dict):
            raise OperatorError(name, step, "a path through tables", f"{step} is not a table in the file")
        tree = inner
    tree[steps[-1]] = value


def check(settings: Settings) -> None:
    """Check that names exist and that references fit each other. Raises OperatorError."""
    if not settings.vantage.strip():
        raise OperatorError("vantage", settings.vantage, "a name for where we probe from", "write one")
    for name in settings.venues:
        if name not in venues.NAMES:
            raise OperatorError("venues", name, ", ".join(venues.NAMES), nearest(name, venues.NAMES))
        for key, url in settings.venues[name].hosts.items():
            _check_host(name, key, url)
        for asset in settings.venues[name].assets:
            _check_known(f"venues.{name}.assets", asset, settings.assets)
        _check_every(name, settings)
        _check_wallets(name, settings)
    for name in settings.networks:
        _check_network(name, settings.networks[name])
        check_events(name, settings.networks[name].events, settings.assets, _check_address)
    for asset in settings.assets:
        _check_asset(asset, settings)
    _check_above("controls.every_s", settings.controls.every_s)
    _check_above("controls.timeout_s", settings.controls.timeout_s)
    for name, url in settings.controls.targets.items():
        check_url(f"controls.targets.{name}", url, ("http", "https"))
    check_coinglass(settings.coinglass, _check_explorer)
    check_targets(settings.targets, settings.assets, check_url)
    venues_and_targets = [*venues.NAMES, *(TARGET_PREFIX + one for one in settings.targets)]
    check_filters(settings.sinks, settings.assets, venues_and_targets)
    check_maintenance(settings.maintenance, settings.assets, venues_and_targets)
    for key in ("etherscan_url", "sourcify_url"):
        _check_explorer(f"explorer.{key}", getattr(settings.explorer, key))


def _check_network(name: str, network: NetworkSettings) -> None:
    if name not in networks.names():
        raise OperatorError("networks", name, ", ".join(networks.names()), nearest(name, networks.names()))
    if not network.nodes:
        raise OperatorError(f"networks.{name}.nodes", [], "at least one node", 'write nodes = [{ url = "http://…" }]')
    for index, node in enumerate(network.nodes):
        _check_node(f"networks.{name}.nodes[{index}]", node)
    _check_above(f"networks.{name}.poll_interval_s", network.poll_interval_s)
    if network.start_block is not None and network.start_block < 0:
        raise OperatorError(f"networks.{name}.start_block", network.start_block, "a block from 0 on", "correct it")
    for key in ("quorum", "calls_per_s", "timeout_s", "keep_blocks"):
        _check_above(f"networks.{name}.{key}", getattr(network, key))
    for address in network.timelocks:
        _check_address(f"networks.{name}.timelocks", address)
    for address in network.bridges:
        _check_address(f"networks.{name}.bridges", address)
    for key in ("factories", "dollars"):
        for address in getattr(network, key):
            _check_address(f"networks.{name}.{key}", address)
    check_lending(name, network.lending, _check_address)


def _check_asset(asset: str, settings: Settings) -> None:
    if not _ASSET.fullmatch(asset) or asset != asset.upper():
        raise OperatorError("assets", asset, "an upper-case ticker such as BTC", f"write {asset.upper()!r}")
    alone, bundle = unbundled(asset, Market.SPOT)
    if bundle != 1:
        raise OperatorError("assets", asset, "an asset, of which venues may quote bundles", f"write {alone!r}")
    for contract in settings.assets[asset].contracts:
        _check_address(f"assets.{asset}.contracts", contract.address)
        _check_known(f"assets.{asset}.contracts", contract.network, settings.networks)
        if contract.timelock is not None:
            _check_address(f"assets.{asset}.contracts.timelock", contract.timelock)
    for token in settings.assets[asset].tokens:
        _check_address(f"assets.{asset}.tokens", token.address)
        _check_known(f"assets.{asset}.tokens", token.network, settings.networks)
        _check_successor(f"assets.{asset}.tokens", token)
    for collateral in settings.assets[asset].collateral:
        _check_known(f"assets.{asset}.collateral", collateral.network, settings.networks)
    check_collateral(asset, settings.assets[asset].collateral, _check_address)
    for pool in settings.assets[asset].pools:
        _check_pool(asset, pool, settings)


def _check_successor(key: str, token: TokenRef) -> None:
    if token.successor is not None:
        _check_address(f"{key}.successor", token.successor)
        if token.successor.lower() == token.address.lower():
            raise OperatorError(
                f"{key}.successor", token.successor, "another token", "name the new one, or leave it out"
            )
    if not 0 < token.successor_ratio < MAX_RATIO:
        allowed = f"above 0, below {MAX_RATIO:g}"
        raise OperatorError(f"{key}.successor_ratio", token.successor_ratio, allowed, "new units for one old unit")


def _check_pool(asset: str, pool: PoolRef, settings: Settings) -> None:
    if not (pool.kind in KINDS_WITH_ID and _ID.match(pool.address)):
        _check_address(f"assets.{asset}.pools", pool.address)
    for address in filter(None, (pool.token0, pool.token1, pool.manager, pool.positions)):
        _check_address(f"assets.{asset}.pools", address)
    if pool.tick_spacing is not None and pool.tick_spacing < 1:
        raise OperatorError(f"assets.{asset}.pools.tick_spacing", pool.tick_spacing, "1 or more", "correct it")
    if pool.fee_ppm is not None and not 0 <= pool.fee_ppm < 1_000_000:
        raise OperatorError(f"assets.{asset}.pools.fee_ppm", pool.fee_ppm, "0 to 999999", "2500 is 0.25 %")
    _check_known(f"assets.{asset}.pools", pool.network, settings.networks)
    if pool.kind not in detectors.pool_kinds():
        known = detectors.pool_kinds()
        raise OperatorError(f"assets.{asset}.pools.kind", pool.kind, ", ".join(known), nearest(pool.kind, known))


def _check_wallets(name: str, settings: Settings) -> None:
    for wallet in settings.venues[name].wallets:
        key = f"venues.{name}.wallets"
        for address in (wallet.address, wallet.token or wallet.address):
            _check_address(key, address)
        _check_known(f"{key}.network", wallet.network, settings.networks)
        _check_known(f"{key}.asset", wallet.asset, settings.assets)
        if wallet.least < 0:
            raise OperatorError(f"{key}.least", wallet.least, "0 or more, in the smallest unit", "raise it")


def _check_every(name: str, settings: Settings) -> None:
    venue = venues.declared(name)
    one = settings.venues[name]
    known = list(dict.fromkeys([check.name for check in venue.checks] + [feed.name for feed in venue.feeds]))
    _check_above(f"venues.{name}.interval_scale", one.interval_scale)
    _check_above(f"venues.{name}.timeout_s", one.timeout_s)
    for check_name, every_s in one.every_s.items():
        _check_above(f"venues.{name}.every_s.{check_name}", every_s)
    for check_name in (*one.every_s, *one.disabled):
        if check_name not in known:
            raise OperatorError(f"venues.{name}", check_name, ", ".join(known), nearest(check_name, known))


def _check_above(key: str, number: float | None) -> None:
    if number is not None and number <= 0:
        raise OperatorError(key, number, "above 0", "raise it, or take the key out")


def _check_host(name: str, key: str, url: str) -> None:
    check_host(f"venues.{name}.hosts", name, key, url)


def check_host(at: str, venue: str, key: str, url: str) -> None:
    """Check one base URL of a venue; errors name the key `at`. Raises OperatorError."""
    known = venues.declared(venue).hosts
    if key not in known:
        raise OperatorError(at, key, ", ".join(known), nearest(key, list(known)))
    allowed = ("ws", "wss") if known[key].startswith("ws") else ("http", "https")
    check_url(f"{at}.{key}", url, allowed)


def _check_node(key: str, node: NodeRef) -> None:
    if node.url:
        check_url(key, node.url, NODE_SCHEMES)


def check_url(key: str, url: str, schemes: tuple[str, ...]) -> None:
    """Check for a whole URL of one of these schemes; errors show it only up to its host. Raises OperatorError."""
    try:
        parts = urlsplit(url)
        whole = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if not whole:
        allowed = " or ".join(f"{scheme}://…" for scheme in schemes)
        raise OperatorError(key, origin(url), allowed, "give a whole URL: scheme, host and port if any")


def _check_explorer(key: str, url: str) -> None:
    """Check for an encrypted connection, because a key is sent; plain HTTP only to this machine. Raises OperatorError."""
    check_url(key, url, ("https", "http"))
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise OperatorError(key, origin(url), "https://…", "a key would be sent in the clear")


def _check_address(key: str, address: str) -> None:
    if not _ADDRESS.match(address):
        raise OperatorError(key, address, "0x and 40 hexadecimal digits", "correct the address")


def _check_known(key: str, name: str, known: Mapping[str, object]) -> None:
    if name not in known:
        table = "networks" if any(one in key for one in ("contracts", "pools", "collateral")) else "assets"
        remedy = nearest(name, list(known)) if known else f"add [{table}.{name}]"
        raise OperatorError(key, name, ", ".join(known) or "(none is configured)", remedy)
