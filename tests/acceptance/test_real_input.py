"""Tests the whole daemon on real input: Binance frames as they were recorded, by the recorder's clock, and a real EVM node.

The frames come from ../shared/data beside the repository (skipped, and counted, without it); the node is anvil with
audited contracts. Simulated: the venue's server, and the frames and answers that the recording does not contain (player.py).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import pytest
from web3.contract import AsyncContract

from monitor.daemon.daemon import Daemon
from monitor.incidents import IncidentChange, Level
from monitor.settings import Settings, load_settings
from monitor.signals import Signal, SignalKind
from monitor.store.postgres import PostgresStore
from tests.acceptance.player import ASSET, PlayedClock, Player, Recording
from tests.evm.anvil import Anvil, running
from tests.monitor.telemetry.conftest import Collector, collector

__all__ = ["collector"]

pytestmark = pytest.mark.acceptance

FEED = Path(__file__).parents[2].parent / "shared/data/feeds/binance_usdm_btcusdt_2024-08-08.gz"
PLAYED_S = 75.0
LEAD_S = 8.0
"""How long before the recording's first frame the clock begins: the daemon opens its store and its feeds meanwhile."""
UPGRADE_AT_S = 30.0
MINT_AT_S = 45.0
RECORDERS_SKEW_S = 1.27
SKEW_ABOUT_S = 0.01
OFTEN_LATE_S = 0.1
"""The recording's own frames are up to 53 ms late; the rest is this machine."""
DEPOSIT = 10**20
SHARE = 10**18
DEPOSIT_CALL = "0xd0e30db0"
"""deposit() of WETH9."""

SETTINGS = """
vantage = "test"
[assets.{asset}]
contracts = [{{network = "local", address = "{contract}"}}]
pools = [{{network = "local", address = "{pool}"}}]
[venues.binance_usdm]
timeout_s = "3s"
[venues.binance_usdm.hosts]
{hosts}
[venues.binance_usdm.every_s]
server_time = "2s"
book_rest = "10s"
open_interest = "5s"
funding = "5s"
volume = "10s"
volume_spot = "10s"
long_short_ratio = "20s"
long_short_ratio_top = "20s"
system_status = "10s"
[networks.local]
nodes = [{{url = "{node}"}}]
[controls]
targets = {{first = "{control}/1", second = "{control}/2", third = "{control}/3"}}
every_s = "2s"
[correlator]
warm_s = "15s"
background_half_life_s = "60s"
level_long_s = "120s"
[store]
folder = "{folder}"
[telemetry]
otlp_endpoint = "{otlp}"
export_interval_s = "2s"
[web]
enabled = false
"""
"""Half-lives are as short as in a drill: within a minute, a detector with long ones would still be warming up."""


