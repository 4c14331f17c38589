"""Reads the logs of a run of blocks in pieces that fit the node's limits, and splits a piece that the node refuses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from chain.blocks.block import Header, Log
from chain.blocks.reads import Reads
from chain.events.network import NodeFaultKind
from chain.nodes.node import Node, NodeLimits
from chain.rpc.errors import Refusal, max_blocks
from chain.rpc.messages import Ask, logs_ask, logs_of

T = TypeVar("T")
Logs = dict[str, tuple[Log, ...]]
"""Logs by block hash, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Holds the blocks and addresses of one eth_getLogs request."""

    run: tuple[Header, ...]
    reads: Reads

    def ask(self) -> Ask:
        """Return the request."""
        return logs_ask(self.reads, self.run)


def pieces(reads: Reads, run: Sequence[Header], limits: NodeLimits) -> list[Piece]:
    """Split the run into pieces that fit these limits."""
    addresses = sorted(reads.addresses)
    return [
        Piece(run=tuple(blocks), reads=replace(reads, addresses=frozenset(some)))
        for blocks in _parts(run, limits.max_blocks)
        for some in _parts(addresses, limits.max_addresses)
    ]


async def settle(node: Node, asked: Sequence[Piece], answers: Sequence[Any]) -> Logs:
    """Return the logs of all pieces. A piece that was refused for its size is requested again in smaller pieces.

    Raises NodeFailure, also if the node refuses the logs of one address in one block.
    """
    found: dict[str, list[Log]] = {header.hash: [] for piece in asked for header in piece.run}
    todo = list(zip(asked, answers, strict=True))
    while todo:
        smaller: list[Piece] = []
        for piece, answer in todo:
            if isinstance(answer, Refusal) and answer.failure().fault is NodeFaultKind.RANGE_LIMIT:
                smaller += _split(piece, answer, node.limits)
                continue
            for block, logs in logs_of(answer, piece.run).items():
                found[block] += logs
            node.limits.succeeded()
        todo = list(zip(smaller, await node.ask([piece.ask() for piece in smaller]), strict=True)) if smaller else []
    return {block: tuple(sorted(logs, key=lambda log: log.index)) for block, logs in found.items()}


def _split(piece: Piece, refusal: Refusal, limits: NodeLimits) -> list[Piece]:
    if len(piece.run) > 1:
        limits.fewer_blocks(len(piece.run), max_blocks(refusal.message))
        return [replace(piece, run=tuple(some)) for some in _parts(piece.run, limits.max_blocks)]
    addresses = sorted(piece.reads.addresses)
    if len(addresses) > 1:
        half = len(addresses) // 2
        if "addresses" in refusal.message:
            limits.max_addresses = min(limits.max_addresses, max(half, 1))
        return [
            replace(piece, reads=replace(piece.reads, addresses=frozenset(some)))
            for some in (addresses[:half], addresses[half:])
        ]
    raise refusal.failure()


def _parts(items: Sequence[T], most: int) -> Iterable[Sequence[T]]:
    return (items[at : at + most] for at in range(0, len(items), most))
