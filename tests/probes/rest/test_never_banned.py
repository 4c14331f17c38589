"""An hour of the worst schedule, every check each second for 300 instruments: no ban, and the sign of life keeps its time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from probes import venues
from probes.readings import Instrument, Market, Refusal, RequestTimed
from probes.rest.interpreter import AnswerReader
from probes.rest.priority import LIVENESS_CHECK, Priority, priority_of
from probes.rest.venue_state import VenueState
from probes.venue import Budget, Context, RestCall, RestCheck, Venue
from tests.probes.rest.banning_venue import BanningVenue, at

HOUR_S = 3600
INSTRUMENTS = [
    Instrument(symbol=f"A{number}USDT", base=f"A{number}", quote="USDT", market=Market.PERP) for number in range(300)
]


def nothing(_body: bytes, _context: Context) -> list[RequestTimed]:
    return []


def check(name: str, cost: float) -> RestCheck:
    call = RestCall(path=f"/{name}", cost=cost)
    return RestCheck(name=name, call=lambda _one: call, read=nothing, every_s=1.0)


LIVENESS, BOOK, INTEREST = check(LIVENESS_CHECK, 1), check("book_rest", 20), check("open_interest", 1)


class Desk:
    """Asks as the REST client does: what the budgets allow is charged, sent and read; the rest is passed over."""

    def __init__(self, theirs: BanningVenue, limit: float = 2400) -> None:
        binance = venues.declared("binance_usdm")
        venue = Venue(
            id=binance.id, title="", docs="", hosts={}, checks=(LIVENESS, BOOK, INTEREST), feeds=(),
            budgets=(Budget(name="ip", limit=limit, window_s=60),), usage=binance.usage, refuse=binance.refuse,
        )  # fmt: skip
        self.theirs = theirs
        self.state = VenueState(venue)
        self.reader = AnswerReader(self.state)
        self.sent: Counter[Priority] = Counter()
        self.good: list[float] = []
        self.passed_over: Counter[str] = Counter()

    def ask(self, one: RestCheck, now_s: float) -> Refusal | None:
        call, rank = one.call(None), priority_of(one.name)
        if not self.state.budgets.allows(call, rank, at(now_s).timestamp()):
            self.passed_over[one.name] += 1
            return Refusal.BUDGET
        self.state.budgets.spend(call, at(now_s).timestamp())
        self.sent[rank] += 1
        readings, _ = self.reader.read(one, None, at(now_s), self.theirs.ask(call.cost, now_s, b"{}"))
        timing = readings[0]
        assert isinstance(timing, RequestTimed)
        if timing.refusal is None and one is LIVENESS:
            self.good.append(now_s)
        return timing.refusal

    def worst_second(self, second: int) -> None:
        for number in range(len(INSTRUMENTS)):
            self.ask(BOOK, second + number / 1000)
            self.ask(INTEREST, second + number / 1000 + 0.0005)
        self.ask(LIVENESS, second + 0.9)


def test_the_simulated_venue_bans_who_goes_on_and_for_longer_each_time() -> None:
    theirs = BanningVenue(limit=100)
    assert [theirs.ask(60, one, b"").status for one in (0.0, 1.0)] == [200, 429]
    assert [theirs.ask(1, 2.0 + one, b"").status for one in range(6)] == [429] * 5 + [418]
    assert theirs.ask(1, 60.0, b"").status == 418, "a request during a ban starts it again"
    assert theirs.ask(1, 179.0, b"").status == 418
    assert theirs.ask(1, 299.0, b"").status == 200
    for now_s in (299.5, *(300.0 + one / 10 for one in range(20))):
        theirs.ask(90, now_s, b"")
    assert (theirs.bans, theirs.banned_until_s > 540) == (2, True), "the second ban lasts four minutes"


@pytest.mark.parametrize(
    ("stated", "others", "seconds"),
    [
        (True, lambda _minute: 0.0, 600),
        (False, lambda _minute: 0.0, HOUR_S),
        (True, lambda minute: 250.0 * (minute % 8), 600),
    ],
    ids=["headers", "no headers", "others at the same address"],
)
@pytest.mark.slow
def test_the_worst_schedule_brings_no_ban_and_every_sign_of_life(
    stated: bool, others: Callable[[int], float], seconds: int
) -> None:
    desk = Desk(BanningVenue(limit=2400, stated=stated, others=others))
    for second in range(seconds):
        desk.worst_second(second)
    assert desk.theirs.bans == 0
    assert set(desk.theirs.statuses) == {200}, "it was not even throttled"
    assert len(desk.good) == seconds
    assert desk.sent[Priority.BOOK] >= 20 * seconds / 60, "what the rest of the budget holds is spent"
    assert desk.passed_over["open_interest"] > desk.sent[Priority.STATISTICS]


@pytest.mark.slow
def test_a_limit_that_the_venue_halved_without_a_word_throttles_us_and_never_bans_us() -> None:
    desk = Desk(BanningVenue(limit=1200, stated=False))
    for second in range(600):
        desk.worst_second(second)
    assert (desk.theirs.bans, 418 in desk.theirs.statuses) == (0, False)
    assert 0 < desk.theirs.statuses[429] <= 10, "one each minute, and then silence to its end"


def test_a_desk_without_a_budget_is_banned_by_the_same_venue() -> None:
    desk = Desk(BanningVenue(limit=2400))
    desk.state.venue = replace(desk.state.venue, refuse=lambda *_: None)
    for second in range(120):
        for number in range(300):
            desk.theirs.ask(20, second + number / 1000, b"{}")
    assert desk.theirs.bans > 0
