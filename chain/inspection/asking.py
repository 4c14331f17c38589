"""Asks one node the questions of an inspection, one batch a round, and keeps all answers: state, codes, and three kinds of logs.

A part that the node refuses stays unknown and is named. An answer that is malformed is the node's failure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from chain.blocks.block import Header
from chain.blocks.reads import AnyRead, CallBytes, CallWord, StateRead
from chain.control import queue, roles
from chain.events import Address
from chain.events.network import NodeFaultKind
from chain.inspection.change_logs import TOPICS, LoggedChange, log_of, logs_ask
from chain.nodes.node import Node
from chain.proxies.recognition import credible
from chain.rpc.errors import NodeFailure, Refusal
from chain.rpc.messages import Ask, header_ask, header_of, read_ask, read_of
from chain.rpc.multicall import single_ask, single_of

MAX_LOGS = 10_000
_TOPICS = {"change": TOPICS, "role": roles.TOPICS, "queue": queue.TOPICS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """The questions of one batch: reads, codes, and the addresses whose logs are asked for."""

    reads: Iterable[AnyRead] = ()
    codes: Iterable[Address] = ()
    change_logs: Iterable[Address] = ()
    role_logs: Iterable[Address] = ()
    queue_logs: Iterable[Address] = ()

    @property
    def sources(self) -> tuple[tuple[str, list[Address]], ...]:
        """The kinds of logs that are asked for, each with its addresses."""
        given = (("change", self.change_logs), ("role", self.role_logs), ("queue", self.queue_logs))
        return tuple((kind, sorted(set(addresses))) for kind, addresses in given if addresses)


@dataclass(slots=True)
class Answers:
    """All answers so far. `asked` are all reads, answered or not; `refused` names the refusal of a kind of logs by address.

    `truncating`: some code answers megabytes, so only the first words of each answer are fetched.
    """

    truncating: bool = False
    state: StateRead = field(default_factory=StateRead)
    codes: dict[Address, bytes] = field(default_factory=dict)
    asked: set[AnyRead] = field(default_factory=set)
    logs: dict[str, list[LoggedChange]] = field(default_factory=lambda: {kind: [] for kind in _TOPICS})
    sought: dict[str, set[Address]] = field(default_factory=lambda: {kind: set() for kind in _TOPICS})
    refused: dict[tuple[str, Address], str] = field(default_factory=dict)

    async def first(self, node: Node, address: Address, reads: Iterable[AnyRead]) -> Header:
        """Ask for the head, and the address's own code, logs and reads there. Raises NodeFailure."""
        wanted = Round(reads=reads, codes=[address], change_logs=[address], role_logs=[address])
        answers = await node.ask([header_ask(None), *self._asks(wanted, "latest")])
        self._take(wanted, answers[1:])
        return header_of(answers[0])

    async def more(self, node: Node, head: Header, wanted: Round) -> None:
        """Ask all of it at the head. Raises NodeFailure."""
        asks = self._asks(wanted, {"blockHash": head.hash})
        logs = self.logs["change"]
        last = logs[-1] if wanted.change_logs and logs and logs[-1][2] is None else None
        if last:
            asks.append(header_ask(last[1]))
        answers = await node.ask(asks) if asks else []
        if last and not isinstance(answers[-1], Refusal):
            time_s = int(header_of(answers[-1]).time.timestamp())
            self.logs["change"] = [(log, at, time_s if at == last[1] else time) for log, at, time in logs]
        self._take(wanted, answers)

    def _asks(self, wanted: Round, at: Any) -> list[Ask]:
        asks: list[Ask] = [("eth_getCode", [one, at]) for one in sorted(wanted.codes)]
        asks += [logs_ask(addresses, topics=_TOPICS[kind]) for kind, addresses in wanted.sources]
        return asks + [self._request(read, at) for read in sorted(wanted.reads, key=repr)]

    def _take(self, wanted: Round, answers: Sequence[Any]) -> None:
        left = iter(answers)
        for address in sorted(wanted.codes):
            self.codes[address] = _code(next(left))
        for kind, addresses in wanted.sources:
            self._take_logs(kind, addresses, next(left))
        found: dict[AnyRead, object] = {}
        for read in sorted(wanted.reads, key=repr):
            answer = next(left)
            alone = self.truncating and isinstance(read, CallWord | CallBytes) and not isinstance(answer, Refusal)
            word = single_of(read, answer) if alone else read_of(read, answer)
            self.asked.add(read)
            if word is not None:
                found[read] = word
        self.state = credible(self.state | StateRead(found))

    def _take_logs(self, kind: str, addresses: Iterable[Address], answer: Any) -> None:
        """Add logs. If the node refuses the range, they stay unknown."""
        self.sought[kind].update(addresses)
        if isinstance(answer, Refusal):
            self.refused.update(((kind, one), answer.message) for one in addresses)
            return
        try:
            logs = [log_of(one) for one in answer[-MAX_LOGS:]]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise NodeFailure(NodeFaultKind.MALFORMED, "not a list of logs") from error
        self.logs[kind] = sorted([*self.logs[kind], *logs], key=lambda one: (one[1], one[0].index))

    def _request(self, read: AnyRead, at: Any) -> Ask:
        if self.truncating and isinstance(read, CallWord | CallBytes):
            return single_ask(read, at)
        return read_ask(read, at)


def _code(answer: Any) -> bytes:
    if isinstance(answer, Refusal):
        raise answer.failure()
    try:
        return bytes.fromhex(answer.removeprefix("0x"))
    except (AttributeError, ValueError) as error:
        raise NodeFailure(NodeFaultKind.MALFORMED, "not hexadecimal") from error
