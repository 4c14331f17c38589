"""Tests of whole stories through the correlator: which changes are reported, when, and which are not."""

from __future__ import annotations

import msgspec
import pytest

from monitor.correlator import CorrelatorSettings
from monitor.correlator.fusion import logit
from monitor.correlator.producer import brief
from monitor.incidents import ChangeKind, Fault, IncidentState, Leg, LegState, Level
from monitor.signals import Scalar, Signal, SignalKind, Subject
from tests.monitor.correlator.storm import DRILL, NETWORK, PROXY, START, Outcome, Story, at, run_log

ONSET_S = 400
"""After the live settings' warm-up of 300 s."""


def full_storm(lasts_s: int = 600, third_s: int = ONSET_S + 120, until_s: int = 5000) -> Story:
    """Venue trouble, then a surge a minute later, then the code changes and liquidity leaves."""
    story = Story(lasts_s).trouble(ONSET_S, until_s).surge(ONSET_S + 60, until_s)
    return story.upgrade(third_s).migrate(third_s)


def highest(outcome: Outcome) -> Level:
    return max((one.level for one in outcome.of()), default=Level.CALM)


@pytest.mark.thorough
@pytest.mark.parametrize("censoring", ["complete", "latest_per_second"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_quiet_hour_flags_nothing_above_watch(seed: int, censoring: str) -> None:
    outcome = run_log(Story(3600, seed=seed, censoring=censoring).signals())
    assert highest(outcome) <= Level.WATCH
    assert not any(one.pages for one in outcome.changes)
    assert outcome.verdicts[3600].p_hi < CorrelatorSettings().leave_p_hi


@pytest.mark.parametrize("leg", list(Leg)[:3])
def test_one_leg_is_a_watch(leg: Leg) -> None:
    story = Story(ONSET_S + 120)
    if leg is Leg.LIQUIDATION:
        story.surge(ONSET_S, 9999)
    elif leg is Leg.VENUE:
        story.trouble(ONSET_S, 9999)
    else:
        story.upgrade(ONSET_S).migrate(ONSET_S)
    outcome = run_log(story.signals())
    assert max(one.level for one in outcome.changes) is Level.WATCH
    assert [one.leg for one in outcome.verdicts[ONSET_S + 120].legs if one.state is LegState.TRUE] == [leg]
    assert not any(one.pages for one in outcome.changes)


def test_two_legs_are_a_squall() -> None:
    outcome = run_log(Story(ONSET_S + 120).surge(ONSET_S, 9999).upgrade(ONSET_S + 30).signals())
    assert highest(outcome) is Level.SQUALL
    assert not any(one.pages for one in outcome.changes)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.slow
def test_three_legs_are_a_perfect_storm_within_sixty_seconds_of_the_third_legs_onset(seed: int) -> None:
    story = full_storm()
    story.seed = seed
    outcome = run_log(story.signals())
    storm = next(one for one in outcome.of() if one.level is Level.PERFECT_STORM)
    assert 0 < outcome.when(storm) - (ONSET_S + 120) <= 60
    assert storm.pages
    assert storm.evidence[0].leg is Leg.VENUE
    assert storm.verdict is not None
    onsets = {one.leg: one.onset for one in storm.verdict.legs}
    for leg, onset_s in ((Leg.VENUE, ONSET_S), (Leg.LIQUIDATION, ONSET_S + 60), (Leg.MIGRATION, ONSET_S + 120)):
        onset = onsets[leg]
        assert onset is not None
        assert abs((onset - START).total_seconds() - onset_s) <= 5


@pytest.mark.parametrize("order", ["venue_last", "surge_last"])
@pytest.mark.slow
def test_the_third_leg_may_be_any(order: str) -> None:
    story = Story(600).upgrade(ONSET_S).migrate(ONSET_S)
    if order == "venue_last":
        story.surge(ONSET_S, 9999).trouble(ONSET_S + 60, 9999)
    else:
        story.trouble(ONSET_S, 9999).surge(ONSET_S + 60, 9999)
    outcome = run_log(story.signals())
    storm = next(one for one in outcome.of() if one.level is Level.PERFECT_STORM)
    assert 0 < outcome.when(storm) - (ONSET_S + 60) <= 60


def test_a_storm_ends_after_enough_calm() -> None:
    outcome = run_log(Story(300).trouble(30, 75).surge(40, 75).upgrade(50).migrate(50).signals(), DRILL)
    ended = outcome.of()[-1]
    assert (ended.kind, ended.state) == (ChangeKind.ENDED, IncidentState.ENDED)
    calm = [second for second, verdict in outcome.verdicts.items() if verdict.level is Level.CALM and second > 75]
    assert outcome.when(ended) == pytest.approx(min(calm) + DRILL.leave_after_s, abs=1)
    assert not outcome.correlator.open_incidents()


def test_every_target_down_with_the_controls_is_local_and_no_storm() -> None:
    story = Story(ONSET_S + 300).network_down(ONSET_S, ONSET_S + 60)
    outcome = run_log(story.signals())
    local = next(one for one in outcome.changes if one.scope == "vantage:home")
    assert local.fault is Fault.LOCAL
    assert outcome.when(local) <= ONSET_S + 10
    assert not outcome.of()
    dark = outcome.verdicts[ONSET_S + 30]
    assert dark.fault is Fault.LOCAL
    assert {one.state for one in dark.legs} == {LegState.UNKNOWN}
    assert [one.kind for one in outcome.changes] == [ChangeKind.OPENED, ChangeKind.ENDED]


def test_every_venue_down_with_good_controls_is_the_market() -> None:
    outcome = run_log(Story(ONSET_S + 60).trouble(ONSET_S, 9999).signals())
    assert outcome.verdicts[ONSET_S + 60].fault is Fault.MARKET
    assert {one.scope: one.fault for one in outcome.changes} == {
        f"venue:{one}": Fault.MARKET for one in Story(1).venues
    }
    assert not any(one.scope.startswith("vantage:") for one in outcome.changes)


def test_an_outage_of_one_venue_is_no_storm() -> None:
    outcome = run_log(Story(ONSET_S + 120).trouble(ONSET_S, 9999, "alpha").signals())
    assert highest(outcome) <= Level.WATCH
    assert outcome.verdicts[ONSET_S + 120].fault in (Fault.VENUE, Fault.NONE)


def test_a_venue_that_another_vantage_reaches_is_a_fault_of_the_path() -> None:
    story = Story(ONSET_S + 60, vantages=("home", "away")).trouble(ONSET_S, 9999, "alpha", "beta")
    log = [
        msgspec.structs.replace(one, attributes={**one.attributes, "outcome": "ok", "censored": False}, value=0.05)
        if one.kind is SignalKind.REQUEST and one.subject.vantage == "away"
        else one
        for one in story.signals()
    ]
    outcome = run_log(log)
    assert outcome.verdicts[ONSET_S + 60].fault is Fault.PATH
    assert {one.scope: one.fault for one in outcome.changes} == {"venue:alpha": Fault.PATH, "venue:beta": Fault.PATH}
    assert "the path there" in outcome.changes[-1].headline
    assert any("fails from home alone; away reached it" in one for one in outcome.changes[-1].counter_evidence)


def test_a_reorg_retracts_the_evidence_and_amends_the_incident() -> None:
    story = Story(ONSET_S + 200).surge(ONSET_S, 9999).upgrade(ONSET_S + 30).retract(ONSET_S + 60)
    outcome = run_log(story.signals())
    amended = next(one for one in outcome.of() if one.kind is ChangeKind.AMENDED)
    assert outcome.when(amended) == pytest.approx(ONSET_S + 61, abs=1)
    assert amended.level is Level.WATCH
    assert amended.peak is Level.SQUALL
    assert amended.revision > 1
    assert not any(one.name == "upgrade" for one in amended.evidence)


def test_a_reorg_that_leaves_nothing_retracts_the_incident() -> None:
    outcome = run_log(Story(ONSET_S + 60).upgrade(ONSET_S).retract(ONSET_S + 20).signals())
    assert [one.kind for one in outcome.of()] == [ChangeKind.OPENED, ChangeKind.RETRACTED]
    assert outcome.of()[-1].state is IncidentState.RETRACTED


def _fragile(second: float) -> list[Signal]:
    subject = Subject(asset="BTC", venue="alpha", instrument="BTC-PERP")
    figures: list[tuple[SignalKind, float, dict[str, Scalar]]] = [
        (SignalKind.VOLUME, 9e11, {"market": "perp"}),
        (SignalKind.VOLUME, 1e9, {"market": "spot"}),
        (SignalKind.OPEN_INTEREST, 9e12, {"base": 1e6}),
        (SignalKind.FUNDING, -0.01, {"interval_s": 28800.0}),
        (SignalKind.LONG_SHORT_RATIO, 0.05, {"basis": "accounts"}),
    ]
    return [
        Signal(kind, subject, at(second), at(second), f"alpha/{kind.value}", index, value, attributes)
        for index, (kind, value, attributes) in enumerate(figures, int(second * 10))
    ]


def test_fragility_alone_never_raises_a_level_and_adds_at_most_its_cap() -> None:
    story = Story(ONSET_S + 120)
    story.extra = [one for second in range(0, ONSET_S + 120, 10) for one in _fragile(second)]
    outcome = run_log(story.signals())
    assert not outcome.of()
    assert outcome.verdicts[ONSET_S + 60].context == pytest.approx(CorrelatorSettings().context_cap_nats)


@pytest.mark.slow
def test_prior_legs_and_context_sum_to_the_log_odds_at_every_second() -> None:
    story = full_storm(700).mute(ONSET_S + 180, 9999, "alpha/liquidation", f"{NETWORK}/chain")
    story.extra = [one for second in range(0, 700, 10) for one in _fragile(second)]
    outcome = run_log(story.signals())
    for verdict in outcome.verdicts.values():
        total = verdict.prior + verdict.context + sum(one.w_lo for one in verdict.legs)
        assert total == pytest.approx(logit(verdict.p_lo), abs=1e-9)
        for leg in verdict.legs:
            assert sum(one.nats for one in leg.contributions) == pytest.approx(leg.w_lo, abs=1e-9)
            assert leg.w_lo <= leg.w_hi


def test_a_late_signal_amends_with_a_revision() -> None:
    log = Story(ONSET_S + 120).surge(ONSET_S, 9999).upgrade(ONSET_S + 30).retract(ONSET_S + 60).signals()
    retraction = next(one for one in log if one.kind is SignalKind.RETRACTION)
    log.remove(retraction)
    log.insert(next(index for index, one in enumerate(log) if one.received_at >= at(ONSET_S + 80)), retraction)
    outcome = run_log(log)
    assert outcome.correlator.late == 1
    amended = next(one for one in outcome.of() if one.kind is ChangeKind.AMENDED)
    assert outcome.when(amended) == pytest.approx(ONSET_S + 78, abs=1)
    assert [one.revision for one in outcome.of()] == list(range(1, len(outcome.of()) + 1))


@pytest.mark.slow
def test_a_surge_that_is_over_is_not_renewed_by_quiet_events() -> None:
    outcome = run_log(Story(ONSET_S + 1500).surge(ONSET_S, ONSET_S + 60, 20.0).signals())
    assert outcome.of()[0].level is Level.WATCH
    assert outcome.of()[-1].kind is ChangeKind.ENDED


def test_a_storm_that_returns_soon_resumes_its_incident_and_pages_again() -> None:
    story = Story(500).trouble(30, 75).surge(40, 75).upgrade(50).migrate(50)
    story.trouble(300, 345).surge(310, 345).upgrade(320, "upgrade-2").migrate(320)
    outcome = run_log(story.signals(), DRILL)
    assert len({one.incident_id for one in outcome.of()}) == 1
    assert ChangeKind.RESUMED in [one.kind for one in outcome.of()]
    assert [one.level for one in outcome.of() if one.pages] == [Level.PERFECT_STORM, Level.PERFECT_STORM]
    assert [one.revision for one in outcome.of()] == list(range(1, len(outcome.of()) + 1))


@pytest.mark.slow
def test_the_drills_story_is_a_perfect_storm_within_ten_seconds_of_the_third_leg() -> None:
    for seed in range(20):
        story = Story(180, seed=seed).trouble(30, 75, "alpha", "beta").surge(40, 75).upgrade(50).migrate(50)
        outcome = run_log(story.mute(58, 75, "gamma/liquidation").signals(), DRILL)
        venues = [outcome.when(outcome.of(f"venue:{venue}")[0]) for venue in ("alpha", "beta")]
        first = {level: outcome.when(next(one for one in outcome.of() if one.level == level)) for level in (2, 4)}
        assert 30 < min(venues) <= max(venues) <= 40 < first[2] <= 50 < first[4] <= 60, seed
        assert outcome.of()[-1].kind is ChangeKind.ENDED
        assert [one.pages for one in outcome.of()].count(True) == 1
        assert contract_named(outcome)


def contract_named(outcome: Outcome) -> bool:
    return any(brief(PROXY) in one.headline for one in outcome.of())
