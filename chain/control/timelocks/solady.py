"""Solady's Timelock: batches of calls (ERC-7821), proposed with the time from which they may run.

Source: vectorized/solady, src/accounts/Timelock.sol. It cancels with the same log as OpenZeppelin's.
"""

from __future__ import annotations

from chain.blocks.abi import Words, topic_of
from chain.blocks.block import Log
from chain.control.call_data import DecodedCall, foreseen
from chain.control.operation import Phase, Step, Steps, getter

MARKS = (getter("minDelay()"), getter("OPEN_ROLE_HOLDER()"))


def _step(log: Log, phase: Phase) -> Step:
    args = Words(log.body)  # mode, batch, earliest time; the id is indexed
    length, batch = Words(args.text(1)).array(0)
    items = [batch.inner(number) for number in range(length)]  # target, value, body
    calls = tuple(DecodedCall(one.address(0), one.text(2)) for one in items)
    changes = tuple(change for call in calls for change in foreseen(call.target, call.body))
    eta_s = args.word(2) if phase is Phase.QUEUED else None
    return Step(operation=log.topics[1], phase=phase, foreseen=changes, eta_s=eta_s, calls=calls)


STEPS: Steps = {
    topic_of("Proposed(bytes32,bytes32,bytes,uint256)"): lambda log: _step(log, Phase.QUEUED),
    topic_of("Executed(bytes32,bytes32,bytes)"): lambda log: _step(log, Phase.EXECUTED),
}
