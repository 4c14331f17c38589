"""Two or more nodes tell the logs of one block: what is believed, and who lied or left something out. No I/O.

A log that the block's own filter denies is made up. Where the nodes still differ, the set that most of them tell counts;
where none is told by most, all that is not made up: a node that leaves logs out is far more usual than one that makes
them up.
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
    """`logs` in order; `faults` by the node's name."""

    logs: tuple[Log, ...]
    faults: Mapping[str, NodeFaultKind]


def judge(header: Header, logs_by_node: Mapping[str, tuple[Log, ...]]) -> Agreement:
    """What to believe of this block. `logs_by_node` by the node's name, at least one."""
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
