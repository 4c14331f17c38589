"""Reads every write to watched storage slots inside a block from a node's traces. A value that is changed and set back within
a block leaves no other sign.

There are three methods, the best first. Our own tracer (JavaScript that runs in the node: geth, reth, erigon, anvil) gives
every write, also two writes to one slot in one transaction. The diffs of each transaction (prestateTracer in diff mode, else
stateDiff of a replay: erigon, nethermind, reth) give the last value that each transaction wrote. Writes of reverted frames
never count. A node that does not support a method, or is too slow at it, is asked for the next one. No I/O.
Sources: geth, "Custom EVM tracer" and "Built-in tracers"; OpenEthereum, "The trace Module"; measured on anvil 1.7.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from chain.blocks.block import Header, Write
from chain.blocks.reads import SlotWord, StateRead
from chain.events import Address
from chain.rpc.errors import NodeFailure, Refusal, answered
from chain.rpc.messages import Ask, header_ask, header_of

TRACE_TIMEOUT_S = 2.0
"""Seconds that a block waits for its traces; then it continues without them."""
MAX_MISSES = 3
"""Blocks in a row without traces, after which the next method is tried."""
RETRY_BLOCKS = 1024
"""Blocks after which a node without traces is asked again."""
MAX_WRITES = 4096
"""Writes to watched slots in one transaction: more than honest contracts make in a year."""
MAX_FLIPS = 32
"""Writes to one slot in one block that are reported; beyond that, the first ones and the last."""
MAX_TRACED = 8
"""Blocks whose traces go into one request when we catch up."""


class TraceMethod(IntEnum):
    """How a node reports writes, the best method first."""

    TRACER = 0
    DIFFS = 1
    REPLAY = 2
    NONE = 3


NOTICES = {
    TraceMethod.DIFFS: "no tracers, diffs only: a change set back within one transaction would not be seen",
    TraceMethod.REPLAY: "no tracers, diffs only: a change set back within one transaction would not be seen",
    TraceMethod.NONE: "no traces: a change set back within one block would not be seen",
}
NOT_ASKED = "traces are not requested: a change set back within one block would not be seen"


@dataclass(slots=True)
class Tracing:
    """Tracks which trace method one node supports. `lost` counts blocks that continued without their traces."""

    method: TraceMethod = TraceMethod.TRACER
    never: bool = False
    lost: int = 0
    _missed: int = 0
    _skipped: int = 0
    _answered: bool = False
    _reported: str = ""

    def asks(self, blocks: int) -> bool:
        """Whether to request the writes of these blocks. A node without traces is asked again after `RETRY_BLOCKS`."""
        if self.method is TraceMethod.NONE and not self.never:
            self._skipped += blocks
            if self._skipped >= RETRY_BLOCKS:
                self.method, self._skipped = TraceMethod.TRACER, 0
        return self.method is not TraceMethod.NONE

    def record(self, *, understood: bool) -> None:
        """Record whether the node gave the writes of a block."""
        self._answered = self._answered or understood
        self._missed = 0 if understood else self._missed + 1
        self.lost += not understood
        if self._missed >= MAX_MISSES:
            self.downgrade()

    def downgrade(self) -> None:
        """Use the next method from now on."""
        self.method, self._missed, self._answered = TraceMethod(self.method + 1), 0, False

    def off(self, *, reported: bool = True) -> None:
        """Never request traces. `reported`: also report this; an operator who chose it does not need the report."""
        self.method, self.never = TraceMethod.NONE, True
        self._reported = self._reported if reported else NOT_ASKED

    def notice(self) -> str | None:
        """Return a new limitation to report, each one once; a weaker method is reported after its first answer."""
        notice = NOT_ASKED if self.never else NOTICES.get(self.method, "")
        if notice == self._reported or not (self._answered or self.method is TraceMethod.NONE):
            return None
        self._reported = notice
        return notice or None


def writes_asks(method: TraceMethod, places: frozenset[SlotWord], header: Header) -> list[Ask]:
    """Write the requests for all writes in one block."""
    if method is TraceMethod.NONE:
        return []
    if method is TraceMethod.REPLAY:  # takes only a number: the header tells which block it was
        return [("trace_replayBlockTransactions", [hex(header.number), ["stateDiff"]]), header_ask(header.number)]
    how: dict[str, Any] = {"tracer": tracer(places)}
    if method is TraceMethod.DIFFS:
        how = {"tracer": "prestateTracer", "tracerConfig": {"diffMode": True}}
    return [("debug_traceBlockByHash", [header.hash, how | {"timeout": "1s"}])]


def writes_of(
    method: TraceMethod, places: frozenset[SlotWord], header: Header, answers: Sequence[Any]
) -> tuple[Write, ...] | None:
    """Read the writes in order; None if the answer is malformed or one of its transactions could not be traced."""
    try:
        if method is TraceMethod.REPLAY and header_of(answers[1]).hash != header.hash:
            return None
        read = {TraceMethod.TRACER: _traced, TraceMethod.DIFFS: _diffs, TraceMethod.REPLAY: _replayed}[method]
        found = [write for one in _each(answered(answers[0])) for write in read(one)]
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, NodeFailure):
        return None
    return tuple(_bounded(write for write in found if SlotWord(write.address, write.slot) in places))


def contradicts(writes: Iterable[Write], state: StateRead) -> bool:
    """Whether a slot ended the block with another word than its last write. Then the writes are not believed."""
    last = {SlotWord(write.address, write.slot): write.value for write in writes}
    return any(state.get(place) not in (None, value) for place, value in last.items())


def is_unsupported(method: TraceMethod, answer: Any) -> bool:
    """Whether the node does not support this method, so that it is not requested again."""
    if isinstance(answer, Refusal):
        return answer.code in (-32601, -32602) or "not" in answer.message[:200].lower()
    failed = isinstance(answer, list) and answer and isinstance(answer[0], dict) and "error" in answer[0]
    return bool(failed and method is TraceMethod.TRACER and "timeout" not in str(answer[0]["error"])[:200])


def tracer(places: Iterable[SlotWord]) -> str:
    """Return the code of the tracer. The addresses and the slots are one long string each, searched only at a write. A frame
    that fails removes the writes made in it and in its calls.
    """
    addresses = "".join(sorted({place.address for place in places}))
    slots = "".join(sorted({f"x{place.slot:x};" for place in places if place.slot != int(place.address, 16)}))
    return (
        "{r:[],m:[],a:'" + addresses + "',s:'" + slots + "',"
        "step:function(l){if(l.op.toNumber()!=0x55||this.r.length>=" + str(MAX_WRITES) + ")return;"
        "var a=toHex(l.contract.getAddress());if(this.a.indexOf(a)<0)return;"
        "var s=l.stack.peek(0).toString(16);"
        "if(this.s.indexOf('x'+s+';')<0&&a.replace(/^0x0*/,'')!=s)return;"
        "this.r.push([a,s,l.stack.peek(1).toString(16)])},"
        "enter:function(){this.m.push(this.r.length)},"
        "exit:function(f){var m=this.m.pop();if(f.getError()!==undefined)this.r.length=m},"
        "fault:function(){},result:function(c){return c.error?[]:this.r}}"
    )


def _each(answer: Any) -> Iterator[Mapping[str, Any]]:
    for one in answer:
        if "error" in one:
            raise ValueError("a transaction that could not be traced")
        yield one


def _traced(one: Mapping[str, Any]) -> Iterator[Write]:
    transaction = _hash(one["txHash"])
    for address, slot, value in one["result"]:
        yield Write(transaction, Address(address.lower()), _word(slot), _word(value))


def _diffs(one: Mapping[str, Any]) -> Iterator[Write]:
    """Read the writes of one transaction from its diff. A slot that it left empty is missing in `post`."""
    transaction, before, after = _hash(one["txHash"]), one["result"]["pre"], one["result"]["post"]
    for address in {**before, **after}:
        was = before.get(address, {}).get("storage") or {}
        now = after.get(address, {}).get("storage") or {}
        if address in after:
            for slot in {**was, **now}:
                yield Write(transaction, Address(address.lower()), _word(slot), _word(now.get(slot, "0")))


def _replayed(one: Mapping[str, Any]) -> Iterator[Write]:
    transaction = _hash(one["transactionHash"])
    for address, changed in (one["stateDiff"] or {}).items():
        for slot, how in (changed.get("storage") or {}).items():
            if isinstance(how, dict):
                [(sign, what)] = how.items()
                value = what["to"] if sign == "*" else what if sign == "+" else "0"
                yield Write(transaction, Address(address.lower()), _word(slot), _word(value))


def _bounded(writes: Iterable[Write]) -> Iterator[Write]:
    """Drop writes that change nothing, and bound the writes of each slot to the first ones and the last."""
    places: dict[tuple[Address, int], list[int]] = {}
    kept: dict[int, Write] = {}
    for at, write in enumerate(writes):
        positions = places.setdefault((write.address, write.slot), [])
        if positions and kept[positions[-1]].value == write.value:
            continue
        if len(positions) >= MAX_FLIPS:
            del kept[positions.pop()]
        positions.append(at)
        kept[at] = write
    yield from kept.values()


def _word(text: str) -> int:
    found = int(text, 16)
    if not 0 <= found < 1 << 256:
        raise ValueError("not a word")
    return found


def _hash(text: str) -> str:
    if len(text) != 66 or int(text, 16) < 0:
        raise ValueError("not a hash")
    return text.lower()
