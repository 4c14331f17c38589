"""A log is an assertion, the state is the fact: what only a log says is told as said, and hides no later change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chain.blocks.block import Block, Write
from chain.blocks.reads import AnyRead, CallWord, CodeHash, Reads, RunsAs, SlotWord, StateRead
from chain.detectors import upgrades
from chain.detectors.upgrades import Upgrades
from chain.events import PlacedEvent, Role
from chain.events.upgrades import ContractUpgraded, SeenBy, UpgradeSaid
from chain.proxies.kinds import every
from chain.watch import Watch, WatchedContract
from tests.chain.builders import address, block, log, topic, words
from tests.chain.detectors.test_upgrades import (
    ASKS,
    BEACON,
    HOLDS,
    IMPLEMENTATION_SLOT,
    LEGACY_SLOTS,
    PROXY,
    SLOT,
    UPGRADED,
    watching,
)

ADMIN_CHANGED = "0x7e644d79422f17c01e4894b5f4f588d331ebfa28653d42ae832dc59e38c9798f"
ADMIN_SLOT = SlotWord(PROXY, 0xB53127684A568B3173AE13B9F8A6016E243E63B6E8EE1178D6A717850B5D6103)
NEW_PENDING = "0xe945ccee5d701fc83f9b8aa8ca94ea4219ec1fcbd4f4cab4f0ea57c5c3e1d815"
ZOS = SlotWord(PROXY, LEGACY_SLOTS[1])
BIG = 7 << 100
Reported = tuple[str, str | None, str | None]


def saying(number: int, *new: int, state: dict[AnyRead, object] | None = None) -> Block:
    return block(number, *(log(PROXY, UPGRADED, topic(one), index=at) for at, one in enumerate(new)), state=state)


def reported(events: list[PlacedEvent]) -> list[Reported]:
    """Each event as (how, before, after): how is `said`, or what saw the upgrade."""
    found: list[Reported] = []
    for event in events:
        if isinstance(event, UpgradeSaid):
            found.append(("said", event.held, event.said))
        elif isinstance(event, ContractUpgraded):
            found.append((event.seen_by.value, event.old, event.new))
    return found


def test_a_log_without_a_change_hides_no_later_write_of_the_same_address() -> None:
    detector = watching()
    detector.on_block(saying(1, state={SLOT: 1}), ())
    assert reported(detector.on_block(saying(2, 2, state={SLOT: 1}), ())) == [("said", address(1), address(2))]
    assert reported(detector.on_block(saying(3, state={SLOT: 2}), ())) == [("slot", address(1), address(2))]


def test_a_contract_that_is_no_proxy_upgrades_nothing_by_its_logs() -> None:
    detector = watching()
    empty: dict[AnyRead, object] = {SLOT: 0, ZOS: 0, HOLDS: 0, CodeHash(PROXY): 5}
    detector.on_block(saying(1, state=empty), ())
    assert reported(detector.on_block(saying(2, BIG, state=empty), ())) == [("said", None, address(BIG))]


def test_a_log_that_a_trace_does_not_bear_out_is_said_although_a_later_log_undoes_it() -> None:
    detector = watching()
    detector.on_block(saying(1, state={SLOT: 1}), ())
    flipped = saying(2, 2, 1, state={SLOT: 1})
    assert reported(detector.on_block(replace(flipped, writes=()), ())) == [("said", address(1), address(2))]
    written = replace(flipped, writes=tuple(Write(topic(1), PROXY, IMPLEMENTATION_SLOT, one) for one in (2, 1)))
    assert reported(detector.on_block(written, ())) == [
        ("log", address(1), address(2)), ("log", address(2), address(1)),
    ]  # fmt: skip


def test_without_traces_a_change_that_a_later_log_undoes_is_done() -> None:
    detector = watching()
    one, two = address(1 << 100), address(2 << 100)
    shown: dict[AnyRead, object] = {SLOT: 0, RunsAs(PROXY, one): PROXY}
    detector.on_block(saying(1, state={SLOT: 0}), ())
    found = reported(detector.on_block(saying(2, 2 << 100, 1 << 100, state=shown), ()))
    assert found == [("log", None, two), ("log", two, one)]


def test_a_beacon_that_only_says_so_upgrades_no_proxy_behind_it() -> None:
    detector = watching()
    detector.on_block(block(1, state={HOLDS: 0xBEAC}), ())
    detector.on_block(block(2, state={ASKS: 1, HOLDS: 0xBEAC}), ())
    said = log(BEACON, UPGRADED, topic(2))
    assert reported(detector.on_block(block(3, said, state={ASKS: 1}), ())) == [("said", address(1), address(2))]
    assert reported(detector.on_block(block(4, state={ASKS: 2}), ())) == [("slot", address(1), address(2))]


def test_a_change_of_admin_that_the_slot_does_not_show_is_said() -> None:
    detector = watching()
    detector.on_block(block(1, state={ADMIN_SLOT: 5}), ())
    said = log(PROXY, ADMIN_CHANGED, body=words(5, 6))
    [event] = detector.on_block(block(2, said, state={ADMIN_SLOT: 5}), ())
    assert isinstance(event, UpgradeSaid)
    assert (event.role, event.said, event.held) == (Role.ADMIN, address(6), address(5))


def test_the_end_of_a_pending_implementation_counts_only_where_there_was_one() -> None:
    pending = SlotWord(PROXY, 3)
    detector = watching()
    ended = log(PROXY, NEW_PENDING, body=words(5, 0))
    assert detector.on_block(block(1, ended, state={pending: 0}), ()) == []
    begun = log(PROXY, NEW_PENDING, body=words(0, 5))
    assert reported(detector.on_block(block(2, begun, state={pending: 5}), ())) == [("log", None, address(5))]
    assert reported(detector.on_block(block(3, ended, state={pending: 5}), ())) == [("said", address(5), address(0))]
    assert reported(detector.on_block(block(4, ended, state={pending: 0}), ())) == [("log", address(5), address(0))]


def test_a_log_whose_state_could_not_be_read_counts_until_the_state_contradicts_it() -> None:
    detector = watching()
    detector.on_block(saying(1, state={SLOT: 1}), ())
    assert reported(detector.on_block(saying(2, 2), ())) == [("log", address(1), address(2))]
    assert reported(detector.on_block(block(3, state={ZOS: 0}), ())) == []
    [event] = detector.on_block(block(4, state={SLOT: 1}), ())
    assert isinstance(event, UpgradeSaid)
    assert (event.said, event.held, event.place.block_number) == (address(2), address(1), 4)
    assert reported(detector.on_block(block(5, state={SLOT: 2}), ())) == [("slot", address(1), address(2))]


def test_a_first_log_that_the_state_contradicts_leaves_the_state_as_first_sight() -> None:
    detector = watching()
    assert reported(detector.on_block(saying(1, 2), ())) == [("log", None, address(2))]
    assert reported(detector.on_block(saying(2, state={SLOT: 1, CodeHash(PROXY): 5}), ())) == [
        ("said", address(1), address(2))
    ]
    assert reported(detector.on_block(saying(3, state={SLOT: 2}), ())) == [("slot", address(1), address(2))]


def test_a_log_of_a_contract_without_any_place_is_contradicted_by_its_code_alone() -> None:
    detector = watching()
    detector.on_block(saying(1, state={CodeHash(PROXY): 5}), ())
    detector.on_block(saying(2, 2), ())
    assert reported(detector.on_block(block(3, state={CodeHash(PROXY): 5}), ())) == [("said", None, address(2))]


def test_doubt_survives_a_restart_and_two_logs_are_doubted_against_the_value_before_both() -> None:
    detector, again = watching(), watching()
    detector.on_block(saying(1, state={SLOT: 1}), ())
    detector.on_block(saying(2, 2), ())
    detector.on_block(saying(3, 3), ())
    again.recall_parts(detector.parts())
    assert reported(again.on_block(block(4, state={SLOT: 1}), ())) == [("said", address(1), address(3))]
    assert reported(again.on_block(block(5, state={SLOT: 2}), ())) == [("slot", address(1), address(2))]


def test_a_log_asks_for_the_state_that_its_block_lacks_and_for_no_more() -> None:
    detector = watching()
    detector.on_block(saying(1, state={SLOT: 1}), ())
    assert detector.checks(saying(2, state={SLOT: 1})) == Reads()
    assert detector.checks(saying(2, 1, state={SLOT: 1})) == Reads()
    wanted = detector.checks(saying(2, BIG))
    assert {SLOT, ZOS, RunsAs(PROXY, address(BIG))} <= wanted.state
    assert wanted.writes == frozenset()
    assert SLOT not in detector.checks(saying(2, BIG, state={SLOT: 1})).state
    assert SLOT in detector.checks(saying(2, BIG, BIG + 1)).writes
    assert detector.checks(replace(saying(2, BIG, BIG + 1), writes=())).writes == frozenset()
    assert detector.checks(block(2, log(PROXY), log(address(9), UPGRADED, topic(1)))).state == frozenset()


def test_what_was_read_for_a_log_counts_like_the_state() -> None:
    detector = watching()
    detector.on_block(saying(1, state={SLOT: 1}), ())
    for slot, how in ((1, ("said", address(1), address(2))), (2, ("log", address(1), address(2)))):
        checked = replace(saying(2, 2), checked=StateRead({SLOT: slot}))
        assert reported(detector.on_block(checked, ())) == [how]


def test_an_empty_place_is_read_again_once_a_log_has_filled_it() -> None:
    detector = watching()
    detector.on_block(saying(1, state={SLOT: 0, ZOS: 0, CodeHash(PROXY): 5}), ())
    assert ZOS not in detector.reads().state
    filled = replace(saying(2, 2, state={SLOT: 0, CodeHash(PROXY): 5}), checked=StateRead({ZOS: 2}))
    assert reported(detector.on_block(filled, ())) == [("log", None, address(2))]
    assert ZOS in detector.reads().state
    assert reported(detector.on_block(block(3, state={SLOT: 0, ZOS: 2, CodeHash(PROXY): 5}), ())) == []
    assert reported(detector.on_block(block(4, state={SLOT: 0, ZOS: 3, CodeHash(PROXY): 5}), ())) == [
        ("slot", address(2), address(3))
    ]


def test_a_place_that_a_call_proved_bears_a_log_out() -> None:
    at, low = address(0xA << 80), SlotWord(address(0xA << 80), 0)
    one, two = 1 << 100, 2 << 100
    detector: Upgrades = upgrades.make(Watch(contracts=(WatchedContract(address=at),)))
    detector.on_block(block(1, state={low: one, CodeHash(at): 5}), ())
    detector.on_block(block(2, state={low: one, CodeHash(at): 5, RunsAs(at, address(one)): at}), ())
    master_copy = log(at, "0x75e41bc35ff1bf14d81d1d2f649c0084a0f974f9289c803ec9898eeec4c8d0b8", body=words(two))
    found = detector.on_block(block(3, master_copy, state={low: two, CodeHash(at): 5}), ())
    assert reported(found) == [("log", address(one), address(two))]


@pytest.mark.parametrize("answered", [PROXY, address(BIG)])
def test_a_call_that_runs_the_named_code_as_its_own_or_by_forwarding_bears_a_log_out(answered: str) -> None:
    detector = watching()
    state: dict[AnyRead, object] = {SLOT: 0, RunsAs(PROXY, address(BIG)): answered}
    assert reported(detector.on_block(saying(1, BIG, state=state), ())) == [("log", None, address(BIG))]


def test_a_getter_that_no_block_reads_bears_out_a_pending_implementation() -> None:
    getter = CallWord(PROXY, "0xdcfbc0c7")
    begun = log(PROXY, NEW_PENDING, body=words(0, 5))
    assert getter in watching().checks(block(1, begun)).state
    found = watching().on_block(replace(block(1, begun), checked=StateRead({getter: 5})), ())
    assert reported(found) == [("log", None, address(5))]
    [event] = found
    assert isinstance(event, ContractUpgraded)
    assert event.seen_by is SeenBy.LOG


def test_what_a_kind_keeps_nowhere_is_believed_of_that_kind_only() -> None:
    [(topic_of_kind, spec)] = [
        (spec.topic, spec)
        for kind in every()
        if kind.name == "starkware"
        for spec in kind.logs
        if spec.role is Role.PENDING
    ]
    stark = SlotWord(PROXY, next(slot.slot for kind in every() if kind.name == "starkware" for slot in kind.slots))
    begun = log(PROXY, topic_of_kind, topic(5))
    for held, expected in ((0, []), (1, [("log", None, address(5))])):
        detector = watching()
        detector.on_block(block(1, state={stark: held, CodeHash(PROXY): 5}), ())
        assert reported(detector.on_block(block(2, begun, state={stark: held, CodeHash(PROXY): 5}), ())) == expected
    assert spec.position == 0


def test_each_role_is_doubted_by_itself() -> None:
    detector = watching()
    detector.on_block(block(1, state={SLOT: 1, ADMIN_SLOT: 5}), ())
    spoken = log(PROXY, UPGRADED, topic(2)), log(PROXY, ADMIN_CHANGED, body=words(5, 6), index=1)
    assert len(detector.on_block(block(2, *spoken), ())) == 2
    assert reported(detector.on_block(block(3, state={SLOT: 2, ADMIN_SLOT: 5}), ())) == [
        ("said", address(5), address(6))
    ]
    assert detector.on_block(block(4, state={SLOT: 2, ADMIN_SLOT: 5}), ()) == []


def test_a_doubted_contract_is_compared_although_nothing_about_it_moves() -> None:
    detector, quiet = watching(), frozenset({PROXY})
    detector.on_block(saying(1, state={SLOT: 1}), ())
    detector.on_block(saying(2, 2), ())
    still = replace(block(3, state={SLOT: 1}), still=quiet)
    assert reported(detector.on_block(still, ())) == [("said", address(1), address(2))]
    assert detector.on_block(replace(block(4, state={SLOT: 1}), still=quiet), ()) == []


def test_a_log_whose_meaning_only_the_state_tells_asks_for_nothing() -> None:
    maple = next(spec.topic for kind in every() if kind.name == "maple" for spec in kind.logs)
    assert watching().checks(block(1, log(PROXY, maple))) == Reads()
