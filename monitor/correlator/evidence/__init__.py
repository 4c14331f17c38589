"""Every module here declares one class `Made`, a producer of evidence; nothing lists them by hand."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from monitor.correlator.producer import EvidenceBoard, Producer


def names() -> tuple[str, ...]:
    """The producers found in this folder, sorted."""
    return tuple(sorted(module.name for module in iter_modules(__path__)))


def made(desk: EvidenceBoard) -> Iterator[tuple[str, Producer]]:
    """One of each producer, in order of name."""
    for name in names():
        producer: Producer = import_module(f"{__name__}.{name}").Made(desk)
        yield name, producer
