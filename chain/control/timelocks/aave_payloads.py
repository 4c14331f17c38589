"""Aave governance 3: payloads in a PayloadsController, created with their actions, queued once the vote arrived.

Source: bgd-labs/aave-governance-v3 IPayloadsControllerCore.sol. The log does not hold the delay, which is the
executor's: the earliest execution is the queueing block. Actions by delegated call run the payload's own code.
"""

from __future__ import annotations

from chain.blocks.abi import Words, topic_of
from chain.blocks.block import Log
from chain.control.call_data import Foreseen, foreseen, signed_call
from chain.control.operation import Phase, Step, Steps, cancelled, executed, getter, numbered

MARKS = (getter("getPayloadsCount()"),)

ACTIONS = "(address,bool,uint8,uint256,string,bytes)[]"


def _created(log: Log) -> Step:
    length, actions = Words(log.body).array(0)  # id, creator and level are indexed
    changes: list[Foreseen] = []
    delegated = False
    for number in range(length):
        one = actions.inner(number)  # target, delegated, level, value, signature, body
        if one.word(1):
            delegated = True
            continue
        call = signed_call(one.address(0), one.text(4), one.text(5))
        changes += foreseen(call.target, call.body)
    return Step(operation=log.topics[1], phase=Phase.PROPOSED, foreseen=tuple(changes), opaque=delegated)


def _queued(log: Log) -> Step:
    return numbered(log, Phase.QUEUED)


STEPS: Steps = {
    topic_of(f"PayloadCreated(uint40,address,{ACTIONS},uint8)"): _created,
    topic_of(f"PayloadCreated(uint40,address,{ACTIONS},uint8,bytes32)"): _created,
    topic_of("PayloadQueued(uint40)"): _queued,
    topic_of("PayloadExecuted(uint40)"): executed,
    topic_of("PayloadCancelled(uint40)"): cancelled,
}
