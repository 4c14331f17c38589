"""Finds the kinds of proxy in this folder: each module declares one as `KIND`."""

from __future__ import annotations

from functools import cache

from chain.proxies.kind import ProxyKind
from chain.registry import Registry

_REGISTRY = Registry(__name__, __path__)


def names() -> tuple[str, ...]:
    """The kinds found in this folder, sorted, without importing them."""
    return _REGISTRY.names()


@cache
def declared(name: str) -> ProxyKind:
    """The kind of this name. Raises KeyError if there is none."""
    kind = _REGISTRY.declared(name, "KIND", ProxyKind)
    assert kind.name == name, f"chain/proxies/kinds/{name}.py declares {kind.name}"
    return kind


@cache
def every() -> tuple[ProxyKind, ...]:
    """All kinds, the surest and most special first."""
    return tuple(sorted((declared(name) for name in names()), key=lambda kind: (kind.rank, kind.name)))
