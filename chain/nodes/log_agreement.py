"""Compares what several nodes say of the logs of a run of blocks, and asks for more where they differ.

Where no majority stands behind the logs, or only one provider speaks and the bloom filter shows more than it sent, each node is
asked for the receipts too: what it leaves out of its logs and shows there proves its fault.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from chain.blocks import bloom
from chain.blocks.block import Header
from chain.blocks.reads import Reads
from chain.nodes.group import NodeGroup
from chain.nodes.log_quorum import Agreement, judge, with_receipts
from chain.nodes.log_ranges import Logs
from chain.nodes.node import Node
from chain.nodes.voices import majority
from chain.rpc.errors import NodeFailure
from chain.rpc.messages import header_ask, header_of, receipts_ask, receipts_of


async def agreed_logs(
    nodes: NodeGroup, run: Sequence[Header], reads: Reads, by_node: Mapping[str, Logs]
) -> dict[str, Agreement]:
    """Return the believed logs by block hash, and report the nodes at fault."""
    providers = {name: nodes.providers[name] for name in by_node}
    differ = [one for one in run if len({logs[one.hash] for logs in by_node.values()}) > 1]
    denied = [one for one in run if any(bloom.denied(one, logs[one.hash]) for logs in by_node.values())]
    blooms = await _blooms(nodes, [*differ, *denied], by_node) if len(by_node) > 1 else {}
    headers = [replace(one, bloom=blooms[one.hash]) if one.hash in blooms else one for one in run]
    found: dict[str, Agreement] = {}
    unsure: list[Header] = []
    for header in headers:
        logs = {name: some[header.hash] for name, some in by_node.items()}
        found[header.hash] = judge(header, logs, providers)
        alone = len(set(providers.values())) == 1 and bloom.suspicious(header, reads, found[header.hash].logs)
        if alone or found[header.hash].disputed:
            unsure.append(header)
    receipts = await _receipts(nodes, unsure, reads, by_node) if unsure else {}
    for header in unsure:
        logs = {name: some[header.hash] for name, some in by_node.items()}
        logs, shown = with_receipts(logs, {name: some[header.hash] for name, some in receipts.items()})
        again = judge(header, logs, providers)
        found[header.hash] = replace(again, faults=shown | dict(again.faults))
    for header in headers:
        for name, fault in found[header.hash].faults.items():
            nodes.accuse(name, fault, f"logs of block {header.number}")
    return found


async def _blooms(nodes: NodeGroup, run: Sequence[Header], names: Mapping[str, Logs]) -> dict[str, int | None]:
    """Return the bloom filter that most providers give for each of these blocks; None without a majority.

    One node gave the header, and a wrong filter would put the others at fault.
    """
    wanted = list({one.hash: one for one in run}.values())
    if not wanted or not nodes.blooms:
        return {}

    async def act(node: Node) -> list[Header]:
        return [header_of(answer) for answer in await node.ask([header_ask(one.number) for one in wanted])]

    by_node = await nodes.from_each(act, names)
    found: dict[str, int | None] = {}
    for at, one in enumerate(wanted):
        said = {name: some[at].bloom for name, some in by_node.items() if some[at].hash == one.hash}
        found[one.hash] = majority(said, nodes.providers)
    return found


async def _receipts(
    nodes: NodeGroup, run: Sequence[Header], reads: Reads, names: Mapping[str, Logs]
) -> dict[str, Logs]:
    """Read the logs of these blocks again, from the receipts, by node. Many nodes do not have the method."""

    async def act(node: Node) -> Logs:
        answers = await node.ask([receipts_ask(one) for one in run])
        try:
            return {one.hash: receipts_of(answer, reads, one) for one, answer in zip(run, answers, strict=True)}
        except NodeFailure:
            return {one.hash: () for one in run}  # it has no receipts; that is no failure of the node

    return await nodes.from_each(act, names)
