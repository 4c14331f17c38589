"""Finds what waits in a timelock: each operation that its logs queued and did not end, and the question whether it still waits.

Logs only name the operations: where the kind of timelock has a getter for one, its answer counts. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from chain.blocks.abi import Unreadable, selector_of
from chain.blocks.block import Log
from chain.blocks.reads import AnyRead, CallWord, StateRead
from chain.control import timelocks
from chain.control.call_data import foreseen
from chain.control.functions import function_of
from chain.control.operation import Phase, number_of
from chain.control.timelocks.zodiac_delay import NEXT
from chain.events import Address

MAX_PENDING = 16
"""Operations of one timelock that are told, the newest."""
MAX_CALLS = 8
"""Calls of one operation that are told."""
MAX_TIME_S = 4_102_444_800
"""The year 2100: a later time is none."""
SELECTOR = 4
_KINDS_TOLD = tuple(kind for kind in timelocks.kinds() if kind != "safe")
"""What a Safe's owners approve names no call, and its executions are many."""
_STATE = {
    "openzeppelin": "getTimestamp(bytes32)",
    "access_manager": "getSchedule(bytes32)",
    "compound": "queuedTransactions(bytes32)",
}
"""The getter of one operation: 0 where it does not wait (OpenZeppelin: 1 once it is done), else its time or 1."""
_TIMED = frozenset({"openzeppelin", "access_manager"})
MARKS = {kind: timelocks.marks()[kind] for kind in _KINDS_TOLD}
TOPICS = sorted(topic for kind in _KINDS_TOLD for topic in timelocks.steps_of(kind))


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingCall:
    """A call of an operation: its target, its selector ("0x" and 8 digits; "0x": none), and the function where it is known.

    `new` is the address that it would make the target run, if it upgrades it.
    """

    target: Address
    selector: str
    function: str | None = None
    new: Address | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """An operation that waits in a timelock since a block. `eta` is when it may run (None: not known, or any time).

    `calls` are the first `MAX_CALLS` of it. `confirmed`: the timelock's own getter says that it waits (None: not asked).
    """

    timelock: Address
    operation: str
    since_block: int
    eta: datetime | None
    calls: tuple[PendingCall, ...] = ()
    more_calls: int = 0
    confirmed: bool | None = None


QueueLog = tuple[Log, int, int | None]
"""A log with the number and the time (Unix seconds, if known) of its block."""


def pending(logs: Iterable[QueueLog]) -> tuple[Pending, ...]:
    """The operations that these logs (in order) queued and did not end, oldest first, at most `MAX_PENDING` a timelock."""
    proposed: dict[tuple[Address, str], tuple[PendingCall, ...]] = {}
    waiting: dict[tuple[Address, str], Pending] = {}
    readers = timelocks.steps()
    for log, number, time_s in logs:
        reader = readers.get(log.topics[0]) if log.topics else None
        if reader is None:
            continue
        try:
            step = reader(log)
        except (Unreadable, IndexError):  # another contract's log of the same name
            continue
        key = (log.address, step.operation)
        calls = tuple(_call(call.target, call.body) for call in step.calls)
        if step.phase is Phase.PROPOSED:
            proposed[key] = calls
        elif step.phase is Phase.QUEUED:
            before = waiting.get(key)
            eta_s = step.eta_s
            if eta_s is None and step.delay_s is not None and time_s is not None:
                eta_s = time_s + step.delay_s
            waiting[key] = Pending(
                timelock=log.address,
                operation=step.operation,
                since_block=before.since_block if before else number,
                eta=_time(eta_s),
                calls=(*(before.calls if before else proposed.get(key, ())), *calls),
            )
        elif step.phase is not Phase.APPROVED:
            waiting.pop(key, None)
            if step.until is not None:
                waiting = {
                    at: one for at, one in waiting.items() if at[0] != log.address or not _ended(at[1], step.until)
                }
    by_timelock: dict[Address, list[Pending]] = {}
    for one in waiting.values():
        cut = replace(one, calls=one.calls[:MAX_CALLS], more_calls=max(len(one.calls) - MAX_CALLS, 0))
        by_timelock.setdefault(one.timelock, []).append(cut)
    return tuple(one for some in by_timelock.values() for one in some[-MAX_PENDING:])


def questions(waiting: Iterable[Pending]) -> set[AnyRead]:
    """The reads that say whether these operations still wait: the getters of all kinds, because one of them answers, and the
    counter of Zodiac's queue, which runs them in the order of their numbers.
    """
    named = [one for one in waiting if len(one.operation) == 66]
    return {_read(one, kind) for one in named for kind in _STATE} | {CallWord(one.timelock, NEXT) for one in named}


def confirmed(waiting: Iterable[Pending], state: StateRead) -> tuple[Pending, ...]:
    """Those that still wait, with what the timelock itself says of them."""
    found: list[Pending] = []
    for one in waiting:
        counter = state.get(CallWord(one.timelock, NEXT))
        if counter is not None and _ended(one.operation, counter - 1):
            continue
        answers = {kind: word for kind in _STATE if (word := state.get(_read(one, kind))) is not None}
        kind, word = next(iter(answers.items()), (None, None))
        if kind is None or word is None:
            found.append(one)
        elif word > (1 if kind == "openzeppelin" else 0):
            found.append(replace(one, eta=(_time(word) if kind in _TIMED else None) or one.eta, confirmed=True))
    return tuple(found)


def _ended(operation: str, until: int) -> bool:
    """Whether an operation named by a number was ended with all those up to `until`."""
    number = number_of(operation)
    return number is not None and number <= until


def _read(one: Pending, kind: str) -> CallWord:
    return CallWord(one.timelock, f"0x{selector_of(_STATE[kind]).hex()}{one.operation[2:]}")


def _time(seconds: int | None) -> datetime | None:
    return None if seconds is None or not 0 < seconds < MAX_TIME_S else datetime.fromtimestamp(seconds, UTC)


def _call(target: Address, body: bytes) -> PendingCall:
    selector = f"0x{body[:SELECTOR].hex()}"
    new = next((one.new for one in foreseen(target, body)), None)
    return PendingCall(target=target, selector=selector, function=function_of(selector), new=new)
