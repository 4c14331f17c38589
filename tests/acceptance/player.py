"""Plays a recording of Binance USD-M over loopback, at its speed and by its clock: WebSocket streams and REST answers.

Depth frames are the recording's own bytes. REST answers follow from the frames played so far: the depth from the recorded
snapshot and the frames since, prices from the recorded quotes, the time from the clock plus the recorder's lag behind
the venue. The recording has no forced orders and no mark prices: those frames are built from recorded quotes and trades.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

from aiohttp import web

ASSET = "BTC"
SYMBOL = "BTCUSDT"
DEPTH_LEVELS = 1000
MARK_S = 1.0
FORCED_S = 15.0
FULL = 100_000.0
"""Base units of a day's volume and of open interest: invented, of a normal size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One recorded line: its receipt time (unix seconds by the recorder's clock), its bytes and their content."""

    at_s: float
    raw: bytes
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Recording:
    """The first seconds of a recorded file: frames in order, and the REST snapshot of the book that is among them."""

    depth: list[Frame]
    quotes: list[Frame]
    trades: list[Frame]
    snapshot: Frame

    @classmethod
    def read(cls, path: Path, length_s: float) -> Recording:
        """Read `length_s` seconds (the README beside the file describes the format)."""
        frames: dict[str, list[Frame]] = {"depthUpdate": [], "bookTicker": [], "trade": []}
        snapshots: list[Frame] = []
        with gzip.open(path, "rb") as lines:
            for line in lines:
                if not line.strip():
                    continue
                stamp, _, raw = line.strip().partition(b" ")
                frame = Frame(at_s=int(stamp) / 1e9, raw=raw, content=json.loads(raw))
                if frames["depthUpdate"] and frame.at_s - frames["depthUpdate"][0].at_s > length_s:
                    break
                if "lastUpdateId" in frame.content:
                    snapshots.append(frame)
                else:
                    frames[frame.content["data"]["e"]].append(frame)
        return cls(frames["depthUpdate"], frames["bookTicker"], frames["trade"], snapshots[0])

    @property
    def begins_s(self) -> float:
        """The receipt time of its first frame."""
        return self.depth[0].at_s

    @property
    def ends_s(self) -> float:
        """The receipt time of its last depth frame."""
        return self.depth[-1].at_s

    @property
    def behind_s(self) -> float:
        """The seconds by which the recorder's clock was behind the venue's, from the fastest frame: the largest E − receipt."""
        frames = [*self.depth, *self.quotes, *self.trades]
        return max(float(frame.content["data"]["E"]) / 1000 - frame.at_s for frame in frames)

    def quote(self, at_s: float) -> Frame:
        """The last best bid and ask received by then (before any, the first one)."""
        return self.quotes[max(bisect_right(self.quotes, at_s, key=lambda one: one.at_s) - 1, 0)]

    def mid(self, at_s: float) -> float:
        """The middle of that quote."""
        content = self.quote(at_s).content["data"]
        return (float(content["b"]) + float(content["a"])) / 2


@dataclass(slots=True)
class VenueBook:
    """The venue's own book, for its REST answers: the recorded snapshot and every change since."""

    last_id: int
    stamps: tuple[int, int]
    bids: dict[str, str]
    asks: dict[str, str]

    @classmethod
    def of(cls, snapshot: dict[str, Any]) -> VenueBook:
        """The book of a REST snapshot."""
        stamps = (int(snapshot["E"]), int(snapshot["T"]))
        return cls(int(snapshot["lastUpdateId"]), stamps, dict(snapshot["bids"]), dict(snapshot["asks"]))

    def apply(self, change: dict[str, Any]) -> None:
        """Apply one recorded change; ignore one that is older than the book."""
        if change["u"] <= self.last_id:
            return
        for side, levels in ((self.bids, change["b"]), (self.asks, change["a"])):
            for price, size in levels:
                if float(size):
                    side[price] = size
                else:
                    side.pop(price, None)
        self.last_id, self.stamps = change["u"], (change["E"], change["T"])

    def answer(self) -> dict[str, Any]:
        """The venue's answer."""
        bids = sorted(self.bids.items(), key=lambda level: -float(level[0]))[:DEPTH_LEVELS]
        asks = sorted(self.asks.items(), key=lambda level: float(level[0]))[:DEPTH_LEVELS]
        event, engine = self.stamps
        return {"lastUpdateId": self.last_id, "E": event, "T": engine, "bids": bids, "asks": asks}


