"""One kind of timelock a module: each declares `STEPS`, the logs by which it queues, executes and cancels. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pkgutil import iter_modules

from chain.blocks.block import Log
from chain.control.operation import Step


def kinds() -> tuple[str, ...]:
    """The kinds of timelock found in this folder, sorted."""
    return tuple(sorted(module.name for module in iter_modules(__path__)))


def _steps() -> Mapping[str, Callable[[Log], Step]]:
    found: dict[str, Callable[[Log], Step]] = {}
    for kind in kinds():
        steps = import_module(f"{__name__}.{kind}").STEPS
        assert not found.keys() & steps.keys(), f"{kind} reads a log that another kind reads"
        found.update(steps)
    return found
