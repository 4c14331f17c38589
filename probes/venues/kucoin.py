"""KuCoin: spot (api.kucoin.com) and futures (api-futures.kucoin.com), docs at www.kucoin.com/docs-new.

Books come from the unified account's public sockets, which need no token; the classic ones, with a token from a REST POST, are
not used. Futures count in contracts, and bitcoin is XBT there. Wallets are keyless. There are no liquidations and no ratios.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from probes import dialect as d
from probes.readings import Market, Refusal, ServiceState, VenueId
from probes.readings.topics import Topic
from probes.venue import BookDelta, BookSnapshot, Budget, Feed, KeepAlive, RestCheck, Venue

DOCS = "https://www.kucoin.com/docs-new/"
SPOT: dict[str, Any] = {"market": Market.SPOT}
NAMES = {"XBT": "BTC"}
STATES = {"open": ServiceState.OPERATIONAL, "cancelonly": ServiceState.MAINTENANCE, "close": ServiceState.MAINTENANCE}
TIME = d.Rows(says=(d.ServerTimes(at=d.Stamp("data")),))


def status(product: str) -> d.Rows:
    """The state of one product, which the title names: each host declares its own."""

    def named(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        words = f": {row['msg']}" if row.get("msg") else ""
        return [{**row, "title": f"{product}: {row['status']}{words}"}]

    said = d.Statuses(state="status", states=STATES, title="title", healthy=None)
    return d.Rows(where="data", unfold=named, says=(said,))


def networks(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The networks of a currency; one that cannot be moved at all has none."""
    return [{**one, "currency": row["currency"]} for one in row["chains"] or []]


