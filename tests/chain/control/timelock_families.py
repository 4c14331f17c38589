"""Holds the logs of each family of timelocks and queues, built from their documented signatures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from eth_abi.abi import encode

from chain.blocks.abi import selector_of, topic_of
from chain.blocks.block import Log
from chain.detectors import timelocks
from chain.detectors.timelocks import Timelocks
from chain.events import Address, Role
from chain.events.upgrades import ContractUpgraded, SeenBy
from chain.watch import Watch, WatchedContract
from tests.chain.builders import START, address, block, log, topic, words

GUARD, PROXY, ADMIN, BEACON, TWO = address(0x71), address(0xA), address(0xAD), address(0xBE), address(2)
UPGRADE_TO = selector_of("upgradeTo(address)") + words(2)
BY_ADMIN = selector_of("upgrade(address,address)") + words(0xA, 2)
OPERATION = topic(0x0B)
ZERO = b"\0" * 32
ETA = int((START + timedelta(days=2)).timestamp())
IN_TWO_DAYS = datetime.fromtimestamp(ETA, UTC)


def watching(*, guarded: bool = True) -> Timelocks:
    contract = WatchedContract(address=PROXY, timelock=GUARD if guarded else None)
    return timelocks.make(Watch(contracts=(contract,), timelocks=(GUARD,)))


def log_of(signature: str, types: str, *values: Any, topics: tuple[int, ...] = (), index: int = 0) -> Log:
    body = encode(types.split(" ") if types else [], values)
    return log(GUARD, topic_of(signature), *(topic(one) for one in topics), body=body, index=index)


def scheduled(call: bytes, index: int = 0, delay_s: int = 60, operation: int = 0x0B, target: Address = PROXY) -> Log:
    signature = "CallScheduled(bytes32,uint256,address,uint256,bytes,bytes32,uint256)"
    types = "address uint256 bytes bytes32 uint256"
    return log_of(signature, types, target, 0, call, ZERO, delay_s, topics=(operation, index), index=index)


def executed(call: bytes, index: int = 0, transaction: int = 1, operation: int = 0x0B) -> Log:
    body = encode(["address", "uint256", "bytes"], [PROXY, 0, call])
    signature = "CallExecuted(bytes32,uint256,address,uint256,bytes)"
    return log(
        GUARD, topic_of(signature), topic(operation), topic(index), body=body, index=index, transaction=transaction
    )


def upgraded(transaction: int | None = 1, role: Role = Role.IMPLEMENTATION, new: int = 2) -> ContractUpgraded:
    place = block(2).place(log(PROXY, transaction=transaction) if transaction is not None else None)
    return ContractUpgraded(
        place=place,
        seen_at=START,
        event_id="e",
        contract=PROXY,
        proxy_kind="eip1967",
        role=role,
        old=None,
        new=address(new),
        seen_by=SeenBy.LOG,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One kind of timelock: how it announces, executes and cancels an upgrade of PROXY to address 2."""

    announced: tuple[Log, ...]
    executed: Log
    cancelled: Log
    eta: datetime
    new: Address | None = TWO


COMPOUND = "(bytes32,address,uint256,string,bytes,uint256)"
COMPOUND_TYPES = "uint256 string bytes uint256"
COMPOUND_CALL = (0, "upgradeTo(address)", UPGRADE_TO[4:], ETA)
CREATED = "ProposalCreated(uint256,address,address[],uint256[],string[],bytes[],uint256,uint256,string)"
CREATED_TYPES = "uint256 address address[] uint256[] string[] bytes[] uint256 uint256 string"
ACTION = "bytes32,address,uint256,string,bytes,uint256,bool"
ACTION_TYPES = "bytes32 uint256 string bytes uint256 bool"
ACTION_CALL = (b"\0" * 31 + b"\x0b", 0, "", UPGRADE_TO, ETA, False)
SET = "ActionsSetQueued(uint256,address[],uint256[],string[],bytes[],bool[],uint256)"
SET_TYPES = "address[] uint256[] string[] bytes[] bool[] uint256"
SET_CALLS = ([GUARD, PROXY], [0, 0], ["", "upgradeTo(address)"], [b"", UPGRADE_TO[4:]], [True, False], ETA)
PAYLOAD = "(address,bool,uint8,uint256,string,bytes)[]"
MAPLE = "(address,address,bytes32,bytes32,uint256)"
UPGRADE_NAME = int.from_bytes(b"PM:UPGRADE".ljust(32, b"\0"), "big")
PAUSE = "(address,bytes32,bytes,uint256)"
SPELL_TYPES = ["address", "bytes32", "bytes", "uint256"]
SPELL = encode(SPELL_TYPES, [address(0x5BE11), ZERO, selector_of("execute()"), ETA])
BATCH = encode(["(address,uint256,bytes)[]"], [[(GUARD, 0, b""), (PROXY, 0, UPGRADE_TO)]])
MODE = b"\x01" + b"\0" * 31


def noted(function: str, *, value_first: bool = True) -> Log:
    """The anonymous note of a call of DSPause: its selector, the caller, and the first two arguments; then value and call."""
    selector = selector_of(function + PAUSE)
    types, values = (["uint256", "bytes"], [0, selector + SPELL]) if value_first else (["bytes"], [selector + SPELL])
    topics = (f"0x{selector.hex():0<64}", topic(7), topic(0x5BE11), topic(0))
    return log(GUARD, *topics, body=encode(types, values))


