"""Compound Timelock: QueueTransaction, ExecuteTransaction, CancelTransaction, named by transaction hash, with their eta.

Source: compound-protocol, contracts/Timelock.sol. The signature may be empty; then the body begins with the selector.
"""

from __future__ import annotations

from chain.blocks.abi import Words, address_of, topic_of
from chain.blocks.block import Log
from chain.control.call_data import foreseen, signed_call
from chain.control.operation import Phase, Step, Steps, getter

MARKS = (getter("delay()"), getter("GRACE_PERIOD()"))

LAYOUT = "(bytes32,address,uint256,string,bytes,uint256)"


def _step(log: Log, phase: Phase) -> Step:
    args = Words(log.body)  # value, signature, body, eta; hash and target are indexed
    call = signed_call(address_of(log.word(1)), args.text(1), args.text(2))
    changes = foreseen(call.target, call.body)
    return Step(operation=log.topics[1], phase=phase, foreseen=changes, eta_s=args.word(3), calls=(call,))


STEPS: Steps = {
    topic_of(f"QueueTransaction{LAYOUT}"): lambda log: _step(log, Phase.QUEUED),
    topic_of(f"ExecuteTransaction{LAYOUT}"): lambda log: _step(log, Phase.EXECUTED),
    topic_of(f"CancelTransaction{LAYOUT}"): lambda log: _step(log, Phase.CANCELLED),
}
