"""Checks that what single logs report is retracted with its block and reported once on the chain that remains."""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from chain.events import ChainEvent, PositionLiquidated, Retracted
from chain.nodes.group import NodeGroup
from chain.sync.watcher import Watcher, WatcherSettings
from chain.watch import Watch, WatchedCollateral, WatchedLender
from tests.chain.builders import address, topic, words
from tests.chain.following import LOCAL
from tests.chain.simulated import Chain, SimulatedNode, Ticking
from tests.chain.sync.test_reorgs import at_head, followed, valid_events

POOL, TOKEN, WHO = address(0xA0), address(0xC0), address(0xB0)
LIQUIDATION_CALL = "0xe413a321e8681d831f4dbccbca790d2952b56f977908e45be37335533e005286"
WATCH = Watch(
    lenders=(WatchedLender(address=POOL, protocol="aave_v3"),),
    collateral=(WatchedCollateral(address=TOKEN, decimals=18),),
)


class LendingChain(Chain):
    """A chain in which every second block, by its hash, has two liquidations."""

    def grow(self, blocks: int, *, quiet: bool = False) -> None:
        for _ in range(blocks):
            super().grow(1, quiet=True)
            block = self.blocks[-1]
            if not quiet and int(block.hash, 16) % 2:
                self.blocks[-1] = self.by_hash[block.hash] = replace(
                    block, logs=tuple(self._log(block.hash, index) for index in range(2))
                )

    def _log(self, block_hash: str, index: int) -> dict[str, Any]:
        return {
            "address": POOL,
            "topics": [LIQUIDATION_CALL, *(topic(int(one, 16)) for one in (TOKEN, TOKEN, WHO))],
            "data": f"0x{words(1, 10**18, 5, 0).hex()}",
            "transactionHash": block_hash,
            "logIndex": hex(index),
            "blockHash": block_hash,
            "removed": False,
        }


def lending_watcher(chain: Chain, keep: int = 128) -> Watcher:
    clock = Ticking()
    settings = WatcherSettings(
        network=LOCAL, nodes=("simulated",), watch=WATCH, poll_s=0, start_block=2, keep_blocks=keep
    )
    return Watcher(settings, None, clock, NodeGroup(LOCAL.id, (SimulatedNode("one", chain),), clock))


@pytest.mark.parametrize("seed", range(5))
async def test_liquidations_of_dropped_blocks_are_retracted_and_those_of_the_final_chain_are_reported_once(
    seed: int,
) -> None:
    dice = random.Random(seed)
    chain = LendingChain(seed)
    chain.grow(20)
    reported: list[ChainEvent] = []
    reorgs = 0
    async with asyncio.timeout(60), aclosing(lending_watcher(chain).events()) as events:  # type: ignore[type-var]
        async for event in events:
            reported.append(event)
            there = at_head(reported, chain)
            if reorgs == 20 and there:
                break
            if reorgs < 20 and there:
                depth = dice.randint(1, 12)
                chain.reorg(depth, depth + dice.randint(1, 4))
                reorgs += 1
    told = valid_events(reported)
    logs = [(block.hash, log["logIndex"]) for block in chain.blocks[2:] for log in block.logs]
    assert [(one.place.block_hash, hex(one.place.log_index or 0)) for one in told] == logs
    assert all(isinstance(one, PositionLiquidated) and one.quantity == 1.0 for one in told)
    assert sum(isinstance(one, Retracted) for one in reported) > 20
    assert told == valid_events(await followed(chain, lending_watcher(chain, keep=1000)))
