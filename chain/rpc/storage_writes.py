"""Every write of watched storage places inside a block, asked of a node's traces: what a flip set back leaves no other sign of.

Three means, the best first. A tracer of our own (JavaScript, run inside the node: geth, reth, erigon, anvil) gives every
write, also two of one place in one transaction; a node's diffs by transaction (prestateTracer in diff mode, else the
stateDiff of a replay: erigon, nethermind, reth) give what each transaction left behind. Writes of frames that reverted
count nowhere. What a node has is learned by asking; one that has none, or is too slow at it, is asked for less. No I/O.
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
"""How long a block waits for its traces; then it goes on without."""
MAX_MISSES = 3
"""Blocks in a row without an answer to what was asked, after which the next lesser means is tried."""
RETRY_BLOCKS = 1024
"""Blocks after which a node without traces is tried again."""
MAX_WRITES = 4096
"""Of watched places in one transaction: more than honest ones make in a year."""
MAX_FLIPS = 32
"""Writes of one place in one block that are told one by one; of more, the first ones and the last."""
MAX_TRACED = 8
"""Blocks whose traces are asked in one request when catching up."""


class TraceMethod(IntEnum):
    """How a node gives writes, the best first."""

    TRACER = 0
    DIFFS = 1
    REPLAY = 2
    NONE = 3


NOTICES = {
    TraceMethod.DIFFS: "no tracers, diffs only: a change set back within one transaction would not be seen",
    TraceMethod.REPLAY: "no tracers, diffs only: a change set back within one transaction would not be seen",
    TraceMethod.NONE: "no traces: a change set back within one block would not be seen",
}
NOT_ASKED = "traces are not asked of it: a change set back within one block would not be seen"


@dataclass(slots=True)
class Tracing:
    """What was learned of one node's traces. `lost` counts blocks that went on without what was asked."""

    method: TraceMethod = TraceMethod.TRACER
    never: bool = False
    lost: int = 0
    _strikes: int = 0
    _rested: int = 0
    _well: bool = False
    _reported: str = ""

    def asks(self, blocks: int) -> bool:
        """Whether it is to be asked for the writes in these blocks. One that had none is tried again after a long while."""
        if self.method is TraceMethod.NONE and not self.never:
            self._rested += blocks
            if self._rested >= RETRY_BLOCKS:
                self.method, self._rested = TraceMethod.TRACER, 0
        return self.method is not TraceMethod.NONE

    def record(self, *, understood: bool) -> None:
        """Take whether a block's writes were given."""
        self._well = self._well or understood
        self._strikes = 0 if understood else self._strikes + 1
        self.lost += not understood
        if self._strikes >= MAX_MISSES:
            self.downgrade()

    def downgrade(self) -> None:
        """Ask for the next lesser means from now on."""
        self.method, self._strikes, self._well = TraceMethod(self.method + 1), 0, False

    def off(self, *, reported: bool = True) -> None:
        """Never ask; `reported`: and name the node for it, which an operator who chose so needs not hear."""
        self.method, self.never = TraceMethod.NONE, True
        self._reported = self._reported if reported else NOT_ASKED

    def notice(self) -> str | None:
        """What to say of the node, each thing once; a lesser means is named when it has answered."""
        notice = NOT_ASKED if self.never else NOTICES.get(self.method, "")
        if notice == self._reported or not (self._well or self.method is TraceMethod.NONE):
            return None
        self._reported = notice
        return notice or None


def writes_asks(method: TraceMethod, places: frozenset[SlotWord], header: Header) -> list[Ask]:
    """The questions for all writes in one block."""
    if method is TraceMethod.NONE:
        return []
    if method is TraceMethod.REPLAY:  # knows numbers only: the header beside it tells of which block they are
        return [("trace_replayBlockTransactions", [hex(header.number), ["stateDiff"]]), header_ask(header.number)]
    how: dict[str, Any] = {"tracer": tracer(places)}
    if method is TraceMethod.DIFFS:
        how = {"tracer": "prestateTracer", "tracerConfig": {"diffMode": True}}
    return [("debug_traceBlockByHash", [header.hash, how | {"timeout": "1s"}])]


def writes_of(
    method: TraceMethod, places: frozenset[SlotWord], header: Header, answers: Sequence[Any]
) -> tuple[Write, ...] | None:
    """The writes in order; None where that is no answer, or one of its transactions could not be traced."""
    try:
        if method is TraceMethod.REPLAY and header_of(answers[1]).hash != header.hash:
            return None
        read = {TraceMethod.TRACER: _traced, TraceMethod.DIFFS: _diffs, TraceMethod.REPLAY: _replayed}[method]
        found = [write for one in _each(answered(answers[0])) for write in read(one)]
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, NodeFailure):
        return None
    return tuple(_bounded(write for write in found if SlotWord(write.address, write.slot) in places))


def contradicts(writes: Iterable[Write], state: StateRead) -> bool:
    """Whether a place ended the block with another word than was written there last: then the writes are not believed."""
    last = {SlotWord(write.address, write.slot): write.value for write in writes}
    return any(state.get(place) not in (None, value) for place, value in last.items())


def is_unsupported(method: TraceMethod, answer: Any) -> bool:
    """Whether the node does not know what it was asked: then it need not be asked again."""
    if isinstance(answer, Refusal):
        return answer.code in (-32601, -32602) or "not" in answer.message[:200].lower()
    failed = isinstance(answer, list) and answer and isinstance(answer[0], dict) and "error" in answer[0]
    return bool(failed and method is TraceMethod.TRACER and "timeout" not in str(answer[0]["error"])[:200])


def tracer(places: Iterable[SlotWord]) -> str:
    """The tracer's code. The addresses and slots are one long word each, searched only where something is written; a
    frame that fails takes the writes made in it, and in those below it, back.
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
    """A place that a transaction left empty is missing from what stands after it."""
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
    """Nothing that changes nothing; of a place written over and over, the first ones and the last."""
    told: dict[tuple[Address, int], list[int]] = {}
    kept: dict[int, Write] = {}
    for at, write in enumerate(writes):
        mine = told.setdefault((write.address, write.slot), [])
        if mine and kept[mine[-1]].value == write.value:
            continue
        if len(mine) >= MAX_FLIPS:
            del kept[mine.pop()]
        mine.append(at)
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
