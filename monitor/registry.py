"""Finds what the modules of a folder offer: each module declares it under one agreed name, and no list names the modules."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Generic, TypeVar

Offer = TypeVar("Offer")


@dataclass(frozen=True, slots=True)
class Registry(Generic[Offer]):
    """The modules of the package `folder` (dotted), each of which declares `constant`."""

    folder: str
    constant: str

    def names(self) -> tuple[str, ...]:
        """The modules of the folder, sorted, without importing them."""
        return tuple(sorted(module.name for module in iter_modules(import_module(self.folder).__path__)))

    def get(self, name: str) -> Offer:
        """What the module of this name declares. Raises KeyError if there is no such module."""
        if name not in self.names():
            raise KeyError(name)
        offer: Offer = getattr(import_module(f"{self.folder}.{name}"), self.constant)
        return offer
