"""Aave's bridges to other networks: their executors queue sets of actions that arrived from the governance.

Source: aave/governance-crosschain-bridges IExecutorBase.sol, whose first version did not index the set's id. A delegated
call runs the target's own code: its content is not in the call.
"""

from __future__ import annotations

from chain.blocks.abi import Words, topic_of
from chain.blocks.block import Log
from chain.control.call_data import foreseen, signed_batch
from chain.control.operation import Phase, Step, Steps, getter

MARKS = (getter("getDelay()"), getter("getGracePeriod()"))


def _set_queued(log: Log) -> Step:
    args, first = (
        Words(log.body),
        2 - min(len(log.topics), 2),
    )  # (id), targets, values, signatures, bodies, delegated, time
    operation = log.topics[1] if first == 0 else f"0x{args.word(0):064x}"
    length, delegated = args.array(first + 4)
    calls = tuple(signed_batch(args, first))
    changes = [
        change
        for number, call in enumerate(calls)
        if number < length and not delegated.word(number)
        for change in foreseen(call.target, call.body)
    ]
    opaque = any(delegated.word(number) for number in range(length))
    return Step(
        operation=operation,
        phase=Phase.QUEUED,
        foreseen=tuple(changes),
        opaque=opaque,
        eta_s=args.word(first + 5),
        calls=calls,
    )


def _set_executed(log: Log) -> Step:
    indexed = len(log.topics) > 2  # id and initiator; else the initiator alone
    operation = log.topics[1] if indexed else f"0x{Words(log.body).word(0):064x}"
    return Step(operation=operation, phase=Phase.EXECUTED, opaque=True)


def _set_cancelled(log: Log) -> Step:
    return Step(operation=f"0x{log.word(0):064x}", phase=Phase.CANCELLED)


STEPS: Steps = {
    topic_of("ActionsSetQueued(uint256,address[],uint256[],string[],bytes[],bool[],uint256)"): _set_queued,
    topic_of("ActionsSetExecuted(uint256,address,bytes[])"): _set_executed,
    topic_of("ActionsSetCanceled(uint256)"): _set_cancelled,
}
