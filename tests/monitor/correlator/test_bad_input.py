"""Signals that are wrong, mixed into a live storm, change no verdict: they are refused by name and counted."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from monitor.correlator import Correlator, gate
from monitor.correlator.gate import AGREE, MAX_HELD, Gate
from monitor.incidents import Verdict
from monitor.signals import Scalar, Signal, SignalKind, Subject
from tests.monitor.correlator.storm import DRILL, Story, at

STORM = Story(90).trouble(30, 75).surge(40, 75).upgrade(50).signals()
Wrong = Callable[[Signal], list[Signal]]


def shifted(one: Signal, **by: float) -> Signal:
    step = timedelta(**by)
    return msgspec.structs.replace(one, received_at=one.received_at + step, event_time=one.event_time + step)


def of_liquidation(**changes: object) -> Wrong:
    """A liquidation of the same moment and source that cannot be."""

    def wrong(one: Signal) -> list[Signal]:
        said: dict[str, Scalar] = {"side": "long", "censoring": "complete", "backlog": False}
        good = msgspec.structs.replace(
            one, kind=SignalKind.LIQUIDATION, value=1e6, attributes=said, subject=Subject(asset="BTC", venue="alpha")
        )
        return [msgspec.structs.replace(good, **changes)]

    return wrong


def with_naive_times(one: Signal) -> list[Signal]:
    return [
        msgspec.structs.replace(one, received_at=one.received_at.replace(tzinfo=None)),
        msgspec.structs.replace(one, event_time=one.event_time.replace(tzinfo=None)),
    ]


WRONG: dict[str, tuple[Wrong, set[str]]] = {
    "not a number": (of_liquidation(value=float("nan")), {"value"}),
    "infinite": (of_liquidation(value=float("inf")), {"value"}),
    "negative": (of_liquidation(value=-1e6), {"value"}),
    "absurd": (of_liquidation(value=1e40), {"value"}),
    "absurd attribute": (of_liquidation(attributes={"price": float("nan")}), {"attribute"}),
    "sent twice": (lambda one: [one, msgspec.structs.replace(one)], {"duplicate"}),
    "of tomorrow": (lambda one: [shifted(one, days=1)], {"future"}),
    "of the next century": (lambda one: [shifted(one, days=36525)], {"future"}),
    "of last week": (lambda one: [shifted(one, days=-7)], {"past"}),
    "of the last century": (lambda one: [shifted(one, days=-36525)], {"time"}),
    "without a time zone": (with_naive_times, {"time"}),
    "nameless": (lambda one: [msgspec.structs.replace(one, source="")], {"name"}),
}


def live(log: Iterator[Signal], correlator: Correlator) -> list[tuple[str, Verdict]]:
    """The verdict of each second, judged as a live run does: each signal is admitted, and every second asked for."""
    found: dict[tuple[str, object], Verdict] = {}
    ends = 0
    for one in log:
        correlator.on_signal(correlator.admit(one))
        if one.kind is SignalKind.TICK and one.received_at == at(ends + 0.95):
            ends += 1
            correlator.complete(at(ends + 0.3))
            found |= {(asset, verdict.at): verdict for asset, verdict in correlator.verdicts().items()}
    correlator.finish()
    found |= {(asset, verdict.at): verdict for asset, verdict in correlator.verdicts().items()}
    return [(asset, verdict) for (asset, _), verdict in found.items()]


def mixed(wrong: Wrong, seed: int = 5) -> Iterator[Signal]:
    """The storm, with wrong signals behind one in ten of it."""
    chance = random.Random(seed)
    for one in STORM:
        yield one
        if chance.random() < 0.1 and one.kind is not SignalKind.TICK:
            yield from wrong(one)


@pytest.mark.parametrize("name", WRONG)
def test_wrong_signals_change_no_verdict_of_a_live_storm_and_are_counted_by_their_fault(name: str) -> None:
    wrong, reasons = WRONG[name]
    clean, dirty = Correlator(DRILL), Correlator(DRILL)
    assert live(mixed(wrong), dirty) == live(iter(STORM), clean)
    assert dirty.digest() == clean.digest()
    assert {reason for _, reason in dirty.refused} == reasons
    assert sum(dirty.refused.values()) > 20
    assert not clean.refused


def test_a_liquidation_of_the_future_does_not_hold_back_the_seconds_of_a_live_run() -> None:
    correlator = Correlator(DRILL)
    correlator.on_signal(correlator.admit(STORM[0]))
    for second in range(5):
        tick = Signal(SignalKind.TICK, Subject(), at(second + 0.5), at(second + 0.5), "clock", second, 0.0, {})
        correlator.on_signal(correlator.admit(tick))
        for part in range(AGREE - 1):
            ahead_s = 864_000 + 10.0 * part
            [wrong] = of_liquidation(event_time=at(ahead_s), received_at=at(ahead_s + 3))(tick)
            correlator.on_signal(correlator.admit(wrong))
        correlator.complete(at(second + 1.25))
        assert correlator.verdicts()["BTC"].at == at(second + 1), (
            "waiting as long as that liquidation claims would be 3 s"
        )


def test_a_source_whose_clock_is_ahead_does_not_end_the_day_of_the_others_however_much_it_sends() -> None:
    own = Gate()
    log = [shifted(STORM[-1], seconds=second) for second in (0, 1)]
    others = [msgspec.structs.replace(one, source="beta/server_time", seq=7) for one in log]
    ahead = [shifted(STORM[-2], days=1, seconds=number / 100) for number in range(MAX_HELD + 500)]
    taken = [
        one for given in ([log[0], others[0]], ahead, [log[1], others[1]]) for each in given for one in own.take(each)
    ]
    assert taken == [log[0], others[0], log[1], others[1]]
    assert sum(own.refused.values()) == len(ahead)
    assert {reason for _, reason in own.refused} == {"future"}


def test_the_only_source_that_goes_on_after_a_hole_is_believed_after_a_minute() -> None:
    own = Gate()
    for one in (STORM[-1], msgspec.structs.replace(STORM[-1], source="beta/server_time")):
        own.take(one)
    after = [shifted(STORM[-1], hours=3, seconds=second) for second in range(90)]
    assert [one for each in after for one in own.take(each)] == after
    assert not own.refused


def test_a_flood_of_one_source_changes_no_verdict_and_what_is_too_much_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gate, "MAX_A_SECOND", 100)

    def flood(one: Signal) -> list[Signal]:
        pulse = msgspec.structs.replace(
            one, kind=SignalKind.FEED_PULSE, source="stranger/feed", subject=Subject(venue="stranger"), attributes={}
        )
        return [msgspec.structs.replace(pulse, seq=number, value=1.0) for number in range(150)]

    clean, dirty = Correlator(DRILL), Correlator(DRILL)
    assert live(mixed(flood), dirty) == live(iter(STORM), clean)
    assert set(dirty.refused) == {("feed_pulse", "flood")}
    assert sum(dirty.refused.values()) > 1000


def test_an_asset_without_a_venue_is_judged_and_changes_no_other() -> None:
    said: dict[str, Scalar] = {"leg": "migration", "weight": 1.0, "class": "chain"}
    ghost = Subject(asset="GHOST", network="ethereum")
    expected = Signal(SignalKind.EXPECT, ghost, at(0), at(0), "ethereum/chain", 10**6, 6.0, said)
    clean, dirty = Correlator(DRILL), Correlator(DRILL)
    alone = live(iter(STORM), clean)
    beside = live(iter([STORM[0], expected, *STORM[1:]]), dirty)
    assert [one for one in beside if one[0] == "BTC"] == alone
    assert {one.leg for one in dirty.verdicts()["GHOST"].legs} == {one.leg for one in clean.verdicts()["BTC"].legs}


def test_providers_that_contain_each_other_are_names_and_no_loop() -> None:
    cycle = {"alpha": ("beta",), "beta": ("gamma",), "gamma": ("alpha",)}
    turned, plain = Correlator(replace(DRILL, providers=cycle)), Correlator(DRILL)
    assert [(asset, one.level, one.p_lo) for asset, one in live(iter(STORM), turned)] == [
        (asset, one.level, one.p_lo) for asset, one in live(iter(STORM), plain)
    ]
