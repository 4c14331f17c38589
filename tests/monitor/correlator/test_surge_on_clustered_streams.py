"""Thresholds of a stream whose quiet events come in clusters, computed by hand for streams that repeat exactly.

A stream learns ten whole periods of a minute (or thirty of twenty seconds) and then sees a surge. F is the Fano factor of
blocks of ten seconds; the rate counts with two standard errors, u = r + 2 sqrt(r F / 600). k events where B were expected have
the statistic k ln(k / B) - (k - B).
"""

from __future__ import annotations

import pytest

from monitor.correlator.coverage import SourceCoverage
from monitor.correlator.settings import CorrelatorSettings
from monitor.incidents import Evidence
from monitor.signals import Scalar, SignalKind, Subject
from tests.monitor.correlator.lone_producer import LoneProducer, moment

SOURCE = "alpha/liquidation"
BTC = Subject(asset="BTC", venue="alpha")
LEARNED_S = 600
PAIRS_AND_A_BURST = {0: 2, 15: 2, 30: 2, 45: 2, 55: 12}
"""F = 4.67 with the burst, 1 when each second is clipped at 2 events; clipped r = 1/6 and u = 0.2."""
CLUSTERED_PAIRS_AND_A_BURST = {0: 2, 3: 2, 6: 2, 55: 12}
"""F = 7 with the burst, 3.67 when each second is clipped at 2 events."""


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


@pytest.mark.parametrize(("seconds", "grade"), [(3, 0), (4, 1), (5, 1), (6, 2), (8, 3), (10, 4)])
def test_a_small_surge_on_a_stream_with_bursts_is_graded_by_its_clipped_counts(seconds: int, grade: int) -> None:
    # Two events a second weigh about 2.75 nats a second against the clipped rate: 8.3, 11.0, 13.7, 16.4, 21.8 and 27.2, and the
    # clipped thresholds are 10, 16, 21 and 26. With the bursts u = 0.44 and thresholds from 62 on: twenty events weigh 14.
    stream = Stream()
    stream.learn(PAIRS_AND_A_BURST)
    assert grade_after(stream, seconds, 2) == grade


def test_a_surge_found_by_clipped_counts_names_the_second_when_it_began() -> None:
    stream = Stream()
    stream.learn(PAIRS_AND_A_BURST)
    grade_after(stream, 5, 2)
    [evidence] = stream.lone.evidence
    assert (evidence.onset, evidence.at) == (moment(LEARNED_S), moment(LEARNED_S + 5))


def test_clipped_counts_that_still_come_in_clusters_need_more_for_the_same_grade() -> None:
    # eight seconds weigh about 22 nats, grade 3 on the stream above; here F = 3.67 raises the first threshold from 7 to 25.7
    stream = Stream()
    stream.learn(CLUSTERED_PAIRS_AND_A_BURST)
    assert grade_after(stream, 8, 2) == 0
    assert grade_after(stream, 5, 2) == 1


@pytest.mark.parametrize(("count", "grade"), [(13, 0), (15, 1), (18, 1), (20, 2), (21, 2), (22, 3), (24, 3), (25, 4)])
def test_at_a_fano_factor_of_three_the_raw_thresholds_are_37_56_66_and_79(count: int, grade: int) -> None:
    # Six events in every other block: r = 0.3, F = 3, u = 0.3775. Statistics 33.4, 40.6, 51.9, 59.8, 63.8, 67.8, 76.0, 80.2.
    stream = Stream()
    stream.learn({0: 3, 1: 3}, 20)
    assert grade_after(stream, 1, count) == grade


@pytest.mark.parametrize(("count", "grade"), [(8, 0), (9, 1), (11, 1), (12, 2), (13, 2), (14, 3), (15, 3), (16, 4)])
def test_at_a_fano_factor_of_two_the_raw_thresholds_are_22_34_39_and_47(count: int, grade: int) -> None:
    # Four events in every other block: r = 0.2, F = 2, u = 0.2516. Statistics 19.9, 23.5, 30.8, 34.6, 38.5, 42.5, 46.6, 50.7.
    stream = Stream()
    stream.learn({0: 2, 1: 2}, 20)
    assert grade_after(stream, 1, count) == grade


def test_counts_are_clipped_at_one_event_where_nineteen_quiet_seconds_of_twenty_have_none() -> None:
    # F = 2.5, clipped u = 0.0272: three seconds with two events weigh 7.9 nats when clipped at 1, and 19.9 if clipped at 2
    stream = Stream()
    stream.learn({55: 3})
    assert grade_after(stream, 3, 2) == 0


@pytest.mark.parametrize(("count", "grade"), [(1, 0), (2, 1), (3, 2), (4, 4)])
def test_on_a_stream_without_events_the_poisson_thresholds_hold(count: int, grade: int) -> None:
    # The floor is 0.01 events a second: u = 0.01 + 2 sqrt(0.01 / 600) = 0.0182. Statistics 3.0, 7.4, 12.3, 17.6.
    stream = Stream()
    stream.learn({})
    assert grade_after(stream, 1, count) == grade


