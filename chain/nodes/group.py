"""Chooses among the nodes of one network: the order of requests, pauses after failures, and which chain to believe.

All nodes that are not paused are asked for the head. If they report different chains, the chain of most providers wins. If two
chains have equally many, the one that contains our last block wins, unless its head has stalled; what is read then is disputed,
and nobody is at fault. A node that lags or reports a chain of its own is skipped; it never looks like a reorg.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Container, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt

from chain.blocks.block import Header
from chain.events import NetworkId
from chain.events.network import NodeFault, NodeFaultKind, NodeMeasured
from chain.nodes import forks
from chain.nodes.head_choice import LAG_BLOCKS, Believed, HeadChoice, believed_chain, check_heads
from chain.nodes.health import NodeHealth, NodeState
from chain.nodes.node import Clock, Node
from chain.nodes.state_agreement import StateVoices
from chain.nodes.voices import majority
from chain.rpc.errors import NodeFailure
from chain.rpc.messages import header_ask, header_of

T = TypeVar("T")

MAX_FAULTS = 256
SECOND_OPINION_S = 2.0
"""Seconds to wait for a second node's answer."""
ANOTHER_NODE_S = 1.5
"""Seconds that a throttled request waits if another node can be asked instead."""
MAX_WITNESSES = 4
"""Further nodes that are asked for the logs of a block on which the first ones differ."""

MEASURE_S = 15.0
"""Seconds between two measurements of the nodes."""
QUICK_S = 0.5
"""Seconds of latency up to which a node is asked for an opinion that the quorum does not need."""


