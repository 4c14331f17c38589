"""The real dialects read the messages of the simulated venues correctly."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from monitor.drill.scenario import VENUES, Liquidated
from monitor.drill.world import dialects
from monitor.drill.world.dialect import Dialect, RestRequest
from monitor.drill.world.market import Forced, Market, SimVenue
from monitor.drill.world.weather import CALM, Weather
from probes import venues
from probes.book import Applied, Book
from probes.readings import (
    Instrument,
    InstrumentsListed,
    Liquidation,
    LongShortRatio,
    OpenInterest,
    Refusal,
    Side,
    VenueId,
    Volume,
    WalletStatus,
)
from probes.readings import Market as Kind
from probes.rest.refusals import by_answer
from probes.venue import Ack, AnswerWord, BookDelta, BookSnapshot, Context, Feed, Per, Pong, Refused, RestCheck

DIALECTS: dict[str, Dialect] = {name: dialects.declared(name) for name in VENUES}
NOW_MS = 1_790_000_000_000
NOW = datetime.fromtimestamp(NOW_MS / 1000, UTC)
STORM = Weather(
    funding_rate=0.0015, long_short=3.2, perp_over_spot=14, open_interest_factor=0.7, withdrawals_closed=True
)


def test_the_world_has_a_dialect_of_its_own_for_each_venue_of_a_scenario() -> None:
    assert set(dialects.names()) == set(VENUES)
    assert {name: one.id for name, one in DIALECTS.items()} == {name: name for name in VENUES}


def sim(weather: Weather = CALM) -> tuple[Market, dict[str, SimVenue]]:
    market = Market(VENUES, "RIFT", 2.5, 5)
    for venue in market.venues.values():
        for second in range(20):
            market.step(venue, weather, NOW_MS / 1000 + second, 1.0)
    return market, market.venues


def prefix(name: str) -> str:
    return "/api/v4" if name == "gate" else ""


def context(name: str, instruments: Sequence[Instrument], one: Instrument | None = None) -> Context:
    known = {each.symbol: each for each in instruments}
    return Context(venue=VenueId(name), check="test", received_at=NOW, instrument=one, instruments=known)


def answer(name: str, check: RestCheck, one: Instrument | None, venue: SimVenue) -> bytes:
    call = check.call(one)
    reply = DIALECTS[name].rest(RestRequest(path=prefix(name) + call.path, query=call.query, now_ms=NOW_MS), venue)
    assert reply is not None, f"{name} does not know {call.path}"
    assert venues.declared(name).refuse(reply.status, reply.headers, reply.body(), NOW) is None
    assert by_answer(reply.status, reply.body()) is None
    return reply.body()


def listed(name: str, venue: SimVenue) -> list[Instrument]:
    return [
        instrument
        for check in venues.declared(name).checks
        if check.name == "instruments"
        for listing in check.read(answer(name, check, None, venue), context(name, ()))
        if isinstance(listing, InstrumentsListed)
        for instrument in listing.instruments
    ]


def answers_of(name: str, venue: SimVenue) -> list[AnswerWord]:
    """The readings of every unsigned check, of every instrument of the asset."""
    instruments = listed(name, venue)
    ours = [one for one in instruments if one.base == "RIFT"]
    readings: list[AnswerWord] = []
    for check in venues.declared(name).checks:
        wanted = [None] if check.per is Per.VENUE else [one for one in ours if check.market in (None, one.market)]
        for one in wanted:
            if not check.call(one).signed:
                readings += check.read(answer(name, check, one, venue), context(name, instruments, one))
    return readings


def feed(name: str, wanted: str) -> Feed:
    return next(one for one in venues.declared(name).feeds if one.name == wanted)


@pytest.mark.parametrize("name", VENUES)
def test_each_venue_lists_the_asset_and_the_bystander_on_both_markets(name: str) -> None:
    _, simulated = sim()
    instruments = listed(name, simulated[name])
    assert {(one.base, one.market) for one in instruments} == {
        (base, market) for base in ("RIFT", "BTC") for market in (Kind.PERP, Kind.SPOT)
    }
    assert all(one.quote == "USDT" and one.trading and not one.inverse for one in instruments)


@pytest.mark.parametrize("name", VENUES)
def test_every_unsigned_check_returns_the_state_of_the_weather(name: str) -> None:
    _, simulated = sim(STORM)
    readings = answers_of(name, simulated[name])
    ratios = [one.ratio for one in readings if isinstance(one, LongShortRatio)]
    assert ratios
    assert all(ratio == pytest.approx(3.2, rel=0.001) for ratio in ratios)
    interests = [float(one.base) for one in readings if isinstance(one, OpenInterest) if one.base is not None]
    assert interests
    assert all(base == pytest.approx(simulated[name].interest, rel=0.001) for base in interests)
    usd = {one.market: float(one.usd) for one in readings if isinstance(one, Volume) if one.usd is not None}
    assert usd[Kind.PERP] / usd[Kind.SPOT] == pytest.approx(14, rel=0.01)
    books = [one for one in readings if isinstance(one, BookSnapshot)]
    assert all(max(one.bids)[0] < min(one.asks)[0] for one in books)


def test_gate_reports_closed_withdrawals_and_the_other_venues_require_keys() -> None:
    _, simulated = sim(STORM)
    wallets = [one for one in answers_of("gate", simulated["gate"]) if isinstance(one, WalletStatus)]
    assert {(one.asset, one.withdrawals) for one in wallets} == {("RIFT", False), ("BTC", True)}


@pytest.mark.parametrize("name", VENUES)
@pytest.mark.parametrize("market", ["perp", "spot"])
def test_a_book_follows_its_changes_without_a_gap_and_ends_as_the_venue_has_it(name: str, market: str) -> None:
    wanted = "book_ws" if market == "perp" else "book_ws_spot"
    if wanted not in {one.name for one in venues.declared(name).feeds}:
        return  # Binance's spot books are another venue's
    moved, simulated = sim()
    venue, dialect, reader = simulated[name], DIALECTS[name], feed(name, wanted).read
    instruments = listed(name, venue)
    one = next(each for each in instruments if each.base == "RIFT" and each.market.value == market)
    knows = context(name, instruments)
    based = feed(name, wanted).book_base is not None
    if based:
        check = next(
            each
            for each in venues.declared(name).checks
            if each.name == "book_rest" and each.market in (None, one.market)
        )
        whole = check.read(answer(name, check, one, venue), context(name, instruments, one))[0]
    else:
        whole = reader(dialect.opening_frames(f"book:{market}", venue, NOW_MS)[0].encode(), knows)[0]  # type: ignore[assignment]
    assert isinstance(whole, BookSnapshot)
    book = Book(VenueId(name), whole.instrument)
    book.snapshot(whole, 0.0, from_rest=based)
    for step in range(150):
        weather = CALM if step < 75 else Weather(depth_factor=0.1, spread_bps=14)
        moved.walk(0.5)
        change = moved.step(venue, weather, NOW_MS / 1000, 0.15)[market]
        (delta,) = reader(dialect.book(market, change, venue, NOW_MS).encode(), knows)
        assert isinstance(delta, BookDelta)
        assert book.apply(delta, 0.0) is Applied.YES
    bids, asks = ({round(at * venue.grid.step, 6): size for at, size in side} for side in venue.books[market].levels())
    assert {round(price, 6): size for price, size in book.bids.items()} == bids
    assert {round(price, 6): size for price, size in book.asks.items()} == asks


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


@pytest.mark.parametrize(("name", "count"), [("binance_usdm", 1), ("okx", 1), ("bybit", 3), ("gate", 3)])
@pytest.mark.parametrize("side", [Liquidated.LONG, Liquidated.SHORT])
def test_forced_orders_are_censored_by_the_rule_of_each_venue(name: str, count: int, side: Liquidated) -> None:
    _, simulated = sim()
    venue = simulated[name]
    orders = [Forced(at_ms=NOW_MS - 300 + at, side=side, price=2.4995, base=100 * (at + 1)) for at in range(3)]
    frame = DIALECTS[name].forced(orders, venue, NOW_MS).encode()
    words = feed(name, "liquidation").read(frame, context(name, listed(name, venue)))
    assert len(words) == count
    for word, order in zip(words, orders[-count:], strict=True):
        assert isinstance(word, Liquidation)
        assert word.side is (Side.LONG if side is Liquidated.LONG else Side.SHORT)
        assert (word.quantity, word.price) == (Decimal(order.base), Decimal("2.4995"))
        assert word.event_time.timestamp() * 1000 == pytest.approx(order.at_ms)


@pytest.mark.parametrize("name", VENUES)
def test_a_throttled_answer_has_the_venues_own_format_and_is_read_as_throttled(name: str) -> None:
    _, simulated = sim()
    reply = DIALECTS[name].throttled(RestRequest(path="/any", query={}, now_ms=NOW_MS), simulated[name])
    headers = {key.lower(): value for key, value in reply.headers.items()}
    declared = venues.declared(name)
    refused = declared.refuse(reply.status, headers, reply.body(), NOW)
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


@pytest.mark.parametrize("name", VENUES)
def test_subscriptions_are_acknowledged_and_pings_answered(name: str) -> None:
    _, simulated = sim()
    venue, dialect = simulated[name], DIALECTS[name]
    instruments = listed(name, venue)
    knows = context(name, instruments)
    for one in venues.declared(name).feeds:
        ours = [each for each in instruments if each.base == "RIFT" and one.market in (None, each.market)]
        url = dialect.hosts(1)[one.host].partition(":1/")[2]
        path, _, query = f"/{url}{one.path(ours)}".partition("?")
        opened = dialect.opened(path, dict(part.split("=", 1) for part in query.split("&") if part))
        assert opened is not None
        topics = set(opened.topics)
        for text in one.subscribe(ours, NOW):
            reaction = dialect.on_message(path, text, venue, NOW_MS)
            words = [word for frame in reaction.answers for word in one.read(frame.encode(), knows)]
            assert words
            assert all(isinstance(word, Ack) for word in words)
            topics |= set(reaction.topics)
        assert topics & {"forced", "book:perp", "book:spot"}
        if one.keep_alive is not None:
            (pong,) = dialect.on_message(path, one.keep_alive.text(NOW), venue, NOW_MS).answers
            assert [type(word) for word in one.read(pong.encode(), knows)] == [Pong]
