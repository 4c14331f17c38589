"""HTX: one answer for each topic; what is subscribed already is answered by the code 2014. Every frame is a gzip."""

from __future__ import annotations

import gzip
from typing import Any

from monitor.signals import SignalKind
from tests.probes.feeds.sockets import Behaviour, Frame, Frames, MadeSocket


def answers(asked: Any, venue: Behaviour) -> Frames:
    if asked.get("op") != "sub":
        return []
    said = {"op": "sub", "cid": asked["cid"], "topic": asked["topic"], "ts": 1}
    if venue.refuses(asked["topic"]):
        return [{**said, "err-code": 2011, "err-msg": "topic format error"}]
    return [] if venue.ignores(asked["topic"]) else [{**said, "err-code": 0}]


def sibling(symbol: str, ms: int) -> Frame:
    rows = [{"contract_code": symbol, "funding_rate": "0.0001", "settlement_time": str(ms + 60_000)}]
    return {"op": "notify", "topic": "public.*.funding_rate", "ts": ms, "data": rows}


def liquidation(symbol: str, ms: int) -> Frame:
    rows = [{"contract_code": symbol, "direction": "sell", "price": 100, "amount": 1, "created_at": ms}]
    return {"op": "notify", "topic": "public.*.liquidation_orders", "ts": ms, "data": rows}


SOCKET = MadeSocket(
    symbols=("BTC-USDT", "ETH-USDT"), answers=answers, sibling=sibling, liquidation=liquidation,
    sibling_kind=SignalKind.FUNDING, pack=gzip.compress,
)  # fmt: skip
