"""Checks Bloom filters and the votes of nodes with inputs built by hand: what can be proved about the logs of a node."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chain.blocks import bloom
from chain.blocks.block import Header
from chain.blocks.reads import Reads
from chain.events.network import NodeFaultKind
from chain.nodes.log_quorum import judge
from chain.rpc.errors import NodeFailure
from chain.rpc.messages import receipts_of
from chain.sync.ancestor_marks import EVERY, MAX_EVENTS, AncestorMarks, Mark
from chain.sync.canonical import Followed
from tests.chain.builders import address, header, log, topic
from tests.chain.simulated import Chain
from tests.chain.sync.test_reorgs import followed, valid_events

HERE, THERE = address(1), address(2)
READS = Reads(addresses=frozenset({HERE, THERE}), topics=frozenset({topic(9)}))
EMITTED = log(HERE, topic(9))


def holding(*items: str) -> Header:
    bits = 0
    for item in items:
        bits |= bloom.mask(item)
    return replace(header(1), bloom=bits)


def test_a_log_that_the_filter_denies_is_invented_and_without_a_filter_no_log_is() -> None:
    assert bloom.denied(holding(HERE, topic(9)), [EMITTED]) == ()
    assert bloom.denied(holding(HERE), [EMITTED]) == (EMITTED,)
    assert bloom.denied(header(1), [EMITTED]) == ()


def test_a_filter_casts_doubt_only_if_it_is_sparse_enough() -> None:
    assert bloom.suspicious(holding(HERE, topic(9)), READS, [])
    assert not bloom.suspicious(holding(HERE, topic(9)), READS, [EMITTED])
    assert not bloom.suspicious(holding(HERE), READS, [])
    assert not bloom.suspicious(header(1), READS, [])
    assert not bloom.suspicious(replace(header(1), bloom=(1 << 2048) - 1), READS, [])


def test_of_three_answers_the_majority_counts_and_of_two_every_log_that_is_not_invented() -> None:
    other = log(THERE, topic(9), index=1)
    both = holding(HERE, THERE, topic(9))
    three = judge(both, {"a": (EMITTED,), "b": (EMITTED,), "c": (EMITTED, other)}, {})
    assert (three.logs, three.faults) == ((EMITTED,), {"c": NodeFaultKind.FORGED})
    two = judge(both, {"a": (other,), "b": (EMITTED,)}, {})
    assert two.logs == (EMITTED, other)
    assert two.faults == {}
    assert two.disputed == {EMITTED, other}
    assert judge(header(1), {"a": (EMITTED,)}, {}).faults == {}


def test_receipts_give_only_the_requested_logs() -> None:
    plain = {
        "address": HERE, "topics": [topic(9)], "data": "0x", "transactionHash": topic(1), "logIndex": "0x0",
        "blockHash": header(1).hash,
    }  # fmt: skip
    others = [{**plain, "topics": [topic(8)]}, {**plain, "address": address(3)}, {**plain, "topics": []}]
    assert receipts_of([{"logs": [plain, *others]}], READS, header(1)) == (EMITTED,)


async def test_the_events_and_marks_of_forgotten_blocks_are_dropped_together() -> None:
    chain = Chain(1, silent=0)
    chain.grow(1200)
    events = valid_events(await followed(chain))
    ancestors = AncestorMarks()
    for block in chain.blocks:
        here = [event for event in events if event.place.block_number == block.number]
        one = Followed(header=header(block.number), events=tuple(here), memories={})
        ancestors.take(Mark(number=block.number, hash=block.hash), one.events)
    assert len(ancestors.events) <= MAX_EVENTS
    assert all(event.place.block_number > ancestors.marks[0].number for event in ancestors.events)
    assert all(
        later.number - mark.number >= EVERY for mark, later in zip(ancestors.marks, ancestors.marks[1:], strict=False)
    )
    above = [event for event in events if event.place.block_number > ancestors.marks[0].number]
    assert list(ancestors.events) == above, "every event above the oldest mark is known"


@pytest.mark.parametrize("answer", [[{}], [3], 3])
def test_an_answer_that_is_no_list_of_receipts_is_malformed(answer: object) -> None:
    with pytest.raises(NodeFailure) as caught:
        receipts_of(answer, READS, header(1))
    assert caught.value.fault is NodeFaultKind.MALFORMED
