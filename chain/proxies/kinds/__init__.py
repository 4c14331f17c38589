"""Every module here declares one kind of proxy as `KIND`; nothing lists them by hand."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from chain.proxies.kind import ProxyKind


def names() -> tuple[str, ...]:
    """The kinds found in this folder, sorted, without importing them."""
    return tuple(sorted(module.name for module in iter_modules(__path__)))


@cache
def declared(name: str) -> ProxyKind:
    """The kind of this name. Raises KeyError if there is none."""
    if name not in names():
        raise KeyError(name)
    kind = import_module(f"{__name__}.{name}").KIND
    assert isinstance(kind, ProxyKind), f"chain/proxies/{name}.py must declare KIND"
    assert kind.name == name, f"chain/proxies/{name}.py declares {kind.name}"
    return kind


@cache
def every() -> tuple[ProxyKind, ...]:
    """All kinds, the surest and most special first."""
    return tuple(sorted((declared(name) for name in names()), key=lambda kind: (kind.rank, kind.name)))
