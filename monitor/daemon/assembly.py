"""Makes from the operator's settings what probes and chain need: probers' settings, watches, intake, expectations. No sockets."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from chain.events import Address
from chain.networks import declared as declared_network
from chain.sync.watcher import WatcherSettings
from chain.watch import (
    Watch,
    WatchedCollateral,
    WatchedContract,
    WatchedLender,
    WatchedPool,
    WatchedSuccessor,
    WatchedWallet,
)
from monitor.daemon.resume import Watched
from monitor.errors import OperatorError
from monitor.incidents import Leg
from monitor.intake import Intake
from monitor.intake.chain import EventRule
from monitor.settings.chain_events import EventRef, watched_events
from monitor.settings.check import NODE_SCHEMES, check_url
from monitor.settings.lending import CollateralRef
from monitor.settings.tree import ContractRef, NodeRef, PoolRef, Settings, TokenRef, VenueSettings
from monitor.settings.wallet_table import wallet_table
from monitor.signals import TARGET_PREFIX, Scalar, Subject
from probes import venues
from probes.prober import ProberSettings
from probes.readings import Instrument, Market
from probes.rest.target import Target
from probes.venue import Keys

LIQUIDATION_GAP_S = 15.0
BOOK_GAP_S = 5.0
MIN_CHAIN_GAP_S = 15.0
LENDING_WEIGHT = 0.25
"""A network's lenders count as a quarter of one venue's feed: they liquidate less, and later."""
EVENTS_WEIGHT = 0.25
"""Events of the operator's own show little of a leg: their absence is weak news."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """A source that should send to the correlator at least every `gap_s`."""

    source: str
    subject: Subject
    gap_s: float
    attributes: Mapping[str, Scalar]


def intake_of(settings: Settings) -> Intake:
    """The intake, with the assets that each contract and pool belongs to."""
    contracts: dict[tuple[str, str], list[str]] = {}
    pools: dict[tuple[str, str], list[str]] = {}
    for asset in sorted(settings.assets):
        for contract in settings.assets[asset].contracts:
            contracts.setdefault((contract.network, contract.address.lower()), []).append(asset)
        refs: tuple[TokenRef | CollateralRef, ...] = (
            *settings.assets[asset].tokens,
            *settings.assets[asset].collateral,
        )
        for token in refs:
            owners = contracts.setdefault((token.network, token.address.lower()), [])
            if asset not in owners:
                owners.append(asset)
        for pool in settings.assets[asset].pools:
            pools.setdefault((pool.network, pool.address.lower()), []).append(asset)
    rules = {
        (network, one.name): EventRule(leg=one.leg, grade=one.grade, assets=_assets_of_event(settings, network, one))
        for network in settings.networks
        for one in settings.networks[network].events
    }
    return Intake(
        vantage=settings.vantage, assets=settings.assets, contracts=contracts, pools=pools, rules=rules,
        tickers=_tickers(settings),
    )  # fmt: skip


def _tickers(settings: Settings) -> dict[tuple[str, str], str]:
    """(network, token) -> the one asset that it is, by its `tokens` or `contracts`, or USD; one that two assets name is none."""
    named: dict[tuple[str, str], set[str]] = {}
    for asset, one in settings.assets.items():
        refs: tuple[TokenRef | ContractRef, ...] = (*one.tokens, *one.contracts)
        for ref in refs:
            named.setdefault((ref.network, ref.address.lower()), set()).add(asset)
    for network, settings_of in settings.networks.items():
        for address in settings_of.dollars:
            named.setdefault((network, address.lower()), set()).add("USD")
    return {token: assets.pop() for token, assets in named.items() if len(assets) == 1}


def _assets_of_event(settings: Settings, network: str, event: EventRef) -> tuple[str, ...]:
    """Those named, else those that name one of its contracts, else all; sorted."""
    written = {address.lower() for address in event.addresses}
    own = []
    for name, one in settings.assets.items():
        refs: tuple[ContractRef | TokenRef | PoolRef | CollateralRef, ...]
        refs = (*one.contracts, *one.tokens, *one.pools, *one.collateral)
        if any(ref.network == network and ref.address.lower() in written for ref in refs):
            own.append(name)
    return tuple(sorted(event.assets or own or settings.assets))


