"""Aave governance 2: executors with a timelock. A delegated call runs the target's own code: its content is not in the call.

Source: aave/governance-v2 IExecutorWithTimelock.sol.
"""

from __future__ import annotations

from chain.blocks.abi import Words, address_of, topic_of
from chain.blocks.block import Log
from chain.control.call_data import foreseen, signed_call
from chain.control.operation import Phase, Step, Steps, getter

MARKS = (getter("getDelay()"), getter("GRACE_PERIOD()"))

ACTION = "bytes32,address,uint256,string,bytes,uint256,bool"


def _action(log: Log, phase: Phase) -> Step:
    args = Words(log.body)  # hash, value, signature, body, time, delegated; the target is indexed
    call = signed_call(address_of(log.word(0)), args.text(2), args.text(3))
    delegated = bool(args.word(5))
    changes = () if delegated else foreseen(call.target, call.body)
    operation, eta_s = f"0x{args.word(0):064x}", args.word(4)
    return Step(operation=operation, phase=phase, foreseen=changes, opaque=delegated, eta_s=eta_s, calls=(call,))


STEPS: Steps = {
    topic_of(f"QueuedAction({ACTION})"): lambda log: _action(log, Phase.QUEUED),
    topic_of(f"ExecutedAction({ACTION},bytes)"): lambda log: _action(log, Phase.EXECUTED),
    topic_of(f"CancelledAction({ACTION})"): lambda log: _action(log, Phase.CANCELLED),
}
