"""Another count of liquidations can only lower what ours are trusted with: the leg becomes unknown, never calm, never true."""

from __future__ import annotations

import pytest

from monitor.correlator.assessment import AssetAssessor
from monitor.correlator.coverage import Coverage
from monitor.incidents import Leg, LegState
from monitor.signals import Scalar, Signal, SignalKind, Subject
from tests.monitor.correlator.lone_producer import LoneProducer, moment

BTC = Subject(asset="BTC", venue="alpha", instrument="BTC-PERP")
SOURCE = "alpha/liquidation"


class World(LoneProducer):
    """One liquidation feed of one asset, seen from second 0 on, beside another's count of half hours."""

    def __init__(self, since: float = 0.0) -> None:
        super().__init__("liquidation_cross_check")
        attributes: dict[str, Scalar] = {"leg": "liquidation", "weight": 1.0}
        expect = Signal(SignalKind.EXPECT, BTC, moment(0), moment(0), SOURCE, 1, 15.0, attributes)
        self.coverage.on_signal(expect, moment(0).timestamp())
        self.complete(since)

    def ours(self, second: float, usd: float, backlog: bool = False) -> None:
        self.send(SignalKind.LIQUIDATION, second, usd, BTC, {"backlog": backlog}, SOURCE)

    def theirs(self, second: float, usd: float, begins: float = 0.0, interval_s: float | None = 1800.0) -> None:
        attributes: dict[str, Scalar] = {"begins_s": moment(begins).timestamp(), "interval_s": interval_s}
        self.send(SignalKind.MARKET_LIQUIDATIONS, second, usd, Subject(asset="BTC"), attributes, "coinglass/x")

    def seen(self, second: float) -> float:
        """The coverage of the leg while the feed gives signs of life."""
        pulse = Signal(SignalKind.FEED_PULSE, BTC, moment(second), moment(second), SOURCE, 1, 1.0)
        self.coverage.on_signal(pulse, moment(second).timestamp())
        return self.coverage.of_leg("BTC", Leg.LIQUIDATION, moment(second).timestamp())[0]

    def verdict(self, second: float) -> tuple[LegState, list[str]]:
        self.seen(second)
        board = self.attribution
        assessor = AssetAssessor(board._settings, self.coverage, self.active, board)
        found = assessor.assess("BTC", moment(second).timestamp()).verdict
        leg = next(one for one in found.legs if one.leg is Leg.LIQUIDATION)
        return leg.state, [one.reason for one in found.blind if one.leg is Leg.LIQUIDATION]


def test_a_count_far_above_ours_makes_the_leg_unknown_and_says_why() -> None:
    world = World()
    world.ours(100, 60_000)
    world.ours(130, 40_000)
    assert world.verdict(1890) == (LegState.FALSE, [])

    world.theirs(1900, 1_000_000)

    assert world.seen(1900) == pytest.approx(0.1)
    assert world.verdict(1900) == (LegState.UNKNOWN, ["shows 10% of what another counts"])
    assert world.evidence == []


@pytest.mark.parametrize("usd", [400_000, 100_000, 10_000], ids=["within the tolerance", "the same", "below ours"])
def test_a_count_that_is_not_far_above_ours_changes_nothing(usd: float) -> None:
    world = World()
    world.ours(100, 100_000)
    world.theirs(1900, usd)

    assert world.seen(1900) == 1.0


def test_a_higher_trust_than_the_feeds_own_is_never_given() -> None:
    world = World()
    world.coverage.trust[SOURCE, "BTC"] = 0.05
    world.ours(100, 100_000)
    world.theirs(1900, 1_000_000)

    assert world.seen(1900) == pytest.approx(0.05)


def test_nothing_of_ours_at_all_is_no_sight() -> None:
    world = World()
    world.theirs(1900, 1_000_000)

    assert world.seen(1900) == 0.0


def test_a_count_that_is_too_small_is_not_compared() -> None:
    world = World()
    world.theirs(1900, 249_000)

    assert world.seen(1900) == 1.0


def test_an_interval_that_we_did_not_hear_as_a_whole_is_not_compared() -> None:
    world = World(since=60)
    world.theirs(1900, 1_000_000)

    assert world.seen(1900) == 1.0


def test_an_interval_that_is_too_old_is_not_compared() -> None:
    world = World()
    world.theirs(33_000, 1_000_000)

    assert world.seen(33_000) == 1.0


def test_before_the_first_second_nothing_was_heard() -> None:
    world = LoneProducer("liquidation_cross_check")
    attributes: dict[str, Scalar] = {"begins_s": moment(0).timestamp(), "interval_s": 1800.0}
    world.send(SignalKind.MARKET_LIQUIDATIONS, 1900, 1e6, Subject(asset="BTC"), attributes)

    assert world.coverage.checked == {}


def test_only_what_fell_into_the_interval_is_summed_and_old_messages_are_not() -> None:
    world = World()
    world.ours(1799, 100_000)
    world.ours(1800, 900_000)
    world.ours(1700, 900_000, backlog=True)
    world.ours(1795, 100_000)
    world.theirs(1900, 1_000_000)

    assert world.seen(1900) == pytest.approx(0.2)


def test_the_next_comparison_lifts_what_the_last_one_lowered() -> None:
    world = World()
    world.theirs(1900, 1_000_000)
    world.ours(2000, 500_000)
    world.theirs(3700, 1_000_000, begins=1800)

    assert world.seen(3700) == 1.0


def test_a_comparison_without_a_next_one_ends_after_three_intervals() -> None:
    world = World()
    world.theirs(1900, 1_000_000)
    world.complete(1900 + 5400)
    assert world.seen(7300) == 0.0

    world.complete(1900 + 5401)
    assert world.seen(7301) == 1.0


@pytest.mark.parametrize("interval_s", [None, 0.0])
def test_a_count_without_its_interval_is_left_alone(interval_s: float | None) -> None:
    world = World()
    world.theirs(1900, 1_000_000, interval_s=interval_s)

    assert world.seen(1900) == 1.0


def test_what_is_remembered_has_a_bound() -> None:
    world = World()
    for number in range(600):
        world.send(SignalKind.LIQUIDATION, 1, 1.0, Subject(asset=f"A{number}"))
    world.send(SignalKind.LIQUIDATION, 1, 1.0, Subject())
    assert len(world.producer._assets) == 512  # type: ignore[attr-defined]

    for minute in range(2000):
        world.send(SignalKind.LIQUIDATION, 60 * minute, 1.0, Subject(asset="A1"))
    assert len(world.producer._assets["A1"].minutes) <= 541  # type: ignore[attr-defined]


def test_anothers_count_is_no_source_of_ours() -> None:
    coverage = Coverage()
    signal = Signal(SignalKind.MARKET_LIQUIDATIONS, Subject(asset="BTC"), moment(0), moment(0), "coinglass/x", 1, 1.0)
    coverage.on_signal(signal, 0.0)

    assert coverage.by_name == {}
    assert coverage.assets == ()


def test_a_feed_that_is_silent_itself_says_so_rather_than_what_another_counts() -> None:
    world = World()
    world.ours(100, 100_000)
    world.theirs(1900, 1_000_000)
    silent = Signal(SignalKind.FEED_SILENT, BTC, moment(1901), moment(1901), SOURCE, 1, 9.0)
    world.coverage.on_signal(silent, moment(1901).timestamp())
    source = world.coverage.by_name[SOURCE]

    assert world.coverage.why(source, Leg.LIQUIDATION, "BTC", moment(1901).timestamp()) == "silent on an open socket"
