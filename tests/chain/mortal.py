"""A process that follows or scans a chain into a file, and dies at the point it is told to: run by test_kill.

`python -m tests.chain.mortal follow|scan URL FOLDER FIRST LAST POINT ADDRESS…` dies of SIGKILL when it reaches point number
POINT (0: never). Points lie before and after each line written, and around every step of saving the checkpoint. What comes
again after a death is recognised by its id, as the promise of the floor says: it can only be the last line.
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
from tests.chain.made import START

PLACED = get_args(PlacedEvent)


class Life:
    """Counts the points passed, and ends at one of them."""

    def __init__(self, last: int) -> None:
        self._left = last

    def point(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class Saved:
    """Checkpoints in one file, replaced whole."""

    def __init__(self, folder: Path, life: Life) -> None:
        self._path = folder / "checkpoint"
        self._life = life

    async def load(self, network: NetworkId) -> bytes | None:
        return self._path.read_bytes() if self._path.exists() else None

    def save(self, network: NetworkId, body: bytes) -> None:
        self._life.point()
        part = self._path.with_suffix(".part")
        part.write_bytes(body)
        self._life.point()
        part.replace(self._path)
        self._life.point()


class Told:
    """One line an event, without our clock."""

    def __init__(self, folder: Path, life: Life) -> None:
        self._path = folder / "told"
        self._life = life
        body = self._path.read_bytes() if self._path.exists() else b""
        body = body[: body.rfind(b"\n") + 1]  # a torn line was never taken
        self._path.write_bytes(body)
        self._last = body.splitlines()[-1] if body else b""

    def take(self, event: PlacedEvent) -> None:
        if isinstance(
            event, CodeCompared
        ):  # how much of a code was read in time is the machine's, sizes are the chain's
            old, new = event.change.old_size, event.change.new_size
            event = replace(event, change=CodeChange(old_size=old, new_size=new, gained=None, lost=None))
        plain = asdict(replace(event, seen_at=START))
        line = json.dumps({"kind": type(event).__name__, **plain}, default=str, sort_keys=True).encode()
        self._life.point()
        if line != self._last:
            with self._path.open("ab") as file:
                file.write(line[: len(line) // 2])
                file.flush()
                self._life.point()
                file.write(line[len(line) // 2 :] + b"\n")
        self._last = line
        self._life.point()


async def _until(events: AsyncIterator[ChainEvent], told: Told, last: int) -> None:
    async with aclosing(events) as some:  # type: ignore[type-var]
        async for event in some:
            if isinstance(event, PLACED):
                told.take(event)
            if isinstance(event, HeadSeen) and event.block_number >= last:
                return


def main(words: list[str]) -> None:
    how, url, folder, first, last, point, *addresses = words
    life = Life(int(point))
    saved, told = Saved(Path(folder), life), Told(Path(folder), life)
    watch = Watch(contracts=tuple(WatchedContract(address=Address(one)) for one in addresses))
    network = networks.declared("local")
    settings = WatcherSettings(network=network, nodes=(url,), watch=watch, poll_s=0.02, start_block=int(first))
    if how == "scan":
        asyncio.run(
            _until(scan(settings, int(first), int(last), options=ScanOptions(checkpoints=saved)), told, int(last))
        )
    else:
        asyncio.run(_until(Watcher(settings, saved).events(), told, int(last)))


if __name__ == "__main__":
    main(sys.argv[1:])
