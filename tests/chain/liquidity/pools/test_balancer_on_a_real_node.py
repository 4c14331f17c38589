"""Runs the Balancer V2 Vault with a weighted and a composable stable pool on a real EVM node: amounts, owners, depth.

The contracts are GPL-3.0; their builds come from the npm package @balancer-labs/v2-deployments and are not stored here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode
from web3.contract import AsyncContract

from chain.events import Address, LiquidityAccounted, LiquidityMigrated, LiquidityMoved
from chain.sync.watcher import Watcher
from chain.watch import Watch, WatchedPool
from tests.chain.following import head_at, low, placed, settings_of, until
from tests.chain.liquidity.pools.reading import read
from tests.evm.anvil import Anvil, running

TASKS = Path(__file__).parents[3] / "evm/pools/node_modules/@balancer-labs/v2-deployments/dist/tasks"
WEIGHTED, STABLE = "20230206-weighted-pool-v3", "20230206-composable-stable-pool-v3"
NOBODY = "0x" + "0" * 40
ONE = 10**18
JOINED, LEFT_BY_SHARES, LEFT_BY_ALL = 1, 1, 2
"""Kinds of join and exit in the numbering of the pools: exact tokens in; shares for all tokens (weighted; stable)."""
MOST = 2**255
PROBE = 10**15
MAX_TRADED = {"weighted": 2 * 10**22, "stable": 5 * 10**23}


def artifact(task: str, name: str) -> Any:
    path = TASKS / task / "artifact" / f"{name}.json"
    if not path.exists():
        pytest.skip("Balancer's contracts are not installed: npm ci --prefix tests/evm/pools")
    return json.loads(path.read_text())


async def deployed(anvil: Anvil, task: str, name: str, *arguments: Any) -> AsyncContract:
    found = artifact(task, name)
    factory = anvil.web3.eth.contract(abi=found["abi"], bytecode=found["bytecode"])
    sent = await factory.constructor(*arguments).transact({"from": anvil.accounts[0], "gas": 29_000_000})
    receipt = await anvil.web3.eth.wait_for_transaction_receipt(sent, timeout=20, poll_latency=0.02)
    return contract(anvil, task, name, str(receipt["contractAddress"]))


def contract(anvil: Anvil, task: str, name: str, address: str) -> AsyncContract:
    found: Any = anvil.web3.eth.contract(
        address=anvil.web3.to_checksum_address(address), abi=artifact(task, name)["abi"]
    )
    assert isinstance(found, AsyncContract)
    return found


class Vault:
    """Deploys the Vault with one weighted pool (80 to 20) and one stable pool of the same two tokens."""

    def __init__(self, anvil: Anvil) -> None:
        self.anvil, self.me = anvil, anvil.accounts[0]
        self.tokens: list[AsyncContract] = []
        self.vault: AsyncContract
        self.ids: dict[str, Address] = {}

    async def begin(self) -> None:
        anvil, me = self.anvil, self.me
        authorizer = await deployed(anvil, "20210418-authorizer", "Authorizer", me)
        weth = await anvil.deploy("WETH9")
        self.vault = await deployed(anvil, "20210418-vault", "Vault", authorizer.address, weth.address, 0, 0)
        provider = await deployed(
            anvil, "20220725-protocol-fee-percentages-provider", "ProtocolFeePercentagesProvider", self.vault.address,
            ONE, ONE,
        )  # fmt: skip
        tokens = [await anvil.deploy("ERC20", 10**30) for _ in range(2)]
        self.tokens = sorted(tokens, key=lambda one: int(one.address, 16))
        both = [one.address for one in self.tokens]
        for token in self.tokens:
            await anvil.send(token.functions.approve(self.vault.address, MOST))
        weighted = await deployed(anvil, WEIGHTED, "WeightedPoolFactory", self.vault.address, provider.address, "", "")
        await self._created(
            "weighted", weighted,
            ("w", "w", both, [8 * 10**17, 2 * 10**17], [NOBODY] * 2, 3 * 10**15, me, b"\1" * 32),
        )  # fmt: skip
        stable = await deployed(
            anvil, STABLE, "ComposableStablePoolFactory", self.vault.address, provider.address, "", ""
        )
        await self._created(
            "stable", stable,
            ("s", "s", both, 200, [NOBODY] * 2, [0, 0], [False, False], 4 * 10**14, me, b"\2" * 32),
        )  # fmt: skip

    async def _created(self, name: str, factory: AsyncContract, words: tuple[Any, ...]) -> None:
        taken = len(factory.get_function_by_name("create").abi["inputs"])
        receipt = await self.anvil.send(factory.functions.create(*words[:taken]))
        [log] = [one for one in receipt["logs"] if len(one["topics"]) == 3 and one["address"] == self.vault.address]
        self.ids[name] = Address("0x" + bytes(log["topics"][1]).hex())

    async def assets(self, name: str) -> list[str]:
        return list((await self.vault.functions.getPoolTokens(self.ids[name]).call())[0])

    async def join(self, name: str, amounts: tuple[int, int], *, first: bool = False) -> None:
        assets = await self.assets(name)
        mine: dict[str, int] = dict(zip([str(one.address) for one in self.tokens], amounts, strict=True))
        most = [mine.get(one, MOST if first else 0) for one in assets]
        given = [mine.get(one, 0) for one in assets if first or one in mine]
        words = encode(["uint256", "uint256[]"], [0, given]) if first else encode(
            ["uint256", "uint256[]", "uint256"], [JOINED, given, 0]
        )  # fmt: skip
        await self.anvil.send(
            self.vault.functions.joinPool(self.ids[name], self.me, self.me, (assets, most, words, False))
        )

    async def exit(self, name: str, parts: int) -> list[int]:
        """Returns the received amount of each token."""
        kind = LEFT_BY_SHARES if name == "weighted" else LEFT_BY_ALL
        pool: Any = self.anvil.web3.eth.contract(
            address=self.anvil.web3.to_checksum_address(self.ids[name][:42]), abi=self.tokens[0].abi
        )
        held = await pool.functions.balanceOf(self.me).call()
        assets, before = await self.assets(name), await self.balances()
        words = encode(["uint256", "uint256"], [kind, held // parts])
        await self.anvil.send(
            self.vault.functions.exitPool(self.ids[name], self.me, self.me, (assets, [0] * len(assets), words, False))
        )
        return [after - was for after, was in zip(await self.balances(), before, strict=True)]

    async def balances(self) -> list[int]:
        return [int(await one.functions.balanceOf(self.me).call()) for one in self.tokens]

    async def queried(self, name: str, *swaps: tuple[int, int]) -> list[int]:
        """Returns the amounts that consecutive swaps (token paid, amount) would take from us (negative: give us), by token."""
        both = [one.address for one in self.tokens]
        steps = [(self.ids[name], at, 1 - at, amount, b"") for at, amount in swaps]
        asked = self.vault.functions.queryBatchSwap(0, steps, both, (self.me, False, self.me, False))
        return [int(one) for one in await asked.call()]

    @property
    def watch(self) -> Watch:
        both = (low(self.tokens[0]), low(self.tokens[1]))
        return Watch(
            pools=tuple(
                WatchedPool(address=one, kind="balancer_v2", token0=both[0], token1=both[1], manager=low(self.vault))
                for one in self.ids.values()
            )
        )


@pytest.mark.parametrize(("name", "within"), [("weighted", 3e-3), ("stable", 3e-3)])
async def test_the_depth_of_balancer_pools_matches_real_swaps_in_both_directions(name: str, within: float) -> None:
    """The depth of each token is the amount that a swap takes out to move its price this far, and that the opposite swap puts in.

    Fees stay in these pools and move the price a little themselves: that is the error allowed, the fee of 0.3 %.
    """
    async with running() as anvil:
        vault = Vault(anvil)
        await vault.begin()
        await vault.join(name, (4 * 10**23, 10**23) if name == "weighted" else (10**23, 9 * 10**22), first=True)
        pool = (await read(anvil, vault.watch)).pool(vault.ids[name])
        reserves = await vault.vault.functions.getPoolTokens(vault.ids[name]).call()
        own = [held for token, held in zip(*reserves[:2], strict=True) if token.lower() != vault.ids[name][:42]]
        assert pool.reserves() == tuple(own)
        for bps in (100, 500):
            depth = pool.depth(bps)
            assert depth is not None
            for at in (0, 1):
                bought, sold = await moved_by(vault, name, at, bps)
                assert depth[at] == pytest.approx(bought + sold, rel=within)


async def moved_by(vault: Vault, name: str, at: int, bps: int) -> tuple[int, int]:
    """How much of a token must be bought, and how much sold, until its price (by small swaps) has moved by ±bps."""
    start = await quoted(vault, name, at)
    found = []
    for paid, sign in ((1 - at, 1), (at, -1)):
        least, most, amount = 0, MAX_TRADED[name], 0
        for _ in range(28):
            middle = (least + most) // 2
            now = await quoted(vault, name, at, (paid, middle))
            if (now / start - 1) * sign * 10_000 > bps:
                most = middle
            else:
                least = middle
                amount = abs((await vault.queried(name, (paid, middle)))[at])
        assert least < most < MAX_TRADED[name]
        found.append(amount)
    return found[0], found[1]


async def quoted(vault: Vault, name: str, at: int, *first: tuple[int, int]) -> float:
    """Returns the price of a token in the other after these swaps, without fees: the mean of a small swap in both directions."""
    before = await vault.queried(name, *first) if first else [0, 0]
    ratios = []
    for paid in (at, 1 - at):
        after = await vault.queried(name, *first, (paid, PROBE))
        ratios.append(abs(after[1 - at] - before[1 - at]) / abs(after[at] - before[at]))
    return float((ratios[0] * ratios[1]) ** 0.5)


async def test_liquidity_moved_between_balancer_pools_is_reported_exactly() -> None:
    async with running() as anvil:
        vault = Vault(anvil)
        await vault.begin()
        await vault.join("weighted", (4 * 10**23, 10**23), first=True)
        await vault.join("stable", (10**23, 10**23), first=True)
        start = await anvil.height() + 1
        out = await vault.exit("weighted", 4)
        await vault.join("stable", (out[0] // 2, out[1]))
        out_again = await vault.exit("stable", 10)
        await anvil.mine(2)
        watcher = Watcher(settings_of(anvil.url, watch=vault.watch, start_block=start), None)
        events = placed(await until(watcher, head_at(await anvil.height())))
        moves = [event for event in events if isinstance(event, LiquidityMoved)]
        assert [(one.removed, one.owner) for one in moves] == [
            (True, low(vault.me)), (False, low(vault.me)), (True, low(vault.me)),
        ]  # fmt: skip
        assert [[one.amount0, one.amount1] for one in moves] == [out, [out[0] // 2, out[1]], out_again]
        assert moves[0].share == pytest.approx(0.25, rel=1e-6)
        migrated = [event for event in events if isinstance(event, LiquidityMigrated)]
        assert {(one.from_pool, one.to_pool) for one in migrated} == {(vault.ids["weighted"], vault.ids["stable"])}
        assert {one.amount for one in migrated} == {out[0] // 2, out[1]}
        for at, token in enumerate(map(low, vault.tokens)):
            account = [one for one in events if isinstance(one, LiquidityAccounted) and one.token == token][-1]
            assert account.removed == out[at] + out_again[at]
            assert account.unexplained == 0
            assert account.removed == account.readded + account.to_wallets
