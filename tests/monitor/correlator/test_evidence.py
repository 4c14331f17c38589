"""Tests of each kind of evidence alone: which signals make it, with which grade, and which do not."""

from __future__ import annotations

import pytest

from monitor.correlator.active_evidence import ActiveEvidence
from monitor.correlator.attribution import Attribution
from monitor.correlator.coverage import Coverage
from monitor.correlator.evidence import names, producer
from monitor.correlator.producer import EvidenceBoard, Producer
from monitor.correlator.settings import CorrelatorSettings
from monitor.incidents import Leg
from monitor.signals import Scalar, Signal, SignalKind, Subject
from tests.monitor.correlator.storm import POOL, PROXY, at

VENUE = Subject(asset="BTC", venue="alpha", instrument="BTC-PERP", network="bitcoin")
CHAIN = Subject(asset="BTC", network="ethereum", contract=PROXY, pool=POOL)


class ProducerHarness:
    """One producer with an empty board."""

    def __init__(self, name: str, settings: CorrelatorSettings | None = None) -> None:
        self.sources = Coverage()
        self.board = ActiveEvidence(self.sources)
        self.attribution = Attribution(settings or CorrelatorSettings())
        evidence_board = EvidenceBoard(settings or CorrelatorSettings(), self.sources, self.board, self.attribution)
        self.producer: Producer = producer(name, evidence_board)

    def send(
        self,
        kind: SignalKind,
        second: float,
        value: float = 1.0,
        subject: Subject = VENUE,
        source: str = "",
        **attributes: Scalar,
    ) -> None:
        signal = Signal(kind, subject, at(second), at(second), source or f"alpha/{kind.value}", 1, value, attributes)
        self.producer.on_signal(signal, at(second).timestamp())

    def second(self, second: int) -> None:
        self.producer.on_second(at(second).timestamp())

    @property
    def grades(self) -> dict[str, int]:
        return {one.name: one.grade for one in self.board.everything()}

    @property
    def text(self) -> str:
        return " | ".join(one.said for one in self.board.everything())


def test_every_file_of_the_folder_is_a_producer_with_kinds_of_its_own() -> None:
    for name in names():
        assert ProducerHarness(name).producer.kinds


def books(harness: ProducerHarness, since: int, until: int, depth_usd: float) -> None:
    for second in range(since, until):
        harness.send(SignalKind.BOOK, second, bid_depth_50_usd=depth_usd, ask_depth_50_usd=2 * depth_usd)
        harness.second(second + 1)


@pytest.mark.parametrize(("share", "grade"), [(0.5, 0), (0.35, 1), (0.2, 2), (0.08, 3), (0.01, 4)])
def test_depth_far_below_normal_is_graded_by_its_fall(share: float, grade: int) -> None:
    harness = ProducerHarness("book_stress")
    books(harness, 0, 400, 1e6)
    books(harness, 400, 402, share * 1e6)
    assert not harness.grades
    books(harness, 402, 410, share * 1e6)
    assert harness.grades == ({"book_depth": grade} if grade else {})


def test_a_book_that_is_thin_for_hours_becomes_its_own_normal() -> None:
    harness = ProducerHarness("book_stress", CorrelatorSettings(warm_s=15, level_long_s=60))
    books(harness, 0, 60, 1e6)
    books(harness, 60, 1200, 2e5)
    assert harness.producer.kinds == {SignalKind.BOOK}
    at_s = max(one.at for one in harness.board.everything())
    assert at_s < at(600)


@pytest.mark.parametrize(
    ("state", "grade"), [("crossed", 2), ("frozen", 0), ("hollow", 3), ("empty", 3), ("unsynced", 0)]
)
def test_a_faulty_book_is_evidence_if_it_lasts(state: str, grade: int) -> None:
    harness = ProducerHarness("book_stress")
    for second in range(3):
        harness.send(SignalKind.BOOK, second, state=state)
    assert not harness.grades
    harness.send(SignalKind.BOOK, 3, state=state)
    assert harness.grades == ({"book_state": grade} if grade else {})


@pytest.mark.parametrize(
    ("asset", "venue", "state", "last_s", "grade"),
    [
        ("BTC", "beta", "ok", 9, 2),
        ("BTC", "alpha", "hollow", 9, 2),
        ("ETH", "beta", "ok", 9, 0),
        ("BTC", "beta", "frozen", 9, 0),
        ("BTC", "beta", "unsynced", 9, 0),
        ("BTC", "beta", "ok", -11, 0),
    ],
)
def test_a_frozen_book_is_evidence_while_another_of_its_asset_moves(
    asset: str, venue: str, state: str, last_s: int, grade: int
) -> None:
    harness = ProducerHarness("book_stress")
    other = Subject(asset=asset, venue=venue, instrument="OTHER")
    for second in range(-12, 10):
        if second <= last_s:
            harness.send(SignalKind.BOOK, second, subject=other, state=state if second >= 7 or last_s < 0 else "frozen")
        if second >= 0:
            harness.send(SignalKind.BOOK, second, state="frozen")
    assert harness.grades == ({"book_state": grade} if grade else {})


