"""Each kind of evidence alone: what pins it, with which grade, and what must not."""

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


class Bench:
    """One producer before an empty board."""

    def __init__(self, name: str, settings: CorrelatorSettings | None = None) -> None:
        self.sources = Coverage()
        self.board = ActiveEvidence(self.sources)
        self.attribution = Attribution(settings or CorrelatorSettings())
        desk = EvidenceBoard(settings or CorrelatorSettings(), self.sources, self.board, self.attribution)
        self.producer: Producer = producer(name, desk)

    def say(
        self,
        kind: SignalKind,
        second: float,
        value: float = 1.0,
        subject: Subject = VENUE,
        source: str = "",
        **said: Scalar,
    ) -> None:
        signal = Signal(kind, subject, at(second), at(second), source or f"alpha/{kind.value}", 1, value, said)
        self.producer.on_signal(signal, at(second).timestamp())

    def second(self, second: int) -> None:
        self.producer.on_second(at(second).timestamp())

    @property
    def grades(self) -> dict[str, int]:
        return {one.name: one.grade for one in self.board.everything()}

    @property
    def said(self) -> str:
        return " | ".join(one.said for one in self.board.everything())


def test_every_file_of_the_folder_is_a_producer_with_kinds_of_its_own() -> None:
    for name in names():
        assert Bench(name).producer.kinds


def books(bench: Bench, since: int, until: int, depth_usd: float) -> None:
    for second in range(since, until):
        bench.say(SignalKind.BOOK, second, bid_depth_50_usd=depth_usd, ask_depth_50_usd=2 * depth_usd)
        bench.second(second + 1)


@pytest.mark.parametrize(("share", "grade"), [(0.5, 0), (0.35, 1), (0.2, 2), (0.08, 3), (0.01, 4)])
def test_depth_far_below_normal_is_graded_by_its_fall(share: float, grade: int) -> None:
    bench = Bench("book_stress")
    books(bench, 0, 400, 1e6)
    books(bench, 400, 402, share * 1e6)
    assert not bench.grades
    books(bench, 402, 410, share * 1e6)
    assert bench.grades == ({"book_depth": grade} if grade else {})


def test_a_book_that_is_thin_for_hours_becomes_its_own_normal() -> None:
    bench = Bench("book_stress", CorrelatorSettings(warm_s=15, level_long_s=60))
    books(bench, 0, 60, 1e6)
    books(bench, 60, 1200, 2e5)
    assert bench.producer.kinds == {SignalKind.BOOK}
    at_s = max(one.at for one in bench.board.everything())
    assert at_s < at(600)


@pytest.mark.parametrize(
    ("state", "grade"), [("crossed", 2), ("frozen", 2), ("hollow", 3), ("empty", 3), ("unsynced", 0)]
)
def test_a_faulty_book_is_evidence_if_it_lasts(state: str, grade: int) -> None:
    bench = Bench("book_stress")
    for second in range(3):
        bench.say(SignalKind.BOOK, second, state=state)
    assert not bench.grades
    bench.say(SignalKind.BOOK, 3, state=state)
    assert bench.grades == ({"book_state": grade} if grade else {})


def test_books_from_rest_and_books_without_an_asset_are_ignored() -> None:
    bench = Bench("book_stress")
    for second in range(9):
        bench.say(SignalKind.BOOK, second, state="empty", origin="rest")
        bench.say(SignalKind.BOOK, second, subject=Subject(venue="alpha"), state="empty")
    assert not bench.grades


def test_a_silent_feed_is_evidence_at_once_with_its_onset() -> None:
    bench = Bench("feed_faults")
    bench.say(SignalKind.FEED_SILENT, 100, 30.0, source="alpha/trades", planned=False)
    assert bench.grades == {"feed_faults": 2}
    assert next(bench.board.everything()).onset == at(70)
    bench.second(101)


def test_planned_feed_faults_and_faults_without_a_venue_are_no_evidence() -> None:
    bench = Bench("feed_faults")
    for second in range(9):
        bench.say(SignalKind.FEED_CLOSED, second, planned=True)
        bench.say(SignalKind.FEED_CLOSED, second, subject=Subject())
    assert not bench.grades


