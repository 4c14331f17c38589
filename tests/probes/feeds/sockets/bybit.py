"""Bybit: one answer for a request; a refusal names one topic of it."""

from __future__ import annotations

from typing import Any

from tests.probes.feeds.sockets import Behaviour, Frame, Frames, MadeSocket


def answers(asked: Any, venue: Behaviour) -> Frames:
    said = {"op": "subscribe", "req_id": asked["req_id"], "conn_id": "made"}
    bad = [one for one in asked["args"] if venue.refuses(one)]
    if bad:
        return [{**said, "success": False, "ret_msg": f"error:handler not found,topic:{bad[0]}"}]
    if all(venue.ignores(one) for one in asked["args"]):
        return []
    return [{**said, "success": True, "ret_msg": "subscribe"}]


def sibling(symbol: str, ms: int) -> Frame:
    rows = {"symbol": symbol, "markPrice": "100"}
    return {"topic": f"tickers.{symbol}", "type": "snapshot", "ts": ms, "data": rows}


def liquidation(symbol: str, ms: int) -> Frame:
    rows = [{"T": ms, "s": symbol, "S": "Buy", "v": "1", "p": "100"}]
    return {"topic": f"allLiquidation.{symbol}", "type": "snapshot", "ts": ms, "data": rows}


SOCKET = MadeSocket(symbols=("BTCUSDT", "ETHUSDT"), answers=answers, sibling=sibling, liquidation=liquidation)
