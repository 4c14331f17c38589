"""Checks places that count only if a call proves that the target code runs: each proof is made once and then decided."""

from __future__ import annotations

import pytest

from chain.blocks.reads import AnyRead, CallWord, CodeHash, RunsAs, SlotWord, StateRead
from chain.blocks.standards import NOBODY
from chain.detectors import upgrades
from chain.detectors.upgrades import Upgrades
from chain.events import Address, Role
from chain.events.upgrades import ContractUpgraded, SeenBy
from chain.proxies.places import WatchedPlace
from chain.proxies.proof import open_proof, proved
from chain.proxies.upgrade_memory import PlaceMemory, Places
from chain.watch import Watch, WatchedContract
from tests.chain.builders import address, block, log, topic, words

AT, ONE, TWO = address(0xA << 80), address(1 << 100), address(2 << 100)
GETTER, LOW = CallWord(AT, "0x5c60da1b"), SlotWord(AT, 1)
CODE: dict[AnyRead, object] = {CodeHash(AT): 1}
SLOT = WatchedPlace(LOW, "0x1", Role.IMPLEMENTATION, "low_slot", False, proved=True)
ASKED = WatchedPlace(GETTER, GETTER.body, Role.IMPLEMENTATION, "delegator", False, proved=True)
HANDED = WatchedPlace(GETTER, GETTER.body, Role.IMPLEMENTATION, "synthetix", False, proved=True, forwards=True)


def upgrades_at(detector: Upgrades, number: int, state: dict[AnyRead, object], *logs: object) -> list[ContractUpgraded]:
    found = detector.on_block(block(number, *logs, state={**CODE, **state}), ())  # type: ignore[arg-type]
    return [event for event in found if isinstance(event, ContractUpgraded)]


def watching() -> Upgrades:
    return upgrades.make(Watch(contracts=(WatchedContract(address=AT),)))


def test_a_low_slot_whose_target_code_runs_is_followed_from_then_on() -> None:
    detector = watching()
    assert upgrades_at(detector, 1, {LOW: int(ONE, 16)}) == []
    assert RunsAs(AT, ONE) in detector.reads().state
    assert upgrades_at(detector, 2, {LOW: int(ONE, 16), RunsAs(AT, ONE): AT}) == []
    assert not any(isinstance(read, RunsAs) for read in detector.reads().state)
    [event] = upgrades_at(detector, 3, {LOW: int(TWO, 16)})
    assert (event.role, event.old, event.new, event.seen_by) == ("implementation", ONE, TWO, SeenBy.SLOT)


@pytest.mark.parametrize("answer", [NOBODY, ONE, TWO])
def test_a_slot_whose_address_does_not_run_as_code_is_not_read_again(answer: Address) -> None:
    detector = watching()
    upgrades_at(detector, 1, {LOW: int(ONE, 16), GETTER: int(TWO, 16)})
    upgrades_at(
        detector, 2, {LOW: int(ONE, 16), GETTER: int(TWO, 16), RunsAs(AT, ONE): answer, RunsAs(AT, TWO): NOBODY}
    )
    assert not {LOW, GETTER} & detector.reads().state
    assert upgrades_at(detector, 3, {LOW: int(TWO, 16), GETTER: int(ONE, 16)}) == []


def test_new_code_is_proved_again() -> None:
    detector = watching()
    upgrades_at(detector, 1, {LOW: int(ONE, 16)})
    upgrades_at(detector, 2, {LOW: int(ONE, 16), RunsAs(AT, ONE): NOBODY})
    upgrades_at(detector, 3, {CodeHash(AT): 2})
    assert LOW in detector.reads().state
    assert upgrades_at(detector, 4, {LOW: int(TWO, 16), CodeHash(AT): 2}) == []
    assert RunsAs(AT, TWO) in detector.reads().state


def test_a_word_that_changes_before_its_proof_is_proved_again() -> None:
    held: Places = {}
    assert not proved(held, AT, SLOT, f"{int(ONE, 16):#x}", StateRead(CODE))
    assert not proved(held, AT, SLOT, f"{int(TWO, 16):#x}", StateRead({**CODE, RunsAs(AT, ONE): NOBODY}))
    assert open_proof(held, AT, SLOT) == RunsAs(AT, TWO)


