"""Every module here declares one `NETWORK`; nothing lists them by hand."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from chain.network import Network


def names() -> tuple[str, ...]:
    """The networks found in this folder, sorted, without importing them."""
    return tuple(sorted(module.name for module in iter_modules(__path__)))


@cache
def declared(name: str) -> Network:
    """The network of this name. Raises KeyError if there is none."""
    if name not in names():
        raise KeyError(name)
    network = import_module(f"{__name__}.{name}").NETWORK
    assert isinstance(network, Network), f"chain/networks/{name}.py must declare NETWORK"
    assert network.id == name, f"chain/networks/{name}.py declares {network.id}"
    return network
