"""Reads the state of blocks from one node, packed into few requests, and makes several providers agree on it.

A read that a packed call did not answer is requested once more, alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chain.blocks.block import Header
from chain.blocks.reads import AnyRead, CallBytes, CallWord, StateRead
from chain.events.network import NodeFaultKind
from chain.nodes import optional_methods
from chain.nodes.group import NodeGroup
from chain.nodes.node import Node
from chain.nodes.state_agreement import Doubts
from chain.rpc.errors import Refusal
from chain.rpc.messages import Ask, read_ask, read_of
from chain.rpc.multicall import MIN_PACKED, MIN_PACKED_NARROW, Packed, plan, plan_again, single_ask, single_of, unpack

States = dict[str, StateRead]
"""Answers by block hash and read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPlan:
    """Holds the reads of one block, and the requests for them: packed ones first."""

    header: Header
    packed: tuple[Packed, ...]
    plain: tuple[AnyRead, ...]

    @classmethod
    def of(cls, header: Header, reads: frozenset[AnyRead], node: Node) -> ReadPlan:
        """Pack the reads if this node accepts packed calls."""
        least = MIN_PACKED_NARROW if node.limits.narrow else MIN_PACKED
        reads = optional_methods.asked_of(node, reads)
        packed, plain = plan(reads, least) if node.limits.packs else ((), tuple(sorted(reads, key=repr)))
        return cls(header=header, packed=packed, plain=plain)

    @property
    def asks(self) -> list[Ask]:
        """The requests for these reads."""
        return [
            *(some.ask(self.header) for some in self.packed),
            *(read_ask(read, {"blockHash": self.header.hash}) for read in self.plain),
        ]


async def state_of(node: Node, read_plans: Sequence[ReadPlan], answers: Sequence[Any]) -> States:
    """Decode the answers by block. A read that a packed call did not answer is requested once more, alone."""
    found: States = {}
    again: list[tuple[Header, AnyRead]] = []
    packed = understood = False
    at = 0
    for one in read_plans:
        words = found.setdefault(one.header.hash, StateRead())
        for some in one.packed:
            unpacked = unpack(some, answers[at])
            at += 1
            packed, understood = True, understood or unpacked is not None
            words |= unpacked or {}
            again += [(one.header, read) for read in some.reads if read not in words]
        _put(words, zip(one.plain, answers[at : at + len(one.plain)], strict=True))
        at += len(one.plain)
    if packed:
        node.limits.packed(understood)
    if again and understood and node.limits.narrow:
        again = await _together_again(node, found, again)
    if again:
        asks = [_again_ask(read, header, packs=understood) for header, read in again]
        for (header, read), answer in zip(again, await node.ask(asks), strict=True):
            alone_again = understood and isinstance(read, CallWord | CallBytes) and not isinstance(answer, Refusal)
            word = single_of(read, answer) if alone_again else read_of(read, answer)
            if word is not None:
                found[header.hash][read] = word
    return found


async def _together_again(
    node: Node, found: States, again: Sequence[tuple[Header, AnyRead]]
) -> list[tuple[Header, AnyRead]]:
    """Request the calls without an answer once more, packed, in one request; return what must be requested alone."""
    left: list[tuple[Header, AnyRead]] = []
    calls: list[tuple[Header, Packed]] = []
    for header in dict.fromkeys(one for one, _ in again):
        packed, alone = plan_again([read for one, read in again if one is header])
        calls += [(header, some) for some in packed]
        left += [(header, read) for read in alone]
    answers = await node.ask([some.ask(header) for header, some in calls])
    for (header, some), answer in zip(calls, answers, strict=True):
        found[header.hash] |= unpack(some, answer) or {}
    return left


def _again_ask(read: AnyRead, header: Header, *, packs: bool) -> Ask:
    at = {"blockHash": header.hash}
    return single_ask(read, at) if packs and isinstance(read, CallWord | CallBytes) else read_ask(read, at)


def _put(words: dict[AnyRead, object], answers: Any) -> None:
    for read, answer in answers:
        word = read_of(read, answer)
        if word is not None:
            words[read] = word


async def agreed_state(
    nodes: NodeGroup, run: Sequence[Header], by_node: Mapping[str, States], logged: Callable[[str, AnyRead], bool]
) -> tuple[States, Mapping[str, frozenset[str]]]:
    """Return the believed state and what is disputed, by block hash, and report the nodes at fault.

    `by_node`: the state as the first node gives it, and a share of it as others do. `logged`: whether a log of this block, by
    its hash, says that the answer may have changed.
    """
    state = next(iter(by_node.values()))
    if not nodes.compares_state or not state:
        return state, {}

    async def others(doubts: Doubts, asked: Sequence[str], most: int) -> Mapping[str, States]:
        blocks = {one.hash: one for one in (*nodes.state_voices.unsettled(), *run)}
        headers = sorted((blocks[one] for one in doubts), key=lambda one: one.number)

        tried: dict[str, States] = {}

        async def act(node: Node) -> States:
            tried[node.name] = {}  # who fails or is too slow leaves its answers out
            plans = [ReadPlan.of(one, doubts[one.hash], node) for one in headers]
            return await state_of(node, plans, await node.ask([ask for one in plans for ask in one.asks]))

        heard = await nodes.other_providers(act, reaching=headers[-1].number, asked=asked, most=most)
        return {**tried, **heard}

    agreed = await nodes.state_voices.agreed(run, by_node, others, logged)
    for (name, fault), number in agreed.faults.items():
        report = nodes.accuse if fault is NodeFaultKind.FORGED else nodes.mention
        report(name, fault, f"state of block {number}")
    return {block: words | agreed.instead.get(block, {}) for block, words in state.items()}, agreed.disputed