@pytest.mark.parametrize(("count", "grade"), [(3, 0), (4, 1), (5, 3), (6, 4)])
def test_on_a_stream_as_regular_as_a_clock_the_poisson_thresholds_hold(count: int, grade: int) -> None:
    # One event each ten seconds: r = 0.1, F = 1, u = 0.1258. Statistics 6.6, 10.0, 13.5, 17.3.
    stream = Stream()
    stream.learn({0: 1}, 10)
    assert grade_after(stream, 1, count) == grade


def test_the_usual_rate_goes_on_being_learned_after_the_warm_up() -> None:
    stream = Stream()
    stream.learn({0: 1}, 20)
    stream.learn({0: 1}, 10)
    [evidence] = stream.pass_second(20)
    assert evidence.normal == pytest.approx(90 / 1200)


def test_the_seconds_of_a_surge_are_not_learned() -> None:
    stream = Stream()
    stream.learn({0: 1}, 10)
    for _ in range(30):
        [evidence] = stream.pass_second(5)
        assert evidence.normal == pytest.approx(0.1)


def test_a_surge_is_told_in_words_with_the_value_of_half_a_minute() -> None:
    stream = Stream()
    stream.learn({0: 1}, 10)
    for _ in range(29):
        stream.pass_second(2)
    [evidence] = stream.pass_second(2)
    # 30 seconds with two events of 1,000 USD; the 31st from the end, one event of 1,000 USD, no longer counts
    assert (
        evidence.said == f"liquidations {evidence.value / 0.1:.0f}x normal ({evidence.value:.1f}/s, 60,000 USD in 30 s)"
    )
    assert evidence.value == pytest.approx(2.0)
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
    assert evidence.normal == pytest.approx(110 / 720)


def test_a_burst_of_more_than_five_seconds_is_not_learned() -> None:
    stream = Stream()
    stream.learn({0: 1}, 10)
    for count in (*[10] * 6, *[0] * 114):
        stream.pass_second(count)
    [evidence] = stream.pass_second(200)
    assert evidence.normal is not None
    assert evidence.normal < 0.1


def test_a_second_of_a_burst_is_learned_as_at_most_fifty_events() -> None:
    stream = Stream()
    stream.learn({0: 1}, 10)
    for count in (200, *[0] * 119):
        stream.pass_second(count)
    [evidence] = stream.pass_second(500)
    assert evidence.normal == pytest.approx((60 + 50) / 720)


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
    assert lone.coverage.trust == {(SOURCE, "BTC"): 1.0}


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


@pytest.mark.parametrize(("rate_floor", "is_learned"), [(1.2686e-6, True), (1.2481e-6, False)])
def test_a_suspicion_of_120_seconds_may_be_a_burst_and_one_of_121_is_not(
    rate_floor: float, *, is_learned: bool
) -> None:
    # One event on a silent stream is suspected while ln(1 / B) - 1 + B >= 3.5, so while B <= 0.0112345. With these floors u is
    # 9.323e-5 and 9.2465e-5: B reaches that after 120.5 and after 121.5 seconds.
    stream = Stream(rate_floor)
    stream.learn({})
    for count in (1, *[0] * 139):
        stream.pass_second(count)
    [evidence] = stream.pass_second(200)
    assert evidence.normal == (pytest.approx(1 / 740) if is_learned else round(rate_floor, 9))


@pytest.mark.parametrize(("counts", "trust"), [([1, *[0] * 9], 0.9), ([10], 1.0), ([1], 1 / 3)])
def test_a_throttled_feed_is_trusted_by_the_share_that_it_can_have_shown(counts: list[int], trust: float) -> None:
    # One busy second of ten: 0.1 reported, 0.1 / 0.9 estimated. All seconds busy: three a second are estimated, no less.
    lone = LoneProducer("liquidation_surge")
    lone.coverage.by_name[SOURCE] = SourceCoverage(SOURCE, gap_s=1e6, last_s=moment(0).timestamp())
    for second, count in enumerate(counts):
        for _ in range(count):
            lone.send(SignalKind.LIQUIDATION, second, 1.0, BTC, {"censoring": "latest_per_second"}, SOURCE)
        lone.complete(second + 1)
    assert lone.coverage.trust[SOURCE, "BTC"] == pytest.approx(trust)


def test_a_surge_that_clipped_counts_show_best_begins_where_their_window_begins() -> None:
    # Raw counts weigh most from the small burst four seconds earlier on (7.8 against 7.3 nats), clipped ones from the surge on
    # (13.7 against 12.6).
    stream = Stream()
    stream.learn(PAIRS_AND_A_BURST)
    for count in (4, 0, 0, 0, 2, 2, 2, 2, 2):
        stream.pass_second(count)
    [evidence] = stream.lone.evidence
    assert evidence.onset == moment(LEARNED_S + 4)
