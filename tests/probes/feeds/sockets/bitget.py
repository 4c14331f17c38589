"""Bitget: one answer for each topic, which repeats it."""

from __future__ import annotations

from typing import Any

from tests.probes.feeds.sockets import Behaviour, Frame, Frames, MadeSocket


def answers(asked: Any, venue: Behaviour) -> Frames:
    frames: list[Frame] = []
    for arg in asked["args"]:
        name = f"{arg['topic']}:{arg.get('symbol', '*')}"
        if venue.refuses(name):
            frames.append({"event": "error", "arg": arg, "code": 30001, "msg": "does not exist"})
        elif not venue.ignores(name):
            frames.append({"event": "subscribe", "arg": arg})
    return frames


def sibling(symbol: str, ms: int) -> Frame:
    arg = {"instType": "usdt-futures", "topic": "ticker", "symbol": symbol}
    rows = [{"markPrice": "100", "indexPrice": "99", "openInterest": "1", "fundingRate": "0", "turnover24h": "1"}]
    return {"arg": arg, "action": "snapshot", "ts": ms, "data": rows}


def liquidation(symbol: str, ms: int) -> Frame:
    rows = [{"symbol": symbol, "side": "buy", "price": "100", "amount": "100", "ts": str(ms)}]
    return {"arg": {"instType": "usdt-futures", "topic": "liquidation"}, "action": "update", "ts": ms, "data": rows}


SOCKET = MadeSocket(symbols=("BTCUSDT", "ETHUSDT"), answers=answers, sibling=sibling, liquidation=liquidation)
