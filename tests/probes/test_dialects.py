"""What the venues request, sign, subscribe to and refuse, apart from the meaning of their payloads."""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime
from zlib import crc32

import pytest

from probes import venues
from probes.readings import Instrument, InstrumentsListed, Market
from probes.replay import VenueReplay
from probes.tape import HttpExchange
from probes.venue import Context, Feed, Keys, Malformed, Per, RestCall
from tests.probes.cases import listed

NOW = datetime(2026, 11, 1, 0, 0, 0, 123_456, tzinfo=UTC)
KEYS = Keys(key="k", secret="s", passphrase="p")
CALL = RestCall(path="/x", query={"a": "1"}, signed=True)


def feed(venue: str, name: str) -> Feed:
    return next(one for one in venues.declared(venue).feeds if one.name == name)


def watched(venue: str, market: Market) -> list[Instrument]:
    return [one for one in listed(venue) if one.market is market and not one.inverse]


def mac(text: str) -> hmac.HMAC:
    return hmac.new(b"s", text.encode(), hashlib.sha256)


def test_an_unknown_venue_raises_a_key_error() -> None:
    assert set(venues.NAMES) >= {"binance_usdm", "bybit", "gate", "okx"}
    assert set(venues.NAMES) >= {"binance_usdm", "bybit", "gate", "kraken", "kraken_futures", "okx"}
    assert set(venues.NAMES) >= {"binance_spot", "binance_usdm", "bybit", "gate", "mexc", "okx"}
    assert set(venues.NAMES) >= {"binance_usdm", "bybit", "gate", "htx", "kucoin", "okx"}
    with pytest.raises(KeyError, match="mtgox"):
        venues.declared("mtgox")


@pytest.mark.parametrize("name", venues.NAMES)
def test_a_dialect_is_complete(name: str) -> None:
    venue = venues.declared(name)
    budgets = {one.name for one in venue.budgets}
    for check in venue.checks:
        instruments = [one for one in listed(name) if check.market in (None, one.market)]
        for instrument in instruments if check.per is Per.INSTRUMENT else [None]:
            call = check.call(instrument)
            assert call.path.startswith("/")
            assert call.host in venue.hosts
            assert call.budget in budgets
            assert not call.signed or venue.sign is not None
    for one in venue.feeds:
        assert one.host in venue.hosts
        assert (one.censoring is not None) == (one.name == "liquidation")
        assert one.book_base is None or one.book_base in {check.name for check in venue.checks}
    assert all(url.startswith(("https://", "wss://")) for url in venue.hosts.values())
    assert venue.symbols("BTC").keys() <= {Market.SPOT, Market.PERP}
    assert set(venue.symbols("BTC").values()) <= {one.symbol for one in listed(name)}


def test_an_inverse_contract_of_bybit_is_requested_in_its_own_category() -> None:
    inverse = Instrument(symbol="BTCUSD", base="BTC", quote="USD", market=Market.PERP, inverse=True)
    check = next(one for one in venues.declared("bybit").checks if one.name == "volume")
    assert check.call(inverse).query["category"] == "inverse"


def test_each_venue_signs_as_its_documentation_says() -> None:
    binance, spot, mexc, bybit, okx = (
        venues.declared(name).sign for name in ("binance_usdm", "binance_spot", "mexc", "bybit", "okx")
    )
    assert binance is not None
    assert spot is not None
    assert mexc is not None
    assert bybit is not None
    assert okx is not None
    query = "a=1&timestamp=1793491200123&recvWindow=5000"
    assert binance(CALL, KEYS, NOW).query == f"{query}&signature={mac(query).hexdigest()}"
    assert binance(CALL, KEYS, NOW).headers == {"X-MBX-APIKEY": "k"}
    assert spot(CALL, KEYS, NOW) == binance(CALL, KEYS, NOW)
    assert mexc(CALL, KEYS, NOW).query == f"{query}&signature={mac(query).hexdigest()}"
    assert mexc(CALL, KEYS, NOW).headers == {"X-MEXC-APIKEY": "k"}
    assert bybit(CALL, KEYS, NOW).headers["X-BAPI-SIGN"] == mac("1793491200123k5000a=1").hexdigest()
    stamp = "2026-11-01T00:00:00.123Z"
    signed = okx(CALL, KEYS, NOW)
    assert signed.headers["OK-ACCESS-SIGN"] == base64.b64encode(mac(f"{stamp}GET/x?a=1").digest()).decode()
    assert signed.headers["OK-ACCESS-PASSPHRASE"] == "p"
    bare = okx(replace(CALL, query={}), KEYS, NOW)
    assert bare.headers["OK-ACCESS-SIGN"] == base64.b64encode(mac(f"{stamp}GET/x").digest()).decode()


