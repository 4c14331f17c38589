"""Inspects an address in three batches of requests: kind of proxy, target, controllers and their delay, the time of the last
change, and the functions that it added and removed.

The first batch makes the reads of all kinds at the address itself, the second reads the addresses in its roles, the third reads
their owners. The declarations in chain/proxies judge the answers. A part that a node refuses (a range of logs, pruned state) is
left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chain import networks
from chain.behaviour.declared import TARGETS as TARGET_ROLES
from chain.blocks.abi import address_of
from chain.blocks.block import Header
from chain.blocks.reads import AnyRead, CallBytes, CallWord, StateRead
from chain.bytecode.code import Code
from chain.bytecode.diff import changed
from chain.bytecode.reader import CodeReader
from chain.events import Address, NetworkId, Role
from chain.events.network import NodeFaultKind
from chain.events.upgrades import CodeChange
from chain.explorers.answers import SourceSeen
from chain.inspection.change_logs import TARGETS, LoggedChange, log_of, logs_ask, reports, targets
from chain.inspection.controllers import OWNER, Controller, controllers, profile
from chain.inspection.delegation import Delegated, first_reads, judged, next_reads
from chain.nodes.group import NodeGroup
from chain.nodes.node import Node
from chain.proxies.diamonds import CUTS
from chain.proxies.kind import ProxyKind
from chain.proxies.kinds import every
from chain.proxies.recognition import Recognised, asked_first, asked_next, credible, recognised, roles_of, table_of
from chain.rpc.errors import AnswerTooLong, NodeFailure, Refusal
from chain.rpc.messages import Ask, header_ask, header_of, read_ask, read_of
from chain.rpc.multicall import single_ask, single_of

MAX_LOGS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """Holds the last change that a log reports, and the number of changes that logs report."""

    block_number: int
    block_time: datetime | None
    transaction: str
    changes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """Describes an address at a block. `kind` is None if it is no known proxy.

    `controllers` go from the proxy outwards; `delay_s` is the delay of a change there (None: not known). `delegated` is where
    its calls really ran. `functions` counts its functions; `last_change` compares the code of the last two targets that logs
    report. `links` lead to verified source of the target; `sources` is what explorers have for the target and the `previous`
    one, if the operator wants that look-up.
    """

    network: NetworkId
    address: Address
    block_number: int
    block_time: datetime
    code_size: int
    kind: str | None
    source: str | None
    fixed: bool
    roles: dict[Role, Address]
    controllers: tuple[Controller, ...]
    delay_s: int | None
    functions: int | None
    facets: dict[Address, int]
    since: Since | None
    last_change: CodeChange | None
    delegated: Delegated
    links: tuple[str, ...] = ()
    previous: Address | None = None
    sources: tuple[SourceSeen, ...] = ()


async def inspect(nodes: NodeGroup, network: NetworkId, address: Address) -> Inspection:
    """Inspect an address in at most three batches. Raises NodeFailure if no node answers."""
    return await nodes.first(_Inspecting(network, address).ask)


class _Inspecting:
    def __init__(self, network: NetworkId, address: Address) -> None:
        self._network = network
        self._address = address
        self._state = StateRead()
        self._codes: dict[Address, bytes] = {}
        self._read: dict[bytes, Code] = {}
        self._reader = CodeReader()
        self._truncating = False
        self._logs: list[LoggedChange] = []

    async def ask(self, node: Node) -> Inspection:
        """Request the three batches from this node and return the result."""
        try:
            return await self._batches(node)
        except AnswerTooLong:
            if self._truncating:
                raise
            self._truncating = True  # some code answers megabytes: fetch only the first words of each answer
            return await self._batches(node)

    async def _batches(self, node: Node) -> Inspection:
        self._state, self._codes, self._logs = StateRead(), {}, []
        head = await self._first(node)
        near = self._near()
        await self._more(node, head, self._second(near), {*near, *self._previous()}, near)
        found = self._found()
        far = {address for one in near for address in self._owners(one)} - near - {self._address}
        far |= set(found.roles.values()) - near if found else set()
        if far:
            reads: set[AnyRead] = {read for one in far for read in profile(one)}
            await self._more(node, head, reads, far, ())
            found = self._found()
        self._read = await self._reader.read(self._compared(found))
        return self._result(head, found)

    async def _first(self, node: Node) -> Header:
        at = self._address
        reads = sorted(asked_first(every(), at) | set(profile(at)) | first_reads(at), key=repr)
        asks: list[Ask] = [header_ask(None), ("eth_getCode", [self._address, "latest"]), logs_ask([self._address])]
        header, code, logs, *answers = await node.ask([*asks, *(self._request(read, "latest") for read in reads)])
        self._codes[self._address] = _code(code)
        self._add(reads, answers)
        self._add_logs(logs)
        return header_of(header)

    async def _more(
        self, node: Node, head: Header, reads: set[AnyRead], codes: Iterable[Address], log_sources: Iterable[Address]
    ) -> None:
        ordered, wanted = sorted(reads, key=repr), sorted(codes)
        asks: list[Ask] = [("eth_getCode", [one, {"blockHash": head.hash}]) for one in wanted]
        if log_addresses := sorted(log_sources):
            asks.append(logs_ask(log_addresses))
        asks += [self._request(read, {"blockHash": head.hash}) for read in ordered]
        last = self._logs[-1] if self._logs and self._logs[-1][2] is None and log_addresses else None
        if last:
            asks.append(header_ask(last[1]))
        answers = await node.ask(asks) if asks else []
        self._codes.update((one, _code(answer)) for one, answer in zip(wanted, answers, strict=False))
        rest = answers[len(wanted) :]
        if last and not isinstance(rest[-1], Refusal):
            time_s = int(header_of(rest[-1]).time.timestamp())
            self._logs = [(log, number, time_s if number == last[1] else time) for log, number, time in self._logs]
        if log_addresses:
            self._add_logs(rest.pop(0))
        self._add(ordered, rest[: len(ordered)])

    def _request(self, read: AnyRead, at: Any) -> Ask:
        if self._truncating and isinstance(read, CallWord | CallBytes):
            return single_ask(read, at)
        return read_ask(read, at)

    def _add(self, reads: Sequence[AnyRead], answers: Sequence[Any]) -> None:
        found: dict[AnyRead, object] = {}
        for read, answer in zip(reads, answers, strict=True):
            alone = self._truncating and isinstance(read, CallWord | CallBytes) and not isinstance(answer, Refusal)
            word = single_of(read, answer) if alone else read_of(read, answer)
            if word is not None:
                found[read] = word
        self._state = credible(self._state | StateRead(found))

    def _add_logs(self, answer: Any) -> None:
        """Add logs of the proxy or its beacon. If the node refuses the range, they stay unknown."""
        if isinstance(answer, Refusal):
            return
        try:
            logs = [log_of(one) for one in answer[-MAX_LOGS:]]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise NodeFailure(NodeFaultKind.MALFORMED, "not a list of logs") from error
        self._logs = sorted([*self._logs, *logs], key=lambda one: (one[1], one[0].index))

    def _found(self) -> Recognised | None:
        return recognised(every(), self._address, self._codes[self._address], self._state)

    def _near(self) -> set[Address]:
        """Return every address that a kind matching the code finds in a role, and the owner."""
        near = set(self._owners(self._address))
        for kind in every():
            roles = roles_of(kind, self._address, self._codes[self._address], self._state) or {}
            near.update(roles.values())
        return near - {self._address}

    def _second(self, near: set[Address]) -> set[AnyRead]:
        reads = asked_next(every(), self._address, self._codes[self._address], self._state)
        reads |= next_reads(self._address, self._targets(), self._state)
        return reads | {read for one in near for read in profile(one)}

    def _targets(self) -> set[Address]:
        """Return every target that a kind matching the code names."""
        found = (roles_of(kind, self._address, self._codes[self._address], self._state) or {} for kind in every())
        return {roles[role] for roles in found for role in TARGET_ROLES & roles.keys()}

    def _owners(self, address: Address) -> list[Address]:
        word = self._state.get(CallWord(address, OWNER)) or 0
        return [address_of(word)] if 0 < word < 1 << 160 else []

    def _previous(self) -> list[Address]:
        """Return the last two targets that the proxy's logs report."""
        return list(dict.fromkeys(targets(self._logs, every())))[-2:]

    def _result(self, head: Header, found: Recognised | None) -> Inspection:
        kind = found.kind if found else None
        roles: dict[Role, Address] = (
            {role: at for role, at in found.roles.items() if role != Role.TABLE} if found else {}
        )
        guards, delay_s = controllers(self._address, kind, roles, self._state, self._codes)
        table = _table(kind, self._address, self._state)
        target = roles.get(Role.IMPLEMENTATION, self._address)
        read = self._read[self._codes.get(target, b"")].selectors
        return Inspection(
            network=self._network,
            address=self._address,
            block_number=head.number,
            block_time=head.time,
            code_size=len(self._codes[self._address]),
            kind=kind.name if kind else None,
            source=kind.source if kind else None,
            fixed=bool(kind and kind.fixed),
            roles=roles,
            controllers=guards,
            delay_s=delay_s,
            functions=len(table) if table else None if read is None else len(read),
            facets={facet: list(table.values()).count(facet) for facet in sorted(set(table.values()))},
            since=self._since(kind, roles),
            last_change=self._last_change(kind),
            delegated=judged(self._address, {roles[role] for role in TARGET_ROLES & roles.keys()}, self._state),
            links=self._links(target),
            previous=next(iter(targets(self._logs, [kind] if kind else [])[-2:-1]), None),
        )

    def _since(self, kind: ProxyKind | None, roles: Mapping[Role, Address]) -> Since | None:
        if kind is None:
            return None
        specs = {spec.topic: spec for spec in kind.logs if spec.role in TARGETS}
        logs = [one for one in self._logs if one[0].topics[0] in CUTS or reports(specs, one[0], roles)]
        if not logs:
            return None
        log, number, time_s = logs[-1]
        return Since(
            block_number=number,
            block_time=None if time_s is None else datetime.fromtimestamp(time_s, UTC),
            transaction=log.transaction,
            changes=len(logs),
        )

    def _compared(self, found: Recognised | None) -> list[bytes]:
        """Return the codes to read: of the target, and of the last two targets that logs report."""
        roles = found.roles if found else {}
        addresses = [
            roles.get(Role.IMPLEMENTATION, self._address),
            *targets(self._logs, [found.kind] if found else [])[-2:],
        ]
        return [self._codes.get(one, b"") for one in addresses]

    def _last_change(self, kind: ProxyKind | None) -> CodeChange | None:
        known = targets(self._logs, [kind] if kind else [])
        if len(known) < 2 or not all(one in self._codes for one in known[-2:]):
            return None
        old, new = (self._read[self._codes[one]] for one in known[-2:])
        return changed(old, new, self._links(known[-1]))

    def _links(self, address: Address) -> tuple[str, ...]:
        known = self._network in networks.names() and bool(self._codes.get(address))
        return networks.declared(self._network).links(address) if known else ()


def _table(kind: ProxyKind | None, address: Address, state: StateRead) -> dict[str, Address]:
    for body in kind.tables if kind else ():
        if found := table_of(state, CallBytes(address, body)):
            return found
    return {}


def _code(answer: Any) -> bytes:
    if isinstance(answer, Refusal):
        raise answer.failure()
    try:
        return bytes.fromhex(answer.removeprefix("0x"))
    except (AttributeError, ValueError) as error:
        raise NodeFailure(NodeFaultKind.MALFORMED, "not hexadecimal") from error
