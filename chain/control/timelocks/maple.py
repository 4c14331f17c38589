"""Maple: calls scheduled in its Globals by caller, contract and function name; the log holds only the hash of their content.

Source: maple-labs/globals-v2 IMapleGlobals.sol. A name with UPGRADE in it ("PM:UPGRADE", "LM:UPGRADE") upgrades the
contract; the queue logs a call that ran and one that was cancelled in the same way. The delay is not in the log.
"""

from __future__ import annotations

from chain.blocks.abi import address_of, topic_of
from chain.blocks.block import Log
from chain.control.call_data import Foreseen
from chain.control.operation import Phase, Step, Steps, getter

MARKS = (getter("defaultTimelockParameters()"),)

LAYOUT = "(address,address,bytes32,bytes32,uint256)"


def _step(log: Log, phase: Phase) -> Step:
    caller, contract, name = (log.word(position) for position in range(3))
    upgrades = b"UPGRADE" in name.to_bytes(32, "big")
    return Step(
        operation=f"{caller:#x}/{contract:#x}/{name:#x}",
        phase=phase,
        foreseen=(Foreseen(target=address_of(contract), new=None),) if upgrades else (),
        opaque=True,
        eta_s=log.word(4),
    )


STEPS: Steps = {
    topic_of(f"CallScheduled{LAYOUT}"): lambda log: _step(log, Phase.QUEUED),
    topic_of(f"CallUnscheduled{LAYOUT}"): lambda log: _step(log, Phase.CONSUMED),
}
