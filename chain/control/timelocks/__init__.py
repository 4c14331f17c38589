"""One kind of timelock a module: each declares `STEPS`, the logs by which it queues, executes and cancels, and `MARKS`, the
getters by which it is recognised. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from chain.blocks.block import Log
from chain.control.operation import Step
from chain.registry import Registry

_REGISTRY = Registry(__name__, __path__)


def kinds() -> tuple[str, ...]:
    """The kinds of timelock found in this folder, sorted."""
    return _REGISTRY.names()


def steps() -> Mapping[str, Callable[[Log], Step]]:
    """The readers of all kinds, by first topic."""
    found: dict[str, Callable[[Log], Step]] = {}
    for kind in kinds():
        own: Mapping[str, Callable[[Log], Step]] = _REGISTRY.module(kind).STEPS
        assert not found.keys() & own.keys(), f"{kind} reads a log that another kind reads"
        found.update(own)
    return found


def marks() -> Mapping[str, tuple[str, ...]]:
    """By kind, the bodies of the getters that all answer at an address of that kind."""
    return {kind: _REGISTRY.module(kind).MARKS for kind in kinds()}
