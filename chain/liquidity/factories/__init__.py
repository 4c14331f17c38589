"""Finds the forms of factory in this folder, one log a file. Each file declares `FACTORY`."""

from __future__ import annotations

from functools import cache

from chain.liquidity.creation import Factory
from chain.registry import Registry

_REGISTRY = Registry(__name__, __path__)


@cache
def by_topic() -> dict[str, Factory]:
    """First topic -> the form of factory that writes it."""
    declared = (_REGISTRY.declared(name, "FACTORY", Factory) for name in _REGISTRY.names())
    return {one.topic: one for one in declared}
