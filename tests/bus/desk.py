"""The processes of a trial, and what it found: three servers, three agents, a correlator, the receiver of a webhook."""

from __future__ import annotations

import asyncio
import os
import platform
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import nats
import nats.errors
import nats.js.errors

from monitor.incidents import IncidentChange
from monitor.log import Holding, Stream
from monitor.log.bus.publisher import READER
from monitor.log.change_json import decode_change
from monitor.log.codec import decode_signals
from monitor.log.follow import remaining
from monitor.log.settings import LogSettings
from monitor.log.sqlite_log import SqliteLog
from monitor.signals import Signal, SignalKind
from tests.bus.life import SEQS_OF_A_LIFE, Order
from tests.killed_daemon import SECRET_ENV
from tests.kills import Receiver
from tests.nats_servers import NatsServer

STREAM = "stormwatch-signals"
READY_S = 60.0
WHOLE_S = 60.0
PRESENT_S = 2.0
"""A correlator that judged a signal so shortly after it arrived, and so shortly ago, has caught up."""
CAUGHT_UP_WITHIN_S = 60.0
TAIL = 20_000
"""Bytes: some hundred lines of the file of what was judged."""
AGENTS = ("v0", "v1", "v2")
"""Each is a vantage; the rate is divided among them."""
CORRELATOR = "correlator"
Key = tuple[str, str, int, float]
"""A signal's kind, source, number and time of arrival."""


@dataclass
class Desk:
    """The running processes: each agent by its vantage, and the correlator. Each can be killed and started again."""

    place: Path
    servers: Sequence[NatsServer]
    receiver: Receiver
    rate: int
    processes: dict[str, Process] = field(default_factory=dict)
    lives: int = 0

    @property
    def heard(self) -> Path:
        return self.place / "heard"

    def folder(self, role: str) -> Path:
        return self.place / role

    async def start(self, role: str, *, calm: bool = False) -> None:
        """Start a life, and wait until it is ready."""
        self.lives += 1
        order = Order(
            role="correlator" if role == CORRELATOR else "agent", folder=str(self.folder(role)),
            servers=tuple(one.url for one in self.servers), heard=str(self.heard), webhook=self.receiver.url,
            vantage=role, vantages=AGENTS, life=self.lives, rate=self.rate // len(AGENTS), calm=calm,
        )  # fmt: skip
        path = self.place / f"{role}.json"
        path.write_bytes(msgspec.json.encode(order))
        with (self.place / f"{role}.log").open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.bus.life", str(path), stdout=PIPE, stderr=errors,
                env={**os.environ, SECRET_ENV: "x"},
            )  # fmt: skip
        self.processes[role] = process
        assert process.stdout is not None
        async with asyncio.timeout(READY_S):
            line = await process.stdout.readline()
        assert line, (self.place / f"{role}.log").read_text()[-3000:]

    async def kill(self, role: str) -> None:
        process = self.processes.pop(role)
        process.kill()
        await process.wait()

    async def stop(self, role: str) -> None:
        """Stop cleanly."""
        process = self.processes.pop(role)
        process.terminate()
        async with asyncio.timeout(READY_S):
            assert await process.wait() == 0, (self.place / f"{role}.log").read_text()[-3000:]

    async def leader(self) -> NatsServer:
        """The server that leads the stream of signals, as soon as all of its replicas are whole."""
        async with asyncio.timeout(WHOLE_S):
            while True:
                with suppress(nats.errors.Error, nats.js.errors.Error, OSError, TimeoutError):
                    found = await self._leader_of_whole()
                    if found is not None:
                        return found
                await asyncio.sleep(0.2)

    async def _leader_of_whole(self) -> NatsServer | None:
        client = await nats.connect([one.url for one in self.servers], connect_timeout=2)
        try:
            cluster = (await client.jetstream(timeout=2).stream_info(STREAM)).cluster
        finally:
            await client.close()
        if cluster is None or not cluster.replicas or not all(one.current for one in cluster.replicas):
            return None
        return next((one for one in self.servers if one.name == cluster.leader), None)

    def judged(self) -> dict[str, list[tuple[float, float]]]:
        """By vantage: when signals arrived at the agent, and when they were judged: unix seconds, in order of judging."""
        found: dict[str, list[tuple[float, float]]] = {one: [] for one in AGENTS}
        for parts in map(str.split, self.heard.read_text().splitlines()):
            if len(parts) == 3:
                found[parts[0]].append((float(parts[1]), float(parts[2])))
        return found

    async def caught_up(self, within_s: float = CAUGHT_UP_WITHIN_S) -> float:
        """Wait until the correlator judges the present; return how long that took, in seconds."""
        clock = asyncio.get_running_loop().time
        began_s = clock()
        async with asyncio.timeout(within_s):
            while not self._is_caught_up():  # noqa: ASYNC110  # it is another process
                await asyncio.sleep(0.1)
        return clock() - began_s

    async def judged_whole(self, vantage: str, within_s: float = CAUGHT_UP_WITHIN_S) -> None:
        """Wait until the last signal of an agent that has stopped was judged."""
        signals = (await held(self.folder(vantage))).signals
        last_s = max(one.received_at.timestamp() for one in signals if one.seq >= SEQS_OF_A_LIFE)
        async with asyncio.timeout(within_s):
            while self._last()[vantage][0] < last_s - 0.002:  # noqa: ASYNC110  # another process; three digits
                await asyncio.sleep(0.1)

    def _is_caught_up(self) -> bool:
        last, now_s = self._last(), time.time()
        return last.keys() == set(AGENTS) and all(
            judged_s - arrived_s < PRESENT_S and now_s - judged_s < PRESENT_S for arrived_s, judged_s in last.values()
        )

    def _last(self) -> dict[str, tuple[float, float]]:
        """By vantage, when its last signal arrived and was judged, as far as the end of the file shows it."""
        if not self.heard.exists():
            return {}
        with self.heard.open("rb") as file:
            file.seek(max(0, self.heard.stat().st_size - TAIL))
            lines = [one.decode().split() for one in file.read().split(b"\n")[1:-1]]
        return {vantage: (float(arrived), float(judged)) for vantage, arrived, judged in lines}


