"""Every feed of a venue that claims are made of declares what it asks for, and reads which of it was confirmed or refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from probes import venues
from probes.readings import Instrument, Liquidation, Refusal, ServiceStatus
from probes.venue import Ack, BookDelta, Context, Feed, FeedMessage, Heard, Malformed, SubscriptionRefused
from tests.probes.cases import NOW, listed

DECLARING = [
    name
    for name in venues.NAMES
    if any(one.topics(()) or one.topics(listed(name)) for one in venues.declared(name).feeds)
]
"""The venues whose feeds declare topics; the socket's pulse is all that is known of the others' channels (docs/venues.md)."""
FEEDS = [(name, feed) for name in DECLARING for feed in venues.declared(name).feeds]


def watched(venue: str, feed: Feed) -> list[Instrument]:
    return [one for one in listed(venue) if one.market is feed.market and not one.inverse]


def read(venue: str, payload: dict[str, Any], wanted: str = "liquidation") -> FeedMessage:
    feed = next(one for one in venues.declared(venue).feeds if one.name == wanted)
    context = Context(venue=venues.declared(venue).id, check=wanted, received_at=NOW)
    (word,) = feed.read(json.dumps(payload).encode(), context)
    return word


@pytest.mark.parametrize(("venue", "feed"), FEEDS, ids=[f"{name}/{feed.name}" for name, feed in FEEDS])
def test_a_feed_asks_for_each_of_its_topics_by_a_name_of_its_own(venue: str, feed: Feed) -> None:
    topics = feed.topics(watched(venue, feed))
    names = [one.name for one in topics]
    assert names
    assert len(set(names)) == len(names)
    assert {name for one in feed.ask(topics, NOW) for name in one.topics} == set(names)
    ids = [one.id for one in feed.ask(topics, NOW)]
    assert len(set(ids)) == len(ids)
    assert ids == [one.id for one in feed.ask(topics, NOW)], "live and replayed, an answer belongs to the same request"
    assert all(one.speaks for one in topics)


@pytest.mark.parametrize(("venue", "feed"), FEEDS, ids=[f"{name}/{feed.name}" for name, feed in FEEDS])
def test_liquidations_and_states_are_rare_and_a_liquidation_feed_is_there_for_the_former_alone(
    venue: str, feed: Feed
) -> None:
    for one in feed.topics(watched(venue, feed)):
        assert one.rare == (one.speaks in ((Liquidation,), (ServiceStatus,)))
        if feed.name == "liquidation" or BookDelta in one.speaks:  # company of a book need not count
            assert one.main == (one.speaks == (Liquidation,) or feed.name != "liquidation")


@pytest.mark.parametrize(("venue", "feed"), FEEDS, ids=[f"{name}/{feed.name}" for name, feed in FEEDS])
def test_what_is_sent_at_the_opening_asks_for_the_topics(venue: str, feed: Feed) -> None:
    instruments = watched(venue, feed)
    texts = [one.text for one in feed.ask(feed.topics(instruments), NOW)]
    if not feed.path(instruments):  # else the streams stand in the address
        assert list(feed.subscribe(instruments, NOW)) == texts


def test_every_feed_of_liquidations_declares_topics() -> None:
    for name in venues.NAMES:
        for feed in venues.declared(name).feeds:
            if feed.censoring is not None:
                assert any(Liquidation in one.speaks for one in feed.topics(watched(name, feed))), name


def test_a_feed_declares_topics_or_asks_for_nothing_again() -> None:
    for name in set(venues.NAMES) - set(DECLARING):
        for feed in venues.declared(name).feeds:
            assert feed.topics(watched(name, feed)) == ()
            assert feed.ask((), NOW) == ()


def test_binances_list_of_subscriptions_names_all_that_there_is() -> None:
    assert read("binance_usdm", {"result": ["!forceOrder@arr"], "id": 7}) == Ack(
        subject="7", names=("!forceOrder@arr",), complete=True
    )
    assert read("binance_usdm", {"result": None, "id": 7}) == Ack(subject="7"), "that names nothing and proves nothing"
    refused = read("binance_usdm", {"error": {"code": 2, "msg": "Invalid request"}, "id": 7})
    assert isinstance(refused, SubscriptionRefused)
    assert refused.request == "7"


def test_bybits_refusal_names_one_topic_and_already_subscribed_confirms_it() -> None:
    def answer(words: str) -> FeedMessage:
        return read("bybit", {"success": False, "ret_msg": words, "op": "subscribe", "req_id": "9"})

    assert answer("error:already subscribed,topic:allLiquidation.BTCUSDT") == Ack(
        subject="subscribe", names=("allLiquidation.BTCUSDT",)
    )
    named, unnamed = answer("error:handler not found,topic:tickers.XUSDT"), answer("Invalid symbol :[XUSDT]")
    assert isinstance(named, SubscriptionRefused)
    assert isinstance(unnamed, SubscriptionRefused)
    assert (named.names, named.request, unnamed.names) == (("tickers.XUSDT",), "9", ())


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"arg": {"channel": "mark-price", "instId": "BTC-USDT-SWAP"}}, ("mark-price:BTC-USDT-SWAP",)),
        ({"msg": "channel:mark-price,instId:X-USDT-SWAP doesn't exist"}, ("mark-price:X-USDT-SWAP",)),
        ({"msg": "Wrong URL or channel:liquidation-orders,instType:SWAP"}, ("liquidation-orders:SWAP",)),
        ({"msg": "channel:liquidation-orders doesn't exist"}, ("liquidation-orders",)),
        ({}, ()),
    ],
)
def test_okxs_refusal_names_a_topic_where_its_text_does(given: dict[str, Any], names: tuple[str, ...]) -> None:
    word = read("okx", {"event": "error", "code": "60018", **given})
    assert isinstance(word, SubscriptionRefused)
    assert word.names == names


def test_gates_confirmation_says_success_or_is_none() -> None:
    asked = {"channel": "futures.tickers", "event": "subscribe", "payload": ["BTC_USDT"], "id": 3}
    assert read("gate", {**asked, "result": {"status": "success"}}) == Ack(
        subject="futures.tickers", names=("futures.tickers:BTC_USDT",), request="3"
    )
    refused = read("gate", {**asked, "error": {"code": 2, "message": "unknown contract"}, "result": None})
    assert isinstance(refused, SubscriptionRefused)
    assert (refused.names, refused.request) == (("futures.tickers:BTC_USDT",), "3")
    for result in ({"status": "fail"}, {}, None):
        with pytest.raises(ValueError, match=r"status|null|object"):
            read("gate", {**asked, "result": result})


def test_bitgets_answers_name_the_topic_that_they_repeat() -> None:
    arg = {"instType": "usdt-futures", "topic": "ticker", "symbol": "BTCUSDT"}
    assert read("bitget", {"event": "subscribe", "arg": arg}) == Ack(subject="ticker", names=("ticker:BTCUSDT",))
    every = read("bitget", {"event": "subscribe", "arg": {"instType": "usdt-futures", "topic": "liquidation"}})
    assert every == Ack(subject="liquidation", names=("liquidation:*",))
    for given, names in (({"arg": arg}, ("ticker:BTCUSDT",)), ({}, ())):
        refused = read("bitget", {"event": "error", "code": 30001, "msg": "does not exist", **given})
        assert isinstance(refused, SubscriptionRefused)
        assert refused.names == names


def test_htxs_word_for_a_repeated_subscription_confirms_it() -> None:
    asked = {"op": "sub", "cid": "3", "topic": "public.*.liquidation_orders", "ts": 1}
    confirmed = Ack(subject="public.*.liquidation_orders", names=("public.*.liquidation_orders",), request="3")
    assert read("htx", {**asked, "err-code": 0}) == confirmed
    assert read("htx", {**asked, "err-code": 2014, "err-msg": "Repeated subscription"}) == confirmed
    refused = read("htx", {**asked, "err-code": 2011, "err-msg": "topic format error"})
    assert isinstance(refused, SubscriptionRefused)
    assert (refused.names, refused.request) == (("public.*.liquidation_orders",), "3")


def test_deribits_answer_lists_all_that_came_of_its_request() -> None:
    assert read("deribit", {"id": 5, "result": ["platform_state"]}) == Ack(
        subject="platform_state", names=("platform_state",), request="5", complete=True
    )
    assert read("deribit", {"id": 5, "result": []}) == Ack(request="5", complete=True)
    for result in ("ok", True, {"platform_state": True}, [7]):
        with pytest.raises(Malformed):
            read("deribit", {"id": 5, "result": result})
    refused = read("deribit", {"id": 5, "error": {"code": 10028, "message": "too_many_requests"}})
    assert isinstance(refused, SubscriptionRefused)
    assert (refused.kind, refused.request) == (Refusal.THROTTLED, "5")


def test_krakens_answers_name_the_pair_and_already_subscribed_confirms_it() -> None:
    said = {"method": "subscribe", "req_id": 5, "success": False, "symbol": "BTC/USDT"}
    assert read("kraken", {**said, "error": "Already subscribed"}, "book_ws_spot") == Ack(
        names=("book:BTC/USDT",), request="5"
    )
    refused = read("kraken", {**said, "error": "Currency pair not supported BTC/USDT"}, "book_ws_spot")
    assert isinstance(refused, SubscriptionRefused)
    assert (refused.names, refused.request) == (("book:BTC/USDT",), "5")


def test_kraken_futures_names_the_contracts_except_in_an_error() -> None:
    said = {"feed": "trade", "product_ids": ["PF_XBTUSD"]}
    assert read("kraken_futures", {**said, "event": "subscribed"}) == Ack(subject="trade", names=("trade:PF_XBTUSD",))
    for given, names in (({**said, "event": "subscribed_failed"}, ("trade:PF_XBTUSD",)), ({"event": "error"}, ())):
        refused = read("kraken_futures", given)
        assert isinstance(refused, SubscriptionRefused)
        assert refused.names == names


def test_kraken_futures_asking_again_is_answered_by_old_trades_and_an_alert_that_names_nobody() -> None:
    feed = next(one for one in venues.declared("kraken_futures").feeds if one.name == "liquidation")
    context = Context(venue=venues.declared("kraken_futures").id, check=feed.name, received_at=NOW)
    again = {"event": "alert", "message": "Already subscribed to feed, re-requesting"}
    assert list(feed.read(json.dumps(again).encode(), context)) == []
    old = {"feed": "trade_snapshot", "product_id": "PF_XBTUSD", "trades": []}
    assert list(feed.read(json.dumps(old).encode(), context)) == [Heard(name="trade:PF_XBTUSD")]
    limited = read("kraken_futures", {"event": "alert", "message": "rate_limited"})
    assert isinstance(limited, SubscriptionRefused)
    assert (limited.kind, limited.detail) == (Refusal.THROTTLED, "rate_limited")


def test_a_connection_of_kraken_futures_asks_for_fewer_topics_than_it_may_a_second() -> None:
    for feed in venues.declared("kraken_futures").feeds:
        many = [
            replace(one, symbol=f"PF_{at}USD")
            for at in range(feed.max_instruments)
            for one in watched("kraken_futures", feed)
        ]
        assert len(feed.ask(feed.topics(many), NOW)) < 100


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ('Invalid subscription {"type":"l2Book","coin":"ODD"}', ("l2Book:ODD",)),
        ("Invalid subscription", ()),
        ("Error parsing JSON {", ()),
    ],
)
def test_hyperliquids_error_names_the_topic_where_it_repeats_the_subscription(
    words: str, names: tuple[str, ...]
) -> None:
    refused = read("hyperliquid", {"channel": "error", "data": words}, "book_ws")
    assert isinstance(refused, SubscriptionRefused)
    assert refused.names == names


def test_hyperliquids_word_for_a_repeated_subscription_confirms_it() -> None:
    said = 'Already subscribed: {"type":"l2Book","coin":"BTC"}'
    assert read("hyperliquid", {"channel": "error", "data": said}, "book_ws") == Ack(names=("l2Book:BTC",))