def enabled_venues(settings: Settings) -> list[str]:
    """Venues that are watched, sorted."""
    return [name for name in sorted(settings.venues) if settings.venues[name].enabled]


def enabled_networks(settings: Settings) -> list[str]:
    """Networks that are watched, sorted."""
    return [name for name in sorted(settings.networks) if settings.networks[name].enabled]


def enabled_targets(settings: Settings) -> list[str]:
    """The operator's own targets that are watched, sorted."""
    return [name for name in sorted(settings.targets) if settings.targets[name].enabled]


def target_expectations(settings: Settings, target: Target) -> Iterator[Expectation]:
    """What to expect from one of the operator's own targets, for each asset that depends on it."""
    one = settings.targets[target.name]
    attributes: dict[str, Scalar] = {"leg": "venue", "weight": one.weight, "class": "target"}
    for asset in one.assets or tuple(sorted(settings.assets)):
        subject = Subject(asset=asset, venue=target.id, vantage=settings.vantage)
        yield Expectation(f"{target.id}/{target.check}", subject, 2 * one.every_s + one.timeout_s, attributes)


def watched_of(settings: Settings) -> Watched:
    """What a daemon with these settings watches."""
    own = (one for name in enabled_venues(settings) for one in assets_of(settings, name))
    targets = (TARGET_PREFIX + name for name in enabled_targets(settings))
    return Watched(
        vantage=settings.vantage,
        assets=frozenset({*settings.assets, *own}),
        venues=frozenset({*enabled_venues(settings), *targets}),
        networks=frozenset(enabled_networks(settings)),
    )


def assets_of(settings: Settings, venue: str) -> tuple[str, ...]:
    """The assets that a venue is watched for: its own list, else all."""
    return settings.venues[venue].assets or tuple(sorted(settings.assets))


def prober_settings(settings: Settings, venue: str, env: Mapping[str, str]) -> ProberSettings:
    """The settings of a venue's prober. Raises OperatorError for a key that is named but not in the environment."""
    one = settings.venues[venue]
    if one.ca_file:
        _check_ca(f"venues.{venue}.ca_file", one.ca_file)
    return ProberSettings(
        assets=assets_of(settings, venue),
        hosts=one.hosts,
        instruments=one.instruments,
        disabled=one.disabled,
        every_s=one.every_s,
        interval_scale=one.interval_scale,
        timeout_s=one.timeout_s,
        keys=keys_of(venue, one, env),
        ca_file=one.ca_file,
    )


def _check_ca(key: str, path: str) -> None:
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:  # ssl.SSLError is one too
        raise OperatorError(key, path, "a file of certificates in PEM", f"{error.strerror or error}") from None


def keys_of(venue: str, settings: VenueSettings, env: Mapping[str, str]) -> Keys | None:
    """The operator's read-only keys, from the environment variables the settings name."""
    if not (settings.key_env or settings.secret_env or settings.passphrase_env):
        return None
    return Keys(
        key=secret(f"venues.{venue}.key_env", settings.key_env, env),
        secret=secret(f"venues.{venue}.secret_env", settings.secret_env, env),
        passphrase=secret(f"venues.{venue}.passphrase_env", settings.passphrase_env, env)
        if settings.passphrase_env
        else "",
        name=settings.key_env,
    )


def secret(key: str, name: str, env: Mapping[str, str]) -> str:
    """The value of the environment variable `name`. Raises OperatorError."""
    value = env.get(name, "")
    if not name or not value:
        raise OperatorError(
            key, name or None, "the name of an environment variable that is set",
            f"export {name} or take the key out" if name else "name one",
        )  # fmt: skip
    return value


def board_token(settings: Settings, env: Mapping[str, str]) -> str | None:
    """The board's password; None if the settings name none. Raises OperatorError if the variable is not set."""
    name = settings.web.board_token_env
    return secret("web.board_token_env", name, env) if name else None


