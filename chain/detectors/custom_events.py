"""Reports the events that the operator described: a signature, the contracts that write it, and conditions on its arguments.

The logs join the one query of a block. A log that does not fit its signature is passed over: anybody can write any bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from chain.blocks.abi import Unreadable
from chain.blocks.block import Block
from chain.blocks.event_signature import EventSignature, Value, event_signature
from chain.blocks.reads import Reads
from chain.events import CustomEventSeen, PlacedEvent
from chain.watch import EventCondition, Watch, WatchedEvent

STAGE = 1

MAX_A_BLOCK = 32
"""Events of one rule in one block: beyond, the rest of that block's are not reported."""


class CustomEvents:
    """One network's events of the operator's own."""

    def __init__(self, watch: Watch) -> None:
        self._rules = tuple((one, event_signature(one.signature)) for one in watch.events)
        self._reads = Reads(
            addresses=frozenset(address for one in watch.events for address in one.addresses),
            topics=frozenset(signature.topic for _, signature in self._rules),
        )

    def reads(self) -> Reads:
        """The logs of these events."""
        return self._reads

    def on_block(self, block: Block, earlier: Sequence[PlacedEvent]) -> list[PlacedEvent]:
        """The events of this block that meet their conditions."""
        return [event for rule, signature in self._rules for event in islice(_of(block, rule, signature), MAX_A_BLOCK)]

    def memory(self) -> bytes:
        """Nothing is remembered."""
        return b""

    def recall(self, memory: bytes) -> None:
        """Nothing is remembered."""


def _of(block: Block, rule: WatchedEvent, signature: EventSignature) -> Iterator[CustomEventSeen]:
    for log in block.logs:
        if log.address not in rule.addresses or not log.topics or log.topics[0] != signature.topic:
            continue
        try:
            values = signature.values(log)
        except Unreadable:
            continue
        if all(_meets(values[one.argument], one) for one in rule.conditions):
            yield CustomEventSeen(
                place=block.place(log),
                seen_at=block.seen_at,
                event_id=block.event_id("custom", rule.name, log.index),
                rule=rule.name,
                signature=signature.text,
                contract=log.address,
                arguments=tuple(
                    (one.name or str(at + 1), "" if value is None else str(value))
                    for at, (one, value) in enumerate(zip(signature.arguments, values, strict=True))
                ),
            )


def _meets(value: Value, condition: EventCondition) -> bool:
    if condition.equals is not None and value != condition.equals:
        return False
    if condition.above is None and condition.below is None:
        return True
    return (
        isinstance(value, int)
        and (condition.above is None or value > condition.above)
        and (condition.below is None or value < condition.below)
    )


def make(watch: Watch) -> CustomEvents:
    """The detector for this watch."""
    return CustomEvents(watch)
