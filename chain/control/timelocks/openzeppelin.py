"""OpenZeppelin TimelockController: CallScheduled, CallExecuted, Cancelled; a batch is several logs of one id.

Source: @openzeppelin/contracts 4.9.6 and 5.x, governance/TimelockController.sol.
"""

from __future__ import annotations

from chain.blocks.abi import Words, topic_of
from chain.blocks.block import Log
from chain.control.call_data import DecodedCall, foreseen
from chain.control.operation import Phase, Step, Steps, cancelled, getter

MARKS = (getter("getMinDelay()"), getter("PROPOSER_ROLE()"))


def _scheduled(log: Log) -> Step:
    args = Words(log.body)  # target, value, body, predecessor, delay; id and index are indexed
    call = DecodedCall(args.address(0), args.text(2))
    changes = foreseen(call.target, call.body)
    return Step(operation=log.topics[1], phase=Phase.QUEUED, foreseen=changes, delay_s=args.word(4), calls=(call,))


def _executed(log: Log) -> Step:
    args = Words(log.body)  # target, value, body
    return Step(
        operation=log.topics[1],
        phase=Phase.EXECUTED,
        foreseen=foreseen(args.address(0), args.text(2)),
    )


STEPS: Steps = {
    topic_of("CallScheduled(bytes32,uint256,address,uint256,bytes,bytes32,uint256)"): _scheduled,
    topic_of("CallExecuted(bytes32,uint256,address,uint256,bytes)"): _executed,
    topic_of("Cancelled(bytes32)"): cancelled,
}
