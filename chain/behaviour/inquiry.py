"""Defines an inquiry about one contract: its stage, its next questions, and its result. Pure.

First sentinels in place of the declared targets; where these did not run, a trace of the calls; where there are no traces,
the accounts that the calls touched, and sentinels there; then, for an undeclared target, the slots that the call read, and
their words.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from enum import StrEnum

import msgspec

from chain.behaviour.declared import places
from chain.blocks.delegates import Delegate
from chain.blocks.reads import AnyRead, RunsOneOf, SlotWord, StateRead, TouchedState, TracedDelegates
from chain.blocks.standards import NOBODY
from chain.events import Address, Role
from chain.proxies.places import PlaceTable


class Question(StrEnum):
    """The question of an inquiry's stage."""

    SENTINEL = "sentinel"
    TRACE = "trace"
    TOUCH = "touch"
    CANDIDATES = "candidates"
    SLOTS = "slots"
    WORDS = "words"


SELECTOR = 10
"""Characters of call data that has a selector only: a getter's."""
EXPLAIN = frozenset({Role.BEACON, Role.DICTIONARY, Role.CODE, Role.FACET})
"""Roles whose reported change explains a new target."""
HOUR_S = 3600


class Inquiry(msgspec.Struct):
    """The stage of an inquiry: its question, the call data, the targets or slots asked about, the beacons also asked.

    `explained`: it began with a reported change, which explains a new target. `proving`: a finding is to be reported, and
    all that the contract might declare is first read in the same block.
    """

    stage: Question
    bodies: list[str] = []
    targets: list[str] = []
    words: list[tuple[str, int]] = []
    beacons: list[str] = []
    traced: bool = False
    explained: bool = False
    proving: bool = False
    tries: int = 0


class BrokenClaim(msgspec.Struct, frozen=True):
    """A contract declares the targets in `claimed` and delegates to `actual`."""

    claimed: tuple[str, ...]
    actual: str


class HiddenTarget(msgspec.Struct):
    """The target that a contract delegates to without declaring it. `at`: the slot that holds it, and how many bits up.

    `reported`: the broken claim that was reported last; None where the contract declares nothing.
    """

    actual: str
    named_by: str = ""
    reported: BrokenClaim | None = None
    claimed: tuple[str, ...] = ()
    at: tuple[str, int, int] | None = None

    @property
    def finding(self) -> BrokenClaim:
        """The claim that is broken now."""
        return BrokenClaim(self.claimed, self.actual)


def asked(inquiry: Inquiry, contract: Address, place_table: PlaceTable) -> list[AnyRead]:
    """All reads of the inquiry in the next block."""
    own = questions(inquiry, contract)
    if not inquiry.proving:
        return own
    via = (
        where.read
        for at in inquiry.beacons
        for role in place_table.asked_roles
        for where in place_table.via(role, Address(at))
    )
    return [*own, *places(place_table, contract, StateRead()), *via]


def questions(inquiry: Inquiry, contract: Address) -> list[AnyRead]:
    """The questions whose answers the inquiry waits for."""
    if inquiry.stage in (Question.SENTINEL, Question.CANDIDATES):
        targets = tuple(Address(one) for one in inquiry.targets)
        return [RunsOneOf(contract, body, targets) for body in inquiry.bodies]
    if inquiry.stage is Question.TRACE:
        return [TracedDelegates(contract, body) for body in inquiry.bodies]
    if inquiry.stage is Question.WORDS:
        return [SlotWord(Address(at), slot) for at, slot in inquiry.words]
    return [TouchedState(contract, body, traced=inquiry.traced) for body in inquiry.bodies]


def ran(reads: Iterable[AnyRead], state: StateRead) -> dict[str, tuple[Delegate, ...]]:
    """The targets that each call delegated to. A sentinel that did not run shows nothing."""
    traced: dict[str, tuple[Delegate, ...]] = {}
    by_sentinel: dict[str, tuple[Delegate, ...]] = {}
    for read in reads:
        if isinstance(read, TracedDelegates) and (delegates := state.get(read)) is not None:
            traced[read.body] = delegates
        elif isinstance(read, RunsOneOf) and (target := state.get(read) or NOBODY) != NOBODY:
            by_sentinel[read.body] = (Delegate(target),)
    return traced | by_sentinel


def turns(mark_s: float | None, now_s: float, count: int, most: int) -> tuple[list[int], float]:
    """The turns of `count` since `mark_s`, at most `most`, and the next mark: all get a turn in an hour, evenly spread."""
    if count == 0:
        return [], now_s
    each_s = HOUR_S / count
    since_s = max(now_s - HOUR_S if mark_s is None else mark_s, now_s - HOUR_S)
    first, last = math.floor(since_s / each_s) + 1, math.floor(now_s / each_s)
    end = min(first + max(most, 0), last + 1)
    return [turn % count for turn in range(first, end)], now_s if end > last else (end - 0.5) * each_s
