"""Builds a chain that is always the same: on a test node, the same accounts create and change every kind of proxy, timelock, pool
and wallet at the same times, so that every block has the same hash in every run.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from eth_hash.auto import keccak

from tests.chain.control.test_timelocks_on_a_real_node import proxy_under
from tests.chain.control.timelock_stages import ZERO, deployed
from tests.chain.following import low
from tests.chain.liquidity.pools.test_random_depth_on_a_real_node import Someone
from tests.chain.liquidity.pools.uniswap import Uniswap
from tests.chain.liquidity.test_pools_on_a_real_node import pools_on
from tests.chain.nodes.test_flips_on_a_real_node import CALLER, A, B, P, block, pairs, stage
from tests.chain.proxies.changing import CHANGING, IMPLEMENTATION_SLOT
from tests.chain.proxies.clones import CLONES
from tests.chain.proxies.making import Deployer, up
from tests.evm.anvil import Anvil

BEGIN = ("--timestamp", "1700000000")
"""Further command-line arguments of the node."""
BLOCK_S = 12
PAYING_BLOCK_S = 600
ROUNDS, HALT_BLOCKS = 80, 25
TWICE = ("eip897", "eip1822", "polygon", "owned", "governed")


@dataclass(slots=True)
class World:
    """The watched items of the chain, by their names in the settings."""

    contracts: dict[str, str | None] = field(default_factory=dict)
    """Maps the address of a contract to its timelock."""
    timelocks: list[str] = field(default_factory=list)
    pools: list[dict[str, str]] = field(default_factory=list)
    """Includes their tokens: at the start of a scan the pools do not exist yet and cannot be asked for them."""
    tokens: list[str] = field(default_factory=list)
    wallets: list[dict[str, str]] = field(default_factory=list)
    silent_from: int = 0
    """The block before the first silent change."""
    flips: tuple[int, int] = (0, 0)
    """The first and the last block with values that are changed and restored."""


async def build(anvil: Anvil) -> World:
    """Builds everything, one part after the other, on a fresh node started with BEGIN."""
    world = World()
    await anvil.call("anvil_setBlockTimestampInterval", BLOCK_S)
    parts: tuple[Callable[[Anvil, World], Awaitable[None]], ...] = (
        kinds, silent_writes, roles, admin_in_a_timelock, batches, governor, compound, flips, pairs_of_pools,
        concentrated, payouts,
    )  # fmt: skip
    for part in parts:
        await part(anvil, world)
    await anvil.mine(3)
    return world


async def later(anvil: Anvil, seconds: int) -> None:
    """Sets the time of the next block this much later; a node with a fixed block interval ignores its clock."""
    now = (await anvil.web3.eth.get_block("latest"))["timestamp"]
    await anvil.call("evm_setNextBlockTimestamp", now + seconds)
    await anvil.mine()


async def kinds(anvil: Anvil, world: World) -> None:
    """Creates and changes every declared kind; some twice."""
    deployer = Deployer(anvil)
    made = {name: await make(deployer) for name, make in CLONES.items()}
    made |= {name: await make(deployer) for name, (make, _) in CHANGING.items()}
    for name, (_, change) in CHANGING.items():
        await change(deployer, made[name])
    for name in TWICE:
        await CHANGING[name][1](deployer, made[name])
    world.contracts |= {one.address: None for one in made.values()}


async def silent_writes(anvil: Anvil, world: World) -> None:
    """Makes silent changes: slots of known kinds, new code at an old address, an owner, a slot restored at once."""
    deployer = Deployer(anvil)
    world.silent_from = await anvil.height()
    target, other = await deployer.target(), await deployer.target()
    for name in ("eip1967_transparent", "eip1967_uups", "superfluid", "safe"):
        made = await CHANGING[name][0](deployer)
        slot = 0 if name == "safe" else IMPLEMENTATION_SLOT
        await deployer.slot(made.address, slot, other)
        world.contracts[made.address] = None
    clone = await CLONES["eip1167"](deployer)
    await anvil.mine()
    await deployer.code(clone.address, "0x363d3d373d3d3d363d73" + other[2:] + "5af43d82803e903d91602b57fd5bf3")
    world.contracts[clone.address] = None
    admin = await deployer.new("five/ProxyAdmin", anvil.accounts[1])
    proxy = await anvil.deploy("TransparentUpgradeableProxy", up(deployer, target), up(deployer, admin), b"")
    await anvil.mine(6)
    await deployer.slot(admin, 0, anvil.accounts[2])
    await deployer.slot(proxy.address, IMPLEMENTATION_SLOT, other)
    await deployer.slot(proxy.address, IMPLEMENTATION_SLOT, target)
    await anvil.mine(6)
    world.contracts[low(proxy)] = None


async def roles(anvil: Anvil, world: World) -> None:
    """Creates a token and changes its roles and pauses."""
    token = await anvil.deploy("ERC20PresetMinterPauser", "Token", "TOK")
    minter, other = keccak(b"MINTER_ROLE"), anvil.accounts[1]
    await anvil.send(token.functions.grantRole(minter, other))
    await anvil.send(token.functions.pause())
    await anvil.send(token.functions.unpause())
    await anvil.send(token.functions.revokeRole(minter, other))
    world.contracts[low(token)] = None


async def admin_in_a_timelock(anvil: Anvil, world: World) -> None:
    """Moves a proxy admin into a timelock and out of it, and sets the timelock delay to zero."""
    me = anvil.accounts[0]
    timelock = await anvil.deploy("TimelockController", 60, [me], [me], me)
    proxy, admin, _ = await proxy_under(anvil, timelock.address)
    calls = (
        (admin.address, 0, admin.encode_abi("transferOwnership", [me]), ZERO, ZERO),
        (timelock.address, 0, timelock.encode_abi("updateDelay", [0]), ZERO, ZERO),
    )
    for call in calls:
        await anvil.send(timelock.functions.schedule(*call, 60))
    await later(anvil, 61)
    for call in calls:
        await anvil.send(timelock.functions.execute(*call))
    world.contracts[low(proxy)] = low(timelock)


async def batches(anvil: Anvil, world: World) -> None:
    """Schedules, cancels, schedules again and executes a batch; then makes an upgrade that bypasses the timelock."""
    me, target = anvil.accounts[0], await anvil.deploy("WETH9")
    second = await anvil.deploy("WETH9")
    beacon = await anvil.deploy("UpgradeableBeacon", target.address)
    proxy = await anvil.deploy("BeaconProxy", beacon.address, b"")
    timelock = await anvil.deploy("TimelockController", 3600, [me], [me], me)
    await anvil.send(beacon.functions.transferOwnership(timelock.address))
    calls = ([me, beacon.address], [0, 0], ["0x", beacon.encode_abi("upgradeTo", [second.address])], ZERO)
    await anvil.send(timelock.functions.scheduleBatch(*calls, ZERO, 3600))
    await anvil.send(timelock.functions.cancel(await timelock.functions.hashOperationBatch(*calls, ZERO).call()))
    await anvil.send(timelock.functions.scheduleBatch(*calls, b"\1" * 32, 7200))
    await later(anvil, 7300)
    await anvil.send(timelock.functions.executeBatch(*calls, b"\1" * 32))
    await Deployer(anvil).send_as(timelock.address, beacon.functions.upgradeTo(target.address))
    world.contracts[low(proxy)] = low(timelock)


async def governor(anvil: Anvil, world: World) -> None:
    """Makes a proposal, its votes, its queue and its execution."""
    token = await deployed(anvil, "VotesToken")
    timelock = await anvil.deploy("TimelockController", 3600, [], [], anvil.accounts[0])
    at = await deployed(anvil, "TimelockedGovernor", token.address, timelock.address)
    for role in (b"PROPOSER_ROLE", b"EXECUTOR_ROLE", b"CANCELLER_ROLE"):
        await anvil.send(timelock.functions.grantRole(keccak(role), at.address))
    proxy, admin, second = await proxy_under(anvil, timelock.address)
    calls = ([admin.address], [0], [admin.encode_abi("upgrade", [proxy.address, second.address])])
    await anvil.send(at.functions.propose(*calls, "because"))
    await anvil.mine(3)
    await anvil.send(at.functions.castVote(await at.functions.getProposalId(*calls, keccak(b"because")).call(), 1))
    await anvil.mine(12)
    await anvil.send(at.functions.queue(*calls, keccak(b"because")))
    await later(anvil, 3700)
    await anvil.send(at.functions.execute(*calls, keccak(b"because")))
    world.contracts[low(proxy)] = low(timelock)
    world.timelocks.append(low(at))


async def compound(anvil: Anvil, world: World) -> None:
    """Uses Compound's timelock: with a signature or without, executed or cancelled."""
    timelock = await deployed(anvil, "TimelockV8", anvil.accounts[0], 3600)
    proxy, admin, second = await proxy_under(anvil, timelock.address)
    body = admin.encode_abi("upgrade", [proxy.address, second.address])
    now = (await anvil.web3.eth.get_block("latest"))["timestamp"]
    signed = (admin.address, 0, "upgrade(address,address)", "0x" + body[10:], now + 4000)
    bare = (admin.address, 0, "", body, now + 5000)
    await anvil.send(timelock.functions.queueTransaction(*signed))
    await anvil.send(timelock.functions.cancelTransaction(*signed))
    await anvil.send(timelock.functions.queueTransaction(*bare))
    await later(anvil, 5100)
    await anvil.send(timelock.functions.executeTransaction(*bare))
    world.contracts[low(proxy)] = low(timelock)


