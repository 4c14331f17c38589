"""Decides which logs of one block to believe if two or more nodes report them, and which node is at fault. No I/O.

A log that the block's bloom filter excludes is forged. If the nodes still differ, the set that a majority reports wins. Without
a majority, every log that is not forged counts: nodes omit logs far more often than they forge them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from chain.blocks.block import Header, Log
from chain.blocks.bloom import denied
from chain.events.network import NodeFaultKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Holds the believed logs in order, and the faults by node name."""

    logs: tuple[Log, ...]
    faults: Mapping[str, NodeFaultKind]


def judge(header: Header, logs_by_node: Mapping[str, tuple[Log, ...]]) -> Agreement:
    """Decide which logs of this block to believe. `logs_by_node` has at least one entry."""
    made_up = {name: set(denied(header, logs)) for name, logs in logs_by_node.items()}
    sets = {name: frozenset(logs) - made_up[name] for name, logs in logs_by_node.items()}
    [(most, votes)] = Counter(sets.values()).most_common(1)
    believed = most if votes * 2 > len(sets) else frozenset[Log]().union(*sets.values())
    faults: dict[str, NodeFaultKind] = {}
    for name, logs in sets.items():
        if made_up[name] or logs - believed:
            faults[name] = NodeFaultKind.FORGED
        elif believed - logs:
            faults[name] = NodeFaultKind.TRUNCATED
    return Agreement(logs=tuple(sorted(believed, key=lambda log: log.index)), faults=faults)
