"""Set-ups whose changes must be told: one group a file. Each is deployed, then changed; what must be told is known beforehand.

A file declares `SETUPS`: name -> an asynchronous function that deploys with a `Deployer` and returns a `SetUp`. The kinds of
`changing.py` are set-ups too; these here are chains of several contracts, odd moments of a change, and logs that lie.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from chain.events import Address
from chain.registry import Registry
from tests.chain.proxies.making import Deployer

_REGISTRY = Registry(__name__, __path__)


@dataclass(frozen=True, slots=True)
class Expected:
    """What must be told, once: an upgrade, or (`said`) a log without one; `old` is then what the place holds. `holder` is the
    contract on the path whose place or code changed (None: the watched one).
    """

    contract: Address
    role: str
    old: str | None
    new: str
    block: int
    holder: str | None = None
    said: bool = False


@dataclass(frozen=True, slots=True)
class SetUp:
    """A watched address, and what changes it and returns what must be told."""

    watched: Address
    change: Callable[[], Awaitable[list[Expected]]]


Make = Callable[[Deployer], Awaitable[SetUp]]


def setups(*groups: str) -> dict[str, Make]:
    """What these files declare, or all, by name."""
    found: dict[str, Make] = {}
    for module in (_REGISTRY.module(group) for group in groups or _REGISTRY.names()):
        own: dict[str, Make] = module.SETUPS
        assert not found.keys() & own.keys()
        found.update(own)
    return found
