"""An agent's log, a real NATS server and a correlator: the same incidents as in one process, whatever ends in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from monitor.correlator import Correlator
from monitor.daemon.bus_source import READER, BusSource
from monitor.daemon.resume import image_of, resumed
from monitor.incidents import LegState
from monitor.intake import Intake
from monitor.log import Entry, Holding, Place, Stream
from monitor.log.bus.connection import Bus
from monitor.log.bus.publisher import Divider
from monitor.log.bus.settings import BusSettings
from monitor.log.bus.subjects import partition_of
from monitor.log.codec import encode_signals
from monitor.log.settings import LogSettings
from monitor.log.sqlite_log import SqliteLog
from monitor.pipeline import Pipeline
from monitor.signals import Signal
from monitor.telemetry.settings import TelemetrySettings
from monitor.telemetry.telemetry import Telemetry
from tests.monitor.correlator.storm import DRILL, Story, at
from tests.monitor.daemon.test_resume import WATCHED
from tests.nats_servers import NatsServer, nats_server

STORM = Story(70).trouble(30, 70, "alpha", "beta").surge(35, 70).upgrade(45).signals()
LAST = STORM[-1].received_at


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    with nats_server(tmp_path_factory.mktemp("nats")) as one:
        yield one


@pytest.fixture
def settings(server: NatsServer) -> BusSettings:
    return server.settings(name=f"t{uuid4().hex[:12]}")


class Judge:
    """A correlator's process: a pipeline on a local log, fed from the bus."""

    def __init__(self, settings: BusSettings, local: SqliteLog, correlator: Correlator, assets: Sequence[str]) -> None:
        self.now = STORM[0].received_at
        self.log = local
        self.correlator = correlator
        intake = Intake(vantage="home", assets=assets)
        self.pipeline = Pipeline(
            intake, correlator, Telemetry(TelemetrySettings(), vantage="home", version="1", env={}), local
        )
        self.source = BusSource(
            Bus(settings, {}, "judge"), settings, self.pipeline, local, lambda: self.now, vantage="home", assets=assets
        )

    async def until(self, holds: Callable[[], bool]) -> None:
        task = asyncio.create_task(self.source.run())
        try:
            async with asyncio.timeout(30):
                while not holds():  # what it waits for comes from another process
                    assert not task.done(), task.exception()
                    await asyncio.sleep(0.01)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@asynccontextmanager
async def judging(settings: BusSettings, folder: Path, assets: Sequence[str] = ("BTC",)) -> AsyncIterator[Judge]:
    readers = {"database": Holding.UNTIL_LIMIT, READER: Holding.FOR_A_TIME}
    local = SqliteLog(folder, LogSettings(keep_s=1e9), readers, lambda: LAST)
    await local.open()
    try:
        began = await resumed(local, DRILL, WATCHED)
        yield Judge(settings, local, began.correlator, assets)
    finally:
        await local.close()


async def publish(settings: BusSettings, signals: Sequence[Signal], first: int = 1, vantage: str = "home") -> None:
    """As an agent's publisher does, entry by entry."""
    bus = Bus(settings, {}, "agent")
    await bus.open()
    await bus.prepare()
    divider = Divider(settings.name, vantage, "agents-log")
    for position, at_row in enumerate(range(0, len(signals), 40), first):
        body = encode_signals(signals[at_row : at_row + 40])
        entry = Entry(
            position=position, stream=Stream.SIGNALS, id=str(position), key="", run_id="r", at=LAST, rows=40, body=body
        )
        await bus.confirmed(
            [await bus.start(one.subject, one.id, one.body, one.headers) for one in divider.parts(entry)]
        )
    await bus.close()


def in_one_process(signals: Sequence[Signal]) -> Correlator:
    correlator = Correlator(DRILL, vantage="home")
    for signal in signals:
        correlator.on_signal(signal)
    correlator.finish()
    return correlator


async def test_the_incidents_are_those_of_one_process(settings: BusSettings, tmp_path: Path) -> None:
    await publish(settings, STORM)
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
    await publish(brief, STORM)
    await asyncio.sleep(0.3)  # the servers forget the ids
    await publish(brief, STORM[:80])
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
    async with judging(settings, tmp_path) as judge:
        await judge.until(lambda: judge.pipeline.heard == len(calm))
        judge.now = calm[-1].received_at
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
    cut = next(index for index, one in enumerate(STORM) if one.received_at >= at(50))
    await publish(settings, STORM[:cut])
    async with judging(settings, tmp_path) as judge:
        await judge.until(lambda: judge.pipeline.heard == cut)
        judge.now = at(50)
        for _ in range(20):
            judge.now += timedelta(seconds=1)
            judge.source.pass_time(judge.now)
        told = judge.pipeline.heard
        await publish(settings, STORM[cut:], first=1000)
        await judge.until(lambda: judge.pipeline.heard == told + len(STORM) - cut)
        judge.source.pass_time(judge.now)

        assert judge.source.reason() is None
        assert not judge.correlator.refused
