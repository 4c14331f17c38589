"""The scripted chain answers as a node does, and the chain watcher reads its script correctly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from chain.events import Address, ChainEvent, LiquidityMigrated, LiquidityMoved
from chain.events.liquidity import DrainCause, PoolDrained, SupplyJumped
from chain.events.network import HeadSeen
from chain.events.upgrades import ContractUpgraded, OperationEnded, UpgradeQueued
from chain.networks import declared
from chain.sync.watcher import Watcher, WatcherSettings
from chain.watch import Watch, WatchedContract, WatchedPool
from monitor.drill.scenario import ChainKind, ChainStep
from monitor.drill.world import abi, ledger
from monitor.drill.world.ledger import ADMIN, NEW_CODE, OPERATION, POOLS, TIMELOCK, TOKEN, TOKEN0, Ledger
from monitor.drill.world.node import Node
from tests.monitor.drill.worlds import running, scenario, stage

START_S = 1_790_000_000.0
STEPS = (
    ChainStep(at_s=1, kind=ChainKind.QUEUE),
    ChainStep(at_s=3, kind=ChainKind.UPGRADE),
    ChainStep(at_s=4, kind=ChainKind.REMOVE_LIQUIDITY, share=0.7),
    ChainStep(at_s=5, kind=ChainKind.ADD_LIQUIDITY),
)


def played(until_s: int = 8) -> tuple[Ledger, Callable[..., Any]]:
    """A ledger after its script, and its node's answers."""
    chain = Ledger(2.5, START_S, STEPS)
    for second in range(1, until_s + 1):
        chain.advance(START_S + second, float(second))
    node = Node(chain, lambda: False)

    def ask(method: str, *params: object) -> Any:
        answer = node.answer({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)})
        return answer.get("result", answer.get("error"))

    return chain, ask


def test_topics_and_selectors_are_the_hashes_of_their_signatures() -> None:
    topics = {
        abi.UPGRADED: "Upgraded(address)",
        abi.CALL_SCHEDULED: "CallScheduled(bytes32,uint256,address,uint256,bytes,bytes32,uint256)",
        abi.CALL_EXECUTED: "CallExecuted(bytes32,uint256,address,uint256,bytes)",
        abi.BURN: "Burn(address,uint256,uint256,address)",
        abi.MINT: "Mint(address,uint256,uint256)",
        abi.SYNC: "Sync(uint112,uint112)",
        abi.SWAP: "Swap(address,uint256,uint256,uint256,uint256,address)",
        abi.TRANSFER: "Transfer(address,address,uint256)",
    }
    selectors = {
        abi.TOKEN0: "token0()",
        abi.TOKEN1: "token1()",
        abi.GET_RESERVES: "getReserves()",
        abi.TOTAL_SUPPLY: "totalSupply()",
        abi.DECIMALS: "decimals()",
        abi.GET_MIN_DELAY: "getMinDelay()",
        abi.UPGRADE_AND_CALL: "upgradeAndCall(address,address,bytes)",
    }
    for topic, signature in topics.items():
        assert topic == "0x" + keccak(text=signature).hex()
    for selector, signature in selectors.items():
        assert selector == "0x" + keccak(text=signature)[:4].hex()
    for slot, name in ((abi.IMPLEMENTATION_SLOT, "implementation"), (abi.ADMIN_SLOT, "admin")):
        assert int(slot, 16) == int.from_bytes(keccak(text=f"eip1967.proxy.{name}")) - 1


def test_the_queued_call_and_its_operation_id_are_encoded_as_the_contract_does() -> None:
    call = keccak(text="upgradeAndCall(address,address,bytes)")[:4] + encode(
        ["address", "address", "bytes"], [TOKEN, NEW_CODE, b""]
    )
    assert abi.upgrade_call(TOKEN, NEW_CODE) == "0x" + call.hex()
    nothing = b"\0" * 32
    operation = encode(["address", "uint256", "bytes", "bytes32", "bytes32"], [ADMIN, 0, call, nothing, nothing])
    assert "0x" + keccak(operation).hex() == OPERATION
    _, ask = played()
    (log,) = ask("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest", "topics": [[abi.CALL_SCHEDULED]]})
    wanted = encode(
        ["address", "uint256", "bytes", "bytes32", "uint256"], [ADMIN, 0, call, nothing, ledger.MIN_DELAY_S]
    )
    assert log["data"] == "0x" + wanted.hex()
    assert log["topics"][1] == OPERATION


def test_blocks_are_chained_by_their_hashes_a_second_apart() -> None:
    _, ask = played()
    head = int(ask("eth_blockNumber"), 16)
    assert head == ledger.PAST_BLOCKS + 8
    blocks = [ask("eth_getBlockByNumber", hex(number), False) for number in range(head + 1)]
    for earlier, later in pairwise(blocks):
        assert later["parentHash"] == earlier["hash"]
        assert int(later["timestamp"], 16) == int(earlier["timestamp"], 16) + 1
    assert ask("eth_getBlockByHash", blocks[-1]["hash"], False) == ask("eth_getBlockByNumber", "latest", False)
    assert ask("eth_getBlockByNumber", hex(head + 1), False) is None
    assert ask("eth_chainId") == hex(31337)


def test_the_upgrade_changes_the_slot_in_its_block_and_not_before() -> None:
    _, ask = played()
    (log,) = ask("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest", "address": TOKEN, "topics": [abi.UPGRADED]})
    at = int(log["blockNumber"], 16)
    slots = [ask("eth_getStorageAt", TOKEN, abi.IMPLEMENTATION_SLOT, hex(number)) for number in (at - 1, at)]
    assert slots == [abi.topic(ledger.OLD_CODE), abi.topic(NEW_CODE)]
    by_hash = ask("eth_getStorageAt", TOKEN, abi.IMPLEMENTATION_SLOT, {"blockHash": log["blockHash"]})
    assert by_hash == slots[1]
    assert ask("eth_getCode", TOKEN, "latest") != ask("eth_getCode", NEW_CODE, "latest")
    assert ask("eth_getCode", ledger.OWNER, "latest") == "0x"


