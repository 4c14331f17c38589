"""Reading blocks whole: headers by number, then logs and state of a run of blocks in a few batched questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from chain.block import Block, CallNeed, Header, Log, Need, Needs, address_of
from chain.detector import Watch, WatchedPool
from chain.events import NetworkId, NodeFaultKind
from chain.node import Node
from chain.nodes import Nodes
from chain.rpc import Ask, NodeFailure, header_ask, header_of, logs_ask, logs_of, read_ask, read_of

TOKEN0_CALL, TOKEN1_CALL = "0x0dfe1681", "0xd21220a7"


async def headers(nodes: Nodes, numbers: Sequence[int]) -> list[Header]:
    """The headers of these numbers. Raises NodeFailure."""

    async def act(node: Node) -> list[Header]:
        return [header_of(answer) for answer in await node.ask([header_ask(number) for number in numbers])]

    return await nodes.first(act)


async def blocks(
    nodes: Nodes,
    network: NetworkId,
    run: Sequence[Header],
    needs: Needs,
    clock: Callable[[], datetime],
    *,
    state_of: Sequence[Header],
) -> list[Block]:
    """These blocks, oldest first, with their logs, and the state of those in `state_of`. Raises NodeFailure."""

    async def act(node: Node) -> list[Block]:
        reads: list[tuple[Need, Header]] = [(need, one) for one in state_of for need in _ordered(needs)]
        asks: list[Ask] = [read_ask(need, one) for need, one in reads]
        if needs.addresses:
            asks = [logs_ask(needs, run), header_ask(run[-1].number), *asks]
        answers = await node.ask(asks)
        logs: dict[str, tuple[Log, ...]] = {}
        if needs.addresses:
            logs = logs_of(answers[0], run)
            if header_of(answers[1]).hash != run[-1].hash:
                raise NodeFailure(NodeFaultKind.BEHIND, "on another fork")
            del answers[:2]
        state: dict[str, dict[Need, int]] = {one.hash: {} for one in run}
        for (need, one), answer in zip(reads, answers, strict=True):
            word = read_of(need, answer)
            if word is not None:
                state[one.hash][need] = word
        return [
            Block(network=network, header=one, seen_at=clock(), logs=logs.get(one.hash, ()), state=state[one.hash])
            for one in run
        ]

    return await nodes.first(act)


async def with_tokens(nodes: Nodes, watch: Watch, head: Header) -> Watch:
    """The watch with each pool's tokens, asked of the pools where not given; a pool that has none is left as it is."""
    bare = [pool for pool in watch.pools if not (pool.token0 and pool.token1)]
    if not bare:
        return watch
    needs = [CallNeed(pool.address, call) for pool in bare for call in (TOKEN0_CALL, TOKEN1_CALL)]

    async def act(node: Node) -> list[int | None]:
        answers = await node.ask([read_ask(need, head) for need in needs])
        return [read_of(need, answer) for need, answer in zip(needs, answers, strict=True)]

    words = await nodes.first(act)
    found: dict[str, WatchedPool] = {}
    for pool, token0, token1 in zip(bare, words[::2], words[1::2], strict=True):
        if token0 and token1:
            found[pool.address] = replace(pool, token0=address_of(token0), token1=address_of(token1))
    return replace(watch, pools=tuple(found.get(pool.address, pool) for pool in watch.pools))


def _ordered(needs: Needs) -> list[Need]:
    return sorted(needs.reads, key=repr)
