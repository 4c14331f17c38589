"""The real dialects read the messages of the simulated venues correctly: each gets the world's own values."""

from __future__ import annotations

from decimal import Decimal

import pytest

from monitor.drill.scenario import VENUES, Liquidated
from monitor.drill.world.dialect import RestRequest
from monitor.drill.world.market import SPOT_VOLUME_USD, Forced, SimVenue
from monitor.drill.world.weather import CALM, Weather
from probes import venues
from probes.book import Applied, Book
from probes.dialect.capabilities import CAPABILITIES, Reach, reach
from probes.readings import (
    Funding,
    Liquidation,
    LongShortRatio,
    MarkPrice,
    OpenInterest,
    Refusal,
    ServerTime,
    ServiceState,
    ServiceStatus,
    Side,
    VenueId,
    Volume,
    WalletStatus,
)
from probes.readings import Market as Kind
from probes.rest.refusals import by_answer
from probes.venue import Ack, BookDelta, BookSnapshot, OddRows, Pong, Refused
from tests.monitor.drill.simulated import (
    DIALECTS,
    NOW,
    NOW_MS,
    STORM,
    answer,
    answered,
    answers_of,
    context,
    feed,
    in_bytes,
    listed,
    sim,
    subscribed,
)

NAMES = tuple(DIALECTS)
LIQUIDATING = tuple(name for name in NAMES if any(one.name == "liquidation" for one in venues.declared(name).feeds))
BOOKS = tuple(
    (name, one.name) for name in NAMES for one in venues.declared(name).feeds if one.name.startswith("book_ws")
)
FUNDING_HOURS = 8.0
"""The weather's rate is one of eight hours; a venue that charges each hour states an eighth of it."""


SHUT = ServiceState.MAINTENANCE
CANCEL_ONLY = ("coinbase", "htx", "kraken", "kucoin")
"""Venues that have a word for cancel-only."""
QUEUES = ("bitget", "gate")
"""Venues that say of a withdrawal without a key that it is late."""
ONE_STATE = ("coinbase",)
"""Venues whose networks have one state for deposits and withdrawals."""


def test_the_world_speaks_the_dialect_of_each_venue_that_a_scenario_has_by_default() -> None:
    assert set(DIALECTS) >= set(VENUES)
    assert {name: one.id for name, one in DIALECTS.items()} == {name: name for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_each_venue_lists_the_asset_and_the_bystander_on_its_markets(name: str) -> None:
    _, simulated = sim()
    instruments = listed(name, simulated[name])
    capable = reach(venues.declared(name))
    markets = {Kind.PERP} if capable["open_interest"] is Reach.PUBLIC else set()
    markets |= {Kind.SPOT} if capable["volume_spot"] is Reach.PUBLIC and name != "binance_usdm" else set()
    assert {(one.base, one.market) for one in instruments} >= {
        (base, market) for base in ("RIFT", "BTC") for market in markets
    }
    assert all(one.quote in ("USDT", "USDC", "USD") and one.trading and not one.inverse for one in instruments)


def assert_true(word: object, venue: SimVenue) -> None:
    """A reading has the value that the world has; of the bystander nothing is known."""
    instrument = getattr(word, "instrument", None)
    if instrument is not None and instrument not in {
        one.symbol for one in listed(venue.id, venue) if one.base == "RIFT"
    }:
        return
    assert not isinstance(word, OddRows)
    match word:
        case ServerTime():
            assert abs(word.event_time.timestamp() * 1000 - NOW_MS) < 1000
        case ServiceStatus():
            assert word.state is ServiceState.OPERATIONAL
        case WalletStatus():
            ours = word.asset == "RIFT"
            out, into = (ours and one for one in (venue.weather.withdrawals_closed, venue.weather.deposits_closed))
            out, into = (out or into, out or into) if venue.id in ONE_STATE else (out, into)
            assert (word.deposits, word.withdrawals) == (not into, not out)
            late = ours and venue.weather.withdrawals_delayed and venue.id in QUEUES
            assert bool(word.delayed) is late
        case BookSnapshot():
            assert any(shows(word, venue, market) for market in venue.books)
        case Volume():
            usd = SPOT_VOLUME_USD * (1 if word.market is Kind.SPOT else venue.weather.perp_over_spot)
            assert word.usd is None or float(word.usd) == pytest.approx(usd, rel=0.001)
            assert word.base is None or float(word.base) == pytest.approx(usd / venue.mid, rel=0.001)
        case _:
            assert_true_figure(word, venue)


def assert_true_figure(word: object, venue: SimVenue) -> None:
    """A figure of the perpetual is the world's."""
    match word:
        case OpenInterest(base=base) if base is not None:
            assert float(base) == pytest.approx(venue.interest, rel=0.001)
        case Funding():
            hours = (word.interval_s or FUNDING_HOURS * 3600) / 3600
            assert word.rate / hours * FUNDING_HOURS == pytest.approx(venue.weather.funding_rate, rel=1e-4)
        case MarkPrice():
            assert word.mark == pytest.approx(venue.mid, abs=venue.grid.step)
        case LongShortRatio():
            assert word.ratio == pytest.approx(venue.weather.long_short, rel=0.001)


def shows(book: BookSnapshot, venue: SimVenue, market: str) -> bool:
    """Whether a whole book is the best part, of twenty levels or more, of the venue's own."""
    given = [sorted(book.bids, reverse=True), sorted(book.asks)]
    ours = [[(at * venue.grid.step, size) for at, size in side] for side in venue.books[market].levels()]
    return all(
        len(side) >= 20 and [size for _, size in side] == [size for _, size in own[: len(side)]]
        and [price for price, _ in side] == pytest.approx([price for price, _ in own[: len(side)]])
        for side, own in zip(given, ours, strict=True)
    )  # fmt: skip


def capability(word: object, source: str, spot: bool) -> str | None:
    """The capability that a word of a check or feed shows."""
    if isinstance(word, BookSnapshot):
        return source
    if isinstance(word, Volume):
        return "volume_spot" if spot else "volume"
    return next((name for name, one in CAPABILITIES.items() if isinstance(word, one.means)), None)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "weather",
    [
        CALM,
        STORM,
        Weather(deposits_closed=True),
        Weather(deposits_closed=True, withdrawals_closed=True),
        Weather(withdrawals_delayed=True),
    ],
    ids=["calm", "storm", "no deposits", "wallets closed", "a queue"],
)
def test_every_capability_of_a_venue_reads_as_the_true_value(name: str, weather: Weather) -> None:
    _, simulated = sim(weather)
    venue, declared = simulated[name], venues.declared(name)
    seen: set[str | None] = set()
    for check, reading in answered(name, venue):
        assert_true(reading, venue)
        seen.add(capability(reading, check.name, getattr(reading, "market", None) is Kind.SPOT))
    for one in declared.feeds:
        _, words = subscribed(name, one, venue)
        for word in words:
            assert_true(word, venue)
            seen.add(capability(word, one.name, one.market is Kind.SPOT))
    wanted = {each for each, how_far in reach(declared).items() if how_far is Reach.PUBLIC}
    by_change = {one.name for one in declared.feeds if one.book_base is not None}  # tried below, change by change
    assert wanted - by_change - {"liquidation", "deleveraging"} <= seen  # said only while they go on


