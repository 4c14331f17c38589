"""The publisher, between a real local log and a real NATS server: everything once, in order, whatever happened to the bus."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import uuid4

import pytest

from monitor.log import Entry, Holding, Place, Stream
from monitor.log.bus import connection, publisher
from monitor.log.bus.connection import Bus
from monitor.log.bus.plan import FAR_BEHIND, Plan
from monitor.log.bus.publisher import READER, Divider, Publisher
from monitor.log.bus.settings import BusSettings
from monitor.log.bus.subjects import Kind
from monitor.log.codec import decode_signals, encode_signals
from monitor.log.settings import LogSettings
from monitor.log.sqlite_log import SqliteLog
from monitor.signals import Signal, SignalKind, Subject
from tests.monitor.alerting.sinks.changes import at
from tests.nats_servers import NatsServer, nats_server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    with nats_server(tmp_path / "nats") as one:
        yield one


@pytest.fixture(autouse=True)
def soon_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "AGAIN_S", 0.05)
    monkeypatch.setattr(connection, "PATIENCE_S", 1)
    monkeypatch.setattr(connection, "CONFIRM_S", 0.5)


def signals(first: int, count: int) -> list[Signal]:
    """Of two assets at two venues, with a tick after each ten."""
    made = []
    for seq in range(first, first + count):
        if seq % 10 == 9:
            made.append(Signal(SignalKind.TICK, Subject(vantage="eu"), at(seq), at(seq), "clock", seq, 0.0))
            continue
        subject = Subject(asset=("BTC", "ETH")[seq % 2], venue=("okx", "gate")[seq % 3 % 2], vantage="eu")
        made.append(Signal(SignalKind.MARK_PRICE, subject, at(seq), at(seq), "x", seq, 1.0, {"n": seq}))
    return made


@asynccontextmanager
async def local_log(folder: Path) -> AsyncIterator[SqliteLog]:
    log = SqliteLog(folder, LogSettings(), {READER: Holding.UNTIL_LIMIT}, lambda: at(0))
    await log.open()
    try:
        yield log
    finally:
        await log.close()


@asynccontextmanager
async def publishing(log: SqliteLog, settings: BusSettings) -> AsyncIterator[Publisher]:
    one = Publisher(Bus(settings, {}, "eu"), log, settings.name, "eu", lambda: at(0))
    task = asyncio.create_task(one.run())
    try:
        yield one
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110  # the servers' word comes from another process
            await asyncio.sleep(0.01)


async def caught_up(log: SqliteLog) -> None:
    await log.flush()
    await until(lambda: log.place(READER).position >= log.end)


async def published(settings: BusSettings) -> tuple[list[str], list[Signal]]:
    bus = Bus(settings, {}, "test")
    await bus.open()
    cursor = await bus.cursor(Kind.SIGNALS, f"r{uuid4().hex[:8]}", [f"{settings.name}.signals.>"], None)
    subjects, found = [], []
    while some := await cursor.next(within_s=0.3):
        subjects += [one.subject for one in some]
        found += [signal for one in some for signal in decode_signals(one.body)]
    await bus.close()
    return subjects, found


async def prepare(settings: BusSettings) -> None:
    bus = Bus(settings, {}, "test")
    await bus.open()
    await bus.prepare()
    await bus.close()


def by_seq(some: Sequence[Signal]) -> list[Signal]:
    return sorted(some, key=lambda one: one.seq)


async def test_signals_are_published_by_asset_and_venue_and_the_ticks_last(server: NatsServer, tmp_path: Path) -> None:
    settings = server.settings()
    await prepare(settings)
    async with local_log(tmp_path / "log") as log, publishing(log, settings) as one:
        log.signals(signals(0, 20))
        await caught_up(log)
        lag = one.lag()
    subjects, found = await published(settings)

    assert sorted(subjects) == [f"stormwatch.signals.eu.{where}" for where in (
        "BTC.gate", "BTC.okx", "ETH.gate", "ETH.okx", "_._",
    )]  # fmt: skip
    assert subjects[-1] == "stormwatch.signals.eu._._"
    assert by_seq(found) == signals(0, 20)
    assert (lag.entries, lag.behind_s, lag.state, one.published) == (0, 0.0, "connected", 20)


async def test_what_came_while_the_bus_was_away_follows_in_order_and_once(server: NatsServer, tmp_path: Path) -> None:
    settings = server.settings()
    await prepare(settings)
    async with local_log(tmp_path / "log") as log, publishing(log, settings) as one:
        log.signals(signals(0, 10))
        await caught_up(log)
        server.kill()
        for number in range(1, 6):
            log.signals(signals(10 * number, 10))
            await log.flush()
        await until(lambda: one.lag().state == "away")
        away = one.lag()
        server.start()
        await caught_up(log)
    _, found = await published(settings)

    assert away.entries is not None
    assert away.entries >= 5
    assert away.why
    assert by_seq(found) == signals(0, 60)
    assert [one.seq // 10 for one in found] == sorted(one.seq // 10 for one in found)


async def test_a_publisher_that_lost_its_place_publishes_nothing_twice(server: NatsServer, tmp_path: Path) -> None:
    settings = server.settings()
    await prepare(settings)
    async with local_log(tmp_path / "log") as log:
        log.signals(signals(0, 30))
        async with publishing(log, settings):
            await caught_up(log)
        log.forget(READER)
        log.begin(READER)
        log.acknowledge(READER, Place(0))
        async with publishing(log, settings):
            await caught_up(log)
    _, found = await published(settings)

    assert by_seq(found) == signals(0, 30)


async def test_a_bus_that_is_far_behind_gets_the_signals_of_a_second_together(
    server: NatsServer, tmp_path: Path
) -> None:
    settings = server.settings()
    await prepare(settings)
    async with local_log(tmp_path / "log") as log:
        for number in range(2 * FAR_BEHIND):
            log.signals(signals(10 * number, 10))
            await log.flush()
        log.acknowledge(READER, Plan().place(0))  # nothing was sent by any plan
        async with publishing(log, settings):
            await caught_up(log)
    subjects, found = await published(settings)

    assert len(subjects) == 5
    assert subjects[-1] == "stormwatch.signals.eu._._"
    assert by_seq(found) == signals(0, 20 * FAR_BEHIND)
    assert [one.seq for one in found if one.kind is SignalKind.TICK] == list(range(9, 20 * FAR_BEHIND, 10))


async def test_a_publisher_that_was_killed_divides_again_as_before(server: NatsServer, tmp_path: Path) -> None:
    """It comes back with the place that was durable, and the log has grown meanwhile."""
    settings = server.settings()
    await prepare(settings)
    async with local_log(tmp_path / "log") as log:
        log.acknowledge(READER, Plan().place(0))
        for number in range(2 * FAR_BEHIND):
            log.signals(signals(10 * number, 10))
            await log.flush()
        durable = Plan().extended(0, log.end).place(0)
        async with publishing(log, settings):
            await caught_up(log)
        for number in range(2 * FAR_BEHIND, 3 * FAR_BEHIND):
            log.signals(signals(10 * number, 10))
            await log.flush()
        log.acknowledge(READER, durable)
        async with publishing(log, settings):
            await caught_up(log)
    _, found = await published(settings)

    assert by_seq(found) == signals(0, 30 * FAR_BEHIND)


def test_an_entry_that_cannot_be_read_is_counted_and_what_is_beside_it_goes_out() -> None:
    divider = Divider("stormwatch", "eu", "log")
    good, bad = encode_signals(signals(0, 10)), b"nothing of the kind"
    entries = [
        Entry(position=number, stream=Stream.SIGNALS, id=str(number), key="", run_id="r", at=at(0), rows=10, body=body)
        for number, body in enumerate((good, bad, encode_signals(signals(10, 10))), 1)
    ]
    found = [signal for one in divider.parts(*entries) for signal in decode_signals(one.body)]

    assert by_seq(found) == signals(0, 20)
    assert divider.unreadable == 1


async def test_without_a_stream_the_agent_waits_and_says_so(server: NatsServer, tmp_path: Path) -> None:
    settings = server.settings()
    async with local_log(tmp_path / "log") as log, publishing(log, settings) as one:
        log.signals(signals(0, 10))
        await log.flush()
        await until(lambda: "not connected yet" not in one.lag().why)
        waiting = one.lag()
        await prepare(settings)
        await caught_up(log)
    _, found = await published(settings)

    assert waiting.state == "away"
    assert by_seq(found) == signals(0, 10)
