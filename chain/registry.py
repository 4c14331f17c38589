"""Finds the declarations in the modules of one folder, so that no list names them by hand.

A folder of kinds (networks, detectors, pools, proxies, timelocks) holds one kind per file. A new file adds a kind.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Registry:
    """Lists and imports the modules of one package, given by its `__name__` and `__path__`."""

    package: str
    path: Sequence[str]

    def names(self) -> tuple[str, ...]:
        """List the modules in the folder, sorted, without importing them."""
        return tuple(sorted(module.name for module in iter_modules(self.path)))

    def module(self, name: str) -> ModuleType:
        """Import the module of this name. Raises KeyError if there is none."""
        full_name = f"{self.package}.{name}"
        if full_name not in sys.modules and name not in self.names():
            raise KeyError(name)
        return import_module(full_name)

    def modules(self) -> tuple[ModuleType, ...]:
        """Import all modules, sorted by name."""
        return tuple(self.module(name) for name in self.names())

    def declared(self, name: str, attribute: str, kind: type[T]) -> T:
        """Return the attribute that the module of this name declares. Raises KeyError if there is no such module."""
        found = getattr(self.module(name), attribute, None)
        assert isinstance(found, kind), f"{self.package}.{name} must declare {attribute}"
        return found
