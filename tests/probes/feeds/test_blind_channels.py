"""A liquidation channel that is refused, mute, dead or half refused is uncovered in fifteen seconds, whatever its siblings send.

A real runner of each venue's real feed, a socket on loopback that answers as the venue documents, a clock that jumps by seconds.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from monitor.correlator import CorrelatorSettings
from monitor.correlator.coverage import Coverage
from monitor.incidents import Leg
from monitor.intake import Intake
from monitor.signals import Scalar, Signal, SignalKind, Subject
from probes import venues
from probes.feeds.claims import ACK_WAIT_S
from probes.feeds.runner import FeedRunner
from probes.feeds.settings import FeedSetting, feed_url
from probes.readings import FeedEvent, Instrument, Liquidation, Market, Reading
from probes.readings.topics import Topic
from probes.rest.http import USER_AGENT, session, tls_context
from probes.rest.venue_state import VenueState
from tests.probes.feeds.running_feed import feed
from tests.probes.feeds.sockets import Behaviour, Frame, MadeSocket, has_socket, socket_of
from tests.probes.loopback import serving

T0 = datetime(2026, 11, 1, tzinfo=UTC)
LIQUIDATING = [name for name in venues.NAMES if any(one.name == "liquidation" for one in venues.declared(name).feeds)]
VENUES = [name for name in LIQUIDATING if has_socket(name)]
ASSETS = ("BTC", "ETH")
UNSEEN_WITHIN_S = 15
SLOWEST_S = 26
"""Where the venue allows fewer subscriptions an hour than one each nine seconds: Bitget's 240."""
PATIENCE_S = 20.0
ENOUGH_FOR_CALM = CorrelatorSettings().false_coverage


def instruments(venue: str) -> list[Instrument]:
    return [
        Instrument(symbol=symbol, base=asset, quote="USDT", market=Market.PERP, contract_size=Decimal("0.01"))
        for asset, symbol in zip(ASSETS, socket_of(venue).symbols, strict=True)
    ]


def topics(venue: str) -> list[Topic]:
    """The topics of liquidations: one of the whole venue, or one of each contract."""
    every = feed(venue, "liquidation").topics(instruments(venue))
    return [one for one in every if one.speaks == (Liquidation,)]


def of_liquidations(venue: str) -> Callable[[str], bool]:
    names = {one.name for one in topics(venue)}
    return lambda name: name in names


@dataclass(slots=True)
class JumpingClock:
    """A clock that moves only by `jump`. Whoever waits for `seen` waits until it has been read a few times since."""

    seconds: float = 0.0
    reads: int = 0
    read: asyncio.Event = field(default_factory=asyncio.Event)

    def now(self) -> datetime:
        self.reads += 1
        self.read.set()
        return T0 + timedelta(seconds=self.seconds)

    def tick(self) -> float:
        return self.seconds

    @property
    def ms(self) -> int:
        return int((T0.timestamp() + self.seconds) * 1000)

    async def seen(self) -> None:
        until = self.reads + 4
        while self.reads < until:
            self.read.clear()
            await self.read.wait()


@dataclass(slots=True)
class MadeVenue(Behaviour):
    """One venue's liquidation socket."""

    venue: str = ""
    clock: JumpingClock = field(default_factory=JumpingClock)
    dead: bool = False
    sockets: list[web.WebSocketResponse] = field(default_factory=list)

    @property
    def made(self) -> MadeSocket:
        return socket_of(self.venue)

    async def talk(self, socket: web.WebSocketResponse, number: int) -> None:
        self.sockets.append(socket)
        await asyncio.Event().wait()

    async def hear(self, socket: web.WebSocketResponse, text: str) -> None:
        for answer in () if self.dead else self.made.answers(json.loads(text), self):
            await self._send(socket, answer)

    async def push(self, *frames: Frame) -> None:
        for one in frames:
            await self._send(self.sockets[-1], one)

    async def _send(self, socket: web.WebSocketResponse, frame: Frame) -> None:
        text = json.dumps(frame)
        if self.made.pack is None:
            await socket.send_str(text)
        else:
            await socket.send_bytes(self.made.pack(text.encode()))

    def siblings(self) -> list[Frame]:
        """The companions of the liquidation channel, about both instruments."""
        return [self.made.sibling(one, self.clock.ms) for one in self.made.symbols]

    def liquidation(self, number: int = 0) -> Frame:
        return self.made.liquidation(self.made.symbols[number], self.clock.ms)