def contract(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """A contract with its asset's usual name. An inverse one has the multiplier -1: a contract of one dollar."""
    multiplier = abs(row["multiplier"]) if row["isInverse"] is True else row["multiplier"]
    return [{**row, "base": NAMES.get(row["baseCurrency"], row["baseCurrency"]), "size": multiplier}]


WALLETS = d.Rows(
    where="data", unfold=networks,
    says=(
        d.Wallets(symbol="currency", network="chainName", deposits="isDepositEnabled", withdrawals="isWithdrawEnabled"),
    ),
)  # fmt: skip
PAIRS = d.Rows(
    where="data", **SPOT,
    says=(
        d.Listing(
            symbol="symbol", base="baseCurrency", quote="quoteCurrency", trading="enableTrading", trading_is=frozenset({True})
        ),
    ),
)  # fmt: skip
CONTRACTS = d.Rows(
    where="data", unfold=contract,
    says=(
        d.Listing(
            symbol="symbol", base="base", quote="quoteCurrency", contract_size="size", kind="type",
            kinds={"FFWCSX": Market.PERP, "FFICSX": Market.FUTURE}, inverse="isInverse", inverse_is=frozenset({True}),
            trading="status", trading_is=frozenset({"Open"}),
        ),
    ),
)  # fmt: skip
CONTRACT = d.Rows(
    where="data",
    says=(
        d.OpenInterests(
            symbol="symbol", size="openInterest", unit=d.Unit.CONTRACTS, contract_size="multiplier", mark="markPrice"
        ),
        d.MarkPrices(symbol="symbol", mark="markPrice", index="indexPrice"),
        d.FundingRates(
            symbol="symbol", rate="fundingFeeRate", interval="currentFundingRateGranularity", interval_s=1e-3,
            next_at=d.Stamp("nextFundingRateDateTime"), optional=True,
        ),
        d.Volumes(symbol="symbol", base="volumeOf24h", quote="turnoverOf24h", last="lastTradePrice"),
    ),
)  # fmt: skip
FUNDING = d.Rows(
    where="data",
    says=(d.FundingRates(rate="value", interval="granularity", interval_s=1e-3, next_at=d.Stamp("fundingTime")),),
)  # fmt: skip
MARK = d.Rows(
    where="data", says=(d.MarkPrices(symbol="symbol", mark="value", index="indexPrice", at=d.Stamp("timePoint")),)
)  # fmt: skip
STATS = d.Rows(
    where="data", says=(d.Volumes(symbol="symbol", base="vol", quote="volValue", last="last", at=d.Stamp("time")),), **SPOT
)  # fmt: skip
REST_BOOK: dict[str, Any] = {"bids": "bids", "asks": "asks", "last_id": "sequence", "whole": True}
SPOT_BOOK = d.Rows(where="data", says=(d.Books(at=d.Stamp("time"), **REST_BOOK),), **SPOT)
BOOK = d.Rows(
    where="data",
    says=(d.Books(symbol="symbol", unit=d.Unit.CONTRACTS, at=d.Stamp("ts", d.Clock.NS), **REST_BOOK),),
)
PUSHED = d.Books(
    symbol="s", bids="b", asks="a", first_id="O", last_id="C", engine_at=d.Stamp("M", d.Clock.NS),
    whole_kinds=frozenset({"snapshot"}),
)  # fmt: skip
FRAMES = d.frames(
    d.Frames(
        channel="T", payload="d", kind="t", news=frozenset({"snapshot", "delta"}), at=d.Stamp("P", d.Clock.NS),
        refusals={"509": Refusal.THROTTLED},
        controls=(
            d.Control(path="type", values=frozenset({"pong"}), means=d.Means.PONG),
            d.Control(path="type", values=frozenset({"error"}), means=d.Means.REFUSED, code="code", text="data", id="id"),
            d.Control(path="reason", means=d.Means.REFUSED, text="reason", id="id"),
            d.Control(path="result", values=frozenset({False, "false"}), means=d.Means.REFUSED, text="message", id="id"),
            d.Control(path="result", values=frozenset({True, "true"}), means=d.Means.ACK, text="id", id="id"),
        ),
    ),
    {
        "obu.SPOT": d.Rows(says=(PUSHED,), **SPOT),
        "obu.FUTURES": d.Rows(says=(replace(PUSHED, unit=d.Unit.CONTRACTS),)),
    },
)  # fmt: skip


def ping(now: datetime) -> str:
    """The client's ping, due each 18 s."""
    return json.dumps({"id": str(int(now.timestamp() * 1000)), "type": "ping"})


def books(name: str, host: str, product: str, market: Market) -> Feed:
    """The best 500 levels: a whole book, then changes each 10 ms. Several symbols in one message are refused."""
    request = {"action": "SUBSCRIBE", "channel": "obu", "tradeType": product, "depth": "increment@10ms", "rpiFilter": 0}

    def subscribe(topics: Sequence[Topic], number: int) -> Mapping[str, Any]:
        return {"id": str(number), **request, "symbol": topics[0].instrument}

    channel = d.Channel(topic="obu:{}", name="obu", speaks=(BookDelta, BookSnapshot))
    return Feed(
        name=name, host=host, read=FRAMES, market=market, docs=DOCS, lifetime_s=82_800,
        keep_alive=KeepAlive(every_s=15, text=ping), **d.asking([channel], subscribe, at_once=1),
    )  # fmt: skip


def asked(one: RestCheck, cost: float = 5, host: str = "rest") -> RestCheck:
    """The check at its host, with its weight: five is the most that the pages of most of these have."""
    return d.calls(one, host=host, cost=cost)


futures = partial(asked, host="futures")


CODES = d.refusals(
    d.Errors(
        code=("code",), good=frozenset({"200000"}), text=("msg",), resets_in="gw-ratelimit-reset",
        refusals=d.codes({
            Refusal.THROTTLED: "429000 200002", Refusal.OVERLOADED: "408000",
            Refusal.VENUE_ERROR: "500000 100002 126038 126039 135005 135018",
            Refusal.UNAUTHORIZED: "400001..400010 400303 400401 411100 101030 112010 126002 126005 126047 126048 130201 130302",
            Refusal.GEO_BLOCKED: "400301 400500 40010 126021 126037 126045 126046 130315",
            Refusal.BAD_REQUEST: "400000 400100 400400 401000 404000 415000 100001 100003 100004 200003 200004 "
            # what is refused of orders, loans and transfers
            "103000 126000..126044 130101..130314 210014 210021 230003 260000..260220 300000..300012 330005..330012 400200 "
            "400330..400370 400600 400760 600100 600101 900014",
        }),
    )
)  # fmt: skip


VENUE = Venue(
    id=VenueId("kucoin"), title="KuCoin", docs=DOCS,
    hosts={
        "rest": "https://api.kucoin.com", "futures": "https://api-futures.kucoin.com",
        "ws_spot": "wss://x-push-spot.kucoin.com", "ws_futures": "wss://x-push-futures.kucoin.com",
    },
    budgets=(Budget(name="ip", limit=2000, window_s=30, hosts=("rest", "futures")),),
    checks=(
        asked(d.check("server_time", "/api/v1/timestamp", TIME, 5)),
        asked(d.check("system_status", "/api/v1/status", status("spot"), 60)),
        asked(d.check("wallet_status", "/api/v3/currencies", WALLETS, 60)),
        asked(d.check("instruments", "/api/v2/symbols", PAIRS, 3600)),
        asked(d.check("book_rest", "/api/v1/market/orderbook/level2_100", SPOT_BOOK, 30, Market.SPOT, symbol="{}")),
        asked(d.check("volume_spot", "/api/v1/market/stats", STATS, 60, Market.SPOT, symbol="{}"), 15),
        futures(d.check("server_time", "/api/v1/timestamp", TIME, 5)),
        futures(d.check("system_status", "/api/v1/status", status("futures"), 60)),
        futures(d.check("instruments", "/api/v1/contracts/active", CONTRACTS, 3600)),
        futures(d.check("book_rest", "/api/v1/level2/depth100", BOOK, 30, Market.PERP, symbol="{}"), 10),
        futures(d.check("open_interest", "/api/v1/contracts/{}", CONTRACT, 15, Market.PERP)),
        futures(d.check("funding", "/api/v1/funding-rate/{}/current", FUNDING, 300, Market.PERP)),
        futures(d.check("mark_price", "/api/v1/mark-price/{}/current", MARK, 60, Market.PERP)),
    ),
    feeds=(books("book_ws", "ws_futures", "FUTURES", Market.PERP), books("book_ws_spot", "ws_spot", "SPOT", Market.SPOT)),
    usage=d.budget_headers(
        "ip", remaining="gw-ratelimit-remaining", limit="gw-ratelimit-limit", resets_in_ms="gw-ratelimit-reset"
    ),
    refuse=CODES,
    symbols=lambda asset: {Market.SPOT: f"{asset}-USDT", Market.PERP: f"{'XBT' if asset == 'BTC' else asset}USDTM"},
    none={"no public address tells it": ("liquidation", "long_short_ratio", "insurance_fund", "deleveraging")},
)  # fmt: skip