async def flips(anvil: Anvil, world: World) -> None:
    """Changes values and restores them within one block."""
    await stage(anvil)
    first = await anvil.height()
    await block(anvil, (P, pairs(B)), (P, pairs(A)))
    await anvil.mine()
    await block(anvil, (CALLER, pairs(B)), (P, pairs(B, A)))
    world.flips = (first, await anvil.height())
    world.contracts[P] = None


async def pairs_of_pools(anvil: Anvil, world: World) -> None:
    """Moves liquidity from one pair to another, into a wallet, and back."""
    pools = await pools_on(anvil)
    for other, amount in ((1, 10**24), (2, 10**21)):
        await pools.add(other, amount, amount)
    await pools.remove(1, 2)
    await pools.add(2, 5 * 10**23, 5 * 10**23)
    await pools.remove(2, 3)
    await anvil.mine(3)
    await pools.remove(1, 1)
    await pools.add(1, 10**22, 10**22)
    for pair, paired in zip(pools.pairs, pools.tokens[1:], strict=True):
        token0, token1 = sorted((low(pools.tokens[0]), low(paired)))
        world.pools.append({"address": low(pair), "kind": "uniswap_v2", "token0": token0, "token1": token1})
    world.tokens.append(low(pools.tokens[0]))


async def concentrated(anvil: Anvil, world: World) -> None:
    """Creates a pair and a concentrated pool in which an account acts at random with a fixed seed."""
    uniswap = Uniswap(anvil)
    await uniswap.begin()
    await uniswap.add_v2(10**24, 10**24)
    await uniswap.mint_v3(-887220, 887220, 10**24)
    someone = Someone(uniswap, random.Random(7), 3000)
    for _ in range(30):
        await someone.act()
    await uniswap.swap_v2(True, 10**21)
    tokens = {"token0": uniswap.token(0), "token1": uniswap.token(1)}
    world.pools += [
        {"address": low(uniswap.pair), "kind": "uniswap_v2"} | tokens,
        {"address": low(uniswap.pool), "kind": "uniswap_v3", "positions": low(uniswap.positions)} | tokens,
    ]


async def payouts(anvil: Anvil, world: World) -> None:
    """Makes a day of hot-wallet payouts in coin and token, a halt, and the next payouts."""
    hot, cold, someone = anvil.accounts[1:4]
    await anvil.call("anvil_setBalance", hot, hex(10**22))
    token = await anvil.deploy("ERC20PresetFixedSupply", "Token", "TOK", 10**9, hot)
    await anvil.call("anvil_setBlockTimestampInterval", PAYING_BLOCK_S)

    async def pay() -> None:
        await anvil.send(token.functions.transfer(someone, 5), sender=1)
        coin: Any = {"from": hot, "to": someone, "value": 10**17}
        await anvil.web3.eth.wait_for_transaction_receipt(await anvil.web3.eth.send_transaction(coin), 20, 0.02)

    for _ in range(ROUNDS):
        await pay()
    await anvil.send(token.functions.transfer(cold, 5), sender=1)
    await anvil.mine(HALT_BLOCKS)
    await pay()
    world.tokens.append(low(token))
    world.wallets += [
        {"asset": "ETH", "address": low(hot)},
        {"asset": "TOK", "address": low(hot), "token": low(token)},
        {"asset": "TOK", "address": low(cold), "token": low(token)},
    ]
