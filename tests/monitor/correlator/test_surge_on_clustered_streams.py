"""Surges on streams that repeat exactly: what is learned of them, what is not, and how a surge is told.

A stream learns ten whole minutes and then sees a surge.
"""

from __future__ import annotations

import re

import pytest

from monitor.correlator.coverage import SourceCoverage
from monitor.correlator.settings import CorrelatorSettings
from monitor.incidents import Evidence
from monitor.signals import Scalar, SignalKind, Subject
from tests.monitor.correlator.lone_producer import LoneProducer, moment
from tests.monitor.detect.liquidation_feeds import by_second, poisson_events, shown

SOURCE = "alpha/liquidation"
BTC = Subject(asset="BTC", venue="alpha")
LEARNED_S = 600


class Stream:
    """One feed of liquidations of BTC, second by second."""

    def __init__(self, rate_floor: float = 0.01) -> None:
        settings = CorrelatorSettings(warm_s=LEARNED_S + 1, rate_floor=rate_floor)
        self.lone = LoneProducer("liquidation_surge", settings)
        self.second = 0
        self.lone.send(SignalKind.EXPECT, 0, 1e6, BTC, {"leg": "liquidation"}, SOURCE)
        self.lone.coverage.by_name[SOURCE] = SourceCoverage(SOURCE, gap_s=1e6, last_s=moment(0).timestamp())

    def pass_second(self, count: int) -> list[Evidence]:
        """One second with so many liquidations of 1,000 USD; return the evidence that it made."""
        for _ in range(count):
            self.lone.send(SignalKind.LIQUIDATION, self.second, 1000.0, BTC, {}, SOURCE)
        self.second += 1
        self.lone.complete(self.second)
        return [one for one in self.lone.evidence if one.at == moment(self.second)]

    def learn(self, period: dict[int, int], length_s: int = 60) -> None:
        """Repeat a period (second -> events) until `LEARNED_S` seconds are learned; none of them is a surge."""
        for second in range(LEARNED_S):
            assert self.pass_second(period.get(second % length_s, 0)) == []


def grade_after(stream: Stream, seconds: int, per_second: int) -> int:
    """The grade in the last of so many seconds with so many events each."""
    found: list[Evidence] = []
    for _ in range(seconds):
        found = stream.pass_second(per_second)
    return max((one.grade for one in found), default=0)


def test_clusters_that_were_usual_are_no_surge_and_as_many_events_on_a_regular_stream_are() -> None:
    clustered, regular = Stream(), Stream()
    clustered.learn({55: 6})
    regular.learn({0: 1}, 10)
    assert grade_after(clustered, 1, 8) < grade_after(regular, 1, 8)


def test_the_weight_and_the_rate_of_false_alarms_of_a_surge_rise_with_its_events() -> None:
    found = []
    for count in (6, 8, 10, 14, 30, 100, 1000):
        stream = Stream()
        stream.learn({0: 1}, 10)
        [evidence] = stream.pass_second(count)
        found.append((evidence.grade, evidence.weight, -evidence.far_per_day))
    assert found == sorted(found)
    assert len({rate for _, _, rate in found}) == len(found), "no surge is so great that a greater one counts the same"
    assert found[-1][:2] == (4, 4.0)


def test_the_usual_rate_goes_on_being_learned_after_the_warm_up() -> None:
    stream = Stream()
    stream.learn({0: 1}, 20)
    stream.learn({0: 1}, 10)
    [evidence] = stream.pass_second(20)
    assert evidence.normal == pytest.approx(90 / 1200, rel=0.1)


def test_the_seconds_of_a_surge_are_not_learned() -> None:
    stream = Stream()
    stream.learn({0: 1}, 10)
    for _ in range(30):
        [evidence] = stream.pass_second(5)
        assert evidence.normal == pytest.approx(0.1, rel=0.02)


def test_a_surge_is_told_in_words_with_the_value_of_half_a_minute() -> None:
    stream = Stream()
    stream.learn({0: 1}, 10)
    for _ in range(29):
        stream.pass_second(2)
    [evidence] = stream.pass_second(2)
    # 30 seconds with two events of 1,000 USD; the 31st from the end, one event of 1,000 USD, no longer counts
    assert evidence.said.startswith("liquidations ")
    assert "/s, 60,000 USD in 30 s" in evidence.said
    assert evidence.value == pytest.approx(2.0, rel=0.2)
    [evidence] = stream.pass_second(1)
    assert "59,000 USD in 30 s" in evidence.said


def test_one_short_burst_is_learned_as_usual_once_it_is_over() -> None:
    # five seconds of a burst with 10 events each: no surge is left, and the rate rises by their 50 events
    stream = Stream()
    stream.learn({0: 1}, 10)
    for _ in range(5):
        stream.pass_second(10)
    for _ in range(115):
        stream.pass_second(0)
    [evidence] = stream.pass_second(200)
    assert evidence.normal == pytest.approx(110 / 720, rel=0.1)


def test_a_burst_of_more_than_five_seconds_is_not_learned() -> None:
    stream = Stream()
    stream.learn({0: 1}, 10)
    for count in (*[10] * 12, *[0] * 108):
        stream.pass_second(count)
    [evidence] = stream.pass_second(200)
    assert evidence.normal is not None
    assert evidence.normal < 0.12


def test_a_second_of_a_burst_is_learned_as_at_most_fifty_events() -> None:
    stream = Stream()
    stream.learn({0: 1}, 10)
    for count in (200, *[0] * 119):
        stream.pass_second(count)
    [evidence] = stream.pass_second(500)
    assert evidence.normal == pytest.approx((60 + 50) / 720, rel=0.1)


