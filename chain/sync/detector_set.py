"""Runs all detectors: a block in, its events out, one memory for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace

from chain.blocks.block import Block
from chain.blocks.reads import Reads, together
from chain.detectors import ChecksLogs, Detector, PartitionedMemory, declared, names
from chain.events import Address, PlacedEvent
from chain.watch import Watch


class DetectorSet:
    """Runs all detectors in their stages on each block, and holds one memory for all."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._stages: tuple[dict[str, Detector], ...] = ({}, {}, {})
        self._all: tuple[Detector, ...] = ()
        self._wanted: list[Reads] = []
        self._reads = Reads()
        self._seen: dict[Address, list[object]] = {}
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._seen = {}
        for stage in self._stages:
            stage.clear()
        for name in names():
            module = declared(name)
            self._stages[module.STAGE - 1][name] = module.make(self._watch)
        self._all = tuple(detector for stage in self._stages for detector in stage.values())

    def reads(self) -> Reads:
        """Return the reads of all detectors for the next block: the same object while no detector changes its reads."""
        wanted = [detector.reads() for detector in self._all]
        if wanted != self._wanted:  # quick: lists compare the identity of their items first
            self._reads = together(wanted)
        self._wanted = wanted
        return self._reads

    def checks(self, block: Block) -> Reads:
        """Return the reads that the logs of this block call for, before they are believed."""
        if not block.logs:
            return Reads()
        return together(one.checks(block) for one in self._all if isinstance(one, ChecksLogs))

    def on_block(self, block: Block) -> list[PlacedEvent]:
        """Return the events of the block: stage 1 in order of the chain, amended and followed by the later stages."""
        if block.state:
            block = replace(block, still=self._still(block))
        found_by = (one.on_block(block, ()) for one in self._stages[0].values())
        placed = [pair for events in found_by if events for pair in _ordered(events)]
        placed.sort(key=lambda pair: pair[0])
        found = {event.event_id: event for _, event in placed}
        for stage in self._stages[1:]:
            earlier, more = list(found.values()), dict[str, PlacedEvent]()
            for detector in stage.values():
                for event in detector.on_block(block, earlier):
                    more.setdefault(event.event_id, event)  # two of one stage may see the same change
            found |= more
        return _marked(block, list(found.values()))

    def _still(self, block: Block) -> frozenset[Address]:
        """Return the addresses with the same reads and answers as in the last block with state, and without a log or a write
        in this block.
        """
        seen: dict[Address, list[object]] = {}
        for read, word in block.state.items():
            group = seen.get(read.address)
            if group is None:
                seen[read.address] = [read, word]
            else:
                group.append(read)
                group.append(word)
        before, self._seen = self._seen, seen
        moving = {log.address for log in block.logs} | {write.address for write in block.writes or ()}
        return frozenset(at for at, group in seen.items() if at not in moving and before.get(at) == group)

    def memory(self) -> dict[str, bytes]:
        """Return the memory of each detector by name; by name and part if the detector splits its memory."""
        found: dict[str, bytes] = {}
        for stage in self._stages:
            for name, one in stage.items():
                if isinstance(one, PartitionedMemory):
                    found |= {f"{name}/{part}": memory for part, memory in one.parts().items()}
                else:
                    found[name] = one.memory()
        return found

    def recall(self, memories: Mapping[str, bytes]) -> None:
        """Restore memories. A detector without one starts anew."""
        self.reset()
        for stage in self._stages:
            for name, detector in stage.items():
                if isinstance(detector, PartitionedMemory):
                    own = {key: memory for key, memory in memories.items() if key.startswith(f"{name}/")}
                    detector.recall_parts({key.removeprefix(f"{name}/"): memory for key, memory in own.items()})
                elif name in memories:
                    detector.recall(memories[name])


def _marked(block: Block, events: list[PlacedEvent]) -> list[PlacedEvent]:
    """Mark the events that rest on what providers dispute: the whole block, a log of theirs or of their transaction, or state."""
    if not block.contested and not block.disputed and not block.doubted:
        return events
    indexes = {log.index for log in block.disputed}
    transactions = {log.transaction for log in block.disputed}
    return [
        replace(event, place=replace(event.place, disputed=True))
        if block.contested
        or event.place.log_index in indexes
        or event.place.transaction in transactions
        or _names_one(event, block.doubted)
        else event
        for event in events
    ]


def _names_one(event: PlacedEvent, doubted: frozenset[str]) -> bool:
    return bool(doubted) and any(
        isinstance(word, str) and word in doubted for word in (getattr(event, one.name) for one in fields(event))
    )


def _ordered(events: Sequence[PlacedEvent]) -> list[tuple[float, PlacedEvent]]:
    """Pair events with their order in the block: an event from a write precedes the events from later logs."""
    at = float("inf")
    found: list[tuple[float, PlacedEvent]] = []
    for event in reversed(events):
        place = event.place
        at = place.log_index if place.log_index is not None else at if place.transaction else float("inf")
        found.append((at, event))
    return found[::-1]
