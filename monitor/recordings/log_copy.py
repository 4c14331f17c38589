"""Copies the log's signals into a recording while the daemon runs: a reader of the log, never in the way of judging.

A copy that cannot be written (the disk is full) is tried again and goes on where it was, from what the log still holds.
"""

from __future__ import annotations

import asyncio
import gzip
import logging
from contextlib import suppress
from pathlib import Path

import msgspec

from monitor.log import Chunk, Readable, Stream
from monitor.log.codec import decode_signals
from monitor.log.follow import chunks, remaining
from monitor.recordings.signals import Header

RETRY_S = 5.0
LINGER_S = 1.0
"""Signals that trickle in are written once in so long: each time is a member of its own in a compressed file."""
_encode = msgspec.json.Encoder(order="deterministic").encode
log = logging.getLogger("stormwatch.record")


class LogCopy:
    """A recording that follows the log. Raises OSError if the file cannot be made."""

    def __init__(self, path: Path, header: Header) -> None:
        self.path = path
        self.lines = 0
        self._packed = path.suffix == ".gz"
        self._size = 0
        self._after = 0
        self._failing = False
        self._copying = asyncio.Lock()
        """At a stop, `finish` may come while `follow` still writes."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
        self._write(_encode(header) + b"\n")

    async def follow(self, source: Readable, after: int) -> None:
        """Copy what is durable behind `after`, until cancelled."""
        self._after = max(self._after, after)
        async for chunk in chunks(source, self._after, (Stream.SIGNALS,)):
            while not await self._copy(chunk):  # noqa: ASYNC110  # the disk gives no event
                await asyncio.sleep(RETRY_S)
            await asyncio.sleep(LINGER_S)

    async def finish(self, source: Readable) -> None:
        """Copy the rest up to the log's present end."""
        async for chunk in remaining(source, self._after, (Stream.SIGNALS,)):
            if not await self._copy(chunk):
                log.error("%s lacks the last signals", self.path)
                return

    async def _copy(self, chunk: Chunk) -> bool:
        async with self._copying:
            if chunk.reached <= self._after:
                return True
            writing = asyncio.ensure_future(asyncio.to_thread(self._append, chunk))
            try:
                await asyncio.shield(writing)
            except asyncio.CancelledError:  # the thread goes on: what it writes must count before anybody else writes
                await asyncio.gather(writing, return_exceptions=True)
                raise
            except OSError as error:
                if not self._failing:
                    log.warning("%s cannot be written (%s); it goes on when it can", self.path, error.strerror)
                self._failing = True
                return False
            self._failing = False
            return True

    def _append(self, chunk: Chunk) -> None:
        entries = [entry for entry in chunk.entries if entry.position > self._after]
        signals = [signal for entry in entries for signal in decode_signals(entry.body)]
        self._write(b"".join(_encode(signal) + b"\n" for signal in signals))
        self.lines += len(signals)
        self._after = chunk.reached

    def _write(self, block: bytes) -> None:
        """Write a block whole, or nothing of it: a reader never finds half a line or half a member of a compressed file."""
        packed = gzip.compress(block, 6) if self._packed else block
        with self.path.open("r+b", buffering=0) as file:
            file.truncate(self._size)  # what a process that was killed here left, or a truncation that failed
            file.seek(self._size)
            try:
                written = 0
                while written < len(packed):
                    written += file.write(packed[written:])
            except OSError:
                with suppress(OSError):
                    file.truncate(self._size)
                raise
        self._size += len(packed)
