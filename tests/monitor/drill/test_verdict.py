"""A drill's verdict compares the recorded changes with the expectation of the scenario, and gives the reasons."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from rich.console import Console

from monitor.drill.scenario import Expect, Scenario
from monitor.drill.verdict import DrillVerdict, TimedChange, flagged, judge
from monitor.drill.view import closing
from monitor.incidents import ChangeKind, Evidence, Fault, IncidentChange, IncidentState, Leg, Level
from monitor.signals import Subject

T0 = datetime(2026, 11, 1, tzinfo=UTC)


def scenario(level: str = "perfect-storm", *, at_most: bool = False, fault: str = "") -> Scenario:
    expect = Expect(level=level, at_most=at_most, fault=fault, third_leg_at_s=20, within_s=30)
    return Scenario(name="x", title="x", length_s=60, seed=1, asset="RIFT", price=1, expect=expect)


def timed(at_s: float, level: Level, scope: str = "asset:RIFT", fault: Fault = Fault.NONE) -> TimedChange:
    at = T0 + timedelta(seconds=at_s)
    change = IncidentChange(
        incident_id="i", scope=scope, kind=ChangeKind.RAISED, state=IncidentState.OPEN, at=at, opened_at=at, revision=1,
        level=level, peak=level, critical=False, pages=False, fault=fault, headline="h", verdict=None, evidence=(),
        counter_evidence=(), blind=(), rejected_causes=(), far_per_day=0.0, runbook="r", replay_id="i:1",
    )  # fmt: skip
    return TimedChange(at, change)


def with_evidence(at_s: float, name: str) -> TimedChange:
    """A watch of the asset with one piece of evidence."""
    found = Evidence(
        id=f"{name}:RIFT:bybit", leg=Leg.VENUE, name=name, subject=Subject(asset="RIFT", venue="bybit"), grade=3, weight=3.0,
        half_life_s=60.0, onset=T0, at=T0, value=0.0, normal=1.0, unit="level", far_per_day=0.1, said="said",
    )  # fmt: skip
    one = timed(at_s, Level.WATCH)
    return replace(one, change=replace(one.change, evidence=(found,)))


def test_a_storm_flagged_in_time_holds() -> None:
    judged = judge(scenario(), [timed(10, Level.WATCH), timed(41, Level.PERFECT_STORM)], T0)
    assert (judged.why, judged.flagged_after_s, judged.highest) == ((), 21.0, Level.PERFECT_STORM)


def test_a_storm_flagged_late_does_not_hold() -> None:
    assert "after 31.0 s" in judge(scenario(), [timed(51, Level.PERFECT_STORM)], T0).why[0]


def test_a_storm_never_flagged_does_not_hold() -> None:
    assert "never flagged; the highest was squall" in judge(scenario(), [timed(41, Level.SQUALL)], T0).why[0]


def test_a_change_before_the_start_of_the_scenario_does_not_count() -> None:
    assert judge(scenario("calm", at_most=True), [timed(-5, Level.SQUALL)], T0).why == ()


@pytest.mark.parametrize(("level", "held"), [(Level.WATCH, True), (Level.SQUALL, False)])
def test_at_most_is_an_upper_limit(level: Level, held: bool) -> None:
    assert (judge(scenario("watch", at_most=True), [timed(5, level)], T0).why == ()) == held


def test_an_incident_of_the_vantage_is_not_one_of_the_asset() -> None:
    assert judge(scenario("calm", at_most=True), [timed(5, Level.WATCH, scope="vantage:drill")], T0).why == ()


@pytest.mark.parametrize(("fault", "held"), [(Fault.LOCAL, True), (Fault.VENUE, False)])
def test_the_fault_must_be_named(fault: Fault, held: bool) -> None:
    expected = scenario("watch", at_most=True, fault="local")
    assert (judge(expected, [timed(5, Level.WATCH, "vantage:drill", fault)], T0).why == ()) == held


@pytest.mark.parametrize(("fault", "held"), [(Fault.MARKET, False), (Fault.PROVIDER, True)])
def test_a_fault_that_it_is_not_may_not_be_named(fault: Fault, held: bool) -> None:
    expected = replace(scenario(), expect=Expect(level="watch", at_most=True, never_fault=("market",)))
    assert (judge(expected, [timed(5, Level.WATCH, "venue:okx", fault)], T0).why == ()) == held


@pytest.mark.parametrize(
    ("at_s", "kind", "held"),
    [(39, ChangeKind.ENDED, False), (41, ChangeKind.ENDED, True), (39, ChangeKind.ENDED_UNKNOWN, True)],
)
def test_what_goes_on_may_not_be_told_as_over(at_s: float, kind: ChangeKind, held: bool) -> None:
    expected = replace(scenario(), expect=Expect(level="watch", at_most=True, open_until_s=40))
    one = timed(at_s, Level.WATCH, "venue:okx")
    changes = [timed(5, Level.WATCH, "venue:okx"), replace(one, change=replace(one.change, kind=kind))]
    assert (judge(expected, changes, T0).why == ()) == held


@pytest.mark.parametrize(("never", "held"), [(("wallet_silence",), True), (("withdrawals",), False)])
def test_what_must_not_be_found_may_stand_in_no_change(never: tuple[str, ...], held: bool) -> None:
    expected = replace(scenario(), expect=Expect(level="watch", at_most=True, never_found=never))
    assert (judge(expected, [with_evidence(5, "withdrawals")], T0).why == ()) == held


@pytest.mark.parametrize(("first_s", "held"), [(19, True), (21, False), (None, False)])
def test_something_must_be_told_before_the_first_public_word(first_s: float | None, held: bool) -> None:
    expected = replace(scenario(), expect=Expect(level="watch", at_most=True, flagged_by_s=20))
    changes = [] if first_s is None else [timed(first_s, Level.WATCH, "venue:okx")]
    assert (judge(expected, changes, T0).why == ()) == held


def test_changes_are_shown_in_seconds_of_the_scenario() -> None:
    (line,) = flagged([timed(41.26, Level.SQUALL)], T0)
    assert (line.at_s, line.level, line.scope) == (41.3, "squall", "asset:RIFT")


@pytest.mark.parametrize(("after_s", "words"), [(21.04, "21.0 s after the third"), (-4.3, "4.3 s before the third")])
def test_the_screen_shows_before_or_after_and_never_a_negative_time(after_s: float, words: str) -> None:
    verdict = DrillVerdict(
        scenario="x", held=True, why=(), expected="perfect-storm", highest="perfect-storm", flagged_after_s=after_s,
        within_s=30, changes=(), webhooks=0, webhooks_signed=0, signals=0, digest="d", replay_digest="d", recording="r",
        snapshot=None, incident_id=None, store_rows=0, rss_mb=1.0,
    )  # fmt: skip
    shown = Console(file=StringIO(), width=120)
    with shown.capture() as captured:
        shown.print(closing(verdict))
    assert words in captured.get()


@pytest.mark.parametrize("needed", [("withdrawals",), ("withdrawals", "pool_drained")])
def test_each_finding_that_the_scenario_needs_must_stand_in_some_change(needed: tuple[str, ...]) -> None:
    wanted = replace(scenario("watch", at_most=True), expect=Expect(level="watch", at_most=True, findings=needed))
    judged = judge(wanted, [with_evidence(5, "withdrawals")], T0)

    assert judged.why == tuple(f"nothing was found of {name}" for name in needed if name != "withdrawals")


LOST = replace(scenario(), regions=("eu", "us"), expect=replace(scenario().expect, lost="eu"))


def lost_at(at_s: float, until_s: float) -> list[TimedChange]:
    return [timed(at_s, Level.WATCH, "vantage:eu", Fault.LOCAL), timed(until_s, Level.CALM, "vantage:eu", Fault.LOCAL)]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ([timed(30, Level.PERFECT_STORM), *lost_at(40, 50), timed(55, Level.WATCH)], ""),
        ([timed(30, Level.PERFECT_STORM)], "no change named vantage eu"),
        (
            [timed(30, Level.PERFECT_STORM), timed(40, Level.WATCH, "vantage:us", Fault.LOCAL)],
            "no change named vantage eu",
        ),
        ([timed(30, Level.SQUALL), *lost_at(35, 50), timed(40, Level.PERFECT_STORM)], "was not flagged before"),
        ([*lost_at(35, 50), timed(40, Level.PERFECT_STORM)], "was not flagged before"),
        (
            [timed(30, Level.PERFECT_STORM), *lost_at(40, 50), timed(45, Level.SQUALL)],
            "did not hold while vantage eu was lost",
        ),
        ([timed(30, Level.PERFECT_STORM), lost_at(40, 50)[0], timed(45, Level.SQUALL)], "did not hold"),
    ],
)
def test_a_lost_vantage_is_named_and_what_was_flagged_holds(changes: list[TimedChange], why: str) -> None:
    reasons = judge(LOST, sorted(changes, key=lambda one: one.at), T0).why
    assert (reasons == ()) if not why else any(why in one for one in reasons)
