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


def tickers(venue: str, count: int, at_ms: int = NOW_MS) -> list[bytes]:
    """Frames of a contract's figures, of the channel that proves its socket, a millisecond apart from `at_ms` on."""
    return [_encoded(_TICKER[venue](at_ms - NOW_MS + number)) for number in range(count)]


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


def _binance_ticker(number: int) -> dict[str, Any]:
    content = {
        "e": "markPriceUpdate", "E": NOW_MS + number, "s": "BTCUSDT", "p": f"{61800 + number % 50}.10000000",
        "ap": f"{61800 + number % 50}.10000000", "P": f"{61790 + number % 50}.32000000", "i": f"{61805 + number % 50}.62659091",
        "r": "0.00030000", "T": NOW_MS + 3_600_000,
    }  # fmt: skip
    return {"stream": "btcusdt@markPrice@1s", "data": content}


def _bybit_ticker(number: int) -> dict[str, Any]:
    """Of ten frames nine are changes, of the fields that changed alone."""
    changed = {
        "symbol": "BTCUSDT", "markPrice": f"{61800 + number % 50}.07", "indexPrice": f"{61805 + number % 50}.62",
        "openInterestValue": f"24137{number % 900 + 100}.84", "bid1Price": "61800.10", "bid1Size": "38.839",
        "ask1Price": "61800.20", "ask1Size": "18.413",
    }  # fmt: skip
    whole = {
        "tickDirection": "PlusTick", "price24hPcnt": "0.017103", "lastPrice": "61800.20", "prevPrice24h": "60760.00",
        "highPrice24h": "62500.00", "lowPrice24h": "60500.00", "prevPrice1h": "61500.00", "openInterest": "68744.761",
        "turnover24h": "1570383121.943499", "volume24h": "66705.280", "nextFundingTime": str(NOW_MS + 3_600_000),
        "fundingRate": "-0.000212", "fundingIntervalHour": "8", "fundingCap": "0.005",
    }  # fmt: skip
    row = changed if number % 10 else {**changed, **whole}
    kind = "delta" if number % 10 else "snapshot"
    return {"topic": "tickers.BTCUSDT", "type": kind, "data": row, "cs": 24987956059 + number, "ts": NOW_MS + number}


def _okx_ticker(number: int) -> dict[str, Any]:
    row = {
        "instType": "SWAP",
        "instId": "BTC-USDT-SWAP",
        "markPx": f"{61800 + number % 50}.1",
        "ts": str(NOW_MS + number),
    }
    return {"arg": {"channel": "mark-price", "instId": "BTC-USDT-SWAP"}, "data": [row]}


def _gate_ticker(number: int) -> dict[str, Any]:
    at_ms = NOW_MS + number
    row = {
        "contract": "BTC_USDT", "last": f"{61800 + number % 50}.1", "change_percentage": "1.43", "funding_rate": "0.000100",
        "funding_rate_indicative": "0.0001", "mark_price": f"{61800 + number % 50}.46", "index_price": "61805.6",
        "total_size": "73648", "volume_24h": "745487577", "volume_24h_btc": "117", "volume_24h_usd": "419950",
        "quanto_base_rate": "", "volume_24h_quote": "1665006", "volume_24h_settle": "178", "volume_24h_base": "5526",
        "low_24h": "60500.3", "high_24h": "62500.7", "quanto_multiplier": "0.0001",
    }  # fmt: skip
    head = {"time": at_ms // 1000, "time_ms": at_ms, "channel": "futures.tickers", "event": "update"}
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
_TICKER: Mapping[str, Maker] = {
    "binance_usdm": _binance_ticker,
    "bybit": _bybit_ticker,
    "okx": _okx_ticker,
    "gate": _gate_ticker,
}
