"""Reads the frames that Bybit pushes: frame to messages, pure (bybit-exchange.github.io/docs/v5).

The side of a liquidation is the side of the position: Buy is a long.
"""

from __future__ import annotations

from collections.abc import Sequence
from re import compile as pattern

from probes.dialect import decode
from probes.readings import (
    Censoring,
    Liquidation,
    MalformedReason,
    Refusal,
    Side,
)
from probes.venue import (
    Ack,
    BookDelta,
    BookSnapshot,
    Context,
    FeedMessage,
    Malformed,
    Pong,
    SubscriptionRefused,
)
from probes.wire.bybit import BOOK, FORCED, FRAME, ID, SPOT, STATUS, TICKER, Forced, Frame
from probes.wire.bybit_answers import status_rows, ticker
from probes.wire.rows import by_rows

_TOPIC = pattern(r"topic:([A-Za-z]+\.[\w.-]+)")
_SIDES = {"Buy": Side.LONG, "Sell": Side.SHORT}


@by_rows("data")
def frame(body: bytes, context: Context) -> Sequence[FeedMessage]:
    """One frame of the linear socket."""
    return _frame(body, context, "")


@by_rows("data")
def spot_frame(body: bytes, context: Context) -> Sequence[FeedMessage]:
    """One frame of the spot socket."""
    return _frame(body, context, SPOT)


def _frame(body: bytes, context: Context, prefix: str) -> Sequence[FeedMessage]:
    message = FRAME.decode(body)
    topic = message.topic.partition(".")[0]
    match topic:
        case "allLiquidation" | "liquidation":
            return _forced(message, context)
        case "orderbook":
            return [_book(message, prefix)]
        case "tickers":
            at = None if message.ts is None else decode.at_ms(message.ts, "$.ts")
            row = TICKER.decode(message.data)
            return ticker(row, prefix + decode.name(row.symbol, "$.data.symbol"), bool(prefix), context, at)
        case "system":
            windows = STATUS.decode(message.data)
            if not windows:
                raise Malformed("$.data: a push without a window")
            return status_rows(windows, context)
    if message.op == "pong" or message.ret_msg == "pong":
        return [Pong()]
    if message.success is True:
        return [Ack(subject=message.op, request=message.req_id)]
    if message.success is False:
        return [_refused(message)]
    return ()


def _refused(message: Frame) -> Ack | SubscriptionRefused:
    """A refusal names one topic of its request at most; "already subscribed" confirms that one."""
    named = _TOPIC.search(message.ret_msg)
    names = (named[1],) if named is not None else ()
    if names and "already subscribed" in message.ret_msg:
        return Ack(subject=message.op, names=names)
    return SubscriptionRefused(kind=Refusal.BAD_REQUEST, detail=message.ret_msg, names=names, request=message.req_id)


def _book(message: Frame, prefix: str) -> BookSnapshot | BookDelta:
    row = BOOK.decode(message.data)
    at = None if message.ts is None else decode.at_ms(message.ts, "$.ts")
    engine = None if message.cts is None else decode.at_ms(message.cts, "$.cts")
    bids, asks = decode.levels(row.b, "$.data.b"), decode.levels(row.a, "$.data.a")
    last_id = decode.integer(row.u, "$.data.u")
    if message.type not in ("snapshot", "delta"):
        raise Malformed("$.type: neither a whole book nor a change")
    decode.name(row.s, "$.data.s")
    if message.type == "snapshot" or last_id == 1:
        return BookSnapshot(
            instrument=prefix + row.s, last_id=last_id, event_time=at, engine_time=engine, bids=bids, asks=asks
        )
    return BookDelta(
        instrument=prefix + row.s, first_id=last_id, last_id=last_id, prev_id=None, event_time=at, engine_time=engine,
        bids=bids, asks=asks,
    )  # fmt: skip


def _forced(message: Frame, context: Context) -> Sequence[FeedMessage]:
    rows = FORCED.decode(message.data)
    old = isinstance(rows, Forced)
    messages = []
    for row in [rows] if isinstance(rows, Forced) else rows:
        price = decode.money(row.p or row.price, "$.data.p")
        quantity = decode.money(row.v or row.size, "$.data.v")
        messages.append(
            Liquidation(
                venue=ID,
                instrument=row.s or row.symbol,
                received_at=context.received_at,
                event_time=decode.at_ms(row.T or row.updatedTime, "$.data.T"),
                side=decode.word(row.S or row.side, _SIDES, "$.data.S", MalformedReason.SIDE),
                price=price,
                quantity=quantity,
                notional_usd=price * quantity,
                censoring=Censoring.ONE_PER_SECOND if old else Censoring.COMPLETE,
            )
        )
    return messages
