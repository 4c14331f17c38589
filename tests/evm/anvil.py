"""Runs a real EVM node (anvil, from npm) on loopback and deploys audited contracts from their artifacts."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from web3 import AsyncHTTPProvider, AsyncWeb3
from web3.contract import AsyncContract
from web3.types import RPCEndpoint, TxReceipt

MODULES = Path(__file__).parent / "node_modules"
ARTIFACTS = (
    MODULES / "@uniswap/v2-core/build",
    MODULES / "@uniswap/v2-periphery/build",
    MODULES / "@openzeppelin/contracts/build/contracts",
)


def binary() -> Path:
    """Returns the anvil binary of this machine. Skips the test with a message if it is not installed."""
    found = sorted(MODULES.glob("@foundry-rs/anvil-*/bin/anvil*"))
    if not found:
        pytest.skip("anvil is not installed: make tests/evm/node_modules/.ready")
    return found[0]


class Anvil:
    """A running node with unlocked accounts; it mines a block on request or with each transaction."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.web3 = AsyncWeb3(AsyncHTTPProvider(url))
        self.accounts: list[str] = []

    async def call(self, method: str, *params: Any) -> Any:
        answer = await self.web3.provider.make_request(RPCEndpoint(method), list(params))
        assert "error" not in answer, answer
        return answer["result"]

    async def deploy(self, artifact: str, *arguments: Any) -> AsyncContract:
        found = _artifact(artifact)
        factory = self.web3.eth.contract(abi=found["abi"], bytecode=found["bytecode"])
        sent = await factory.constructor(*arguments).transact({"from": self.accounts[0]})
        receipt = await self.web3.eth.wait_for_transaction_receipt(sent, timeout=20, poll_latency=0.02)
        return self.at(artifact, str(receipt["contractAddress"]))

    def at(self, artifact: str, address: str) -> AsyncContract:
        """Returns the contract of this artifact at this address."""
        checked = self.web3.to_checksum_address(address)
        contract: Any = self.web3.eth.contract(address=checked, abi=_artifact(artifact)["abi"])
        assert isinstance(contract, AsyncContract)
        return contract

    async def send(self, function: Any, sender: int = 0) -> TxReceipt:
        sent = await function.transact({"from": self.accounts[sender]})
        receipt = await self.web3.eth.wait_for_transaction_receipt(sent, timeout=20, poll_latency=0.02)
        assert receipt["status"] == 1
        return receipt

    async def mine(self, blocks: int = 1) -> None:
        await self.call("anvil_mine", hex(blocks))

    async def height(self) -> int:
        return await self.web3.eth.block_number


def _artifact(name: str) -> Any:
    found = (folder / f"{name}.json" for folder in ARTIFACTS)
    return json.loads(next(path for path in found if path.exists()).read_text())


@contextlib.asynccontextmanager
async def running(*more: str, chain_id: int = 31337) -> AsyncIterator[Anvil]:
    """Starts a fresh node on a free loopback port and stops it at the end; `more` are further command-line arguments."""
    words = [str(binary()), "--host", "127.0.0.1", "--port", "0", "--chain-id", str(chain_id), "--accounts", "4", *more]
    process = await asyncio.create_subprocess_exec(
        *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    assert process.stdout is not None
    draining: asyncio.Task[None] | None = None
    anvil: Anvil | None = None
    try:
        async with asyncio.timeout(20):
            while True:
                line = (await process.stdout.readline()).decode()
                assert line, "anvil ended before it listened"
                if found := re.search(r"Listening on 127\.0\.0\.1:(\d+)", line):
                    break
        draining = asyncio.create_task(_drain(process.stdout))
        anvil = Anvil(f"http://127.0.0.1:{found[1]}")
        anvil.accounts = [str(one) for one in await anvil.web3.eth.accounts]
        yield anvil
    finally:
        if anvil is not None:
            provider = anvil.web3.provider
            assert isinstance(provider, AsyncHTTPProvider)
            await provider.disconnect()
        process.kill()
        await process.wait()
        if draining is not None:
            await draining


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.read(65536):
        pass