def test_books_from_rest_and_books_without_an_asset_are_ignored() -> None:
    harness = ProducerHarness("book_stress")
    for second in range(9):
        harness.send(SignalKind.BOOK, second, state="empty", origin="rest")
        harness.send(SignalKind.BOOK, second, subject=Subject(venue="alpha"), state="empty")
    assert not harness.grades


def test_faults_of_a_feed_seen_through_a_network_in_doubt_are_left_to_the_healthy_vantages() -> None:
    def request(name: str | None, vantage: str, outcome: str) -> Signal:
        kind = SignalKind.CONTROL if name is None else SignalKind.REQUEST
        attributes: dict[str, Scalar] = {"outcome": outcome, "check": "time", "ours": False, "target": "cloudflare"}
        return Signal(kind, Subject(venue=name, vantage=vantage), at(0), at(0), "a/time", 1, 0.1, attributes)

    grades: dict[str, dict[str, int]] = {}
    for vantage in ("home", "away"):
        harness = ProducerHarness("feed_faults")
        for name in (None, "alpha"):
            for where, outcome in (("home", "timeout"), ("away", "ok")):
                for _ in range(2):
                    harness.attribution.on_signal(request(name, where, outcome), at(0).timestamp())
        harness.attribution.on_second(at(1).timestamp())
        for _ in range(8):
            harness.send(SignalKind.FEED_CLOSED, 1, subject=Subject(venue="alpha", vantage=vantage), planned=False)
        harness.second(2)
        grades[vantage] = harness.grades
    assert grades["home"] == {}
    assert grades["away"]


def test_planned_feed_faults_and_faults_without_a_venue_are_no_evidence() -> None:
    harness = ProducerHarness("feed_faults")
    for second in range(9):
        harness.send(SignalKind.FEED_CLOSED, second, planned=True)
        harness.send(SignalKind.FEED_CLOSED, second, subject=Subject())
    assert not harness.grades


def test_disconnections_are_graded_by_their_number_in_a_minute() -> None:
    harness = ProducerHarness("feed_faults")
    for second in (0, 100, 200):
        harness.send(SignalKind.FEED_CLOSED, second)
    assert not harness.grades
    for second in range(210, 226):
        harness.send(SignalKind.FEED_CLOSED, second)
    assert harness.grades == {"feed_faults": 3}
    assert "cut alpha" in harness.text


def test_fragility_reports_every_extreme_ratio() -> None:
    harness = ProducerHarness("fragility")
    harness.send(SignalKind.VOLUME, 1, 9e9, market="perp")
    harness.send(SignalKind.VOLUME, 1, 1e9, market="spot")
    harness.send(SignalKind.OPEN_INTEREST, 1, 9e9)
    harness.send(SignalKind.BOOK, 1, bid_depth_200_usd=1e6)
    harness.send(SignalKind.BOOK, 1, bid_depth_200_usd=None)
    harness.send(SignalKind.FUNDING, 1, -0.01)
    harness.send(SignalKind.LONG_SHORT_RATIO, 1, 0.2)
    harness.send(SignalKind.LONG_SHORT_RATIO, 1, 0.2, subject=Subject())
    first = int(at(0).timestamp()) // 15 * 15 + 15 - int(at(0).timestamp())
    harness.second(first + 1)
    assert not harness.grades
    harness.second(first + 15)
    assert set(harness.grades) == {"perp_over_spot", "interest_over_depth", "funding", "one_sided"}
    assert {one.leg for one in harness.board.everything()} == {Leg.FRAGILITY}


def test_ordinary_or_missing_ratios_make_no_evidence() -> None:
    harness = ProducerHarness("fragility")
    harness.send(SignalKind.FUNDING, 1, 0.0001)
    harness.send(SignalKind.VOLUME, 1, 1e9, subject=Subject(asset="ETH", venue="alpha"), market="perp")
    harness.send(SignalKind.LONG_SHORT_RATIO, 1, 0.0)
    harness.second(-int(at(0).timestamp()) % 15 + 15)
    assert not harness.grades


