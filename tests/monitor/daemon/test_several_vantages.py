"""Three agents, a real NATS server and one or two correlators: one incident log, and an absent vantage is reported and late."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from monitor.correlator import Correlator
from monitor.incidents import ChangeKind, IncidentChange, LegState
from monitor.log.bus.settings import BusSettings
from monitor.log.bus.subjects import partition_of
from monitor.signals import Signal, SignalKind
from tests.monitor.correlator.storm import DRILL, Story, at
from tests.monitor.correlator.test_carriers import from_each
from tests.monitor.daemon.bus_judges import Judge, judging, publish, server, settings

__all__ = ["server", "settings"]

VANTAGES = ("asia", "eu", "us")
RULES = replace(DRILL, networks={"asia": "south", "eu": "north", "us": "west"}, vantage_wait_s=1000.0)
"""No second goes on without one of the vantages: agents of a test are minutes apart in the time of their story."""


def reported(story: Story) -> list[Signal]:
    """What each of the three agents tells of a story, in order of receipt. One of them sees each feed a little later."""
    lag = {"eu": 0.0, "us": 0.02, "asia": 0.04}
    signals = []
    for number, one in enumerate(from_each(story.signals(), VANTAGES)):
        later = one.received_at + timedelta(seconds=lag[str(one.subject.vantage)] * (number % 3 == 0))
        signals.append(msgspec.structs.replace(one, received_at=later))
    return sorted(signals, key=lambda one: one.received_at)


STORM = reported(Story(50, vantages=VANTAGES).trouble(22, 50, "alpha", "beta").surge(25, 50).upgrade(35))
END = STORM[-1].received_at


async def publish_each(bus: BusSettings, signals: Sequence[Signal], first: int = 1) -> None:
    """As three agents do, each as itself, at once."""
    own = {one: [each for each in signals if each.subject.vantage == one] for one in VANTAGES}
    await asyncio.gather(*(publish(bus, some, first, one) for one, some in own.items() if some))


def log_of(changes: Iterable[IncidentChange], asset: str) -> list[tuple[object, ...]]:
    """An asset's incident log: all that a page shows, but the place that tells it."""
    return [
        (one.incident_id, one.revision, one.kind, one.level, one.at, one.headline, one.verdict)
        for one in changes
        if one.scope == f"asset:{asset}"
    ]


def all_changes(signals: Iterable[Signal]) -> tuple[Correlator, list[IncidentChange]]:
    """One process that hears all of it."""
    correlator = Correlator(RULES, vantage="home")
    changes = [change for one in signals for change in correlator.on_signal(one)]
    return correlator, [*changes, *correlator.finish()]


async def test_three_agents_and_one_correlator_give_the_log_of_one_process(
    settings: BusSettings, tmp_path: Path
) -> None:
    several = replace(settings, vantages=VANTAGES)
    await publish_each(several, STORM)
    async with judging(several, tmp_path, now=END, rules=RULES) as judge:
        await judge.until(lambda: judge.pipeline.heard == len(STORM) + len(VANTAGES))  # with the clocks to begin with
        judge.pipeline.finish()
        alone, changes = all_changes(STORM)

    assert judge.correlator.digest() == alone.digest()
    assert not judge.correlator.refused
    assert log_of(judge.changes, "BTC") == log_of(changes, "BTC") != []
    assert judge.source.reason() is None


async def test_three_agents_and_two_correlators_give_each_asset_the_log_of_one_process(
    settings: BusSettings, tmp_path: Path
) -> None:
    assets = ("BTC", "ETH")
    calmer = reported(Story(50, asset="ETH", seed=8, vantages=VANTAGES).surge(25, 50))
    ether = [one for one in calmer if one.subject.asset is not None]
    both = sorted([*STORM, *ether], key=lambda one: one.received_at)
    _, changes = all_changes(both)
    several = replace(settings, vantages=VANTAGES, partitions=2)
    await publish_each(several, both)
    for asset in assets:
        other = len([one for one in both if one.subject.asset not in (None, asset)])
        mine = replace(several, partition=partition_of(asset, 2))
        async with judging(mine, tmp_path / asset, [asset], now=END, rules=RULES) as judge:
            expected = len(both) - other + len(VANTAGES)
            await judge.until(lambda judge=judge, expected=expected: judge.pipeline.heard == expected)  # type: ignore[misc]
            judge.pipeline.finish()

        assert judge.correlator.verdicts().keys() == {asset}
        assert log_of(judge.changes, asset) == log_of(changes, asset) != []


async def until_heard(judge: Judge, count: int) -> None:
    await judge.until(lambda: judge.pipeline.heard >= count)


