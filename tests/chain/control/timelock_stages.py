"""One stage for each kind of timelock on a real node: how a call is announced in it, executed after its delay, and cancelled.

The contracts are OpenZeppelin's, Safe's, Solady's and Venus's own, and those of `governance/Timelocks.sol`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from web3.contract import AsyncContract

from chain.blocks.abi import keccak
from chain.events import Address
from tests.chain.following import low
from tests.chain.proxies.making import EMPTY, Deployer, up
from tests.evm.anvil import Anvil

BUILT = Path(__file__).parent / "governance/built"
ZERO = b"\0" * 32
SOLADY_BATCH = b"\x01" + b"\0" * 5 + bytes.fromhex("78210001") + b"\0" * 22
"""ERC-7821: a batch of calls with further words beside it."""


async def deployed(anvil: Anvil, name: str, *arguments: Any) -> AsyncContract:
    found = json.loads((BUILT / f"{name}.json").read_text())
    factory = anvil.web3.eth.contract(abi=found["abi"], bytecode=found["bytecode"])
    sent = await factory.constructor(*arguments).transact({"from": anvil.accounts[0]})
    receipt = await anvil.web3.eth.wait_for_transaction_receipt(sent, timeout=20, poll_latency=0.02)
    contract: Any = anvil.web3.eth.contract(address=receipt["contractAddress"], abi=found["abi"])
    assert isinstance(contract, AsyncContract)
    return contract


async def later(anvil: Anvil, seconds: int) -> None:
    await anvil.call("evm_increaseTime", seconds)
    await anvil.mine()


async def due(anvil: Anvil) -> int:
    return int((await anvil.web3.eth.get_block("latest"))["timestamp"]) + 100


@dataclass(frozen=True, slots=True)
class Call:
    """What is announced. `delegated`: the timelock's executor runs this code as its own."""

    target: str
    body: str
    delegated: bool = False


class Stage(Protocol):
    """A deployed timelock. `executor` makes its calls; `delegates`: it can run foreign code; `calls`: it can call; `cancels`:
    its logs name an operation that was taken back.
    """

    executor: str
    delegates: bool
    calls: bool
    cancels: bool

    @property
    def timelock(self) -> Address:
        """Whose logs tell of operations."""

    async def announce(self, call: Call) -> Any:
        """Queue it; the answer names it to the other two."""

    async def execute(self, queued: Any) -> None:
        """Run it after its delay."""

    async def cancel(self, queued: Any) -> None:
        """Take it back."""


@dataclass
class _Stage:
    anvil: Anvil
    contract: AsyncContract
    executor: str
    delegates: bool = False
    calls: bool = True
    cancels: bool = True

    @property
    def timelock(self) -> Address:
        return low(self.contract)

    async def run(self, name: str, *arguments: Any, sender: int = 0) -> None:
        await self.anvil.send(self.contract.get_function_by_name(name)(*arguments), sender)


class OpenZeppelin(_Stage):
    async def announce(self, call: Call) -> Any:
        queued = (call.target, 0, call.body, ZERO, ZERO)
        await self.run("schedule", *queued, 60)
        return queued

    async def execute(self, queued: Any) -> None:
        await later(self.anvil, 100)
        await self.run("execute", *queued)

    async def cancel(self, queued: Any) -> None:
        await self.run("cancel", await self.contract.functions.hashOperation(*queued).call())


class Compound(_Stage):
    async def announce(self, call: Call) -> Any:
        queued = (call.target, 0, "", call.body, await due(self.anvil) + 3600)
        await self.run("queueTransaction", *queued)
        return queued

    async def execute(self, queued: Any) -> None:
        await later(self.anvil, 3710)
        await self.run("executeTransaction", *queued)

    async def cancel(self, queued: Any) -> None:
        await self.run("cancelTransaction", *queued)


class AaveExecutor(_Stage):
    async def announce(self, call: Call) -> Any:
        queued = (call.target, 0, "", call.body, await due(self.anvil), call.delegated)
        await self.run("queueTransaction", *queued)
        return queued

    async def execute(self, queued: Any) -> None:
        await later(self.anvil, 110)
        await self.run("executeTransaction", *queued)

    async def cancel(self, queued: Any) -> None:
        await self.run("cancelTransaction", *queued)


class AaveBridge(_Stage):
    async def announce(self, call: Call) -> Any:
        await self.run("queue", [call.target], [0], [""], [call.body], [call.delegated])
        return await self.contract.functions.getActionsSetCount().call() - 1

    async def execute(self, queued: Any) -> None:
        await later(self.anvil, 100)
        await self.run("execute", queued)

    async def cancel(self, queued: Any) -> None:
        await self.run("cancel", queued)


