"""Deploys built proxies on a test node, with their constructors or from their documented code."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from web3.contract import AsyncContract

from chain.events import Address
from tests.evm.anvil import MODULES, Anvil

BUILT = Path(__file__).parent / "built"
SAFE = MODULES / "@safe-global/safe-contracts/build/artifacts/contracts"
FIVE = MODULES / "openzeppelin-5/build/contracts"
EMPTY = "0x" + "0" * 40


@dataclass(slots=True)
class DeployedProxy:
    """A deployed proxy and the addresses it points at, by role."""

    address: Address
    roles: dict[str, Address] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A change that must be reported, and its block."""

    contract: Address
    role: str
    old: str | None
    new: str
    block: int


@cache
def built(name: str) -> Any:
    """Returns creation code and ABI: stored here, or from npm (Safe, OpenZeppelin 5)."""
    places = {
        "five": FIVE / f"{name.removeprefix('five/')}.json",
        "safe": SAFE / f"{name.removeprefix('safe/')}.json",
    }
    path = places.get(name.split("/", maxsplit=1)[0], BUILT / f"{name}.json")
    return json.loads(path.read_text())


class Deployer:
    """Deploys contracts and sends transactions on one node, each in its own block."""

    def __init__(self, anvil: Anvil) -> None:
        self.anvil = anvil

    @property
    def me(self) -> Address:
        return Address(self.anvil.accounts[0].lower())

    async def deployed(self, name: str, *arguments: Any) -> AsyncContract:
        found = built(name)
        factory = self.anvil.web3.eth.contract(abi=found["abi"], bytecode=found["bytecode"])
        sent = await factory.constructor(*arguments).transact({"from": self.anvil.accounts[0]})
        receipt = await self.anvil.web3.eth.wait_for_transaction_receipt(sent, timeout=20, poll_latency=0.02)
        return self.contract_at(name, str(receipt["contractAddress"]))

    def contract_at(self, name: str, address: str) -> AsyncContract:
        contract: Any = self.anvil.web3.eth.contract(
            address=self.anvil.web3.to_checksum_address(address), abi=built(name)["abi"]
        )
        assert isinstance(contract, AsyncContract)
        return contract

    async def new(self, name: str, *arguments: Any) -> Address:
        return Address((await self.deployed(name, *arguments)).address.lower())

    async def target(self) -> Address:
        """Deploys a new contract as a target for proxies."""
        return await self.new("SlotZero")

    async def code(self, address: str, code: str) -> None:
        await self.anvil.call("anvil_setCode", address, code)

    async def slot(self, address: str, slot: int, value: str) -> int:
        """Writes a slot silently; returns the block in which it can be read: anvil writes into the state of its head."""
        await self.anvil.mine()
        await self.anvil.call("anvil_setStorageAt", address, f"{slot:#066x}", f"0x{int(value, 16):064x}")
        return await self.anvil.height()

    async def send(self, function: Any) -> int:
        """Sends a transaction and returns its block."""
        return int((await self.anvil.send(function))["blockNumber"])

    async def send_as(self, sender: str, function: Any) -> int:
        """Sends a transaction from any address, also from a contract; returns its block."""
        await self.anvil.call("anvil_impersonateAccount", sender)
        await self.anvil.call("anvil_setBalance", sender, hex(10**18))
        sent = await function.transact({"from": self.anvil.web3.to_checksum_address(sender), "gas": 3_000_000})
        receipt = await self.anvil.web3.eth.wait_for_transaction_receipt(sent, timeout=20, poll_latency=0.02)
        assert receipt["status"] == 1
        return int(receipt["blockNumber"])

    async def raw(self, code: str) -> Address:
        """Creates a contract with exactly this runtime code in a normal transaction."""
        body = bytes.fromhex(code)
        creation = f"61{len(body):04x}80600a3d393df3".encode() + body.hex().encode()
        sent = await self.anvil.web3.eth.send_transaction(
            {"from": self.anvil.web3.to_checksum_address(self.me), "data": "0x" + creation.decode()}  # type: ignore[typeddict-item]
        )
        receipt = await self.anvil.web3.eth.wait_for_transaction_receipt(sent, timeout=20, poll_latency=0.02)
        address = Address(str(receipt["contractAddress"]).lower())
        assert bytes(await self.anvil.web3.eth.get_code(self.anvil.web3.to_checksum_address(address))) == body
        return address

    async def cloned(self, how: str, *arguments: Any) -> Address:
        """Returns the clone that a call of the cloner created (solady, clones-with-immutable-args, OpenZeppelin 5, erc6551)."""
        cloner = await self.deployed("Cloner")
        receipt = await self.anvil.send(getattr(cloner.functions, how)(*arguments))
        made = cloner.events.Made().process_receipt(receipt)
        return Address(str(made[-1]["args"]["made"]).lower())


Change = Callable[[Deployer, DeployedProxy], Awaitable[list[Wanted]]]
Case = tuple[Callable[[Deployer], Awaitable[DeployedProxy]], Change]


def up(deployer: Deployer, address: str) -> Any:
    return deployer.anvil.web3.to_checksum_address(address)
