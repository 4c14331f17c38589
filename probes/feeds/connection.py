"""How a feed's connection ends: why, and how a socket is closed without waiting for a venue that does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import aiohttp

CLOSE_TIMEOUT_S = 2.0


class EndedError(Exception):
    """A connection is over; `planned` where the venue said so or its time was up."""

    def __init__(self, detail: str, *, planned: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.planned = planned


def ending(failures: Sequence[BaseException | None]) -> EndedError:
    """Why a connection is over, of what its tasks failed with. Raises a failure that is ours."""
    for failure in failures:
        if failure is not None and not isinstance(failure, EndedError | aiohttp.ClientError | ConnectionError):
            raise failure
    told = [one for one in failures if isinstance(one, EndedError)]
    return told[0] if told else EndedError(type(failures[0]).__name__)


async def close_quietly(socket: aiohttp.ClientWebSocketResponse) -> None:
    """Say goodbye within two seconds; what the other side makes of it is of no interest."""
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await socket.close()
    except (TimeoutError, aiohttp.ClientError, OSError):
        return


def why_closed(socket: aiohttp.ClientWebSocketResponse, message: aiohttp.WSMessage) -> str:
    """In words, what a message that carries no frame says of the connection."""
    if message.type is aiohttp.WSMsgType.ERROR:
        return type(message.data).__name__
    return f"closed by the venue with {socket.close_code}"
