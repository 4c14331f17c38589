"""Bitget: spot and USDT futures; REST v2 and the unified WebSocket v3 (docs at www.bitget.com/api-doc).

Both markets call a pair alike: spot symbols carry a prefix here. All sizes are base units, save liquidations, which are in the
quote coin. Wallets are keyless, with a congestion flag. There is no status endpoint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from probes import dialect as d
from probes.dialect import decode
from probes.readings import Censoring, Market, Refusal, Side
from probes.readings.topics import Topic
from probes.venue import Feed

SPOT = "spot:"
FUTURES = "USDT-FUTURES"
TIME = d.rows(d.ServerTimes(at=d.Stamp("serverTime")), where="data")
COINS = d.rows(
    d.Wallets(
        network="chain", deposits="rechargeable", withdrawals="withdrawable", delayed="congestion",
        delays={"congested": True, "normal": False},
    ),
    where="data", each="chains", subject="coin",
)  # fmt: skip
CONTRACTS = d.rows(
    d.Listing(
        symbol="symbol", base="baseCoin", quote="quoteCoin", kind="symbolType", trading="symbolStatus",
        kinds={"perpetual": Market.PERP, "delivery": Market.FUTURE}, trading_is=frozenset({"normal"}),
    ),
    where="data",
)  # fmt: skip
ONLINE = d.Listing(
    symbol="symbol", base="baseCoin", quote="quoteCoin", trading="status", trading_is=frozenset({"online"})
)
SYMBOLS = d.rows(ONLINE, where="data", market=Market.SPOT, prefix=SPOT)
REST_BOOK = d.Books(bids="bids", asks="asks", at=d.Stamp("ts"), whole=True)
INTEREST = d.rows(d.OpenInterests(symbol="symbol", size="size"), where="data.openInterestList")
FUNDING = d.rows(
    d.FundingRates(
        symbol="symbol", rate="fundingRate", interval="fundingRateInterval", interval_s=3600, next_at=d.Stamp("nextUpdate")
    ),
    where="data",
)  # fmt: skip
PRICES = d.rows(d.MarkPrices(symbol="symbol", mark="markPrice", index="indexPrice", at=d.Stamp("ts")), where="data")
VOLUME = d.Volumes(symbol="symbol", base="baseVolume", quote="usdtVolume", last="lastPr", at=d.Stamp("ts"))
HELD = d.OpenInterests(symbol="symbol", size="holdingAmount", mark="markPrice", at=d.Stamp("ts"))
TICKER = d.rows(HELD, VOLUME, where="data")
SPOT_TICKER = d.rows(VOLUME, where="data", market=Market.SPOT, prefix=SPOT)


RATIOS = d.rows(
    d.LongShortRatios(longs="longAccountRatio", shorts="shortAccountRatio", at=d.Stamp("ts")),
    where="data", whole=True, unfold=d.newest("ts"),
)  # fmt: skip
"""Of both parts: the documented example's own ratio is not their quotient."""
ALL = "*"


def topic_of(frame: Any) -> Sequence[str]:
    """The topic that an answer repeats: its channel and symbol, or all of them."""
    arg = frame.get("arg")
    if not isinstance(arg, dict) or not isinstance(arg.get("topic"), str):
        return ()
    return (f"{arg['topic']}:{arg.get('symbol') or ALL}",)


FRAME = d.Frames(
    channel="arg.topic", kind="action", symbol="arg.symbol", at=d.Stamp("ts"), texts={b"pong": d.Means.PONG},
    news=frozenset({"snapshot", "update", ""}),
    refusals={"30006": Refusal.THROTTLED, "30007": Refusal.THROTTLED},
    controls=(
        d.Control(
            path="event", values=frozenset({"error"}), means=d.Means.REFUSED, code="code", text="msg", names=topic_of
        ),
        d.Control(path="event", values=frozenset({"subscribe"}), means=d.Means.ACK, text="arg.topic", names=topic_of),
        d.Control(path="event", values=frozenset({"unsubscribe"}), means=d.Means.REFUSED, text="event", names=topic_of),
    ),
)  # fmt: skip
BOOK = d.Books(
    bids="b", asks="a", last_id="seq", prev_id="pseq", engine_at=d.Stamp("ts"), whole_kinds=frozenset({"snapshot"})
)  # fmt: skip
FORCED = d.Liquidations(
    symbol="symbol", price="price", size="amount", unit=d.Unit.QUOTE, side="side", at=d.Stamp("ts"),
    sides={"buy": Side.LONG, "sell": Side.SHORT}, censoring=Censoring.LARGEST_PER_SECOND,
)  # fmt: skip
"""`side` is the position's. Whether the feed is complete is disputed: the weaker claim counts."""
LIVE = (
    d.MarkPrices(mark="markPrice", index="indexPrice"),
    d.FundingRates(rate="fundingRate", next_at=d.Stamp("nextFundingTime")),
    d.OpenInterests(size="openInterest", mark="markPrice"),
    d.Volumes(base="volume24h", quote="turnover24h", last="lastPrice"),
)
FUTURES_FRAMES = d.frames(
    FRAME, {"books": d.rows(BOOK), "liquidation": d.rows(FORCED), "ticker": d.Rows(says=LIVE)}
)  # fmt: skip
SPOT_FRAMES = d.frames(FRAME, {"books": d.rows(BOOK, market=Market.SPOT, prefix=SPOT)})


