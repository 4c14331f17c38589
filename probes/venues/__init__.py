"""Finds the declared venues: every module here declares one `VENUE`, and no list names them."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from probes.readings import VenueId
from probes.venue import Venue

NAMES = tuple(sorted(module.name for module in iter_modules(__path__)))
"""The names of the venues in this folder; none is imported yet."""


@cache
def declared(name: str) -> Venue:
    """The venue of this name. Raises KeyError if there is none."""
    if name not in NAMES:
        raise KeyError(name)
    venue = import_module(f"{__name__}.{name}").VENUE
    assert isinstance(venue, Venue), f"probes/venues/{name}.py must declare VENUE"
    assert venue.id == VenueId(name), f"probes/venues/{name}.py declares {venue.id}"
    return venue
