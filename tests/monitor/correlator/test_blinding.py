"""Blindness never raises: neither the confidence in a storm, nor a leg, nor a storm, and nothing resolves that is not seen."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace

import pytest

from monitor.correlator.attribution import REMEMBERED_S, Attribution
from monitor.correlator.settings import CorrelatorSettings
from monitor.incidents import LEGS, ChangeKind, Leg, LegState, Level, Verdict
from monitor.signals import Signal, SignalKind, Subject
from tests.monitor.correlator.assessors import Assessors
from tests.monitor.correlator.blinding import blinding, stressed
from tests.monitor.correlator.lone_producer import LoneProducer
from tests.monitor.correlator.storm import DRILL, Outcome, at, run_log

UNSEEN_LEVELS = {Level.WATCH, Level.STORM_SUSPECTED}
"""What two documented rules say of legs that cannot be seen: "blind under stress", and two legs with an unseen third."""
CASES = 1_000
"""For each of ten seeds."""
BLINDED = (SignalKind.FEED_SILENT, SignalKind.FEED_CLOSED, SignalKind.FEED_REJECTED, SignalKind.HEAD_STALLED)


def true_legs(verdict: Verdict) -> set[Leg]:
    return {one.leg for one in verdict.legs if one.state is LegState.TRUE}


def claims(verdict: Verdict) -> int:
    """The level by what is seen to be TRUE alone."""
    named = verdict.level in UNSEEN_LEVELS and LegState.UNKNOWN in {one.state for one in verdict.legs}
    return len(true_legs(verdict)) if named else int(verdict.level)


def check(sighted: Mapping[int, Verdict], blind: Mapping[int, Verdict]) -> None:
    for second, seen in sighted.items():
        less = blind.get(second)
        if less is None:
            continue
        assert less.p_lo <= seen.p_lo + 1e-9, second
        assert true_legs(less) <= true_legs(seen), second
        assert (less.level is Level.PERFECT_STORM) <= (seen.level is Level.PERFECT_STORM), second
        assert claims(less) <= max(claims(seen), len(true_legs(seen))), second


def board_of(chance: random.Random) -> tuple[Assessors, list[str]]:
    """An asset with any evidence of any weight and age, at one to eight venues, and the names of its sources."""
    venues = [f"v{index}" for index in range(chance.randint(1, 8))]
    made = Assessors(venues)
    made.reachable_from(*("home", "away")[: chance.randint(1, 2)])
    for number in range(chance.randint(2, 9)):
        grade, second = chance.randint(2, 4), chance.uniform(-60, 0)
        weight = chance.uniform(0.7 * grade, grade)
        if chance.random() < 0.6:
            made.fact(chance.choice(venues), weight=weight, grade=grade, name=f"f{number}", second=second)
        else:
            made.own(chance.choice(LEGS), weight=weight, grade=grade, name=f"f{number}", second=second)
    for venue in venues:  # what throttles hide, and what is doubted
        for shares in (made.sources.trust, made.sources.doubted):
            if chance.random() < 0.3:
                shares[f"{venue}/liquidation", "BTC"] = chance.uniform(0.05, 1.0)
    if chance.random() < 0.2:
        made.sources.checked["BTC"] = chance.uniform(0.05, 1.0)
    return made, [*(f"{venue}/{feed}" for venue in venues for feed in ("book_ws", "liquidation")), "ethereum/chain"]


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.slow
def test_in_ten_thousand_random_cases_of_blinding_nothing_rises(seed: int) -> None:
    chance = random.Random(seed)
    storms = 0
    for _ in range(CASES):
        made, sources = board_of(chance)
        before = made.asset().verdict if chance.random() < 0.5 else None
        sighted = made.asset_assessor.assess("BTC", made.now_s, before).verdict
        storms += sighted.level >= Level.SQUALL
        for source in chance.sample(sources, chance.randint(1, len(sources))):
            subject, kind = Subject(venue=source.partition("/")[0]), chance.choice(BLINDED)
            made.receive(Signal(kind, subject, at(0), at(0), source, 2, 1.0, {"planned": False}))
        blind = made.asset_assessor.assess("BTC", made.now_s, before).verdict
        check({0: sighted}, {0: blind})
        assert blind.p_lo <= blind.p_hi
        assert blind.p_hi >= sighted.p_hi - 1e-9
    assert storms > CASES / 20


def endings(outcome: Outcome) -> list[ChangeKind]:
    return [
        one.kind
        for one in outcome.of()
        if one.kind is ChangeKind.ENDED and (one.verdict is None or one.verdict.p_hi > 0.3)
    ]


@pytest.mark.parametrize("seed", range(10))
def test_a_log_whose_sources_go_blind_at_any_time_raises_nothing_and_resolves_nothing(seed: int) -> None:
    chance = random.Random(seed)
    story = stressed(chance, 70)
    log, gone = story.signals(), blinding(chance, story)
    sighted, blind = run_log(log, DRILL), run_log(gone.of(log), DRILL)
    check(sighted.verdicts, blind.verdicts)
    assert not endings(blind)


def test_a_feed_that_goes_silent_is_no_evidence_against_its_venue_and_one_that_is_cut_again_and_again_is() -> None:
    lone = LoneProducer("feed_faults")
    assert SignalKind.FEED_SILENT not in lone.producer.kinds
    for second in range(50, 80, 10):
        lone.send(SignalKind.FEED_CLOSED, second, 5.0, attributes={"planned": False}, source="alpha/book_ws")
    assert lone.grades == {"feed_faults": 1}


def outcomes(attribution: Attribution, second: float, failing: tuple[str, ...], controls: tuple[str, ...] = ()) -> None:
    for name in failing:
        kind = SignalKind.CONTROL if name in controls else SignalKind.REQUEST
        subject = Subject(venue=None if name in controls else name)
        attributes = {"outcome": "timeout", "check": "time", "target": name}
        signal = Signal(kind, subject, at(second), at(second), name, 1, 5.0, attributes)
        attribution.on_signal(signal, at(second).timestamp())


def test_our_own_failure_is_not_forgotten_because_most_targets_are_not_heard_any_more() -> None:
    attribution = Attribution(CorrelatorSettings())
    everything = ("a", "b", "c", "d", "control")
    for second in (0, 1):
        outcomes(attribution, second, everything, ("control",))
    assert attribution.on_second(at(2).timestamp()) == [("local", True)]
    for second in range(10, 130, 5):
        outcomes(attribution, second, ("a",))
        assert attribution.on_second(at(second).timestamp()) == []
        assert attribution.suspected
    for second in range(130, int(REMEMBERED_S) + 200, 20):
        outcomes(attribution, second, ("a",))
        attribution.on_second(at(second).timestamp())
    assert not attribution.suspected
    assert not attribution.local_since_s


def test_venues_that_fail_while_a_control_answers_are_not_our_own_failure_however_few_are_heard() -> None:
    attribution = Attribution(CorrelatorSettings())
    outcomes(attribution, 0, ("a", "b", "c"))
    subject, attributes = Subject(), {"outcome": "ok", "target": "control"}
    for second in (100, 101):
        signal = Signal(SignalKind.CONTROL, subject, at(second), at(second), "control", 1, 0.1, attributes)
        attribution.on_signal(signal, at(second).timestamp())
        outcomes(attribution, second, ("a",))
    assert attribution.on_second(at(102).timestamp()) == []


def test_a_finding_that_is_merely_renewed_changes_no_level() -> None:
    """Grade 3, renewed each three minutes: it fades to under the bound in between."""
    settings = replace(CorrelatorSettings(), liquidation_half_life_s=180.0)
    made = Assessors("ab", settings)
    levels: list[Level] = []
    least = 4.0
    before: Verdict | None = None
    for second in range(1500):
        made.now_s = at(second).timestamp()
        if second % 180 == 0:
            one = made.own(Leg.LIQUIDATION, weight=2.4, grade=3, second=second)
            made.board.put(replace(one, half_life_s=180.0))
        for source in ("a/liquidation", "b/liquidation", "a/book_ws", "b/book_ws", "ethereum/chain"):
            made.receive(Signal(SignalKind.FEED_PULSE, Subject(), at(second), at(second), source, 3, 1.0))
        before = made.asset_assessor.assess("BTC", made.now_s, before).verdict
        levels.append(before.level)
        least = min(least, made.board.of("BTC", Leg.LIQUIDATION, made.now_s)[0].nats)
    assert set(levels) == {Level.WATCH}
    assert least < settings.true_nats


def test_a_leg_is_left_at_a_lower_bound_than_it_is_entered() -> None:
    made = Assessors("a")
    made.own(Leg.MIGRATION, weight=1.0, grade=3)
    calm = made.asset().verdict
    assert calm.legs[2].state is LegState.FALSE
    held = replace(calm, legs=tuple(replace(one, state=LegState.TRUE) for one in calm.legs))
    kept = made.asset_assessor.assess("BTC", made.now_s, held).verdict
    assert [one.state for one in kept.legs] == [LegState.FALSE, LegState.FALSE, LegState.TRUE]


@pytest.mark.parametrize(("held", "level"), [(Level.SQUALL, Level.SQUALL), (Level.PERFECT_STORM, Level.PERFECT_STORM)])
def test_a_storm_is_left_at_a_lower_probability_than_it_is_entered(held: Level, level: Level) -> None:
    made = Assessors("a")
    made.reachable_from("home", "away")
    made.fact("a", weight=2.1, grade=2)
    for leg in (Leg.LIQUIDATION, Leg.MIGRATION):
        made.own(leg, weight=2.1, grade=2)
    first = made.asset().verdict
    assert 0.54 < first.p_lo < 0.73
    assert made.asset_assessor.assess("BTC", made.now_s, replace(first, level=held)).verdict.level is level


@pytest.mark.parametrize("wrong", [{"leave_nats": 1.6}, {"storm_leave_p": 0.8}, {"critical_leave_p": 0.97}])
def test_the_bound_of_leaving_is_not_above_that_of_entering(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="at most"):
        CorrelatorSettings(**wrong)  # type: ignore[arg-type]
