"""Checks that the names in the settings exist, that references fit each other, and that numbers and URLs can be meant.

All mistakes are reported at once: each check is made, whatever the others found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from urllib.parse import urlsplit

from chain import detectors, networks
from monitor.errors import Mistakes, OperatorError, nearest
from monitor.settings.chain_events import check_events
from monitor.settings.coinglass import check_coinglass
from monitor.settings.filtered import check_filters, check_maintenance
from monitor.settings.lending import check_collateral, check_lending
from monitor.settings.shown import origin
from monitor.settings.targets import check_targets
from monitor.settings.tree import PoolRef, Settings, TokenRef
from monitor.signals import TARGET_PREFIX
from probes import venues
from probes.instruments import unbundled
from probes.readings import Market

Check = Callable[[], None]
"""Raises OperatorError, or does nothing."""
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


def check(settings: Settings) -> None:
    """Check that names exist and that references fit each other. Raises OperatorError with all mistakes at once."""
    mistakes = Mistakes()
    for one in _checks(settings):
        with mistakes:
            one()
    mistakes.tell()


def _checks(settings: Settings) -> Iterator[Check]:
    yield partial(_check_vantage, settings.vantage)
    for name in settings.venues:
        yield from _venue(name, settings)
    for name in settings.networks:
        yield from _network(name, settings)
    for asset in settings.assets:
        yield from _asset(asset, settings)
    yield partial(_check_above, "controls.every_s", settings.controls.every_s)
    yield partial(_check_above, "controls.timeout_s", settings.controls.timeout_s)
    for name, url in settings.controls.targets.items():
        yield partial(check_url, f"controls.targets.{name}", url, ("http", "https"))
    yield partial(check_coinglass, settings.coinglass, _check_explorer)
    yield partial(check_targets, settings.targets, settings.assets, check_url)
    venues_and_targets = [*venues.NAMES, *(TARGET_PREFIX + one for one in settings.targets)]
    yield partial(check_filters, settings.sinks, settings.assets, venues_and_targets)
    yield partial(check_maintenance, settings.maintenance, settings.assets, venues_and_targets)
    for key in ("etherscan_url", "sourcify_url"):
        yield partial(_check_explorer, f"explorer.{key}", getattr(settings.explorer, key))


def _venue(name: str, settings: Settings) -> Iterator[Check]:
    if name not in venues.NAMES:
        yield partial(_refuse, "venues", name, venues.NAMES)
        return
    venue, one = venues.declared(name), settings.venues[name]
    for key, url in one.hosts.items():
        yield partial(check_host, f"venues.{name}.hosts", name, key, url)
    for asset in one.assets:
        yield partial(_check_known, f"venues.{name}.assets", asset, settings.assets)
    yield partial(_check_above, f"venues.{name}.interval_scale", one.interval_scale)
    yield partial(_check_above, f"venues.{name}.timeout_s", one.timeout_s)
    for check_name, every_s in one.every_s.items():
        yield partial(_check_above, f"venues.{name}.every_s.{check_name}", every_s)
    known = tuple(dict.fromkeys([check.name for check in venue.checks] + [feed.name for feed in venue.feeds]))
    for check_name in (*one.every_s, *one.disabled):
        if check_name not in known:
            yield partial(_refuse, f"venues.{name}", check_name, known)
    for wallet in one.wallets:
        key = f"venues.{name}.wallets"
        yield partial(_check_address, key, wallet.address)
        if wallet.token is not None:
            yield partial(_check_address, key, wallet.token)
        yield partial(_check_known, f"{key}.network", wallet.network, settings.networks)
        yield partial(_check_known, f"{key}.asset", wallet.asset, settings.assets)
        yield partial(_check_least, f"{key}.least", wallet.least)


def _network(name: str, settings: Settings) -> Iterator[Check]:
    network = settings.networks[name]
    if name not in networks.names():
        yield partial(_refuse, "networks", name, networks.names())
    yield partial(_check_nodes, f"networks.{name}.nodes", len(network.nodes))
    for index, node in enumerate(network.nodes):
        if node.url:
            yield partial(check_url, f"networks.{name}.nodes[{index}]", node.url, NODE_SCHEMES)
    for key in ("poll_interval_s", "quorum", "calls_per_s", "timeout_s", "keep_blocks"):
        yield partial(_check_above, f"networks.{name}.{key}", getattr(network, key))
    yield partial(_check_start, f"networks.{name}.start_block", network.start_block)
    for key in ("timelocks", "bridges", "factories", "dollars"):
        for address in getattr(network, key):
            yield partial(_check_address, f"networks.{name}.{key}", address)
    yield partial(check_lending, name, network.lending, _check_address)
    yield partial(check_events, name, network.events, settings.assets, _check_address)


def _asset(asset: str, settings: Settings) -> Iterator[Check]:
    yield partial(_check_ticker, asset)
    one = settings.assets[asset]
    for contract in one.contracts:
        yield partial(_check_address, f"assets.{asset}.contracts", contract.address)
        yield partial(_check_known, f"assets.{asset}.contracts", contract.network, settings.networks)
        if contract.timelock is not None:
            yield partial(_check_address, f"assets.{asset}.contracts.timelock", contract.timelock)
    for token in one.tokens:
        yield partial(_check_address, f"assets.{asset}.tokens", token.address)
        yield partial(_check_known, f"assets.{asset}.tokens", token.network, settings.networks)
        yield partial(_check_successor, f"assets.{asset}.tokens", token)
        yield partial(_check_ratio, f"assets.{asset}.tokens", token)
    for collateral in one.collateral:
        yield partial(_check_known, f"assets.{asset}.collateral", collateral.network, settings.networks)
    yield partial(check_collateral, asset, one.collateral, _check_address)
    for pool in one.pools:
        yield from _pool(f"assets.{asset}.pools", pool, settings)


def _pool(key: str, pool: PoolRef, settings: Settings) -> Iterator[Check]:
    if not (pool.kind in KINDS_WITH_ID and _ID.match(pool.address)):
        yield partial(_check_address, key, pool.address)
    for address in filter(None, (pool.token0, pool.token1, pool.manager, pool.positions)):
        yield partial(_check_address, key, address)
    yield partial(_check_pool, key, pool)
    yield partial(_check_known, key, pool.network, settings.networks)
    if pool.kind not in detectors.pool_kinds():
        yield partial(_refuse, f"{key}.kind", pool.kind, detectors.pool_kinds())


def _refuse(key: str, name: str, known: tuple[str, ...] | list[str]) -> None:
    raise OperatorError(key, name, ", ".join(known), nearest(name, known))


def _check_vantage(vantage: str) -> None:
    if not vantage.strip():
        raise OperatorError("vantage", vantage, "a name for where we probe from", "write one")


def _check_nodes(key: str, count: int) -> None:
    if not count:
        raise OperatorError(key, [], "at least one node", 'write nodes = [{ url = "http://…" }]')


def _check_start(key: str, block: int | None) -> None:
    if block is not None and block < 0:
        raise OperatorError(key, block, "a block from 0 on", "correct it")


def _check_least(key: str, least: int) -> None:
    if least < 0:
        raise OperatorError(key, least, "0 or more, in the smallest unit", "raise it")


def _check_ticker(asset: str) -> None:
    if not _ASSET.fullmatch(asset) or asset != asset.upper():
        raise OperatorError("assets", asset, "an upper-case ticker such as BTC", f"write {asset.upper()!r}")
    alone, bundle = unbundled(asset, Market.SPOT)
    if bundle != 1:
        raise OperatorError("assets", asset, "an asset, of which venues may quote bundles", f"write {alone!r}")


def _check_successor(key: str, token: TokenRef) -> None:
    if token.successor is not None:
        _check_address(f"{key}.successor", token.successor)
        if token.successor.lower() == token.address.lower():
            raise OperatorError(
                f"{key}.successor", token.successor, "another token", "name the new one, or leave it out"
            )


def _check_ratio(key: str, token: TokenRef) -> None:
    if not 0 < token.successor_ratio < MAX_RATIO:
        allowed = f"above 0, below {MAX_RATIO:g}"
        raise OperatorError(f"{key}.successor_ratio", token.successor_ratio, allowed, "new units for one old unit")


def _check_pool(key: str, pool: PoolRef) -> None:
    if pool.tick_spacing is not None and pool.tick_spacing < 1:
        raise OperatorError(f"{key}.tick_spacing", pool.tick_spacing, "1 or more", "correct it")
    if pool.fee_ppm is not None and not 0 <= pool.fee_ppm < 1_000_000:
        raise OperatorError(f"{key}.fee_ppm", pool.fee_ppm, "0 to 999999", "2500 is 0.25 %")


def _check_above(key: str, number: float | None) -> None:
    if number is not None and number <= 0:
        raise OperatorError(key, number, "above 0", "raise it, or take the key out")


def check_host(at: str, venue: str, key: str, url: str) -> None:
    """Check one base URL of a venue; errors name the key `at`. Raises OperatorError."""
    known = venues.declared(venue).hosts
    if key not in known:
        raise OperatorError(at, key, ", ".join(known), nearest(key, list(known)))
    allowed = ("ws", "wss") if known[key].startswith("ws") else ("http", "https")
    check_url(f"{at}.{key}", url, allowed)


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