@pytest.mark.parametrize("name", CANCEL_ONLY)
def test_a_venue_that_takes_cancellations_alone_says_so_and_its_book_stands(name: str) -> None:
    market, simulated = sim()
    venue = simulated[name]
    levels, mid, forced = venue.books["spot"].levels(), venue.mid, len(venue.waiting)
    for second in range(10):
        market.walk(1.0, 0.5)
        assert market.step(venue, Weather(cancel_only=True, liquidations_per_s=50), NOW_MS / 1000 + second, 1.0) == {}
    assert (venue.books["spot"].levels(), venue.mid, len(venue.waiting)) == (levels, mid, forced)
    states = {word.state for word in answers_of(name, venue) if isinstance(word, ServiceStatus)}
    assert SHUT in states


@pytest.mark.parametrize(("name", "wanted"), BOOKS)
def test_a_book_follows_its_changes_without_a_gap_and_ends_as_the_venue_has_it(name: str, wanted: str) -> None:
    moved, simulated = sim()
    market = "perp" if wanted == "book_ws" else "spot"
    venue, dialect, declared = simulated[name], DIALECTS[name], feed(name, wanted)
    instruments = listed(name, venue)
    one = next(each for each in instruments if each.base == "RIFT" and each.market.value == market)
    knows = context(name, instruments)
    if declared.book_base is not None:
        check = next(
            each
            for each in venues.declared(name).checks
            if each.name == "book_rest" and each.market in (None, one.market)
        )
        whole = check.read(answer(name, check, one, venue), context(name, instruments, one))[0]
    else:
        _, words = subscribed(name, declared, venue)
        whole = next(word for word in words if isinstance(word, BookSnapshot))
    assert isinstance(whole, BookSnapshot)
    book = Book(VenueId(name), whole.instrument)
    book.snapshot(whole, 0.0, from_rest=declared.book_base is not None)
    for step in range(150):
        weather = CALM if step < 75 else Weather(depth_factor=0.1, spread_bps=14)
        moved.walk(0.5)
        change = moved.step(venue, weather, NOW_MS / 1000, 0.15)[market]
        for frame in dialect.book(market, change, venue, NOW_MS + step):
            for word in declared.read(in_bytes(frame), knows):
                if isinstance(word, BookSnapshot):
                    book.snapshot(word, 0.0, from_rest=False)
                elif isinstance(word, BookDelta):
                    assert book.apply(word, 0.0) is Applied.YES
    assert len(book.bids) >= 20
    for held, ours in zip((book.bids, book.asks), venue.books[market].levels(), strict=True):
        true = {round(at * venue.grid.step, 6): size for at, size in ours[: len(held)]}
        assert {round(price, 6): size for price, size in held.items()} == true