@pytest.mark.parametrize(("share", "grade"), [(0.1, 0), (0.25, 1), (0.5, 2), (0.9, 3)])
def test_liquidity_that_leaves_is_graded_by_share_of_the_pool(share: float, grade: int) -> None:
    harness = ProducerHarness("liquidity")
    harness.send(SignalKind.LIQUIDITY_REMOVED, 10, share, CHAIN, event_id="r1")
    assert harness.grades == ({"liquidity_gone": grade} if grade else {})
    harness.second(11)


def test_removals_add_up_and_additions_reduce_them() -> None:
    harness = ProducerHarness("liquidity")
    for index in range(3):
        harness.send(SignalKind.LIQUIDITY_REMOVED, 10 + index, 0.2, CHAIN, event_id=f"r{index}")
        if index == 1:
            assert [one.onset for one in harness.board.everything()] == [at(10)]
    assert harness.grades == {"liquidity_gone": 2}
    harness.send(SignalKind.LIQUIDITY_ADDED, 20, 0.9, CHAIN, event_id="a")
    assert not harness.grades


def test_a_matched_migration_is_reported_as_one_and_explains_the_removal() -> None:
    harness = ProducerHarness("liquidity")
    harness.send(SignalKind.LIQUIDITY_REMOVED, 10, 0.8, CHAIN, event_id="r")
    harness.send(SignalKind.MIGRATION, 11, 0.8, CHAIN, event_id="m", to_pool="0xcc")
    assert harness.grades == {"migration": 3}
    assert "migrated to 0xcc" in harness.text


def test_a_migration_to_a_declared_successor_names_it() -> None:
    harness = ProducerHarness("liquidity")
    harness.send(SignalKind.MIGRATION, 11, 0.8, CHAIN, event_id="m", to_pool="0xcc", successor="0xdd")
    assert "migrated to 0xcc of its successor 0xdd" in harness.text


def test_moves_without_a_pool_or_an_asset_are_ignored() -> None:
    harness = ProducerHarness("liquidity")
    harness.send(SignalKind.LIQUIDITY_REMOVED, 10, 0.8, Subject(asset="BTC"), event_id="r")
    harness.send(SignalKind.LIQUIDITY_REMOVED, 10, 0.8, Subject(pool=POOL), event_id="r")
    assert not harness.grades


def test_a_reorg_retracts_one_move_and_leaves_the_others() -> None:
    harness = ProducerHarness("liquidity")
    harness.send(SignalKind.LIQUIDITY_REMOVED, 10, 0.5, CHAIN, event_id="r1")
    harness.send(SignalKind.LIQUIDITY_REMOVED, 11, 0.5, CHAIN, event_id="r2")
    assert harness.grades == {"liquidity_gone": 3}
    harness.send(SignalKind.RETRACTION, 12, subject=CHAIN, retracts="unknown")
    harness.send(SignalKind.RETRACTION, 12, subject=CHAIN, retracts="r2")
    assert harness.grades == {"liquidity_gone": 2}
    harness.send(SignalKind.RETRACTION, 13, subject=CHAIN, retracts="r1")
    assert not harness.grades
    assert len(harness.board.retracted) == 2


@pytest.mark.parametrize(("left", "grade"), [(0.97, 0), (0.94, 1), (0.9, 2), (0.8, 3), (0.6, 4)])
def test_a_fall_of_open_interest_is_graded_in_base_units(left: float, grade: int) -> None:
    harness = ProducerHarness("open_interest")
    for second in range(0, 900, 10):
        harness.send(SignalKind.OPEN_INTEREST, second, base=1000.0 * (left if second > 800 else 1.0))
        harness.send(SignalKind.OPEN_INTEREST, second, subject=Subject(asset="ETH", venue="alpha"), base=5.0)
        harness.send(SignalKind.OPEN_INTEREST, second, base=None)
        harness.second(second + 1)
    assert harness.grades == ({"open_interest_fall": grade} if grade else {})


@pytest.mark.parametrize(("every_s", "points"), [(10.0, 40), (0.25, 500)])
def test_a_peak_of_open_interest_is_forgotten_after_five_minutes_or_four_hundred_points(
    every_s: float, points: int
) -> None:
    harness = ProducerHarness("open_interest")
    harness.send(SignalKind.OPEN_INTEREST, 0, base=2000.0)
    for number in range(1, points):
        harness.send(SignalKind.OPEN_INTEREST, number * every_s, base=1000.0 + number % 7)
    harness.second(int(points * every_s) + 1)
    assert not harness.grades


def test_a_peak_of_open_interest_is_the_first_of_four_hundred_points_at_the_earliest() -> None:
    harness = ProducerHarness("open_interest")
    harness.send(SignalKind.OPEN_INTEREST, 0, base=1000.0)
    for number in range(1, 400):
        harness.send(SignalKind.OPEN_INTEREST, number / 2, base=900.0)
    harness.second(201)
    assert harness.grades == {"open_interest_fall": 2}


