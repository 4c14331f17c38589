"""The producers of evidence: each module here declares one as `PRODUCER`; no list names them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from monitor.correlator.producer import EvidenceBoard, Producer
from monitor.registry import Registry

_PRODUCERS: Registry[Callable[[EvidenceBoard], Producer]] = Registry(__name__, "PRODUCER")


def names() -> tuple[str, ...]:
    """The producers found in this folder, sorted."""
    return _PRODUCERS.names()


def producer(name: str, board: EvidenceBoard) -> Producer:
    """The producer of this name at its beginning. Raises KeyError if there is none."""
    return _PRODUCERS.get(name)(board)


def producers(board: EvidenceBoard) -> Iterator[tuple[str, Producer]]:
    """One of each producer, in order of name."""
    for name in names():
        yield name, producer(name, board)