FAMILIES = {
    "solady": Family(
        announced=(
            log_of("Proposed(bytes32,bytes32,bytes,uint256)", "bytes32 bytes uint256", MODE, BATCH, ETA, topics=(0x0B,)),
        ),
        executed=log_of("Executed(bytes32,bytes32,bytes)", "bytes32 bytes", MODE, BATCH, topics=(0x0B,)),
        cancelled=log_of("Cancelled(bytes32)", "", topics=(0x0B,)),
        eta=IN_TWO_DAYS,
    ),
    "openzeppelin": Family(
        announced=(scheduled(b"", 0), scheduled(BY_ADMIN, 1, 172_799, target=ADMIN)),
        executed=executed(UPGRADE_TO),
        cancelled=log_of("Cancelled(bytes32)", "", topics=(0x0B,)),
        eta=IN_TWO_DAYS,
    ),
    "compound": Family(
        announced=(log_of(f"QueueTransaction{COMPOUND}", COMPOUND_TYPES, *COMPOUND_CALL, topics=(0x0B, 0xA)),),
        executed=log_of(f"ExecuteTransaction{COMPOUND}", COMPOUND_TYPES, *COMPOUND_CALL, topics=(0x0B, 0xA)),
        cancelled=log_of(f"CancelTransaction{COMPOUND}", COMPOUND_TYPES, *COMPOUND_CALL, topics=(0x0B, 0xA)),
        eta=IN_TWO_DAYS,
    ),
    "governor whose votes end by time": Family(
        announced=(log_of(CREATED, CREATED_TYPES, 11, ADMIN, [PROXY], [0], [""], [UPGRADE_TO], 1, ETA, "why"),),
        executed=log_of("ProposalExecuted(uint256)", "uint256", 11),
        cancelled=log_of("ProposalCanceled(uint256)", "uint256", 11),
        eta=IN_TWO_DAYS,
    ),
    "access manager": Family(
        announced=(
            log_of(
                "OperationScheduled(bytes32,uint32,uint48,address,address,bytes)",
                "uint48 address address bytes", ETA, ADMIN, PROXY, UPGRADE_TO, topics=(0x0B, 1),
            ),
        ),
        executed=log_of("OperationExecuted(bytes32,uint32)", "", topics=(0x0B, 1)),
        cancelled=log_of("OperationCanceled(bytes32,uint32)", "", topics=(0x0B, 1)),
        eta=IN_TWO_DAYS,
    ),
    "aave executor": Family(
        announced=(log_of(f"QueuedAction({ACTION})", ACTION_TYPES, *ACTION_CALL, topics=(0xA,)),),
        executed=log_of(f"ExecutedAction({ACTION},bytes)", f"{ACTION_TYPES} bytes", *ACTION_CALL, b"", topics=(0xA,)),
        cancelled=log_of(f"CancelledAction({ACTION})", ACTION_TYPES, *ACTION_CALL, topics=(0xA,)),
        eta=IN_TWO_DAYS,
    ),
    "aave bridge executor": Family(
        announced=(log_of(SET, SET_TYPES, *SET_CALLS, topics=(0x0B,)),),
        executed=log_of("ActionsSetExecuted(uint256,address,bytes[])", "bytes[]", [b""], topics=(0x0B, 7)),
        cancelled=log_of("ActionsSetCanceled(uint256)", "", topics=(0x0B,)),
        eta=IN_TWO_DAYS,
    ),
    "aave bridge executor, first version": Family(
        announced=(log_of(SET, f"uint256 {SET_TYPES}", 11, *SET_CALLS),),
        executed=log_of("ActionsSetExecuted(uint256,address,bytes[])", "uint256 bytes[]", 11, [b""], topics=(7,)),
        cancelled=log_of("ActionsSetCanceled(uint256)", "uint256", 11),
        eta=IN_TWO_DAYS,
    ),
    "aave payloads": Family(
        announced=(
            log_of(
                f"PayloadCreated(uint40,address,{PAYLOAD},uint8)", PAYLOAD,
                [(PROXY, False, 1, 0, "upgradeTo(address)", UPGRADE_TO[4:])], topics=(0x0B, 7, 1),
            ),
        ),
        executed=log_of("PayloadExecuted(uint40)", "uint40", 11),
        cancelled=log_of("PayloadCancelled(uint40)", "uint40", 11),
        eta=START + timedelta(seconds=1),
    ),
    "lido": Family(
        announced=(
            log_of(
                "ProposalSubmitted(uint256,address,(address,uint96,bytes)[])", "(address,uint96,bytes)[]",
                [(PROXY, 0, UPGRADE_TO)], topics=(0x0B, 7),
            ),
        ),
        executed=log_of("ProposalExecuted(uint256,bytes[])", "bytes[]", [b""], topics=(0x0B,)),
        cancelled=log_of("ProposalCanceled(uint256)", "uint256", 11),
        eta=START + timedelta(seconds=1),
    ),
    "maple": Family(
        announced=(log_of(f"CallScheduled{MAPLE}", "bytes32 uint256", ZERO, ETA, topics=(7, 0xA, UPGRADE_NAME)),),
        executed=log_of(f"CallUnscheduled{MAPLE}", "bytes32 uint256", ZERO, ETA, topics=(7, 0xA, UPGRADE_NAME)),
        cancelled=log_of(f"CallUnscheduled{MAPLE}", "bytes32 uint256", ZERO, ETA, topics=(7, 0xA, UPGRADE_NAME)),
        eta=IN_TWO_DAYS,
        new=None,
    ),
}  # fmt: skip
