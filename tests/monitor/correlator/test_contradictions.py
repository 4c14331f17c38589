"""What a venue declares beside what is measured: each contradiction is found, its quiet twin is not; the unknown is none."""

from __future__ import annotations

import pytest

from monitor.incidents import Leg
from monitor.signals import Scalar, Signal, SignalKind, Subject
from tests.monitor.correlator.lone_producer import LoneProducer, moment

ALPHA = Subject(venue="alpha")
ETH = Subject(asset="ETH", venue="alpha", network="ethereum")


class World(LoneProducer):
    """A venue that is asked each five seconds and declares its state each minute."""

    def __init__(self) -> None:
        super().__init__("contradictions")

    def status(
        self,
        second: float,
        level: float = 0.0,
        begins: float | None = None,
        ends: float | None = None,
        planned: bool = False,
    ) -> None:
        attributes: dict[str, Scalar] = {
            "title": "", "planned": planned, "begins_s": None if begins is None else moment(begins).timestamp(),
            "ends_s": None if ends is None else moment(ends).timestamp(),
        }  # fmt: skip
        self.send(SignalKind.VENUE_STATUS, second, level, ALPHA, attributes)

    def request(self, second: float, outcome: str = "ok", check: str = "book_rest", ours: bool = False) -> None:
        self.send(
            SignalKind.REQUEST, second, 0.2, ALPHA, {"check": check, "outcome": outcome, "ours": ours}
        )  # fmt: skip

    def requests(self, start: int, end: int, outcome: str = "overloaded") -> None:
        for second in range(start, end, 5):
            self.request(second, outcome)

    def wallet(self, second: float, level: float, network: str = "ETH") -> None:
        self.send(SignalKind.WALLET, second, level, Subject(asset="ETH", venue="alpha", network=network))

    def silent(
        self, second: float, silent_s: float = 3600.0, per_day: float | None = 0.5, event_id: str = "e1"
    ) -> None:
        attributes: dict[str, Scalar] = {"event_id": event_id, "per_day": per_day, "usual_s": 900.0}
        self.send(SignalKind.WALLET_SILENT, second, silent_s, ETH, attributes)

    def names(self, second: float) -> list[str]:
        self.complete(second)
        return [one.name for one in self.evidence]


# --- "operational" while requests fail


def test_a_venue_that_says_operational_while_its_requests_fail_contradicts_itself() -> None:
    world = World()
    world.status(0)
    world.requests(0, 180)
    world.status(120)

    world.complete(180)
    one = world.only()
    assert (one.name, one.leg, one.grade, one.shared) == ("declared_operational", Leg.VENUE, 2, True)
    assert (
        one.said
        == "alpha says that it is operational, but 100% of its requests failed in the last 3 min (overloaded 36)"
    )


def test_a_venue_that_says_operational_and_answers_does_not() -> None:
    world = World()
    world.status(120)
    world.requests(0, 180, "ok")

    assert world.names(180) == []


def test_a_venue_that_says_maintenance_and_fails_does_not() -> None:
    world = World()
    world.status(100)
    world.status(120, 2.0)
    world.requests(0, 180)

    assert world.names(180) == []


def test_a_product_that_says_operational_beside_one_that_does_not_is_no_contradiction() -> None:
    world = World()
    world.status(120, 2.0)
    world.status(125)
    world.requests(0, 180)

    assert world.names(180) == []


def test_a_venue_that_said_nothing_is_unknown() -> None:
    world = World()
    world.requests(0, 180)

    assert world.names(180) == []


def test_a_status_that_is_too_old_is_unknown() -> None:
    world = World()
    world.status(0)
    world.requests(120, 300)

    assert world.names(300) == []


@pytest.mark.parametrize("count", [0, 9])
def test_too_few_requests_are_unknown(count: int) -> None:
    world = World()
    world.status(120)
    for number in range(count):
        world.request(10 + 18 * number, "timeout")

    assert world.names(180) == []


def test_a_failure_that_is_over_is_no_contradiction() -> None:
    world = World()
    world.status(120)
    world.requests(0, 90)
    world.requests(90, 180, "ok")

    assert world.names(180) == []


def test_old_outcomes_do_not_count() -> None:
    world = World()
    world.requests(0, 180)
    world.status(300)

    assert world.names(361) == []


@pytest.mark.parametrize(
    "outcome", ["throttled", "banned", "malformed", "unknown_code", "budget", "local", "redirected"]
)
def test_what_may_be_our_own_doing_is_no_failure_of_the_venue(outcome: str) -> None:
    world = World()
    world.status(120)
    world.requests(0, 180, outcome)

    assert world.names(180) == []


def test_the_status_page_itself_and_what_is_ours_do_not_count() -> None:
    world = World()
    world.status(120)
    for second in range(0, 180, 5):
        world.request(second, "timeout", check="system_status")
        world.request(second, "timeout", ours=True)

    assert world.names(180) == []


def test_what_our_own_lag_explains_does_not_count() -> None:
    world = World()
    world.status(120)
    for second in range(0, 180, 5):
        world.attribution.own_lag.on_signal(lag(second), moment(second).timestamp())
        world.request(second, "timeout")

    assert world.names(180) == []


def lag(second: float) -> Signal:
    at = moment(second)
    return Signal(SignalKind.LOOP_LAG, Subject(), at, at, "loop", 1, 0.5)


def test_failures_of_our_own_network_do_not_count() -> None:
    world = World()
    world.status(120)
    world.requests(0, 180)
    world.lose_our_network(175)
    world.complete(179)
    world.attribution.local_since_s.clear()

    assert world.names(180) == []


