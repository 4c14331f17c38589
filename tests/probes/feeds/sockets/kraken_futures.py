"""Kraken Derivatives: an answer repeats feed and contracts; an error says in words that something is wrong, not what."""

from __future__ import annotations

from typing import Any

from tests.probes.feeds.sockets import Behaviour, Frame, Frames, MadeSocket


def answers(asked: Any, venue: Behaviour) -> Frames:
    names = [f"{asked['feed']}:{one}" for one in asked["product_ids"]]
    if any(venue.refuses(one) for one in names):
        return [{"event": "error", "message": "Invalid product id"}]
    if any(venue.ignores(one) for one in names):
        return []
    return [{"event": "subscribed", "feed": asked["feed"], "product_ids": asked["product_ids"]}]


def sibling(symbol: str, ms: int) -> Frame:
    return {"feed": "ticker", "product_id": symbol, "time": ms, "markPrice": 100, "openInterest": 1, "index": 99}


def trade(symbol: str, ms: int) -> Frame:
    return {"feed": "trade", "product_id": symbol, "side": "sell", "type": "fill", "time": ms, "qty": 1, "price": 100}


def liquidation(symbol: str, ms: int) -> Frame:
    return {**trade(symbol, ms), "type": "liquidation"}


SOCKET = MadeSocket(
    symbols=("PF_XBTUSD", "PF_ETHUSD"), answers=answers, sibling=sibling, liquidation=liquidation, trade=trade
)
