"""Every module here declares `STAGE` and `make(watch)`; nothing lists them by hand."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType


def names() -> tuple[str, ...]:
    """The detectors found in this folder, sorted, without importing them."""
    return tuple(sorted(module.name for module in iter_modules(__path__)))


def declared(name: str) -> ModuleType:
    """The detector's module, by the name that `names` gives."""
    return import_module(f"{__name__}.{name}")


def pool_kinds() -> tuple[str, ...]:
    """The kinds of pool that some detector reads."""
    modules = [declared(name) for name in names()]
    return tuple(sorted({kind for module in modules for kind in getattr(module, "POOL_KINDS", ())}))