def test_no_secret_is_ever_shown() -> None:
    keys = Keys(key="visible-key", secret="hidden-secret", passphrase="hidden-word")
    signed = venues.declared("okx").sign
    assert signed is not None
    for shown in (repr(keys), repr(signed(CALL, keys, NOW))):
        assert "visible-key" not in shown
        assert "hidden" not in shown


def test_binance_subscribes_in_the_path() -> None:
    perps = watched("binance_usdm", Market.PERP)
    assert feed("binance_usdm", "book_ws").path(perps) == "/stream?streams=btcusdt@depth@100ms"
    assert feed("binance_usdm", "liquidation").path(perps) == "/stream?streams=!forceOrder@arr/btcusdt@markPrice@1s"
    assert feed("binance_usdm", "book_ws").subscribe(perps, NOW) == ()


def test_binance_spot_has_its_streams_in_the_path_and_a_budget_of_its_own_for_each_kind_of_address() -> None:
    spot = watched("binance_spot", Market.SPOT)
    books = feed("binance_spot", "book_ws_spot")
    assert books.path(spot * 2) == "/stream?streams=btcusdt@depth@100ms/btcusdt@depth@100ms"
    assert books.subscribe(spot, NOW) == ()
    (asked,) = books.ask(books.topics(spot), NOW)
    assert json.loads(asked.text)["method"] == "LIST_SUBSCRIPTIONS"
    calls = {one.name: one.call(spot[0]) for one in venues.declared("binance_spot").checks}
    assert {name: (one.budget, one.cost) for name, one in calls.items()} == {
        "server_time": ("ip", 1), "instruments": ("ip", 20), "book_rest": ("ip", 50), "volume_spot": ("ip", 2),
        "system_status": ("sapi", 1), "wallet_status": ("sapi", 10),
    }  # fmt: skip
    assert [name for name, one in calls.items() if one.signed] == ["wallet_status"]


def test_bybit_subscribes_to_ten_topics_in_each_request() -> None:
    one = watched("bybit", Market.SPOT)[0]
    messages = [json.loads(text) for text in feed("bybit", "book_ws_spot").subscribe([one] * 12, NOW)]
    assert [len(message["args"]) for message in messages] == [10, 2]
    assert messages[0]["op"] == "subscribe"
    assert messages[0]["args"][0] == "orderbook.50.BTCUSDT"


def test_okx_subscribes_to_liquidations_of_all_swaps_at_once() -> None:
    (text,) = feed("okx", "liquidation").subscribe(watched("okx", Market.PERP), NOW)
    assert json.loads(text)["args"] == [
        {"channel": "liquidation-orders", "instType": "SWAP"},
        {"channel": "mark-price", "instId": "BTC-USDT-SWAP"},
        {"channel": "open-interest", "instId": "BTC-USDT-SWAP"},
        {"channel": "adl-warning", "instType": "SWAP", "instFamily": "BTC-USDT"},
    ]


def test_mexc_subscribes_to_at_most_thirty_books_of_spot_in_one_message() -> None:
    books = feed("mexc", "book_ws_spot")
    (text,) = books.subscribe(watched("mexc", Market.SPOT) * 2, NOW)
    stream = "spot@public.aggre.depth.v3.api.pb@100ms@BTCUSDT"
    assert json.loads(text) == {"method": "SUBSCRIPTION", "params": [stream, stream]}
    assert books.max_instruments == 30


def test_mexc_subscribes_to_every_version_of_a_contracts_book_and_to_its_figures() -> None:
    messages = [json.loads(text) for text in feed("mexc", "book_ws").subscribe(watched("mexc", Market.PERP), NOW)]
    assert messages == [
        {"method": "sub.depth", "param": {"symbol": "BTC_USDT", "compress": False}},
        {"method": "sub.ticker", "param": {"symbol": "BTC_USDT"}},
        {"method": "sub.funding.rate", "param": {"symbol": "BTC_USDT"}},
    ]