class Watched:
    """Collects the changes that the daemon reported while it ran."""

    def __init__(self) -> None:
        self.changes: list[IncidentChange] = []

    def on_signals(self, signals: Sequence[Signal]) -> None:
        """Ignore them: the test reads signals from the database."""

    def on_changes(self, changes: Sequence[IncidentChange]) -> None:
        self.changes += changes


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A node with a proxy whose implementation can change, and a pool that holds liquidity."""

    anvil: Anvil
    proxy: AsyncContract
    admin: AsyncContract
    following: AsyncContract
    pool: AsyncContract
    tokens: tuple[AsyncContract, AsyncContract]

    async def upgrade(self) -> None:
        await self.anvil.send(self.admin.functions.upgrade(self.proxy.address, self.following.address))

    async def mint(self, amount: int) -> None:
        for token in self.tokens:
            paid = {"from": self.anvil.accounts[0], "to": token.address, "value": hex(amount), "data": DEPOSIT_CALL}
            sent = await self.anvil.call("eth_sendTransaction", paid)
            await self.anvil.web3.eth.wait_for_transaction_receipt(sent, timeout=20, poll_latency=0.02)
            await self.anvil.send(token.functions.transfer(self.pool.address, amount))
        await self.anvil.send(self.pool.functions.mint(self.anvil.accounts[0]))

    async def mine(self) -> None:
        """A block a second, for ever."""
        while True:
            await self.anvil.mine()
            await asyncio.sleep(1.0)


@asynccontextmanager
async def chain_at(unix_s: float) -> AsyncIterator[Chain]:
    """OpenZeppelin's proxy over WETH9, and a Uniswap V2 pool, on a node whose clock stands at `unix_s`."""
    async with running() as anvil:
        await anvil.call("anvil_setTime", hex(int(unix_s)))
        first, second = await anvil.deploy("WETH9"), await anvil.deploy("WETH9")
        admin = await anvil.deploy("ProxyAdmin")
        proxy = await anvil.deploy("TransparentUpgradeableProxy", first.address, admin.address, b"")
        factory = await anvil.deploy("UniswapV2Factory", anvil.accounts[0])
        await anvil.send(factory.functions.createPair(first.address, second.address))
        pool = anvil.at("UniswapV2Pair", await factory.functions.getPair(first.address, second.address).call())
        chain = Chain(anvil=anvil, proxy=proxy, admin=admin, following=second, pool=pool, tokens=(first, second))
        await chain.mint(DEPOSIT)
        yield chain


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The results of a run."""

    daemon: Daemon
    player: Player
    changes: list[IncidentChange]
    signals: list[Signal]
    checkpoint: bytes | None
    printed: str

    def of(self, kind: SignalKind, source: str = "") -> list[Signal]:
        return [one for one in self.signals if one.kind is kind and one.source.endswith(source)]


def settings_of(folder: Path, player: Player, chain: Chain, otlp: str) -> Settings:
    hosts = "\n".join(f'{name} = "{url}"' for name, url in player.hosts().items())
    file = folder / "stormwatch.toml"
    file.write_text(
        SETTINGS.format(
            asset=ASSET, contract=chain.proxy.address, pool=chain.pool.address, hosts=hosts, node=chain.anvil.url,
            control=f"{player.hosts()['rest']}/control", folder=folder / "store", otlp=otlp,
        ),
        encoding="utf-8",
    )  # fmt: skip
    return load_settings(file, {})


async def run_of(collector: Collector, folder: Path) -> Outcome:
    """Play the recording, upgrade and mint meanwhile; then read the database as a later reader would."""
    recording = Recording.read(FEED, PLAYED_S)
    async with chain_at(recording.begins_s - LEAD_S) as chain:
        clock = PlayedClock(recording, LEAD_S)
        player, watched, stop = Player(recording, clock), Watched(), asyncio.Event()
        await player.start()
        try:
            settings = settings_of(folder, player, chain, collector.endpoint)
            daemon = Daemon(settings, env={}, clock=clock.now, observers=(watched,))
            async with asyncio.TaskGroup() as group:
                running_daemon = group.create_task(daemon.run(stop))
                mining = group.create_task(chain.mine())
                await clock.until(recording.begins_s + UPGRADE_AT_S)
                await chain.upgrade()
                await clock.until(recording.begins_s + MINT_AT_S)
                await chain.mint(SHARE)
                await clock.until(recording.ends_s + 1)
                stop.set()
                await running_daemon
                mining.cancel()
        finally:
            await player.stop()
    store = PostgresStore(settings.store, {})
    await store.open()
    try:
        began = clock.now() - timedelta(hours=1)
        signals = [signal async for signal in store.signals(began, clock.now())]
        checkpoint = await store.load_checkpoint("local")
    finally:
        await store.close()
    printed = collector.awaited("check binance_usdm server_time", "check binance_usdm book_rest", "chain local upgrade")
    return Outcome(
        daemon=daemon, player=player, changes=watched.changes, signals=signals, checkpoint=checkpoint, printed=printed
    )


@pytest.mark.skipif(not FEED.exists(), reason="the recorded frames lie beside the repository, in shared/data/feeds")
@pytest.mark.timeout(300)
async def test_recorded_frames_and_a_real_node_pass_through_the_whole_daemon(collector: Collector) -> None:
    with TemporaryDirectory(prefix="stormwatch-") as folder:
        Path(folder).chmod(0o711)  # noqa: ASYNC240  # as root the database runs as another user, who must pass through
        outcome = await run_of(collector, Path(folder))
    every_signal_is_found_in_the_database(outcome)
    the_books_follow_the_recording_without_a_gap(outcome)
    the_recorders_clock_skew_is_an_offset_and_not_a_lag(outcome)
    the_upgrade_and_the_liquidity_are_seen(outcome)
    nothing_is_flagged_above_watch(outcome)


def every_signal_is_found_in_the_database(outcome: Outcome) -> None:
    assert not outcome.player.unknown, "every request is one the venue knows"
    assert not outcome.daemon.log.health().dropped
    assert len(outcome.signals) == outcome.daemon.pipeline.heard
    kinds = Counter(one.kind for one in outcome.signals)
    wanted = {
        SignalKind.EXPECT, SignalKind.TICK, SignalKind.REQUEST, SignalKind.CONTROL, SignalKind.HEADROOM,
        SignalKind.VENUE_STATUS, SignalKind.CLOCK_OFFSET, SignalKind.FEED_LAG, SignalKind.ENGINE_LAG, SignalKind.BOOK,
        SignalKind.FEED_OPENED, SignalKind.FEED_PULSE, SignalKind.LIQUIDATION, SignalKind.MARK_PRICE,
        SignalKind.FUNDING, SignalKind.OPEN_INTEREST, SignalKind.VOLUME, SignalKind.LONG_SHORT_RATIO, SignalKind.HEAD,
        SignalKind.UPGRADE, SignalKind.LIQUIDITY_ADDED,
    }  # fmt: skip
    assert not wanted - set(kinds), f"missing: {wanted - set(kinds)}; found {kinds}"
    refused = [one for one in outcome.of(SignalKind.REQUEST) if one.attributes["outcome"] != "ok"]
    assert not refused, refused[:3]
    assert outcome.checkpoint, "the network's checkpoint is stored"


def the_books_follow_the_recording_without_a_gap(outcome: Outcome) -> None:
    faults = (
        SignalKind.FEED_GAP, SignalKind.FEED_CLOSED, SignalKind.FEED_SILENT, SignalKind.FEED_REJECTED,
        SignalKind.MALFORMED,
    )  # fmt: skip
    assert not [one for one in outcome.signals if one.kind in faults]
    assert outcome.player.sockets == {"book": 1, "liquidation": 1}
    assert outcome.player.sent == len(outcome.player.recording.depth)
    books = outcome.of(SignalKind.BOOK, "/book_ws")
    assert len(books) > PLAYED_S * 0.8
    recording = outcome.player.recording
    for book in books:
        assert book.attributes["state"] == "ok", book
        mid, at_s = book.attributes["mid"], book.received_at.timestamp()
        assert isinstance(mid, float)
        near = [recording.mid(at_s - back_s / 10) for back_s in range(10)]
        assert min(near) * 0.9999 <= mid <= max(near) * 1.0001, (mid, near)
        assert 0 < book.value < 1, "the spread of the busiest book there is, in bps"


def the_recorders_clock_skew_is_an_offset_and_not_a_lag(outcome: Outcome) -> None:
    true_s = outcome.player.recording.behind_s
    assert abs(true_s - RECORDERS_SKEW_S) < SKEW_ABOUT_S
    asked = [one.attributes["origin"] == "rest" for one in outcome.of(SignalKind.CLOCK_OFFSET)]
    assert asked == sorted(asked), "the feed's own estimate counts only until the venue was asked"
    assert sum(asked) > PLAYED_S / 4
    for one in outcome.of(SignalKind.CLOCK_OFFSET):
        bound_s = one.attributes["bound_s"]
        assert isinstance(bound_s, float)
        assert abs(one.value - true_s) <= bound_s, one
        assert bound_s < (OFTEN_LATE_S if one.attributes["origin"] == "rest" else RECORDERS_SKEW_S / 2), one
    lags = outcome.of(SignalKind.FEED_LAG, "/book_ws")
    assert len(lags) > PLAYED_S * 0.8
    for one in lags:
        bound_s = one.attributes["bound_s"]
        assert isinstance(bound_s, float)
        assert -bound_s <= one.value, one
    assert median(one.value for one in lags) < OFTEN_LATE_S
    late = sum(one.value >= RECORDERS_SKEW_S / 2 for one in lags)
    assert late <= len(lags) / 20, "a busy machine may be late now and then; the skew would be in every frame"


def the_upgrade_and_the_liquidity_are_seen(outcome: Outcome) -> None:
    [upgrade] = [one for one in outcome.of(SignalKind.UPGRADE) if one.attributes["role"] == "implementation"]
    assert (upgrade.subject.asset, upgrade.subject.network) == (ASSET, "local")
    [added] = outcome.of(SignalKind.LIQUIDITY_ADDED)
    assert added.value == pytest.approx(SHARE / DEPOSIT, rel=0.01)
    assert upgrade.received_at < added.received_at
    assert upgrade.received_at - upgrade.event_time < timedelta(seconds=5), "block times are the played clock's"
    linked = [one for one in outcome.signals if one.link]
    assert linked
    assert linked[0].link is not None
    assert linked[0].link.partition(":")[0] in outcome.printed, "a signal's link leads to its trace"


def nothing_is_flagged_above_watch(outcome: Outcome) -> None:
    above = [(one.at, one.level, one.headline) for one in outcome.changes if one.level > Level.WATCH]
    assert not above
