"""Binance USD-M: the streams stand in the address, and the list of subscriptions names what there is."""

from __future__ import annotations

from typing import Any

from tests.probes.feeds.sockets import Behaviour, Frame, Frames, MadeSocket

SYMBOLS = ("BTCUSDT", "ETHUSDT")


def answers(asked: Any, venue: Behaviour) -> Frames:
    names = ["!forceOrder@arr", *(f"{one.lower()}@markPrice@1s" for one in SYMBOLS)]
    if any(venue.ignores(one) for one in names):
        return []
    return [{"result": [one for one in names if not venue.refuses(one)], "id": asked["id"]}]


def sibling(symbol: str, ms: int) -> Frame:
    return {"e": "markPriceUpdate", "E": ms, "s": symbol, "p": "100", "i": "99", "r": "0", "T": ms}


def liquidation(symbol: str, ms: int) -> Frame:
    order = {"s": symbol, "S": "SELL", "q": "1", "p": "100", "ap": "100", "z": "1", "T": ms}
    return {"e": "forceOrder", "E": ms, "o": order, "st": 1}


SOCKET = MadeSocket(symbols=SYMBOLS, answers=answers, sibling=sibling, liquidation=liquidation)
