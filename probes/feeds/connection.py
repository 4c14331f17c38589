"""Says why a feed's connection ended, and closes a socket without waiting for a venue that does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import aiohttp

from probes.fair_shares.connection import FLOODING, FloodingError, protocol_of

CLOSE_TIMEOUT_S = 2.0


class EndedError(Exception):
    """A connection is over. `planned`: the venue announced it, its lifetime ended, or our own machine could not open it.

    `flooding`: it sent more than a connection may.
    """

    def __init__(self, detail: str, *, planned: bool = False, flooding: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.planned = planned
        self.flooding = flooding


def flooded(excess: str) -> EndedError:
    """The end of a connection that sent too much of something."""
    return EndedError(f"{FLOODING}: {excess}", flooding=True)


def refused(socket: aiohttp.ClientWebSocketResponse, excess: str) -> EndedError:
    """Drop a socket that sent too much of something, without a farewell: that would take all that waits in it."""
    protocol = protocol_of(socket)
    if protocol is not None:
        protocol.drop(excess)
    return flooded(excess)


def ending(failures: Sequence[BaseException | None]) -> EndedError:
    """The reason a connection is over, from the failures of its tasks. Raises a failure of our own code."""
    for failure in failures:
        if failure is not None and not isinstance(failure, EndedError | aiohttp.ClientError | ConnectionError):
            raise failure
    ended = [one for one in failures if isinstance(one, EndedError)]
    return ended[0] if ended else EndedError(type(failures[0]).__name__)


async def close_quietly(socket: aiohttp.ClientWebSocketResponse) -> None:
    """Close within two seconds; ignore how the other side reacts."""
    protocol = protocol_of(socket)
    if protocol is not None:
        protocol.closing()
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await socket.close()
    except (TimeoutError, aiohttp.ClientError, OSError):
        return


def why_closed(socket: aiohttp.ClientWebSocketResponse, message: aiohttp.WSMessage) -> EndedError:
    """The end of a connection, from a message that carries no frame."""
    if isinstance(message.data, FloodingError):
        return flooded(str(message.data))
    if message.type is aiohttp.WSMsgType.ERROR:
        return EndedError(type(message.data).__name__)
    return EndedError(f"closed by the venue with {socket.close_code}")
