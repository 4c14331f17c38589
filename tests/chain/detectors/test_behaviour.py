"""Probes contracts block by block with answers built by hand: checks the next request and the events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec

from chain.behaviour.inquiry import HOUR_S
from chain.blocks.block import Write
from chain.blocks.delegates import Delegate
from chain.blocks.reads import (
    NO_CODE,
    AccountDelegate,
    AnyRead,
    CodeHash,
    RunsOneOf,
    SlotWord,
    TouchedState,
    TracedDelegates,
)
from chain.blocks.standards import NOBODY
from chain.detectors import behaviour
from chain.detectors.behaviour import EVERY, MAX_BEGUN, MAX_INQUIRIES, Behaviour
from chain.events import Address, BehaviourMismatch, PlacedEvent, ProbedBy, Role
from chain.events.upgrades import ContractUpgraded, SeenBy, UpgradeSaid
from chain.proxies.kinds import every
from chain.proxies.places import PlaceTable
from chain.proxies.upgrade_memory import Upgrade, upgraded
from chain.watch import Watch, WatchedContract
from tests.chain.builders import START, address, block, topic

SLOT, BEACON_SLOT = (
    0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC,
    0xA3F0AD74E5423AEBFD80D3EF4346578335A9A72AEAEE59FF6CB3582B35133D50,
)
IMPLEMENTATION = "0x5c60da1b"
P, A, B, C, BEACON = (address(at) for at in (0xABC, 0xAAAAA, 0xBBBBB, 0xCCCCC, 0xBEAC0))
CLAIM, CODED = SlotWord(P, SLOT), CodeHash(P)
FORM = PlaceTable(every())
Answers = Callable[[AnyRead], object | None]


def watching(*contracts: Address) -> Behaviour:
    return behaviour.make(Watch(contracts=tuple(WatchedContract(address=one) for one in contracts or (P,))))


class World:
    """A contract that names `claim` and runs `runs`, stored in `slot`; a detector receives it block by block."""

    def __init__(self, claim: Address | None = A, runs: Address = B, *, slot: bool = True) -> None:
        self.detector = watching()
        self.claim, self.runs, self.slot = claim, runs, slot
        self.traces = self.sentinels = self.lists = True
        self.named_by: Address | None = None
        self.state: dict[AnyRead, object] = {CODED: 1}
        self.number = 0
        self.asked: list[str] = []

    def answer(self, read: AnyRead) -> object | None:
        match read:
            case RunsOneOf():
                return (self.runs if self.runs in read.targets else NOBODY) if self.sentinels else None
            case TracedDelegates():
                return (Delegate(self.runs, self.named_by),) if self.traces else None
            case TouchedState():
                touched = ((P, (7,) if self.slot else ()), (self.runs, ()))
                return touched if (self.traces if read.traced else self.lists) else None
            case SlotWord(address=at, slot=7) if at == P:
                return int(self.runs, 16) << 8
        return self.state.get(read)

    def step(
        self, *earlier: PlacedEvent, probed: bool = True, writes: tuple[Write, ...] | None = None
    ) -> list[PlacedEvent]:
        self.number += 1
        if self.claim:
            self.state[CLAIM] = int(self.claim, 16)
        reads = self.detector.reads()
        wanted = reads.probes | reads.state if probed else reads.state
        self.asked.append(",".join(sorted({type(read).__name__ for read in reads.probes} & PROBES)))
        found = {read: word for read in wanted if (word := self.answer(read)) is not None}
        made = block(self.number, state={**self.state, **found}, after_s=self.number)
        return self.detector.on_block(replace(made, probed=probed, writes=writes), earlier)

    def steps(self, blocks: int = 8) -> list[Any]:
        return [summary_of(event) for _ in range(blocks * EVERY) for event in self.step()]


PROBES = {"RunsOneOf", "TracedDelegates", "TouchedState"}


def summary_of(event: PlacedEvent) -> tuple[Any, ...]:
    if isinstance(event, BehaviourMismatch):
        return (event.claimed, event.actual, event.probed_by, event.ended)
    assert isinstance(event, ContractUpgraded)
    return (event.old, event.new, event.seen_by)


def by_log(number: int, new: Address, role: Role = Role.IMPLEMENTATION) -> ContractUpgraded:
    change = Upgrade(contract=P, kind="eip1967", role=role, old=A, new=new, seen_by=SeenBy.LOG)
    return upgraded(block(number), change)


def test_an_honest_contract_costs_one_request_and_is_not_probed_again_before_its_time() -> None:
    world = World(A, A)
    assert world.steps() == []
    assert [one for one in world.asked if one] == ["RunsOneOf"]
    assert len(world.detector.memory()) < 80


def test_a_contract_that_runs_undeclared_code_is_reported_once_and_followed_by_its_slot() -> None:
    world = World()
    assert world.steps() == [((A,), B, ProbedBy.TRACE, False)]
    assert [one for one in world.asked if one] == ["RunsOneOf", "TracedDelegates", "TracedDelegates", "TouchedState"]
    world.runs = C
    assert world.steps() == [(B, C, SeenBy.SLOT), ((A,), C, ProbedBy.TRACE, False)]
    world.runs = A
    assert world.steps() == [(C, A, SeenBy.SLOT), ((A,), C, ProbedBy.SENTINEL, True)]
    assert world.steps() == []


def test_what_a_log_only_said_is_examined_by_behaviour_at_once() -> None:
    world = World(A, A)
    world.steps()
    before = len([one for one in world.asked if one])
    claimed = UpgradeSaid(
        place=block(world.number + 1).place(), seen_at=START, event_id="s", contract=P, proxy_kind="eip1967",
        role=Role.IMPLEMENTATION, said=C, held=A,
    )  # fmt: skip
    world.step(claimed)
    assert world.steps(2) == []
    assert len([one for one in world.asked if one]) == before + 1


def test_findings_survive_a_restart() -> None:
    world = World()
    world.steps(6)
    remembered = world.detector.memory()
    world.detector = watching()
    world.detector.recall(remembered)
    assert world.detector.memory() == remembered
    world.runs = C
    assert world.steps()[0] == (B, C, SeenBy.SLOT)


def test_without_sentinels_the_detector_uses_traces_and_without_traces_touched_state() -> None:
    world = World()
    world.sentinels = False
    assert world.steps() == [((A,), B, ProbedBy.TRACE, False)]
    world = World()
    world.traces = False
    assert world.steps(12) == [((A,), B, ProbedBy.SENTINEL, False)]
    world.runs = A
    assert world.steps(12) == [(B, A, SeenBy.SLOT), ((A,), B, ProbedBy.SENTINEL, True)]


def test_if_no_probe_is_answered_nothing_is_reported() -> None:
    world = World()
    world.traces = world.lists = False
    assert world.steps(12) == []
    world.sentinels = False
    world.step(by_log(20, B))
    assert world.steps(12) == []
    assert world.detector.reads().probes == frozenset()


def test_touched_accounts_besides_the_declared_ones_prove_nothing() -> None:
    world = World(A, A)
    world.sentinels = world.traces = False
    assert world.steps(12) == []


def test_a_change_starts_a_new_inquiry_and_a_block_without_state_starts_none() -> None:
    world = World()
    assert world.step(by_log(1, A)) == []
    assert world.step(by_log(2, A)) == []
    assert world.steps() == [((A,), B, ProbedBy.TRACE, False)]
    assert world.detector.on_block(block(99), ()) == []


def test_an_inquiry_waits_through_blocks_that_were_not_probed() -> None:
    world = World()
    for _ in range(9):
        assert world.step(probed=False) == []
    assert world.steps() == [((A,), B, ProbedBy.TRACE, False)]


def test_an_undeclared_target_is_followed_without_a_report_and_its_change_is_an_upgrade() -> None:
    world = World(None, B)
    assert world.steps() == []
    world.runs = C
    assert world.steps() == [(B, C, SeenBy.SLOT)]


def test_a_flip_of_a_found_slot_is_seen_by_its_writes_each_with_its_own_name() -> None:
    world = World(None, B)
    world.steps()
    values = (C, B, C, B)
    writes = tuple(Write(topic(1), P, 7, int(value, 16) << 8) for value in values)
    events = world.step(writes=(Write(topic(1), P, 8, 1), *writes))
    assert [summary_of(one) for one in events] == [
        (old, new, SeenBy.TRACE) for old, new in zip((B, *values), values, strict=False)
    ]
    assert len({one.event_id for one in events}) == 4


def test_without_a_slot_the_change_is_seen_at_the_next_inquiry() -> None:
    world = World(None, B, slot=False)
    world.steps()
    world.runs = C
    assert world.steps() == []
    world.number += HOUR_S
    assert world.steps() == [(B, C, SeenBy.BEHAVIOUR)]


def test_a_change_that_a_log_reported_is_not_reported_again() -> None:
    world = World(None, B)
    world.steps()
    world.runs = C
    assert world.step(by_log(20, C)) == []
    assert world.steps() == []
    world = World(None, B, slot=False)
    world.steps()
    world.runs = C
    assert world.step(by_log(20, BEACON, Role.DICTIONARY)) == []  # this gives the new target
    assert world.steps() == []


def test_a_slot_that_does_not_hold_the_target_is_not_followed() -> None:
    world = World(None, B)
    world.answer = lambda read: 5 if read == SlotWord(P, 7) else World.answer(world, read)  # type: ignore[method-assign]
    world.steps()
    assert world.detector.reads().state == frozenset()


def test_a_finding_that_changed_during_the_slot_read_is_left_unchanged() -> None:
    world = World(None, B)
    memory: dict[str, Any] = {"inquiries": {}}
    while memory["inquiries"].get(P, {}).get("stage") != "words" and world.number < 99:
        world.step()
        memory = msgspec.json.decode(world.detector.memory())
    memory["found"] = {}
    world.detector.recall(msgspec.json.encode(memory))
    assert world.steps() == []


def test_a_contract_that_starts_to_declare_its_target_is_no_longer_followed() -> None:
    world = World(None, B)
    world.steps()
    world.claim = B
    world.step(by_log(20, B))
    world.steps()
    assert world.detector.reads().state != frozenset()  # it still runs the target that was found
    world.sentinels = False
    world.step(by_log(30, B))
    world.steps()
    assert world.detector.reads().state == frozenset()


def test_a_withdrawn_declaration_ends_the_finding_and_the_running_code_is_followed() -> None:
    world = World()
    world.steps()
    world.claim = None
    world.state[CLAIM] = 0
    world.sentinels = False
    world.step(by_log(20, address(0)))
    assert world.steps() == [((A,), B, ProbedBy.TRACE, True)]
    assert world.detector.reads().state == {SlotWord(P, 7)}


def test_accounts_and_empty_addresses_are_not_probed() -> None:
    states: list[dict[AnyRead, object]] = [{CODED: NO_CODE}, {CODED: 1, AccountDelegate(P): 5}]
    for state in states:
        world = World()
        world.state = dict(state)
        world.steps()
        assert not any(world.asked)


def test_inquiries_are_spread_over_the_hour_and_never_many_at_once() -> None:
    many = [address(0x100000 + at) for at in range(300)]
    detector = watching(*many)
    begun: list[int] = []
    for number in range(1, 700):
        state: dict[AnyRead, object] = {CodeHash(one): 1 for one in many}
        state |= {read: () for read in detector.reads().probes if isinstance(read, TracedDelegates)}
        detector.on_block(replace(block(number, state=state, after_s=number * 12), probed=True), ())
        begun.append(len({read.address for read in detector.reads().probes if isinstance(read, TracedDelegates)}))
    assert max(begun) <= MAX_BEGUN * EVERY
    assert all(not any(begun[at : at + EVERY - 1]) for at in range(2, 600) if begun[at - 1])  # then a pause
    assert sum(begun[:80]) >= 300  # all of them soon after the start
    assert 280 <= sum(begun[350:650]) <= 320  # and then once an hour


def test_a_burst_of_changes_starts_a_bounded_number_of_inquiries() -> None:
    many = [address(0x100000 + at) for at in range(MAX_INQUIRIES + 20)]
    detector = watching(*many)
    one_of = Upgrade(contract=P, kind="eip1967", role=Role.IMPLEMENTATION, old=A, new=B, seen_by=SeenBy.LOG)
    changes = [upgraded(block(1), replace(one_of, contract=one)) for one in many]
    detector.on_block(block(1, state={CODED: 1}), changes)
    assert len({read.address for read in detector.reads().probes if isinstance(read, TracedDelegates)}) == MAX_INQUIRIES
    detector.on_block(block(2, state={CODED: 1}), [])
    assert behaviour.make(Watch()).on_block(block(1, state={CODED: 1}), []) == []
