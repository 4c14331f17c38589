"""Reads the tokens of watched pools before their first block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from chain.blocks.abi import address_of
from chain.blocks.block import Header
from chain.blocks.reads import CallWord
from chain.nodes.group import NodeGroup
from chain.nodes.node import Node
from chain.rpc.messages import read_ask, read_of
from chain.watch import Watch, WatchedPool

TOKEN0_CALL, TOKEN1_CALL = "0x0dfe1681", "0xd21220a7"


async def with_tokens(nodes: NodeGroup, watch: Watch, head: Header) -> Watch:
    """Add missing tokens to the pools of the watch, read from the pools. A pool without tokens stays unchanged.

    A pool's tokens never change: where it does not answer at `head` (a scan may begin before the pool was made, or where a node
    has no state any more), the newest state counts.
    """
    for at in ({"blockHash": head.hash}, "latest"):
        bare = [pool for pool in watch.pools if not (pool.token0 and pool.token1)]
        if bare:
            watch = await _read_at(nodes, watch, bare, at)
    return watch


async def _read_at(nodes: NodeGroup, watch: Watch, bare: Sequence[WatchedPool], at: Any) -> Watch:
    reads = [CallWord(pool.address, call) for pool in bare for call in (TOKEN0_CALL, TOKEN1_CALL)]

    async def act(node: Node) -> list[int | None]:
        answers = await node.ask([read_ask(read, at) for read in reads])
        return [read_of(read, answer) for read, answer in zip(reads, answers, strict=True)]

    words = await nodes.first(act)
    found: dict[str, WatchedPool] = {}
    for pool, token0, token1 in zip(bare, words[::2], words[1::2], strict=True):
        if token0 and token1:
            found[pool.address] = replace(pool, token0=address_of(token0), token1=address_of(token1))
    return replace(watch, pools=tuple(found.get(pool.address, pool) for pool in watch.pools))