def feed(name: str, kind: str, *channels: d.Channel, prefix: str = "", **more: Any) -> Feed:
    """A feed of `kind`, asked for by one message, which has no id: each topic is confirmed or refused by its name.

    240 requests an hour are allowed: what is rare is asked for again each 20 s.
    """

    def subscribe(topics: Sequence[Topic], number: int) -> Mapping[str, Any]:
        names = [one.name.split(":") for one in topics]
        args = [{"topic": topic} if symbol == ALL else {"topic": topic, "symbol": symbol} for topic, symbol in names]
        return {"op": "subscribe", "args": [{"instType": kind, **one} for one in args]}

    return Feed(
        name=name, host="ws", silence_after_s=10, lifetime_s=82_800, prove_s=20,
        keep_alive=d.pings(25, "ping"), **d.asking(channels, subscribe, prefix=prefix), **more,
    )  # fmt: skip


BOOKS = d.Channel(topic="books:{}", name="books", speaks=d.BOOK_WORDS)
FORCES = d.Channel(topic=f"liquidation:{ALL}", name="liquidation", speaks=d.FORCED_WORDS, rare=True)
PULSE = d.Channel(topic="ticker:{}", name="ticker", speaks=d.FIGURE_WORDS, main=False)
V2 = "/api/v2/mix/market"
SPOT_BOOK = d.rows(REST_BOOK, where="data", market=Market.SPOT, prefix=SPOT)
PAIR: dict[str, str] = {"symbol": "{}", "productType": FUTURES}
VENUE = d.venue(
    __file__,
    checks=(
        d.check("server_time", "/api/v2/public/time", TIME, 5),
        d.check("wallet_status", "/api/v2/spot/public/coins", COINS, 60),
        d.check("instruments", f"{V2}/contracts", CONTRACTS, 3600, productType=FUTURES),
        d.check("instruments", "/api/v2/spot/public/symbols", SYMBOLS, 3600),
        d.check(
            "book_rest", f"{V2}/merge-depth", d.rows(REST_BOOK, where="data"), 30, Market.PERP, limit="100", **PAIR
        ),
        d.check(
            "book_rest", "/api/v2/spot/market/orderbook", SPOT_BOOK, 30, Market.SPOT, symbol="{}", type="step0", limit="150"
        ),
        d.check("open_interest", f"{V2}/open-interest", d.answer(INTEREST, at=d.Stamp("data.ts")), 60, Market.PERP, **PAIR),
        d.check("funding", f"{V2}/current-fund-rate", d.answer(FUNDING, at=d.Stamp("requestTime")), 300, Market.PERP, **PAIR),
        d.check("mark_price", f"{V2}/symbol-price", PRICES, 60, Market.PERP, **PAIR),
        d.check("long_short_ratio", f"{V2}/account-long-short", RATIOS, 300, Market.PERP, symbol="{}", period="5m"),
        d.check("volume", f"{V2}/ticker", TICKER, 60, Market.PERP, **PAIR),
        d.check("volume_spot", "/api/v2/spot/market/tickers", SPOT_TICKER, 60, Market.SPOT, symbol="{}"),
    ),
    feeds=(
        feed("book_ws", "usdt-futures", BOOKS, read=FUTURES_FRAMES, market=Market.PERP),
        feed("book_ws_spot", "spot", BOOKS, read=SPOT_FRAMES, market=Market.SPOT, prefix=SPOT),
        feed(
            "liquidation", "usdt-futures", FORCES, PULSE, read=FUTURES_FRAMES, market=Market.PERP,
            censoring=Censoring.LARGEST_PER_SECOND,
        ),
    ),
    usage=d.budget_headers("ip", remaining="x-mbx-used-remain-limit"),
    refuse=d.refusals(
        d.Errors(
            code=("code",), text=("msg",), good=frozenset({"00000"}),
            refusals=d.codes_beside(__file__),
        )
    ),
    symbols=lambda asset: decode.pair_symbols("spot:{}USDT", "{}USDT", asset),
)  # fmt: skip
