"""Gate: one answer for each topic, which repeats it."""

from __future__ import annotations

from typing import Any

from tests.probes.feeds.sockets import Behaviour, Frame, Frames, MadeSocket


def answers(asked: Any, venue: Behaviour) -> Frames:
    said = {key: asked[key] for key in ("time", "id", "channel", "event", "payload")}
    name = f"{asked['channel']}:{asked['payload'][0]}"
    if venue.refuses(name):
        return [{**said, "error": {"code": 2, "message": "unknown channel"}, "result": {"status": "fail"}}]
    return [] if venue.ignores(name) else [{**said, "result": {"status": "success"}}]


def sibling(symbol: str, ms: int) -> Frame:
    rows = [{"contract": symbol, "mark_price": "100"}]
    return {"channel": "futures.tickers", "event": "update", "time_ms": ms, "result": rows}


def liquidation(symbol: str, ms: int) -> Frame:
    rows = [{"price": "100", "size": "1", "time": ms, "contract": symbol}]
    return {"channel": "futures.public_liquidates", "event": "update", "time_ms": ms, "result": rows}


SOCKET = MadeSocket(symbols=("BTC_USDT", "ETH_USDT"), answers=answers, sibling=sibling, liquidation=liquidation)
