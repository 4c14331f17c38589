"""An agent on a real NATS server: what its log holds is on the bus, and it says how far the bus is behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from monitor.daemon.agent import Agent
from monitor.errors import OperatorError
from monitor.log import Stream
from monitor.log.bus.connection import Bus
from monitor.log.bus.subjects import Kind
from monitor.log.codec import decode_signals
from monitor.log.follow import remaining
from monitor.settings import load_settings
from monitor.settings.tree import Settings
from monitor.signals import Signal, SignalKind, Subject
from tests.monitor.daemon.test_reload import base
from tests.nats_servers import NatsServer, nats_server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    with nats_server(tmp_path / "nats") as one:
        yield one


def settings_of(folder: Path, servers: str = "") -> Settings:
    file = folder / "stormwatch.toml"
    file.write_text(base(folder / "store") + (f'[bus]\nservers = ["{servers}"]\nmax_mb = 64\n' if servers else ""))
    return load_settings(file, {})


def key(one: Signal) -> tuple[str, int]:
    return one.source, one.seq


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110  # what it waits for comes from another process
            await asyncio.sleep(0.01)


async def test_every_signal_of_the_agents_log_is_on_the_bus(server: NatsServer, tmp_path: Path) -> None:
    settings = settings_of(tmp_path, server.url)
    bus = Bus(settings.bus, {}, "test")
    await bus.open()
    agent = Agent(settings, env={})
    stop, running = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(agent.run(stop, running.set))
    await running.wait()
    await until(lambda: agent.log.end > 0 and bool(agent.publisher.lag().why))
    waiting = agent.answer()
    await bus.prepare()  # as a correlator does: an agent needs no right to make streams
    await until(lambda: agent.publisher.published > 0 and agent.publisher.lag().entries == 0)
    ready = agent.answer()
    stop.set()
    await task
    cursor = await bus.cursor(Kind.SIGNALS, "test", ["stormwatch.signals.reload.>"], None)
    found: list[Signal] = []
    while some := await cursor.next(within_s=0.3):
        found += [signal for one in some for signal in decode_signals(one.body)]
    await bus.close()
    local = Agent(settings, env={}).log
    await local.open()
    held = [
        signal
        async for chunk in remaining(local, 0, (Stream.SIGNALS,))
        for entry in chunk.entries
        for signal in decode_signals(entry.body)
    ]
    await local.close()

    assert any("the bus is away" in one for one in waiting.reasons)
    assert ready.ready, ready.reasons
    assert SignalKind.TICK in {one.kind for one in found}
    assert sorted(found, key=key) == sorted(held, key=key)


def test_an_agent_without_a_bus_is_the_operators_mistake(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"bus\.servers"):
        Agent(settings_of(tmp_path), env={})


async def test_an_agent_declares_again_what_it_watches(
    server: NatsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.daemon.agent.DECLARE_EVERY_S", 0.05)
    agent = Agent(settings_of(tmp_path, server.url), env={})
    stop, running = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(agent.run(stop, running.set))
    await running.wait()
    found: list[Signal] = []
    async with asyncio.timeout(20):
        while len(found) < 3:
            await agent.log.flush()
            chunk = [one async for one in remaining(agent.log, 0, (Stream.SIGNALS,))]
            heard = [signal for each in chunk for entry in each.entries for signal in decode_signals(entry.body)]
            found = [one for one in heard if one.kind is SignalKind.EXPECT and one.source == "bybit/book_ws"]
    stop.set()
    await task

    assert {(one.subject, one.value, one.attributes["leg"]) for one in found} == {
        (Subject(asset="BTC", venue="bybit", vantage="reload"), 5.0, "venue")
    }
    assert [one.seq for one in found] == sorted({one.seq for one in found})
    assert found[1].received_at > found[0].received_at