def node_url(key: str, node: NodeRef, env: Mapping[str, str]) -> str:
    """A node's URL, from the settings or the environment. Raises OperatorError."""
    if node.url:
        return node.url
    url = secret(f"{key}.url_env", node.url_env, env)
    check_url(f"{key}.url_env ({node.url_env})", url, NODE_SCHEMES)
    return url


def venue_expectations(settings: Settings, venue: str, instruments: Iterable[Instrument]) -> Iterator[Expectation]:
    """What to expect from a venue's sources, for each asset with a perpetual there (for each of its assets, if none has one)."""
    dialect = venues.declared(venue)
    found = sorted({one.base for one in instruments if one.market is Market.PERP})
    server_time = next((one.every_s for one in dialect.checks if one.name == "server_time"), None)
    scale = settings.venues[venue].interval_scale
    for asset in found or assets_of(settings, venue):
        subject = Subject(asset=asset, venue=venue, vantage=settings.vantage)
        for feed in dialect.feeds:
            if feed.name in settings.venues[venue].disabled:
                continue
            if feed.name == "liquidation":
                attributes: dict[str, Scalar] = {"leg": "liquidation", "weight": 1.0, "class": "ws"}
                if feed.censoring is not None:
                    attributes["censoring"] = feed.censoring.value
                yield Expectation(f"{venue}/liquidation", subject, LIQUIDATION_GAP_S, attributes)
            elif feed.name == "book_ws":
                yield Expectation(
                    f"{venue}/book_ws", subject, BOOK_GAP_S, {"leg": "venue", "weight": 1.0, "class": "ws"}
                )
        if server_time is not None:
            every_s = settings.venues[venue].every_s.get("server_time", server_time * scale)
            yield Expectation(
                f"{venue}/server_time", subject, 2 * every_s, {"leg": "venue", "weight": 1.0, "class": "rest"}
            )


def network_expectations(settings: Settings, network: str) -> Iterator[Expectation]:
    """What to expect from a network: its heads cover the migration leg of each asset with a contract or pool there, and a
    part of the liquidation leg of each that is collateral there.
    """
    gap_s = max(MIN_CHAIN_GAP_S, 3 * declared_network(network).block_time_s)
    for asset in sorted(settings.assets):
        one = settings.assets[asset]
        subject = Subject(asset=asset, network=network, vantage=settings.vantage)
        if network in {ref.network for ref in one.contracts} | {ref.network for ref in one.pools}:
            yield Expectation(f"{network}/chain", subject, gap_s, {"leg": "migration", "weight": 1.0, "class": "chain"})
        if settings.networks[network].lending and network in {ref.network for ref in one.collateral}:
            own: dict[str, Scalar] = {"leg": "liquidation", "weight": LENDING_WEIGHT, "class": "chain"}
            yield Expectation(f"{network}/chain", subject, gap_s, own | {"censoring": "complete"})
        yield from _event_expectations(settings, network, subject, gap_s)


def _event_expectations(settings: Settings, network: str, subject: Subject, gap_s: float) -> Iterator[Expectation]:
    """The legs that an asset's own events speak of and that nothing else of this network covers."""
    one = settings.assets[str(subject.asset)]
    covered = {Leg.FRAGILITY.value}
    if network in {ref.network for ref in one.contracts} | {ref.network for ref in one.pools}:
        covered.add(Leg.MIGRATION.value)
    if settings.networks[network].lending and network in {ref.network for ref in one.collateral}:
        covered.add(Leg.LIQUIDATION.value)
    events = settings.networks[network].events
    legs = {event.leg for event in events if subject.asset in _assets_of_event(settings, network, event)}
    for leg in sorted(legs - covered):
        attributes: dict[str, Scalar] = {"leg": leg, "weight": EVENTS_WEIGHT, "class": "chain"}
        yield Expectation(f"{network}/chain", subject, gap_s, attributes)


