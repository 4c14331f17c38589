"""Packs the probes of one block into a few requests: one call runs the calls of many contracts. No I/O.

The calling code is the one of `multicall.py`, set by state overrides; its calls are static. A probe is requested alone if it
cannot share a call (its contract is the target of another probe), or if the node does not support overrides for its kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from chain.blocks.block import Header
from chain.blocks.reads import AnyRead, RunsOneOf, TracedDelegates
from chain.blocks.standards import NOBODY
from chain.rpc.errors import NodeFailure, Refusal
from chain.rpc.messages import Ask, read_ask, read_of, sentinel
from chain.rpc.multicall import CALLER, FAILED

MAX_TOGETHER = 64
MAX_OVERRIDES = 256
PROBE_GAS_IN_BATCH = 300_000
"""Gas of one probe among many in a call."""
ANSWER = 96
"""Bytes of an answer that are returned: the length of a sentinel's answer."""


@dataclass(slots=True)
class SeparateProbes:
    """Holds the kinds of probes that a node must be asked for one by one."""

    kinds: set[type] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeBatch:
    """Holds the probes of one block: those packed together, then those requested alone."""

    header: Header
    together: tuple[tuple[AnyRead, ...], ...] = ()
    alone: tuple[AnyRead, ...] = ()

    @classmethod
    def of(cls, header: Header, probes: frozenset[AnyRead], separate_probes: SeparateProbes) -> ProbeBatch:
        """Pack the probes as this node accepts them, in a deterministic order."""
        ordered = sorted(probes, key=repr)
        together: list[tuple[AnyRead, ...]] = []
        for kind in (RunsOneOf, TracedDelegates):
            if kind not in separate_probes.kinds:
                together += _groups([read for read in ordered if isinstance(read, kind)])
        held = {read for some in together for read in some}
        return cls(header=header, together=tuple(together), alone=tuple(one for one in ordered if one not in held))

    @property
    def asks(self) -> list[Ask]:
        """The requests."""
        at = {"blockHash": self.header.hash}
        return [*(_ask(some, at) for some in self.together), *(read_ask(read, at) for read in self.alone)]

    def read(self, answers: Sequence[Any], separate_probes: SeparateProbes) -> dict[AnyRead, object]:
        """Decode the answers by read. A malformed answer is missing, and its kind of probe is requested alone from then on."""
        found: dict[AnyRead, object] = {}
        for some, answer in zip(self.together, answers, strict=False):
            words = _words(some, answer)
            if words is None:
                separate_probes.kinds.add(type(some[0]))
            found |= words or {}
        for read, answer in zip(self.alone, answers[len(self.together) :], strict=False):
            one = _alone(read, answer)
            if one is not None:
                found[read] = one
        return found


def _alone(read: AnyRead, answer: Any) -> object | None:
    try:
        return read_of(read, answer)
    except NodeFailure:
        return None


def _groups(reads: Iterable[AnyRead]) -> list[tuple[AnyRead, ...]]:
    """Group probes that may share a call: none calls a contract whose code another replaces. Others are left out."""
    groups: list[list[AnyRead]] = []
    called: set[str] = set()
    replaced: set[str] = set()
    for read in reads:
        targets = set(read.targets) if isinstance(read, RunsOneOf) else set()
        if read.address in replaced | targets or targets & called:
            continue
        if not groups or len(groups[-1]) >= MAX_TOGETHER or len(replaced | targets) > MAX_OVERRIDES:
            groups.append([])
            called, replaced = set(), set()
        groups[-1].append(read)
        called.add(read.address)
        replaced |= targets
    return [tuple(group) for group in groups if len(group) > 1]


def _ask(reads: Sequence[AnyRead], at: Any) -> Ask:
    body = b"".join(_item(read) for read in reads)
    call = {"to": NOBODY, "data": f"0x{body.hex()}"}
    overrides = {NOBODY: {"code": CALLER}}
    for read in reads:
        if isinstance(read, RunsOneOf):
            overrides |= {target: {"code": sentinel(target)} for target in read.targets}
    if isinstance(reads[0], RunsOneOf):
        return ("eth_call", [call, at, overrides])
    return ("debug_traceCall", [call, at, {"tracer": "callTracer", "timeout": "1s", "stateOverrides": overrides}])


def _item(read: AnyRead) -> bytes:
    assert isinstance(read, RunsOneOf | TracedDelegates)
    body = bytes.fromhex(read.body[2:])
    figures = b"".join(figure.to_bytes(4, "big") for figure in (len(body), ANSWER, PROBE_GAS_IN_BATCH))
    return bytes.fromhex(read.address[2:]) + figures + body


def _words(reads: Sequence[AnyRead], answer: Any) -> dict[AnyRead, object] | None:
    try:
        return _sentinel_answers(reads, answer) if isinstance(reads[0], RunsOneOf) else _traced(reads, answer)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _sentinel_answers(reads: Sequence[AnyRead], answer: Any) -> dict[AnyRead, object] | None:
    if isinstance(answer, Refusal):
        return None
    body, at = bytes.fromhex(answer[2:]), 0
    found: dict[AnyRead, object] = {}
    for read in reads:
        length = int.from_bytes(body[at : at + 32], "big")
        size = 0 if length == FAILED else min(length, ANSWER)
        if len(body) < at + 32 + size:
            return None
        assert isinstance(read, RunsOneOf)
        found[read] = read.sentinel(body[at + 32 : at + 32 + size])
        at += 32 + size
    return found if at == len(body) else None


def _traced(reads: Sequence[AnyRead], answer: Any) -> dict[AnyRead, object] | None:
    if isinstance(answer, Refusal):
        return None
    frames = [one for one in answer.get("calls") or () if one["type"] == "STATICCALL"]
    if [str(one["to"]).lower() for one in frames] != [read.address for read in reads]:
        return None
    return {read: read.decode(frame) for read, frame in zip(reads, frames, strict=True)}
