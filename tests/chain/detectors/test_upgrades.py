from __future__ import annotations

from dataclasses import replace

from eth_hash.auto import keccak

from chain.blocks.abi import topic_of
from chain.blocks.reads import (
    NO_CODE,
    AccountDelegate,
    AnyRead,
    CallBytes,
    CallWord,
    CodeHash,
    RunsAs,
    SlotWord,
    StateRead,
)
from chain.detectors import upgrades
from chain.detectors.upgrades import Upgrades
from chain.events.upgrades import ContractUpgraded, SeenBy, UpgradeSaid
from chain.proxies.diamonds import CUTS
from chain.watch import Watch, WatchedContract
from tests.chain.builders import address, block, log, topic, words
from tests.chain.proxies.test_diamonds import FIRST, SECOND, cut_body, table_body

IMPLEMENTATION_SLOT = 0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC
BEACON_SLOT = 0xA3F0AD74E5423AEBFD80D3EF4346578335A9A72AEAEE59FF6CB3582B35133D50
LEGACY_SLOTS = tuple(
    int.from_bytes(keccak(words), "big") for words in (b"PROXIABLE", b"org.zeppelinos.proxy.implementation")
)
IMPLEMENTATION_CALL = "0x5c60da1b"
UPGRADED = "0xbc7cd75a20ee27fd9adebab32041f755214dbc6bffa90cc0225b39da2e5c2d3b"
PROXY, OTHER, BEACON = address(0xA), address(0xB), address(0xBEAC)
SLOT = SlotWord(PROXY, IMPLEMENTATION_SLOT)
HOLDS = SlotWord(PROXY, BEACON_SLOT)
ASKS = CallWord(BEACON, IMPLEMENTATION_CALL)


def watching() -> Upgrades:
    return upgrades.make(Watch(contracts=(WatchedContract(address=PROXY),)))


def upgrades_at(
    detector: Upgrades, number: int, *new: int, state: dict[AnyRead, object] | None = None
) -> list[ContractUpgraded]:
    logs = [log(PROXY, UPGRADED, topic(one), index=index) for index, one in enumerate(new)]
    found = detector.on_block(block(number, *logs, state=state), ())
    return [event for event in found if isinstance(event, ContractUpgraded)]


def test_the_first_state_read_is_not_an_upgrade() -> None:
    assert upgrades_at(watching(), 1, state={SLOT: 1, HOLDS: 0, CodeHash(PROXY): NO_CODE}) == []


def test_a_log_and_its_slot_are_one_upgrade() -> None:
    detector = watching()
    upgrades_at(detector, 1, state={SLOT: 1})
    [event] = upgrades_at(detector, 2, 2, state={SLOT: 2})
    assert (event.old, event.new, event.seen_by) == (address(1), address(2), SeenBy.LOG)
    assert upgrades_at(detector, 3, state={SLOT: 2}) == []


def test_a_log_whose_slot_is_read_a_block_later_is_still_one_upgrade() -> None:
    detector = watching()
    upgrades_at(detector, 1, state={SLOT: 1})
    assert len(upgrades_at(detector, 2, 2)) == 1
    assert upgrades_at(detector, 3, state={SLOT: 2}) == []


def test_a_silent_write_that_a_log_repeats_later_is_one_upgrade() -> None:
    detector = watching()
    upgrades_at(detector, 1, state={SLOT: 1})
    [event] = upgrades_at(detector, 2, state={SLOT: 2})
    assert (event.old, event.new, event.seen_by) == (address(1), address(2), SeenBy.SLOT)
    assert upgrades_at(detector, 3, 2, state={SLOT: 2}) == []


def test_a_change_and_its_reversal_in_one_block_are_two_upgrades() -> None:
    detector = watching()
    upgrades_at(detector, 1, state={SLOT: 1})
    assert [event.new for event in upgrades_at(detector, 2, 2, 1, state={SLOT: 1})] == [address(2), address(1)]


def test_a_log_that_names_another_address_than_the_slot_is_said_and_the_slot_is_the_upgrade() -> None:
    detector = watching()
    upgrades_at(detector, 1, state={SLOT: 1})
    told, done = detector.on_block(block(2, log(PROXY, UPGRADED, topic(2)), state={SLOT: 3}), ())
    assert isinstance(told, UpgradeSaid)
    assert (told.said, told.held) == (address(2), address(3))
    assert isinstance(done, ContractUpgraded)
    assert (done.old, done.new, done.seen_by) == (address(1), address(3), SeenBy.SLOT)


def test_a_proxy_with_its_implementation_in_another_slot_is_upgraded_where_a_call_shows_it() -> None:
    detector = watching()
    upgrades_at(detector, 1, state={SLOT: 0})
    new = 2 << 100
    assert len(upgrades_at(detector, 2, new, state={SLOT: 0, RunsAs(PROXY, address(new)): PROXY})) == 1
    assert upgrades_at(detector, 3, state={SLOT: 0}) == []


