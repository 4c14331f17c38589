"""Chooses among the nodes of one network: the order of requests, pauses after failures, and which chain to believe.

All nodes that are not paused are asked for the head. If they report different chains, the chain that most of them report wins.
If two chains have equally many nodes, the one that contains our last block wins, unless its head has stalled. A node that lags
or reports a chain of its own is reported as a fault and skipped; it never looks like a reorg.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt

from chain.blocks.block import Header
from chain.events import NetworkId
from chain.events.network import NodeFault, NodeFaultKind
from chain.nodes import forks
from chain.nodes.health import NodeHealth, NodeState
from chain.nodes.node import Clock, Node
from chain.rpc.errors import NodeFailure
from chain.rpc.messages import header_ask, header_of

T = TypeVar("T")

MAX_FAULTS = 256
LAG_BLOCKS = 3
SECOND_OPINION_S = 2.0
"""Seconds to wait for a second node's answer."""
ANOTHER_NODE_S = 1.5
"""Seconds that a throttled request waits if another node can be asked instead."""
MAX_CHECKS = 3
"""Checks of the head, in a row, after which a node that lags or reports another chain counts as faulty. One check is not enough:
forks of one block are common, and a single node that claims a too high head makes all others look late."""


class NodeGroup:
    """Holds several nodes, ranked by health: failures in a row, lag, errors, latency, then the operator's order.

    `quorum`: how many nodes must agree on the logs of a block, if there are that many. `stall_s`: seconds without a new head
    after which a chain loses the preference for containing our last block.
    """

    def __init__(
        self,
        network: NetworkId,
        nodes: Sequence[Node],
        clock: Clock,
        *,
        quorum: int = 2,
        stall_s: float = 60.0,
        blooms: bool = True,
    ) -> None:
        assert nodes
        self.quorum = quorum
        self.blooms = blooms
        self._network = network
        self._stall_s = stall_s
        self._states = [NodeState(node) for node in nodes]
        for node in nodes if len(nodes) > 1 else ():
            node.limits.patience_s = min(node.limits.patience_s, ANOTHER_NODE_S)
        self._clock = clock
        self._faults: list[NodeFault] = []

    @property
    def several(self) -> bool:
        """Whether a second node exists to compare with."""
        return len(self._states) > 1

    @property
    def pushing(self) -> Node | None:
        """A node that pushes its heads, if there is one."""
        return next((state.node for state in self._states if state.node.pushes), None)

    def wake_s(self) -> float:
        """Seconds until the first pause ends; 0 if a node may be asked now."""
        now = self._clock()
        return min(
            max((state.rest_until - now).total_seconds(), 0.0) if state.rest_until else 0.0 for state in self._states
        )

    def take_faults(self) -> list[NodeFault]:
        """Return the faults since the last call, oldest first."""
        faults, self._faults = self._faults, []
        return faults

    def health(self) -> tuple[NodeHealth, ...]:
        """Return the health of every node, the best first."""
        now = self._clock()
        return tuple(
            state.health(now) for state in sorted(self._states, key=lambda state: (state.resting(now), state.rank))
        )

    async def head(self, holds: Callable[[Header], bool], tip: Header | None = None) -> tuple[str, Header] | None:
        """Return the highest head of the believed chain and the node that has it; None if no node answers.

        `holds` says whether a block is in our window; `tip` is its newest block.
        """
        states = self._ranked(forked=True)
        answers = await asyncio.gather(*(self._head(state) for state in states))
        heads = {
            state.node.name: (state, head) for state, head in zip(states, answers, strict=True) if head is not None
        }
        if not heads:
            return None
        if forks.consistent((head for _, head in heads.values()), holds, tip):
            names = list(heads)
        else:
            names = await self._believed_chain(heads, holds, tip)
        believed = [heads[name] for name in names]
        state, head = max(believed, key=lambda pair: (pair[1].number, holds(pair[1])))
        self._check_heads(heads, set(names), head)
        return state.node.name, head

    async def first(self, act: Callable[[Node], Awaitable[T]], reaching: int = 0) -> T:
        """Return the result of the first node that does not fail and whose head is not below `reaching`.

        Raises the last NodeFailure if all nodes fail.
        """
        states = self._ranked(reaching)
        if not states:
            raise NodeFailure(NodeFaultKind.UNREACHABLE, "every node is paused after its failures")
        turn = iter(states)
        retrying = AsyncRetrying(
            stop=stop_after_attempt(len(states)), retry=retry_if_exception_type(NodeFailure), reraise=True
        )
        return await retrying(self._act, turn, act)

    async def witnesses(
        self, act: Callable[[Node], Awaitable[T]], *, reaching: int, after: int, most: int
    ) -> dict[str, T]:
        """Return the results of up to `most` nodes by name, without the `after` best. Failed or slow nodes are left out."""
        states = self._ranked(reaching)[after : after + most]
        found = await asyncio.gather(*(self._witness(state, act) for state in states))
        return {state.node.name: one for state, one in zip(states, found, strict=True) if one is not None}

    async def agreed(self, header: Header) -> bool | None:
        """Whether this block is on the chain, by the votes of all nodes that answer; None if the votes are equal.

        Reports a fault of each outvoted node.
        """
        states = self._ranked()
        answers = [
            one for [one] in await asyncio.gather(*(self._hashes_at(state, [header.number]) for state in states))
        ]
        same = [state for state, found in zip(states, answers, strict=True) if found == header.hash]
        others = [state for state, found in zip(states, answers, strict=True) if found not in (None, header.hash)]
        if len(same) == len(others):
            return None
        for state in min(same, others, key=len):
            self.accuse(state.node.name, NodeFaultKind.FORKED, f"another block {header.number}")
        return len(same) > len(others)

    def accuse(self, name: str, fault: NodeFaultKind, detail: str) -> None:
        """Report a node whose answer was not believed, and rank it after the others for a while."""
        for state in self._states:
            if state.node.name == name:
                state.distrust()
                self._fault(state, NodeFailure(fault, detail))

    def mention(self, name: str, fault: NodeFaultKind, detail: str) -> None:
        """Report a limitation of a node. Its rank stays."""
        for state in self._states:
            if state.node.name == name:
                self._fault(state, NodeFailure(fault, detail))

    def mention_best(self, fault: NodeFaultKind, detail: str) -> None:
        """Report a limitation of the node that is asked first."""
        self._fault(min(self._states, key=lambda state: state.rank), NodeFailure(fault, detail))

    async def close(self) -> None:
        """Close all connections."""
        await asyncio.gather(*(state.node.close() for state in self._states))

    async def _believed_chain(
        self, heads: dict[str, tuple[NodeState, Header]], holds: Callable[[Header], bool], tip: Header | None
    ) -> list[str]:
        """Return the names of the nodes that report the believed chain."""
        numbers = forks.heights([head for _, head in heads.values()], tip)
        answers = await asyncio.gather(*(self._hashes(state, head, numbers) for state, head in heads.values()))
        seen = dict(zip(heads, answers, strict=True))
        now = self._clock()

        def weight(names: list[str]) -> tuple[int, bool, int]:
            ours = tip is not None and any(
                seen[name].get(tip.number) == tip.hash or holds(heads[name][1]) for name in names
            )
            moves = any(heads[name][0].head_age_s(now) < self._stall_s for name in names)
            return len(names), ours and moves, heads[names[0]][1].number

        return max(forks.by_chain({name: head for name, (_, head) in heads.items()}, seen), key=weight)

    def _check_heads(self, heads: dict[str, tuple[NodeState, Header]], believed: set[str], best: Header) -> None:
        """Report nodes that lag or report another chain, once each time this begins."""
        for name, (state, head) in heads.items():
            state.forked = 0 if name in believed else state.forked + 1
            if state.forked == MAX_CHECKS:
                self._fault(state, NodeFailure(NodeFaultKind.FORKED, f"reports another chain at block {head.number}"))
            lag = best.number - head.number
            state.late = state.late + 1 if lag > LAG_BLOCKS and not state.forked else 0
            if state.late == MAX_CHECKS:
                self._fault(state, NodeFailure(NodeFaultKind.BEHIND, f"{lag} blocks behind"))
            state.behind = state.late >= MAX_CHECKS

    async def _act(self, turn: Iterator[NodeState], act: Callable[[Node], Awaitable[T]]) -> T:
        return await self._one(next(turn), act)

    async def _one(self, state: NodeState, act: Callable[[Node], Awaitable[T]], *, claim: bool = False) -> T:
        began = self._clock()
        try:
            found = await act(state.node)
        except NodeFailure as failure:
            self._failed(state, failure)
            raise
        state.succeeded((self._clock() - began).total_seconds(), claim=claim)
        return found

    async def _witness(self, state: NodeState, act: Callable[[Node], Awaitable[T]]) -> T | None:
        try:
            return await asyncio.wait_for(self._one(state, act), SECOND_OPINION_S)
        except (NodeFailure, TimeoutError):
            return None

    async def _head(self, state: NodeState) -> Header | None:
        async def act(node: Node) -> Header:
            answer = (await node.ask([header_ask(None)]))[0]
            if answer is None:
                raise NodeFailure(NodeFaultKind.NULL_BLOCK, "no head")
            head = header_of(answer)
            return head if self.blooms else replace(head, bloom=None)

        try:
            head = await self._one(state, act, claim=True)
        except NodeFailure:
            return None
        state.record_head(head, self._clock())
        return head

    async def _hashes(self, state: NodeState, head: Header, numbers: Sequence[int]) -> dict[int, str]:
        """Return the hashes that this node has at these heights."""
        asked = [number for number in numbers if number < head.number]
        known = {head.number: head.hash}
        if asked:
            found = await self._hashes_at(state, asked)
            known |= {number: one for number, one in zip(asked, found, strict=True) if one is not None}
        return known

    async def _hashes_at(self, state: NodeState, numbers: Sequence[int]) -> list[str | None]:
        async def act(node: Node) -> list[str | None]:
            answers = await node.ask([header_ask(number) for number in numbers])
            return [None if answer is None else header_of(answer).hash for answer in answers]

        try:
            return await self._one(state, act, claim=True)
        except NodeFailure:
            return [None] * len(numbers)

    def _ranked(self, reaching: int = 0, *, forked: bool = False) -> list[NodeState]:
        now = self._clock()
        awake = [state for state in self._states if not state.resting(now) and state.reaches(reaching)]
        return sorted((state for state in awake if forked or not state.forked), key=lambda state: state.rank)

    def _failed(self, state: NodeState, failure: NodeFailure) -> None:
        self._fault(state, failure)
        state.failed(failure, self._clock(), alone=not self.several)

    def _fault(self, state: NodeState, failure: NodeFailure) -> None:
        if len(self._faults) < MAX_FAULTS:
            self._faults.append(
                NodeFault(
                    network=self._network,
                    seen_at=self._clock(),
                    node=state.node.name,
                    fault=failure.fault,
                    detail=failure.detail,
                )
            )