@pytest.mark.parametrize(("quiet_s", "is_renewed"), [(18, True), (19, False)])
def test_an_event_does_not_renew_a_surge_that_is_twenty_seconds_old(quiet_s: int, *, is_renewed: bool) -> None:
    stream = Stream()
    stream.learn({0: 1}, 10)
    for count in (50, *[0] * quiet_s):
        stream.pass_second(count)
    assert bool(stream.pass_second(1)) is is_renewed


@pytest.mark.parametrize(("count", "is_renewed"), [(15, False), (19, True)])
def test_a_surge_goes_on_above_a_quarter_of_the_way_from_the_usual_rate_to_its_own(
    count: int, *, is_renewed: bool
) -> None:
    # The surge: 50 + count events in 21 seconds where 2.64 were expected, so 25 times the usual rate. The last 20 seconds, where
    # 2.52 were expected, need 17.4 events for a count of 15 and 18.3 for a count of 19.
    stream = Stream()
    stream.learn({0: 1}, 10)
    for one in (50, *[0] * 19):
        stream.pass_second(one)
    assert bool(stream.pass_second(count)) is is_renewed


def test_a_silent_throttled_feed_is_trusted_in_full() -> None:
    lone = LoneProducer("liquidation_surge")
    attributes: dict[str, Scalar] = {"leg": "liquidation", "censoring": "latest_per_second"}
    lone.send(SignalKind.EXPECT, 0, 1e6, BTC, attributes, SOURCE)
    lone.coverage.by_name[SOURCE] = SourceCoverage(SOURCE, gap_s=1e6, last_s=moment(0).timestamp())
    lone.complete(1)
    assert lone.coverage.trust.get((SOURCE, "BTC"), 1.0) == 1.0


@pytest.mark.parametrize(
    ("kind", "subject", "attributes"),
    [
        (SignalKind.EXPECT, BTC, {"leg": "venue"}),
        (SignalKind.LIQUIDATION, BTC, {"backlog": True}),
        (SignalKind.LIQUIDATION, Subject(venue="alpha"), {}),
    ],
)
def test_other_expectations_and_old_liquidations_and_those_of_no_asset_are_not_counted(
    kind: SignalKind, subject: Subject, attributes: dict[str, Scalar]
) -> None:
    lone = LoneProducer("liquidation_surge")
    lone.coverage.by_name[SOURCE] = SourceCoverage(SOURCE, gap_s=1e6, last_s=moment(0).timestamp())
    lone.send(kind, 0, 1.0, subject, attributes, SOURCE)
    lone.complete(1)
    assert lone.coverage.trust == {}


@pytest.mark.parametrize(("counts", "trust"), [([1, *[0] * 9], 0.99), ([10], 1.0)])
def test_a_throttled_feed_is_trusted_by_the_share_that_it_can_have_shown(counts: list[int], trust: float) -> None:
    lone = LoneProducer("liquidation_surge")
    lone.coverage.by_name[SOURCE] = SourceCoverage(SOURCE, gap_s=1e6, last_s=moment(0).timestamp())
    for second, count in enumerate(counts):
        for _ in range(count):
            lone.send(SignalKind.LIQUIDATION, second, 1.0, BTC, {"censoring": "latest_per_second"}, SOURCE)
        lone.complete(second + 1)
    assert lone.coverage.trust[SOURCE, "BTC"] == pytest.approx(trust, abs=0.01)


def test_a_surge_begins_with_the_second_in_which_the_rate_changed() -> None:
    stream = Stream()
    stream.learn({0: 1}, 10)
    for count in (1, 0, 0, 0, 0, 0, 0, 0, 3, 4, 3, 5, 3):
        stream.pass_second(count)
    [evidence] = stream.lone.evidence
    assert evidence.onset == moment(LEARNED_S + 8)


def test_sides_are_told_apart_where_the_venue_tells_them() -> None:
    stream = Stream()
    stream.learn({0: 1}, 10)
    for side in ("long", "long", "long", "short") * 5:
        stream.lone.send(SignalKind.LIQUIDATION, stream.second, 1000.0, BTC, {"side": side}, SOURCE)
    [evidence] = stream.pass_second(0)
    assert "75% longs" in evidence.said


def test_a_throttled_surge_tells_its_share_and_the_true_volume_with_an_interval() -> None:
    stream = Stream()
    lone = stream.lone
    attributes: dict[str, Scalar] = {"censoring": "latest_per_second"}
    for second in range(LEARNED_S):
        if second % 10 == 0:
            lone.send(SignalKind.LIQUIDATION, second + 0.4, 1000.0, BTC, attributes, SOURCE)
        lone.complete(second + 1)
    for second, [(at_s, _)] in by_second(shown(poisson_events(1, 50.0, 60, LEARNED_S), "latest_per_second")):
        lone.send(SignalKind.LIQUIDATION, at_s, 1000.0, BTC, attributes, SOURCE)
        lone.complete(second + 1)
    [evidence] = lone.evidence
    assert evidence.grade == 4
    shares = re.search(r"(\d+)% shown: truly ([\d,]+) USD, ([\d,]+) to ([\d,]+)", evidence.said)
    assert shares is not None
    share, true, low, high = (float(one.replace(",", "")) for one in shares.groups())
    assert share == pytest.approx(2, abs=1)
    assert low < 1_500_000 < high  # 30 s with 50 a second of 1,000 USD
    assert low < true < high
    assert lone.coverage.trust[SOURCE, "BTC"] == pytest.approx(0.02, abs=0.005)
