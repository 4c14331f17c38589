"""A contract whose admin slot is emptied has no admin any more: nobody is asked in its place."""

from __future__ import annotations

from chain.blocks.reads import AnyRead, SlotWord
from chain.blocks.standards import ADMIN_SLOT, BEACON_SLOT
from chain.detectors import control
from chain.watch import Watch, WatchedContract
from tests.chain.builders import address, block

PROXY, ADMIN = address(0xA), address(0xAD << 80)


def test_an_admin_is_not_read_any_more_when_both_slots_are_empty() -> None:
    detector = control.make(Watch(contracts=(WatchedContract(address=PROXY),)))
    held: dict[AnyRead, object] = {SlotWord(PROXY, ADMIN_SLOT): int(ADMIN, 16), SlotWord(PROXY, BEACON_SLOT): 0}
    empty: dict[AnyRead, object] = {SlotWord(PROXY, ADMIN_SLOT): 0, SlotWord(PROXY, BEACON_SLOT): 0}

    detector.on_block(block(1, state=held), ())
    assert ADMIN in {read.address for read in detector.reads().state}

    detector.on_block(block(2, state=empty), ())
    assert ADMIN not in {read.address for read in detector.reads().state}
    assert ADMIN.encode() not in detector.memory()
