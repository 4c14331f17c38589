"""OKX: one answer for each topic; a refusal need not say of which."""

from __future__ import annotations

from typing import Any

from tests.probes.feeds.sockets import Behaviour, Frame, Frames, MadeSocket


def answers(asked: Any, venue: Behaviour) -> Frames:
    frames: list[Frame] = []
    for arg in asked["args"]:
        name = f"{arg['channel']}:{arg.get('instId') or arg['instType']}"
        if venue.refuses(name):
            frames.append({"event": "error", "code": "60018"})
        elif not venue.ignores(name):
            frames.append({"event": "subscribe", "arg": arg, "connId": "made"})
    return frames


def sibling(symbol: str, ms: int) -> Frame:
    rows = [{"instId": symbol, "markPx": "100", "ts": str(ms)}]
    return {"arg": {"channel": "mark-price", "instId": symbol}, "data": rows}


def liquidation(symbol: str, ms: int) -> Frame:
    detail = {"side": "sell", "posSide": "long", "bkPx": "100", "sz": "1", "ts": str(ms)}
    return {
        "arg": {"channel": "liquidation-orders", "instType": "SWAP"},
        "data": [{"instId": symbol, "details": [detail]}],
    }


SOCKET = MadeSocket(
    symbols=("BTC-USDT-SWAP", "ETH-USDT-SWAP"), answers=answers, sibling=sibling, liquidation=liquidation
)