def test_a_fall_of_open_interest_begins_where_it_falls_and_not_where_its_window_opens() -> None:
    harness = ProducerHarness("open_interest")
    for second in range(0, 700, 10):
        fallen = min(max(second - 600, 0) / 10 * 0.02, 0.2)  # from 600 s on, two hundredths each 10 s
        wandering = 1000.0 + second % 20 / 10
        harness.send(SignalKind.OPEN_INTEREST, second, base=wandering * (1 - fallen))
        harness.send(SignalKind.OPEN_INTEREST, second, subject=Subject(asset="BTC", venue="beta"), base=100.0)
        harness.second(second + 1)
    [found] = harness.board.everything()
    assert found.onset == at(600)
    assert "within 91 s" in found.said


@pytest.mark.parametrize(
    ("seen_by", "role", "queued", "grade"),
    [
        ("log", "implementation", None, 3),
        ("log", "admin", True, 2),
        ("slot", "implementation", None, 4),
        ("trace", "implementation", None, 4),
        ("behaviour", "implementation", None, 3),
        ("behaviour", "implementation", False, 4),
        ("log", "implementation", False, 4),
    ],
)
def test_an_upgrade_is_graded_by_how_it_was_done(seen_by: str, role: str, queued: bool | None, grade: int) -> None:
    harness = ProducerHarness("upgrades")
    harness.send(
        SignalKind.UPGRADE, 10, subject=CHAIN, event_id="u", new="0x0b", seen_by=seen_by, role=role, queued=queued
    )
    assert harness.grades == {"upgrade": grade}


def queue(harness: ProducerHarness, second: float, eta_s: float, operation: str = "op") -> None:
    eta = at(eta_s).timestamp()
    harness.send(
        SignalKind.UPGRADE_QUEUED, second, eta, CHAIN, event_id=f"q-{operation}", operation=operation, new=None
    )


def test_a_queued_upgrade_weighs_more_within_an_hour_of_its_execution_time() -> None:
    harness = ProducerHarness("upgrades")
    queue(harness, 0, 7200)
    harness.second(1)
    assert harness.grades == {"upgrade_queued": 1}
    for second in range(2, 3700):
        harness.second(second)
    assert harness.grades == {"upgrade_queued": 2}
    harness.send(SignalKind.OPERATION_ENDED, 3700, subject=CHAIN, operation="another")
    assert harness.grades
    harness.send(SignalKind.OPERATION_ENDED, 3700, subject=CHAIN, operation="op")
    assert not harness.grades


def test_what_a_log_only_said_weighs_least_and_a_reorg_takes_it_back() -> None:
    harness = ProducerHarness("upgrades")
    harness.send(
        SignalKind.UPGRADE_SAID, 1, subject=CHAIN, event_id="s", said="0x0b", held="0x0a", role="implementation"
    )
    assert harness.grades == {"upgrade_said": 1}
    harness.send(SignalKind.RETRACTION, 2, subject=CHAIN, retracts="s")
    assert not harness.grades
    assert len(harness.board.retracted) == 1


def test_a_reorg_retracts_a_queued_upgrade() -> None:
    harness = ProducerHarness("upgrades")
    queue(harness, 0, 7200)
    harness.second(1)
    harness.send(SignalKind.RETRACTION, 2, subject=CHAIN, retracts="q-op")
    harness.second(60)
    assert not harness.grades
    assert len(harness.board.retracted) == 1


def test_upgrades_remembered_and_queued_are_bounded() -> None:
    harness = ProducerHarness("upgrades")
    for index in range(600):
        queue(harness, index, 1e6, f"op-{index}")
        harness.send(SignalKind.UPGRADE, index, subject=CHAIN, event_id=f"u-{index}", seen_by="log")
    harness.second(601)
    harness.send(SignalKind.RETRACTION, 602, subject=CHAIN, retracts="u-0")
    assert sum(one.name == "upgrade_queued" for one in harness.board.everything()) == 512
    assert not harness.board.retracted


def test_an_upgrade_without_an_asset_is_ignored() -> None:
    harness = ProducerHarness("upgrades")
    harness.send(SignalKind.UPGRADE, 1, subject=Subject(network="ethereum"), event_id="u")
    harness.send(SignalKind.UPGRADE_SAID, 1, subject=Subject(network="ethereum"), event_id="s")
    harness.send(SignalKind.UPGRADE_QUEUED, 1, subject=Subject(network="ethereum"), event_id="q")
    harness.second(2)
    assert not harness.grades