def test_disconnections_are_graded_by_their_number_in_a_minute() -> None:
    bench = Bench("feed_faults")
    for second in (0, 100, 200):
        bench.say(SignalKind.FEED_CLOSED, second)
    assert not bench.grades
    for second in range(210, 226):
        bench.say(SignalKind.FEED_CLOSED, second)
    assert bench.grades == {"feed_faults": 3}
    assert "cut alpha" in bench.said


def test_fragility_reports_every_extreme_ratio() -> None:
    bench = Bench("fragility")
    bench.say(SignalKind.VOLUME, 1, 9e9, market="perp")
    bench.say(SignalKind.VOLUME, 1, 1e9, market="spot")
    bench.say(SignalKind.OPEN_INTEREST, 1, 9e9)
    bench.say(SignalKind.BOOK, 1, bid_depth_200_usd=1e6)
    bench.say(SignalKind.BOOK, 1, bid_depth_200_usd=None)
    bench.say(SignalKind.FUNDING, 1, -0.01)
    bench.say(SignalKind.LONG_SHORT_RATIO, 1, 0.2)
    bench.say(SignalKind.LONG_SHORT_RATIO, 1, 0.2, subject=Subject())
    first = int(at(0).timestamp()) // 15 * 15 + 15 - int(at(0).timestamp())
    bench.second(first + 1)
    assert not bench.grades
    bench.second(first + 15)
    assert set(bench.grades) == {"perp_over_spot", "interest_over_depth", "funding", "one_sided"}
    assert {one.leg for one in bench.board.everything()} == {Leg.FRAGILITY}


def test_ordinary_or_missing_ratios_make_no_evidence() -> None:
    bench = Bench("fragility")
    bench.say(SignalKind.FUNDING, 1, 0.0001)
    bench.say(SignalKind.VOLUME, 1, 1e9, subject=Subject(asset="ETH", venue="alpha"), market="perp")
    bench.say(SignalKind.LONG_SHORT_RATIO, 1, 0.0)
    bench.second(-int(at(0).timestamp()) % 15 + 15)
    assert not bench.grades


@pytest.mark.parametrize(("share", "grade"), [(0.1, 0), (0.25, 1), (0.5, 2), (0.9, 3)])
def test_liquidity_that_leaves_is_graded_by_share_of_the_pool(share: float, grade: int) -> None:
    bench = Bench("liquidity")
    bench.say(SignalKind.LIQUIDITY_REMOVED, 10, share, CHAIN, event_id="r1")
    assert bench.grades == ({"liquidity_gone": grade} if grade else {})
    bench.second(11)


def test_removals_add_up_and_additions_reduce_them() -> None:
    bench = Bench("liquidity")
    for index in range(3):
        bench.say(SignalKind.LIQUIDITY_REMOVED, 10 + index, 0.2, CHAIN, event_id=f"r{index}")
    assert bench.grades == {"liquidity_gone": 2}
    bench.say(SignalKind.LIQUIDITY_ADDED, 20, 0.9, CHAIN, event_id="a")
    assert not bench.grades


def test_a_matched_migration_is_reported_as_one_and_explains_the_removal() -> None:
    bench = Bench("liquidity")
    bench.say(SignalKind.LIQUIDITY_REMOVED, 10, 0.8, CHAIN, event_id="r")
    bench.say(SignalKind.MIGRATION, 11, 0.8, CHAIN, event_id="m", to_pool="0xcc")
    assert bench.grades == {"migration": 3}
    assert "migrated to 0xcc" in bench.said


def test_moves_without_a_pool_or_an_asset_are_ignored() -> None:
    bench = Bench("liquidity")
    bench.say(SignalKind.LIQUIDITY_REMOVED, 10, 0.8, Subject(asset="BTC"), event_id="r")
    bench.say(SignalKind.LIQUIDITY_REMOVED, 10, 0.8, Subject(pool=POOL), event_id="r")
    assert not bench.grades


