"""Checks writes inside one block that traces show: each change is reported once, by its log or by its write."""

from __future__ import annotations

from dataclasses import replace

from chain.blocks.block import Write
from chain.blocks.reads import CodeHash, SlotWord
from chain.detectors.upgrades import Upgrades
from chain.events.upgrades import ContractUpgraded, SeenBy
from tests.chain.builders import address, block, log, topic
from tests.chain.detectors.test_upgrades import (
    IMPLEMENTATION_SLOT,
    LEGACY_SLOTS,
    OTHER,
    PROXY,
    SLOT,
    UPGRADED,
    upgrades_at,
    watching,
)


def flips(detector: Upgrades, number: int, *steps: int, logs: dict[int, int] | None = None) -> list[ContractUpgraded]:
    """Returns a block of one transaction with these writes; `logs` holds the logs that report them, by index."""
    block_logs = [log(PROXY, UPGRADED, topic(new), index=index) for index, new in (logs or {}).items()]
    writes = tuple(Write(topic(1), PROXY, IMPLEMENTATION_SLOT, step) for step in steps)
    traced = replace(block(number, *block_logs, state={SLOT: steps[-1]}), writes=writes)
    return [event for event in detector.on_block(traced, ()) if isinstance(event, ContractUpgraded)]


def test_a_flip_that_only_a_trace_shows_is_two_upgrades() -> None:
    detector = watching()
    upgrades_at(detector, 1, state={SLOT: 1})
    there, back = flips(detector, 2, 2, 1)
    assert [(one.old, one.new, one.seen_by) for one in (there, back)] == [
        (address(1), address(2), SeenBy.TRACE),
        (address(2), address(1), SeenBy.TRACE),
    ]
    assert (there.place.transaction, there.place.log_index) == (topic(1), None)
    assert upgrades_at(detector, 3, state={SLOT: 1}) == []


def test_a_write_that_a_log_also_reports_is_one_event_at_the_position_of_the_log() -> None:
    detector = watching()
    upgrades_at(detector, 1, state={SLOT: 1})
    assert [(one.new, one.seen_by) for one in flips(detector, 2, 2, 1, logs={0: 2})] == [
        (address(2), SeenBy.LOG),
        (address(1), SeenBy.TRACE),
    ]
    assert [(one.new, one.seen_by) for one in flips(detector, 3, 2, 1, logs={0: 1})] == [
        (address(2), SeenBy.TRACE),
        (address(1), SeenBy.LOG),
    ]


def test_the_same_change_twice_in_one_block_has_two_names_and_the_first_is_the_silent_one() -> None:
    detector, other = watching(), watching()
    for one in (detector, other):
        upgrades_at(one, 1, state={SLOT: 1})
    ids = [one.event_id for one in flips(detector, 2, 2, 1, 2)]
    assert len(set(ids)) == 3
    assert ids[0] == upgrades_at(other, 2, state={SLOT: 2})[0].event_id


def test_a_write_to_an_unread_or_unwatched_place_causes_no_event() -> None:
    detector = watching()
    assert flips(detector, 2, 2) == []
    traced = replace(block(3), writes=(Write(topic(1), PROXY, 77, 1), Write(topic(1), OTHER, IMPLEMENTATION_SLOT, 1)))
    assert detector.on_block(traced, ()) == []


def test_an_empty_place_is_followed_once_a_trace_shows_it_in_use() -> None:
    detector = watching()
    unused = SlotWord(PROXY, LEGACY_SLOTS[1])
    upgrades_at(detector, 1, state={SLOT: 1, unused: 0, CodeHash(PROXY): 5})
    assert unused not in detector.reads().state
    traced = replace(block(2, state={SLOT: 1, CodeHash(PROXY): 5}), writes=(Write(topic(1), PROXY, unused.slot, 5),))
    assert len(detector.on_block(traced, ())) == 1
    assert unused in detector.reads().state
