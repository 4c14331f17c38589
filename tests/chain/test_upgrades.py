from __future__ import annotations

from eth_hash.auto import keccak

from chain.block import NO_CODE, CallNeed, CodeNeed, Need, SlotNeed
from chain.detector import Watch, WatchedContract
from chain.detectors import upgrades
from chain.detectors.upgrades import Upgrades
from chain.events import ContractUpgraded, Seen
from tests.chain.made import address, block, log, topic, words

IMPLEMENTATION_SLOT = 0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC
BEACON_SLOT = 0xA3F0AD74E5423AEBFD80D3EF4346578335A9A72AEAEE59FF6CB3582B35133D50
LEGACY_SLOTS = tuple(
    int.from_bytes(keccak(words), "big") for words in (b"PROXIABLE", b"org.zeppelinos.proxy.implementation")
)
IMPLEMENTATION_CALL = "0x5c60da1b"
UPGRADED = "0xbc7cd75a20ee27fd9adebab32041f755214dbc6bffa90cc0225b39da2e5c2d3b"
PROXY, OTHER, BEACON = address(0xA), address(0xB), address(0xBEAC)
SLOT = SlotNeed(PROXY, IMPLEMENTATION_SLOT)
HOLDS = SlotNeed(PROXY, BEACON_SLOT)
ASKS = CallNeed(BEACON, IMPLEMENTATION_CALL)


def watching() -> Upgrades:
    return upgrades.make(Watch(contracts=(WatchedContract(address=PROXY),)))


def say(detector: Upgrades, number: int, *new: int, state: dict[Need, int] | None = None) -> list[ContractUpgraded]:
    logs = [log(PROXY, UPGRADED, topic(one), index=index) for index, one in enumerate(new)]
    found = detector.on_block(block(number, *logs, state=state), ())
    return [event for event in found if isinstance(event, ContractUpgraded)]


def test_what_stands_at_first_sight_is_no_upgrade() -> None:
    assert say(watching(), 1, state={SLOT: 1, HOLDS: 0, CodeNeed(PROXY): NO_CODE}) == []


def test_a_log_and_its_slot_are_one_upgrade() -> None:
    detector = watching()
    say(detector, 1, state={SLOT: 1})
    [event] = say(detector, 2, 2, state={SLOT: 2})
    assert (event.old, event.new, event.seen_by) == (address(1), address(2), Seen.LOG)
    assert say(detector, 3, state={SLOT: 2}) == []


def test_a_log_whose_slot_is_read_a_block_later_is_still_one_upgrade() -> None:
    detector = watching()
    say(detector, 1, state={SLOT: 1})
    assert len(say(detector, 2, 2)) == 1
    assert say(detector, 3, state={SLOT: 2}) == []


def test_a_silent_write_that_a_log_repeats_later_is_one_upgrade() -> None:
    detector = watching()
    say(detector, 1, state={SLOT: 1})
    [event] = say(detector, 2, state={SLOT: 2})
    assert (event.old, event.new, event.seen_by) == (address(1), address(2), Seen.SLOT)
    assert say(detector, 3, 2, state={SLOT: 2}) == []


def test_there_and_back_in_one_block_is_two_upgrades() -> None:
    detector = watching()
    say(detector, 1, state={SLOT: 1})
    assert [event.new for event in say(detector, 2, 2, 1, state={SLOT: 1})] == [address(2), address(1)]


def test_a_log_that_lies_is_followed_by_what_the_slot_holds() -> None:
    detector = watching()
    say(detector, 1, state={SLOT: 1})
    assert [(event.new, event.seen_by) for event in say(detector, 2, 2, state={SLOT: 3})] == [
        (address(2), Seen.LOG),
        (address(3), Seen.SLOT),
    ]


def test_a_proxy_that_keeps_its_implementation_elsewhere_is_seen_by_log_alone() -> None:
    detector = watching()
    say(detector, 1, state={SLOT: 0})
    assert len(say(detector, 2, 2, state={SLOT: 0})) == 1
    assert say(detector, 3, state={SLOT: 0}) == []


def test_new_code_is_seen_by_its_hash() -> None:
    detector = watching()
    say(detector, 1, state={CodeNeed(PROXY): 5})
    [event] = say(detector, 2, state={CodeNeed(PROXY): 6})
    assert (event.role, event.old, event.new, event.seen_by) == ("code", topic(5), topic(6), Seen.CODE)


def test_a_beacon_is_asked_and_heard_for_the_proxy_behind_it() -> None:
    detector = watching()
    say(detector, 1, state={HOLDS: 0xBEAC})
    assert ASKS in detector.needs().reads
    assert BEACON in detector.needs().addresses
    say(detector, 2, state={ASKS: 1})
    [heard] = detector.on_block(block(3, log(BEACON, UPGRADED, topic(2)), state={ASKS: 2}), ())
    [asked] = detector.on_block(block(4, state={ASKS: 3}), ())
    assert isinstance(heard, ContractUpgraded)
    assert isinstance(asked, ContractUpgraded)
    assert (heard.contract, heard.new, heard.proxy_kind) == (PROXY, address(2), "eip1967_beacon")
    assert (asked.old, asked.new, asked.seen_by) == (address(2), address(3), Seen.SLOT)


def test_logs_of_others_are_left_alone() -> None:
    stray = [log(OTHER, UPGRADED, topic(2)), log(PROXY, topic(9)), log(PROXY)]
    assert watching().on_block(block(1, *stray), ()) == []


def test_a_legacy_slot_that_is_empty_is_not_read_again() -> None:
    legacy = LEGACY_SLOTS
    detector = watching()
    say(detector, 1, state={SlotNeed(PROXY, legacy[0]): 0, SlotNeed(PROXY, legacy[1]): 7})
    reads = detector.needs().reads
    assert SlotNeed(PROXY, legacy[0]) not in reads
    assert SlotNeed(PROXY, legacy[1]) in reads


def test_an_argument_may_be_indexed_or_not() -> None:
    [event] = watching().on_block(block(1, log(PROXY, UPGRADED, body=words(2))), ())
    assert isinstance(event, ContractUpgraded)
    assert (event.old, event.new) == (None, address(2))


def test_memory_put_back_takes_the_upgrade_back() -> None:
    detector = watching()
    say(detector, 1, state={SLOT: 1})
    before = detector.memory()
    first = say(detector, 2, 2, state={SLOT: 2})
    detector.recall(before)
    assert detector.memory() == before
    assert say(detector, 2, 2, state={SLOT: 2}) == first
