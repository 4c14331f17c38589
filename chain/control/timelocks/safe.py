"""Safe: hashes its owners approve on chain, and their execution. Signatures gathered off chain are not seen before the call runs.

Source: safe-smart-account 1.0 to 1.4, Safe.sol; GnosisSafeL2 logs the call as well. An approval names no content, so it is
remembered but not reported; the execution is joined to it by hash.
"""

from __future__ import annotations

from dataclasses import replace

from chain.blocks.abi import topic_of
from chain.blocks.block import Log
from chain.control.operation import Phase, Step, Steps, cancelled, getter, numbered

MARKS = (getter("getThreshold()"), getter("nonce()"))


def _approved(log: Log) -> Step:
    return numbered(log, Phase.APPROVED)


def _executed(log: Log) -> Step:
    return replace(numbered(log, Phase.EXECUTED), at_once=True)


STEPS: Steps = {
    topic_of("ApproveHash(bytes32,address)"): _approved,
    topic_of("ExecutionSuccess(bytes32,uint256)"): _executed,
    topic_of("ExecutionFailure(bytes32,uint256)"): cancelled,
}
