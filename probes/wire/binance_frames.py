"""Reads the frames that Binance USD-M pushes: frame to messages, pure (developers.binance.com)."""

from __future__ import annotations

from collections.abc import Sequence

from probes.dialect import decode
from probes.readings import (
    Censoring,
    Funding,
    Liquidation,
    MalformedReason,
    Market,
    MarkPrice,
    Refusal,
    Side,
    VenueId,
    Volume,
)
from probes.venue import Ack, BookDelta, Context, FeedMessage, Malformed, ShutdownAnnounced, SubscriptionRefused
from probes.wire import binance as wire
from probes.wire.rows import by_rows

ID = VenueId("binance_usdm")


_SIDES = {"SELL": Side.LONG, "BUY": Side.SHORT}
"""`S` is the side of the order that closes the position."""


@by_rows()
def frame(body: bytes, context: Context) -> Sequence[FeedMessage]:
    """One frame of any stream, bare or in the combined wrapper; what is not asked for gives nothing."""
    message = wire.FRAME.decode(body)
    if isinstance(message, list):
        return [each for one in message for each in _event(one, context)]
    return _event(message.data if message.data is not None else message, context)


def _event(event: wire.Event, context: Context) -> Sequence[FeedMessage]:
    match event.e:
        case "depthUpdate":
            return [_delta(event)]
        case "forceOrder":
            return _forced(event, context) if event.st != 2 else ()
        case "markPriceUpdate":
            return _mark(event, context)
        case "24hrTicker":
            return _ticker(event, context)
        case "serverShutdown":
            return [ShutdownAnnounced(detail="serverShutdown")]
        case None if event.error is not None:
            detail, request = f"{event.error.code} {event.error.msg}", "" if event.id is None else str(event.id)
            return [SubscriptionRefused(kind=Refusal.BAD_REQUEST, detail=detail, request=request)]
        case None if event.id is not None:
            listed = tuple(event.result or ())
            return [Ack(subject=str(event.id), names=listed, complete=event.result is not None)]
    return ()


def _delta(event: wire.Event) -> BookDelta:
    bids, asks = event.b, event.a
    if not isinstance(bids, list) or not isinstance(asks, list):
        raise Malformed("$.b: a change has both sides")
    return BookDelta(
        instrument=event.s,
        first_id=decode.integer(event.U, "$.U"),
        last_id=decode.integer(event.u, "$.u"),
        prev_id=decode.integer(event.pu, "$.pu"),
        event_time=decode.at_ms(decode.integer(event.E, "$.E"), "$.E"),
        engine_time=None if not isinstance(event.T, int) else decode.at_ms(event.T, "$.T"),
        bids=decode.levels(bids, "$.b"),
        asks=decode.levels(asks, "$.a"),
    )


def _forced(event: wire.Event, context: Context) -> Sequence[FeedMessage]:
    order = event.o
    if not isinstance(order, wire.ForcedOrder):
        raise Malformed("$.o: missing")
    if event.st is None and order.s.partition("_")[0].endswith("USD"):
        raise Malformed("$.st: missing on a coin-margined contract")
    price = decode.money(order.ap, "$.o.ap") or decode.money(order.p, "$.o.p")
    quantity = decode.money(order.z, "$.o.z") or decode.money(order.q, "$.o.q")
    return [
        Liquidation(
            venue=ID,
            instrument=order.s,
            received_at=context.received_at,
            event_time=decode.at_ms(order.T, "$.o.T"),
            side=decode.word(order.S, _SIDES, "$.o.S", MalformedReason.SIDE),
            price=price,
            quantity=quantity,
            notional_usd=price * quantity,
            censoring=Censoring.LATEST_PER_SECOND,
        )
    ]


def _mark(event: wire.Event, context: Context) -> Sequence[FeedMessage]:
    at = decode.at_ms(decode.integer(event.E, "$.E"), "$.E")
    messages: list[FeedMessage] = [
        MarkPrice(
            venue=ID, instrument=event.s, received_at=context.received_at, event_time=at,
            mark=decode.optional_float(event.p, "$.p"), index=decode.optional_float(event.i, "$.i"),
        )
    ]  # fmt: skip
    rate = decode.optional_float(event.r, "$.r")
    if rate is not None and isinstance(event.T, int):
        following = decode.at_ms(event.T, "$.T") if event.T else None
        messages.append(
            Funding(
                venue=ID, instrument=event.s, received_at=context.received_at, event_time=at, rate=rate,
                next_at=following,
            )
        )  # fmt: skip
    return messages


def _ticker(event: wire.Event, context: Context) -> Sequence[FeedMessage]:
    return [
        Volume(
            venue=ID, instrument=event.s, received_at=context.received_at,
            event_time=decode.at_ms(decode.integer(event.E, "$.E"), "$.E"), market=Market.PERP,
            base=decode.optional_money(event.v, "$.v"), usd=decode.optional_money(event.q, "$.q"),
            last=decode.optional_float(event.c, "$.c"),
        )
    ]  # fmt: skip
