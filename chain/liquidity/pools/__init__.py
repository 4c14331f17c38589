"""Finds the kinds of pools in this folder, one a file. Each file declares `KINDS` and `make(watched) -> Pool`."""

from __future__ import annotations

from functools import cache
from types import ModuleType

from chain.liquidity.pool import Pool
from chain.registry import Registry
from chain.watch import WatchedPool

_REGISTRY = Registry(__name__, __path__)


@cache
def _modules() -> dict[str, ModuleType]:
    return {kind: module for module in _REGISTRY.modules() for kind in module.KINDS}


def kinds() -> tuple[str, ...]:
    """The kinds of pool that can be read, sorted."""
    return tuple(sorted(_modules()))


@cache
def pays_out_topics() -> frozenset[str]:
    """First topics of the logs by which a pool pays out the tokens owed to a position: each kind's `PAYS_OUT_TOPICS`."""
    return frozenset(topic for module in _modules().values() for topic in getattr(module, "PAYS_OUT_TOPICS", ()))


@cache
def swap_topics() -> frozenset[str]:
    """First topics of the logs that report a swap: each kind's `SWAP_TOPICS`."""
    return frozenset(topic for module in _modules().values() for topic in getattr(module, "SWAP_TOPICS", ()))


def make_pool(watched: WatchedPool) -> Pool | None:
    """A new pool, of which nothing has been read; None for an unknown kind."""
    module = _modules().get(watched.kind)
    pool: Pool | None = module.make(watched) if module else None
    return pool