def test_new_code_is_recognised_by_its_hash() -> None:
    detector = watching()
    upgrades_at(detector, 1, state={CodeHash(PROXY): 5})
    [event] = upgrades_at(detector, 2, state={CodeHash(PROXY): 6})
    assert (event.role, event.old, event.new, event.seen_by) == ("code", topic(5), topic(6), SeenBy.CODE)


def test_the_state_and_logs_of_a_beacon_are_read_for_the_proxy_behind_it() -> None:
    detector = watching()
    upgrades_at(detector, 1, state={HOLDS: 0xBEAC})
    assert ASKS in detector.reads().state
    assert BEACON in detector.reads().addresses
    upgrades_at(detector, 2, state={ASKS: 1})
    [beacon_upgrade] = detector.on_block(block(3, log(BEACON, UPGRADED, topic(2)), state={ASKS: 2}), ())
    [asked] = detector.on_block(block(4, state={ASKS: 3}), ())
    assert isinstance(beacon_upgrade, ContractUpgraded)
    assert isinstance(asked, ContractUpgraded)
    assert (beacon_upgrade.contract, beacon_upgrade.new, beacon_upgrade.proxy_kind) == (
        PROXY,
        address(2),
        "eip1967_beacon",
    )
    assert (asked.old, asked.new, asked.seen_by) == (address(2), address(3), SeenBy.SLOT)


def test_logs_of_other_contracts_are_ignored() -> None:
    stray = [log(OTHER, UPGRADED, topic(2)), log(PROXY, topic(9)), log(PROXY)]
    assert watching().on_block(block(1, *stray), ()) == []


def test_an_empty_legacy_slot_is_not_read_again() -> None:
    legacy = LEGACY_SLOTS
    detector = watching()
    upgrades_at(detector, 1, state={SlotWord(PROXY, legacy[0]): 0, SlotWord(PROXY, legacy[1]): 7})
    reads = detector.reads().state
    assert SlotWord(PROXY, legacy[0]) not in reads
    assert SlotWord(PROXY, legacy[1]) in reads


def test_an_argument_may_be_indexed_or_not() -> None:
    [event] = watching().on_block(block(1, log(PROXY, UPGRADED, body=words(2))), ())
    assert isinstance(event, ContractUpgraded)
    assert (event.old, event.new) == (None, address(2))


def test_restored_memory_undoes_the_upgrade() -> None:
    detector = watching()
    upgrades_at(detector, 1, state={SLOT: 1})
    before = detector.memory()
    first = upgrades_at(detector, 2, 2, state={SLOT: 2})
    detector.recall(before)
    assert detector.memory() == before
    assert upgrades_at(detector, 2, 2, state={SLOT: 2}) == first


LOUPE = CallBytes(PROXY, "0x7a0ed627")
MASTER_COPY = CallWord(PROXY, "0xa619486e")
DELEGATE = AccountDelegate(PROXY)


def answer(body: bytes) -> bytes:
    return body


def test_a_getter_that_changes_is_a_silent_upgrade() -> None:
    detector = watching()
    one, two = address(1 << 100), address(2 << 100)
    first: dict[AnyRead, object] = {MASTER_COPY: 1 << 100, CodeHash(PROXY): 5}
    upgrades_at(detector, 1, state=first)
    upgrades_at(detector, 2, state={**first, RunsAs(PROXY, one): PROXY})
    [event] = upgrades_at(detector, 3, state={MASTER_COPY: 2 << 100, CodeHash(PROXY): 5})
    assert (event.proxy_kind, event.old, event.new, event.seen_by) == ("safe", one, two, SeenBy.SLOT)


def test_a_getter_that_does_not_answer_is_read_again_only_after_a_code_change() -> None:
    detector = watching()
    upgrades_at(detector, 1, state={CodeHash(PROXY): 5})
    assert MASTER_COPY not in detector.reads().state
    upgrades_at(detector, 2, state={CodeHash(PROXY): 6})
    assert MASTER_COPY in detector.reads().state


def test_a_getter_is_not_dropped_if_nothing_could_be_read() -> None:
    detector = watching()
    upgrades_at(detector, 1)
    assert MASTER_COPY in detector.reads().state


def test_an_account_that_starts_to_delegate_is_one_change_and_not_also_new_code() -> None:
    detector = watching()
    upgrades_at(detector, 1, state={DELEGATE: 0, CodeHash(PROXY): NO_CODE})
    assert DELEGATE in detector.reads().state
    [began] = upgrades_at(detector, 2, state={DELEGATE: 1, CodeHash(PROXY): 5})
    [changed] = upgrades_at(detector, 3, state={DELEGATE: 2, CodeHash(PROXY): 6})
    [ended] = upgrades_at(detector, 4, state={DELEGATE: 0, CodeHash(PROXY): NO_CODE})
    assert [(one.role, one.proxy_kind, one.new) for one in (began, changed, ended)] == [
        ("delegate", "eip7702", address(number)) for number in (1, 2, 0)
    ]
    assert (began.old, changed.old, ended.old) == (None, address(1), address(2))


