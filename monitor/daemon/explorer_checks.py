"""Asks explorers after an upgrade if the source of the new code is verified, in the background: no event waits for it.

An explorer that does not answer is asked again. Code that is not verified is checked again later, because its developer may
still verify it. The result is a signal of its own. `chain inspect` uses this too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import TracebackType

from chain.blocks.standards import NOBODY
from chain.events import Address, Role
from chain.events.upgrades import ContractUpgraded
from chain.explorers.answers import SourceExplorer, SourceSeen
from chain.explorers.client import Etherscan, Sourcify, first_verified
from chain.inspection.inspect import Inspection
from chain.networks import declared
from monitor.daemon.assembly import secret
from monitor.settings.tree import Settings

CHECKS_S = (0.0, 60.0, 900.0, 3600.0)
"""Seconds before each check."""
MAX_OPEN = 64
"""Most upgrades that are checked at a time; more are not checked."""
CODE_ROLES = frozenset(
    {Role.IMPLEMENTATION, Role.SECONDARY, Role.FACET, Role.BEACON, Role.DICTIONARY, Role.DELEGATE, Role.CODE}
)

OnSourceSeen = Callable[[ContractUpgraded, SourceSeen], None]


def books_of(settings: Settings, network: str, env: Mapping[str, str]) -> tuple[SourceExplorer, ...]:
    """The explorers that the operator chose. Raises OperatorError for a key that is named but not found."""
    one, chain_id = settings.explorer, declared(network).chain_id
    books: list[SourceExplorer] = []
    if one.etherscan_key_env:
        key = secret("explorer.etherscan_key_env", one.etherscan_key_env, env)
        books.append(Etherscan(chain_id, key, url=one.etherscan_url, per_s=one.calls_per_s))
    if one.sourcify:
        books.append(Sourcify(chain_id, url=one.sourcify_url, per_s=one.calls_per_s))
    return tuple(books)


async def with_sources(found: Inspection, books: tuple[SourceExplorer, ...]) -> Inspection:
    """The inspection with the explorers' answers on the source of its target and of the previous one. Closes the explorers."""
    addresses = [found.roles.get(Role.IMPLEMENTATION, found.address), *([found.previous] if found.previous else [])]
    try:
        seen = [await first_verified(books, address) for address in dict.fromkeys(addresses)]
    finally:
        for book in books:
            await book.close()
    return replace(found, sources=tuple(one for one in seen if one))


class SourceChecks:
    """The checks of one network. Use it as a context manager: leaving it ends them."""

    def __init__(
        self, books: tuple[SourceExplorer, ...], on_seen: OnSourceSeen, checks_s: tuple[float, ...] = CHECKS_S
    ) -> None:
        self._books = books
        self._on_seen = on_seen
        self._checks_s = checks_s
        self._open: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> SourceChecks:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        for book in self._books:
            await book.close()

    def on_event(self, event: object) -> None:
        """Start a check if the event is an upgrade to other code."""
        if not self._books or len(self._open) >= MAX_OPEN or not isinstance(event, ContractUpgraded):
            return
        if event.role not in CODE_ROLES or event.new == NOBODY:
            return
        task = asyncio.create_task(self._ask(event))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _ask(self, event: ContractUpgraded) -> None:
        address = event.contract if event.role is Role.CODE else Address(event.new)
        last: SourceSeen | None = None
        for wait_s in self._checks_s:
            await asyncio.sleep(wait_s)
            found = await first_verified(self._books, address)
            if found is not None and (last is None or found.verified):
                self._on_seen(event, found)
                last = found
            if last is not None and last.verified:
                return
