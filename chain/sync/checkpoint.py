"""Stores the state of a watcher as bytes: its blocks, their events, the memories of the detectors, and the pending events.

The standard library writes the JSON, because amounts have up to 256 bits. A memory that does not change from block to block is
written once. Of a changed memory only the part that differs from the same detector's previous memory is written.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Protocol, get_args

import msgspec

from chain.blocks.block import Header
from chain.events import NetworkId, PlacedEvent, Reorged, Retracted
from chain.sync.ancestor_marks import Mark
from chain.sync.canonical import Followed

VERSION = 5
"""Version of blocks, events and memories. A checkpoint of another version is refused: the watcher starts anew."""

DeliveredOnce = PlacedEvent | Reorged | Retracted
"""Events that must be delivered exactly once, also across restarts."""

PLACED: dict[str, type[PlacedEvent]] = {kind.__name__: kind for kind in get_args(PlacedEvent)}
"""The kinds of events that have a place in a block, by their stored name."""


class Checkpoints(Protocol):
    """Stores one checkpoint for each network."""

    async def load(self, network: NetworkId) -> bytes | None:
        """Return the last saved checkpoint, or None."""
        ...

    def save(self, network: NetworkId, body: bytes) -> None:
        """Replace the checkpoint. Called after each event that the consumer took, at the head, and every few blocks."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Holds the state of a watcher. `window`: oldest first; `pending`: events that the consumer has not taken yet, in order.

    `marks` and `ancestor_events` lie below the window. After a reorg deeper than the window it is empty: `start` is then the
    next block to read, and `already_emitted` holds ids of events after it that must not be emitted again.
    """

    window: tuple[Followed, ...]
    pending: tuple[DeliveredOnce, ...]
    marks: tuple[Mark, ...] = ()
    ancestor_events: tuple[PlacedEvent, ...] = ()
    start: int | None = None
    already_emitted: frozenset[str] = frozenset()

    def encode(self) -> bytes:
        """Encode as bytes for `decode`."""
        memories = _Written()
        blocks = []
        before: Mapping[str, bytes] = {}
        for one in self.window:
            blocks.append(
                {
                    "header": msgspec.to_builtins(replace(one.header, bloom=None)),
                    "told": [_plain(event) for event in one.events],
                    "memories": {
                        name: memories.at(name, memory)
                        for name, memory in one.memories.items()
                        if before.get(name) is not memory
                    },
                    "gone": [name for name in before if name not in one.memories],
                }
            )
            before = one.memories
        return json.dumps(
            {
                "version": VERSION,
                "memories": memories.written,
                "blocks": blocks,
                "untold": [_plain(event) for event in self.pending],
                "marks": [[mark.number, mark.hash] for mark in self.marks],
                "elder_told": [_plain(event) for event in self.ancestor_events],
                "start": self.start,
                "stands": sorted(self.already_emitted),
            },
            separators=(",", ":"),
        ).encode()


def decode(body: bytes) -> Checkpoint | None:
    """Read a checkpoint; None if another version wrote it, so that the watcher must start anew."""
    found = json.loads(body)
    if found.get("version") != VERSION:
        return None
    memories: list[bytes] = []
    for of, head, tail, part in found["memories"]:
        before = memories[of] if of is not None else b""
        memories.append(before[:head] + b64decode(part) + before[len(before) - tail :])
    window: list[Followed] = []
    current: dict[str, bytes] = {}
    for one in found["blocks"]:
        current = {name: memory for name, memory in current.items() if name not in one["gone"]}
        current |= {name: memories[at] for name, at in one["memories"].items()}
        events = tuple(_placed(event) for event in one["told"])
        window.append(Followed(header=msgspec.convert(one["header"], Header), events=events, memories=current))
    return Checkpoint(
        window=tuple(window),
        pending=tuple(_delivered_once(event) for event in found["untold"]),
        marks=tuple(Mark(number=number, hash=block) for number, block in found["marks"]),
        ancestor_events=tuple(_placed(event) for event in found["elder_told"]),
        start=found["start"],
        already_emitted=frozenset(found["stands"]),
    )


class _Written:
    """Writes memories by number: a similar earlier one, the lengths of the shared head and tail, and the part between."""

    def __init__(self) -> None:
        self.written: list[tuple[int | None, int, int, str]] = []
        self._known: dict[bytes, int] = {}
        self._last: dict[str, bytes] = {}

    def at(self, name: str, memory: bytes) -> int:
        """Return the number of this memory of this detector; write it if it is new."""
        before = self._last.get(name)
        self._last[name] = memory
        if memory not in self._known:
            head, tail = (0, 0) if before is None else _shared(before, memory)
            part = b64encode(memory[head : len(memory) - tail]).decode()
            self.written.append((None if before is None else self._known[before], head, tail, part))
            self._known[memory] = len(self.written) - 1
        return self._known[memory]


@lru_cache(maxsize=256)
def _shared(before: bytes, now: bytes) -> tuple[int, int]:
    """Count the bytes that are equal at the head and, in the rest, at the tail."""
    most = min(len(before), len(now))
    head = _longest(most, lambda length: before[:length] == now[:length])
    tail = _longest(most - head, lambda length: before[len(before) - length :] == now[len(now) - length :])
    return head, tail


def _longest(most: int, same: Callable[[int], bool]) -> int:
    """Return the greatest length up to `most` for which `same` holds; it then holds for all shorter ones."""
    least = 0
    while least < most:
        middle = (least + most + 1) // 2
        least, most = (middle, most) if same(middle) else (least, middle - 1)
    return least


def _plain(event: DeliveredOnce) -> dict[str, Any]:
    if isinstance(event, Retracted):
        rest = {"network": event.network, "seen_at": event.seen_at.isoformat(), "event_id": event.event_id}
        return {"kind": "Retracted", "event": _plain(event.event), **rest}
    return {"kind": type(event).__name__, "event": msgspec.to_builtins(event)}


def _placed(plain: dict[str, Any]) -> PlacedEvent:
    kind = PLACED[plain["kind"]]
    return msgspec.convert(plain["event"], kind)


def _delivered_once(plain: dict[str, Any]) -> DeliveredOnce:
    if plain["kind"] == "Reorged":
        return msgspec.convert(plain["event"], Reorged)
    if plain["kind"] == "Retracted":
        return Retracted(
            network=NetworkId(plain["network"]),
            seen_at=datetime.fromisoformat(plain["seen_at"]),
            event_id=plain["event_id"],
            event=_placed(plain["event"]),
        )
    return _placed(plain)