def test_a_reorg_retracts_one_move_and_leaves_the_others() -> None:
    bench = Bench("liquidity")
    bench.say(SignalKind.LIQUIDITY_REMOVED, 10, 0.5, CHAIN, event_id="r1")
    bench.say(SignalKind.LIQUIDITY_REMOVED, 11, 0.5, CHAIN, event_id="r2")
    assert bench.grades == {"liquidity_gone": 3}
    bench.say(SignalKind.RETRACTION, 12, subject=CHAIN, retracts="unknown")
    bench.say(SignalKind.RETRACTION, 12, subject=CHAIN, retracts="r2")
    assert bench.grades == {"liquidity_gone": 2}
    bench.say(SignalKind.RETRACTION, 13, subject=CHAIN, retracts="r1")
    assert not bench.grades
    assert len(bench.board.retracted) == 2


@pytest.mark.parametrize(("left", "grade"), [(0.97, 0), (0.94, 1), (0.9, 2), (0.8, 3), (0.6, 4)])
def test_a_fall_of_open_interest_is_graded_in_base_units(left: float, grade: int) -> None:
    bench = Bench("open_interest")
    for second in range(0, 900, 10):
        bench.say(SignalKind.OPEN_INTEREST, second, base=1000.0 * (left if second > 800 else 1.0))
        bench.say(SignalKind.OPEN_INTEREST, second, subject=Subject(asset="ETH", venue="alpha"), base=5.0)
        bench.say(SignalKind.OPEN_INTEREST, second, base=None)
        bench.second(second + 1)
    assert bench.grades == ({"open_interest_fall": grade} if grade else {})


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
    bench = Bench("upgrades")
    bench.say(
        SignalKind.UPGRADE, 10, subject=CHAIN, event_id="u", new="0x0b", seen_by=seen_by, role=role, queued=queued
    )
    assert bench.grades == {"upgrade": grade}


def queue(bench: Bench, second: float, eta_s: float, operation: str = "op") -> None:
    eta = at(eta_s).timestamp()
    bench.say(SignalKind.UPGRADE_QUEUED, second, eta, CHAIN, event_id=f"q-{operation}", operation=operation, new=None)


def test_a_queued_upgrade_weighs_more_within_an_hour_of_its_execution_time() -> None:
    bench = Bench("upgrades")
    queue(bench, 0, 7200)
    bench.second(1)
    assert bench.grades == {"upgrade_queued": 1}
    for second in range(2, 3700):
        bench.second(second)
    assert bench.grades == {"upgrade_queued": 2}
    bench.say(SignalKind.OPERATION_ENDED, 3700, subject=CHAIN, operation="another")
    assert bench.grades
    bench.say(SignalKind.OPERATION_ENDED, 3700, subject=CHAIN, operation="op")
    assert not bench.grades


def test_a_reorg_retracts_a_queued_upgrade() -> None:
    bench = Bench("upgrades")
    queue(bench, 0, 7200)
    bench.second(1)
    bench.say(SignalKind.RETRACTION, 2, subject=CHAIN, retracts="q-op")
    bench.second(60)
    assert not bench.grades
    assert len(bench.board.retracted) == 1


def test_upgrades_remembered_and_queued_are_bounded() -> None:
    bench = Bench("upgrades")
    for index in range(600):
        queue(bench, index, 1e6, f"op-{index}")
        bench.say(SignalKind.UPGRADE, index, subject=CHAIN, event_id=f"u-{index}", seen_by="log")
    bench.second(601)
    bench.say(SignalKind.RETRACTION, 602, subject=CHAIN, retracts="u-0")
    assert sum(one.name == "upgrade_queued" for one in bench.board.everything()) == 512
    assert not bench.board.retracted


def test_an_upgrade_without_an_asset_is_ignored() -> None:
    bench = Bench("upgrades")
    bench.say(SignalKind.UPGRADE, 1, subject=Subject(network="ethereum"), event_id="u")
    bench.say(SignalKind.UPGRADE_QUEUED, 1, subject=Subject(network="ethereum"), event_id="q")
    bench.second(2)
    assert not bench.grades
