"""The simulated venues' dialects: each module here declares its own as `DIALECT`; no list names them."""

from __future__ import annotations

from monitor.drill.world.dialect import Dialect
from monitor.registry import Registry

_DIALECTS: Registry[Dialect] = Registry(__name__, "DIALECT")


def names() -> tuple[str, ...]:
    """The venues found in this folder, sorted."""
    return _DIALECTS.names()


def declared(venue: str) -> Dialect:
    """The dialect of this venue. Raises KeyError if there is none."""
    return _DIALECTS.get(venue)
