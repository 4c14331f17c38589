"""Defines how a kind of timelock is declared: what each of its logs reports of an operation, and how it is recognised. Pure.

A kind declares `STEPS`: first topic -> a reader of that log. A reader raises Unreadable where the log is not what its
topic says. `MARKS` are getters that all answer at an address of this kind, so that it is recognised before its first log.
Kinds do not know each other; an operation's name is unique within its timelock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from chain.blocks.abi import selector_of
from chain.blocks.block import Log
from chain.control.call_data import DecodedCall, Foreseen


class Phase(StrEnum):
    """How far an operation is.

    PROPOSED: its calls are known, but it must still be voted on or queued. APPROVED: someone signed it on chain, its
    calls are not known. CONSUMED: it left the queue; the log does not say whether it was executed or cancelled.
    """

    PROPOSED = "proposed"
    APPROVED = "approved"
    QUEUED = "queued"
    EXECUTED = "executed"
    CANCELLED = "cancelled"
    CONSUMED = "consumed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one log reports of one operation.

    `foreseen`: the code changes its calls would make; `calls`: these calls themselves, as far as the log has them.
    `opaque`: it may do more than its calls say (a delegated call, a hash). `at_once`: it may run without having been
    announced on chain (a multisig). `until`: every operation up to this number ended in the same way. Earliest execution
    is `eta_s` (unix seconds), `delay_s` after the block, or block `eta_block`; without any of them, the block itself.
    """

    operation: str
    phase: Phase
    foreseen: tuple[Foreseen, ...] = ()
    opaque: bool = False
    at_once: bool = False
    eta_s: int | None = None
    delay_s: int | None = None
    eta_block: int | None = None
    calls: tuple[DecodedCall, ...] = ()
    until: int | None = None


Steps = Mapping[str, Callable[[Log], Step]]


def getter(signature: str) -> str:
    """The body of a call without arguments."""
    return f"0x{selector_of(signature).hex()}"


def number_of(operation: str) -> int | None:
    """The number of an operation that is named by one; None where its name is none."""
    try:
        return int(operation, 16)
    except ValueError:
        return None


def numbered(log: Log, phase: Phase) -> Step:
    """A step whose only argument that matters is the operation's number or hash, indexed or not."""
    return Step(operation=f"0x{log.word(0):064x}", phase=phase, opaque=True)


def executed(log: Log) -> Step:
    """Executed, by number alone."""
    return numbered(log, Phase.EXECUTED)


def cancelled(log: Log) -> Step:
    """Cancelled, by number alone."""
    return numbered(log, Phase.CANCELLED)