def test_the_futures_of_mexc_have_an_allowance_of_their_own() -> None:
    checks = venues.declared("mexc").checks
    calls = [one.call(watched("mexc", one.market or Market.PERP)[0]) for one in checks]
    assert all(
        (one.budget == "futures") == one.path.startswith("/api/v1/contract/") == (one.host == "futures")
        for one in calls
    )
    assert {one.path: one.cost for one in calls if one.cost != 1} == {
        "/api/v3/capital/config/getall": 10,
        "/api/v3/exchangeInfo": 10,
    }
    assert [one.path for one in calls if one.signed] == ["/api/v3/capital/config/getall"]


def test_bitget_subscribes_to_all_liquidations_at_once_and_to_each_ticker() -> None:
    (text,) = feed("bitget", "liquidation").subscribe(watched("bitget", Market.PERP), NOW)
    assert json.loads(text) == {
        "op": "subscribe",
        "args": [
            {"instType": "usdt-futures", "topic": "liquidation"},
            {"instType": "usdt-futures", "topic": "ticker", "symbol": "BTCUSDT"},
        ],
    }


def test_a_spot_symbol_is_sent_without_our_prefix() -> None:
    (text,) = feed("bitget", "book_ws_spot").subscribe(watched("bitget", Market.SPOT), NOW)
    assert json.loads(text)["args"] == [{"instType": "spot", "topic": "books", "symbol": "BTCUSDT"}]


def test_kraken_is_asked_by_its_older_names_and_subscribed_to_by_the_newer_ones() -> None:
    depth = next(one for one in venues.declared("kraken").checks if one.name == "book_rest")
    doge = Instrument(symbol="DOGE/BTC", base="DOGE", quote="BTC", market=Market.SPOT)
    assert depth.call(doge).query == {"pair": "XDGXBT", "count": "100"}
    (text,) = feed("kraken", "book_ws_spot").subscribe([doge], NOW)
    asked = json.loads(text)
    assert asked["method"] == "subscribe"
    assert asked["params"] == {"channel": "book", "symbol": ["DOGE/BTC"], "depth": 100}


def test_the_checksum_of_kraken_covers_digits_without_points_and_leading_zeros_asks_first() -> None:
    rule = feed("kraken", "book_ws_spot").checksum
    assert rule is not None
    assert (rule.depth, rule.best) == (100, 10)
    asks, bids = [("0.0570", "0.50000000")], [("0.0569", "12.00000000"), ("0.0560", "1.00000001")]
    assert rule.checksum(bids, asks) == crc32(b"570500000005691200000000560100000001")
    cut = [("0.057", "0.5")], [("0.0569", "12"), ("0.056", "1.00000001")]
    assert rule.checksum(cut[1], cut[0]) == rule.checksum(bids, asks), "zeros that were cut off are put back"
    assert rule.checksum([], []) == 0


def test_deribit_subscribes_to_the_trades_of_all_futures_and_to_each_ticker() -> None:
    perps = watched("deribit", Market.PERP)
    (text,) = feed("deribit", "liquidation").subscribe(perps, NOW)
    asked = json.loads(text)
    assert (asked["jsonrpc"], asked["method"]) == ("2.0", "public/subscribe")
    assert asked["params"]["channels"] == [
        "trades.future.any.100ms", "platform_state", "ticker.BTC_USDC-PERPETUAL.100ms",
    ]  # fmt: skip
    (text,) = feed("deribit", "book_ws_spot").subscribe(watched("deribit", Market.SPOT), NOW)
    assert json.loads(text)["params"] == {"channels": ["book.BTC_USDC.100ms"]}


def test_the_listings_of_deribit_have_an_allowance_of_their_own() -> None:
    calls = [one.call(None) for one in venues.declared("deribit").checks if one.name == "instruments"]
    assert [(one.query["kind"], one.budget) for one in calls] == [("future", "instruments"), ("spot", "instruments")]


