"""Lido's EmergencyProtectedTimelock (dual governance): submitted with its calls, scheduled, executed.

Source: lidofinance/dual-governance, libraries/ExecutableProposals.sol. The delays are not in the logs; execution has the
same log as a governor's or, in older versions, one with results.
"""

from __future__ import annotations

from chain.blocks.abi import Words, topic_of
from chain.blocks.block import Log
from chain.control.call_data import Foreseen, foreseen
from chain.control.operation import Phase, Step, Steps, executed, getter, numbered

MARKS = (getter("getAfterSubmitDelay()"), getter("getAfterScheduleDelay()"))


def _submitted(log: Log) -> Step:
    length, calls = Words(log.body).array(0)  # id and executor are indexed
    changes: list[Foreseen] = []
    for number in range(length):
        one = calls.inner(number)  # target, value, body
        changes += foreseen(one.address(0), one.text(2))
    return Step(operation=log.topics[1], phase=Phase.PROPOSED, foreseen=tuple(changes))


def _scheduled(log: Log) -> Step:
    return numbered(log, Phase.QUEUED)


STEPS: Steps = {
    topic_of("ProposalSubmitted(uint256,address,(address,uint96,bytes)[])"): _submitted,
    topic_of("ProposalScheduled(uint256)"): _scheduled,
    topic_of("ProposalExecuted(uint256,bytes[])"): executed,
}
