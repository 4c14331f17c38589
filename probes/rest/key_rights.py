"""Asks what the operator's key may do, at the start and each hour. A key that may trade or withdraw is not used.

A key of which the venue's answer is not known is not used either; where a venue does not tell, the operator is told so once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from probes.readings import Reading
from probes.venue import BookSnapshot, Context, Keys, RestCheck, Venue

CHECK = "key_rights"
ASK_EVERY_S = 3600.0
VALID_S = 6 * 3600.0
"""An answer counts for so long where the venue does not give a newer one."""
MAX_RIGHTS = 5

log = logging.getLogger("stormwatch.venues")

Ask = Callable[[RestCheck], Awaitable[list[Reading]]]


class KeyRights:
    """What is known of one key. `ask` sends a check once."""

    def __init__(self, venue: Venue, keys: Keys) -> None:
        self._venue = venue
        self._name = keys.name or "of the settings"
        self._rights: tuple[str, ...] | None = None
        self._asked_s = float("-inf")
        self._known_s = float("-inf")
        self._last_line = ""
        self._lock = asyncio.Lock()

    async def refused(self, ask: Ask, now: datetime) -> tuple[str, list[Reading]]:
        """Why the key is not used ("": it is), and the readings of the request that asked, if one was sent."""
        declared = self._venue.key_rights
        if declared is None:
            self._tell(
                f"{self._venue.id} does not tell what the key {self._name} may do: make sure that it can only read"
            )
            return "", []
        readings: list[Reading] = []
        async with self._lock:
            now_s = now.timestamp()
            if self._rights is None or now_s - self._asked_s >= ASK_EVERY_S:
                self._asked_s = now_s
                said: list[tuple[str, ...]] = []

                def read(body: bytes, _context: Context) -> Sequence[Reading | BookSnapshot]:
                    said.append(tuple(declared.read(body)))
                    return ()

                readings = await ask(
                    RestCheck(name=CHECK, call=lambda _: declared.call, read=read, every_s=ASK_EVERY_S)
                )
                if said:
                    self._rights, self._known_s = said[-1], now_s
                elif now_s - self._known_s >= VALID_S:
                    self._rights = None
        if self._rights is None:
            return "it is not known what the key may do", readings
        if self._rights:
            may = ", ".join(self._rights[:MAX_RIGHTS])
            self._tell(f"the key {self._name} of {self._venue.id} may do more than read ({may}): it is not used")
            return f"the key may do more than read: {may}", readings
        self._last_line = ""
        return "", readings

    def _tell(self, line: str) -> None:
        if line != self._last_line:
            self._last_line = line
            log.warning("%s", line)