def test_kraken_futures_subscribes_to_trades_and_tickers_of_all_contracts() -> None:
    perps = watched("kraken_futures", Market.PERP)
    messages = [json.loads(text) for text in feed("kraken_futures", "liquidation").subscribe(perps, NOW)]
    assert messages == [
        {"event": "subscribe", "feed": "trade", "product_ids": ["PF_XBTUSD"]},
        {"event": "subscribe", "feed": "ticker", "product_ids": ["PF_XBTUSD"]},
    ]


def test_the_status_page_of_kraken_is_asked_at_its_own_host_and_budget() -> None:
    status = next(one for one in venues.declared("kraken_futures").checks if one.name == "system_status").call(None)
    assert (status.host, status.budget) == ("status", "status")
    assert venues.declared("kraken_futures").symbols("DOGE") == {Market.PERP: "PF_DOGEUSD"}


def test_hyperliquid_is_asked_by_posts_with_the_weight_of_each_question() -> None:
    coin = watched("hyperliquid", Market.PERP)[0]
    calls = {
        (one.name, call.subject): (call.query, call.cost)
        for one in venues.declared("hyperliquid").checks
        for call in [one.call(coin if one.per is Per.INSTRUMENT else None)]
    }
    assert calls == {
        ("server_time", '/info {"type": "exchangeStatus"}'): ({}, 2),
        ("system_status", '/info {"type": "exchangeStatus"}'): ({}, 2),
        ("instruments", '/info {"type": "metaAndAssetCtxs"}'): ({}, 20),
        ("system_status", "/api/v2/summary.json"): ({}, 1),
        ("instruments", '/info {"type": "spotMeta"}'): ({}, 20),
        ("book_rest", '/info {"coin": "BTC", "type": "l2Book"}'): ({}, 2),
        ("open_interest", '/info {"type": "metaAndAssetCtxs"}'): ({}, 20),
        ("volume_spot", '/info {"type": "spotMetaAndAssetCtxs"}'): ({}, 20),
    }


def test_hyperliquid_subscribes_to_each_channel_of_a_coin_by_a_message() -> None:
    messages = feed("hyperliquid", "book_ws").subscribe(watched("hyperliquid", Market.PERP), NOW)
    assert [json.loads(one) for one in messages] == [
        {"method": "subscribe", "subscription": {"type": "l2Book", "coin": "BTC"}},
        {"method": "subscribe", "subscription": {"type": "activeAssetCtx", "coin": "BTC"}},
    ]


@pytest.mark.parametrize(
    ("body", "symbol"),
    [
        (b'[{"universe":[{"name":"BTC"}]},[{"midPx":"100"}]]', "BTC"),
        (
            b'{"universe":[{"name":"@107","tokens":[1,0]}],"tokens":[{"name":"USDC","index":0},{"name":"H","index":1}]}',
            "@107",
        ),
    ],
)
def test_a_replay_tells_checks_of_one_name_and_path_apart_by_their_body(body: bytes, symbol: str) -> None:
    venue = venues.declared("hyperliquid")
    listings = [one for one in venue.checks if one.name == "instruments"]
    (check,) = [
        one for one in listings if one.call(None).body == {"type": "spotMeta" if "@" in symbol else "metaAndAssetCtxs"}
    ]
    got = HttpExchange(
        sent_at=NOW, received_at=NOW, phases=(), cold=False, status=200, headers={}, body=body, refusal=None, detail=""
    )
    readings = VenueReplay(venue, ["BTC"]).answer("instruments", check.call(None).subject, None, NOW, got)
    (listed_now,) = [one for one in readings if isinstance(one, InstrumentsListed)]
    assert [one.symbol for one in listed_now.instruments] == [symbol]


def test_gate_subscribes_once_to_all_liquidations_and_once_for_each_contract_to_its_second_channel() -> None:
    perps = watched("gate", Market.PERP) * 2
    messages = [json.loads(text) for text in feed("gate", "liquidation").subscribe(perps, NOW)]
    assert [(one["channel"], one["payload"]) for one in messages] == [
        ("futures.public_liquidates", ["!all"]),
        ("futures.tickers", ["BTC_USDT"]),
        ("futures.tickers", ["BTC_USDT"]),
    ]
    assert {(one["time"], one["event"]) for one in messages} == {(1793491200, "subscribe")}


