"""Zodiac's Delay modifier: transactions wait in order of their number; the Safe behind it (the avatar) runs the next one.

Source: gnosisguild/zodiac-modifier-delay Delay.sol; safe-smart-account ModuleManager.sol. The modifier logs nothing when it
executes: the avatar logs that a module of its, the modifier, ran a transaction. The cooldown is not in the log. Every
transaction is remembered (`opaque`); which one ran, and which were skipped without a log, its own counter tells.
"""

from __future__ import annotations

from chain.blocks.abi import Words, topic_of
from chain.blocks.block import Log
from chain.control.call_data import DecodedCall, foreseen
from chain.control.operation import Phase, Step, Steps, getter

AVATAR = getter("avatar()")
"""Answers the contract whose log tells of an execution."""
NEXT = getter("txNonce()")
"""Answers the number of the transaction that may run next: those below it ran, were skipped, or expired."""
RAN = topic_of("ExecutionFromModuleSuccess(address)")
"""The avatar's log; its first argument is the module."""
MARKS = (AVATAR, getter("txCooldown()"), getter("queueNonce()"))


def _added(log: Log) -> Step:
    args = Words(log.body)  # target, value, body, operation; the number and the hash are indexed
    delegated = bool(args.word(3))
    call = DecodedCall(args.address(0), args.text(2))
    changes = () if delegated else foreseen(call.target, call.body)
    return Step(operation=log.topics[1], phase=Phase.QUEUED, foreseen=changes, opaque=True, calls=(call,))


STEPS: Steps = {topic_of("TransactionAdded(uint256,bytes32,address,uint256,bytes,uint8)"): _added}
