"""A liquidation feed that shows nothing while its venue's open interest falls is doubted until it speaks: it finds nothing."""

from __future__ import annotations

import pytest

from monitor.correlator import CorrelatorSettings
from monitor.correlator.evidence.unshown_liquidations import MAX_INSTRUMENTS, MAX_PAIRS
from monitor.incidents import Leg
from monitor.signals import Scalar, Signal, SignalKind, Subject
from tests.monitor.correlator.lone_producer import LoneProducer, moment

PERP = Subject(asset="BTC", venue="alpha", instrument="BTC-PERP")
OTHER = Subject(asset="BTC", venue="alpha", instrument="BTC-USDC-PERP")


class World(LoneProducer):
    """One venue with a declared feed of liquidations."""

    def __init__(self) -> None:
        super().__init__("unshown_liquidations")
        attributes: dict[str, Scalar] = {"leg": "liquidation", "weight": 1.0}
        expect = Signal(SignalKind.EXPECT, PERP, moment(0), moment(0), "alpha/liquidation", 1, 1e6, attributes)
        self.coverage.on_signal(expect, moment(0).timestamp())

    def interest(self, second: float, base: Scalar, subject: Subject = PERP) -> None:
        self.send(SignalKind.OPEN_INTEREST, second, 1.0, subject, {"base": base}, "alpha/open_interest")

    def show(self, second: float, *, backlog: bool = False) -> None:
        self.send(SignalKind.LIQUIDATION, second, 1e4, PERP, {"backlog": backlog}, "alpha/liquidation")

    def seen(self, second: float) -> float:
        return self.coverage.of_leg("BTC", Leg.LIQUIDATION, moment(second).timestamp())[0]


def fallen(share: float, *, after_s: int = 60) -> World:
    """The world of a fall of this share, judged when it has happened."""
    world = World()
    world.interest(1000, 5000.0)
    world.interest(1000 + after_s, 5000.0 * (1 - share))
    world.complete(1000 + after_s)
    return world


def test_a_feed_that_shows_nothing_of_a_fall_of_its_venues_open_interest_is_no_calm_until_it_speaks() -> None:
    world = fallen(0.10)
    assert 0.0 < world.seen(1060) < CorrelatorSettings().false_coverage
    (source, _) = world.coverage.of_leg("BTC", Leg.LIQUIDATION, moment(1060).timestamp())[1][0]
    assert "open interest falls" in world.coverage.why(source, Leg.LIQUIDATION, "BTC", moment(1060).timestamp())
    world.show(1061, backlog=True)
    assert world.seen(1061) < 1.0
    world.show(1062)
    assert world.seen(1062) == 1.0
    assert world.evidence == []


@pytest.mark.parametrize(
    ("share", "after_s"), [(0.05, 60), (0.95, 60), (0.10, 400), (-0.20, 60)],
    ids=["a small fall", "another unit", "a slow fall", "a rise"],
)  # fmt: skip
def test_what_owners_do_on_any_day_and_what_no_market_does_doubts_nobody(share: float, after_s: int) -> None:
    assert fallen(share, after_s=after_s).seen(1000 + after_s) == 1.0


def test_a_feed_that_has_shown_one_within_ten_minutes_speaks() -> None:
    world = World()
    world.show(500)
    world.interest(1000, 5000.0)
    world.interest(1060, 4000.0)
    world.complete(1060)
    assert world.seen(1060) == 1.0
    world.interest(1110, 4000.0)
    world.complete(1110)
    assert world.seen(1110) < 1.0


def test_a_fall_is_of_the_venues_whole_interest_of_the_asset_as_far_as_it_is_known_then_and_now() -> None:
    world = World()
    for second, base, subject in (
        (1000, 5000.0, OTHER),
        (1000, 500.0, PERP),
        (1060, 5000.0, OTHER),
        (1060, 400.0, PERP),
    ):
        world.interest(second, base, subject)
    world.interest(1060, 1e9, Subject(asset="BTC", venue="alpha", instrument="NEW"))
    world.complete(1060)
    assert world.seen(1060) == 1.0


def test_only_every_fifth_second_is_judged_and_what_says_nothing_is_passed_over() -> None:
    world = World()
    for base in (0, -1.0, "5", None):
        world.interest(1000, base)
    world.interest(1000, 5000.0, Subject(venue="alpha"))
    world.interest(1000, 5000.0, Subject(asset="BTC"))
    world.complete(1060)
    world.interest(1060, 5000.0)
    world.interest(1063, 4000.0)
    world.complete(1063)
    assert world.seen(1063) == 1.0
    world.complete(1065)
    assert world.seen(1065) < 1.0


def test_the_markets_and_their_instruments_are_bounded() -> None:
    world = World()
    for number in range(MAX_INSTRUMENTS + 5):
        world.interest(1000, 1.0, Subject(asset="BTC", venue="alpha", instrument=f"P{number}"))
    for number in range(MAX_PAIRS + 5):
        world.interest(1000, 1.0, Subject(asset=f"A{number}", venue="alpha"))
    markets = world.producer._markets  # type: ignore[attr-defined]
    assert (len(markets), len(markets["alpha", "BTC"].interest)) == (MAX_PAIRS, MAX_INSTRUMENTS)
