"""Governors, OpenZeppelin's and Compound's Bravo: the log of a proposal names its calls, the log of its queueing the eta.

Source: @openzeppelin/contracts governance/Governor.sol; compound-protocol GovernorBravoInterfaces.sol. The end of the
vote is a block or, where the governor's clock is time, unix seconds.
"""

from __future__ import annotations

from chain.blocks.abi import Words, topic_of
from chain.blocks.block import Log
from chain.control.call_data import foreseen, signed_batch
from chain.control.operation import Phase, Step, Steps, cancelled, executed, getter

MARKS = (getter("votingDelay()"), getter("votingPeriod()"))

MIN_TIME = 1_000_000_000
"""Ends of votes from here on are unix seconds, below they are block numbers."""


def _created(log: Log) -> Step:
    args = Words(log.body)  # id, proposer, targets, values, signatures, bodies, start, end, description
    calls = tuple(signed_batch(args, 2))
    changes = tuple(change for call in calls for change in foreseen(call.target, call.body))
    end = args.word(7)
    return Step(
        operation=f"0x{args.word(0):064x}",
        phase=Phase.PROPOSED,
        foreseen=tuple(dict.fromkeys(changes)),
        eta_s=end if end >= MIN_TIME else None,
        eta_block=end if end < MIN_TIME else None,
        calls=calls,
    )


def _queued(log: Log) -> Step:
    return Step(operation=f"0x{log.word(0):064x}", phase=Phase.QUEUED, eta_s=log.word(1))


STEPS: Steps = {
    topic_of("ProposalCreated(uint256,address,address[],uint256[],string[],bytes[],uint256,uint256,string)"): _created,
    topic_of("ProposalQueued(uint256,uint256)"): _queued,
    topic_of("ProposalExecuted(uint256)"): executed,
    topic_of("ProposalCanceled(uint256)"): cancelled,
}
