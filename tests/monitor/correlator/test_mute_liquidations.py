"""A liquidation feed that is mute while the others show many is doubted until it speaks: it lowers sight, and finds nothing."""

from __future__ import annotations

import pytest

from monitor.correlator import CorrelatorSettings
from monitor.correlator.evidence.mute_liquidations import MAX_ASSETS
from monitor.incidents import Leg
from monitor.signals import Scalar, Signal, SignalKind, Subject
from tests.monitor.correlator.lone_producer import LoneProducer, moment

VENUES = ("alpha", "beta", "gamma", "delta")
CALM_S = 1000


class World(LoneProducer):
    """Four feeds of one asset, each of which shows a liquidation each ten seconds of a calm start."""

    def __init__(self, usual_every_s: int = 10) -> None:
        super().__init__("mute_liquidations")
        for venue in VENUES:
            attributes: dict[str, Scalar] = {"leg": "liquidation", "weight": 1.0}
            source = f"{venue}/liquidation"
            expect = Signal(SignalKind.EXPECT, self.of(venue), moment(0), moment(0), source, 1, 1e6, attributes)
            self.coverage.on_signal(expect, moment(0).timestamp())
        for second in range(0, CALM_S, usual_every_s):
            self.show(second, *VENUES)

    @staticmethod
    def of(venue: str) -> Subject:
        return Subject(asset="BTC", venue=venue, instrument="BTC-PERP")

    def show(self, second: float, *venues: str, backlog: bool = False) -> None:
        for venue in venues:
            source = f"{venue}/liquidation"
            self.send(SignalKind.LIQUIDATION, second, 1e4, self.of(venue), {"backlog": backlog}, source)

    def storm(self, since: int, until: int, *venues: str, each_s: int = 2) -> None:
        for second in range(since, until):
            if second % each_s == 0:
                self.show(second, *venues)
            self.complete(second)

    def seen(self, venue: str, second: float) -> tuple[float, str]:
        at_s = moment(second).timestamp()
        parts = {one.name: (one, own) for one, own in self.coverage.of_leg("BTC", Leg.LIQUIDATION, at_s)[1]}
        source, own = parts[f"{venue}/liquidation"]
        return own, self.coverage.why(source, Leg.LIQUIDATION, "BTC", at_s)


def test_a_feed_that_is_mute_while_all_others_show_many_is_no_calm_until_it_speaks() -> None:
    world = World()
    world.storm(1100, 1160, "beta", "gamma", "delta")
    own, why = world.seen("alpha", 1160)
    assert 0.0 < own < CorrelatorSettings().false_coverage
    assert why.startswith("shows nothing while others show many")
    assert [world.seen(one, 1160)[0] for one in VENUES[1:]] == [1.0] * 3
    world.show(1161, "alpha")
    assert world.seen("alpha", 1161)[0] == 1.0
    assert world.evidence == []


@pytest.mark.parametrize(
    ("venues", "each_s"),
    [(("beta",), 1), (("beta", "gamma"), 1), (("beta", "gamma", "delta"), 60), (VENUES, 2)],
    ids=["one venue alone", "two venues, of which the busiest does not count", "too few to tell", "it shows some too"],
)
def test_what_may_be_chance_or_one_venues_own_cascade_doubts_nobody(venues: tuple[str, ...], each_s: int) -> None:
    world = World()
    world.storm(1100, 1160, *venues, each_s=each_s)
    assert world.seen("alpha", 1160)[0] == 1.0


def test_a_feed_whose_usual_share_nobody_knows_is_not_doubted() -> None:
    world = World(usual_every_s=100)
    world.storm(1100, 1160, "beta", "gamma", "delta")
    assert world.seen("alpha", 1160)[0] == 1.0


def test_old_orders_and_orders_of_no_asset_are_not_counted() -> None:
    world = World()
    for second in range(1100, 1160):
        world.show(second, "beta", "gamma", "delta", backlog=True)
        world.send(SignalKind.LIQUIDATION, second, 1e4, Subject(venue="beta"), {}, "beta/liquidation")
        world.complete(second)
    assert world.seen("alpha", 1160)[0] == 1.0


def test_the_assets_are_bounded() -> None:
    world = World()
    for number in range(2 * MAX_ASSETS):
        subject = Subject(asset=f"X{number}", venue="beta", instrument="X")
        world.send(SignalKind.LIQUIDATION, CALM_S, 1e4, subject, {}, "beta/liquidation")
    world.storm(1100, 1160, "beta", "gamma", "delta")
    assert world.seen("alpha", 1160)[0] < CorrelatorSettings().false_coverage, (
        "those that were there are still compared"
    )
