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

from monitor.correlator.coverage import Coverage
from monitor.incidents import Leg
from monitor.intake import Intake
from monitor.signals import Scalar, Signal, SignalKind, Subject
from probes import venues
from probes.feeds.runner import FeedRunner
from probes.feeds.settings import FeedSetting, feed_url
from probes.readings import FeedEvent, Instrument, Market, Reading
from probes.rest.http import USER_AGENT, session, tls_context
from probes.rest.venue_state import VenueState
from tests.probes.feeds.running_feed import feed
from tests.probes.loopback import serving

T0 = datetime(2026, 11, 1, tzinfo=UTC)
VENUES = ("binance_usdm", "bybit", "okx", "gate")
SYMBOLS = {
    "binance_usdm": ("BTCUSDT", "ETHUSDT"),
    "bybit": ("BTCUSDT", "ETHUSDT"),
    "okx": ("BTC-USDT-SWAP", "ETH-USDT-SWAP"),
    "gate": ("BTC_USDT", "ETH_USDT"),
}
LIQUIDATIONS = ("forceOrder", "allLiquidation", "liquidation-orders", "public_liquidates")
RENEW_S = 30.0
UNSEEN_WITHIN_S = 15
PATIENCE_S = 20.0


def instruments(venue: str) -> list[Instrument]:
    return [
        Instrument(symbol=symbol, base=symbol[:3], quote="USDT", market=Market.PERP, contract_size=Decimal("0.01"))
        for symbol in SYMBOLS[venue]
    ]


def is_liquidation(name: str) -> bool:
    return any(one in name for one in LIQUIDATIONS)


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
class MadeVenue:
    """One venue's liquidation socket. `refuses` and `ignores` say which topics it refuses or does not answer for."""

    venue: str
    clock: JumpingClock
    refuses: Callable[[str], bool] = lambda _name: False
    ignores: Callable[[str], bool] = lambda _name: False
    dead: bool = False
    sockets: list[web.WebSocketResponse] = field(default_factory=list)

    async def talk(self, socket: web.WebSocketResponse, number: int) -> None:
        self.sockets.append(socket)
        await asyncio.Event().wait()

    async def hear(self, socket: web.WebSocketResponse, text: str) -> None:
        for answer in () if self.dead else self.answers(json.loads(text)):
            await socket.send_str(json.dumps(answer))

    def answers(self, asked: dict[str, Any]) -> list[dict[str, Any]]:
        return {"binance_usdm": self._binance, "bybit": self._bybit, "okx": self._okx, "gate": self._gate}[self.venue](
            asked
        )

    def _binance(self, asked: dict[str, Any]) -> list[dict[str, Any]]:
        names = ["!forceOrder@arr", *(f"{one.lower()}@markPrice@1s" for one in SYMBOLS[self.venue])]
        if any(self.ignores(one) for one in names):
            return []
        return [{"result": [one for one in names if not self.refuses(one)], "id": asked["id"]}]

    def _bybit(self, asked: dict[str, Any]) -> list[dict[str, Any]]:
        said = {"op": "subscribe", "req_id": asked["req_id"], "conn_id": "made"}
        bad = [one for one in asked["args"] if self.refuses(one)]
        if bad:
            return [{**said, "success": False, "ret_msg": f"error:handler not found,topic:{bad[0]}"}]
        if all(self.ignores(one) for one in asked["args"]):
            return []
        return [{**said, "success": True, "ret_msg": "subscribe"}]

    def _okx(self, asked: dict[str, Any]) -> list[dict[str, Any]]:
        answers: list[dict[str, Any]] = []
        for arg in asked["args"]:
            name = arg["channel"] + arg.get("instId", "")
            if self.refuses(name):
                answers.append({"event": "error", "code": "60018"})
            elif not self.ignores(name):
                answers.append({"event": "subscribe", "arg": arg, "connId": "made"})
        return answers

    def _gate(self, asked: dict[str, Any]) -> list[dict[str, Any]]:
        said = {key: asked[key] for key in ("time", "id", "channel", "event", "payload")}
        name = asked["channel"] + asked["payload"][0]
        if self.refuses(name):
            return [{**said, "error": {"code": 2, "message": "unknown channel"}, "result": {"status": "fail"}}]
        return [] if self.ignores(name) else [{**said, "result": {"status": "success"}}]

    async def push(self, *frames: dict[str, Any]) -> None:
        for one in frames:
            await self.sockets[-1].send_str(json.dumps(one))

    def siblings(self) -> list[dict[str, Any]]:
        """The companions of the liquidation channel: prices of both instruments."""
        ms = self.clock.ms
        made: dict[str, Callable[[str], dict[str, Any]]] = {
            "binance_usdm": lambda one: {"e": "markPriceUpdate", "E": ms, "s": one, "p": "100", "i": "99", "r": "0", "T": ms},
            "bybit": lambda one: {
                "topic": f"tickers.{one}", "type": "snapshot", "ts": ms, "data": {"symbol": one, "markPrice": "100"},
            },
            "okx": lambda one: {
                "arg": {"channel": "mark-price", "instId": one}, "data": [{"instId": one, "markPx": "100", "ts": str(ms)}],
            },
            "gate": lambda one: {
                "channel": "futures.tickers", "event": "update", "time_ms": ms,
                "result": [{"contract": one, "mark_price": "100"}],
            },
        }  # fmt: skip
        return [made[self.venue](one) for one in SYMBOLS[self.venue]]

    def liquidation(self, number: int = 0) -> dict[str, Any]:
        ms, one = self.clock.ms, SYMBOLS[self.venue][number]
        order = {"s": one, "S": "SELL", "q": "1", "p": "100", "ap": "100", "z": "1", "T": ms}
        detail = {"side": "sell", "posSide": "long", "bkPx": "100", "sz": "1", "ts": str(ms)}
        frames: dict[str, dict[str, Any]] = {
            "binance_usdm": {"e": "forceOrder", "E": ms, "o": order, "st": 1},
            "bybit": {
                "topic": f"allLiquidation.{one}", "type": "snapshot", "ts": ms,
                "data": [{"T": ms, "s": one, "S": "Buy", "v": "1", "p": "100"}],
            },
            "okx": {
                "arg": {"channel": "liquidation-orders", "instType": "SWAP"},
                "data": [{"instId": one, "details": [detail]}],
            },
            "gate": {
                "channel": "futures.public_liquidates", "event": "update", "time_ms": ms,
                "result": [{"price": "100", "size": "1", "time": ms, "contract": one}],
            },
        }  # fmt: skip
        return frames[self.venue]


