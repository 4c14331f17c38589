"""Builds frames as each venue documents them, with changing numbers, for the feed benchmarks."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from probes.readings import Instrument, Market

LEVELS = 34
"""Levels a side of a book frame: 68 in all is the mean of the shared recording's busy seconds."""
NOW_MS = 1_793_491_200_000
SYMBOL = {"binance_usdm": "BTCUSDT", "bybit": "BTCUSDT", "okx": "BTC-USDT-SWAP", "gate": "BTC_USDT"}
SIZE = {"binance_usdm": "1", "bybit": "1", "okx": "0.01", "gate": "0.0001"}


def instruments(venue: str) -> dict[str, Instrument]:
    """The venue's perpetual instrument by symbol."""
    size = Decimal(SIZE[venue])
    one = Instrument(symbol=SYMBOL[venue], base="BTC", quote="USDT", market=Market.PERP, contract_size=size)
    return {one.symbol: one}


def liquidations(venue: str, count: int, at_ms: int = NOW_MS) -> list[bytes]:
    """Frames of one liquidation each, a millisecond apart from `at_ms` on."""
    return [_encoded(_LIQUIDATION[venue](at_ms - NOW_MS + number)) for number in range(count)]


def books(venue: str, count: int) -> list[bytes]:
    """A book's first frame (a snapshot, where the feed sends its own) and changes that follow one another."""
    return [_encoded(_BOOK[venue](number)) for number in range(count)]


def _encoded(frame: dict[str, Any]) -> bytes:
    return json.dumps(frame, separators=(",", ":")).encode()


def _binance_liquidation(number: int) -> dict[str, Any]:
    order = {
        "s": "BTCUSDT", "S": "SELL", "o": "LIMIT", "f": "IOC", "q": f"0.{number % 900 + 100}",
        "p": f"{61800 + number % 50}.10", "ap": f"{61801 + number % 50}.20", "X": "FILLED", "l": "0.014",
        "z": f"0.{number % 900 + 100}", "T": NOW_MS + number,
    }  # fmt: skip
    return {"stream": "!forceOrder@arr", "data": {"e": "forceOrder", "E": NOW_MS + number + 3, "o": order}}


def _bybit_liquidation(number: int) -> dict[str, Any]:
    row = {
        "T": NOW_MS + number,
        "s": "BTCUSDT",
        "S": "Buy",
        "v": f"0.{number % 900 + 100}",
        "p": f"{61800 + number % 50}.10",
    }
    return {"topic": "allLiquidation.BTCUSDT", "type": "snapshot", "ts": NOW_MS + number + 3, "data": [row]}


def _okx_liquidation(number: int) -> dict[str, Any]:
    detail = {
        "bkLoss": "0", "bkPx": f"{61800 + number % 50}.1", "ccy": "", "posSide": "long", "side": "sell",
        "sz": f"{number % 900 + 1}", "ts": str(NOW_MS + number),
    }  # fmt: skip
    row = {
        "details": [detail],
        "instFamily": "BTC-USDT",
        "instId": "BTC-USDT-SWAP",
        "instType": "SWAP",
        "uly": "BTC-USDT",
    }
    return {"arg": {"channel": "liquidation-orders", "instType": "SWAP"}, "data": [row]}


def _gate_liquidation(number: int) -> dict[str, Any]:
    at_ms = NOW_MS + number
    row = {
        "price": 61800.1 + number % 50, "size": -(number % 900 + 1), "time": at_ms // 1000, "time_ms": at_ms,
        "contract": "BTC_USDT",
    }  # fmt: skip
    head = {"channel": "futures.public_liquidates", "event": "update", "time": at_ms // 1000, "time_ms": at_ms + 3}
    return {**head, "result": [row]}


def _levels(number: int, step: int) -> list[list[str]]:
    """Some levels change, some are removed (size 0); prices stay on one side."""
    base = 61800 if step < 0 else 61801
    return [
        [f"{base + step * ((number * 7 + index * 3) % 400) / 10:.1f}", f"{(number + index) % 5 * 0.213:.3f}"]
        for index in range(LEVELS)
    ]


def _binance_book(number: int) -> dict[str, Any]:
    content = {
        "e": "depthUpdate", "E": NOW_MS + number * 50, "T": NOW_MS + number * 50 - 3, "s": "BTCUSDT",
        "U": number * 100 + 1, "u": number * 100 + 100, "pu": number * 100,
        "b": _levels(number, -1), "a": _levels(number, 1),
    }  # fmt: skip
    return {"stream": "btcusdt@depth@100ms", "data": content}


def _bybit_book(number: int) -> dict[str, Any]:
    row = {"s": "BTCUSDT", "b": _levels(number, -1), "a": _levels(number, 1), "u": number + 10, "seq": number * 9}
    kind = "delta" if number else "snapshot"
    at_ms = NOW_MS + number * 50
    return {"topic": "orderbook.200.BTCUSDT", "type": kind, "ts": at_ms, "cts": at_ms - 3, "data": row}


def _okx_book(number: int) -> dict[str, Any]:
    bids, asks = ([[*level, "0", "1"] for level in _levels(number, step)] for step in (-1, 1))
    row = {
        "asks": asks, "bids": bids, "ts": str(NOW_MS + number * 50), "checksum": -855196043, "seqId": number + 10,
        "prevSeqId": number + 9 if number else -1,
    }  # fmt: skip
    arg = {"channel": "books", "instId": "BTC-USDT-SWAP"}
    return {"arg": arg, "action": "update" if number else "snapshot", "data": [row]}


def _gate_book(number: int) -> dict[str, Any]:
    at_ms = NOW_MS + number * 50
    row = {
        "t": at_ms - 3, "s": "BTC_USDT", "U": number * 100 + 1, "u": number * 100 + 100,
        "b": [{"p": price, "s": number % 7 * 100} for price, _ in _levels(number, -1)],
        "a": [{"p": price, "s": number % 7 * 100} for price, _ in _levels(number, 1)],
    }  # fmt: skip
    head = {"channel": "futures.order_book_update", "event": "update", "time": at_ms // 1000, "time_ms": at_ms}
    return {**head, "result": row}


Maker = Callable[[int], dict[str, Any]]
_LIQUIDATION: Mapping[str, Maker] = {
    "binance_usdm": _binance_liquidation,
    "bybit": _bybit_liquidation,
    "okx": _okx_liquidation,
    "gate": _gate_liquidation,
}
_BOOK: Mapping[str, Maker] = {
    "binance_usdm": _binance_book,
    "bybit": _bybit_book,
    "okx": _okx_book,
    "gate": _gate_book,
}
