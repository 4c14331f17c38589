"""The path beyond the declared places: found by what a call touches, followed by its pointers and code hashes. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chain.blocks.block import Block, Write
from chain.blocks.reads import (
    NO_CODE,
    UNKNOWN_FUNCTION,
    AnyRead,
    CallBytes,
    CodeHash,
    PathCode,
    SlotWord,
    StateRead,
    TouchedState,
)
from chain.detectors import closure
from chain.detectors.closure import MAX_TRIES, Closure
from chain.events import Address, PlacedEvent, Role
from chain.events.upgrades import ContractUpgraded, SeenBy
from chain.proxies.diamonds import FACETS
from chain.proxies.upgrade_memory import Upgrade, upgraded
from chain.watch import Watch, WatchedContract
from tests.chain.builders import address, block, log, topic
from tests.chain.proxies.test_diamonds import table_body
from tests.chain.simulated import UPGRADED

AT, TARGET, BEACON, LAST, NEXT = (Address(f"0x{one * 20}") for one in ("aa", "bb", "cc", "dd", "ee"))
ASKED, TRACED = TouchedState(AT, UNKNOWN_FUNCTION), TouchedState(AT, UNKNOWN_FUNCTION, traced=True)
OWN, FURTHER, COUNTER = SlotWord(AT, 7), SlotWord(BEACON, 1), SlotWord(BEACON, 2)
PRECOMPILE = address(4)
TOUCHED = ((AT, (7,)), (TARGET, ()), (BEACON, (1, 2)), (LAST, ()), (PRECOMPILE, ()))
Summary = tuple[Role, str | None, str, Address | None, SeenBy]


def number_of(at: Address) -> int:
    return int(at, 16)


class World:
    """A contract with a pointer at `target`, whose code asks a beacon that holds `last`."""

    def __init__(self, detector: Closure | None = None) -> None:
        self.detector = detector or closure.make(Watch(contracts=(WatchedContract(address=AT),)))
        self.number = 0
        self.answers: dict[AnyRead, Any] = {
            ASKED: TOUCHED, OWN: number_of(TARGET), FURTHER: number_of(LAST), COUNTER: 5,
            CodeHash(AT): 9,
            **{PathCode(one): 9 for one in (TARGET, BEACON, LAST, NEXT)},
        }  # fmt: skip

    def made(self) -> Block:
        self.number += 1
        wanted = self.detector.reads().state
        found = {read: self.answers[read] for read in wanted if read in self.answers}
        return block(self.number, state={SlotWord(AT, 99): 0, **found})  # other detectors read too

    def step(self, *earlier: PlacedEvent, writes: tuple[Write, ...] | None = None) -> list[Summary]:
        found = self.detector.on_block(replace(self.made(), writes=writes), earlier)
        return [
            (event.role, event.old, event.new, event.holder, event.seen_by)
            for event in found
            if isinstance(event, ContractUpgraded)
        ]

    def settled(self) -> World:
        for _ in range(4):
            assert self.step() == []
        return self


def declared(new: Address, number: int) -> ContractUpgraded:
    """What the declared places show of the same contract."""
    change = Upgrade(contract=AT, kind="eip1967", role=Role.IMPLEMENTATION, new=new, seen_by=SeenBy.LOG)
    return upgraded(block(number), change)


def test_the_path_is_asked_for_once_and_only_what_points_on_is_read_in_each_block() -> None:
    world = World()
    assert world.detector.reads().state == {CodeHash(AT), ASKED, TRACED}
    world.settled()
    reads = world.detector.reads()
    assert reads.state == {OWN, FURTHER, PathCode(TARGET), PathCode(BEACON), PathCode(LAST)}
    assert reads.writes == {OWN, FURTHER}
    assert reads.deferrable == reads.state
    assert world.detector.reads() is reads


def test_a_pointer_behind_the_first_target_is_an_upgrade_at_its_holder() -> None:
    world = World().settled()
    world.answers[FURTHER] = number_of(NEXT)
    world.answers[ASKED] = (*TOUCHED[:3], (NEXT, ()))
    assert world.step() == [(Role.IMPLEMENTATION, LAST, NEXT, BEACON, SeenBy.SLOT)]
    world.settled()
    assert PathCode(NEXT) in world.detector.reads().state
    assert PathCode(LAST) not in world.detector.reads().state


def test_a_pointer_of_the_contract_itself_has_no_other_holder() -> None:
    world = World().settled()
    world.answers[OWN] = number_of(NEXT)
    [event] = world.detector.on_block(world.made(), ())
    assert isinstance(event, ContractUpgraded)
    assert (event.old, event.new, event.holder, event.seen_by) == (TARGET, NEXT, None, SeenBy.SLOT)
    assert event.proxy_kind == "custom"


def test_code_that_is_destroyed_and_comes_back_is_followed_through_its_absence() -> None:
    world = World().settled()
    for before, code in ((9, NO_CODE), (NO_CODE, 11)):
        world.answers[PathCode(LAST)] = code
        assert world.step() == [(Role.CODE, topic(before), topic(code), LAST, SeenBy.CODE)]
        world.answers[ASKED] = TOUCHED[:3]
        world.settled()
        world.answers[ASKED] = TOUCHED


def test_a_flip_within_a_block_is_two_changes_by_its_trace() -> None:
    world = World().settled()
    writes = tuple(Write(topic(1), BEACON, 1, number_of(one)) for one in (NEXT, LAST))
    assert world.step(writes=(*writes, Write(topic(1), BEACON, 2, 6))) == [
        (Role.IMPLEMENTATION, LAST, NEXT, BEACON, SeenBy.TRACE),
        (Role.IMPLEMENTATION, NEXT, LAST, BEACON, SeenBy.TRACE),
    ]
    assert world.step(writes=()) == []


def test_what_the_declared_places_show_is_not_told_again_and_the_path_is_found_anew() -> None:
    world = World().settled()
    world.answers[FURTHER] = number_of(NEXT)
    assert world.step(declared(NEXT, world.number + 1)) == []
    world.answers[ASKED] = (*TOUCHED[:3], (NEXT, ()))
    world.settled()
    assert PathCode(NEXT) in world.detector.reads().state


def test_after_a_declared_change_nothing_new_is_read_before_the_next_state() -> None:
    world = World().settled()
    before = world.detector.reads()
    world.detector.on_block(block(world.number + 1), (declared(NEXT, world.number + 1),))
    assert before.covers(world.detector.reads())
    world.number += 1
    world.settled()
    assert PathCode(LAST) in world.detector.reads().state


def checked(world: World, made: Block) -> Block:
    """Returns the block with what its logs call for, as often as they call for more."""
    for _ in range(3):
        wanted = world.detector.checks(made).state
        found = {read: world.answers[read] for read in wanted if read in world.answers}
        made = replace(made, checked=made.checked | StateRead(found))
    return made


@pytest.mark.parametrize("emitter", [AT, BEACON])
@pytest.mark.parametrize("with_state", [True, False])
def test_the_path_after_a_logged_upgrade_is_known_in_its_block_and_a_change_in_the_next_one_is_told(
    emitter: Address, with_state: bool
) -> None:
    world = World().settled()
    world.answers |= {
        OWN: number_of(NEXT),
        ASKED: ((AT, (7,)), (NEXT, (3,)), (LAST, ())),
        SlotWord(NEXT, 3): number_of(LAST),
    }
    made = replace(world.made(), logs=(log(emitter, UPGRADED, topic(number_of(NEXT))),))
    made = checked(world, made if with_state else replace(made, state=StateRead()))
    assert world.detector.on_block(made, (declared(NEXT, world.number),)) == []
    assert world.detector.reads().state == {OWN, SlotWord(NEXT, 3), PathCode(NEXT), PathCode(LAST)}
    world.answers[SlotWord(NEXT, 3)] = number_of(TARGET)
    assert world.step() == [(Role.IMPLEMENTATION, LAST, TARGET, NEXT, SeenBy.SLOT)]


def test_a_new_path_behind_a_moved_pointer_is_learned_in_the_block_of_a_log_on_the_path() -> None:
    world = World().settled()
    world.answers |= {
        FURTHER: number_of(NEXT),
        ASKED: (*TOUCHED[:3], (NEXT, (3,)), (LAST, ())),
        SlotWord(NEXT, 3): number_of(LAST),
    }
    made = checked(world, replace(world.made(), logs=(log(BEACON, UPGRADED, topic(number_of(NEXT))),)))
    assert len(world.detector.on_block(made, ())) == 1
    assert PathCode(NEXT) in world.detector.reads().state
    world.answers[PathCode(NEXT)] = 11
    assert world.step() == [(Role.CODE, topic(9), topic(11), NEXT, SeenBy.CODE)]


def test_a_path_that_ends_at_the_new_target_waits_for_the_next_state_so_that_a_range_goes_on() -> None:
    world = World().settled()
    for target in (NEXT, LAST, NEXT):
        world.answers |= {OWN: number_of(target), ASKED: ((AT, (7,)), (target, ()))}
        made = replace(world.made(), logs=(log(AT, UPGRADED, topic(number_of(target))),), state=StateRead())
        made = checked(world, made)
        assert set(made.checked) == {ASKED}, "no word of its path is asked"
        assert world.detector.on_block(made, (declared(target, world.number),)) == []
        assert world.detector.reads().state == frozenset()


def test_only_logs_of_upgrades_on_the_path_call_for_questions_and_at_most_for_so_many_contracts() -> None:
    world = World().settled()
    for one in (log(AT), log(AT, topic(5)), log(address(5), UPGRADED)):
        assert world.detector.checks(block(9, one)).state == frozenset()
    assert world.detector.checks(block(9, log(AT, UPGRADED))).state == {ASKED}, "as the path was found"
    by_trace = World()
    by_trace.answers[TRACED] = by_trace.answers.pop(ASKED)
    assert by_trace.settled().detector.checks(block(9, log(AT, UPGRADED))).state == {TRACED}
    many = [address(0x100000 + at) for at in range(closure.MAX_LOGGED + 5)]
    detector = closure.make(Watch(contracts=tuple(WatchedContract(address=one) for one in many)))
    asked = detector.checks(block(9, *(log(one, UPGRADED) for one in many))).state
    assert len(asked) == 2 * closure.MAX_LOGGED


def test_a_node_without_access_lists_shows_the_path_by_a_trace_and_one_without_both_is_left_alone() -> None:
    world = World()
    world.answers[TRACED] = world.answers.pop(ASKED)
    world.settled()
    assert PathCode(LAST) in world.detector.reads().state
    world = World()
    del world.answers[ASKED]
    for _ in range(MAX_TRIES):
        assert ASKED in world.detector.reads().state
        world.step()
    assert world.detector.reads().state == frozenset()
    assert world.step() == []


def test_a_block_whose_state_could_not_be_read_is_no_try() -> None:
    world = World()
    for number in range(1, 5):
        world.detector.on_block(block(number, state={SlotWord(TARGET, 1): 5}), ())
    assert ASKED in world.detector.reads().state


def test_a_path_that_was_not_read_whole_waits_and_one_that_stands_still_is_not_compared() -> None:
    world = World()
    world.step()
    late = world.answers.pop(FURTHER)
    for _ in range(3):
        assert world.step() == []
    assert COUNTER in world.detector.reads().state
    world.answers[FURTHER] = late
    world.settled()
    assert COUNTER not in world.detector.reads().state
    world.answers[FURTHER] = number_of(NEXT)
    still = replace(world.made(), still=frozenset({AT, TARGET, BEACON, LAST}))
    assert world.detector.on_block(still, ()) == []


def test_a_path_survives_a_restart() -> None:
    world = World().settled()
    again = World(closure.make(Watch(contracts=(WatchedContract(address=AT),))))
    again.detector.recall(world.detector.memory())
    again.number = world.number
    again.answers[FURTHER] = number_of(NEXT)
    assert again.step() == [(Role.IMPLEMENTATION, LAST, NEXT, BEACON, SeenBy.SLOT)]


def test_the_paths_of_many_contracts_are_asked_for_in_turns() -> None:
    many = tuple(WatchedContract(address=address(0x100000 + at)) for at in range(closure.MAX_ASKED + 5))
    asked = [one for one in closure.make(Watch(contracts=many)).reads().state if isinstance(one, TouchedState)]
    assert len(asked) == 2 * closure.MAX_ASKED


FACET, OTHER, SERVED = Address("0x" + "f1" * 20), Address("0x" + "f2" * 20), "0x11223344"
MAPPED = SlotWord(AT, 97)


def router(detector: Closure | None = None, **loupe: bytes) -> World:
    """Returns a contract that reverts at unknown functions, and runs a facet (which asks the beacon) for one."""
    world = World(detector)
    world.answers = {
        ASKED: ((AT, (98,)),), SlotWord(AT, 98): 0, CodeHash(AT): 9,
        TouchedState(AT, SERVED): ((AT, (97,)), (FACET, ()), (BEACON, (1,)), (LAST, ())),
        MAPPED: number_of(FACET), FURTHER: number_of(LAST),
        **{PathCode(one): 9 for one in (FACET, OTHER, BEACON, LAST, NEXT)},
        **{CallBytes(AT, FACETS): body for body in loupe.values()},
    }  # fmt: skip
    return world


def served(old: str | None, new: Address, number: int, *, gained: str = SERVED, lost: str = "") -> ContractUpgraded:
    return upgraded(
        block(number),
        Upgrade(
            contract=AT, kind="pendle", role=Role.FACET, old=old, new=new, seen_by=SeenBy.LOG,
            gained=(gained,) if gained else (), lost=(lost,) if lost else (),
        ),
    )  # fmt: skip


def test_a_loupe_names_the_functions_whose_paths_are_followed() -> None:
    world = router(loupe=table_body({number_of(FACET): (SERVED, "0x55667788"), number_of(AT): ("0x99999999",)}))
    found = world.detector.on_block(block(1, state=world.answers), ())
    assert found == []
    assert TouchedState(AT, SERVED) in world.detector.reads().state
    assert TouchedState(AT, "0x99999999") not in world.detector.reads().state
    world.number = 1
    world.settled()
    assert world.detector.reads().state == {MAPPED, FURTHER, *(PathCode(one) for one in (FACET, BEACON, LAST))}
    world.answers[PathCode(FACET)] = 11
    assert world.step() == [(Role.CODE, topic(9), topic(11), FACET, SeenBy.CODE)]


def test_a_facet_that_a_log_named_is_followed_and_a_silent_write_of_its_mapping_is_a_facet() -> None:
    world = router()
    world.settled()
    world.step(served(None, FACET, world.number + 1))
    world.settled().settled()
    world.answers[MAPPED] = number_of(OTHER)
    [event] = world.detector.on_block(world.made(), ())
    assert isinstance(event, ContractUpgraded)
    assert (event.role, event.old, event.new, event.holder) == (Role.FACET, FACET, OTHER, None)
    assert (event.gained, event.lost) == ((SERVED,), (SERVED,))


def test_a_function_that_is_no_longer_served_is_not_called() -> None:
    world = router()
    world.settled()
    world.step(served(None, FACET, world.number + 1))
    world.step(served(FACET, Address("0x" + "0" * 40), world.number + 1, gained="", lost=SERVED))
    world.settled()
    assert not any(isinstance(one, TouchedState | PathCode) for one in world.detector.reads().state)


def test_the_facets_that_are_followed_are_bounded() -> None:
    many = [Address(f"0x{0xFACE00 + at:040x}") for at in range(closure.MAX_FUNCTIONS + 3)]
    world = router()
    world.settled()
    for at, facet in enumerate(many):
        world.step(served(None, facet, world.number + 1, gained=f"0x{at + 1:08x}"))
    asked = {one.body for one in world.detector.reads().state if isinstance(one, TouchedState)}
    assert len(asked) == 1 + closure.MAX_FUNCTIONS
