"""Random schedules of three nodes of which one provider lies about the state. Run `python -m tests.chain.nodes.state_schedules`
for a thousand: it prints how many lies were believed, how late the liar was named, and how many honest nodes were accused.
"""

from __future__ import annotations

import argparse
import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from chain.blocks.abi import keccak
from chain.events import ChainEvent
from chain.events.network import HeadSeen, NodeFault, NodeFaultKind
from chain.events.upgrades import ContractUpgraded
from chain.rpc.errors import Refusal
from chain.rpc.messages import Ask
from tests.chain.simulated import CODE, PROXY, SLOT, Chain, SimulatedNode
from tests.chain.sync.test_reorgs import at_head, watcher_of

SCHEDULES = 1000
ROUNDS = 6
ACCUSED = frozenset({NodeFaultKind.FORKED, NodeFaultKind.FORGED, NodeFaultKind.TRUNCATED})
TRUE_HASH = int(keccak(bytes.fromhex(CODE[2:])).hex(), 16)
BLOCKS_AT_ONCE = 2
"""Blocks that each step of a schedule adds: a lie in the first is found with the second."""
LATE = 2 * BLOCKS_AT_ONCE
"""Blocks within which a liar is named: in the step of its lie, or in the next one, where a voice came late."""


@dataclass(slots=True)
class Liar:
    """What the endpoints of one provider answer in place of the truth, and where they first did so."""

    chain: Chain
    dice: random.Random
    how: str
    first: int | None = None
    words: dict[tuple[int, str], int] = field(default_factory=dict)

    def twist(self, ask: Ask, answer: Any) -> Any:
        method, params = ask
        if params and params[0] == PROXY and isinstance(answer, str):
            at = params[-1]["blockHash"] if isinstance(params[-1], dict) else ""
            block = self.chain.by_hash.get(at)
            if block is not None and method == "eth_getStorageAt" and int(params[1], 16) == SLOT:
                return f"0x{self._said(block.number, method, block.slot):064x}"
            if block is not None and method == "eth_getCode" and self.how == "code":
                return f"0x60{self._said(block.number, method, 0x01):02x}"
        return answer

    def _said(self, number: int, method: str, truth: int) -> int:
        key = (number, method)
        if key not in self.words:
            self.words[key] = self._lie(number, truth)
        if self.words[key] != truth:
            self.first = min(number, number if self.first is None else self.first)
        return self.words[key]

    def _lie(self, number: int, truth: int) -> int:
        if self.how == "code":
            return 0x02 if self.dice.random() < 0.3 else truth
        if self.how == "hides":
            return self.chain.blocks[1].slot
        if self.how == "late":
            return self.chain.blocks[max(number - self.dice.randint(1, 3), 0)].slot
        if self.how == "returns":  # an upgrade, and back
            return 0xBAD if number % 5 == 0 else truth
        return self.dice.randrange(1, 1 << 64) if self.dice.random() < 0.3 else truth


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was told in one schedule. `believed`: undisputed changes that did not happen; `missed`: true ones never told, where
    two honest providers stand against one; `named_after`: blocks from the first lie to the head at which the liar was named.
    """

    schedule: str
    believed: tuple[str, ...]
    accused: frozenset[str]
    missed: int
    lied: bool
    named_after: int | None


@dataclass(slots=True)
class LateNode(SimulatedNode):
    """Sees new blocks some checks of its head after the others."""

    async def ask(self, asks: Sequence[Ask]) -> list[Any]:
        answers = await SimulatedNode.ask(self, asks)
        if ("eth_getBlockByNumber", ["latest", False]) in asks:
            self.lag = max(self.lag - 1, 0)
        return answers


async def followed(chain: Chain, dice: random.Random, nodes: Sequence[SimulatedNode]) -> list[ChainEvent]:
    """All events while the chain grows by `ROUNDS` steps, each seen a little later by some honest nodes."""
    reported: list[ChainEvent] = []
    rounds = ROUNDS
    async with asyncio.timeout(20), aclosing(watcher_of(*nodes).events()) as events:  # type: ignore[type-var]
        async for event in events:
            reported.append(event)
            if at_head(reported, chain):
                if rounds == 0:
                    break
                rounds -= 1
                chain.grow(BLOCKS_AT_ONCE)
                for node in nodes:
                    node.lag = dice.choice((0, 0, 0, 1, 2)) if isinstance(node, LateNode) else 0
    return reported


def omitting(dice: random.Random, share: float) -> Any:
    """Some reads have no answer."""

    def twist(ask: Ask, answer: Any) -> Any:
        absent = ask[0] in ("eth_getStorageAt", "eth_getCode") and dice.random() < share
        return Refusal(-32000, "missing trie node") if absent else answer

    return twist


async def played(seed: int) -> Outcome:
    """Follow a chain through three nodes: two honest providers and a liar, or one honest and two endpoints of the liar's."""
    dice = random.Random(seed)
    chain = Chain(seed, silent=dice.choice((0.0, 0.5, 1.0)))
    chain.grow(dice.randint(1, 6), quiet=True)
    how = dice.choice(("invents", "hides", "late", "returns", "code"))
    liars, omits = dice.choice((1, 1, 2)), dice.choice((0.0, 0.0, 0.1))
    liar = Liar(chain, dice, how)
    nodes = [SimulatedNode(f"liar{at}", chain, twist=liar.twist, party="liar") for at in range(liars)]
    nodes += [LateNode(f"honest{at}", chain, twist=omitting(dice, omits)) for at in range(3 - liars)]
    dice.shuffle(nodes)
    start = chain.head.number
    reported = await followed(chain, dice, nodes)
    return _outcome(f"{seed} {how} {[node.name for node in nodes]} omits {omits}", start, liar, reported, liars)