@asynccontextmanager
async def desk(place: Path, servers: Sequence[NatsServer], rate: int) -> AsyncIterator[Desk]:
    """A desk whose agents and correlator run."""
    receiver = Receiver()
    runner = await receiver.start()
    one = Desk(place, servers, receiver, rate)
    try:
        await one.start(CORRELATOR)
        for vantage in AGENTS:
            await one.start(vantage)
        yield one
    finally:
        for process in one.processes.values():
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        await runner.cleanup()


def key(one: Signal) -> Key:
    return one.kind.value, one.source, one.seq, one.received_at.timestamp()


@dataclass
class Held:
    """What a log holds: every signal in order, how many the bus had acknowledged, and every change in order."""

    signals: list[Signal] = field(default_factory=list)
    acknowledged: int = 0
    changes: list[IncidentChange] = field(default_factory=list)


async def held(folder: Path, reader: str = READER) -> Held:
    local = SqliteLog(
        folder / "log", LogSettings(keep_s=86400.0), {reader: Holding.UNTIL_LIMIT}, lambda: datetime.now(UTC)
    )
    await local.open()
    found = Held()
    place = local.place(reader).position
    async for chunk in remaining(local, 0, (Stream.SIGNALS, Stream.CHANGE)):
        for entry in chunk.entries:
            if entry.stream is Stream.CHANGE:
                found.changes.append(decode_change(entry.body))
                continue
            found.signals += decode_signals(entry.body)
            if entry.position <= place:
                found.acknowledged = len(found.signals)
    await local.close()
    return found


@dataclass(frozen=True)
class Compared:
    """The agents' logs against the correlator's."""

    lost: int
    """Signals that the bus had acknowledged and the correlator did not judge."""
    lost_s: list[float]
    """When these had arrived at the agents, unix seconds."""
    unsent: int
    """Signals that the agent's log holds and the correlator did not judge, the bus having acknowledged none of them."""
    twice: int
    disordered: int
    """Signals that came before an earlier one of the same source and subject."""
    silences: list[float]
    """When the correlator reported that a source is silent, unix seconds."""


def compared(agents: Sequence[Held], judge: Held) -> Compared:
    counts = Counter(map(key, judge.signals))
    sent = [key(one) for agent in agents for one in agent.signals[: agent.acknowledged]]
    waiting = [key(one) for agent in agents for one in agent.signals[agent.acknowledged :]]
    own = {*sent, *waiting}
    last: dict[tuple[str, object], int] = {}
    disordered = 0
    for one in judge.signals:
        if key(one) not in own:
            continue
        where = (one.source, one.subject)
        disordered += one.kind is not SignalKind.TICK and one.seq <= last.get(where, -1)
        last[where] = one.seq
    lost_s = sorted(one[3] for one in sent if not counts[one])
    return Compared(
        lost=len(lost_s),
        lost_s=lost_s,
        unsent=sum(not counts[one] for one in waiting),
        twice=sum(counts[one] - 1 for one in own if counts[one] > 1),
        disordered=disordered,
        silences=[one.received_at.timestamp() for one in judge.signals if one.kind is SignalKind.FEED_SILENT],
    )


def machine() -> str:
    return f"{platform.machine()}, {os.cpu_count()} cores"
