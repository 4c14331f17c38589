"""Checks that stored state stays small and is restored unchanged, and counts the requests of a block."""

from __future__ import annotations

import random
from datetime import UTC, datetime

from chain.events.network import HeadSeen, HeadStalled
from chain.networks import Network
from chain.rpc.messages import header_of
from chain.sync.canonical import Followed
from chain.sync.checkpoint import Checkpoint, decode
from chain.sync.head_clock import HeadClock
from tests.chain.builders import START, header
from tests.chain.following import LOCAL, MemoryCheckpoints
from tests.chain.simulated import Chain, SimulatedNode
from tests.chain.sync.test_reorgs import followed, watcher_of


def test_nearly_equal_memories_are_written_once_and_restored_whole() -> None:
    dice = random.Random(1)
    memory = dice.randbytes(100_000)
    window = []
    for number in range(1, 60):
        at = dice.randrange(len(memory))
        memory = memory[:at] + dice.randbytes(dice.randrange(40)) + memory[at + dice.randrange(40) :]
        window.append(
            Followed(header=header(number), events=(), memories={"one": memory, "two": b"\x00" * (number % 3)})
        )
    body = Checkpoint(window=tuple(window), pending=()).encode()
    found = decode(body)
    assert found is not None
    assert found.window == tuple(window)
    assert len(body) < 200_000


async def test_the_base_fee_of_a_head_is_reported() -> None:
    chain = Chain(1)
    events = await followed(chain)
    heads = [event for event in events if isinstance(event, HeadSeen)]
    assert heads[-1].base_fee == 7 + chain.head.number


def test_on_a_chain_with_one_sequencer_a_stall_is_reported_as_the_sequencers() -> None:
    for sequenced in (True, False):
        network = Network(id=LOCAL.id, chain_id=1, block_time_s=1, sequenced=sequenced)
        for answers in (True, False):
            clock = HeadClock(network)
            found = ("one", header_of(Chain(1).head.header())) if answers else None
            assert clock.observe(found, START) is None
            stalled = clock.observe(found, datetime(2026, 1, 2, tzinfo=UTC))
            assert isinstance(stalled, HeadStalled)
            assert stalled.sequencer is (sequenced and answers)


async def test_a_new_block_costs_two_requests_and_a_check_without_a_new_block_costs_one() -> None:
    chain = Chain(2)
    node = SimulatedNode("one", chain)
    checkpoints = MemoryCheckpoints()
    await followed(chain, watcher_of(node, checkpoints=checkpoints))
    chain.grow(1)
    node.requests = 0
    await followed(chain, watcher_of(node, checkpoints=checkpoints))
    assert node.requests == 2
