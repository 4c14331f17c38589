"""Learns which of the methods that only probes use a node has, and leaves out the probes by those that it lacks.

A block is whole without probes. A node that counts each request must not be asked a hundred times for what it never has.
"""

from __future__ import annotations

from collections import defaultdict

from chain.blocks.block import Header
from chain.blocks.reads import AnyRead, Probe
from chain.nodes.node import MAX_LACKED, Node
from chain.rpc.messages import read_ask

MANY = 16
"""Probes of one method from which on a few are asked first."""


def asked_of(node: Node, reads: frozenset[AnyRead]) -> frozenset[AnyRead]:
    """The reads without those by a method that this node lacks."""
    missing = [one for one in reads if isinstance(one, Probe) and node.limits.lacks(_method(one))]
    return reads.difference(missing) if missing else reads


async def learn(node: Node, header: Header, reads: frozenset[AnyRead]) -> None:
    """Try a method that many of these reads need and that the node was never asked for, with a few. Raises NodeFailure."""
    untried: dict[str, list[Probe]] = defaultdict(list)
    for one in reads:
        if isinstance(one, Probe) and _method(one) in node.limits.untried:
            untried[_method(one)].append(one)
    some = [one for probes in untried.values() if len(probes) > MANY for one in sorted(probes, key=repr)[:MAX_LACKED]]
    if some:
        asks = [read_ask(one, {"blockHash": header.hash}) for one in some]
        node.limits.answered_optional(asks, await node.ask(asks))


def _method(probe: Probe) -> str:
    return read_ask(probe, "latest")[0]
