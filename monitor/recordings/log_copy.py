"""Copies the log's signals into a recording while the daemon runs: a reader of the log, never in the way of judging.

A copy that cannot be written (the disk is full) is tried again and goes on where it was, from what the log still holds.
"""

from __future__ import annotations

import asyncio
import gzip
import logging
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
        if chunk.reached <= self._after:
            return True
        try:
            lines = await asyncio.to_thread(self._append, chunk)
        except OSError as error:
            if not self._failing:
                log.warning("%s cannot be written (%s); it goes on when it can", self.path, error.strerror)
            self._failing = True
            return False
        self._failing = False
        self.lines += lines
        self._after = chunk.reached
        return True

    def _append(self, chunk: Chunk) -> int:
        signals = [signal for entry in chunk.entries for signal in decode_signals(entry.body)]
        self._write(b"".join(_encode(signal) + b"\n" for signal in signals))
        return len(signals)

    def _write(self, block: bytes) -> None:
        """Write a block whole: what a failure left of an earlier try is overwritten. Unbuffered: a kill cuts no block in two."""
        packed = gzip.compress(block, 6) if self._packed else block
        with self.path.open("r+b", buffering=0) as file:
            file.seek(self._size)
            file.truncate()
            left = memoryview(packed)
            while left:
                left = left[file.write(left) :]
        self._size += len(packed)