def test_a_venue_that_fails_in_its_announced_window_does_not_contradict_itself() -> None:
    world = World()
    world.status(0, begins=30, ends=600, planned=True)
    world.status(120)
    world.requests(0, 180)

    assert world.names(180) == []


def test_a_window_to_come_excuses_nothing_before_it_begins() -> None:
    world = World()
    world.status(0, begins=3000, ends=6000, planned=True)
    world.status(120)
    world.requests(0, 180)

    assert world.names(180) == ["declared_operational"]


# --- an announced end that has passed


def test_a_maintenance_that_goes_on_after_its_announced_end_is_overdue() -> None:
    world = World()
    world.status(900, 2.0, begins=0, ends=600)

    world.complete(900)
    one = world.only()
    assert (one.name, one.grade, one.value, one.shared) == ("overdue_end", 2, 300.0, True)
    assert one.said == "alpha announced that its maintenance would end at 12:10 UTC, 5 min ago; it still says so"
    assert one.onset == moment(600)


@pytest.mark.parametrize(
    ("said", "ends", "level"),
    [(900, 780, 2.0), (900, 1200, 2.0), (900, None, 2.0), (800, 600, 2.0), (900, 600, 0.0)],
    ids=["within the grace", "extended", "no end announced", "said too long ago", "operational again"],
)
def test_a_maintenance_that_is_not_overdue_is_not_told(said: float, ends: float | None, level: float) -> None:
    world = World()
    world.status(said, level, begins=0, ends=ends)

    assert world.names(900) == []


def test_an_end_that_is_put_off_ends_what_was_overdue() -> None:
    world = World()
    world.status(900, 2.0, ends=600)
    assert world.names(900) == ["overdue_end"]
    first = world.only().at

    world.status(960, 2.0, ends=3600)
    world.complete(960)
    assert world.only().at == first


def test_requests_that_still_fail_after_the_announced_end_are_told_with_it() -> None:
    world = World()
    world.status(0, 2.0, begins=0, ends=300)
    for second in range(0, 600, 10):
        world.requests(second, second + 10, "maintenance")
        world.complete(second)
    world.status(540)

    world.complete(600)
    one = world.only()
    assert one.name == "overdue_end"
    assert one.said.endswith("5 min ago; requests still fail: maintenance 36")


def test_an_outage_after_the_service_had_come_back_is_another_one() -> None:
    world = World()
    world.status(0, 2.0, begins=0, ends=300)
    world.requests(300, 700, "ok")
    world.complete(690)
    world.requests(700, 880)
    world.status(840)

    assert world.names(880) == ["declared_operational"]


def test_a_window_of_next_week_does_not_hide_the_end_that_has_just_passed() -> None:
    world = World()
    world.status(0, 2.0, begins=0, ends=300)
    world.requests(300, 600)
    world.status(540, begins=600_000, ends=603_600, planned=True)
    world.status(540)

    assert world.names(600) == ["overdue_end"]


def test_an_end_that_passed_long_ago_is_forgotten() -> None:
    world = World()
    world.status(0, 2.0, begins=0, ends=300)
    world.requests(300, 7200)
    world.requests(7200, 7600)
    world.status(7560)
    for second in range(480, 7600, 10):
        world.producer.on_second(moment(second).timestamp())

    assert world.names(7600)[0] == "declared_operational"


def test_a_new_window_takes_the_place_of_one_that_passed_long_ago() -> None:
    world = World()
    world.status(0, 2.0, ends=300)
    world.status(8000, begins=8100, ends=9000, planned=True)
    world.requests(8300, 8480)
    world.status(8460)

    assert world.names(8480) == []


# --- "open" while nothing leaves


def test_withdrawals_that_are_declared_open_while_nothing_leaves_contradict_each_other() -> None:
    world = World()
    world.wallet(0, 1.0)
    world.silent(60)

    world.complete(120)
    one = world.only()
    assert (one.name, one.leg, one.grade, one.shared) == ("declared_open", Leg.VENUE, 2, False)
    assert one.subject == Subject(asset="ETH", venue="alpha")
    assert one.said == (
        "alpha says that withdrawals of ETH over ethereum are open, but its hot wallets paid out nothing for 3660 s "
        "(their rhythm allows 900 s)"
    )


# --- bounds


def test_a_venue_that_fails_within_three_minutes_of_its_announced_end_does_not_contradict_itself() -> None:
    world = World()
    world.status(0, begins=0, ends=100, planned=True)
    world.status(240)
    world.requests(60, 280)

    assert world.names(280) == []


def test_of_more_than_512_requests_in_the_window_the_oldest_is_forgotten() -> None:
    world = World()
    world.request(0.0, "maintenance")
    for number in range(512):
        world.request(1 + number / 4, "overloaded")
    world.status(125)

    world.complete(130)
    assert world.only().said.endswith("(overloaded 512)")


def test_of_more_than_4096_wallets_the_oldest_is_forgotten_and_a_known_one_takes_no_place() -> None:
    def of(asset: str) -> Subject:
        return Subject(asset=asset, venue="alpha", network="ETH")

    world = World()
    world.wallet(0, 1.0)
    for number in [*range(4095), 4094]:
        world.send(SignalKind.WALLET, 1, 1.0, of(f"A{number}"))
    world.silent(2)
    assert world.names(10) == ["declared_open"]
    world.send(SignalKind.WALLET, 11, 1.0, of("ANOTHER"))
    world.complete(20)
    assert world.only().at == moment(10)
