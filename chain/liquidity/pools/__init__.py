"""Kinds of pools, one a file, found by folder. Each declares `KINDS` and `make(watched) -> Pool`."""

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
    """First topics of the logs by which a pool pays out what a position had left in it: each kind's `PAYS_OUT_TOPICS`, if any."""
    return frozenset(topic for module in _modules().values() for topic in getattr(module, "PAYS_OUT_TOPICS", ()))


def make_pool(watched: WatchedPool) -> Pool | None:
    """The pool as it stands before anything was read of it; None for a kind nobody knows."""
    module = _modules().get(watched.kind)
    pool: Pool | None = module.make(watched) if module else None
    return pool
