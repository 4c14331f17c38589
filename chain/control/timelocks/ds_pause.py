"""MakerDAO's DSPause: a spell is plotted, executed by a delegated call, or dropped; its notes carry the whole call.

Source: makerdao/ds-pause DSPause.sol with dapphub/ds-note LogNote, an anonymous log: the first topic is the selector of the
function, the data are the value sent (not in the oldest version) and the call. A spell runs its own code.
"""

from __future__ import annotations

from chain.blocks.abi import Words, keccak, selector_of
from chain.blocks.block import Log
from chain.control.operation import Phase, Step, Steps, getter

AFTER_TWO_WORDS = 0x40
"""Where the call begins if the value stands before it."""
ARGUMENTS = "(address,bytes32,bytes,uint256)"
MARKS = (getter("proxy()"), getter("delay()"))


def _topic(function: str) -> str:
    return f"0x{selector_of(function + ARGUMENTS).hex():0<64}"


def _step(log: Log, phase: Phase) -> Step:
    words = Words(log.body)
    call = words.text(1 if words.word(1) == AFTER_TWO_WORDS else 0)
    eta_s = Words(call[4:]).word(3)  # who is called, the hash of its code, the call, the earliest time
    return Step(operation=f"0x{keccak(call[4:]).hex()}", phase=phase, opaque=True, eta_s=eta_s)


STEPS: Steps = {
    _topic("plot"): lambda log: _step(log, Phase.QUEUED),
    _topic("exec"): lambda log: _step(log, Phase.EXECUTED),
    _topic("drop"): lambda log: _step(log, Phase.CANCELLED),
}
