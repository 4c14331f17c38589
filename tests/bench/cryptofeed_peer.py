"""Runs cryptofeed's own handlers over frames, in the virtual environment that has cryptofeed; nothing of ours is imported here.

Started by `measures/feeds.py` with the python of that environment. Its first line of input is {"exchange", "channel", "symbol",
"frames"}; it answers {"ready": n}, the frames that reached the callback in a first round. Each further line is one more round,
answered by its seconds of CPU time.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from importlib import import_module
from time import thread_time
from typing import Any

STANDARD = "BTC-USDT-PERP"


class _Connection:
    """What a handler asks of its connection: Bybit's tells spot from futures by the address."""

    address = "wss://loopback/linear"
    uuid = "loopback"


def _feed(exchange: str, channel: str, symbol: str, callback: Any) -> Any:
    """A feed of one symbol, which is told the listing instead of asking for it."""
    symbols = import_module("cryptofeed.symbols").Symbols
    kind: Any = getattr(import_module("cryptofeed.exchanges"), exchange)
    symbols.set(kind.id, {STANDARD: symbol}, {"instrument_type": {STANDARD: "perpetual"}})
    return kind(symbols=[STANDARD], channels=[channel], callbacks={channel: callback})


def _start_book(feed: Any) -> None:
    """The REST snapshot on which Binance's changes build."""
    if type(feed).__name__ == "BinanceFutures":
        book = import_module("cryptofeed.types").OrderBook(feed.id, STANDARD, max_depth=0, bids={}, asks={})
        feed._l2_book[STANDARD] = book
        feed.last_update_id[STANDARD] = 0


async def _round(feed: Any, frames: list[str]) -> float:
    handle, connection = feed.message_handler, _Connection()
    _start_book(feed)
    gc.collect()
    began = thread_time()
    for frame in frames:
        await handle(frame, connection, 1.0)
    return thread_time() - began


def main() -> None:
    """Answer each line on stdin until its end."""
    asked = json.loads(sys.stdin.readline())
    count = 0

    async def taken(_word: Any, _received: float) -> None:
        nonlocal count
        count += 1

    feed = _feed(asked["exchange"], asked["channel"], asked["symbol"], taken)
    loop = asyncio.new_event_loop()
    loop.run_until_complete(_round(feed, asked["frames"]))
    print(json.dumps({"ready": count}), flush=True)
    for _ in sys.stdin:
        print(json.dumps({"seconds": loop.run_until_complete(_round(feed, asked["frames"]))}), flush=True)


if __name__ == "__main__":
    main()
