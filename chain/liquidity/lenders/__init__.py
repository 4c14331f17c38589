"""Finds the protocols with liquidations in this folder, one form of log a file. Each file declares `LENDER`."""

from __future__ import annotations

from functools import cache

from chain.liquidity.lending import Lender
from chain.registry import Registry

_REGISTRY = Registry(__name__, __path__)


@cache
def _lenders() -> dict[str, Lender]:
    declared = (_REGISTRY.declared(name, "LENDER", Lender) for name in _REGISTRY.names())
    return {protocol: one for one in declared for protocol in one.protocols}


def protocols() -> tuple[str, ...]:
    """The protocols whose liquidations can be read, sorted."""
    return tuple(sorted(_lenders()))


def lender(protocol: str) -> Lender | None:
    """How this protocol writes a liquidation; None for an unknown one."""
    return _lenders().get(protocol)
