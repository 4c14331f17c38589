"""Finds which address watched contracts really delegate to, and reports where that is not the one they declare. If nothing
declares the target, the detector finds the slot that holds it and follows that slot.

An inquiry begins after every change and about once an hour. It takes a few blocks, for each question depends on the last
answer: sentinels in place of the declared targets (all contracts share a call); where these did not run, a trace of the
calls; where there are no traces, the accounts that the calls touched, and sentinels there. If a node cannot answer, the
inquiry ends without a report. Inquiries begin only where state is read, and are spread over the hour by address, so
that a thousand contracts add less than one question a block.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

import msgspec

from chain.behaviour.declared import MAX_CLAIMED, Finding, bodies, declared, holding, judge
from chain.behaviour.inquiry import (
    EXPLAIN,
    SELECTOR,
    BrokenClaim,
    HiddenTarget,
    Inquiry,
    Question,
    asked,
    questions,
    ran,
    turns,
)
from chain.blocks.abi import address_of
from chain.blocks.block import Block, Write
from chain.blocks.delegates import NEUTRAL, PRECOMPILED, Delegate, Touched
from chain.blocks.reads import NO_CODE, AnyRead, CodeHash, Read, Reads, RunsOneOf, SlotWord, TouchedState
from chain.blocks.standards import NOBODY
from chain.events import Address, BehaviourMismatch, PlacedEvent, ProbedBy, Role
from chain.events.upgrades import ContractUpgraded, SeenBy, UpgradeSaid
from chain.proxies.kinds import every
from chain.proxies.places import PlaceTable
from chain.proxies.upgrade_memory import SilentRepeats, Upgrade, upgraded
from chain.watch import Watch

T = TypeVar("T")

STAGE = 2

EVERY = 4
"""Blocks from one question to the next, so that many inquiries share one question."""
MAX_BEGUN = 5
"""Inquiries that begin in one block because they are due."""
MAX_INQUIRIES = 64
MAX_TRIES = 2
"""Blocks that were asked and did not answer, after which a question is given up."""
MAX_CANDIDATES = 8
MAX_WORDS = 32


class _Memory(msgspec.Struct):
    number: int = 0  # of the last block
    asked: int = -EVERY  # of the last block that was asked
    mark_s: float | None = None  # inquiries due up to here were begun
    inquiries: dict[str, Inquiry] = {}
    found: dict[str, HiddenTarget] = {}


class Behaviour:
    """One network's watched contracts."""

    def __init__(self, watch: Watch) -> None:
        self._contracts = tuple(dict.fromkeys(contract.address for contract in watch.contracts))
        self._watched = frozenset(self._contracts)
        self._place_table = PlaceTable(every())
        self._memory = _Memory()
        self._reads: Reads | None = None
        self._open = True
        self._silent = SilentRepeats()

    def reads(self) -> Reads:
        """The slots that were found and, when it is time, the questions of the inquiries under way."""
        if self._open != self._is_open(self._memory.number + 1):
            self._open, self._reads = not self._open, None
        if self._reads is None:
            slots = frozenset(
                SlotWord(Address(one.at[0]), one.at[1]) for one in self._memory.found.values() if one.at is not None
            )
            inquiries = self._memory.inquiries if self._open else {}
            probes = [
                read for at, inquiry in inquiries.items() for read in asked(inquiry, Address(at), self._place_table)
            ]
            self._reads = Reads(state=slots, deferrable=slots, writes=slots, probes=frozenset(probes))
        return self._reads

    def on_block(self, block: Block, earlier: Sequence[PlacedEvent]) -> list[PlacedEvent]:
        """Changes of the slots that were found, then the results of the inquiries; begins new inquiries."""
        self._silent.clear()
        upgrades = [one for one in earlier if isinstance(one, ContractUpgraded) and one.contract in self._watched]
        own = [*self._followed(block, upgrades)]
        found: list[PlacedEvent] = [*own]
        changed = {one.contract for one in (*upgrades, *own)}
        was_read = bool(block.state) or block.probed
        answering = list(self._memory.inquiries.items()) if was_read and self._is_open(block.header.number) else []
        for contract, inquiry in answering:
            if contract not in changed:
                found += self._on_answers(block, Address(contract), inquiry)
        if block.probed and answering:
            self._memory.asked = block.header.number
        self._memory.number = block.header.number
        if block.state:
            said = [one for one in earlier if isinstance(one, UpgradeSaid) and one.contract in self._watched]
            self._begin(block, upgrades, [*own, *said])
        return found

    def memory(self) -> bytes:
        """The inquiries under way, and what was found."""
        return msgspec.json.encode(self._memory, order="sorted")

    def recall(self, memory: bytes) -> None:
        """Restore the memory that `memory` gave."""
        self._memory = msgspec.json.decode(memory, type=_Memory)
        self._reads = None

    def _is_open(self, number: int) -> bool:
        return number >= self._memory.asked + EVERY

    # --- the slots that were found

    def _followed(self, block: Block, upgrades: Sequence[ContractUpgraded]) -> Iterator[ContractUpgraded]:
        known_changes = {(one.contract, one.new) for one in upgrades}
        for one in upgrades:
            known = self._memory.found.get(one.contract)
            if known and known.reported is None and one.role is Role.IMPLEMENTATION:
                known.actual = one.new
        for contract, found in self._memory.found.items():
            if found.at is None:
                continue
            address, slot, shift = found.at
            read = SlotWord(Address(address), slot)
            steps: list[tuple[int, Write | None]] = [
                (write.value, write) for write in block.writes or () if (write.address, write.slot) == (address, slot)
            ]
            if (word := block.state.get(read)) is not None:
                steps.append((word, None))
            for word, write in steps:
                new = address_of(word >> shift)
                if new != found.actual and (contract, new) not in known_changes:
                    seen_by = SeenBy.TRACE if write else SeenBy.SLOT
                    yield self._upgraded(block, Address(contract), found, new, seen_by, write)
                found.actual = new

    def _upgraded(
        self,
        block: Block,
        contract: Address,
        found: HiddenTarget,
        new: str,
        seen_by: SeenBy,
        write: Write | None = None,
    ) -> ContractUpgraded:
        upgrade = Upgrade(
            contract=contract,
            kind="hidden" if found.reported else "custom",
            role=Role.IMPLEMENTATION,
            old=found.actual,
            new=new,
            seen_by=seen_by,
            at=write,
        )
        return self._silent.numbered(upgraded(block, upgrade))

    # --- beginning an inquiry

    def _begin(
        self,
        block: Block,
        upgrades: Sequence[ContractUpgraded],
        doubtful: Sequence[ContractUpgraded | UpgradeSaid],
    ) -> None:
        for one in doubtful:
            self._inquire(block, one.contract)
        for one in upgrades:
            self._inquire(block, one.contract, explained=one.role in EXPLAIN)
        memory = self._memory
        most = min(MAX_BEGUN, MAX_INQUIRIES - len(memory.inquiries))
        due, memory.mark_s = turns(memory.mark_s, block.header.time.timestamp(), len(self._contracts), most)
        for contract in (self._contracts[at] for at in due):
            if contract not in memory.inquiries:
                self._inquire(block, contract)

    def _inquire(self, block: Block, contract: Address, *, explained: bool = False) -> None:
        self._drop(contract)
        what = declared(self._place_table, contract, block.state)
        if (
            what.account
            or block.state.get(CodeHash(contract)) == NO_CODE
            or len(self._memory.inquiries) >= MAX_INQUIRIES
        ):
            return
        found = self._memory.found.get(contract)
        targets = sorted(what.targets | ({Address(found.actual)} if found else set()))
        if targets and len(targets) <= MAX_CLAIMED:
            calls = [*bodies(what, block.header.hash, traced=False)]
            self._next(contract, Inquiry(Question.SENTINEL, bodies=calls, targets=[*targets], explained=explained))
        else:
            self._to_trace(block, contract, explained=explained)

    def _to_trace(self, block: Block, contract: Address, *, explained: bool) -> None:
        what = declared(self._place_table, contract, block.state)
        calls = [*bodies(what, block.header.hash, traced=True)]
        self._next(
            contract,
            Inquiry(Question.TRACE, bodies=calls, beacons=sorted(what.asked), traced=True, explained=explained),
        )

    def _next(self, contract: Address, inquiry: Inquiry) -> None:
        self._memory.inquiries[contract] = inquiry
        self._reads = None

    def _drop(self, contract: Address) -> None:
        if self._memory.inquiries.pop(contract, None) is not None:
            self._reads = None

    # --- an inquiry's answers

    def _on_answers(self, block: Block, contract: Address, inquiry: Inquiry) -> Iterator[PlacedEvent]:
        answered = [read for read in questions(inquiry, contract) if read in block.state]
        if not answered:
            inquiry.tries += block.probed
            if inquiry.tries < MAX_TRIES:
                return
        self._drop(contract)
        if inquiry.stage is Question.SENTINEL:
            yield from self._on_sentinels(block, contract, inquiry, _answers(block, answered, RunsOneOf))
        elif inquiry.stage is Question.TRACE and not answered:
            calls = [*inquiry.bodies[:1], *(body for body in inquiry.bodies[1:] if len(body) == SELECTOR)]
            self._next(
                contract, Inquiry(Question.TOUCH, bodies=calls, beacons=inquiry.beacons, explained=inquiry.explained)
            )
        elif inquiry.stage in (Question.TRACE, Question.CANDIDATES):
            yield from self._on_found(block, contract, inquiry, ran(answered, block.state))
        elif inquiry.stage is Question.TOUCH:
            self._on_touched(block, contract, inquiry, _answers(block, answered, TouchedState))
        elif inquiry.stage is Question.SLOTS:
            self._on_slots(contract, _answers(block, answered, TouchedState))
        else:
            slots = [read for read in answered if isinstance(read, SlotWord)]
            self._on_words(contract, {read: word for read in slots if (word := block.state.get(read)) is not None})

    def _on_sentinels(
        self, block: Block, contract: Address, inquiry: Inquiry, ran_as: Sequence[Address]
    ) -> Iterator[PlacedEvent]:
        """Ask nothing more if only believed targets ran."""
        hit = {one for one in ran_as if one != NOBODY}
        found = self._memory.found.get(contract)
        what = declared(self._place_table, contract, block.state)
        believed = {found.actual} if found else what.slots or set(what.getters.values())
        if len(ran_as) < len(inquiry.bodies) or NOBODY in ran_as:
            self._to_trace(block, contract, explained=inquiry.explained)
        elif found and found.reported and hit <= what.slots:
            yield self._ended(block, contract, found, ProbedBy.SENTINEL, len(ran_as))
        elif not hit <= believed or (found and found.reported and found.reported != found.finding):
            self._to_trace(block, contract, explained=inquiry.explained)

    def _on_touched(self, block: Block, contract: Address, inquiry: Inquiry, answers: Sequence[Touched]) -> None:
        touched = {at for answer in answers for at, _ in answer} - {contract, NEUTRAL, NOBODY}
        what = declared(self._place_table, contract, block.state)
        others = sorted(at for at in touched if int(at, 16) >= PRECOMPILED)[:MAX_CANDIDATES]
        if others and not touched & (what.slots | what.asked):
            self._next(
                contract, msgspec.structs.replace(inquiry, stage=Question.CANDIDATES, targets=[*others], proving=True)
            )

    def _on_found(
        self, block: Block, contract: Address, inquiry: Inquiry, delegates: Mapping[str, Sequence[Delegate]]
    ) -> Iterator[PlacedEvent]:
        judged = judge(declared(self._place_table, contract, block.state), delegates)
        by = ProbedBy.TRACE if inquiry.stage is Question.TRACE else ProbedBy.SENTINEL
        before = self._memory.found.get(contract)
        if judged.verdict is Finding.UNKNOWN:
            return
        if judged.actual is not None and not inquiry.proving:
            self._next(contract, msgspec.structs.replace(inquiry, proving=True, tries=0))
            return
        if before and before.reported and judged.verdict is not Finding.BROKEN:
            yield self._ended(block, contract, before, by, len(delegates))
        if judged.actual is None:
            self._memory.found.pop(contract, None)
            self._reads = None
            return
        now = HiddenTarget(judged.actual, judged.named_by or "", claimed=judged.claimed)
        same = before is not None and before.actual == now.actual
        if before and not same and not inquiry.explained:
            yield self._upgraded(block, contract, before, now.actual, SeenBy.BEHAVIOUR)
        now.at = before.at if before and same else None
        now.reported = now.finding if judged.verdict is Finding.BROKEN else None
        self._memory.found[contract] = now
        self._reads = None
        if now.reported and now.reported != (before.reported if before else None):
            yield self._mismatch(block, contract, now.reported, by, judged.probes)
        if not same:
            self._next(contract, Inquiry(Question.SLOTS, bodies=inquiry.bodies[:1], traced=inquiry.traced))

    def _on_slots(self, contract: Address, answers: Sequence[Touched]) -> None:
        slots = [(at, slot) for answer in answers for at, slots in answer for slot in slots]
        mine = sorted(dict.fromkeys(slots), key=lambda one: (one[0] != contract, *one))[:MAX_WORDS]
        if mine:
            self._next(contract, Inquiry(Question.WORDS, words=[(at, slot) for at, slot in mine]))

    def _on_words(self, contract: Address, words: dict[SlotWord, int]) -> None:
        found = self._memory.found.get(contract)
        if found is None:
            return
        holder = holding(words, Address(found.actual), [contract, Address(found.named_by)])
        if holder:
            slot, shift = holder
            found.at = (slot.address, slot.slot, shift)
            self._reads = None

    def _ended(
        self, block: Block, contract: Address, found: HiddenTarget, by: ProbedBy, probes: int
    ) -> BehaviourMismatch:
        self._memory.found.pop(contract, None)
        self._reads = None
        assert found.reported is not None, "only what was reported can end"
        return self._mismatch(block, contract, found.reported, by, probes, ended=True)

    def _mismatch(
        self, block: Block, contract: Address, claim: BrokenClaim, by: ProbedBy, probes: int, *, ended: bool = False
    ) -> BehaviourMismatch:
        return BehaviourMismatch(
            place=block.place(),
            seen_at=block.seen_at,
            event_id=block.event_id("-", "behaviour", contract, "kept" if ended else claim.actual),
            contract=contract,
            claimed=tuple(Address(one) for one in claim.claimed),
            actual=Address(claim.actual),
            probes=probes,
            probed_by=by,
            ended=ended,
        )


def _answers(block: Block, reads: Iterable[AnyRead], kind: type[Read[T]]) -> list[T]:
    """The answers to the reads of this kind."""
    found = (block.state.get(read) for read in reads if isinstance(read, kind))
    return [answer for answer in found if answer is not None]


def make(watch: Watch) -> Behaviour:
    """The detector for this watch."""
    return Behaviour(watch)