class AavePayloads(_Stage):
    async def announce(self, call: Call) -> Any:
        await self.run("createPayload", [(call.target, call.delegated, 1, 0, "", call.body)])
        number = await self.contract.functions.getPayloadsCount().call() - 1
        await self.run("queue", number)
        return number

    async def execute(self, queued: Any) -> None:
        await later(self.anvil, 100)
        await self.run("executePayload", queued)

    async def cancel(self, queued: Any) -> None:
        await self.run("cancelPayload", queued)


class Lido(_Stage):
    async def announce(self, call: Call) -> Any:
        await self.run("submit", [(call.target, 0, call.body)])
        return await self.contract.functions.getProposalsCount().call()

    async def execute(self, queued: Any) -> None:
        for step in ("schedule", "execute"):
            await later(self.anvil, 100)
            await self.run(step, queued)

    async def cancel(self, queued: Any) -> None:
        await self.run("cancelAllNonExecutedProposals")


class Solady(_Stage):
    async def announce(self, call: Call) -> Any:
        body = self.anvil.web3.codec.encode(
            ["(address,uint256,bytes)[]", "bytes"],
            [[(call.target, 0, bytes.fromhex(call.body.removeprefix("0x")))], ZERO],
        )
        sender: Any = {"from": self.anvil.accounts[0]}
        number = await self.contract.functions.propose(SOLADY_BATCH, body, 60).call(sender)
        await self.run("propose", SOLADY_BATCH, body, 60)
        return number, body

    async def execute(self, queued: Any) -> None:
        await later(self.anvil, 100)
        await self.run("execute", SOLADY_BATCH, queued[1])

    async def cancel(self, queued: Any) -> None:
        await self.run("cancel", queued[0])


class AccessManager(_Stage):
    async def announce(self, call: Call) -> Any:
        await self.run("schedule", call.target, call.body, 0, sender=1)
        return call

    async def execute(self, queued: Any) -> None:
        await later(self.anvil, 100)
        await self.run("execute", queued.target, queued.body, sender=1)

    async def cancel(self, queued: Any) -> None:
        await self.run("cancel", self.anvil.accounts[1], queued.target, queued.body, sender=1)


class Pause(_Stage):
    async def announce(self, call: Call) -> Any:
        tag = keccak(bytes(await self.anvil.web3.eth.get_code(self.anvil.web3.to_checksum_address(call.target))))
        queued = (call.target, tag, call.body, await due(self.anvil))
        await self.run("plot", *queued)
        return queued

    async def execute(self, queued: Any) -> None:
        await later(self.anvil, 110)
        await self.run("exec", *queued)

    async def cancel(self, queued: Any) -> None:
        await self.run("drop", *queued)


class ZodiacDelay(_Stage):
    async def announce(self, call: Call) -> Any:
        queued = (call.target, 0, call.body, int(call.delegated))
        await self.run("execTransactionFromModule", *queued)
        return queued

    async def execute(self, queued: Any) -> None:
        await later(self.anvil, 100)
        await self.run("executeNextTx", *queued)

    async def cancel(self, queued: Any) -> None:
        skipped = self.contract.functions.setTxNonce(await self.contract.functions.queueNonce().call())
        await Deployer(self.anvil).send_as(self.executor, skipped)


class Governor(_Stage):
    """What is queued is cancelled in the timelock behind it."""

    async def announce(self, call: Call) -> Any:
        queued = ([call.target], [0], [call.body], keccak(b"why"))
        await self.run("propose", *queued[:3], "why")
        await self.anvil.mine(3)
        await self.run("castVote", await self.contract.functions.getProposalId(*queued).call(), 1)
        await self.anvil.mine(12)
        await self.run("queue", *queued)
        return queued

    async def execute(self, queued: Any) -> None:
        await later(self.anvil, 100)
        await self.run("execute", *queued)

    async def cancel(self, queued: Any) -> None:
        raise NotImplementedError


class Safe(_Stage):
    """An approval is not taken back; another transaction may take its number."""

    async def announce(self, call: Call) -> Any:
        nonce = await self.contract.functions.nonce().call()
        queued = (call.target, 0, call.body, int(call.delegated), 0, 0, 0, EMPTY, EMPTY)
        await self.run("approveHash", await self.contract.functions.getTransactionHash(*queued, nonce).call())
        return queued

    async def execute(self, queued: Any) -> None:
        signature = bytes(12) + bytes.fromhex(self.anvil.accounts[0][2:]) + ZERO + b"\x01"  # approved beforehand
        await self.run("execTransaction", *queued, signature)

    async def cancel(self, queued: Any) -> None:
        raise NotImplementedError


