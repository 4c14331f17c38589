"""Binance spot: books, volumes, and the state and wallets of the whole brand (developers.binance.com, "Spot" and "Wallet").

Its weights and its address are its own: the venue `binance_usdm` counts the same allowance apart, and the venue's header joins
both. Streams stand in the address of the socket, and the connection is asked which it has. Wallets need a key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from probes import dialect as d
from probes.dialect import rights
from probes.readings import Market, Refusal, ServiceState, VenueId
from probes.readings.topics import Topic
from probes.venue import BookDelta, BookSnapshot, Budget, Feed, RestCall, RightsQuestion, Usage, Venue

DOCS = "https://developers.binance.com/docs/binance-spot-api-docs"
TIME = d.Rows(says=(d.ServerTimes(at=d.Stamp("serverTime")),))
STATES: Mapping[Any, ServiceState] = {0: ServiceState.OPERATIONAL, 1: ServiceState.MAINTENANCE}
STATUS = d.Rows(says=(d.Statuses(state="status", states=STATES, title="msg", healthy=None),))
COINS = d.Rows(
    each="networkList",
    subject="coin",
    says=(
        d.Wallets(
            network="network", deposits="depositEnable", withdrawals="withdrawEnable", delayed="busy",
            note=("withdrawDesc", "depositDesc", "specialTips"),
        ),
    ),
)  # fmt: skip
SYMBOLS = d.Rows(
    where="symbols",
    market=Market.SPOT,
    says=(
        d.Listing(
            symbol="symbol", base="baseAsset", quote="quoteAsset", trading="status", trading_is=frozenset({"TRADING"})
        ),
    ),
)
"""`status` is TRADING; HALT, BREAK and CANCEL_ONLY take no orders."""
BOOK = d.Rows(says=(d.Books(bids="bids", asks="asks", last_id="lastUpdateId", whole=True),), market=Market.SPOT)
"""The answer has no stamp."""
TICKER = d.Rows(
    says=(d.Volumes(symbol="symbol", base="volume", quote="quoteVolume", last="lastPrice", at=d.Stamp("closeTime")),),
    market=Market.SPOT,
)
CHANGE = d.Rows(
    says=(d.Books(symbol="s", bids="b", asks="a", first_id="U", last_id="u", at=d.Stamp("E")),), market=Market.SPOT
)


def stream(name: str) -> tuple[str, str]:
    """The kind and the symbol of "btcusdt@depth@100ms"."""
    symbol, _, kind = name.partition("@")
    return kind.partition("@")[0], symbol.upper()


SHUTDOWN: dict[str, Any] = {"values": frozenset({"serverShutdown"}), "means": d.Means.SHUTDOWN}
FRAMES = d.frames(
    d.Frames(
        channel="stream",
        topic=stream,
        refusals={"-1003": Refusal.THROTTLED},
        controls=(
            d.Control(path="data.e", text="data.e", **SHUTDOWN),
            d.Control(path="e", text="e", **SHUTDOWN),
            d.Control(path="error", means=d.Means.REFUSED, code="error.code", text="error.msg", id="id"),
            d.Control(path="code", means=d.Means.REFUSED, code="code", text="msg", id="id"),
            d.Control(
                path="result.0",
                means=d.Means.ACK,
                text="id",
                id="id",
                complete=True,
                names=lambda frame: [one for one in frame["result"] if isinstance(one, str)],
            ),
            d.Control(path="id", means=d.Means.ACK, text="id"),
        ),
    ),
    {"depth": CHANGE},
)


def subscriptions(_topics: Sequence[Topic], number: int) -> Mapping[str, Any]:
    """Asks the connection which streams it has: those in its address are never acknowledged."""
    return {"method": "LIST_SUBSCRIPTIONS", "id": number}


DEPTH = d.Channel(topic="{}@depth@100ms", name="depth", speaks=(BookDelta, BookSnapshot))
ASKING = d.asking([DEPTH], subscriptions, lower=True, path="/stream?streams=")

REFUSE = d.refusals(
    d.Errors(
        code=("code",), text=("msg",), banned_until="banned until ",
        refusals=d.codes({
            Refusal.VENUE_ERROR: "-1000", Refusal.OVERLOADED: "-1001 -1004 -1008", Refusal.MAINTENANCE: "-1016",
            Refusal.THROTTLED: "-1003 -1015 -1034", Refusal.EXECUTION_UNKNOWN: "-1006 -1007",
            # the right, the clock, the signature, and the key with its address
            Refusal.UNAUTHORIZED: "-1002 -1005 -1011 -1021 -1022 -1099 -2008 -2014 -2015",
            # -11xx are about the request; the others are what the matching engine refuses
            Refusal.BAD_REQUEST: "-1199..-1100 -1010 -1013 -1014 -1020 -1023 -1033 -1035 -2026..-2010",
        }),
    )
)  # fmt: skip
"""Codes -11xx are about the request: `errors.md`, "Request issues"."""

_USED = d.budget_headers("ip", used="x-mbx-used-weight-1m")
_SAPI_USED = d.budget_headers("sapi", used="x-sapi-used-ip-weight-1m")


def usage(headers: Mapping[str, str], now: datetime) -> Sequence[Usage]:
    """The weight used this minute: of `/api` over all its endpoints, of `/sapi` by endpoint."""
    return [*_USED(headers, now), *_SAPI_USED(headers, now)]


RIGHTS = rights.flags(
    "", ("enable", "permits"), frozenset({"enableReading", "enableFixReadOnly"}), required="enableWithdrawals"
)

VENUE = Venue(
    id=VenueId("binance_spot"),
    title="Binance spot",
    docs=DOCS,
    hosts={"rest": "https://api.binance.com", "ws": "wss://stream.binance.com:9443"},
    budgets=(
        Budget(name="ip", limit=4800, window_s=60),  # of 6,000: binance_usdm asks this host too, from the same address
        Budget(name="sapi", limit=12_000, window_s=60, each=True),
    ),
    checks=(
        d.check("server_time", "/api/v3/time", TIME, 5),
        d.calls(d.check("system_status", "/sapi/v1/system/status", STATUS, 60), budget="sapi"),
        d.calls(
            d.check("wallet_status", "/sapi/v1/capital/config/getall", COINS, 60), budget="sapi", cost=10, signed=True
        ),
        replace(
            d.calls(d.check("instruments", "/api/v3/exchangeInfo", SYMBOLS, 3600, showPermissionSets="false"), cost=20),
            max_bytes=24_000_000,
        ),
        d.calls(d.check("book_rest", "/api/v3/depth", BOOK, 30, Market.SPOT, symbol="{}", limit="1000"), cost=50),
        d.calls(d.check("volume_spot", "/api/v3/ticker/24hr", TICKER, 60, Market.SPOT, symbol="{}"), cost=2),
    ),
    feeds=(
        Feed(
            name="book_ws_spot", host="ws", read=FRAMES, **ASKING, asks_per_s=4,
            market=Market.SPOT, silence_after_s=10, book_base="book_rest", lifetime_s=23 * 3600, docs=DOCS,
        ),
    ),
    usage=usage,
    refuse=REFUSE,
    sign=d.signs("X-MBX-APIKEY"),
    key_rights=RightsQuestion(
        call=RestCall(path="/sapi/v1/account/apiRestrictions", budget="sapi", signed=True), read=RIGHTS
    ),
    symbols=lambda asset: {Market.SPOT: f"{asset}USDT"},
    none={
        "spot alone, its perpetuals are binance_usdm": (
            "book_ws", "volume", "liquidation", "open_interest", "funding", "mark_price", "long_short_ratio",
            "insurance_fund", "deleveraging",
        )
    },
)  # fmt: skip
