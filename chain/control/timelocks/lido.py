"""Lido's EmergencyProtectedTimelock (dual governance): submitted with its calls, scheduled, executed.

Source: lidofinance/dual-governance, libraries/ExecutableProposals.sol. The delays are not in the logs; execution has the
same log as a governor's or, in older versions, one with results. One log cancels every proposal up to its number.
"""

from __future__ import annotations

from dataclasses import replace

from chain.blocks.abi import Words, topic_of
from chain.blocks.block import Log
from chain.control.call_data import DecodedCall, foreseen
from chain.control.operation import Phase, Step, Steps, executed, getter, numbered

MARKS = (getter("getAfterSubmitDelay()"), getter("getAfterScheduleDelay()"))


def _submitted(log: Log) -> Step:
    length, batch = Words(log.body).array(0)  # id and executor are indexed
    items = [batch.inner(number) for number in range(length)]  # target, value, body
    calls = tuple(DecodedCall(one.address(0), one.text(2)) for one in items)
    changes = tuple(change for call in calls for change in foreseen(call.target, call.body))
    return Step(operation=log.topics[1], phase=Phase.PROPOSED, foreseen=changes, calls=calls)


def _scheduled(log: Log) -> Step:
    return numbered(log, Phase.QUEUED)


def _cancelled_till(log: Log) -> Step:
    return replace(numbered(log, Phase.CANCELLED), until=log.word(0))


STEPS: Steps = {
    topic_of("ProposalSubmitted(uint256,address,(address,uint96,bytes)[])"): _submitted,
    topic_of("ProposalScheduled(uint256)"): _scheduled,
    topic_of("ProposalExecuted(uint256,bytes[])"): executed,
    topic_of("ProposalsCancelledTill(uint256)"): _cancelled_till,
}
