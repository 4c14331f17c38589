"""Follows the log behind a reader's place: chunks as they become durable."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection

from monitor.log import Chunk, Entry, Place, Readable, Stream

PLACE_EVERY_S = 5.0
"""How often a reader of a rare stream says how far it is while nothing comes for it: the log keeps what nobody has passed."""


async def chunks(log: Readable, after: int, streams: Collection[Stream], max_rows: int = 5000) -> AsyncIterator[Chunk]:
    """Chunks of these streams behind `after`, for ever. Each has entries; acknowledge `reached` when they are done."""
    while True:
        chunk = await log.read(after, streams, max_rows)
        if chunk.entries:
            yield chunk
        after = chunk.reached
        await log.wait(after)


async def follow_rare(log: Readable, reader: str, stream: Stream, take: Callable[[Entry], None]) -> None:
    """Give each entry of a stream to `take`, in order, for ever. The reader's place moves on over all other entries too."""
    clock = asyncio.get_running_loop().time
    after, placed_s = log.place(reader).position, clock()
    while True:
        chunk = await log.read(after, (stream,))
        for entry in chunk.entries:
            take(entry)
        after = chunk.reached
        if chunk.entries or clock() - placed_s >= PLACE_EVERY_S:
            log.acknowledge(reader, Place(after))
            placed_s = clock()
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
