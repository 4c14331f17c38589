"""Finds the benchmarks: every module here declares `bench() -> list[Figure]`."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules

from tests.bench.figures import Figure


def names() -> tuple[str, ...]:
    """The benchmarks found in this folder, sorted, without importing them."""
    return tuple(sorted(module.name for module in iter_modules(__path__)))


def declared(name: str) -> Callable[[], list[Figure]]:
    """The benchmark of this name. Raises KeyError if there is none."""
    if name not in names():
        raise KeyError(name)
    bench: Callable[[], list[Figure]] = import_module(f"{__name__}.{name}").bench
    return bench
