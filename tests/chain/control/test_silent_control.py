"""Checks silent changes of control: getters reveal each one once, for every contract under the changed controller."""

from __future__ import annotations

import pytest
from eth_hash.auto import keccak

from chain.blocks.abi import topic_of
from chain.blocks.reads import UNKNOWN_FUNCTION, AnyRead, CallBytes, CallWord, Reads, SlotWord
from chain.blocks.standards import ADMIN_SLOT, BEACON_SLOT, IMPLEMENTATION_SLOT
from chain.control.getters import BODIES, SLOTS, WHOLE, getter_read
from chain.detectors import control
from chain.detectors.control import MAX_FIRST_READS, MAX_SILENT, Control
from chain.events import Address, ControlChange, ControlChanged, ControlSeen
from chain.watch import Watch, WatchedContract
from tests.chain.builders import address, block, log, words

TOKEN, ADMIN, LOCK = address(0xA << 80), address(0xB << 80), address(0xC << 80)
ONE, TWO, SAFE = address(1 << 90), address(2 << 90), address(3 << 90)
EMPTY: dict[AnyRead, object] = {}


def watching(*contracts: Address, timelock: Address | None = None, timelocks: tuple[Address, ...] = ()) -> Control:
    watched = tuple(WatchedContract(address=one, timelock=timelock) for one in contracts or (TOKEN,))
    return control.make(Watch(contracts=watched if contracts or not timelocks else (), timelocks=timelocks))


def answers(at: Address, **getters: int | tuple[Address, ...]) -> dict[AnyRead, object]:
    """Returns the getter answers of an address, with its slots marked as read."""
    state: dict[AnyRead, object] = {SlotWord(at, slot): 0 for slot in (ADMIN_SLOT, *SLOTS.values())}
    for key, value in getters.items():
        if isinstance(value, tuple):
            listed = (
                words(64, 1, len(value), *(int(one, 16) for one in value))
                if key == "modules"
                else words(32, len(value), *(int(one, 16) for one in value))
            )
            state[getter_read(at, key)] = listed
        else:
            state[getter_read(at, key)] = value
    return state


def seen(detector: Control, number: int, state: dict[AnyRead, object], *logs: object) -> list[ControlChanged]:
    found = detector.on_block(block(number, *logs, state=state), ())  # type: ignore[arg-type]
    return [event for event in found if isinstance(event, ControlChanged)]


def owner(value: Address) -> dict[AnyRead, object]:
    return answers(TOKEN, owner=int(value, 16))


def test_the_getters_and_slots_are_the_hashes_of_their_documented_texts() -> None:
    signatures = {
        "owner": "owner()", "admin": "admin()", "threshold": "getThreshold()", "min_delay": "getMinDelay()",
        "delay": "delay()", "paused": "paused()", "signers": "getOwners()",
        "modules": "getModulesPaginated(address,uint256)", "authority": "authority()", "deprecated": "deprecated()",
        "aggregator": "aggregator()", "proposed_aggregator": "proposedAggregator()", "trading_open": "tradingOpen()",
        "trading_enabled": "tradingEnabled()", "trading_active": "tradingActive()",
        "transfer_paused": "transferGuardianPaused()", "seize_paused": "seizeGuardianPaused()",
    }  # fmt: skip
    assert {key: body[:10] for key, body in (BODIES | WHOLE).items()} == {
        key: "0x" + keccak(words.encode()).hex()[:8] for key, words in signatures.items()
    }
    names = {"guard": b"guard_manager.guard.address", "fallback": b"fallback_manager.handler.address"}
    assert {key: int.from_bytes(keccak(words), "big") for key, words in names.items()} == SLOTS


def test_an_owner_replaced_without_a_log_is_one_change() -> None:
    detector = watching()
    assert seen(detector, 1, owner(ONE)) == []
    [event] = seen(detector, 2, owner(TWO))
    assert (event.change, event.contract, event.emitter) == (ControlChange.OWNER, TOKEN, TOKEN)
    assert (event.old, event.new, event.seen_by) == (ONE, TWO, ControlSeen.STATE)
    assert (event.place.transaction, event.place.log_index, event.place.block_number) == (None, None, 2)
    assert seen(detector, 3, owner(TWO)) == []


def test_a_log_and_its_getter_are_one_change_even_if_the_state_is_read_later() -> None:
    for states in ((owner(TWO),), (EMPTY, owner(TWO))):
        detector = watching()
        seen(detector, 1, owner(ONE))
        logged = log(TOKEN, topic_of("OwnershipTransferred(address,address)"), body=words(int(ONE, 16), int(TWO, 16)))
        [event] = seen(detector, 2, states[0], logged)
        assert event.seen_by is ControlSeen.LOG
        for number, state in enumerate(states[1:], 3):
            assert seen(detector, number, state) == []
        assert seen(detector, 9, owner(TWO)) == []


