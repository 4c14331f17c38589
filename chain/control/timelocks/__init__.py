"""One kind of timelock a module: each declares `STEPS`, the logs by which it queues, executes and cancels, and `MARKS`, the
getters by which it is recognised. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from chain.blocks.abi import Unreadable
from chain.blocks.block import Log
from chain.control.operation import Phase, Step
from chain.control.timelocks.zodiac_delay import RAN
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


def steps_of(kind: str) -> Mapping[str, Callable[[Log], Step]]:
    """The readers of one kind."""
    found: Mapping[str, Callable[[Log], Step]] = _REGISTRY.module(kind).STEPS
    return found


def marks() -> Mapping[str, tuple[str, ...]]:
    """By kind, the bodies of the getters that all answer at an address of that kind."""
    return {kind: _REGISTRY.module(kind).MARKS for kind in kinds()}


class Executions:
    """Tells logs that report an execution, whoever emitted them."""

    def __init__(self) -> None:
        self._steps = steps()

    def __contains__(self, log: object) -> bool:
        """Whether this log reports that an operation was executed, or may have been."""
        if not isinstance(log, Log) or not log.topics:
            return False
        reader = self._steps.get(log.topics[0])
        if reader is None:
            return log.topics[0] == RAN
        try:
            return reader(log).phase in (Phase.EXECUTED, Phase.CONSUMED)
        except (Unreadable, IndexError):
            return False
