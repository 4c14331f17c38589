"""OpenZeppelin 5 AccessManager: delayed calls to managed contracts, with their earliest time.

Source: @openzeppelin/contracts 5.x, access/manager/IAccessManager.sol.
"""

from __future__ import annotations

from chain.blocks.abi import Words, topic_of
from chain.blocks.block import Log
from chain.control.call_data import DecodedCall, foreseen
from chain.control.operation import Phase, Step, Steps, cancelled, executed, getter

MARKS = (getter("minSetback()"), getter("expiration()"))


def _scheduled(log: Log) -> Step:
    args = Words(log.body)  # schedule, caller, target, body; id and nonce are indexed
    call = DecodedCall(args.address(2), args.text(3))
    changes = foreseen(call.target, call.body)
    return Step(operation=log.topics[1], phase=Phase.QUEUED, foreseen=changes, eta_s=args.word(0), calls=(call,))


STEPS: Steps = {
    topic_of("OperationScheduled(bytes32,uint32,uint48,address,address,bytes)"): _scheduled,
    topic_of("OperationExecuted(bytes32,uint32)"): executed,
    topic_of("OperationCanceled(bytes32,uint32)"): cancelled,
}