def _outcome(schedule: str, start: int, liar: Liar, reported: Sequence[ChainEvent], liars: int) -> Outcome:
    chain = liar.chain
    upgrades = [one for one in reported if isinstance(one, ContractUpgraded)]
    believed = tuple(
        f"{one.place.block_number} {one.role} {one.new}"
        for one in upgrades
        if not one.place.disputed and int(one.new, 16) not in (chain.blocks[one.place.block_number].slot, TRUE_HASH)
    )
    last = max((one.block_number for one in reported if hasattr(one, "block_number")), default=0)
    true = {block.slot for block in chain.blocks[3 : last - 1]} - {chain.blocks[2].slot}
    told = {int(one.new, 16) for one in upgrades}
    accused = [one for one in reported if isinstance(one, NodeFault) and one.fault in ACCUSED]
    named = [at for at, one in enumerate(reported) if one in accused and getattr(one, "node", "").startswith("liar")]
    heads = [one.block_number for one in reported[named[0] :] if isinstance(one, HeadSeen)] if named else []
    first = liar.first if liar.first is not None and liar.first <= chain.head.number - 2 * BLOCKS_AT_ONCE else None
    first = max(first, start) if first is not None else None  # the past is read at once
    after = max(heads[0] - first, 0) if heads and first is not None else None
    return Outcome(
        schedule=schedule,
        believed=believed,
        accused=frozenset(one.node for one in accused if one.node.startswith("honest")),
        missed=len(true - told) if liars == 1 else 0,
        lied=first is not None and liars == 1,
        named_after=after,
    )


async def _all(first: int, count: int) -> None:
    outcomes = [await played(seed) for seed in range(first, first + count)]
    lies = [one for one in outcomes if one.lied]
    late = [one for one in lies if one.named_after is None or one.named_after > LATE]
    for one in outcomes:
        if one.believed or one.accused:
            print("WRONG", one)
    for one in late[:10]:
        print("LATE", one)
    print(f"{count} schedules: {sum(bool(one.believed) for one in outcomes)} with a believed lie,")
    print(f"{sum(bool(one.accused) for one in outcomes)} with an accused honest node;")
    after = sorted(Counter(one.named_after for one in lies if one.named_after is not None).items())
    print(f"of {len(lies)} in which one liar stood against two, {len(late)} named it after more than {LATE} blocks:")
    print(", ".join(f"{blocks} later {count} times" for blocks, count in after))
    print(f"{sum(one.missed > 0 for one in outcomes)} missed a change")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=SCHEDULES)
    given = parser.parse_args()
    asyncio.run(_all(given.first, given.count))
