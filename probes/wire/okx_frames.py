"""Reads the frames that OKX pushes: frame to messages, pure (www.okx.com/docs-v5).

`posSide` is the side that was liquidated; in net mode the closing order shows it (sell: a long).
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
    ShutdownAnnounced,
    SubscriptionRefused,
)
from probes.wire.okx import FRAME, ID, REFUSALS, Frame, Row, topic_name
from probes.wire.okx_answers import (
    at_ms,
    funding_rows,
    interest_rows,
    mark_rows,
    size_of,
    status,
    ticker_rows,
)
from probes.wire.rows import by_rows

_CHANNEL, _SUBJECT = pattern(r"channel:([\w-]+)"), pattern(r"inst(?:Id|Type):([\w-]+)")
_POSITIONS = {"long": Side.LONG, "short": Side.SHORT}
_ORDERS = {"sell": Side.LONG, "buy": Side.SHORT}


@by_rows("data", inner="details")
def frame(body: bytes, context: Context) -> Sequence[FeedMessage]:
    """One frame of the public socket; plain "pong" answers our ping."""
    if body == b"pong":
        return [Pong()]
    message = FRAME.decode(body)
    if message.event:
        return _control(message)
    if message.arg is None:
        return ()
    found = decode.given(message.data, "$.data")
    match message.arg.channel:
        case "liquidation-orders":
            return [one for row in found for one in _forced(row, context)]
        case "books" | "books-l2-tbt" | "books50-l2-tbt" | "books5":
            return [one for row in found for one in _book(message, message.arg.instId, row, context)]
        case "mark-price" | "index-tickers":
            return mark_rows(found, context)
        case "funding-rate":
            return funding_rows(found, context)
        case "open-interest":
            return interest_rows(found, context)
        case "tickers":
            return ticker_rows(found, context)
        case "status":
            if not found:
                raise Malformed("$.data: a push without a window")
            return status(found, context)
    return ()


def _control(message: Frame) -> Sequence[FeedMessage]:
    code = str(message.code)
    if message.event == "notice" and code == "64008":
        return [ShutdownAnnounced(detail=message.msg)]
    if message.event == "error":
        kind = REFUSALS.get(code, Refusal.VENUE_ERROR)
        return [
            SubscriptionRefused(kind=kind, detail=f"{code} {message.msg}", names=_names(message), request=message.id)
        ]
    return [Ack(subject=message.arg.channel if message.arg else "", names=_names(message))]


def _names(message: Frame) -> tuple[str, ...]:
    """The topic that a control message is about: its `arg`, or what an error's text says (`channel:…,instId:…`)."""
    if message.arg is not None:
        return (topic_name(message.arg.channel, message.arg.instId or message.arg.instType),)
    channel, subject = _CHANNEL.search(message.msg), _SUBJECT.search(message.msg)
    if channel is None:
        return ()
    return (topic_name(channel[1], subject[1]) if subject is not None else channel[1],)


def _book(message: Frame, symbol: str, row: Row, context: Context) -> Sequence[FeedMessage]:
    channel = message.arg.channel if message.arg is not None else ""
    size = size_of(context, symbol)
    if size is None:
        return ()
    bids = decode.levels(decode.given(row.bids, "$.data[0].bids"), "$.data[0].bids", float(size))
    asks = decode.levels(decode.given(row.asks, "$.data[0].asks"), "$.data[0].asks", float(size))
    at = at_ms(row.ts)
    last_id, prev_id = (
        decode.optional_integer(row.seqId, "$.data[0].seqId"),
        decode.optional_integer(row.prevSeqId, "$.data[0].prevSeqId"),
    )
    if message.action not in ("snapshot", "update") and (message.action or channel != "books5"):
        raise Malformed("$.action: neither a whole book nor a change")
    if message.action != "update":
        return [BookSnapshot(instrument=symbol, last_id=last_id, event_time=at, bids=bids, asks=asks)]
    if last_id is None or prev_id is None:
        return ()  # the wire before sequence ids: it had checksums, which are no more
    return [
        BookDelta(
            instrument=symbol, first_id=prev_id + 1, last_id=last_id, prev_id=prev_id, event_time=at,
            bids=bids, asks=asks,
        )
    ]  # fmt: skip


def _forced(row: Row, context: Context) -> Sequence[FeedMessage]:
    size = size_of(context, row.instId)
    if size is None:
        return ()
    messages = []
    for one in decode.given(row.details, "$.data[0].details"):
        price = decode.money(one.bkPx, "$.data[0].details[0].bkPx")
        quantity = decode.money(one.sz, "$.data[0].details[0].sz") * size
        words, said = (_ORDERS, one.side) if one.posSide in ("", "net") else (_POSITIONS, one.posSide)
        side = decode.word(said, words, "$.data[0].details[0].posSide", MalformedReason.SIDE)
        messages.append(
            Liquidation(
                venue=ID, instrument=row.instId, received_at=context.received_at,
                event_time=at_ms(one.ts, "$.data[0].details[0].ts"), side=side, price=price,
                quantity=quantity, notional_usd=price * quantity, censoring=Censoring.ONE_PER_SECOND,
            )
        )  # fmt: skip
    return messages