def test_a_log_followed_by_a_silent_change_is_two_changes() -> None:
    detector = watching()
    seen(detector, 1, owner(ONE))
    logged = log(TOKEN, topic_of("OwnershipTransferred(address,address)"), body=words(int(ONE, 16), int(TWO, 16)))
    first, second = seen(detector, 2, owner(SAFE), logged)
    assert (first.new, second.old, second.new, second.seen_by) == (TWO, TWO, SAFE, ControlSeen.STATE)


@pytest.mark.parametrize(
    ("key", "old", "new", "change"),
    [
        ("admin", int(ONE, 16), int(TWO, 16), ControlChange.ADMIN),
        ("min_delay", 86_400, 0, ControlChange.DELAY),
        ("delay", 86_400, 60, ControlChange.DELAY),
        ("paused", 0, 1, ControlChange.PAUSED),
        ("paused", 1, 0, ControlChange.UNPAUSED),
        ("authority", int(ONE, 16), int(TWO, 16), ControlChange.ADMIN),
        ("deprecated", 0, 1, ControlChange.DEPRECATED),
        ("aggregator", int(ONE, 16), int(TWO, 16), ControlChange.AGGREGATOR),
        ("proposed_aggregator", 0, int(TWO, 16), ControlChange.AGGREGATOR_PENDING),
        ("trading_open", 1, 0, ControlChange.TRADING_CLOSED),
        ("trading_enabled", 0, 1, ControlChange.TRADING_OPENED),
        ("trading_active", 1, 0, ControlChange.TRADING_CLOSED),
        ("transfer_paused", 0, 1, ControlChange.ACTION_PAUSED),
        ("seize_paused", 1, 0, ControlChange.ACTION_RESUMED),
    ],
)
def test_each_getter_reveals_its_change(key: str, old: int, new: int, change: ControlChange) -> None:
    detector = watching()
    seen(detector, 1, answers(TOKEN, **{key: old}))
    [event] = seen(detector, 2, answers(TOKEN, **{key: new}))
    assert (event.change, event.seen_by) == (change, ControlSeen.STATE)
    if key in ("min_delay", "delay"):
        assert (event.old, event.new) == (str(old), str(new))


def test_safe_signers_threshold_modules_and_guard_are_each_compared_by_their_own_type() -> None:
    detector = watching()
    at = answers(TOKEN, threshold=2, signers=(ONE, TWO), modules=())
    assert seen(detector, 1, at) == []
    later = answers(TOKEN, threshold=1, signers=(TWO, SAFE), modules=(LOCK,)) | {
        SlotWord(TOKEN, SLOTS["guard"]): 7 << 90
    }
    changes = {(event.change, event.account, event.new) for event in seen(detector, 2, later)}
    assert changes == {
        (ControlChange.THRESHOLD, None, "1"),
        (ControlChange.SIGNER_ADDED, SAFE, None),
        (ControlChange.SIGNER_REMOVED, ONE, None),
        (ControlChange.MODULE_ENABLED, LOCK, None),
        (ControlChange.GUARD, None, address(7 << 90)),
    }
    assert {event.change for event in seen(detector, 3, at)} >= {ControlChange.MODULE_DISABLED}


def test_signers_that_a_log_reported_are_not_reported_again() -> None:
    detector = watching()
    seen(detector, 1, answers(TOKEN, threshold=1, signers=(ONE,), paused=0))
    logs = [
        log(TOKEN, topic_of("AddedOwner(address)"), body=words(int(TWO, 16))),
        log(TOKEN, topic_of("RemovedOwner(address)"), body=words(int(ONE, 16)), index=1),
        log(TOKEN, topic_of("ChangedThreshold(uint256)"), body=words(3), index=2),
        log(TOKEN, topic_of("Paused(address)"), body=words(1), index=3),
        log(TOKEN, topic_of("RoleGranted(bytes32,address,address)"), body=words(1, 2, 3), index=4),
    ]
    changes = seen(detector, 2, answers(TOKEN, threshold=3, signers=(TWO,), paused=1), *logs)
    assert [event.seen_by for event in changes] == [ControlSeen.LOG] * 5


def test_changes_of_owners_count_up_to_three_levels_above_the_contract() -> None:
    detector = watching()
    above = answers(TOKEN) | {SlotWord(TOKEN, ADMIN_SLOT): int(ADMIN, 16)}
    seen(detector, 1, above)
    seen(detector, 2, above | answers(ADMIN, owner=int(SAFE, 16)))
    safe = above | answers(ADMIN, owner=int(SAFE, 16))
    seen(detector, 3, safe | answers(SAFE, threshold=2, signers=(ONE, TWO), paused=0))
    assert {ADMIN, SAFE} <= detector.reads().addresses
    again = watching()
    again.recall(detector.memory())
    [event] = seen(again, 4, safe | answers(SAFE, threshold=1, signers=(ONE, TWO), paused=1))
    assert (event.contract, event.emitter, event.change) == (TOKEN, SAFE, ControlChange.THRESHOLD)  # not its own pause
    [moved] = seen(again, 5, above | answers(ADMIN, owner=int(TWO, 16)))
    assert (moved.contract, moved.emitter, moved.change, moved.new) == (TOKEN, ADMIN, ControlChange.OWNER, TWO)
    assert SAFE not in again.reads().addresses


