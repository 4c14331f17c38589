"""A correlator that is gone and another one on another folder: the same incidents go on, and no sink is reported twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.alerting.memory import decode_memory, reader_name
from monitor.correlator import Correlator
from monitor.daemon.bus_source import READER
from monitor.daemon.correlator_on_bus import CorrelatorOnBus
from monitor.daemon.resume import image_of, thawed
from monitor.daemon.successor import Successor
from monitor.incidents import IncidentChange
from monitor.log import DeliveryResult, Image, Stream
from monitor.log.bus import state as bus_state
from monitor.log.bus.connection import Bus, BusAway
from monitor.log.bus.settings import BusSettings
from monitor.log.bus.state import StatePublisher, read_state
from monitor.log.change_json import decode_change
from monitor.settings.tree import Settings
from tests.monitor.correlator.storm import DRILL, START, at
from tests.monitor.daemon.bus_judges import LAST, STORM, Judge, in_one_process, judging, publish, server, settings
from tests.monitor.daemon.test_resume import WATCHED
from tests.nats_servers import free_port

__all__ = ["server", "settings"]

CUT = next(index for index, one in enumerate(STORM) if one.received_at >= at(34))
"""The storm is reported, and is not over."""


async def state_published(settings: BusSettings, judge: Judge, sinks: tuple[str, ...] = ("pager",)) -> None:
    """Everything that is durable now, on the bus."""
    await judge.log.flush()
    publisher = StatePublisher(Bus(settings, {}, "state"), settings, judge.log, lambda: sinks)
    task = asyncio.create_task(publisher.run())
    await publisher.drain(30.0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def die_in_the_storm(settings: BusSettings, folder: Path, code: str = "") -> list[IncidentChange]:
    """The first correlator: it reported the pager of all but its last change, and judged on after its last image."""
    early = next(index for index, one in enumerate(STORM) if one.received_at >= at(26))
    await publish(settings, STORM[:early])
    async with judging(settings, folder) as judge:
        await judge.until(lambda: judge.pipeline.heard == early)
        image = image_of(judge.correlator, WATCHED, judge.source.heard)
        if code != "none":
            judge.log.image(replace(image, code=code or image.code))
        await publish(settings, STORM[early:CUT], first=500)
        await judge.until(lambda: judge.pipeline.heard == CUT)
        for one in judge.changes[:-1]:
            judge.log.delivery(
                DeliveryResult(
                    sink="pager",
                    incident_id=one.incident_id,
                    revision=one.revision,
                    outcome="delivered",
                    why="",
                    at=LAST,
                )
            )
        await state_published(settings, judge)
        return judge.changes


def delivered(one: IncidentChange) -> DeliveryResult:
    return DeliveryResult(
        sink="pager", incident_id=one.incident_id, revision=one.revision, outcome="delivered", why="", at=LAST
    )


def fits(image: Image) -> bool:
    try:
        thawed(image, DRILL, WATCHED)
    except ValueError:
        return False
    return True


def heir(settings: BusSettings, sinks: tuple[str, ...] = ("pager", "new")) -> Callable[[Judge], Awaitable[None]]:
    async def take_over(judge: Judge) -> None:
        bus = Bus(settings, {}, "heir")
        judge.source._bus = bus
        await bus.open()
        successor = Successor(bus, settings, judge.log, judge.source)
        await successor.take_over(fits, sinks, START - timedelta(days=1))
        assert not successor.is_new
        await bus.close()

    return take_over


async def reported_in(judge: Judge) -> list[IncidentChange]:
    await judge.log.flush()
    chunk = await judge.log.read(0, (Stream.CHANGE,))
    return [decode_change(one.body) for one in chunk.entries]


@pytest.mark.parametrize("code", ["", "another version", "none"])
async def test_another_process_on_another_folder_goes_on_with_the_same_incidents(
    settings: BusSettings, tmp_path: Path, code: str
) -> None:
    before = await die_in_the_storm(settings, tmp_path / "one", code)
    await publish(settings, STORM[CUT:], first=1000)
    expected = in_one_process(STORM)
    async with judging(settings, tmp_path / "two", first=heir(settings)) as judge:
        await judge.until(lambda: caught(judge))
        judge.pipeline.finish()
        reported = await reported_in(judge)

    assert judge.correlator.digest() == expected.digest() or code
    ids = [(one.incident_id, one.revision) for one in reported]
    assert len(ids) == len(set(ids))
    assert ids[: len(before)] == [(one.incident_id, one.revision) for one in before]
    assert {one.incident_id for one in reported} == {one.incident_id for one in before}
    assert [one.incident_id for one in judge.correlator.open_incidents()] == [
        one.incident_id for one in expected.open_incidents()
    ]
    assert ids[-1][1] > before[-1].revision


def caught(judge: Judge) -> bool:
    """Whether the last second of the storm has been heard."""
    last = judge.pipeline.last_tick
    return last is not None and last >= LAST - timedelta(seconds=1) and judge.source._caught_up.pending == 0


async def test_a_sink_is_told_of_what_it_was_not_told_and_of_nothing_else(
    settings: BusSettings, tmp_path: Path
) -> None:
    before = await die_in_the_storm(settings, tmp_path / "one")
    async with judging(settings, tmp_path / "two", first=heir(settings)) as judge:
        pager = decode_memory(judge.log.place(reader_name("pager")).state)
        fresh = decode_memory(judge.log.place(reader_name("new")).state)
        end, heard = judge.log.end, judge.log.place(READER).state

    last = {one.incident_id: one.revision for one in before[:-1]}
    assert {name: note.revision for name, note in pager.notes} == last
    assert pager.reached == 0  # it reads all that was reported, and its memory leaves out what it got
    assert fresh.reached >= len(before)  # nobody wants a sink's first notes to be old ones
    assert end >= fresh.reached
    assert int(heard) > 0


async def test_a_state_that_is_cut_off_in_its_parts_leaves_the_one_before(
    settings: BusSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_state, "PART_BYTES", 1000)
    async with judging(settings, tmp_path) as judge:
        sizes = []
        for heard in (7, 8):
            judge.log.image(image_of(Correlator(DRILL, vantage="home"), WATCHED, heard))
            await state_published(settings, judge)
            sizes.append(await heard_on_bus(settings))
        base = f"{settings.name}.images.0.0"
        bus = Bus(settings, {}, "half")
        await bus.open()
        await bus.publish(f"{base}.1", "torn", b"", {bus_state.IMAGE: "another"})
        await bus.close()

    assert sizes == [7, 8]
    assert await heard_on_bus(settings) == 7


async def heard_on_bus(settings: BusSettings) -> int:
    bus = Bus(settings, {}, "reader")
    await bus.open()
    state = await read_state(bus, settings, "reader")
    await bus.close()
    assert state.image is not None
    return state.image.heard


async def test_where_nobody_was_before_there_is_nothing_to_take_over(settings: BusSettings, tmp_path: Path) -> None:
    bus = Bus(settings, {}, "reader")
    await bus.open()
    await bus.prepare()
    async with judging(settings, tmp_path) as judge:
        successor = Successor(bus, settings, judge.log, judge.source)
        await successor.take_over(fits, ("pager",), START)
        await judge.log.flush()
        assert judge.log.end == 0
        assert successor.is_new
    await bus.close()


async def test_a_bus_that_is_away_leaves_open_whether_somebody_was_before(
    settings: BusSettings, tmp_path: Path
) -> None:
    async with judging(settings, tmp_path) as judge:
        with pytest.raises(BusAway):
            await Successor(Bus(settings, {}, "x"), settings, judge.log, judge.source).take_over(fits, (), START)


async def test_a_correlator_that_is_stopped_while_it_waits_for_the_bus_takes_nobodys_place(tmp_path: Path) -> None:
    away = BusSettings(servers=(f"nats://127.0.0.1:{free_port()}",))
    async with judging(away, tmp_path) as judge:
        on_bus = CorrelatorOnBus(
            Settings(vantage="home", bus=away), {}, judge.pipeline, judge.log, lambda: LAST, WATCHED
        )
        stop = asyncio.Event()
        waiting = asyncio.create_task(on_bus.take(stop))
        stop.set()
        await asyncio.wait_for(waiting, 20)

    assert not on_bus.taken


async def test_a_correlator_that_comes_back_goes_on_from_the_one_that_took_its_place(
    settings: BusSettings, tmp_path: Path
) -> None:
    before = await die_in_the_storm(settings, tmp_path / "one")
    await publish(settings, STORM[CUT:], first=1000)
    async with judging(settings, tmp_path / "two", first=heir(settings)) as judge:
        await judge.until(lambda: caught(judge))
        judge.log.image(image_of(judge.correlator, WATCHED, judge.source.heard))
        for one in judge.changes:
            judge.log.delivery(delivered(one))
        await state_published(settings, judge)
        meanwhile, taken = judge.changes, judge.source.taken
    async with judging(settings, tmp_path / "one", first=heir(settings, ("pager",))) as judge:
        pager = decode_memory(judge.log.place(reader_name("pager")).state)
        reported = await reported_in(judge)
        judge.pipeline.finish()

    ids = [(one.incident_id, one.revision) for one in reported]
    assert len(ids) == len(set(ids)) > len(before)
    assert judge.log.place(READER).state == b"%d" % taken
    assert judge.correlator.digest() == in_one_process(STORM).digest()
    assert pager.reached >= len(before)
    assert dict(pager.notes)[meanwhile[-1].incident_id].revision == meanwhile[-1].revision


async def test_a_correlator_that_comes_back_to_its_own_state_takes_nothing_over(
    settings: BusSettings, tmp_path: Path
) -> None:
    await die_in_the_storm(settings, tmp_path / "one")
    ends: list[int] = []

    async def come_back(judge: Judge) -> None:
        ends.append(judge.log.end)
        await heir(settings)(judge)
        ends.append(judge.log.end)

    async with judging(settings, tmp_path / "one", first=come_back):
        assert ends[0] == ends[1] > 0


async def test_two_correlators_of_one_partition_are_told(settings: BusSettings, tmp_path: Path) -> None:
    async with judging(settings, tmp_path / "one") as one, judging(settings, tmp_path / "two") as two:
        publisher = StatePublisher(Bus(settings, {}, "state"), settings, one.log, tuple)
        task = asyncio.create_task(publisher.run())

        async def imaged(judge: Judge) -> None:
            judge.log.image(image_of(judge.correlator, WATCHED))
            await judge.log.flush()

        await imaged(one)
        await publisher.drain(30.0)
        alone = publisher.rival
        await imaged(two)
        await state_published(settings, two)
        await imaged(one)
        await publisher.drain(30.0)
        both = publisher.rival
        await imaged(one)
        await publisher.drain(30.0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    assert (alone, both, publisher.rival) == ("", two.log.id, "")
