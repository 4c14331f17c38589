"""Binance's payloads as they are on the wire (developers.binance.com). Numbers come as text and sometimes as numbers."""

from __future__ import annotations

import msgspec

from probes.dialect.decode import Decoder


class Error(msgspec.Struct):
    """`{"code": -1003, "msg": "…"}`."""

    code: int
    msg: str = ""


class ServerTime(msgspec.Struct):
    """`{"serverTime": ms}`."""

    server_time: int = msgspec.field(name="serverTime")


class Status(msgspec.Struct):
    """`{"status": 0, "msg": "normal"}`."""

    status: int
    msg: str = ""


class Network(msgspec.Struct, rename="camel"):
    """One network of a coin."""

    network: str
    deposit_enable: bool
    withdraw_enable: bool
    busy: bool | None = None
    withdraw_desc: str | None = None
    special_tips: str | None = None


class Coin(msgspec.Struct, rename="camel"):
    """One coin of `capital/config/getall`."""

    coin: str
    network_list: list[Network]


class Symbol(msgspec.Struct, rename="camel"):
    """One symbol of `exchangeInfo`."""

    symbol: str
    status: str | None = None
    base_asset: str | None = None
    quote_asset: str | None = None
    contract_type: str | None = None


class ExchangeInfo(msgspec.Struct):
    """`exchangeInfo`."""

    symbols: list[Symbol]


class Depth(msgspec.Struct):
    """`depth`."""

    lastUpdateId: int  # noqa: N815  # the venue's name
    bids: list[tuple[float, float]]
    asks: list[tuple[float, float]]
    E: int | None = None
    T: int | None = None


class OpenInterest(msgspec.Struct):
    """`openInterest`, and a row of its history."""

    symbol: str
    openInterest: str | float | None = None  # noqa: N815
    sumOpenInterest: str | float | None = None  # noqa: N815
    sumOpenInterestValue: str | float | None = None  # noqa: N815
    time: int | None = None
    timestamp: int | None = None


class Premium(msgspec.Struct):
    """`premiumIndex`, and a row of the funding history."""

    symbol: str
    markPrice: str | float | None = None  # noqa: N815
    indexPrice: str | float | None = None  # noqa: N815
    lastFundingRate: str | float | None = None  # noqa: N815
    fundingRate: str | float | None = None  # noqa: N815
    nextFundingTime: int | None = None  # noqa: N815
    fundingTime: int | None = None  # noqa: N815
    time: int | None = None


class Ratio(msgspec.Struct):
    """A row of one of the long/short endpoints."""

    timestamp: int
    symbol: str | None = None
    longShortRatio: str | float | None = None  # noqa: N815
    buySellRatio: str | float | None = None  # noqa: N815


class Ticker(msgspec.Struct):
    """`ticker/24hr`."""

    symbol: str
    volume: str | float
    quoteVolume: str | float  # noqa: N815
    lastPrice: str | float  # noqa: N815
    closeTime: int  # noqa: N815


class ForcedOrder(msgspec.Struct):
    """`o` of a forceOrder event: side, prices, quantities, trade time."""

    s: str
    S: str
    p: str
    T: int
    q: str
    ap: str
    z: str


class Event(msgspec.Struct):
    """Any pushed event: the letters mean what its `e` says. `data` holds it in the combined wrapper."""

    e: str | None = None
    E: int | None = None
    T: int | str | None = None
    s: str = ""
    U: int | None = None
    u: int | None = None
    pu: int | None = None
    b: list[tuple[float, float]] | str | None = None
    a: list[tuple[float, float]] | str | None = None
    o: ForcedOrder | str | None = None
    p: str | None = None
    i: str | int | None = None
    r: str | None = None
    v: str | None = None
    q: str | None = None
    c: str | None = None
    st: int | None = None
    id: int | str | None = None
    result: list[str] | None = None
    error: Error | None = None
    data: Event | None = None


ERROR = Decoder(Error, strict=False)
SERVER_TIME = Decoder(ServerTime, strict=False)
STATUS = Decoder(Status, strict=False)
COINS = Decoder(list[Coin])
EXCHANGE_INFO = Decoder(ExchangeInfo)
DEPTH = Decoder(Depth, strict=False)
OPEN_INTEREST = Decoder(OpenInterest | list[OpenInterest])
PREMIUM = Decoder(Premium | list[Premium])
RATIOS = Decoder(list[Ratio])
TICKER = Decoder(Ticker)
FRAME = Decoder(Event | list[Event], strict=False)
