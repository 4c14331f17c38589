"""Decides which logs of one block to believe if two or more nodes report them, and which node is at fault. No I/O.

A log that the block's bloom filter excludes is forged. If the nodes still differ, the set that most providers report wins.
Without a majority every log that is not forged counts, as disputed, and no node is at fault: nobody can say which one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chain.blocks.block import Header, Log
from chain.blocks.bloom import denied
from chain.events.network import NodeFaultKind
from chain.nodes.voices import majority


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Holds the believed logs in order, those of them that some node denies without being outvoted, and faults by node name."""

    logs: tuple[Log, ...]
    faults: Mapping[str, NodeFaultKind]
    disputed: frozenset[Log] = frozenset()


def judge(header: Header, logs_by_node: Mapping[str, tuple[Log, ...]], providers: Mapping[str, str]) -> Agreement:
    """Decide which logs of this block to believe. `logs_by_node` has at least one entry; `providers` are those of the nodes.

    A node with a forged log has no voice, unless all have one.
    """
    made_up = {name: set(denied(header, logs)) for name, logs in logs_by_node.items()}
    sets = {name: frozenset(logs) - made_up[name] for name, logs in logs_by_node.items()}
    heard = {name: logs for name, logs in sets.items() if not made_up[name]} or sets
    most = majority(heard, providers)
    believed = frozenset[Log]().union(*heard.values()) if most is None else most
    faults: dict[str, NodeFaultKind] = {}
    for name, logs in sets.items():
        if made_up[name] or (most is not None and logs - believed):
            faults[name] = NodeFaultKind.FORGED
        elif most is not None and believed - logs:
            faults[name] = NodeFaultKind.TRUNCATED
    disputed = frozenset[Log]() if most is not None else believed.difference(frozenset.intersection(*heard.values()))
    return Agreement(logs=_in_order(believed), faults=faults, disputed=disputed)


def with_receipts(
    logs_by_node: Mapping[str, tuple[Log, ...]], receipts_by_node: Mapping[str, tuple[Log, ...]]
) -> tuple[dict[str, tuple[Log, ...]], dict[str, NodeFaultKind]]:
    """Add to the logs of each node what its own receipts show; the faults are of nodes that left out what they show there."""
    found, faults = dict(logs_by_node), dict[str, NodeFaultKind]()
    for name, receipts in receipts_by_node.items():
        if set(receipts).difference(logs_by_node[name]):
            found[name] = _in_order(frozenset(receipts).union(logs_by_node[name]))
            faults[name] = NodeFaultKind.TRUNCATED
    return found, faults


def _in_order(logs: frozenset[Log]) -> tuple[Log, ...]:
    return tuple(sorted(logs, key=lambda log: log.index))
