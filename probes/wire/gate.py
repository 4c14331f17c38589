"""Gate v4's payloads as they are on the wire (www.gate.com/docs/developers/apiv4).

Stamps come in s and ms, sizes as text or numbers.
"""

from __future__ import annotations

import msgspec

from probes.decode import Decoder
from probes.readings import (
    VenueId,
)

ID = VenueId("gate")
Text = str | float | None


class Chain(msgspec.Struct):
    """One network of a currency."""

    name: str
    withdraw_disabled: bool | None = None
    withdraw_delayed: bool | None = None
    deposit_disabled: bool | None = None


class Currency(msgspec.Struct):
    """A row of `spot/currencies`, or of `wallet/currency_chains`."""

    currency: str = ""
    delisted: bool = False
    withdraw_disabled: bool | None = None
    withdraw_delayed: bool | None = None
    deposit_disabled: bool | None = None
    chain: str = ""
    chains: list[Chain] = []
    is_disabled: int = 0
    is_deposit_disabled: int | None = None
    is_withdraw_disabled: int | None = None


class Pair(msgspec.Struct):
    """A row of `spot/currency_pairs`."""

    id: str
    base: str
    quote: str
    trade_status: str = "tradable"


class Contract(msgspec.Struct):
    """A row of `futures/usdt/contracts` or `futures/usdt/tickers`."""

    name: str = ""
    contract: str = ""
    quanto_multiplier: Text = None
    in_delisting: bool = False
    mark_price: Text = None
    index_price: Text = None
    funding_rate: Text = None
    funding_interval: float | None = None
    funding_next_apply: float | None = None
    total_size: Text = None
    volume_24h_base: Text = None
    volume_24h_quote: Text = None
    last: Text = None


class SpotTicker(msgspec.Struct):
    """A row of `spot/tickers`."""

    currency_pair: str
    base_volume: Text = None
    quote_volume: Text = None
    last: Text = None


class Level(msgspec.Struct):
    """A level of a futures book."""

    p: float
    s: float


class Book(msgspec.Struct):
    """A REST or pushed book, spot or futures; the pushed letters are t, s, U, u, a, b."""

    id: int | None = None
    current: float | None = None
    update: float | None = None
    asks: list[Level | tuple[float, float]] = []
    bids: list[Level | tuple[float, float]] = []
    a: list[Level | tuple[float, float]] = []
    b: list[Level | tuple[float, float]] = []
    t: int | None = None
    s: str = ""
    contract: str = ""
    U: int | None = None
    u: int | None = None
    full: bool = False


class Stats(msgspec.Struct):
    """A row of `contract_stats`."""

    time: float
    contract: str = ""
    lsr_account: float | None = None
    top_lsr_account: float | None = None
    open_interest: Text = None
    open_interest_usd: Text = None
    mark_price: Text = None


class Rate(msgspec.Struct):
    """A row of `funding_rate`."""

    t: float
    r: Text = None


class Forced(msgspec.Struct):
    """A liquidation, pushed (`price`) or of REST (`fill_price`, `order_price`)."""

    contract: str
    size: Text
    time: float
    price: Text = None
    fill_price: Text = None
    order_price: Text = None
    time_ms: float | None = None


class Fault(msgspec.Struct):
    """An error inside a frame."""

    code: int = 0
    message: str = ""


class Frame(msgspec.Struct):
    """Any frame; `result` is read by channel."""

    channel: str = ""
    event: str = ""
    time_ms: int | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: Fault | None = None


class Time(msgspec.Struct):
    """`spot/time`."""

    server_time: float


TIME = Decoder(Time, strict=False)
CURRENCIES = Decoder(list[Currency] | Currency, strict=False)
PAIRS = Decoder(list[Pair])
CONTRACTS = Decoder(list[Contract] | Contract, strict=False)
SPOT_TICKERS = Decoder(list[SpotTicker] | SpotTicker, strict=False)
BOOK = Decoder(Book, strict=False)
STATS = Decoder(list[Stats] | Stats, strict=False)
RATES = Decoder(list[Rate], strict=False)
FORCED = Decoder(list[Forced] | Forced, strict=False)
FRAME = Decoder(Frame, strict=False)
