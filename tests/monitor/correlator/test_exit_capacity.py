"""Exit capacity: lower bounds from ways that are seen to work, never the sum of what is hoped for."""

from __future__ import annotations

import random
from math import log

import pytest

from monitor.correlator.evidence import exit_capacity
from monitor.correlator.evidence.exit_capacity import LASTING_S, LOOK_EVERY_S, MIN_SEEN, countdown_s
from monitor.correlator.exit_capacity import MAX_INSTRUMENTS, MAX_NETWORKS, Book, Wallets
from monitor.incidents import ExitCapacity, Leg, WayState
from monitor.signals import SignalKind, Subject
from tests.monitor.correlator.lone_producer import LoneProducer

WARM_S = LOOK_EVERY_S * (MIN_SEEN + 2)
DEEP = {"bid_depth_100_usd": 1e6, "bid_depth_500_usd": 3e6}


class Town:
    """The ways out of BTC by some venues, each of which works until the test says otherwise."""

    def __init__(self, *venues: str) -> None:
        self.alone = LoneProducer("exit_capacity")
        self.second = 0.0
        self.venues = {venue: dict[str, object](DEEP) for venue in venues}
        self.mute: set[str] = set()
        """"venue/part" of what is not heard any more."""
        self.outcome = dict.fromkeys(venues, "ok")
        self.level = dict.fromkeys(venues, 1.0)
        self.state = dict.fromkeys(venues, "ok")

    def live(self, seconds: float) -> ExitCapacity:
        """Let so many seconds pass, and say what was found last."""
        self.wait(seconds)
        return self.now

    def wait(self, seconds: float) -> None:
        """Let so many seconds pass, in steps of five."""
        for _ in range(int(seconds // 5)):
            self.second += 5
            for venue in self.venues:
                self._speak(venue)
            self.alone.complete(self.second)

    def _speak(self, venue: str) -> None:
        subject = Subject(asset="BTC", venue=venue, instrument="BTCUSDT")
        if f"{venue}/book" not in self.mute:
            given = {"state": self.state[venue], **self.venues[venue]}
            self.alone.send(SignalKind.BOOK, self.second, 1.0, subject, given)  # type: ignore[arg-type]
        if f"{venue}/request" not in self.mute:
            outcome = {"outcome": self.outcome[venue]}
            self.alone.send(SignalKind.REQUEST, self.second, 0.05, Subject(venue=venue), outcome)  # type: ignore[arg-type]
        if f"{venue}/wallet" not in self.mute:
            self.alone.send(SignalKind.WALLET, self.second, self.level[venue], wallet(venue))

    @property
    def now(self) -> ExitCapacity:
        """What was found last."""
        return exits(self.alone)["BTC"]

    def way(self, venue: str) -> tuple[WayState, str]:
        """The state of one venue's way, and why."""
        return next((one.state, one.why) for one in self.now.ways if one.name == venue)


def exits(alone: LoneProducer) -> dict[str, ExitCapacity]:
    return alone.producer._board.exits  # type: ignore[attr-defined,no-any-return]


def wallet(venue: str, network: str = "bitcoin") -> Subject:
    return Subject(asset="BTC", venue=venue, network=network)


def table(one: ExitCapacity) -> list[float | None]:
    """Within 1 % in 1, 10 and 60 minutes, then within 5 %."""
    return [amount.usd for amount in one.amounts]


def test_books_of_venues_that_answer_and_pay_out_are_added() -> None:
    town = Town("alpha", "beta")
    assert table(town.live(20)) == [2e6, 2e6, 2e6, 6e6, 6e6, 6e6]
    assert [one.state for one in town.now.ways] == [WayState.OPEN, WayState.OPEN]
    assert town.now.normal_share is None


def test_a_book_that_comes_back_can_be_sold_into_again_and_at_most_five_times() -> None:
    town = Town("alpha")
    town.live(20)
    swept = Subject(asset="BTC", venue="alpha", instrument="BTCUSDT")
    for took_s in (200.0, 300.0, 400.0):
        town.alone.send(SignalKind.BOOK_REFILL, town.second, took_s, swept, {"side": "bid", "censored": False})
    town.alone.send(SignalKind.BOOK_REFILL, town.second, 1.0, swept, {"side": "ask", "censored": False})
    town.alone.send(SignalKind.BOOK_REFILL, town.second, 1.0, swept, {"side": "bid", "censored": True})
    # half of it is back each 300 s: twice in ten minutes, twelve times in an hour, of which so many count that it is five in all
    assert table(town.live(10))[:3] == [1e6, 2e6, 5e6]


@pytest.mark.parametrize(
    ("part", "state", "why"),
    [
        ("book", WayState.UNKNOWN, "no fresh book"),
        ("request", WayState.UNKNOWN, "the venue was not asked lately"),
        ("wallet", WayState.UNKNOWN, "withdrawals are not seen"),
    ],
)
def test_a_way_of_which_a_part_is_not_seen_is_unknown_and_adds_nothing(part: str, state: WayState, why: str) -> None:
    town = Town("alpha", "beta")
    town.live(100)
    town.mute.add(f"alpha/{part}")
    assert table(town.live(1000))[0] == 1e6
    assert town.way("alpha") == (state, why)
    assert town.way("beta")[0] is WayState.OPEN


def test_where_every_way_is_unknown_nothing_is_known_and_it_is_not_zero() -> None:
    town = Town("alpha")
    town.mute.add("alpha/wallet")
    assert table(town.live(20)) == [None] * 6
    assert "nobody can see whether BTC can leave" in town.now.words


def test_closed_withdrawals_failing_answers_and_maintenance_shut_a_way() -> None:
    town = Town("closed", "failing", "resting", "open")
    town.level["closed"] = 0.0
    town.outcome["failing"] = "http_5xx"
    town.live(10)
    town.alone.send(SignalKind.VENUE_STATUS, town.second, 2.0, Subject(venue="resting"))
    assert table(town.live(60))[0] == 1e6
    assert town.way("closed") == (WayState.CLOSED, "withdrawals are closed")
    assert town.way("failing") == (WayState.CLOSED, "100% of its last answers failed")
    assert town.way("resting") == (WayState.CLOSED, "the venue declares maintenance")
    town.alone.send(SignalKind.VENUE_STATUS, town.second, 0.0, Subject(venue="resting"))
    assert table(town.live(10))[0] == 2e6


def test_a_book_that_stands_while_its_pair_takes_no_orders_is_no_way_out() -> None:
    town = Town("alpha", "beta")
    town.live(10)
    pair = {"service": "BTCUSDT", "title": "BTCUSDT cancel-only"}
    town.alone.send(SignalKind.VENUE_STATUS, town.second, 2.0, Subject(venue="alpha"), pair)  # type: ignore[arg-type]
    assert table(town.live(20))[0] == 1e6
    assert town.way("alpha") == (WayState.CLOSED, "no orders are taken")
    town.alone.send(SignalKind.VENUE_STATUS, town.second, 0.0, Subject(venue="alpha"), pair)  # type: ignore[arg-type]
    assert table(town.live(10))[0] == 2e6


def test_a_word_about_a_pair_counts_half_an_hour() -> None:
    town = Town("alpha")
    town.live(10)
    town.alone.send(
        SignalKind.VENUE_STATUS, town.second, 2.0, Subject(venue="alpha"), attributes={"service": "BTCUSDT"}
    )
    assert table(town.live(1790))[0] == 0.0
    assert table(town.live(30))[0] == 1e6


def test_a_status_of_one_service_does_not_shut_the_venue_and_our_own_refusals_say_nothing() -> None:
    town = Town("alpha")
    town.live(10)
    town.alone.send(
        SignalKind.VENUE_STATUS, town.second, 2.0, Subject(venue="alpha"), attributes={"service": "staking"}
    )
    for _ in range(40):
        ours = {"outcome": "geo_blocked", "ours": True}
        town.alone.send(SignalKind.REQUEST, town.second, 0.1, Subject(venue="alpha"), ours)  # type: ignore[arg-type]
    town.live(10)
    assert town.way("alpha")[0] is WayState.OPEN


def test_zero_is_said_only_where_every_way_is_seen_to_be_shut() -> None:
    town = Town("alpha", "beta")
    town.level["alpha"] = town.level["beta"] = 0.0
    assert table(town.live(20)) == [0.0] * 6
    assert town.now.words.startswith("nothing of BTC can leave by the ways that we see; closed: alpha, beta")


def test_delayed_withdrawals_count_within_an_hour_only() -> None:
    town = Town("alpha")
    town.level["alpha"] = 0.5
    assert table(town.live(20))[:3] == [0.0, 0.0, 1e6]


def test_one_open_network_is_a_way_and_a_silent_hot_wallet_is_none() -> None:
    town = Town("alpha")
    town.live(20)
    silent = wallet("alpha")
    town.alone.send(SignalKind.WALLET_SILENT, town.second, 9000.0, silent)
    town.live(10)
    assert town.way("alpha") == (WayState.UNKNOWN, "withdrawals are declared open, and its hot wallet pays nothing out")
    town.alone.send(SignalKind.WALLET, town.second, 1.0, wallet("alpha", "lightning"))
    town.live(10)
    assert town.way("alpha")[0] is WayState.OPEN
    town.alone.send(SignalKind.WALLET, town.second, 0.0, wallet("alpha", "lightning"))
    town.live(10)
    assert town.way("alpha")[0] is WayState.UNKNOWN
    town.alone.send(SignalKind.WALLET_RESUMED, town.second, 1.0, silent)
    town.live(10)
    assert town.way("alpha")[0] is WayState.OPEN


@pytest.mark.parametrize(
    ("state", "given", "usd"),
    [
        ("empty", {}, 0.0),
        ("hollow", {"bid_depth_100_usd": 10.0, "bid_depth_500_usd": 20.0}, 10.0),
        ("frozen", DEEP, None),
        ("crossed", DEEP, None),
        ("unsynced", DEEP, None),
        ("ok", {"bid_depth_100_usd": None, "bid_depth_500_usd": None}, None),
        ("ok", {"bid_depth_100_usd": 5.0}, None),
    ],
)
def test_only_a_book_in_order_is_counted(state: str, given: dict[str, object], usd: float | None) -> None:
    town = Town("alpha")
    town.venues["alpha"], town.state["alpha"] = given, state
    assert table(town.live(20))[0] == usd


def test_a_fall_is_evidence_by_its_size_and_ends_with_it() -> None:
    town = Town("alpha", "beta")
    town.live(WARM_S)
    assert town.now.normal_share == 1.0
    for share, grade in ((0.45, 1), (0.3, 2), (0.09, 3), (0.01, 4)):
        for venue in town.venues:
            town.venues[venue] = {"bid_depth_100_usd": 1e6 * share, "bid_depth_500_usd": 3e6 * share}
        town.live(LASTING_S + LOOK_EVERY_S)
        assert [one.grade for one in town.alone.active.everything()] == [grade], share
    [one] = town.alone.active.everything()
    assert (one.leg, one.name, one.subject, one.unit) == (Leg.VENUE, "exit_capacity", Subject(asset="BTC"), "USD")
    assert one.said == "20,000 USD of BTC could leave within 1 % (2,000,000 usual)"
    for venue in town.venues:
        town.venues[venue] = dict(DEEP)
    town.live(LOOK_EVERY_S)
    assert not list(town.alone.active.everything())


def test_a_mild_fall_is_none_and_becomes_usual() -> None:
    town = Town("alpha")
    town.live(WARM_S)
    town.venues["alpha"] = {"bid_depth_100_usd": 6e5, "bid_depth_500_usd": 1e6}
    town.live(4 * 3600)
    assert not list(town.alone.active.everything())
    assert town.now.normal_share is not None
    assert town.now.normal_share > 0.7


def test_a_way_that_we_lose_sight_of_is_no_fall() -> None:
    town = Town("alpha", "beta")
    town.live(WARM_S)
    town.mute |= {"alpha/book", "alpha/request", "alpha/wallet"}
    town.live(1200)
    assert not list(town.alone.active.everything())
    assert (town.now.usd(1, 1), town.now.normal_share) == (1e6, 1.0)


def test_a_way_that_is_seen_to_shut_is_a_fall() -> None:
    town = Town("alpha", "beta", "gamma", "delta")
    town.live(WARM_S)
    town.level["alpha"] = town.level["beta"] = town.level["gamma"] = 0.0
    town.live(LASTING_S + 2 * LOOK_EVERY_S)
    [one] = town.alone.active.everything()
    assert one.grade == 2  # a quarter is left
    assert one.value == 1e6
    assert town.now.normal_share == pytest.approx(0.25, abs=1e-4)


def test_a_fall_that_is_over_at_once_is_none() -> None:
    town = Town("alpha")
    town.live(WARM_S)
    town.venues["alpha"] = {"bid_depth_100_usd": 1.0, "bid_depth_500_usd": 2.0}
    town.live(LOOK_EVERY_S)
    town.venues["alpha"] = dict(DEEP)
    town.live(LOOK_EVERY_S)
    assert not list(town.alone.active.everything())


def test_the_usual_of_an_hour_is_that_of_the_same_hour_of_other_days(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exit_capacity, "LOOK_EVERY_S", 60.0)
    town = Town("alpha")
    for hour in range(30):  # 12:00 of one day to 18:00 of the next: at noon it is deep, else a tenth
        deep = 1e6 if hour % 24 == 0 else 1e5
        town.venues["alpha"] = {"bid_depth_100_usd": deep, "bid_depth_500_usd": 3 * deep}
        town.live(1500)
        if hour == 24:
            assert town.now.normal_share == pytest.approx(1.0, abs=0.05)
        town.live(2100)


def test_the_countdown_ends_where_a_tenth_is_left() -> None:
    past = [(0.0, 100.0), (60.0, 50.0)]
    # it halves each minute: from a half to a tenth are ln 5 / ln 2 minutes
    assert countdown_s(past, 100.0) == pytest.approx(60 * log(5) / log(2), abs=0.1)  # type: ignore[arg-type]
    assert countdown_s([(0.0, 100.0), (60.0, 95.0)], 100.0) is None  # type: ignore[arg-type]
    assert countdown_s([(0.0, 100.0), (60.0, 9.0)], 100.0) == 0.0  # type: ignore[arg-type]
    assert countdown_s([(0.0, 100.0), (0.0, 50.0)], 100.0) is None  # type: ignore[arg-type]
    assert countdown_s(past[:1], 100.0) is None  # type: ignore[arg-type]
    assert countdown_s(past, None) is None  # type: ignore[arg-type]


def test_a_falling_capacity_says_when_a_tenth_is_left() -> None:
    town = Town("alpha")
    town.live(WARM_S)
    for _ in range(6):
        town.venues["alpha"] = {name: usd * 0.8 for name, usd in town.venues["alpha"].items()}  # type: ignore[operator]
        town.live(LOOK_EVERY_S)
    assert town.now.countdown_s is not None
    assert 0 < town.now.countdown_s < 600
    assert "a tenth of the usual in" in town.now.words


def test_signals_about_nobody_and_more_books_and_networks_than_any_venue_has_are_bounded() -> None:
    town = Town("alpha")
    town.alone.send(SignalKind.BOOK, 1.0, 1.0, Subject(asset="BTC"), {"state": "ok"})
    town.alone.send(SignalKind.BOOK, 1.0, 1.0, Subject(venue="alpha"), {"state": "ok"})
    town.alone.complete(10.0)
    assert not exits(town.alone)
    town.alone.send(SignalKind.WALLET, 11.0, 1.0, wallet("beta"))
    town.alone.complete(30.0)
    assert not exits(town.alone)  # a wallet alone is no way out
    for number in range(MAX_INSTRUMENTS + 5):
        subject = Subject(asset="BTC", venue="alpha", instrument=f"BTC-{number}")
        town.alone.send(SignalKind.BOOK, 40.0, 1.0, subject, {"state": "ok", **DEEP})
    wallets = Wallets()
    for number in range(MAX_NETWORKS + 5):
        wallets.take(f"n{number}", 1.0, 0.0)
    assert len(wallets.levels) == MAX_NETWORKS
    town.second = 40.0
    town.live(10)
    assert next(one for one in town.now.ways if one.name == "alpha").usd_1 == MAX_INSTRUMENTS * 1e6
    assert Book().turns(60) == 1.0


def test_in_a_thousand_worlds_with_ways_shut_stale_or_blind_never_more_is_said_than_is_true() -> None:
    chance = random.Random(12)
    close = found = 0
    for _ in range(1000):
        names = [f"v{number}" for number in range(chance.randint(1, 6))]
        town = Town(*names)
        truth = 0.0
        blind = False
        for name in names:
            usd = 10 ** chance.uniform(3, 8)
            town.venues[name] = {"bid_depth_100_usd": usd, "bid_depth_500_usd": usd * 2}
            fate = chance.choice(("open", "open", "closed", "failing", "book", "request", "wallet", "frozen"))
            if fate == "closed":
                town.level[name] = 0.0
            elif fate == "failing":
                town.outcome[name] = "timeout"
            elif fate == "frozen":
                town.state[name] = "frozen"
                blind = True
            elif fate != "open":
                town.mute.add(f"{name}/{fate}")
                blind = True
            if fate == "open" or fate in ("book", "request", "wallet", "frozen"):
                truth += usd if fate == "open" or chance.random() < 0.5 else 0.0  # what is not seen may work, or not
        town.wait(20)
        if not exits(town.alone):
            continue
        said = town.now.usd(1, 1)
        seen = sum(
            float(str(town.venues[one.name]["bid_depth_100_usd"]))
            for one in town.now.ways
            if one.state is WayState.OPEN
        )
        assert said is None or abs(said - seen) <= 0.01
        assert (said or 0.0) <= truth * (1 + 1e-9) + 0.01
        if not blind and said is not None:
            found += 1
            close += int(abs(said - truth) <= 0.1 * truth + 0.01)
    assert found > 100
    assert close == found
