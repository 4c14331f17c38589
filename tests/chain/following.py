"""Follows a test node for a while: stores checkpoints in memory and returns events up to the awaited one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import get_args

from web3.contract import AsyncContract

from chain import networks
from chain.events import Address, ChainEvent, NetworkId, PlacedEvent, Retracted
from chain.events.network import HeadSeen, Reorged
from chain.sync.watcher import Watcher, WatcherSettings
from chain.watch import Watch, WatchedContract

PLACED = get_args(PlacedEvent)
LOCAL = networks.declared("local")


class MemoryCheckpoints:
    """Checkpoints in memory."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}

    async def load(self, network: NetworkId) -> bytes | None:
        return self.bodies.get(network)

    def save(self, network: NetworkId, body: bytes) -> None:
        self.bodies[network] = body


def low(contract: AsyncContract | str) -> Address:
    return Address((contract if isinstance(contract, str) else contract.address).lower())


def watching(*contracts: AsyncContract, timelock: AsyncContract | None = None) -> Watch:
    guard = low(timelock) if timelock is not None else None
    return Watch(contracts=tuple(WatchedContract(address=low(one), timelock=guard) for one in contracts))


def settings_of(
    *urls: str, watch: Watch | None = None, start_block: int | None = None, timeout_s: float = 5
) -> WatcherSettings:
    return WatcherSettings(
        network=LOCAL, nodes=urls, watch=watch or Watch(), poll_s=0.05, start_block=start_block, timeout_s=timeout_s
    )


async def until(watcher: Watcher, enough: Callable[[ChainEvent], bool], within_s: float = 30) -> list[ChainEvent]:
    """Returns the events up to and including the first that satisfies `enough`; that last one counts as not delivered."""
    reported: list[ChainEvent] = []
    async with asyncio.timeout(within_s), aclosing(watcher.events()) as events:  # type: ignore[type-var]
        async for event in events:
            reported.append(event)
            if enough(event):
                break
    return reported


def head_at(number: int) -> Callable[[ChainEvent], bool]:
    return lambda event: isinstance(event, HeadSeen) and event.block_number >= number


def kind(*kinds: type) -> Callable[[ChainEvent], bool]:
    return lambda event: isinstance(event, kinds)


def placed(reported: list[ChainEvent]) -> list[ChainEvent]:
    return [event for event in reported if isinstance(event, (*PLACED, Reorged, Retracted))]
