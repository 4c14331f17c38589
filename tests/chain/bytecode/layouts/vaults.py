"""Loads the built vaults of this folder and deploys them on a test node."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from web3.contract import AsyncContract

from tests.evm.anvil import Anvil

BUILT = Path(__file__).parent / "built"


@cache
def built(name: str) -> Any:
    return json.loads((BUILT / f"{name}.json").read_text())


def code_of(name: str) -> bytes:
    """Returns the deployed (runtime) code."""
    return bytes.fromhex(built(name)["deployedBytecode"].removeprefix("0x"))


async def deployed(anvil: Anvil, name: str) -> AsyncContract:
    factory = anvil.web3.eth.contract(abi=built(name)["abi"], bytecode=built(name)["bytecode"])
    sent = await factory.constructor().transact({"from": anvil.accounts[0]})
    receipt = await anvil.web3.eth.wait_for_transaction_receipt(sent, timeout=20, poll_latency=0.02)
    contract: Any = anvil.web3.eth.contract(address=receipt["contractAddress"], abi=built(name)["abi"])
    assert isinstance(contract, AsyncContract)
    return contract
