"""Deploys Uniswap V2, V3 (with its periphery) and V4 on a test node from the npm artifacts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from web3.contract import AsyncContract

from chain.events import Address
from chain.watch import Watch, WatchedPool
from tests.chain.following import low
from tests.evm.anvil import Anvil

MODULES = Path(__file__).parents[3] / "evm/pools/node_modules/@uniswap"
V3_FOLDERS = (MODULES / "v3-core/artifacts/contracts", MODULES / "v3-periphery/artifacts/contracts")
V4_FOLDER = MODULES / "v4-core/out"
FAR = 2**40
Q96 = 1 << 96


def artifact(name: str) -> tuple[Any, str]:
    """Returns ABI and bytecode. Skips the test with a message if the pool contracts are not installed."""
    if not MODULES.exists():
        pytest.skip("pool contracts are not installed: npm ci --prefix tests/evm/pools")
    paths = [*(folder / f"{name}.sol/{name}.json" for folder in V3_FOLDERS), V4_FOLDER / f"{name}.sol/{name}.json"]
    found = json.loads(next(path for path in paths if path.exists()).read_text())
    code = found["bytecode"]
    return found["abi"], code["object"] if isinstance(code, dict) else code


async def deployed(anvil: Anvil, name: str, *arguments: Any) -> AsyncContract:
    abi, code = artifact(name)
    factory = anvil.web3.eth.contract(abi=abi, bytecode=code)
    sent = await factory.constructor(*arguments).transact({"from": anvil.accounts[0]})
    receipt = await anvil.web3.eth.wait_for_transaction_receipt(sent, timeout=20, poll_latency=0.02)
    return at(anvil, name, str(receipt["contractAddress"]))


def at(anvil: Anvil, name: str, address: str) -> AsyncContract:
    contract: Any = anvil.web3.eth.contract(address=anvil.web3.to_checksum_address(address), abi=artifact(name)[0])
    assert isinstance(contract, AsyncContract)
    return contract


class Uniswap:
    """Holds a pair of tokens with a V2 pair and a V3 pool; the first account sends everything."""

    def __init__(self, anvil: Anvil) -> None:
        self.anvil = anvil
        self.me = anvil.accounts[0]
        self.tokens: list[AsyncContract] = []
        self.pair: AsyncContract
        self.router: AsyncContract
        self.pool: AsyncContract
        self.positions: AsyncContract
        self.migrator: AsyncContract
        self.swapper: AsyncContract

    async def begin(self, *, fee: int = 3000, sqrt_price: int = Q96) -> None:
        """Deploys all contracts."""
        anvil, me = self.anvil, self.me
        weth = await anvil.deploy("WETH9")
        factory2 = await anvil.deploy("UniswapV2Factory", me)
        self.router = await anvil.deploy("UniswapV2Router02", factory2.address, weth.address)
        factory3 = await deployed(anvil, "UniswapV3Factory")
        self.positions = await deployed(
            anvil, "NonfungiblePositionManager", factory3.address, weth.address, weth.address
        )
        self.migrator = await deployed(anvil, "V3Migrator", factory3.address, weth.address, self.positions.address)
        self.swapper = await deployed(anvil, "SwapRouter", factory3.address, weth.address)
        tokens = [await anvil.deploy("ERC20", 10**30) for _ in range(2)]
        self.tokens = sorted(tokens, key=lambda one: int(one.address, 16))
        for token in self.tokens:
            for spender in (self.router, self.positions, self.swapper):
                await anvil.send(token.functions.approve(spender.address, 2**255))
        both = [token.address for token in self.tokens]
        await anvil.send(factory2.functions.createPair(*both))
        self.pair = anvil.at("UniswapV2Pair", await factory2.functions.getPair(*both).call())
        await anvil.send(factory3.functions.createPool(*both, fee))
        self.pool = at(anvil, "UniswapV3Pool", await factory3.functions.getPool(*both, fee).call())
        await anvil.send(self.pool.functions.initialize(sqrt_price))

    @property
    def watch(self) -> Watch:
        pair = WatchedPool(address=low(self.pair), kind="uniswap_v2")
        pool = WatchedPool(address=low(self.pool), kind="uniswap_v3", positions=low(self.positions))
        return Watch(pools=(pair, pool))

    def with_tokens(self) -> Watch:
        """Returns the watch with the tokens that a watcher reads from the pools."""
        both = (self.token(0), self.token(1))
        return Watch(pools=tuple(replace(one, token0=both[0], token1=both[1]) for one in self.watch.pools))

    def token(self, index: int) -> Address:
        return low(self.tokens[index])

    async def add_v2(self, amount0: int, amount1: int) -> None:
        words: list[Any] = [*(one.address for one in self.tokens), amount0, amount1, 0, 0, self.me, FAR]
        await self.anvil.send(self.router.functions.addLiquidity(*words))

    async def mint_v3(self, lower: int, upper: int, amount: int, *, fee: int = 3000, owner: str | None = None) -> int:
        """Mints a position; returns the number of its NFT."""
        both = [one.address for one in self.tokens]
        words = (*both, fee, lower, upper, amount, amount, 0, 0, owner or self.me, FAR)
        await self.anvil.send(self.positions.functions.mint(words))
        return int(await self.positions.functions.totalSupply().call())

    async def swap_v3(self, zero_for_one: bool, amount: int, *, fee: int = 3000) -> int:
        """Pays exactly this amount; returns the received amount."""
        paid, got = self.tokens if zero_for_one else self.tokens[::-1]
        before = await got.functions.balanceOf(self.me).call()
        words = (paid.address, got.address, fee, self.me, FAR, amount, 0, 0)
        await self.anvil.send(self.swapper.functions.exactInputSingle(words))
        return int(await got.functions.balanceOf(self.me).call()) - int(before)

    async def swap_v2(self, zero_for_one: bool, amount: int) -> int:
        """Pays exactly this amount; returns the received amount."""
        paid, got = self.tokens if zero_for_one else self.tokens[::-1]
        before = await got.functions.balanceOf(self.me).call()
        words: list[Any] = [amount, 0, [paid.address, got.address], self.me, FAR]
        await self.anvil.send(self.router.functions.swapExactTokensForTokens(*words))
        return int(await got.functions.balanceOf(self.me).call()) - int(before)
