"""Tests of the whole correlator on evidence that a test pins: critical storms, late amendments, discards after our own outage."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.correlator import Correlator
from monitor.correlator.settings import CorrelatorSettings
from monitor.incidents import LEGS, ChangeKind, Fault, IncidentChange, IncidentState, Leg, Level
from monitor.signals import Scalar, Signal, SignalKind, Subject
from tests.monitor.correlator.storm import at
from tests.monitor.correlator.test_parts import evidence

S = CorrelatorSettings(networks={"home": "north", "away": "south"})


class Pinned:
    """A correlator with full coverage of BTC from two vantages; a test pins findings, and they do not fade."""

    def __init__(self, settings: CorrelatorSettings = S) -> None:
        self.correlator = Correlator(settings)
        self.changes: list[IncidentChange] = []
        self._seq = 0
        for leg, source in zip(LEGS, ("a/liquidation", "a/book_ws", "n/chain"), strict=True):
            venue = "a" if source.startswith("a/") else None
            self.send(SignalKind.EXPECT, 0, Subject(asset="BTC", venue=venue), source, 1e6, leg=leg.value, weight=1.0)
        for vantage in ("home", "away"):
            self.ask("a", 0, "ok", vantage)

    def send(
        self, kind: SignalKind, second: float, subject: Subject, source: str, value: float, **attributes: Scalar
    ) -> None:
        self._seq += 1
        signal = Signal(kind, subject, at(second), at(second), source, self._seq, value, attributes)
        self.changes += self.correlator.on_signal(signal)

    def ask(self, venue: str, second: float, outcome: str, vantage: str = "home") -> None:
        subject = Subject(venue=venue, vantage=vantage)
        self.send(SignalKind.REQUEST, second, subject, f"{venue}/time", 0.1, outcome=outcome, check="time", ours=False)

    def tick(self, second: float, asset: str | None = None) -> None:
        self.send(SignalKind.TICK, second, Subject(asset=asset), "clock", 0.0)

    def until(self, second: int) -> list[IncidentChange]:
        """Judge every second that ends by then; return the changes of BTC."""
        before = len(self.changes)
        self.tick(second + 3.0)  # the lateness
        return [one for one in self.changes[before:] if one.scope == "asset:BTC"]

    def pin(self, leg: Leg, weight: float, grade: int, second: float = 0, name: str = "f") -> None:
        one = replace(evidence(f"{name}:{leg}", weight, second, leg), grade=grade, half_life_s=1e12)
        self.correlator._evidence.put(one)

    def pin_all(self, *weights: float, grade: int = 3) -> None:
        for leg, weight in zip(LEGS, weights, strict=True):
            self.pin(leg, weight, grade)


def test_a_storm_of_three_grave_legs_becomes_critical_only_above_the_probability_bound() -> None:
    pinned = Pinned()
    pinned.pin_all(3, 3, 3)  # p_lo 0.956
    [opened] = pinned.until(10)
    assert (opened.kind, opened.level, opened.critical) == (ChangeKind.OPENED, Level.PERFECT_STORM, False)
    assert opened.verdict is not None
    assert opened.verdict.p_lo == pytest.approx(0.956, abs=0.002)
    pinned.pin(Leg.LIQUIDATION, 4, 3)  # p_lo 0.983
    [updated] = pinned.until(20)
    assert (updated.kind, updated.level, updated.critical) == (ChangeKind.UPDATED, Level.PERFECT_STORM, True)
    assert updated.at == at(12)
    assert updated.verdict is not None
    assert updated.verdict.p_lo == pytest.approx(0.983, abs=0.002)


def test_a_storm_that_begins_with_evidence_of_the_highest_grade_is_critical_at_once() -> None:
    pinned = Pinned()
    pinned.until(9)
    pinned.pin_all(4, 3, 3, grade=4)
    [opened] = pinned.until(20)
    assert (opened.at, opened.critical, opened.pages) == (at(10), True, True)
    assert pinned.correlator.open_incidents() == [opened]


def test_a_storm_at_the_bound_of_critical_stays_critical_until_a_lower_one() -> None:
    pinned = Pinned()
    pinned.pin_all(4, 3, 3)  # p_lo 0.983
    [opened] = pinned.until(10)
    assert opened.critical
    pinned.correlator._evidence.withdraw("f:liquidation")
    pinned.pin(Leg.LIQUIDATION, 3, 3)  # p_lo 0.956, which would not make it critical
    assert pinned.until(20) == []
    pinned.correlator._evidence.withdraw("f:liquidation")
    pinned.pin(Leg.LIQUIDATION, 2, 3)  # p_lo 0.75
    [less] = pinned.until(30)
    assert (less.kind, less.level, less.critical) == (ChangeKind.UPDATED, Level.PERFECT_STORM, False)


def test_a_storm_is_critical_exactly_at_the_threshold() -> None:
    pinned = Pinned()
    pinned.pin_all(3, 3, 3)
    [opened] = pinned.until(10)
    assert opened.verdict is not None
    for bound, critical in ((opened.verdict.p_lo, True), (opened.verdict.p_lo + 1e-9, False)):
        again = Pinned(replace(S, critical_p=bound))
        again.pin_all(3, 3, 3)
        assert again.until(10)[0].critical is critical


def test_an_incident_below_perfect_storm_is_never_critical() -> None:
    pinned = Pinned(replace(S, storm_p=1.0))
    pinned.pin_all(4, 4, 4)
    [opened] = pinned.until(10)
    assert (opened.level, opened.critical) == (Level.SQUALL, False)


def test_a_storm_is_reported_after_two_seconds() -> None:
    pinned = Pinned()
    pinned.until(9)
    pinned.pin_all(3, 3, 3)
    assert pinned.until(10) == []
    [opened] = pinned.until(11)
    assert opened.at == at(11)


@pytest.mark.parametrize(("asset", "kind", "second"), [
    (None, ChangeKind.AMENDED, 11), ("BTC", ChangeKind.AMENDED, 11), ("ETH", ChangeKind.UPDATED, 12),
])  # fmt: skip
def test_a_late_signal_of_the_asset_or_of_no_asset_amends_at_once(
    asset: str | None, kind: ChangeKind, second: int
) -> None:
    pinned = Pinned()
    pinned.pin_all(3, 3, 3)
    pinned.until(10)
    pinned.pin(Leg.LIQUIDATION, 4, 3)
    pinned.tick(5.0, asset)
    assert pinned.correlator.late == 1
    changes = pinned.until(15)
    assert [(one.kind, one.at, one.revision) for one in changes] == [(kind, at(second), 2)]


def test_venue_evidence_of_the_half_minute_before_our_own_outage_is_discarded() -> None:
    pinned = Pinned()
    pinned.until(90)
    for second in (71, 72, 95):
        pinned.pin(Leg.VENUE, 3, 3, second, f"s{second}")
        pinned.pin(Leg.MIGRATION, 3, 3, second, f"s{second}")
    for moment in (100.5, 101.5):
        for venue in "abc":
            pinned.ask(venue, moment, "timeout")
    pinned.until(102)
    [local] = [one for one in pinned.changes if one.scope == "vantage:home"]
    assert (local.fault, local.at) == (Fault.LOCAL, at(102))
    left = [one.id for one in pinned.correlator._evidence.everything()]
    assert left == ["s71:migration", "s71:venue", "s72:migration", "s95:migration"]


def test_our_own_outage_is_an_open_incident_until_requests_succeed_again() -> None:
    pinned = Pinned()
    for second in (1.5, 2.5):
        for venue in "abc":
            pinned.ask(venue, second, "timeout")
    pinned.until(10)
    assert [one.scope for one in pinned.correlator.open_incidents()] == ["vantage:home"]
    for second in (20.5, 60.5):
        for venue in "abc":
            pinned.ask(venue, second, "ok")
    pinned.until(70)
    assert pinned.correlator.open_incidents() == []
    assert [one.state for one in pinned.changes if one.scope == "vantage:home"] == [
        IncidentState.OPEN, IncidentState.ENDED,
    ]  # fmt: skip


def test_every_reported_change_and_every_idle_source_changes_the_digest() -> None:
    quiet, reporting, idle = Pinned(), Pinned(), Pinned()
    reporting.pin_all(3, 3, 3)
    for one in (quiet, reporting, idle):
        if one is idle:
            one.send(SignalKind.EXPECT, 0, Subject(asset="BTC", venue="a"), "a/trades", 1.0, leg="venue", weight=0.0)
        one.until(20)
    assert len({one.correlator.digest() for one in (quiet, reporting, idle)}) == 3
    assert len(quiet.correlator.digest()) == 64


def test_evidence_retracted_by_a_reorg_amends_only_its_own_asset() -> None:
    pinned = Pinned()
    pinned.pin_all(3, 3, 3)
    pinned.until(10)
    pinned.correlator._evidence.withdraw("f:migration", retracted=True)
    [amended] = pinned.until(11)
    assert (amended.kind, amended.level, amended.peak) == (ChangeKind.AMENDED, Level.SQUALL, Level.PERFECT_STORM)
    assert pinned.correlator._evidence.retracted == []


def test_every_second_is_judged_and_the_last_verdict_is_given() -> None:
    pinned = Pinned()
    pinned.until(10)
    assert pinned.correlator.verdicts()["BTC"].at == at(10)
    pinned.correlator.finish()
    assert pinned.correlator.verdicts()["BTC"].at == at(14)


def test_a_second_blind_stress_of_one_incident_is_reported_but_does_not_page_again() -> None:
    pinned = Pinned()
    pinned.pin(Leg.VENUE, 3, 3)
    dark = (("a/liquidation", "a"), ("n/chain", None))
    changes = []
    for second, kind in ((1, SignalKind.FEED_CLOSED), (20, SignalKind.FEED_PULSE), (40, SignalKind.FEED_CLOSED)):
        for source, venue in dark:
            pinned.send(kind, second, Subject(venue=venue), source, 1.0, planned=False)
        changes += pinned.until(second + 10)
    assert [(one.kind, one.pages) for one in changes] == [
        (ChangeKind.OPENED, True), (ChangeKind.UPDATED, False), (ChangeKind.UPDATED, False),
    ]  # fmt: skip
    assert ["cannot see: liquidation, migration" in one.headline for one in changes] == [True, False, True]


def test_faded_evidence_leaves_the_board_in_the_second_in_which_it_faded() -> None:
    pinned = Pinned()
    pinned.correlator._evidence.put(replace(evidence("x", 0.1), half_life_s=10.0))
    pinned.until(10)
    assert [one.id for one in pinned.correlator._evidence.everything()] == ["x"]
    pinned.until(11)
    assert list(pinned.correlator._evidence.everything()) == []


def test_a_shared_fact_opens_the_venues_incident_and_a_late_signal_without_an_asset_amends_it() -> None:
    pinned = Pinned()
    fact = replace(
        evidence("f", 3.0, leg=Leg.VENUE), subject=Subject(venue="a"), grade=3, half_life_s=1e12, shared=True
    )
    pinned.correlator._evidence.put(fact)
    pinned.until(10)
    [opened] = pinned.changes
    assert (opened.scope, opened.kind, opened.fault) == ("venue:a", ChangeKind.OPENED, Fault.VENUE)
    for second in (8.1, 8.2):  # late: the path from home is down, the path from away is not
        pinned.ask("a", second, "timeout", "home")
    pinned.until(12)
    [amended] = pinned.changes[1:]
    assert (amended.scope, amended.kind, amended.fault) == ("venue:a", ChangeKind.AMENDED, Fault.PATH)
    assert amended.at == at(11)


def test_an_incident_begins_with_the_earliest_onset_of_all_its_legs() -> None:
    pinned = Pinned()
    pinned.until(8)
    for leg, second in zip(LEGS, (5, 3, 7), strict=True):
        pinned.pin(leg, 3, 3, second)
    assert [one.opened_at for one in pinned.until(12)] == [at(3)]


def test_an_incident_does_not_begin_with_weak_evidence_of_a_leg_that_is_calm() -> None:
    pinned = Pinned()
    pinned.until(8)
    pinned.pin(Leg.MIGRATION, 0.6, 1, 2)
    pinned.pin(Leg.LIQUIDATION, 3, 3, 5)
    assert [one.opened_at for one in pinned.until(12)] == [at(5)]


def test_a_finding_made_during_our_own_outage_does_not_open_a_venues_incident() -> None:
    pinned = Pinned()
    pinned.until(90)
    for moment in (100.5, 101.5):
        for venue in "abc":
            pinned.ask(venue, moment, "timeout")
    pinned.until(101)
    fact = replace(
        evidence("f", 3.0, 95, Leg.VENUE), subject=Subject(venue="a"), grade=3, half_life_s=1e12, shared=True
    )
    pinned.correlator._evidence.put(fact)
    pinned.until(102)
    for moment in (110.5, 150.5):
        for venue in "abc":
            pinned.ask(venue, moment, "ok")
    pinned.until(160)
    assert {one.scope for one in pinned.changes} == {"vantage:home"}