def test_a_contract_recreated_at_its_address_is_new_code_each_time() -> None:
    detector = watching()
    codes = [5, NO_CODE, 6]
    changes = [
        upgrades_at(detector, at, state={DELEGATE: 0, CodeHash(PROXY): code}) for at, code in enumerate(codes, 1)
    ]
    assert [[(one.role, one.old, one.new) for one in events] for events in changes] == [
        [],
        [("code", topic(5), topic(NO_CODE))],
        [("code", topic(NO_CODE), topic(6))],
    ]


def test_a_cut_is_reported_by_facet_and_a_silent_cut_by_the_loupe() -> None:
    detector = watching()
    upgrades_at(detector, 1, state={LOUPE: answer(table_body({1: (FIRST,)}))})
    cut = log(PROXY, next(iter(CUTS)), body=cut_body((2, 0, (SECOND,))))
    loud = detector.on_block(block(2, cut, state={LOUPE: answer(table_body({1: (FIRST,), 2: (SECOND,)}))}), ())
    quiet = detector.on_block(block(3, state={LOUPE: answer(table_body({2: (FIRST, SECOND)}))}), ())
    found = [event for event in (*loud, *quiet) if isinstance(event, ContractUpgraded)]
    assert [(one.role, one.old, one.new, one.gained, one.lost, one.seen_by) for one in found] == [
        ("facet", None, address(2), (SECOND,), (), SeenBy.LOG),
        ("facet", address(1), address(2), (FIRST,), (FIRST,), SeenBy.SLOT),
    ]


def test_a_contract_with_an_invalid_loupe_answer_is_not_asked_again() -> None:
    detector = watching()
    upgrades_at(detector, 1, state={LOUPE: answer(words(7))})
    assert LOUPE not in detector.reads().state


def test_a_cut_seen_before_the_loupe_was_read_is_not_reported_twice() -> None:
    detector = watching()
    cut = log(PROXY, next(iter(CUTS)), body=cut_body((2, 0, (SECOND,))))
    assert len(detector.on_block(block(1, cut), ())) == 1
    assert upgrades_at(detector, 2, state={LOUPE: answer(table_body({2: (SECOND,)}))}) == []


def test_a_new_beacon_is_one_change_and_its_implementation_is_followed_from_then_on() -> None:
    detector = watching()
    other = CallWord(OTHER, IMPLEMENTATION_CALL)
    upgrades_at(detector, 1, state={HOLDS: 0xBEAC})
    upgrades_at(detector, 2, state={ASKS: 1, HOLDS: 0xBEAC})
    [moved] = upgrades_at(detector, 3, state={HOLDS: 0xB, ASKS: 1})
    assert (moved.role, moved.old, moved.new) == ("beacon", BEACON, OTHER)
    assert ASKS not in detector.reads().state
    assert upgrades_at(detector, 4, state={HOLDS: 0xB, other: 5}) == []
    [upgraded] = upgrades_at(detector, 5, state={HOLDS: 0xB, other: 6})
    assert (upgraded.role, upgraded.old, upgraded.new) == ("implementation", address(5), address(6))
    assert str(BEACON).encode() not in detector.memory()


def test_two_different_slots_of_one_role_are_followed_separately() -> None:
    detector = watching()
    zos = SlotWord(PROXY, LEGACY_SLOTS[1])
    upgrades_at(detector, 1, state={SLOT: 1, zos: 7})
    [event] = upgrades_at(detector, 2, state={SLOT: 1, zos: 8})
    assert (event.proxy_kind, event.old, event.new) == ("zos", address(7), address(8))
    [event] = upgrades_at(detector, 3, state={SLOT: 2, zos: 8})
    assert (event.proxy_kind, event.old, event.new) == ("eip1967", address(1), address(2))


def test_a_log_shared_by_several_kinds_is_named_after_the_slot_in_use() -> None:
    detector = watching()
    upgrades_at(detector, 1, state={SLOT: 0, SlotWord(PROXY, LEGACY_SLOTS[1]): 7})
    [event] = upgrades_at(detector, 2, 8)
    assert (event.proxy_kind, event.old, event.new) == ("zos", address(7), address(8))


def test_a_log_whose_meaning_the_state_tells_calls_for_the_place_in_its_block_and_two_in_one_range_are_two_changes() -> (
    None
):
    told = topic_of("Upgraded(uint256,bytes)")  # Maple's: it names a version
    detector = watching()
    upgrades_at(detector, 1, state={SLOT: 1, HOLDS: 0, CodeHash(PROXY): 5})
    said = [block(number, log(PROXY, told, body=words(number))) for number in (2, 3)]
    assert detector.checks(said[0]).state == {SLOT}
    found = [
        event
        for one, word in zip(said, (2, 3), strict=True)
        for event in detector.on_block(replace(one, checked=StateRead({SLOT: word})), ())
        if isinstance(event, ContractUpgraded)
    ]
    assert [(one.old, one.new, one.place.block_number, one.seen_by) for one in found] == [
        (address(1), address(2), 2, SeenBy.LOG),
        (address(2), address(3), 3, SeenBy.LOG),
    ]
    assert upgrades_at(detector, 4, state={SLOT: 3}) == []
    assert detector.checks(replace(said[1], checked=StateRead({SLOT: 3}))).state == frozenset()