async def openzeppelin(anvil: Anvil) -> Stage:
    account = anvil.accounts[0]
    made = await anvil.deploy("TimelockController", 60, [account], [account], account)
    return OpenZeppelin(anvil, made, made.address)


async def compound(anvil: Anvil) -> Stage:
    made = await deployed(anvil, "TimelockV8", anvil.accounts[0], 3600)
    return Compound(anvil, made, made.address)


async def aave_executor(anvil: Anvil) -> Stage:
    made = await deployed(anvil, "ExecutorWithTimelock")
    return AaveExecutor(anvil, made, made.address, delegates=True)


async def aave_bridge_executor(anvil: Anvil) -> Stage:
    made = await deployed(anvil, "BridgeExecutor")
    return AaveBridge(anvil, made, made.address, delegates=True)


async def aave_payloads(anvil: Anvil) -> Stage:
    made = await deployed(anvil, "PayloadsController")
    return AavePayloads(anvil, made, await made.functions.executor().call(), delegates=True)


async def lido(anvil: Anvil) -> Stage:
    made = await deployed(anvil, "EmergencyProtectedTimelock")
    return Lido(anvil, made, await made.functions.executor().call())


async def solady(anvil: Anvil) -> Stage:
    made, account = await deployed(anvil, "SoladyTimelock"), anvil.accounts[0]
    await anvil.send(made.functions.initialize(60, account, [account], [account], [account]))
    return Solady(anvil, made, made.address)


async def access_manager(anvil: Anvil) -> Stage:
    made = await Deployer(anvil).deployed("five/AccessManager", anvil.accounts[0])
    await anvil.send(made.functions.grantRole(0, anvil.accounts[1], 60))
    return AccessManager(anvil, made, made.address)


async def ds_pause(anvil: Anvil) -> Stage:
    made = await deployed(anvil, "DSPause")
    return Pause(anvil, made, await made.functions.proxy().call(), delegates=True, calls=False)


async def safe_owned(anvil: Anvil) -> AsyncContract:
    """A Safe behind its proxy, owned by the first account."""
    deployer = Deployer(anvil)
    singleton = await deployer.new("safe/Safe.sol/Safe")
    proxy = await deployer.new("safe/proxies/SafeProxy.sol/SafeProxy", up(deployer, singleton))
    safe = deployer.contract_at("safe/Safe.sol/Safe", proxy)
    await anvil.send(safe.functions.setup([anvil.accounts[0]], 1, EMPTY, b"", EMPTY, EMPTY, 0, EMPTY))
    return safe


async def safe(anvil: Anvil) -> Stage:
    made = await safe_owned(anvil)
    return Safe(anvil, made, made.address, delegates=True, cancels=False)


async def zodiac_delay(anvil: Anvil) -> Stage:
    avatar = await safe_owned(anvil)
    made = await deployed(anvil, "Delay", avatar.address)
    await Deployer(anvil).send_as(avatar.address, avatar.functions.enableModule(made.address))
    return ZodiacDelay(anvil, made, avatar.address, delegates=True)


async def governor(anvil: Anvil) -> Stage:
    token = await deployed(anvil, "VotesToken")
    timelock = await anvil.deploy("TimelockController", 60, [], [], anvil.accounts[0])
    made = await deployed(anvil, "TimelockedGovernor", token.address, timelock.address)
    for role in (b"PROPOSER_ROLE", b"EXECUTOR_ROLE", b"CANCELLER_ROLE"):
        await anvil.send(timelock.functions.grantRole(keccak(role), made.address))
    return Governor(anvil, made, timelock.address, cancels=False)


class Maple(_Stage):
    """The pool manager asks the queue itself; what is announced is the body of its upgrade."""

    async def announce(self, call: Call) -> Any:
        await self.run("scheduleCall", call.target, b"PM:UPGRADE".ljust(32, b"\0"), call.body)
        return call

    async def execute(self, queued: Any) -> None:
        await later(self.anvil, 100)
        eth = self.anvil.web3.eth
        sent = await eth.send_transaction(
            {"from": self.anvil.web3.to_checksum_address(self.executor), "to": queued.target, "data": queued.body}
        )
        assert (await eth.wait_for_transaction_receipt(sent, timeout=20, poll_latency=0.02))["status"] == 1

    async def cancel(self, queued: Any) -> None:
        unscheduled = self.contract.get_function_by_signature("unscheduleCall(address,bytes32,bytes)")
        await self.anvil.send(unscheduled(queued.target, b"PM:UPGRADE".ljust(32, b"\0"), queued.body))


async def maple(anvil: Anvil) -> Stage:
    return Maple(anvil, await deployed(anvil, "MapleGlobals"), anvil.accounts[0])