@dataclass(slots=True)
class Watched:
    """The feed as the monitor sees it: its signals, and the coverage of the liquidation leg of each asset."""

    made: MadeVenue
    coverage: Coverage = field(default_factory=Coverage)
    kinds: list[SignalKind] = field(default_factory=list)
    intake: Intake = field(init=False)

    def __post_init__(self) -> None:
        self.intake = Intake(vantage="here", assets=["BTC", "ETH"])
        self.intake.know(self.made.venue, instruments(self.made.venue))
        for asset in ("BTC", "ETH"):
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
                before = self.kinds.count(SignalKind.MARK_PRICE)
                await self.made.push(*self.made.siblings())
                await self.until(lambda before=before: self.kinds.count(SignalKind.MARK_PRICE) >= before + 2)  # type: ignore[misc]
            await self.made.clock.seen()

    async def until(self, wanted: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not wanted():
                await self.made.clock.seen()


@asynccontextmanager
async def watched(venue: str, monkeypatch: pytest.MonkeyPatch, **behaviour: Any) -> AsyncIterator[Watched]:
    clock = JumpingClock()
    monkeypatch.setattr("probes.feeds.runner.monotonic", clock.tick)
    made = MadeVenue(venue, clock, **behaviour)
    one = replace(feed(venue, "liquidation"), renew_s=RENEW_S, backlog_first=False)
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


@pytest.mark.parametrize("venue", VENUES)
async def test_an_acknowledged_calm_channel_is_covered(venue: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with watched(venue, monkeypatch) as one:
        await one.seconds(3)
        assert (one.seen("BTC"), one.seen("ETH")) == (1.0, 1.0)
        await one.seconds(70)
        assert (one.seen("BTC"), one.seen("ETH")) == (1.0, 1.0), "its renewals are acknowledged"


@pytest.mark.parametrize("venue", VENUES)
async def test_a_refused_channel_is_uncovered_until_it_speaks_itself(
    venue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watched(venue, monkeypatch, refuses=is_liquidation) as one:
        await one.seconds(UNSEEN_WITHIN_S)
        assert one.seen("BTC") == 0.0
        assert "refused" in one.why("BTC")
        await one.seconds(60)
        assert one.seen("BTC") == 0.0, "no sibling heals it"
        await one.made.push(one.made.liquidation())
        await one.until(lambda: SignalKind.LIQUIDATION in one.kinds)
        assert one.seen("BTC") == 1.0


@pytest.mark.parametrize("venue", VENUES)
async def test_a_mute_channel_is_uncovered_once_nobody_confirms_it_any_more(
    venue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watched(venue, monkeypatch) as one:
        await one.seconds(3)
        assert one.seen("BTC") == 1.0
        one.made.ignores = is_liquidation
        await one.seconds(int(RENEW_S) - 3 + UNSEEN_WITHIN_S)
        assert one.seen("BTC") == 0.0
        await one.seconds(60)
        assert one.seen("BTC") == 0.0, "no sibling heals it"
        assert "not acknowledged" in one.why("BTC")
        await one.made.push(one.made.liquidation())
        await one.until(lambda: SignalKind.LIQUIDATION in one.kinds)
        assert one.seen("BTC") == 1.0


@pytest.mark.parametrize("venue", VENUES)
async def test_a_dead_socket_uncovers_the_channel_until_a_new_one_is_confirmed(
    venue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watched(venue, monkeypatch) as one:
        await one.seconds(3)
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
        assert one.seen("BTC") == 1.0


@pytest.mark.parametrize("venue", VENUES)
async def test_of_a_request_half_of_which_is_refused_the_other_half_is_covered(
    venue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(name: str) -> bool:
        return is_liquidation(name) and (venue != "bybit" or "ETH" in name)

    async with watched(venue, monkeypatch, refuses=half) as one:
        await one.seconds(UNSEEN_WITHIN_S)
        assert (one.seen("BTC"), one.seen("ETH")) == ((1.0, 0.0) if venue == "bybit" else (0.0, 0.0))
        await one.seconds(40)
        assert one.seen("ETH") == 0.0, "no sibling heals it"
        await one.made.push(one.made.liquidation(1))
        await one.until(lambda: SignalKind.LIQUIDATION in one.kinds)
        assert (one.seen("BTC"), one.seen("ETH")) == (1.0, 1.0)


async def test_a_feed_event_alone_says_refused_as_it_always_did(monkeypatch: pytest.MonkeyPatch) -> None:
    async with watched("okx", monkeypatch, refuses=is_liquidation) as one:
        await one.seconds(2)
        assert SignalKind.FEED_REJECTED in one.kinds
        assert FeedEvent.REJECTED.value == "rejected"
