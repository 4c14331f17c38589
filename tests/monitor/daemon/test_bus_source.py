"""An agent's log, a real NATS server and a correlator: the same incidents as in one process, whatever ends in between."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from monitor.daemon import bus_source
from monitor.daemon.bus_source import READER
from monitor.daemon.resume import image_of
from monitor.incidents import LegState
from monitor.log import Place
from monitor.log.bus.settings import BusSettings
from monitor.log.bus.subjects import partition_of
from tests.monitor.correlator.storm import Story, at
from tests.monitor.daemon.bus_judges import STORM, in_one_process, judging, publish, server, settings
from tests.monitor.daemon.test_resume import WATCHED

__all__ = ["server", "settings"]


@pytest.mark.parametrize("together", [1, 5])
async def test_the_incidents_are_those_of_one_process(settings: BusSettings, tmp_path: Path, together: int) -> None:
    await publish(settings, STORM, together=together)
    async with judging(settings, tmp_path) as judge:
        await judge.until(lambda: judge.pipeline.heard == len(STORM))
        judge.pipeline.finish()

        assert judge.correlator.digest() == in_one_process(STORM).digest()
        assert judge.correlator.open_incidents()


async def test_a_correlator_that_died_goes_on_and_takes_nothing_twice(settings: BusSettings, tmp_path: Path) -> None:
    half = len(STORM) // 2
    await publish(settings, STORM[:half])
    async with judging(settings, tmp_path) as judge:
        judge.log.image(image_of(judge.correlator, WATCHED))
        await judge.until(lambda: judge.pipeline.heard == half)
        await judge.log.flush()
        judge.log.acknowledge(READER, Place(0, b"0"))  # what it had not come to say before it died
    await publish(settings, STORM[half:], first=1000)
    async with judging(settings, tmp_path) as judge:
        await judge.until(lambda: judge.pipeline.heard == len(STORM) - half)
        judge.pipeline.finish()

        assert judge.correlator.digest() == in_one_process(STORM).digest()


async def test_what_was_sent_again_long_after_is_taken_once(settings: BusSettings, tmp_path: Path) -> None:
    brief = replace(settings, duplicate_s=0.1)
    last = await publish(brief, STORM)
    async with asyncio.timeout(30):
        while await publish(brief, STORM[:80]) <= last:  # noqa: ASYNC110  # the servers forget the ids by a clock of theirs
            await asyncio.sleep(0.05)
    extra = [msgspec.structs.replace(STORM[-1], seq=10_000_000)]
    await publish(brief, extra, first=9999)
    async with judging(brief, tmp_path) as judge:
        await judge.until(lambda: judge.pipeline.heard == len(STORM) + 1)

        assert judge.source.refused["duplicate"] >= 2


async def test_two_partitions_judge_each_asset_as_one_process_does(settings: BusSettings, tmp_path: Path) -> None:
    """BTC and ETH are in partitions of their own; controls and venues reach both."""
    assets = ("BTC", "ETH")
    other = [
        msgspec.structs.replace(one, subject=msgspec.structs.replace(one.subject, asset="ETH"))
        for one in STORM
        if one.subject.asset is not None
    ]
    shared = [one for one in STORM if one.subject.asset is None]
    both = sorted([*STORM, *other], key=lambda one: one.received_at)
    parts = [partition_of(one, 2) for one in assets]
    await publish(settings, both)
    for number in sorted(set(parts)):
        own = [one for one, part in zip(assets, parts, strict=True) if part == number]
        expected = [*shared, *(one for one in both if one.subject.asset in own)]
        mine = replace(settings, partitions=2, partition=number)
        async with judging(mine, tmp_path / str(number), own) as judge:
            await judge.until(lambda judge=judge, expected=expected: judge.pipeline.heard == len(expected))  # type: ignore[misc]
            judge.pipeline.finish()
            alone = in_one_process(sorted(expected, key=lambda one: one.received_at))

            assert judge.correlator.verdicts().keys() == set(own)
            assert judge.correlator.digest() == alone.digest()


async def test_signals_of_another_vantage_are_refused(settings: BusSettings, tmp_path: Path) -> None:
    forged = [
        msgspec.structs.replace(one, subject=msgspec.structs.replace(one.subject, vantage="us")) for one in STORM[:40]
    ]
    await publish(settings, STORM[:40], vantage="us")
    await publish(settings, forged, first=100)
    await publish(settings, STORM[40:80], first=200)
    async with judging(settings, tmp_path) as judge:
        await judge.until(lambda: judge.pipeline.heard == 40)

        assert judge.source.refused["other vantage"] == 80


async def test_a_vantage_that_is_not_heard_is_blindness_and_never_calm(settings: BusSettings, tmp_path: Path) -> None:
    calm = Story(60).signals()
    await publish(settings, calm)
    async with judging(settings, tmp_path, now=calm[-1].received_at) as judge:
        await judge.until(lambda: judge.pipeline.heard == len(calm))
        seen = judge.source.reason()
        before = {one.leg: one.state for one in judge.correlator.verdicts()["BTC"].legs}
        for _ in range(15):
            judge.now += timedelta(seconds=1)
            judge.source.pass_time(judge.now)
        after = {one.leg: one.state for one in judge.correlator.verdicts()["BTC"].legs}
        blind = judge.correlator.verdicts()["BTC"].blind

    assert seen is None
    assert LegState.FALSE in before.values()
    assert set(after.values()) == {LegState.UNKNOWN}
    assert blind
    assert str(judge.source.reason()).startswith("vantage home was not heard for 15 s")


async def test_a_backlog_after_the_bus_was_away_is_taken_whole(settings: BusSettings, tmp_path: Path) -> None:
    cut = next(index for index, one in enumerate(STORM) if one.received_at >= at(38))
    await publish(settings, STORM[:cut])
    async with judging(settings, tmp_path, now=at(38)) as judge:
        await judge.until(lambda: judge.pipeline.heard == cut)
        for _ in range(20):
            judge.now += timedelta(seconds=1)
            judge.source.pass_time(judge.now)
        told = judge.pipeline.heard
        await publish(settings, STORM[cut:], first=1000)
        await judge.until(lambda: judge.pipeline.heard == told + len(STORM) - cut)
        judge.source.pass_time(judge.now)

        assert judge.source.reason() is None
        assert not judge.correlator.refused


async def test_what_was_given_to_a_process_that_died_before_it_was_durable_is_given_again(
    settings: BusSettings, tmp_path: Path
) -> None:
    await publish(settings, STORM[:200])
    async with judging(settings, tmp_path) as judge:
        await judge.source._bus.open()
        await judge.source._bus.prepare()
        dying = await judge.source._cursor("judge", 0)
        given = await dying.next()
        await judge.source._bus.close()
    await publish(settings, STORM[200:400], first=1000)
    async with judging(settings, tmp_path) as judge:
        await judge.until(lambda: judge.source.taken > 0 and judge.source._caught_up.pending == 0)

    assert given
    assert judge.pipeline.heard == 400


async def test_a_large_backlog_leaves_the_loop_free_for_others(
    settings: BusSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_source, "AT_ONCE", 100)
    await publish(settings, STORM)
    seen = set()
    async with judging(settings, tmp_path) as judge:

        async def another_part() -> None:
            while True:
                seen.add(judge.pipeline.heard)
                await asyncio.sleep(0)

        other = asyncio.create_task(another_part())
        await judge.until(lambda: judge.pipeline.heard == len(STORM))
        other.cancel()

    assert len(seen) > len(STORM) / 200
    assert max(later - earlier for earlier, later in pairwise(sorted(seen))) <= 100 + 40