class NodeGroup:
    """Holds several nodes, ranked by health: failures in a row, lag, errors, latency, then the operator's order.

    `quorum`: how many providers must have a block and agree on its logs, if there are that many. `stall_s`: seconds without a
    new head after which a chain loses the preference for containing our last block. `contested`: whether the last head is that
    of no majority.
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
        self.contested = False
        self._network = network
        self._stall_s = stall_s
        self._states = [NodeState(node) for node in nodes]
        for node in nodes if len(nodes) > 1 else ():
            node.limits.patience_s = min(node.limits.patience_s, ANOTHER_NODE_S)
        self._clock = clock
        self._faults: list[NodeFault] = []
        self._choice = HeadChoice(quorum, stall_s)
        self._measured_at: datetime | None = None
        self.state_voices = StateVoices(self.providers)

    @property
    def providers(self) -> Mapping[str, str]:
        """The provider of each node, by name."""
        return {state.node.name: state.node.provider for state in self._states}

    @property
    def several(self) -> bool:
        """Whether a second node exists to compare with."""
        return len(self._states) > 1

    @property
    def compares_state(self) -> bool:
        """Whether a second provider exists that the operator wants to be asked."""
        return self.quorum > 1 and len(set(self.providers.values())) > 1

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

    def measured(self) -> list[NodeMeasured]:
        """Return how each node did, every `MEASURE_S`; nothing before that."""
        now = self._clock()
        self._measured_at = self._measured_at or now
        if (now - self._measured_at).total_seconds() < MEASURE_S:
            return []
        self._measured_at = now
        highest = max((state.head.number for state in self._states if state.head), default=0)
        return [state.measured(self._network, highest, now) for state in self._states]

    def health(self) -> tuple[NodeHealth, ...]:
        """Return the health of every node, the best first."""
        now = self._clock()
        return tuple(
            state.health(now) for state in sorted(self._states, key=lambda state: (state.resting(now), state.rank))
        )

    async def head(self, holds: Callable[[Header], bool], tip: Header | None = None) -> tuple[str, Header] | None:
        """Return the highest head of the believed chain that the quorum has, and the node that has it; None if no node answers.

        `holds` says whether a block is in our window; `tip` is its newest block. A head of too few providers is awaited for a
        while; until then the tip is returned.
        """
        ranked = self._ranked(forked=True)
        answers = await asyncio.gather(*(self._head(state) for state in ranked))
        states = {state.node.name: state for state, head in zip(ranked, answers, strict=True) if head is not None}
        heads = [head for head in answers if head is not None]
        if not heads:
            return None
        if forks.consistent(heads, holds, tip):
            believed: Believed | None = Believed(nodes=frozenset(states))
        else:
            believed = await self._believed_chain(states, holds, tip)
        if believed is None:
            return None
        now = self._clock()
        for name, fault in check_heads(states, believed, tip, holds, now, self._stall_s):
            self._fault(states[name], fault)
        chosen = self._choice.chosen(states, believed, tip, holds, now)
        self.contested = chosen.contested
        return chosen.node, _with_sure_bloom(chosen.head, heads)

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
        self, act: Callable[[Node], Awaitable[T]], *, reaching: int, most: int, asked: Container[str] = ()
    ) -> dict[str, T]:
        """Return the results of `most` nodes by name, those of other providers first. Failed or slow nodes are left out.

        The best node is not among them, nor are those `asked` before. One quick node of each further provider comes along: a
        liar that is not asked is not found.
        """
        states = self._ranked(reaching)
        heard = {state.node.provider for at, state in enumerate(states) if at == 0 or state.node.name in asked}
        others, more = list[NodeState](), list[NodeState]()
        for state in states[1:]:
            if state.node.name not in asked:
                (more if state.node.provider in heard else others).append(state)
                heard.add(state.node.provider)
        quick = [state for state in others[most:MAX_WITNESSES] if state.latency_s < QUICK_S]
        states = [*[*others, *more][:most], *(quick if most else ())]
        found = await asyncio.gather(*(self._witness(state, act) for state in states))
        return {state.node.name: one for state, one in zip(states, found, strict=True) if one is not None}

    async def other_providers(
        self, act: Callable[[Node], Awaitable[T]], *, reaching: int, asked: Container[str], most: int
    ) -> dict[str, T]:
        """Return the results of the best node of each provider that none of the `asked` nodes has, of at most `most`."""
        heard = {provider for name, provider in self.providers.items() if name in asked}
        best: dict[str, NodeState] = {}
        for state in self._ranked(reaching):
            if state.node.provider not in heard:
                best.setdefault(state.node.provider, state)
        states = list(best.values())
        found: dict[str, T] = {}
        while states and len(found) < most:
            some, states = states[: most - len(found)], states[most - len(found) :]
            answers = await asyncio.gather(*(self._witness(state, act) for state in some))
            found |= {state.node.name: one for state, one in zip(some, answers, strict=True) if one is not None}
        return found

    async def from_each(self, act: Callable[[Node], Awaitable[T]], names: Container[str]) -> dict[str, T]:
        """Return the results of these nodes by name. Failed or slow nodes are left out."""
        states = [state for state in self._states if state.node.name in names]
        found = await asyncio.gather(*(self._witness(state, act) for state in states))
        return {state.node.name: one for state, one in zip(states, found, strict=True) if one is not None}

    async def agreed(self, header: Header, *, past: bool = False) -> bool | None:
        """Whether this block is on the chain, by the voices of all providers that answer; None without a majority.

        Outvoted nodes rank after the others. They are at fault only if the block is `past`, well below their own heads: near
        its head an honest node may be on another fork for a moment.
        """
        states = self._ranked()
        answers = [
            one for [one] in await asyncio.gather(*(self._hashes_at(state, [header.number]) for state in states))
        ]
        votes = {
            state.node.name: found == header.hash
            for state, found in zip(states, answers, strict=True)
            if found is not None
        }
        believed = majority(votes, self.providers)
        for name, vote in votes.items():
            state = next(one for one in states if one.node.name == name)
            if believed is None or vote == believed:
                continue
            if past and state.head is not None and state.head.number > header.number + LAG_BLOCKS:
                self.accuse(name, NodeFaultKind.FORKED, f"another block {header.number}")
            else:
                state.distrust()
        return believed

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
        self, states: dict[str, NodeState], holds: Callable[[Header], bool], tip: Header | None
    ) -> Believed | None:
        """Compare the nodes at common heights. Those that fail are taken out of `states`; None if none is left."""
        numbers = forks.heights([state.head for state in states.values() if state.head], tip)
        answers = await asyncio.gather(*(self._hashes(state, numbers) for state in states.values()))
        seen = dict(zip(states, answers, strict=True))
        for name in [name for name, hashes in seen.items() if not hashes]:
            del states[name], seen[name]
        if not states:
            return None
        now = self._clock()

        def ours(name: str) -> bool:
            state = states[name]
            there = tip is not None and (
                seen[name].get(tip.number) == tip.hash or (state.head is not None and holds(state.head))
            )
            return there and state.head_age_s(now) < self._stall_s

        return believed_chain(states, seen, tip, ours)

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

    async def _hashes(self, state: NodeState, numbers: Sequence[int]) -> dict[int, str]:
        """Return the hashes that this node has at these heights, up to its head; none if it fails or does not have its head."""
        head = state.head
        assert head is not None
        asked = [number for number in numbers if number < head.number + self.several]
        if not asked:
            return {head.number: head.hash}
        failures = state.failures
        found = dict(zip(asked, await self._hashes_at(state, asked), strict=True))
        if state.failures > failures:
            return {}
        if self.several and found[head.number] is None:
            self._failed(state, NodeFailure(NodeFaultKind.NULL_BLOCK, f"no block {head.number}, which is its head"))
            return {}
        return {number: one for number, one in found.items() if one is not None} | {head.number: head.hash}

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


def _with_sure_bloom(head: Header, heads: Sequence[Header]) -> Header:
    """Drop the bloom filter of this head unless all nodes that have it give the same one: it would accuse the others."""
    blooms = {one.bloom for one in heads if one.hash == head.hash}
    return head if len(blooms) <= 1 else replace(head, bloom=None)