def test_htx_requests_a_whole_book_on_the_same_socket_after_it_subscribed_to_changes() -> None:
    messages = [json.loads(text) for text in feed("htx", "book_ws_spot").subscribe(watched("htx", Market.SPOT), NOW)]
    assert [{"sub", "req"} & set(one) for one in messages] == [{"sub"}, {"req"}]
    assert messages[0]["sub"] == messages[1]["req"] == "market.btcusdt.mbp.150"


def test_htx_subscribes_to_the_changes_of_each_swap_and_to_the_liquidations_of_all() -> None:
    swaps = watched("htx", Market.PERP)
    (text,) = feed("htx", "book_ws").subscribe(swaps, NOW)
    assert (json.loads(text)["sub"], json.loads(text)["data_type"]) == (
        "market.BTC-USDT.depth.size_150.high_freq",
        "incremental",
    )
    messages = [json.loads(text) for text in feed("htx", "liquidation").subscribe(swaps, NOW)]
    assert [one["topic"] for one in messages] == ["public.*.liquidation_orders", "public.*.funding_rate"]


def test_each_check_of_htx_is_asked_at_the_host_of_its_product() -> None:
    asked = {}
    for check in venues.declared("htx").checks:
        for one in listed("htx") if check.per is Per.INSTRUMENT else [None]:
            if one is None or check.market is one.market:
                call = check.call(one)
                asked[call.path] = (call.host, call.budget)
    spot = {
        "/v1/common/timestamp",
        "/v2/market-status",
        "/v2/reference/currencies",
        "/v1/common/symbols",
        "/market/depth",
    }
    assert {path for path, where in asked.items() if where == ("rest", "ip")} == spot | {"/market/detail/merged"}
    assert {where for path, where in asked.items() if path not in spot} == {("rest", "ip"), ("swaps", "swaps")}


def test_a_gzip_of_htx_that_unpacks_to_more_than_a_frame_may_have_is_malformed() -> None:
    context = Context(venue=venues.declared("htx").id, check="book_ws", received_at=NOW)
    for one in venues.declared("htx").feeds:
        with pytest.raises(Malformed, match="more than 1000000 bytes"):
            one.read(gzip.compress(b" " * 50_000_000 + b"{}"), context)


def test_kucoin_subscribes_to_each_book_by_a_message_of_its_own() -> None:
    one = watched("kucoin", Market.PERP)
    messages = [json.loads(text) for text in feed("kucoin", "book_ws").subscribe(one * 2, NOW)]
    assert [(two["channel"], two["tradeType"], two["symbol"], two["depth"]) for two in messages] == [
        ("obu", "FUTURES", "XBTUSDTM", "increment@10ms")
    ] * 2
    (text,) = feed("kucoin", "book_ws_spot").subscribe(watched("kucoin", Market.SPOT), NOW)
    assert (json.loads(text)["tradeType"], json.loads(text)["symbol"]) == ("SPOT", "BTC-USDT")


def test_each_check_of_kucoin_is_asked_at_the_host_of_its_product() -> None:
    hosts = [check.call(listed("kucoin")[0]).host for check in venues.declared("kucoin").checks]
    assert hosts == ["rest"] * 6 + ["futures"] * 7


def test_a_keep_alive_is_the_text_that_the_venue_requires() -> None:
    texts = {
        name: {one.keep_alive.text(NOW) for one in venues.declared(name).feeds if one.keep_alive}
        for name in venues.NAMES
    }
    assert texts["binance_usdm"] == set(), "the protocol's own pings suffice"
    assert [json.loads(text) for text in texts["kraken"]] == [{"method": "ping"}]
    assert texts["binance_usdm"] == texts["binance_spot"] == set(), "the protocol's own pings suffice"
    assert texts["okx"] == texts["bitget"] == {"ping"}
    assert [json.loads(text)["op"] for text in texts["bybit"]] == ["ping"]
    assert {json.loads(text)["method"] for text in texts["deribit"]} == {"public/test"}
    assert texts["mexc"] == {'{"method": "PING"}', '{"method": "ping"}'}
    assert [json.loads(text) for text in texts["hyperliquid"]] == [{"method": "ping"}]
    assert [json.loads(text) for text in texts["kucoin"]] == [{"id": "1793491200123", "type": "ping"}]
    assert {json.loads(text)["channel"] for text in texts["gate"]} == {"spot.ping", "futures.ping"}
