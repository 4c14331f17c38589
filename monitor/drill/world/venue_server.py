"""Serves one simulated venue on loopback: its dialect over HTTP and WebSocket, with the effects of the weather.

This file knows sockets and a clock; the dialect makes the payloads. Outage: HTTP 503, sockets dropped. Network down: every
transport aborted. Throttling and latency affect REST only.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiohttp import web

from monitor.drill.scenario import Mute
from monitor.drill.world.dialect import Dialect, Frame, RestRequest, SocketReply
from monitor.drill.world.listening import Server, abort
from monitor.drill.world.market import Change, SimVenue
from monitor.drill.world.sockets import Connection, Sockets
from monitor.drill.world.weather import Weather

Now = Callable[[], float]
"""Unix seconds."""
Forecast = Callable[[], Weather]
"""The weather of one venue now."""
LIQUIDATION_TOPICS = ("forced", "mark", "interest", "ticker:perp", "ticker:spot", "pulse")
"""Topics of the liquidation feeds."""


class VenueServer:
    """Serves one venue; call `publish` after each step of its market."""

    def __init__(self, dialect: Dialect, venue: SimVenue, forecast: Forecast, now: Now, seed: int) -> None:
        self.dialect = dialect
        self.venue = venue
        self.forecast = forecast
        self._now = now
        self._random = random.Random(seed)  # noqa: S311  # a model, not secrecy
        self._sockets = Sockets()
        self._server = Server(self._serve)
        self._next_second = 0
        self._next_flush = 0

    async def start(self) -> dict[str, str]:
        """Listen on a free port. Returns base URLs by host key."""
        return dict(self.dialect.hosts(await self._server.start()))

    async def stop(self) -> None:
        """Drop every client and close the port."""
        self._sockets.drop_all()
        await self._server.stop()

    def _ms(self) -> int:
        return int(self._now() * 1000)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        weather = self.venue.weather = self.forecast()
        if weather.network_down:
            return abort(request)
        if weather.outage or self._fails(request, weather):
            return web.Response(status=503, text="Service Unavailable")
        opened = self.dialect.opened(request.path, request.query)
        if opened is not None:
            return await self._socket(request, opened)
        if weather.rest_latency_s > 0:
            await asyncio.sleep(weather.rest_latency_s * self._random.uniform(0.7, 1.3))
        if self.forecast().network_down:
            return abort(request)
        rest_request = RestRequest(
            path=request.path, query=request.query, now_ms=self._ms(), body=await _posted(request)
        )  # fmt: skip
        if self._random.random() < weather.throttle:
            reply = self.dialect.throttled(rest_request, self.venue)
        else:
            found = self.dialect.rest(rest_request, self.venue)
            if found is None:
                return web.Response(status=404, text="Not Found")
            reply = found
        return web.Response(
            status=reply.status, body=reply.body(), content_type="application/json", headers=dict(reply.headers)
        )

    def _fails(self, request: web.Request, weather: Weather) -> bool:
        """Whether this request is one of the share that fails. Sockets are not: they stay as they are."""
        if not weather.failing or self.dialect.opened(request.path, request.query) is not None:
            return False
        return self._random.random() < weather.failing

    async def _socket(self, request: web.Request, opened: SocketReply) -> web.StreamResponse:
        connection = Connection(request, request.path)
        await connection.open()
        pump = asyncio.create_task(connection.pump())
        self._sockets.add(connection)
        try:
            self._react(connection, opened)
            while (text := await connection.receive()) is not None:
                self._react(connection, self.dialect.on_message(connection.path, text, self.venue, self._ms()))
        finally:
            self._sockets.remove(connection)
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)
        return connection.response

    def _react(self, connection: Connection, reply: SocketReply) -> None:
        lag_s = self.venue.weather.feed_lag_s
        for answer in reply.answers:
            connection.put(answer, lag_s)
        for topic in reply.topics:
            for frame in self.dialect.opening_frames(topic, self.venue, self._ms()):
                connection.put(frame, lag_s)
            connection.topics.add(topic)

    def _is_live(self, topic: str) -> bool:
        """Whether a topic is sent now: subscribed and not mute."""
        mute = self.venue.weather.mute
        if not self._sockets.is_subscribed(topic):
            return False
        if topic.startswith("book:"):
            return Mute.BOOK not in mute
        if Mute.LIQUIDATION in mute and topic in LIQUIDATION_TOPICS:
            return False
        return not (topic == "forced" and Mute.FORCED_ORDERS in mute)

    def publish(self, changes: dict[str, Change]) -> None:
        """Push the changes of a step, the frames of each second, and forced orders at the dialect's interval."""
        weather, now_ms = self.venue.weather, self._ms()
        if weather.outage or weather.network_down:
            self._sockets.drop_all()
            self.venue.waiting.clear()
            return
        for market, change in changes.items():
            if self._is_live(f"book:{market}"):
                self._push(f"book:{market}", self.dialect.book(market, change, self.venue, now_ms))
        if now_ms // 1000 > self._next_second:
            self._next_second = now_ms // 1000
            for topic in sorted(self._sockets.topics()):
                frame = self.dialect.frame_each_second(topic, self.venue, now_ms)
                if frame is not None and self._is_live(topic):
                    self._push(topic, [frame])
        flush = int(now_ms / 1000 / self.dialect.flush_s)
        if flush > self._next_flush:
            self._next_flush = flush
            orders, self.venue.waiting = self.venue.waiting, []
            orders.sort(key=lambda one: one.at_ms)
            if orders and self._is_live("forced"):
                self._push("forced", self.dialect.forced(orders, self.venue, now_ms))

    def _push(self, topic: str, frames: Sequence[Frame]) -> None:
        for frame in frames:
            self._sockets.push(topic, frame, self.venue.weather.feed_lag_s)


async def _posted(request: web.Request) -> Mapping[str, Any]:
    """The JSON object of a POST; nothing else is an object."""
    if request.method != "POST":
        return {}
    try:
        body = json.loads(await request.read())
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