def test_changes_of_a_beacon_owner_and_of_a_lone_timelock_delay_count() -> None:
    beacon = watching()
    state = answers(TOKEN) | {SlotWord(TOKEN, BEACON_SLOT): int(ADMIN, 16)}
    seen(beacon, 1, state)
    seen(beacon, 2, state | answers(ADMIN, owner=int(ONE, 16)))
    [event] = seen(beacon, 3, state | answers(ADMIN, owner=int(TWO, 16)))
    assert (event.contract, event.emitter) == (TOKEN, ADMIN)
    alone = watching(timelocks=(LOCK,))
    seen(alone, 1, answers(LOCK, min_delay=5))
    [fell] = seen(alone, 2, answers(LOCK, min_delay=0))
    assert (fell.contract, fell.change, fell.new) == (LOCK, ControlChange.DELAY, "0")


def test_an_owner_that_leaves_the_timelock_silently_has_escaped() -> None:
    detector = watching(TOKEN, timelock=LOCK)
    seen(detector, 1, owner(LOCK))
    [event] = seen(detector, 2, owner(TWO))
    assert event.escaped


def test_only_getters_that_answered_are_read_again_until_the_target_changes() -> None:
    detector = watching()
    assert CallBytes(TOKEN, WHOLE["signers"]) in detector.reads().state
    target = SlotWord(TOKEN, IMPLEMENTATION_SLOT)
    seen(detector, 1, {**owner(ONE), target: 1})
    assert {one for one in detector.reads().state if isinstance(one, CallWord | CallBytes)} >= {
        CallWord(TOKEN, BODIES["paused"])
    }
    seen(detector, 2, {**owner(ONE), target: 1})
    asked = {one for one in detector.reads().state if isinstance(one, CallWord | CallBytes) and one.address == TOKEN}
    assert asked == {CallWord(TOKEN, BODIES["owner"])}
    assert SlotWord(TOKEN, SLOTS["guard"]) not in detector.reads().state  # it is not a Safe
    seen(detector, 3, {**owner(ONE), target: 2})
    assert CallWord(TOKEN, BODIES["paused"]) in detector.reads().state
    assert seen(detector, 4, {**owner(ONE), getter_read(TOKEN, "paused"): 1, target: 2}) == []
    assert [event.change for event in seen(detector, 5, {**owner(TWO), target: 2})] == [ControlChange.OWNER]
    assert CallWord(TOKEN, BODIES["paused"]) not in detector.reads().state  # it stops answering


def test_a_contract_that_answers_every_call_or_malformed_data_is_not_believed() -> None:
    for state in (
        {**owner(ONE), CallWord(TOKEN, UNKNOWN_FUNCTION): 5},
        answers(TOKEN, owner=1 << 200, paused=2, min_delay=1 << 200),
        {
            **answers(TOKEN, threshold=1),
            CallBytes(TOKEN, WHOLE["signers"]): b"\xff" * 64,
        },
        {
            **answers(TOKEN, threshold=1),
            CallBytes(TOKEN, WHOLE["signers"]): words(32, 2, 1),
        },
    ):
        detector = watching()
        seen(detector, 1, state)
        assert not {"owner", "paused", "min_delay", "signers"} & {
            key for key in (*BODIES, *WHOLE) if getter_read(TOKEN, key) in _later(detector).state
        }


def _later(detector: Control) -> Reads:
    seen(detector, 2, answers(TOKEN))
    return detector.reads()


def test_an_owner_that_changes_in_every_block_is_reported_for_a_while_and_then_not_read() -> None:
    detector = watching()
    changes = [len(seen(detector, number, owner(address(number << 90)))) for number in range(1, MAX_SILENT + 9)]
    assert sum(changes) >= MAX_SILENT
    assert CallWord(TOKEN, BODIES["owner"]) not in detector.reads().state


def test_many_contracts_are_read_in_turn() -> None:
    many = tuple(address(number << 80) for number in range(1, MAX_FIRST_READS + 40))
    detector = watching(*many)

    def inspected() -> set[Address]:
        return {one.address for one in detector.reads().state if one == CallWord(one.address, BODIES["paused"])}

    first = inspected()
    assert len(first) == MAX_FIRST_READS
    state: dict[AnyRead, object] = {}
    for one in first:
        state |= answers(one)
    seen(detector, 1, state)
    seen(detector, 2, state)
    assert len(inspected()) == len(many) - MAX_FIRST_READS
    assert not inspected() & first


def test_a_cycle_of_owners_ends() -> None:
    detector = watching()
    state = owner(ONE) | answers(ONE, owner=int(TWO, 16)) | answers(TWO, owner=int(TOKEN, 16), admin=int(ONE, 16))
    for number in range(1, 6):
        assert seen(detector, number, state) == []
    assert detector.reads().addresses == {TOKEN, ONE, TWO}