def test_reserves_move_between_pools_by_the_amounts_in_the_logs() -> None:
    chain, ask = played()

    def reserve0(pool: str, block: str) -> int:
        return int(ask("eth_call", {"to": pool, "data": abi.GET_RESERVES}, block)[2:66], 16)

    before, after = (reserve0(POOLS[0], block) for block in (hex(ledger.PAST_BLOCKS), "latest"))
    assert after / before == 0.3
    (burn,) = ask("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest", "topics": [abi.BURN]})
    assert int(burn["data"][2:66], 16) == before - after
    grown = reserve0(POOLS[1], "latest") - reserve0(POOLS[1], hex(ledger.PAST_BLOCKS))
    assert grown == before - after
    assert chain.head.state.removed == (0, 0)
    assert ask("eth_call", {"to": POOLS[0], "data": abi.TOKEN0}, "latest") == abi.topic(TOKEN0)
    assert int(ask("eth_call", {"to": TIMELOCK, "input": abi.GET_MIN_DELAY}, "latest"), 16) == ledger.MIN_DELAY_S


def test_an_unknown_request_to_a_node_is_an_error_and_never_a_crash() -> None:
    _, ask = played(1)
    assert ask("eth_sendRawTransaction", "0x")["code"] == -32601
    assert ask("eth_getStorageAt", TOKEN)["code"] == -32602
    assert ask("eth_call", {"to": TOKEN, "data": "0x12345678"}, "latest")["code"] == 3
    assert ask("eth_getLogs", {"blockHash": "0x" + "1" * 64})["code"] == -32001
    chain = Node(Ledger(2.5, START_S, ()), lambda: False)
    assert chain.answer("nonsense")["error"]["code"] == -32600


async def watched(chain: Sequence[tuple[ChainKind, float]], wanted: set[type[ChainEvent]]) -> list[ChainEvent]:
    """What the chain watcher reports of these steps in one block, until all that is wanted has come."""
    steps = [ChainStep(at_s=float(at), kind=kind, share=share) for at, (kind, share) in enumerate(chain, start=1)]
    async with running(scenario(stage(*steps)), begun_at_s=None) as one:
        contract = WatchedContract(address=Address(TOKEN), timelock=Address(TIMELOCK))
        pools = tuple(WatchedPool(address=Address(pool), kind="uniswap_v2") for pool in one.addresses["pools"])
        watch = Watch(contracts=(contract,), pools=pools, timelocks=(Address(TIMELOCK),))
        network = declared("local")
        watcher = Watcher(
            WatcherSettings(network=network, nodes=(one.addresses["node"],), poll_s=0.1, watch=watch), None
        )
        events: list[ChainEvent] = []

        async def follow() -> None:
            async for event in watcher.events():
                events.append(event)
                if isinstance(event, HeadSeen) and sum(isinstance(each, HeadSeen) for each in events) == 1:
                    one.world.begin(10.0)  # every step is due in the next block
                if {type(each) for each in events} >= wanted:
                    return

        async with asyncio.timeout(20):
            await follow()
    return events


async def test_the_chain_watcher_reads_the_script_as_queue_upgrade_and_migration() -> None:
    chain = [
        (ChainKind.QUEUE, 1.0), (ChainKind.UPGRADE, 1.0), (ChainKind.REMOVE_LIQUIDITY, 0.7), (ChainKind.ADD_LIQUIDITY, 1.0)
    ]  # fmt: skip
    events = await watched(chain, {OperationEnded, LiquidityMigrated})
    kinds = {type(each) for each in events}
    assert {UpgradeQueued, ContractUpgraded, LiquidityMoved, LiquidityMigrated, OperationEnded} <= kinds
    upgraded = next(each for each in events if isinstance(each, ContractUpgraded))
    assert (upgraded.contract, upgraded.new) == (TOKEN, NEW_CODE)
    removed = next(each for each in events if isinstance(each, LiquidityMoved) and each.removed)
    assert removed.share == 0.7
    moved = next(each for each in events if isinstance(each, LiquidityMigrated))
    assert (moved.from_pool, moved.to_pool) == POOLS


async def test_the_chain_watcher_reads_made_units_and_their_sale_into_the_pool() -> None:
    chain = [(ChainKind.MINT, 0.1), (ChainKind.SWAP, 0.8)]
    events = await watched(chain, {SupplyJumped, PoolDrained})
    [jump] = [one for one in events if isinstance(one, SupplyJumped)]
    [drain] = [one for one in events if isinstance(one, PoolDrained)]
    assert jump.after / jump.before == pytest.approx(1.1)
    assert (jump.by, jump.logged) == (Address(ledger.TRADER), True)
    assert (drain.cause, drain.by, drain.token) == (DrainCause.MINT, Address(ledger.TRADER), Address(ledger.USD))
    assert drain.share == pytest.approx(0.8)


async def test_the_chain_watcher_reads_what_is_taken_as_a_drain_without_a_swap() -> None:
    [drain] = [one for one in await watched([(ChainKind.TAKE, 0.9999)], {PoolDrained}) if isinstance(one, PoolDrained)]
    assert (drain.cause, drain.by) == (DrainCause.TAKEN, Address(ledger.TRADER))
    assert drain.share == pytest.approx(0.9999)
