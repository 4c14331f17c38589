"""Holds the detectors, which turn blocks into events without any I/O. Each module declares one, by `STAGE` and `make(watch)`.

Detectors do not know each other. Those of stages 2 and 3 get the events of the earlier stages in the same block; an event they
return with the id of an earlier one replaces it. Memory is given as bytes, so that a reorg or a restart can restore it.
Detectors have no timer: every event belongs to a block, and they use block time alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import ModuleType
from typing import Protocol, TypeVar, runtime_checkable

import msgspec

from chain.blocks.block import Block
from chain.blocks.reads import Reads
from chain.events import PlacedEvent
from chain.registry import Registry

Memory = TypeVar("Memory", bound=msgspec.Struct)

PARTS = 64
_LAST = slice(40, 42)
"""An address's last two digits: the first ones are often zeros or chosen by the owner."""


def split_memory(memory: msgspec.Struct) -> dict[str, bytes]:
    """Split a memory into parts. Each field of the memory maps keys that begin with an address. Equal memories give equal
    parts, in an order that is always the same.
    """
    parts: list[dict[str, dict[str, object]]] = [{} for _ in range(PARTS)]
    for field in memory.__struct_fields__:
        for key, value in getattr(memory, field).items():
            parts[int(key[_LAST], 16) % PARTS].setdefault(field, {})[key] = value
    return {f"{at:02}": msgspec.json.encode(part, order="sorted") for at, part in enumerate(parts)}


def joined_memory(parts: Iterable[bytes], kind: type[Memory]) -> Memory:
    """Join the parts that `split_memory` gave. Raises ValueError where they are not such a memory."""
    whole = kind()
    for part in parts:
        found = msgspec.json.decode(part, type=kind)
        for field in kind.__struct_fields__:
            getattr(whole, field).update(getattr(found, field))
    return whole


class Detector(Protocol):
    """Turns blocks, given in chain order, into events."""

    def reads(self) -> Reads:
        """The reads of the next block; they may change from block to block."""
        ...

    def on_block(self, block: Block, earlier: Sequence[PlacedEvent]) -> list[PlacedEvent]:
        """The events of this block. `earlier` are those of the earlier stages in it (none for stage 1)."""
        ...

    def memory(self) -> bytes:
        """All that is remembered. Equal memories give equal bytes."""
        ...

    def recall(self, memory: bytes) -> None:
        """Restore the memory that `memory` gave. Raises ValueError where the bytes are not such a memory."""
        ...


@runtime_checkable
class PartitionedMemory(Protocol):
    """A detector that gives its memory in parts, so that a part which did not change between blocks is stored once."""

    def parts(self) -> dict[str, bytes]:
        """All that is remembered, by part. Equal memories give equal parts."""
        ...

    def recall_parts(self, parts: Mapping[str, bytes]) -> None:
        """Restore the memory that `parts` gave."""
        ...


@runtime_checkable
class ChecksLogs(Protocol):
    """A detector that believes a log only with the state of its block."""

    def checks(self, block: Block) -> Reads:
        """The reads (`state`, and `writes` where only a trace can tell) that this block's logs call for, and that it lacks."""
        ...


_REGISTRY = Registry(__name__, __path__)


def names() -> tuple[str, ...]:
    """The detectors found in this folder, sorted, without importing them."""
    return _REGISTRY.names()


def declared(name: str) -> ModuleType:
    """The detector's module, by its name from `names`."""
    return _REGISTRY.module(name)


def pool_kinds() -> tuple[str, ...]:
    """The kinds of pool that some detector reads."""
    return tuple(sorted({kind for module in _REGISTRY.modules() for kind in getattr(module, "POOL_KINDS", ())}))