@pytest.mark.parametrize("word", ["0x0", "0x7", f"{1 << 160:#x}", f"{int(AT, 16):#x}", f"{int(AT, 16) | 1 << 160:#x}"])
def test_a_word_that_is_not_a_target_address_is_never_proved(word: str) -> None:
    held: Places = {}
    assert not proved(held, AT, SLOT, word, StateRead(CODE))
    assert (held, open_proof(held, AT, SLOT)) == ({"0x1": PlaceMemory("0x0")}, None)


@pytest.mark.parametrize(("where", "believed"), [(SLOT, False), (ASKED, True)])
def test_without_proof_support_a_getter_is_believed_and_a_low_slot_is_not(where: WatchedPlace, believed: bool) -> None:
    held: Places = {}
    word = f"{int(ONE, 16):#x}"
    assert [proved(held, AT, where, word, StateRead(CODE)) for _ in range(3)] == [False, False, believed]
    assert open_proof(held, AT, where) is None


def test_a_block_with_unread_state_decides_nothing() -> None:
    held: Places = {}
    word = f"{int(ONE, 16):#x}"
    assert [proved(held, AT, ASKED, word, StateRead({})) for _ in range(4)] == [False] * 4
    assert open_proof(held, AT, ASKED) is not None


def test_a_forwarding_proxy_is_proved_if_the_target_code_runs_as_the_target() -> None:
    word = f"{int(ONE, 16):#x}"
    for where, answer, believed in ((HANDED, ONE, True), (HANDED, AT, False), (ASKED, ONE, False)):
        held: Places = {}
        proved(held, AT, where, word, StateRead(CODE))
        assert proved(held, AT, where, word, StateRead({**CODE, RunsAs(AT, ONE): answer})) is believed


def test_a_log_supplies_a_previous_value_that_was_unknown() -> None:
    topic_of = "0xd604de94d45953f9138079ec1b82d533cb2160c906d1076d1f7ed54befbca97a"  # NewImplementation
    [event] = upgrades_at(watching(), 1, {}, log(AT, topic_of, body=words(int(ONE, 16), int(TWO, 16))))
    assert (event.old, event.new, event.seen_by) == (ONE, TWO, SeenBy.LOG)


def test_a_log_without_a_target_gives_the_change_its_position() -> None:
    slot = SlotWord(AT, 0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC)
    version = "0xaaaa7ee6b0c2f4ee1fa7312c7d5b3623a434da5a1a9ce3cb6e629caa23454ab6"  # Upgraded(uint256,bytes)
    detector = watching()
    upgrades_at(detector, 1, {slot: int(ONE, 16)})
    [event] = upgrades_at(detector, 2, {slot: int(TWO, 16)}, log(AT, version, body=words(2, 64, 0)))
    assert (event.old, event.new, event.seen_by) == (ONE, TWO, SeenBy.LOG)
    assert upgrades_at(detector, 3, {slot: int(TWO, 16)}, log(AT, version, body=words(3, 64, 0))) == []


def test_a_new_owner_that_is_not_the_admin_is_not_an_upgrade() -> None:
    owned = "0x8be0079c531659141344cd1fd0a4f28419497f9722a3daafe3b4186f6b6457e0"  # OwnershipTransferred
    detector = watching()
    upgrades_at(detector, 1, {})
    assert upgrades_at(detector, 2, {}, log(AT, owned, topic(int(ONE, 16)), topic(int(TWO, 16)))) == []


def test_a_place_that_needs_no_proof_counts_immediately() -> None:
    held: Places = {}
    assert proved(
        held, AT, WatchedPlace(LOW, "0x1", Role.IMPLEMENTATION, "made", False), f"{int(ONE, 16):#x}", StateRead(CODE)
    )
    assert held == {}


def test_a_getter_that_stops_answering_leaves_its_last_value_valid() -> None:
    detector = watching()
    first: dict[AnyRead, object] = {GETTER: int(ONE, 16)}
    upgrades_at(detector, 1, first)
    upgrades_at(detector, 2, {**first, RunsAs(AT, ONE): AT})
    assert upgrades_at(detector, 3, {}) == []
    [event] = upgrades_at(detector, 4, {GETTER: int(TWO, 16)})
    assert (event.old, event.new) == (ONE, TWO)
