"""Compiles the usual frame of one forced order into one function, made of its declaration: nothing is interpreted a message.

What is unusual in any way (a number where a text is usual, another word for the side, an amount out of bounds) is left to
`market.liquidations`, which also says what is odd. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from probes.dialect import decode
from probes.dialect.columns import Columns
from probes.dialect.declared import Clock, Frames, Liquidations, Rows, Unit, Without
from probes.dialect.heads import shaped
from probes.readings import Liquidation
from probes.readings.quick import unlocked
from probes.venue import Context

LEAST, MOST = Decimal(1).scaleb(-decode.MAX_DIGITS), Decimal(1).scaleb(decode.MAX_DIGITS + 1)
"""The bounds of `decode.money` for an amount above zero: from the first to below the second."""
ReadForced = Callable[[bytes, Context], list[Liquidation] | None]
_TEXT = """
def of(channel):
    known = (0, EPOCH)

    def read(raw, context):
        nonlocal known
        try:
            frame = decode(raw)
            row = frame.{payload}
            if row is None or frame.{channel} != channel:
                return None
            if not ({counts}):
                return []
            name, side, stamp = row.{symbol}, sides[row.{side}], row.{at}
            price, size = Decimal(row.{price}), Decimal(row.{size})
            if not name or side is None or not 0 < stamp <= MAX_MS or not (LEAST <= price < MOST and LEAST <= size < MOST):
                return None
        except UNFIT:
            return None
        second, begun = known
        seconds, rest = divmod(stamp, 1000)
        if seconds != second:
            begun = EPOCH + timedelta(seconds=seconds)
            known = (seconds, begun)  # both in one step: readers are shared between threads
        one = new(twin)
        one.venue = context.venue
        one.instrument = name
        one.received_at = context.received_at
        one.event_time = begun + MILLISECONDS[rest]
        one.side = side
        one.price = price
        one.quantity = size
        one.notional_usd = price * size
        one.censoring = censoring
        one.backlog = backlog
        one.__class__ = Liquidation
        return [one]

    return read
"""
_SCOPE: dict[str, Any] = {
    "EPOCH": datetime(1970, 1, 1, tzinfo=UTC), "timedelta": timedelta, "Decimal": Decimal, "LEAST": LEAST, "MOST": MOST,
    "MILLISECONDS": tuple(timedelta(milliseconds=one) for one in range(1000)), "MAX_MS": int(decode.MAX_MS),
    "UNFIT": (msgspec.DecodeError, ArithmeticError, KeyError, TypeError, *decode.UNREADABLE), "new": object.__new__,
    "twin": unlocked(Liquidation), "Liquidation": Liquidation,
}  # fmt: skip


def usual(frame: Frames, rows: Rows) -> Callable[[str], ReadForced] | None:
    """Makes the reader of a channel's usual frames (one row of texts, in base units, with a stamp in ms), None for any other.

    Gives None if the declaration is of another form.
    """
    said = rows.says[0]
    plain = len(rows.says) == 1 and not (rows.where or rows.each or rows.prefix or rows.unfold or rows.whole)
    if not plain or frame.kind or frame.symbol or not isinstance(said, Liquidations):
        return None
    at = None if said.at is None or said.at.clock is not Clock.MS else said.at.name
    names = (said.symbol, said.side, said.price, said.size, at)
    if said.unit is not Unit.BASE or not all(isinstance(one, str) for one in names):
        return None
    columns = Columns()
    shapes = (str, str, str, str, int)
    used = [columns.use(str(name), shape, required=True) for name, shape in zip(names, shapes, strict=True)]
    only = {columns.use(name): allowed for name, allowed in rows.only.items()}
    shape, places = shaped(frame, columns.struct() | None, short=True)
    scope = _SCOPE | {
        "decode": msgspec.json.Decoder(shape).decode,
        "sides": said.sides,
        "censoring": said.censoring,
        "backlog": said.backlog,
    }
    scope |= {f"allowed{number}": allowed for number, allowed in enumerate(only.values())}
    counts = " and ".join(_counts(number, *one) for number, one in enumerate(only.items())) or "True"
    fields = dict(zip(("symbol", "side", "price", "size", "at"), used, strict=True))
    exec(_TEXT.format(channel=places[0], payload=places[1], counts=counts, **fields), scope)  # noqa: S102  # names alone
    made: Callable[[str], ReadForced] = scope["of"]
    return made


def _counts(number: int, place: str, allowed: Container[Any]) -> str:
    """Whether a row counts, as far as one of its fields says."""
    if isinstance(allowed, Without):
        return f"allowed{number}.part not in (row.{place} or '')"
    return f"row.{place} in allowed{number}"
