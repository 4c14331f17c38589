"""All detectors side by side: one block in, its events out, one memory for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from chain.blocks.block import Block
from chain.blocks.reads import Reads, together
from chain.detectors import Detector, PartitionedMemory, declared, names
from chain.events import Address, PlacedEvent
from chain.watch import Watch


class DetectorSet:
    """All detectors side by side, in their two stages: one block in, its events out; one memory for all."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._stages: tuple[dict[str, Detector], dict[str, Detector]] = ({}, {})
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
        """What all of them want of the next block: the very same object while nobody's wishes change."""
        wanted = [detector.reads() for detector in self._all]
        if wanted != self._wanted:  # quick: a list looks first whether they are the same objects
            self._reads = together(wanted)
        self._wanted = wanted
        return self._reads

    def on_block(self, block: Block) -> list[PlacedEvent]:
        """The block's events: stage 1 in order of the chain, amended and followed by stage 2."""
        if block.state:
            block = replace(block, still=self._still(block))
        said = (one.on_block(block, ()) for one in self._stages[0].values())
        placed = [pair for events in said if events for pair in _ordered(events)]
        placed.sort(key=lambda pair: pair[0])
        first = [event for _, event in placed]
        found = {event.event_id: event for event in first}
        for detector in self._stages[1].values():
            for event in detector.on_block(block, first):
                found[event.event_id] = event
        return list(found.values())

    def _still(self, block: Block) -> frozenset[Address]:
        """The addresses of which the same was read, with the same answers, as in the last block that came with its state, and
        of which nothing else is told.
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
        """Each detector's memory by name, and by name and part where it is kept in parts."""
        found: dict[str, bytes] = {}
        for stage in self._stages:
            for name, one in stage.items():
                if isinstance(one, PartitionedMemory):
                    found |= {f"{name}/{part}": memory for part, memory in one.parts().items()}
                else:
                    found[name] = one.memory()
        return found

    def recall(self, memories: Mapping[str, bytes]) -> None:
        """Put memories back; a detector that has none among them starts anew."""
        self.reset()
        for stage in self._stages:
            for name, detector in stage.items():
                if isinstance(detector, PartitionedMemory):
                    own = {key: memory for key, memory in memories.items() if key.startswith(f"{name}/")}
                    detector.recall_parts({key.removeprefix(f"{name}/"): memory for key, memory in own.items()})
                elif name in memories:
                    detector.recall(memories[name])


def _ordered(events: Sequence[PlacedEvent]) -> list[tuple[float, PlacedEvent]]:
    """With where each stands among the others: what a write said, before what a later log said."""
    at = float("inf")
    found: list[tuple[float, PlacedEvent]] = []
    for event in reversed(events):
        place = event.place
        at = place.log_index if place.log_index is not None else at if place.transaction else float("inf")
        found.append((at, event))
    return found[::-1]