@dataclass(slots=True)
class Watched:
    """The feed as the monitor sees it: its signals, and the coverage of the liquidation leg of each asset."""

    made: MadeVenue
    coverage: Coverage = field(default_factory=Coverage)
    kinds: list[SignalKind] = field(default_factory=list)
    intake: Intake = field(init=False)

    def __post_init__(self) -> None:
        self.intake = Intake(vantage="here", assets=ASSETS)
        self.intake.know(self.made.venue, instruments(self.made.venue))
        for asset in ASSETS:
            subject = Subject(asset=asset, venue=self.made.venue, vantage="here")
            source = f"{self.made.venue}/liquidation"
            leg: dict[str, Scalar] = {"leg": "liquidation", "weight": 1.0}
            self.coverage.on_signal(Signal(SignalKind.EXPECT, subject, T0, T0, source, 0, 15.0, leg), 0.0)

    def put(self, reading: Reading) -> None:
        for signal in self.intake.reading(reading):
            self.kinds.append(signal.kind)
            self.coverage.on_signal(signal, self.made.clock.seconds)

    def seen(self, asset: str) -> float:
        return self.coverage.of_leg(asset, Leg.LIQUIDATION, self.made.clock.seconds)[0]

    def why(self, asset: str) -> str:
        ((source, _),) = self.coverage.of_leg(asset, Leg.LIQUIDATION, self.made.clock.seconds)[1]
        return source.why(self.made.clock.seconds, asset)

    async def seconds(self, count: int) -> None:
        """Pass seconds, with the siblings' frames in each while the venue lives."""
        for _ in range(count):
            self.made.clock.seconds += 1
            if not self.made.dead and self.made.sockets:
                kind = self.made.made.sibling_kind
                due = self.kinds.count(kind) + 2
                await self.made.push(*self.made.siblings())
                await self.until(lambda kind=kind, due=due: self.kinds.count(kind) >= due)  # type: ignore[misc]
            await self.made.clock.seen()

    async def until(self, wanted: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not wanted():
                await self.made.clock.seen()


@asynccontextmanager
async def watched(venue: str, monkeypatch: pytest.MonkeyPatch, **behaviour: Any) -> AsyncIterator[Watched]:
    clock = JumpingClock()
    monkeypatch.setattr("probes.feeds.runner.monotonic", clock.tick)
    made = MadeVenue(venue=venue, clock=clock, **behaviour)
    one = replace(feed(venue, "liquidation"), backlog_first=False)
    state = VenueState(venues.declared(venue))
    state.list_instruments(instruments(venue), whole=True)
    under_watch = Watched(made)
    async with serving(talk=made.talk) as served, session(tls_context(), USER_AGENT) as client:
        served.hear = made.hear
        setting = FeedSetting(
            url=feed_url(one.host, one, instruments(venue), {one.host: served.ws_url}), client=client, clock=clock.now,
            emit=under_watch.put, seed=1, first_pause_s=0.01, sample_s=0.005, instruments=instruments(venue),
        )  # fmt: skip
        running = asyncio.create_task(FeedRunner(state, one, setting).run())
        try:
            await under_watch.until(lambda: bool(made.sockets))
            yield under_watch
        finally:
            failed = running.done()
            running.cancel()
            await asyncio.gather(running, return_exceptions=not failed)


def test_each_venue_with_a_feed_of_liquidations_is_here() -> None:
    assert [name for name in LIQUIDATING if name not in VENUES] == []


def test_a_mute_channel_is_known_within_fifteen_seconds_save_where_the_venue_allows_too_few_requests() -> None:
    within = [feed(one, "liquidation").prove_s + ACK_WAIT_S + 1 for one in VENUES]
    assert max(within) <= SLOWEST_S
    assert len([seconds for seconds in within if seconds > UNSEEN_WITHIN_S]) < len(within) / 4


async def speak(one: Watched, number: int = 0) -> None:
    """The channel sends a liquidation of an instrument."""
    due = one.kinds.count(SignalKind.LIQUIDATION) + 1
    await one.made.push(one.made.liquidation(number))
    await one.until(lambda: one.kinds.count(SignalKind.LIQUIDATION) >= due)


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.slow
async def test_an_acknowledged_channel_is_less_than_calm_needs_until_it_speaks_and_then_is_covered(
    venue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watched(venue, monkeypatch) as one:
        for _ in range(20):
            await one.seconds(1)
            assert one.seen("BTC") < ENOUGH_FOR_CALM, "mute, and nobody can tell it from one with nothing to say"
        assert one.seen("BTC") > 0.0
        await speak(one)
        assert one.seen("BTC") == 1.0
        await one.seconds(40)
        assert one.seen("BTC") == 1.0, "its renewals are acknowledged"


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.slow
async def test_a_refused_channel_is_uncovered_until_it_speaks_itself(
    venue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watched(venue, monkeypatch, refuses=of_liquidations(venue)) as one:
        await one.seconds(UNSEEN_WITHIN_S)
        assert one.seen("BTC") == 0.0
        assert "refused" in one.why("BTC")
        await one.seconds(30)
        assert one.seen("BTC") == 0.0, "no sibling heals it"
        await speak(one)
        assert one.seen("BTC") == 1.0


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.slow
async def test_a_mute_channel_is_uncovered_once_nobody_confirms_it_any_more(
    venue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watched(venue, monkeypatch) as one:
        await one.seconds(3)
        await speak(one)
        assert one.seen("BTC") == 1.0
        one.made.ignores = of_liquidations(venue)
        prove_s = feed(venue, "liquidation").prove_s
        await one.seconds(UNSEEN_WITHIN_S if prove_s < UNSEEN_WITHIN_S - ACK_WAIT_S else SLOWEST_S)
        assert one.seen("BTC") == 0.0
        assert "not acknowledged" in one.why("BTC")
        await one.seconds(30)
        assert one.seen("BTC") == 0.0, "no sibling heals it"
        await speak(one)
        assert one.seen("BTC") == 1.0


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.slow
async def test_a_dead_socket_uncovers_the_channel_and_a_new_one_is_not_enough_for_calm_until_it_speaks(
    venue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watched(venue, monkeypatch) as one:
        await one.seconds(3)
        await speak(one)
        assert one.seen("BTC") == 1.0
        one.made.dead = True
        await one.seconds(UNSEEN_WITHIN_S)
        assert one.seen("BTC") == 0.0
        connections = len(one.made.sockets)
        await one.seconds(20)
        await one.until(lambda: len(one.made.sockets) > connections)
        assert one.seen("BTC") == 0.0, "a new socket alone proves nothing"
        one.made.dead = False
        connections = len(one.made.sockets)
        await one.made.sockets[-1].close()
        await one.until(lambda: len(one.made.sockets) > connections)
        await one.seconds(3)
        assert one.seen("BTC") < ENOUGH_FOR_CALM
        await speak(one)
        assert one.seen("BTC") == 1.0


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.slow
async def test_of_a_request_half_of_which_is_refused_the_other_half_is_covered_once_it_speaks(
    venue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_contract = all(one.instrument is not None for one in topics(venue))
    refused = {one.name for one in topics(venue) if one.instrument in (None, socket_of(venue).symbols[1])}

    def half(name: str) -> bool:
        return name in refused

    async with watched(venue, monkeypatch, refuses=half) as one:
        await one.seconds(UNSEEN_WITHIN_S)
        assert one.seen("ETH") == 0.0
        assert one.seen("BTC") < ENOUGH_FOR_CALM
        assert (one.seen("BTC") > 0.0) is by_contract
        if by_contract:
            await speak(one, 0)
            assert (one.seen("BTC"), one.seen("ETH")) == (1.0, 0.0)
        await one.seconds(20)
        assert one.seen("ETH") == 0.0, "no sibling heals it"
        await speak(one, 1)
        assert (one.seen("BTC"), one.seen("ETH")) == (1.0, 1.0)


@pytest.mark.parametrize("venue", [one for one in VENUES if socket_of(one).trade is not None])
async def test_a_trade_of_the_same_channel_proves_it_although_it_is_no_liquidation(
    venue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watched(venue, monkeypatch, ignores=of_liquidations(venue)) as one:
        await one.seconds(UNSEEN_WITHIN_S)
        assert one.seen("BTC") == 0.0
        trade = one.made.made.trade
        assert trade is not None
        await one.made.push(trade(one.made.made.symbols[0], one.made.clock.ms))
        await one.until(lambda: one.seen("BTC") == 1.0)
        assert SignalKind.LIQUIDATION not in one.kinds


async def test_a_feed_event_alone_says_refused_as_it_always_did(monkeypatch: pytest.MonkeyPatch) -> None:
    async with watched("okx", monkeypatch, refuses=of_liquidations("okx")) as one:
        await one.seconds(2)
        assert SignalKind.FEED_REJECTED in one.kinds
        assert FeedEvent.REJECTED.value == "rejected"
