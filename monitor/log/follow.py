"""Follows the log behind a reader's place: chunks as they become durable."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection

from monitor.log import Chunk, Readable, Stream


async def chunks(log: Readable, after: int, streams: Collection[Stream], max_rows: int = 5000) -> AsyncIterator[Chunk]:
    """Chunks of these streams behind `after`, for ever. Each has entries; acknowledge `reached` when they are done."""
    while True:
        chunk = await log.read(after, streams, max_rows)
        if chunk.entries:
            yield chunk
        after = chunk.reached
        await log.wait(after)


async def remaining(
    log: Readable, after: int, streams: Collection[Stream], max_rows: int = 5000
) -> AsyncIterator[Chunk]:
    """Chunks of these streams from `after` to the present end."""
    end = log.end
    while after < end:
        chunk = await log.read(after, streams, max_rows)
        if chunk.entries:
            yield chunk
        after = max(chunk.reached, after + 1)
