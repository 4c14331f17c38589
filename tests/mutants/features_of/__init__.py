"""Finds the features that users rely on: the `FEATURES` of every file of this folder, in order of its name."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from tests.mutants.feature import Feature


def every() -> tuple[Feature, ...]:
    """All features."""
    names = sorted(one.name for one in iter_modules(__path__))
    return tuple(feature for name in names for feature in import_module(f"{__name__}.{name}").FEATURES)
