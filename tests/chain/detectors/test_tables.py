"""Tables of diamonds and routers in the detector of upgrades: lies, first sight, two loupes, and slots that go with a table."""

from __future__ import annotations

from chain.blocks.block import Block
from chain.blocks.reads import AnyRead, CallBytes, CodeHash, RunsAs, SlotWord
from chain.blocks.standards import NOBODY
from chain.detectors.upgrades import Upgrades
from chain.events import Address, PlacedEvent, Role
from chain.events.upgrades import ContractUpgraded, UpgradeSaid
from chain.proxies import kinds
from chain.proxies.diamonds import DIAMOND_CUT, EXTENSIONS, FACETS
from tests.chain.builders import address, block, log
from tests.chain.detectors.test_upgrades import PROXY, watching
from tests.chain.proxies.test_diamonds import FIRST, ONE, SECOND, TWO, cut_body, extensions_body, table_body

LOUPE, EXTENDED = CallBytes(PROXY, FACETS), CallBytes(PROXY, EXTENSIONS)
FALLBACK = SlotWord(PROXY, kinds.declared("solidstate").slots[0].slot)
Reported = tuple[str, str | None, str]


def cuts(number: int, *changes: tuple[int, int, tuple[str, ...]], state: dict[AnyRead, object] | None = None) -> Block:
    logs = (log(PROXY, DIAMOND_CUT, body=cut_body(one), index=at) for at, one in enumerate(changes))
    return block(number, *logs, state=state)


def reported(events: list[PlacedEvent]) -> list[Reported]:
    found: list[Reported] = []
    for one in events:
        if isinstance(one, UpgradeSaid):
            assert one.role is Role.FACET
            found.append(("said", one.held, one.said))
        elif isinstance(one, ContractUpgraded):
            found.append((one.seen_by.value, one.old, one.new))
    return found


def knowing(table: dict[int, tuple[str, ...]], loupe: CallBytes = LOUPE) -> Upgrades:
    detector = watching()
    body = extensions_body(*table.items()) if loupe == EXTENDED else table_body(table)
    assert detector.on_block(block(1, state={loupe: body, CodeHash(PROXY): 5}), ()) == []
    return detector


def test_a_cut_that_the_loupe_does_not_show_is_said_and_the_real_one_is_told() -> None:
    detector = knowing({1: (FIRST,)})
    same: dict[AnyRead, object] = {LOUPE: table_body({1: (FIRST,)})}
    assert reported(detector.on_block(cuts(2, (2, 1, (FIRST,)), state=same), ())) == [("said", ONE, TWO)]
    then: dict[AnyRead, object] = {LOUPE: table_body({2: (FIRST,)})}
    assert reported(detector.on_block(cuts(3, (2, 1, (FIRST,)), state=then), ())) == [("log", ONE, TWO)]


def test_what_a_cut_does_not_speak_of_is_a_silent_change_of_the_same_block() -> None:
    detector = knowing({1: (FIRST,)})
    then: dict[AnyRead, object] = {LOUPE: table_body({2: (FIRST, SECOND)})}
    assert reported(detector.on_block(cuts(2, (2, 1, (FIRST,)), state=then), ())) == [
        ("log", ONE, TWO), ("slot", None, TWO),
    ]  # fmt: skip


def test_a_cut_at_first_sight_is_all_that_is_new_there() -> None:
    detector = watching()
    table: dict[AnyRead, object] = {LOUPE: table_body({1: (FIRST,), 2: (SECOND,)})}
    assert reported(detector.on_block(cuts(1, (2, 0, (SECOND,)), state=table), ())) == [("log", None, TWO)]
    assert reported(detector.on_block(block(2, state=table), ())) == []


def test_a_cut_of_a_contract_without_a_loupe_is_measured_by_calls_that_the_log_calls_for() -> None:
    detector, far = watching(), address(0xFA << 90)
    detector.on_block(block(1, state={CodeHash(PROXY): 5}), ())
    found = cuts(2, (0xFA << 90, 0, (FIRST,)))
    call = RunsAs(PROXY, far, FIRST)
    assert detector.checks(found).state == {LOUPE, EXTENDED, call}
    shown: dict[AnyRead, object] = {call: NOBODY}
    assert reported(detector.on_block(cuts(2, (0xFA << 90, 0, (FIRST,)), state=shown), ())) == [("said", None, far)]
    shown = {call: PROXY}
    assert reported(detector.on_block(cuts(3, (0xFA << 90, 0, (FIRST,)), state=shown), ())) == [("log", None, far)]


def test_a_router_is_followed_by_its_own_loupe_and_one_loupe_is_enough() -> None:
    detector = knowing({1: (FIRST,)}, EXTENDED)
    assert EXTENDED in detector.reads().state
    assert LOUPE not in detector.reads().state
    then: dict[AnyRead, object] = {EXTENDED: extensions_body((2, (FIRST,)))}
    assert reported(detector.on_block(block(2, state=then), ())) == [("slot", ONE, TWO)]
    both = knowing({1: (FIRST,)})
    other: dict[AnyRead, object] = {LOUPE: table_body({1: (FIRST,)}), EXTENDED: extensions_body((2, (FIRST,)))}
    assert reported(both.on_block(block(2, state=other), ())) == []
    assert EXTENDED not in both.reads().state


def test_a_slot_that_goes_with_a_table_is_read_though_empty_and_not_without_a_table() -> None:
    detector = watching()
    state: dict[AnyRead, object] = {LOUPE: table_body({1: (FIRST,)}), FALLBACK: 0, CodeHash(PROXY): 5}
    detector.on_block(block(1, state=state), ())
    assert FALLBACK in detector.reads().state
    detector.on_block(block(2, state=state), ())
    assert reported(detector.on_block(block(3, state={**state, FALLBACK: 7}), ())) == [
        ("slot", None, Address(address(7)))
    ]
    plain = watching()
    assert FALLBACK not in plain.reads().state
    plain.on_block(block(1, state={FALLBACK: 7, CodeHash(PROXY): 5}), ())
    assert FALLBACK not in plain.reads().state
