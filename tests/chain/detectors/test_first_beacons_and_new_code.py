"""A beacon that a log names before anything was read, and a proof that new code opens again."""

from __future__ import annotations

from chain.behaviour.inquiry import ran
from chain.blocks.reads import AnyRead, CodeHash, RunsAs, RunsOneOf, SlotWord, StateRead
from chain.blocks.standards import BEACON_UPGRADED, NOBODY
from chain.detectors import upgrades
from chain.detectors.upgrades import Upgrades
from chain.events import Role
from chain.events.upgrades import ContractUpgraded, SeenBy
from chain.watch import Watch, WatchedContract
from tests.chain.builders import address, block, log, topic

AT, ONE, TWO = address(0xA << 80), address(1 << 100), address(2 << 100)
LOW = SlotWord(AT, 1)


def watching() -> Upgrades:
    return upgrades.make(Watch(contracts=(WatchedContract(address=AT),)))


def upgrades_in(detector: Upgrades, number: int, state: dict[AnyRead, object], *logs: object) -> list[ContractUpgraded]:
    found = detector.on_block(block(number, *logs, state=state), ())  # type: ignore[arg-type]
    return [event for event in found if isinstance(event, ContractUpgraded)]


def test_a_beacon_that_a_log_names_first_is_an_upgrade_without_a_known_old_value() -> None:
    detector = watching()

    [event] = upgrades_in(detector, 1, {}, log(AT, BEACON_UPGRADED, topic(0xBEAC)))

    assert (event.role, event.old, event.new, event.seen_by) == (Role.BEACON, None, address(0xBEAC), SeenBy.LOG)
    assert address(0xBEAC) in detector.reads().addresses


def test_a_place_that_was_proved_must_be_proved_again_under_new_code() -> None:
    detector = watching()
    upgrades_in(detector, 1, {CodeHash(AT): 1, LOW: int(ONE, 16)})
    upgrades_in(detector, 2, {CodeHash(AT): 1, LOW: int(ONE, 16), RunsAs(AT, ONE): AT})
    assert RunsAs(AT, ONE) not in detector.reads().state

    [new_code] = upgrades_in(detector, 3, {CodeHash(AT): 2})

    assert (new_code.role, new_code.seen_by) == (Role.CODE, SeenBy.CODE)
    assert upgrades_in(detector, 4, {CodeHash(AT): 2, LOW: int(TWO, 16)}) == []
    assert RunsAs(AT, TWO) in detector.reads().state


def test_a_sentinel_that_did_not_run_shows_no_delegate() -> None:
    asked = RunsOneOf(AT, "0x12345678", (ONE,))

    assert ran([asked], StateRead({asked: NOBODY})) == {}
    assert ran([asked], StateRead()) == {}
    assert [one.target for one in ran([asked], StateRead({asked: ONE}))["0x12345678"]] == [ONE]