async def test_a_vantage_that_is_away_is_told_and_blinds_what_it_alone_saw(
    settings: BusSettings, tmp_path: Path
) -> None:
    several = replace(settings, vantages=VANTAGES)
    calm = reported(Story(50, vantages=VANTAGES))
    alone = [one for one in calm if one.subject.vantage == "us" or one.kind in (SignalKind.REQUEST, SignalKind.TICK)]
    log = [one for one in alone if one.subject.vantage != "us" or one.received_at < at(30)]
    await publish_each(several, log)
    async with judging(several, tmp_path, now=at(30), rules=replace(RULES, vantage_wait_s=10.0)) as judge:
        judge.now = END
        await until_heard(judge, len(log))
        judge.source.pass_time(judge.now)
        verdict = judge.correlator.verdicts()["BTC"]
        judge.pipeline.finish()
        later = judge.correlator.verdicts()["BTC"]
        age_s = judge.source.age_s()

    assert age_s["us"] > 15 > 5 > age_s["eu"]
    assert str(judge.source.reason()).startswith("vantage us was not heard for 2")
    assert "eu" not in str(judge.source.reason())
    assert LegState.FALSE in {one.state for one in verdict.legs}
    assert {one.state for one in later.legs} == {LegState.UNKNOWN}


async def test_a_vantage_that_comes_back_late_amends_with_a_revision(settings: BusSettings, tmp_path: Path) -> None:
    several = replace(settings, vantages=VANTAGES)
    rules = replace(RULES, vantage_wait_s=10.0)
    upgrade = [one for one in STORM if one.kind is SignalKind.UPGRADE]
    rest = [one for one in STORM if one.kind is not SignalKind.UPGRADE]
    log = [one for one in rest if one.subject.vantage != "us" or one.received_at < at(30)]
    late = [one for one in [*rest, *upgrade] if one.subject.vantage == "us" and one.received_at >= at(30)]
    await publish_each(several, log)
    async with judging(several, tmp_path, now=END, rules=rules) as judge:
        await until_heard(judge, len(log))
        held = judge.correlator.late
        before = len(judge.changes)
        await publish(several, late, 1000, "us")
        await until_heard(judge, len(log) + len(late))
        judge.pipeline.finish()
        after = [one for one in judge.changes[before:] if one.scope == "asset:BTC"]

    told_before = [one for one in judge.changes[:before] if one.scope == "asset:BTC"][-1]
    assert held == 0
    assert judge.correlator.late > 100
    assert [one.kind for one in after] == [ChangeKind.RAISED]
    assert (after[0].incident_id, after[0].revision) == (told_before.incident_id, told_before.revision + 1)


async def test_an_agent_whose_clock_is_far_ahead_is_refused_and_told_and_holds_up_nobody(
    settings: BusSettings, tmp_path: Path
) -> None:
    several = replace(settings, vantages=VANTAGES)
    calm = reported(Story(30, vantages=VANTAGES))
    ahead = timedelta(seconds=300)
    wrong = [
        msgspec.structs.replace(one, received_at=one.received_at + ahead, event_time=one.event_time + ahead)
        if one.subject.vantage == "us"
        else one
        for one in calm
    ]
    await publish_each(several, wrong)
    right = [one for one in calm if one.subject.vantage != "us"]
    async with judging(several, tmp_path, now=at(30), rules=replace(RULES, vantage_wait_s=10.0)) as judge:
        judge.source._heard["us"] = judge.now - timedelta(seconds=20)
        await until_heard(judge, len(right))
        judge.source.pass_time(judge.now)

    assert judge.source.refused["clock ahead"] == len(wrong) - len(right)
    assert judge.correlator.late == 0
    assert judge.correlator.verdicts()["BTC"].at > at(20)
    assert "its clock is 300 s ahead of ours" in str(judge.source.reason())


async def test_what_is_still_to_come_over_the_bus_is_not_taken_for_silence(
    settings: BusSettings, tmp_path: Path
) -> None:
    several = replace(settings, vantages=VANTAGES)
    async with judging(several, tmp_path, now=at(0)) as judge:
        judge.now = at(60)
        judge.source._caught_up.read(7, judge.now)
        judge.source.pass_time(judge.now)
        heard = judge.pipeline.heard
        waits = judge.source.reason()
        judge.now = at(66)
        judge.source.pass_time(judge.now)

    assert (heard, waits) == (0, "catching up with the bus: 7 messages behind")
    assert judge.pipeline.heard == 1  # nobody is heard: our own clock goes on
    assert isinstance(judge.pipeline.last_tick, datetime)
