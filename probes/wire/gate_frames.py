"""Reads the frames that Gate pushes: frame to messages, pure (www.gate.com/docs/developers/apiv4)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from probes import decode
from probes.readings import (
    Refusal,
)
from probes.venue import (
    Ack,
    BookDelta,
    BookSnapshot,
    Context,
    FeedMessage,
    Pong,
    SubscriptionRefused,
)
from probes.wire.gate import BOOK, CONTRACTS, FRAME, SPOT_TICKERS, STATS, Frame
from probes.wire.gate_answers import forced, levels, size_of, spot_ticker, stats_row, ticker


def frame(body: bytes, context: Context) -> Sequence[FeedMessage]:
    """One frame of either socket."""
    message = FRAME.decode(body)
    if message.error is not None:
        return [SubscriptionRefused(kind=Refusal.BAD_REQUEST, detail=f"{message.error.code} {message.error.message}")]
    if message.channel.endswith(".pong"):
        return [Pong()]
    if message.event in ("subscribe", "unsubscribe"):
        return [Ack(subject=message.channel)]
    at = None if message.time_ms is None else decode.at_ms(message.time_ms, "$.time_ms")
    market, _, kind = message.channel.partition(".")
    match kind:
        case "public_liquidates":
            return forced(message.result, context)
        case "order_book_update" | "obu" | "order_book":
            return _book_frame(message, market, kind, at, context)
        case "tickers":
            return _ticker_frame(message, market, context, at)
        case "contract_stats":
            found = STATS.decode(message.result)
            return [one for row in (found if isinstance(found, list) else [found]) for one in stats_row(row, context)]
    return ()


def _ticker_frame(message: Frame, market: str, context: Context, at: datetime | None) -> Sequence[FeedMessage]:
    if market == "spot":
        tickers_found = SPOT_TICKERS.decode(message.result)
        rows = tickers_found if isinstance(tickers_found, list) else [tickers_found]
        return [spot_ticker(row, context, at) for row in rows]
    found = CONTRACTS.decode(message.result)
    return [one for row in (found if isinstance(found, list) else [found]) for one in ticker(row, context, at)]


def _book_frame(message: Frame, market: str, kind: str, at: datetime | None, context: Context) -> Sequence[FeedMessage]:
    decoded = BOOK.decode(message.result)
    name = decoded.contract or decoded.s
    if kind == "obu":
        name = name.removeprefix("ob.").rpartition(".")[0]
    size = Decimal(1) if market == "spot" else size_of(context, name)
    if size is None:
        return ()
    symbol = "spot:" + name if market == "spot" else name
    engine = None if not decoded.t else decode.at_ms(decoded.t, "$.result.t")
    bids = levels(decoded.b or decoded.bids, float(size), "$.result.b")
    asks = levels(decoded.a or decoded.asks, float(size), "$.result.a")
    if kind == "order_book" or decoded.full:
        last_id = decode.optional_integer(decoded.u if decoded.u is not None else decoded.id, "$.result.u")
        return [
            BookSnapshot(
                instrument=symbol, last_id=last_id, event_time=at or engine, engine_time=engine, bids=bids, asks=asks
            )
        ]
    return [
        BookDelta(
            instrument=symbol, first_id=decode.integer(decoded.U, "$.result.U"), last_id=decode.integer(decoded.u, "$.result.u"),
            prev_id=None, event_time=at or engine, engine_time=engine, bids=bids, asks=asks,
        )
    ]  # fmt: skip