@dataclass(slots=True)
class PlayedClock:
    """The recorder's clock: it starts `lead_s` before the recording begins and runs from there."""

    recording: Recording
    lead_s: float
    _created_s: float = field(default_factory=monotonic)

    def now_s(self) -> float:
        """Unix seconds by the recorder's clock."""
        return self.recording.begins_s - self.lead_s + monotonic() - self._created_s

    def now(self) -> datetime:
        """The same as an aware datetime: the daemon's clock."""
        return datetime.fromtimestamp(self.now_s(), UTC)

    async def until(self, at_s: float) -> None:
        """Wait for a time by this clock."""
        await asyncio.sleep(max(at_s - self.now_s(), 0.0))


class Player:
    """The venue on loopback: counts depth frames `sent` and connections by feed, and lists requests it does not know."""

    def __init__(self, recording: Recording, clock: PlayedClock) -> None:
        self.recording = recording
        self.clock = clock
        self.sent = 0
        self.sockets: dict[str, int] = {"book": 0, "liquidation": 0}
        self.unknown: list[str] = []
        self._book = VenueBook.of(recording.snapshot.content)
        self._applied = 0
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self) -> None:
        """Listen on a free loopback port."""
        app = web.Application()
        app.router.add_get("/public/stream", self._book_feed)
        app.router.add_get("/market/stream", self._liquidation_feed)
        app.router.add_get("/{path:.*}", self._rest)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    def hosts(self) -> dict[str, str]:
        """The dialect's hosts on this server."""
        web_socket, rest = f"ws://127.0.0.1:{self.port}", f"http://127.0.0.1:{self.port}"
        return {"rest": rest, "spot": rest, "ws_public": f"{web_socket}/public", "ws_market": f"{web_socket}/market"}

    async def _book_feed(self, request: web.Request) -> web.StreamResponse:
        """The recorded depth frames from now on, byte for byte, each at its recorded time."""
        if f"{SYMBOL.lower()}@depth@100ms" not in request.query["streams"].split("/"):
            self.unknown.append(str(request.rel_url))
        self.sockets["book"] += 1
        since_s = self.clock.now_s()
        frames = ((one.at_s, one.raw) for one in self.recording.depth if one.at_s >= since_s)
        return await self._push(request, frames, self._count)

    def _count(self) -> None:
        self.sent += 1

    async def _liquidation_feed(self, request: web.Request) -> web.StreamResponse:
        """Send a mark price every second and a forced order every FORCED_S, built from recorded quotes and trades."""
        if {"!forceOrder@arr", f"{SYMBOL.lower()}@markPrice@1s"} - set(request.query["streams"].split("/")):
            self.unknown.append(str(request.rel_url))
        self.sockets["liquidation"] += 1
        return await self._push(request, self._synthetic_frames(), lambda: None)

    def _synthetic_frames(self) -> Iterator[tuple[float, bytes]]:
        number = 0
        while True:
            at_s = self.clock.now_s() + MARK_S
            quote = self.recording.quote(at_s).content["data"]
            stamp = int((at_s + self.recording.behind_s) * 1000)
            price = f"{(float(quote['b']) + float(quote['a'])) / 2:.2f}"
            mark = {"e": "markPriceUpdate", "E": stamp, "s": SYMBOL, "p": price, "i": price, "r": "0.0001", "T": stamp}
            yield at_s, _wrapped(f"{SYMBOL.lower()}@markPrice@1s", mark)
            number += 1
            if number % round(FORCED_S / MARK_S) == 0:
                at = max(bisect_right(self.recording.trades, at_s, key=lambda one: one.at_s) - 1, 0)
                trade = self.recording.trades[at].content["data"]
                order = {"s": SYMBOL, "S": "SELL", "q": trade["q"], "p": trade["p"], "ap": trade["p"], "z": trade["q"]}
                forced = {"e": "forceOrder", "E": stamp, "o": {**order, "T": stamp}}
                yield at_s, _wrapped("!forceOrder@arr", forced)

    async def _push(
        self, request: web.Request, frames: Iterator[tuple[float, bytes]], on_sent: Callable[[], None]
    ) -> web.StreamResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        listening = asyncio.create_task(_listen(socket))
        try:
            for at_s, raw in frames:
                await self.clock.until(at_s)
                if listening.done():
                    break
                await socket.send_str(raw.decode())
                on_sent()
            await listening
        except ConnectionError:
            pass  # the client left
        finally:
            listening.cancel()
        return socket

    async def _rest(self, request: web.Request) -> web.Response:
        path = request.match_info["path"]
        if path.startswith("control/"):
            return web.json_response({})
        if path == "fapi/v1/depth":
            self._catch_up()  # before the recording began, the book is the snapshot alone
            return web.json_response(self._book.answer())
        answer = self._answers(path)
        if answer is None:
            self.unknown.append(path)
            return web.json_response({"code": -1121, "msg": "Invalid symbol."}, status=400)
        return web.json_response(answer, headers={"X-MBX-USED-WEIGHT-1M": "40"})

    def _catch_up(self) -> None:
        """Apply the frames played by now."""
        depth, now_s = self.recording.depth, self.clock.now_s()
        while self._applied < len(depth) and depth[self._applied].at_s <= now_s:
            self._book.apply(depth[self._applied].content["data"])
            self._applied += 1

    def _answers(self, path: str) -> object:
        now_s = self.clock.now_s()
        venue_ms = int((now_s + self.recording.behind_s) * 1000)
        price = f"{self.recording.mid(now_s):.2f}"
        volume = {
            "volume": str(FULL),
            "quoteVolume": str(FULL * float(price)),
            "lastPrice": price,
            "closeTime": venue_ms,
        }
        listed = {"symbol": SYMBOL, "status": "TRADING", "baseAsset": ASSET, "quoteAsset": "USDT"}
        ratio = [{"symbol": SYMBOL, "longShortRatio": "1.1", "timestamp": venue_ms}]
        answers: dict[str, object] = {
            "fapi/v1/time": {"serverTime": venue_ms},
            "fapi/v1/exchangeInfo": {"symbols": [{**listed, "contractType": "PERPETUAL"}]},
            "fapi/v1/openInterest": {"symbol": SYMBOL, "openInterest": str(FULL), "time": venue_ms},
            "fapi/v1/premiumIndex": {
                "symbol": SYMBOL, "markPrice": price, "indexPrice": price, "lastFundingRate": "0.0001", "time": venue_ms,
                "nextFundingTime": int((now_s + timedelta(hours=4).total_seconds()) * 1000),
            },
            "fapi/v1/ticker/24hr": {"symbol": SYMBOL, **volume},
            "api/v3/ticker/24hr": {"symbol": SYMBOL, **volume},
            "sapi/v1/system/status": {"status": 0, "msg": "normal"},
            "futures/data/globalLongShortAccountRatio": ratio,
            "futures/data/topLongShortAccountRatio": ratio,
        }  # fmt: skip
        return answers.get(path)


async def _listen(socket: web.WebSocketResponse) -> None:
    """Read until the client leaves; answers its pings."""
    async for _ in socket:
        pass


def _wrapped(stream: str, content: dict[str, Any]) -> bytes:
    return json.dumps({"stream": stream, "data": content}, separators=(",", ":")).encode()