def _wallets(settings: Settings, network: str) -> Iterator[WatchedWallet]:
    for venue in enabled_venues(settings):
        for ref in settings.venues[venue].wallets:
            if ref.network == network:
                yield WatchedWallet(
                    venue=venue,
                    asset=ref.asset,
                    address=Address(ref.address.lower()),
                    token=Address(ref.token.lower()) if ref.token else None,
                    least=ref.least,
                )
    table = settings.networks[network].wallets_file
    if table:
        yield from wallet_table(f"networks.{network}.wallets_file", table, settings.assets)


def _low(address: str | None) -> Address | None:
    return Address(address.lower()) if address else None


def _tokens(settings: Settings, network: str) -> list[Address]:
    refs = (ref for asset in settings.assets.values() for ref in asset.tokens if ref.network == network)
    return sorted({Address(ref.address.lower()) for ref in refs})


def _successors(settings: Settings, network: str) -> tuple[WatchedSuccessor, ...]:
    refs = (ref for name in sorted(settings.assets) for ref in settings.assets[name].tokens if ref.network == network)
    return tuple(
        WatchedSuccessor(
            old=Address(ref.address.lower()),
            new=Address(ref.successor.lower()),
            ratio=Fraction(str(ref.successor_ratio)),
        )
        for ref in refs
        if ref.successor is not None
    )


def _collateral(settings: Settings, network: str) -> tuple[WatchedCollateral, ...]:
    refs = [
        ref for name in sorted(settings.assets) for ref in settings.assets[name].collateral if ref.network == network
    ]
    found = {ref.address.lower(): ref.decimals for ref in refs}
    return tuple(WatchedCollateral(address=address, decimals=decimals) for address, decimals in sorted(found.items()))


def watcher_settings(settings: Settings, network: str, env: Mapping[str, str]) -> WatcherSettings:
    """The settings of a network's watcher: its nodes, and every contract, pool and timelock to watch there."""
    one = settings.networks[network]
    contracts: dict[str, WatchedContract] = {}
    pools: dict[str, WatchedPool] = {}
    for asset in sorted(settings.assets):
        for ref in settings.assets[asset].contracts:
            if ref.network == network:
                timelock = Address(ref.timelock.lower()) if ref.timelock else None
                address = Address(ref.address.lower())
                contracts[address] = WatchedContract(address=address, timelock=timelock)
        for pool in settings.assets[asset].pools:
            if pool.network == network:
                address = Address(pool.address.lower())
                pools[address] = WatchedPool(
                    address=address,
                    kind=pool.kind,
                    token0=_low(pool.token0),
                    token1=_low(pool.token1),
                    manager=_low(pool.manager),
                    positions=_low(pool.positions),
                    tick_spacing=pool.tick_spacing,
                    fee_ppm=pool.fee_ppm,
                )
    timelocks = {Address(address.lower()) for address in one.timelocks}
    timelocks |= {contract.timelock for contract in contracts.values() if contract.timelock is not None}
    return WatcherSettings(
        network=declared_network(network),
        nodes=tuple(node_url(f"networks.{network}.nodes[{index}]", node, env) for index, node in enumerate(one.nodes)),
        watch=Watch(
            contracts=tuple(contracts.values()),
            pools=tuple(pools.values()),
            timelocks=tuple(sorted(timelocks)),
            bridges=tuple(sorted(Address(address.lower()) for address in one.bridges)),
            wallets=tuple(dict.fromkeys(_wallets(settings, network))),
            tokens=tuple(_tokens(settings, network)),
            successors=_successors(settings, network),
            lenders=tuple(
                WatchedLender(address=Address(ref.address.lower()), protocol=ref.protocol) for ref in one.lending
            ),
            collateral=_collateral(settings, network),
            events=watched_events(network, one.events),
            factories=tuple(sorted({Address(address.lower()) for address in one.factories})),
        ),
        poll_s=one.poll_interval_s,
        start_block=one.start_block,
        keep_blocks=one.keep_blocks,
        timeout_s=one.timeout_s,
        quorum=one.quorum,
        calls_per_s=one.calls_per_s,
        traces=one.traces,
        providers=tuple(node.provider for node in one.nodes),
    )
