"""Follows or scans a chain into a file and kills itself at a given point; test_kill runs it as a process.

`python -m tests.chain.killed_process follow|scan URL FOLDER FIRST LAST POINT ADDRESS…` kills itself with SIGKILL at point number
POINT (0: never). There are points before and after each written line, and around every step of saving a checkpoint. After a
restart only the last line can be delivered again; it is recognised by its id.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import asdict, replace
from pathlib import Path
from typing import get_args

from chain import networks
from chain.events import Address, ChainEvent, CodeChange, CodeCompared, NetworkId, PlacedEvent
from chain.events.network import HeadSeen
from chain.sync.scan import ScanOptions
from chain.sync.settings import WatcherSettings
from chain.sync.watcher import Watcher, scan
from chain.watch import Watch, WatchedContract
from tests.chain.builders import START

PLACED = get_args(PlacedEvent)


class KillPoint:
    """Counts the points passed and kills the process at one of them."""

    def __init__(self, last: int) -> None:
        self._left = last

    def pass_point(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class CheckpointFile:
    """Stores the checkpoint in one file, which is replaced as a whole."""

    def __init__(self, folder: Path, kill_point: KillPoint) -> None:
        self._path = folder / "checkpoint"
        self._kill_point = kill_point

    async def load(self, network: NetworkId) -> bytes | None:
        return self._path.read_bytes() if self._path.exists() else None

    def save(self, network: NetworkId, body: bytes) -> None:
        self._kill_point.pass_point()
        part = self._path.with_suffix(".part")
        part.write_bytes(body)
        self._kill_point.pass_point()
        part.replace(self._path)
        self._kill_point.pass_point()


class EventLog:
    """Writes one line for each event, without the time of receipt."""

    def __init__(self, folder: Path, kill_point: KillPoint) -> None:
        self._path = folder / "events"
        self._kill_point = kill_point
        body = self._path.read_bytes() if self._path.exists() else b""
        body = body[: body.rfind(b"\n") + 1]  # an incomplete line was never delivered
        self._path.write_bytes(body)
        self._last = body.splitlines()[-1] if body else b""

    def take(self, event: PlacedEvent) -> None:
        if isinstance(
            event, CodeCompared
        ):  # the time limit of reading code depends on the machine, sizes depend on the chain
            old, new = event.change.old_size, event.change.new_size
            event = replace(event, change=CodeChange(old_size=old, new_size=new, gained=None, lost=None))
        plain = asdict(replace(event, seen_at=START))
        line = json.dumps({"kind": type(event).__name__, **plain}, default=str, sort_keys=True).encode()
        self._kill_point.pass_point()
        if line != self._last:
            with self._path.open("ab") as file:
                file.write(line[: len(line) // 2])
                file.flush()
                self._kill_point.pass_point()
                file.write(line[len(line) // 2 :] + b"\n")
        self._last = line
        self._kill_point.pass_point()


async def _until(events: AsyncIterator[ChainEvent], reported: EventLog, last: int) -> None:
    async with aclosing(events) as some:  # type: ignore[type-var]
        async for event in some:
            if isinstance(event, PLACED):
                reported.take(event)
            if isinstance(event, HeadSeen) and event.block_number >= last:
                return


def main(words: list[str]) -> None:
    how, url, folder, first, last, point, *addresses = words
    kill_point = KillPoint(int(point))
    checkpoints, reported = CheckpointFile(Path(folder), kill_point), EventLog(Path(folder), kill_point)
    watch = Watch(contracts=tuple(WatchedContract(address=Address(one)) for one in addresses))
    network = networks.declared("local")
    settings = WatcherSettings(network=network, nodes=(url,), watch=watch, poll_s=0.02, start_block=int(first))
    if how == "scan":
        asyncio.run(
            _until(
                scan(settings, int(first), int(last), options=ScanOptions(checkpoints=checkpoints)), reported, int(last)
            )
        )
    else:
        asyncio.run(_until(Watcher(settings, checkpoints).events(), reported, int(last)))


if __name__ == "__main__":
    main(sys.argv[1:])
