"""Bybit v5's payloads as they are on the wire (bybit-exchange.github.io/docs/v5)."""

from __future__ import annotations

import msgspec

from probes.dialect.decode import Decoder
from probes.readings import (
    Refusal,
    VenueId,
)

ID = VenueId("bybit")
SPOT = "spot:"
REFUSALS = {
    10006: Refusal.THROTTLED,
    10429: Refusal.THROTTLED,
    10018: Refusal.THROTTLED,
    10009: Refusal.GEO_BLOCKED,
    10000: Refusal.TIMEOUT,
    10016: Refusal.OVERLOADED,
    10001: Refusal.BAD_REQUEST,
    10003: Refusal.UNAUTHORIZED,
    10004: Refusal.UNAUTHORIZED,
    10005: Refusal.UNAUTHORIZED,
    33004: Refusal.UNAUTHORIZED,
}


class Chain(msgspec.Struct):
    """One network of a coin; flags are "0" or "1"."""

    chain: str
    chainDeposit: str | int = ""  # noqa: N815  # the venue's names throughout this file
    chainWithdraw: str | int = ""  # noqa: N815


class Row(msgspec.Struct):
    """A row of any list: each endpoint fills what it has."""

    symbol: str = ""
    coin: str = ""
    chains: list[Chain] | msgspec.UnsetType = msgspec.UNSET
    baseCoin: str = ""  # noqa: N815
    quoteCoin: str = ""  # noqa: N815
    contractType: str = ""  # noqa: N815
    status: str = ""
    state: str = ""
    title: str = ""
    begin: str | int = ""
    end: str | int = ""
    maintainType: int | str = ""  # noqa: N815
    openInterest: str | float | None = None  # noqa: N815
    openInterestValue: str | float | None = None  # noqa: N815
    singleOpenInterest: str | float | None = None  # noqa: N815
    singleOpenInterestValue: str | float | None = None  # noqa: N815
    timestamp: str | int | None = None
    fundingRate: str | float | None = None  # noqa: N815
    fundingRateTimestamp: str | int | None = None  # noqa: N815
    nextFundingTime: str | int | None = None  # noqa: N815
    fundingIntervalHour: str | int | None = None  # noqa: N815
    markPrice: str | float | None = None  # noqa: N815
    indexPrice: str | float | None = None  # noqa: N815
    lastPrice: str | float | None = None  # noqa: N815
    buyRatio: str | float | None = None  # noqa: N815
    sellRatio: str | float | None = None  # noqa: N815
    volume24h: str | float | None = None
    turnover24h: str | float | None = None


class Result(msgspec.Struct):
    """`result` of any answer."""

    entries: list[Row] | msgspec.UnsetType = msgspec.field(name="list", default=msgspec.UNSET)
    rows: list[Row] | msgspec.UnsetType = msgspec.UNSET
    category: str = ""
    symbol: str = ""
    timeNano: str | int | None = None  # noqa: N815
    s: str = ""
    a: list[tuple[float, float]] | msgspec.UnsetType = msgspec.UNSET
    b: list[tuple[float, float]] | msgspec.UnsetType = msgspec.UNSET
    ts: int | None = None
    cts: int | None = None
    u: int | None = None


class Answer(msgspec.Struct):
    """The envelope."""

    retCode: int  # noqa: N815
    retMsg: str = ""  # noqa: N815
    result: Result | None = None
    time: int | None = None


class Frame(msgspec.Struct):
    """Any pushed frame or control answer. `data` is read by topic."""

    topic: str = ""
    type: str = ""
    ts: int | None = None
    cts: int | None = None
    data: msgspec.Raw = msgspec.Raw(b"null")
    op: str = ""
    success: bool | None = None
    req_id: str = ""
    ret_msg: str = ""


class BookRow(msgspec.Struct):
    """`data` of an orderbook frame."""

    s: str
    u: int
    b: list[tuple[float, float]]
    a: list[tuple[float, float]]


class Forced(msgspec.Struct):
    """One liquidation of `allLiquidation`, or (long names) of the old `liquidation` topic."""

    T: int = 0
    s: str = ""
    S: str = ""
    v: str = ""
    p: str = ""
    updatedTime: int = 0  # noqa: N815
    symbol: str = ""
    side: str = ""
    size: str = ""
    price: str = ""


ANSWER = Decoder(Answer, strict=False)
FRAME = Decoder(Frame, strict=False)
BOOK = Decoder(BookRow, strict=False)
FORCED = Decoder(list[Forced] | Forced, strict=False)
TICKER = Decoder(Row, strict=False)
STATUS = Decoder(list[Row], strict=False)
