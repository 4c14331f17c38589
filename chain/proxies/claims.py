"""Judges whether the state of a block bears out what a log in it says of a contract's code: done, not done, or not known. Pure.

A log is an assertion; the state is the fact. A value counts as done if a place of its role holds it after the block, if a trace
shows that it was written there, or if a call shows that the contract runs that code, wherever its address is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from chain.blocks.abi import address_of
from chain.blocks.block import Block, Log
from chain.blocks.reads import AnyRead, Read, Reads, RunsAs, SlotWord
from chain.blocks.standards import NOBODY
from chain.events import Address, Role
from chain.proxies.kind import MAX_ADDRESS, LogSpec, shown, worth_proving
from chain.proxies.places import PlaceTable, WatchedPlace, words_of

T = TypeVar("T")


class Verdict(StrEnum):
    """What the state of its block says of a log."""

    DONE = "done"
    NOT_DONE = "not_done"
    UNKNOWN = "unknown"
    """The state could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The log says that `contract` has `new` in the role of `spec`. `places` hold an address for it (see `claimed_places`)."""

    contract: Address
    kind: str
    spec: LogSpec
    new: Address
    log: Log
    places: tuple[Read[int], ...]

    @property
    def run(self) -> RunsAs | None:
        """The call that shows whether the contract runs that code; None if no call can."""
        own_code = self.spec.role is Role.IMPLEMENTATION and self.spec.of is Role.PROXY
        if not own_code or not worth_proving(self.contract, int(self.new, 16)):
            return None
        return RunsAs(self.contract, self.new)


def claimed_places(
    table: PlaceTable, contract: Address, spec: LogSpec, emitter: Address, proved: Iterable[WatchedPlace]
) -> tuple[Read[int], ...]:
    """The reads that may bear out such a log: the proxy's slots and `proved` places, or getters of the beacon that emitted it."""
    if spec.of is Role.PROXY:
        return (*table.plain_places(contract, spec), *words_of(proved))
    return words_of(where for where in table.via(spec.of, emitter) if where.role is spec.role)


def judged(block: Block, claim: Claim) -> Verdict:
    """Whether the block's state bears the log out. What a later log undoes counts as done, unless a trace shows otherwise."""
    words = [word for read in claim.places if (word := _answer(block, read)) is not None]
    values = {address_of(word) for word in words if word & MAX_ADDRESS}
    if claim.new == NOBODY:
        return Verdict.UNKNOWN if not words else Verdict.NOT_DONE if values else Verdict.DONE
    if claim.new in values or _runs(block, claim.run):
        return Verdict.DONE
    if not words and (claim.run is None or _answer(block, claim.run) is None):
        return Verdict.UNKNOWN
    undone = _written(block, claim) if block.writes is not None and values else _undone(block, claim, values)
    return Verdict.DONE if undone else Verdict.NOT_DONE


def held(block: Block, claim: Claim) -> Address | None:
    """What the places of the role hold after the block; None if they hold no address."""
    words = (_answer(block, read) for read in claim.places)
    return next((address_of(word) for word in words if word and word & MAX_ADDRESS), None)


def checks(block: Block, claims: Sequence[Claim]) -> Reads:
    """The reads that may still bear out these claims, and the writes where two logs of one contract speak of the same role."""
    open_claims = [one for one in claims if judged(block, one) is not Verdict.DONE]
    wanted: set[AnyRead] = {read for one in open_claims for read in (*one.places, one.run) if read is not None}
    state = frozenset(read for read in wanted if _answer(block, read) is None)
    several = {(one.contract, one.spec.role) for one in open_claims if _later(block, one)}
    places = {read for one in open_claims if (one.contract, one.spec.role) in several for read in one.places}
    writes = frozenset(read for read in places if isinstance(read, SlotWord))
    return Reads(state=state, writes=writes if block.writes is None else frozenset())


def _answer(block: Block, read: Read[T]) -> T | None:
    found = block.state.get(read)
    return block.checked.get(read) if found is None else found


def _runs(block: Block, run: RunsAs | None) -> bool:
    """Whether the contract runs that code: as its own, or by forwarding the call to it."""
    if run is None:
        return False
    answer = _answer(block, run)
    return shown(answer, run, forwards=False) or shown(answer, run, forwards=True)


def _written(block: Block, claim: Claim) -> bool:
    return any(
        SlotWord(one.address, one.slot) in claim.places and address_of(one.value) == claim.new
        for one in block.writes or ()
    )


def _later(block: Block, claim: Claim) -> list[Address]:
    """What later logs of the block say of the same."""
    log, position = claim.log, claim.spec.position or 0
    return [
        one.address_at(position)
        for one in block.logs
        if one.index > log.index and one.address == log.address and one.topics[:1] == log.topics[:1]
    ]


def _undone(block: Block, claim: Claim, values: set[Address]) -> bool:
    later = _later(block, claim)
    return any(new in values or _runs(block, RunsAs(claim.contract, new)) for new in later)
