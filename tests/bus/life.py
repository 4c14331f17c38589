"""One life of an agent or of a correlator for the scripts of this folder: the real one, the agent with a scripted source.

The correlator writes to a file when it judged signals of what time: that shows how long it was blind.

python -m tests.bus.life ORDER.json
"""

from __future__ import annotations

import asyncio
import os
import signal as system_signals
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import msgspec

from monitor.daemon.agent import Agent
from monitor.daemon.daemon import Daemon
from monitor.daemon.logs import set_up_logs
from monitor.incidents import IncidentChange
from monitor.log.bus.settings import BusSettings
from monitor.settings.tree import Settings
from monitor.signals import Signal
from tests import killed_daemon
from tests.killed_daemon import SECRET_ENV, STEP_S, Source

SEQS_OF_A_LIFE = 100_000_000
NO_DATABASE = "postgresql://nobody@127.0.0.1:9/none"
"""Nothing listens there: the correlator's log keeps everything, as in an outage of the database."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What the parent asks of one life."""

    role: Literal["agent", "correlator"]
    folder: str
    servers: tuple[str, ...]
    heard: str
    """A correlator's file of when it judged what."""
    webhook: str = ""
    replicas: int = 3
    vantage: str = ""
    vantages: tuple[str, ...] = ()
    """Of all agents, each on a network of its own."""
    life: int = 0
    rate: int = 2000
    calm: bool = False
    """No surges any more, so that all incidents end."""


def settings_of(order: Order) -> Settings:
    """The settings of `tests/kills.py`, with a bus."""
    ordinary = killed_daemon.settings_of(
        killed_daemon.Order(folder=order.folder, heard="", webhook=order.webhook, dsn=NO_DATABASE)
    )
    return replace(
        ordinary,
        vantage=order.vantage,
        correlator=replace(ordinary.correlator, networks={one: f"network of {one}" for one in order.vantages}),
        bus=BusSettings(servers=order.servers, replicas=order.replicas, max_mb=1024, vantages=order.vantages),
    )


class Witness:
    """Writes when signals of a vantage were judged: the vantage, when the last of them arrived, and now, in unix seconds."""

    def __init__(self, file: int) -> None:
        self._file = file

    def on_signals(self, signals: Sequence[Signal]) -> None:
        last = {one.subject.vantage: one for one in signals if one.seq >= SEQS_OF_A_LIFE}  # those of the story
        for vantage, one in last.items():
            os.write(self._file, f"{vantage} {one.received_at.timestamp():.3f} {time.time():.3f}\n".encode())

    def on_changes(self, changes: Sequence[IncidentChange]) -> None:
        """Changes are in the log."""


def made(order: Order) -> Agent | Daemon:
    settings = settings_of(order)
    if order.role == "correlator":
        file = os.open(order.heard, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        return Daemon(settings, env={SECRET_ENV: "x"}, observers=(Witness(file),), from_bus=True)
    agent = Agent(settings, env={})
    step, first = round(order.rate * STEP_S), order.life * SEQS_OF_A_LIFE
    source = Source(agent.pipeline, calm=order.calm, together=False, step=step, first=first, vantage=order.vantage)
    ticks = agent._sources._ticks
    agent._sources.parts = lambda: {"story": source.run, "clock": ticks}  # type: ignore[method-assign]
    return agent


async def main(order: Order) -> None:
    set_up_logs(False)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(system_signals.SIGTERM, stop.set)
    await made(order).run(stop, lambda: print("ready", flush=True))


if __name__ == "__main__":
    asyncio.run(main(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Order)))