def test_a_quiet_book_holds_millions_within_half_a_percent_and_a_storm_a_tenth_of_it() -> None:
    market, simulated = sim()
    venue = simulated["okx"]

    def depth_usd() -> float:
        bids, _ = venue.books["perp"].levels()
        mid = venue.mid
        return sum(at * venue.grid.step * size for at, size in bids if at * venue.grid.step >= mid * 0.995)

    quiet_usd = depth_usd()
    assert 2e6 < quiet_usd < 5e6
    market.step(venue, Weather(depth_factor=0.1), NOW_MS / 1000, 0.15)
    assert depth_usd() == pytest.approx(quiet_usd / 10, rel=0.25)


ONE_OF_THREE = ("binance_usdm", "okx", "bitget")
"""Venues that send one order of a second: the latest or the largest, which is the last of the three below."""


@pytest.mark.parametrize("name", LIQUIDATING)
@pytest.mark.parametrize("side", [Liquidated.LONG, Liquidated.SHORT])
def test_forced_orders_are_censored_by_the_rule_of_each_venue(name: str, side: Liquidated) -> None:
    _, simulated = sim()
    venue = simulated[name]
    orders = [Forced(at_ms=NOW_MS - 300 + at, side=side, price=2.4995, base=100 * (at + 1)) for at in range(3)]
    knows, read = context(name, listed(name, venue)), feed(name, "liquidation").read
    words = [word for frame in DIALECTS[name].forced(orders, venue, NOW_MS) for word in read(in_bytes(frame), knows)]
    count = 1 if name in ONE_OF_THREE else 3
    assert len(words) == count
    for word, order in zip(words, orders[-count:], strict=True):
        assert isinstance(word, Liquidation)
        assert word.side is (Side.LONG if side is Liquidated.LONG else Side.SHORT)
        assert (word.quantity, word.price) == (Decimal(order.base), Decimal("2.4995"))
        assert word.event_time.timestamp() * 1000 == pytest.approx(order.at_ms)


@pytest.mark.parametrize("name", NAMES)
def test_a_throttled_answer_has_the_venues_own_format_and_is_read_as_throttled(name: str) -> None:
    _, simulated = sim()
    reply = DIALECTS[name].throttled(RestRequest(path="/any", query={}, now_ms=NOW_MS), simulated[name])
    headers = {key.lower(): value for key, value in reply.headers.items()}
    declared = venues.declared(name)
    refused = declared.refuse(reply.status, headers, reply.body(), NOW)
    if refused is None and (kind := by_answer(reply.status, reply.body())) is not None:
        refused = Refused(kind)
    if refused is None:  # a code in a 200 body is found by the reader
        check = next(one for one in declared.checks if one.name == "server_time")
        with pytest.raises(Refused) as caught:
            check.read(reply.body(), context(name, ()))
        refused = caught.value
    assert refused.kind is Refusal.THROTTLED
    wait_s = refused.retry_after_s or 0.0
    if refused.until is not None:
        wait_s = (refused.until - NOW).total_seconds()
    assert wait_s <= 2, "a drill is short: no venue requests a long wait"


@pytest.mark.parametrize("name", NAMES)
def test_subscriptions_are_acknowledged_and_pings_answered(name: str) -> None:
    _, simulated = sim()
    venue, dialect = simulated[name], DIALECTS[name]
    instruments = listed(name, venue)
    for one in venues.declared(name).feeds:
        topics, words = subscribed(name, one, venue)
        assert topics & {"forced", "book:perp", "book:spot"}
        assert any(isinstance(word, Ack) for word in words)
        assert not any(isinstance(word, Refused | OddRows) for word in words)
        if one.keep_alive is not None:
            path = dialect.hosts(1)[one.host].partition(":1")[2]
            (pong,) = dialect.on_message(path, one.keep_alive.text(NOW), venue, NOW_MS).answers
            assert [type(word) for word in one.read(in_bytes(pong), context(name, instruments))] == [Pong]


@pytest.mark.parametrize("name", [name for name in NAMES if venues.declared(name).feeds])
def test_a_topic_that_does_not_exist_is_refused_and_sends_nothing(name: str) -> None:
    _, simulated = sim()
    dialect, hosts = DIALECTS[name], DIALECTS[name].hosts(1)
    for one in venues.declared(name).feeds:
        path = hosts[one.host].partition(":1")[2]
        for text in ("no JSON", "[1]", '{"op":"subscribe","args":["nothing"]}', '{"method":"subscribe","params":7}'):
            assert not dialect.on_message(path, text, simulated[name], NOW_MS).topics
