"""Deribit: the answer of a request lists the channels that came of it; one that does not exist is left out."""

from __future__ import annotations

from typing import Any

from tests.probes.feeds.sockets import Behaviour, Frame, Frames, MadeSocket

CHANNEL = "trades.future.any.100ms"


def answers(asked: Any, venue: Behaviour) -> Frames:
    if asked["method"] != "public/subscribe":
        return []
    channels = asked["params"]["channels"]
    if any(venue.ignores(one) for one in channels):
        return []
    return [{"jsonrpc": "2.0", "id": asked["id"], "result": [one for one in channels if not venue.refuses(one)]}]


def _pushed(channel: str, said: Any) -> Frame:
    return {"jsonrpc": "2.0", "method": "subscription", "params": {"channel": channel, "data": said}}


def sibling(symbol: str, ms: int) -> Frame:
    said = {"instrument_name": symbol, "timestamp": ms, "mark_price": 100, "open_interest": 1, "stats": {}}
    return _pushed(f"ticker.{symbol}.100ms", said)


def trade(symbol: str, ms: int) -> Frame:
    said = {"instrument_name": symbol, "timestamp": ms, "price": 100, "amount": 1, "direction": "sell"}
    return _pushed(CHANNEL, [said])


def liquidation(symbol: str, ms: int) -> Frame:
    said = {"instrument_name": symbol, "timestamp": ms, "price": 100, "amount": 1, "direction": "sell"}
    return _pushed(CHANNEL, [{**said, "liquidation": "T"}])


SOCKET = MadeSocket(
    symbols=("BTC_USDC-PERPETUAL", "ETH_USDC-PERPETUAL"), answers=answers, sibling=sibling, liquidation=liquidation,
    trade=trade,
)  # fmt: skip
