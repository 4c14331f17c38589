"""Tests of sources that several vantages watch: the facts of one count, and another takes over when it sees no more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import msgspec
import pytest

from monitor.correlator import Correlator
from monitor.correlator.carriers import MAX_EVENTS, MAX_VOICES, Carriers
from monitor.correlator.coverage import MAX_CLAIMS
from monitor.incidents import Leg, Level
from monitor.signals import Scalar, Signal, SignalKind, Subject
from monitor.signals.kinds import ORDERED_AT
from tests.monitor.correlator.storm import DRILL, Outcome, Story, at, run_log

FEED = "okx/liquidation"


def heard(
    vantage: str | None, second: float, kind: SignalKind = SignalKind.LIQUIDATION, source: str = FEED, **of: Scalar
) -> Signal:
    subject = Subject(asset="BTC", venue="okx", instrument="BTC-PERP", vantage=vantage)
    return Signal(kind, subject, at(second), at(second), source, int(second * 10), 5.0, of)


class Heard:
    """What counts of signals, as "vantage second"."""

    def __init__(self) -> None:
        self.carriers = Carriers()

    def take(self, *signals: Signal) -> list[str]:
        counted: list[Signal] = []
        for one in signals:
            counted += self.carriers.admit(one, one.received_at.timestamp())
        return [f"{one.subject.vantage} {(one.received_at - at(0)).total_seconds():g}" for one in counted]


def test_the_facts_of_the_first_vantage_count_and_what_is_about_the_way_counts_from_each() -> None:
    one = Heard()
    assert one.take(heard("eu", 1), heard("us", 1.1), heard("eu", 2), heard(None, 2.1)) == ["eu 1", "eu 2"]
    for kind in (SignalKind.REQUEST, SignalKind.CONTROL, SignalKind.TICK, SignalKind.LOOP_LAG, SignalKind.EXPECT):
        assert one.take(heard("us", 3, kind), heard("eu", 3.1, kind)) == ["us 3", "eu 3.1"]


@pytest.mark.parametrize("kind", [SignalKind.FEED_CLOSED, SignalKind.FEED_SILENT, SignalKind.FEED_REJECTED])
def test_another_takes_over_from_a_feed_that_is_blind_with_what_it_saw_since(kind: SignalKind) -> None:
    one = Heard()
    one.take(heard("eu", 1), heard("us", 1.1), heard("eu", 2), heard("us", 3), heard("us", 3.1))
    assert one.take(heard("eu", 4, kind)) == ["eu 4"]
    assert one.take(heard("us", 4.5)) == ["us 3.1", "us 4.5"]  # those before may be the same as the other's
    assert one.take(heard("eu", 5), heard("us", 6)) == ["us 6"]  # it stays with who sees


def test_what_was_held_back_counts_in_its_own_second() -> None:
    one = Heard()
    one.take(heard("eu", 1), heard("us", 3.5), heard("eu", 4, SignalKind.FEED_CLOSED))
    first, second = one.carriers.admit(heard("us", 9.5), at(9.5).timestamp())
    assert first.attributes[ORDERED_AT] == at(9).timestamp()
    assert (first.event_time, ORDERED_AT in second.attributes) == (at(3.5), False)


def test_a_planned_close_and_the_blindness_of_another_change_nothing() -> None:
    one = Heard()
    one.take(heard("eu", 1), heard("us", 1.1))
    assert one.take(heard("us", 2, SignalKind.FEED_CLOSED)) == []
    assert one.take(heard("eu", 2, SignalKind.FEED_CLOSED, planned=True), heard("us", 2.5)) == ["eu 2"]


def test_another_takes_over_when_nothing_came_for_longer_than_the_gap() -> None:
    one = Heard()
    one.take(heard("eu", 0, SignalKind.EXPECT), heard("eu", 1), heard("us", 1.1))  # its gap is 5 s
    assert one.take(heard("us", 6), heard("us", 6.1)) == ["us 6", "us 6.1"]


def test_another_takes_over_when_the_clock_of_the_first_stands_still() -> None:
    one = Heard()
    one.take(heard("eu", 1), heard("us", 1.1), heard("eu", 2, SignalKind.TICK, "clock"))
    assert one.take(heard("us", 6.9), heard("us", 7)) == []
    assert one.take(heard("us", 7.1)) == ["us 6.9", "us 7", "us 7.1"]


def test_a_check_that_fails_from_one_vantage_is_carried_by_another_that_is_answered() -> None:
    wallet, check = SignalKind.WALLET, "okx/wallet_status"
    one = Heard()
    one.take(heard("eu", 1, wallet, check), heard("us", 1.1, wallet, check))
    one.take(heard("eu", 2, SignalKind.REQUEST, check, outcome="budget", ours=True))
    assert one.take(heard("us", 2.1, wallet, check)) == []
    one.take(heard("eu", 3, SignalKind.REQUEST, check, outcome="timeout", ours=False))
    assert one.take(heard("us", 3.1, wallet, check)) == ["us 3.1"]
    one.take(heard("us", 4, SignalKind.REQUEST, check, outcome="timeout"))
    assert one.take(heard("eu", 4.1, wallet, check)) == ["eu 4.1"]


def test_who_takes_over_tells_its_claims_again() -> None:
    claim = SignalKind.CLAIM
    one = Heard()
    one.take(heard("eu", 1), heard("us", 1.1, claim, channel="a"), heard("us", 1.2, claim, channel="a"))
    one.take(heard("us", 1.3, claim, channel="b"), heard("eu", 2, SignalKind.FEED_SILENT))
    assert one.take(heard("us", 3, claim, channel="c")) == []  # no sign that anything comes
    assert one.take(heard("us", 4, SignalKind.FEED_PULSE)) == ["us 1.2", "us 1.3", "us 3", "us 4"]


def test_an_event_of_a_chain_counts_once_from_whichever_tells_of_it_first() -> None:
    one = Heard()
    upgrade, chain = SignalKind.UPGRADE, "ethereum/chain"
    assert one.take(heard("eu", 1, SignalKind.HEAD, chain)) == ["eu 1"]
    reported = [heard(vantage, 2, upgrade, chain, event_id="e1") for vantage in ("us", "eu", "us")]
    assert one.take(*reported) == ["us 2", "us 2"]
    assert one.take(heard("eu", 3, SignalKind.RETRACTION, chain, retracts="e1")) == ["eu 3"]
    assert one.take(heard("us", 3, SignalKind.RETRACTION, chain, retracts="e1")) == []
    checked = [heard(None, 4, SignalKind.SOURCE_CHECKED, chain, upgrade="e1", by=by) for by in ("a", "b")]
    assert one.take(*checked) == ["None 4", "None 4"]
    assert one.take(heard("us", 5, upgrade, chain), heard("eu", 6, upgrade, chain)) == ["us 5", "eu 6"]


def test_all_that_is_remembered_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.correlator.carriers.MAX_EVENTS", 2)
    monkeypatch.setattr("monitor.correlator.carriers.MAX_CLAIMS", 1)
    assert (MAX_EVENTS, MAX_CLAIMS) == (20_000, 4096)
    one = Heard()
    for number in range(3):
        one.take(heard("eu", 1, SignalKind.UPGRADE, event_id=str(number)))
    assert one.take(heard("us", 2, SignalKind.UPGRADE, event_id="0")) == ["us 2"]  # forgotten
    for number in range(MAX_VOICES + 1):
        one.take(heard(f"v{number}", 3))
    assert one.take(heard("one more", 100)) == []
    assert one.take(heard("one more", 100, SignalKind.REQUEST)) == ["one more 100"]
    one.take(
        heard("v0", 101),
        heard("v1", 101, SignalKind.CLAIM, channel="a"),
        heard("v1", 101, SignalKind.CLAIM, channel="b"),
    )
    assert one.take(heard("v1", 170)) == ["v1 101", "v1 3", "v1 170"][::2]


def from_each(signals: Iterable[Signal], vantages: tuple[str, ...]) -> list[Signal]:
    """The signals of a story as each of several agents would tell them: the same feeds, its own requests and clock."""
    return [
        msgspec.structs.replace(one, subject=msgspec.structs.replace(one.subject, vantage=vantage))
        for one in signals
        for vantage in (vantages if one.subject.vantage is None else (one.subject.vantage,))
    ]


def test_two_vantages_that_see_the_same_liquidations_count_them_once_and_keep_the_storm_when_one_is_lost() -> None:
    story = Story(100, vantages=("home", "away")).surge(40, 100).trouble(40, 100, "alpha", "beta").upgrade(55)
    log = story.signals()
    alone = run_log(from_each(log, ("home",)), DRILL)
    both = from_each(log, ("home", "away"))
    storm = run_log(both, DRILL)
    lost = run_log([one for one in both if one.subject.vantage == "away" or one.received_at < at(70)], DRILL)

    assert evidence(storm) == evidence(alone)
    assert lost.verdicts[95].level is storm.verdicts[95].level is Level.PERFECT_STORM
    levels = [one.level for one in lost.of() if lost.when(one) > 60]
    assert not levels or min(levels) is Level.PERFECT_STORM


def evidence(outcome: Outcome) -> list[float]:
    """What the liquidations weigh by second."""
    legs = [leg for _, one in sorted(outcome.verdicts.items()) for leg in one.legs]
    return [leg.evidence for leg in legs if leg.leg is Leg.LIQUIDATION]


def test_a_vantage_that_is_away_no_longer_lifts_the_coverage() -> None:
    log = from_each(Story(60, vantages=("home", "away")).signals(), ("home", "away"))
    lost = [one for one in log if one.subject.vantage == "home" or one.received_at < at(40)]
    outcome = run_log(lost, replace(DRILL, networks={"home": "north", "away": "south"}))
    coverage = {second: outcome.verdicts[second].legs[1].coverage for second in (30, 55)}
    assert coverage[30] > 0.6 >= coverage[55]


def test_frozen_in_the_midst_of_a_handover_it_goes_on_as_if_nothing_had_been() -> None:
    log = from_each(Story(60, vantages=("home", "away")).surge(20, 60).signals(), ("home", "away"))
    log = [one for one in log if one.subject.vantage == "home" or one.received_at < at(40)]
    whole = run_log(log, DRILL)
    correlator = Correlator(DRILL)
    for number, signal in enumerate(log):
        if number % 400 == 0:
            correlator = Correlator.thaw(correlator.freeze())
        correlator.on_signal(signal)
    correlator.finish()
    assert correlator.digest() == whole.correlator.digest()
