"""Looks up verified source at Etherscan (V2: one URL for all chains, with the operator's key) and Sourcify (no key).

Only an operator's setting enables it; without the setting nothing is sent. Requests are rate-limited and bounded, and never
raise: a failed request gives None. The API takes the key in the query, so errors, which contain URLs, are never logged or stored.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from chain.events import Address
from chain.explorers.answers import SourceExplorer, SourceSeen, etherscan_seen, sourcify_seen
from chain.rate_limit import RateLimit

if TYPE_CHECKING:
    from aiohttp import ClientSession

ETHERSCAN = "https://api.etherscan.io/v2/api"
SOURCIFY = "https://sourcify.dev/server"
PER_S = 3.0
"""Requests per second in the free plan."""
TIMEOUT_S = 10.0
MAX_BYTES = 8 * 1024 * 1024
"""Bytes of an answer: it contains the whole source."""
NOT_FOUND = 404

log = logging.getLogger("stormwatch.explorers")


class _JsonClient:
    """Sends GET requests for JSON at a limited rate. It verifies TLS and does not follow redirects."""

    def __init__(self, per_s: float, timeout_s: float) -> None:
        self._rate_limit = RateLimit(per_s)
        self._timeout_s = timeout_s
        self._session: ClientSession | None = None

    async def get(self, url: str, query: Mapping[str, str], *, also: int | None = None) -> Any:
        """Return the answer if its status is 200 or `also`; None otherwise."""
        wait_s = self._rate_limit.wait_s(1, asyncio.get_running_loop().time())
        if wait_s:
            await asyncio.sleep(wait_s)
        from aiohttp import ClientError, ClientSession

        try:
            async with asyncio.timeout(self._timeout_s):
                if self._session is None:
                    self._session = ClientSession()
                async with self._session.get(url, params=query, allow_redirects=False) as response:
                    if response.status not in (200, also):
                        if 300 <= response.status < 400:
                            log.warning("an explorer answered HTTP %d: redirect refused", response.status)
                        return None
                    body = bytearray()
                    async for part in response.content.iter_chunked(65536):
                        body += part
                        if len(body) > MAX_BYTES:
                            return None
            return json.loads(body)
        except (ClientError, OSError, TimeoutError, ValueError, RecursionError):
            return None  # its text may contain the URL and the key

    async def close(self) -> None:
        """Hang up."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


class Etherscan:
    """Looks up contracts of one chain at Etherscan. `key` is the operator's; no `repr` contains it."""

    def __init__(
        self, chain_id: int, key: str, *, url: str = ETHERSCAN, per_s: float = PER_S, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._url = url
        self._query: Callable[[Address], dict[str, str]] = lambda address: {
            "chainid": str(chain_id),
            "module": "contract",
            "action": "getsourcecode",
            "address": address,
            "apikey": key,
        }
        self._client = _JsonClient(per_s, timeout_s)

    async def look_up(self, address: Address) -> SourceSeen | None:
        """Return the entry of a contract; None if Etherscan does not answer."""
        return etherscan_seen(address, await self._client.get(self._url, self._query(address)))

    async def close(self) -> None:
        """Hang up."""
        await self._client.close()


class Sourcify:
    """Looks up contracts of one chain at Sourcify, which needs no key."""

    def __init__(
        self, chain_id: int, *, url: str = SOURCIFY, per_s: float = PER_S, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._url = f"{url.rstrip('/')}/v2/contract/{chain_id}"
        self._client = _JsonClient(per_s, timeout_s)

    async def look_up(self, address: Address) -> SourceSeen | None:
        """Return the entry of a contract; None if Sourcify does not answer. It answers 404 for an unknown contract."""
        found = await self._client.get(f"{self._url}/{address}", {"fields": "compilation"}, also=NOT_FOUND)
        return sourcify_seen(address, found)

    async def close(self) -> None:
        """Hang up."""
        await self._client.close()


async def first_verified(explorers: tuple[SourceExplorer, ...], address: Address) -> SourceSeen | None:
    """Return the first entry with verified source, else the first entry."""
    answers = [one for one in [await explorer.look_up(address) for explorer in explorers] if one is not None]
    return next((one for one in answers if one.verified), answers[0] if answers else None)
