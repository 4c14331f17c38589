"""Deribit: perpetuals, dated futures and spot by JSON-RPC (docs.deribit.com); options are passed over.

Amounts of inverse contracts (no "_" in the name, as BTC-PERPETUAL) are dollars, all others base units. There is no liquidation
feed: trades carry a flag. There are no wallet flags and no long/short ratio.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from probes import dialect as d
from probes.readings import Censoring, MalformedReason, Market, ServiceStatus
from probes.readings.topics import Topic
from probes.venue import Feed, Malformed, RestCheck
from probes.venues.deribit import words

REFUSALS = d.codes_beside(__file__)  # fmt: skip
"""10041 is the pause of some seconds at the daily settlement; 13778 says that a `raw` channel needs a key."""


def confirmed(frame: Any) -> Sequence[str]:
    """The channels that came of a request. One that does not exist is left out without a word."""
    result = frame["result"]
    if not isinstance(result, list) or not all(isinstance(one, str) for one in result):
        raise Malformed("$.result: no list of channels", MalformedReason.STATE)
    return result


def topic(channel: str) -> tuple[str, str]:
    """The key of a channel: "book.BTC-PERPETUAL.100ms" is a book; those of one or two words are themselves."""
    parts = channel.split(".")
    return (parts[0], "") if len(parts) > 2 else (channel, "")


FRAME = d.Frames(
    channel="params.channel",
    payload="params.data",
    topic=topic,
    refusals=REFUSALS,
    controls=(
        d.Control(path="error", means=d.Means.REFUSED, code="error.code", text="error.message", id="id"),
        d.Control(path="result.version", means=d.Means.PONG),
        d.Control(path="result", means=d.Means.ACK, text="result.0", names=confirmed, complete=True, id="id"),
    ),
    proves={"trades": "{channel}"},
)


def frames(market: Market) -> Any:
    """The reader of a socket: books, and for futures their figures, liquidations and the platform's state."""
    routes = {"book": d.rows(words.BOOK, unfold=words.sized, market=market)}
    if market is Market.PERP:
        routes |= {
            "ticker": d.Rows(says=words.FIGURES, unfold=words.figures),
            "trades": d.rows(words.FORCED, unfold=words.forced),
            "platform_state": d.Rows(says=words.STATES, unfold=words.platform),
        }
    return d.frames(FRAME, routes)


def request(number: int, method: str, **params: Any) -> dict[str, Any]:
    """One JSON-RPC request."""
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def feed(name: str, market: Market, *channels: d.Channel, **more: Any) -> Feed:
    """A feed of these channels, all asked for by one request."""

    def ask(topics: Sequence[Topic], number: int) -> Any:
        return request(number, "public/subscribe", channels=[one.name for one in topics])

    return Feed(
        name=name, host="ws", read=frames(market), market=market, silence_after_s=10, asks_per_s=3,
        keep_alive=d.pings(25, request(2, "public/test")),
        **d.asking(channels, ask), **more,
    )  # fmt: skip


def listing(kind: str) -> RestCheck:
    """The instruments of a kind, on their own allowance."""
    one = d.check("instruments", "/public/get_instruments", words.INSTRUMENTS, 3600, currency="any", kind=kind)
    return d.calls(one, budget="instruments")


BOOKS = d.Channel(topic="book.{}.100ms", name="book", speaks=d.BOOK_WORDS)
TICKERS = d.Channel(topic="ticker.{}.100ms", name="ticker", speaks=d.FIGURE_WORDS, main=False)
TRADES = d.Channel(topic="trades.future.any.100ms", name="trades", speaks=d.FORCED_WORDS, rare=True)
PLATFORM = d.Channel(topic="platform_state", speaks=(ServiceStatus,), main=False, rare=True)
REST_BOOK = d.rows(replace(words.BOOK, whole=True), where="result", unfold=words.sized)
TICKER = d.Rows(where="result", unfold=words.figures, says=words.FIGURES)
SPOT_TICKER = d.rows(words.VOLUME, where="result", unfold=words.figures, market=Market.SPOT)
NAME = {"instrument_name": "{}"}
VENUE = d.venue(
    __file__,
    checks=(
        d.check("server_time", "/public/get_time", d.rows(d.ServerTimes(at=d.Stamp("result"))), 5),
        d.check("system_status", "/public/status", d.Rows(unfold=words.state, says=words.STATES), 60),
        listing("future"),
        listing("spot"),
        d.check("book_rest", "/public/get_order_book", REST_BOOK, 30, None, depth="1000", **NAME),
        d.check("open_interest", "/public/ticker", TICKER, 15, Market.PERP, **NAME),
        d.check("volume_spot", "/public/ticker", SPOT_TICKER, 60, Market.SPOT, **NAME),
    ),
    feeds=(
        feed("book_ws", Market.PERP, BOOKS),
        feed("book_ws_spot", Market.SPOT, BOOKS),
        feed("liquidation", Market.PERP, TRADES, PLATFORM, TICKERS, max_instruments=400, censoring=Censoring.COMPLETE),
    ),
    refuse=d.refusals(d.Errors(code=("error.code",), text=("error.message",), refusals=REFUSALS)),
    symbols=lambda asset: {Market.SPOT: f"{asset}_USDC", Market.PERP: f"{asset}_USDC-PERPETUAL"},
)  # fmt: skip
