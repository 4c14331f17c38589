"""Inspects an address in rounds of one batch each: kind of proxy, target, who can change it and after which delay, what waits
in its timelock, the time of the last change, and the functions that it added and removed.

The first batch makes the reads of all kinds at the address itself, the second reads the addresses in its roles, each further
one those who have power over the addresses before: three batches for a proxy whose admin somebody owns, four with a timelock
between. A longer chain costs one batch more for each holder, at most `MAX_ROUNDS`; where logs are refused, the search for the
last change costs up to thirteen. The declarations in chain/proxies judge the answers. A part that a node refuses (a range of
logs, pruned state) is left out, and named in `not_read`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from chain import networks
from chain.behaviour.declared import TARGETS as TARGET_ROLES
from chain.blocks.abi import address_of
from chain.blocks.block import Header
from chain.blocks.reads import AnyRead, CallBytes, CallWord, StateRead
from chain.bytecode.code import Code
from chain.bytecode.diff import changed
from chain.bytecode.reader import CodeReader
from chain.control import queue
from chain.control.queue import Pending
from chain.control.roles import Grant, granted, member_reads, members
from chain.events import Address, NetworkId, Role
from chain.events.upgrades import CodeChange
from chain.explorers.answers import SourceSeen
from chain.inspection.asking import Answers, Round
from chain.inspection.authority import Authority, Decider, Known, authorities, decider, to_examine
from chain.inspection.change_logs import TARGETS, LoggedChange, reports, targets
from chain.inspection.controllers import OWNER, Controller, classified, controllers, profile
from chain.inspection.delegation import PLACES, Delegated, first_reads, judged, next_reads
from chain.inspection.since import Found, LastChange
from chain.inspection.what_it_is import switches_of, what_code_is
from chain.nodes.group import NodeGroup
from chain.nodes.node import Node
from chain.proxies.diamonds import CUTS
from chain.proxies.kind import ProxyKind
from chain.proxies.kinds import every
from chain.proxies.recognition import Recognised, asked_first, asked_next, recognised, roles_of, table_of
from chain.rpc.errors import AnswerTooLong

MAX_ROUNDS = 8
MAX_EXAMINED = 8
"""Addresses that one round examines: with nine questions each they fit into one batch."""
QUEUES = frozenset({"timelock", "access_manager"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """Holds the last change that a log reports, and the number of changes that logs report.

    `found_by` is "logs"; where the node refuses the logs of all blocks, "state" (the block in which the target changed as its
    old state shows) or "ranges" (the logs of the newest blocks): earlier changes are not counted then. `transaction` is empty
    where no log of that block says it.
    """

    block_number: int
    block_time: datetime | None
    transaction: str
    changes: int
    found_by: str = "logs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """Describes an address at a block. `kind` is None if it is no known proxy.

    `what` is what it is besides: account, safe, timelock, access_manager, governor, proxy_admin, beacon, token, pool,
    pool_factory, nft, multicall (of a proxy: its target), contract, or None for an address without code or key that we know.
    `switches` are functions by which somebody can stop a token, or take or make units of it. `controllers` go from the proxy
    outwards; `delay_s` is the delay of a change there (None: not known). `authorities` are all who have power over it and over
    each other, `decided_by` the one who needs least, `pending` what waits in its timelocks. `delegated` is where its calls
    really ran. `functions` counts its functions; `last_change` compares the code of the last two targets that logs report.
    `unchanged_since` is the oldest block known to have the same target, where the last change was not found. `links` lead to
    verified source of the target; `sources` is what explorers have for the target and the `previous` one, if the operator wants
    that look-up. `not_read` names what the node refused: "logs", "roles", "queue". `event_kind` is the name by which
    events of upgrades call a kind that shares its places with others (eip1967 for eip1967_transparent).
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
    what: str | None = None
    switches: tuple[str, ...] = ()
    authorities: tuple[Authority, ...] = ()
    decided_by: Decider | None = None
    pending: tuple[Pending, ...] = ()
    unchanged_since: int | None = None
    not_read: tuple[str, ...] = ()
    event_kind: str | None = None


async def inspect(nodes: NodeGroup, network: NetworkId, address: Address) -> Inspection:
    """Inspect an address. Raises NodeFailure if no node answers."""
    return await nodes.first(_Inspecting(network, address).ask)


class _Inspecting:
    def __init__(self, network: NetworkId, address: Address) -> None:
        self._network = network
        self._address = address
        self._answers = Answers()
        self._read: dict[bytes, Code] = {}
        self._reader = CodeReader()

    async def ask(self, node: Node) -> Inspection:
        """Make all rounds at this node and return the result."""
        try:
            return await self._rounds(node, Answers())
        except AnswerTooLong:
            return await self._rounds(node, Answers(truncating=True))

    async def _rounds(self, node: Node, answers: Answers) -> Inspection:
        self._answers = answers
        at = self._address
        head = await answers.first(node, at, asked_first(every(), at) | set(profile(at)) | first_reads(at))
        near = self._near()
        codes = {*near, *self._previous()}
        await answers.more(node, head, Round(reads=self._second(near), codes=codes, change_logs=near, role_logs=near))
        for _ in range(MAX_ROUNDS):
            wanted = self._next()
            if not (wanted.reads or wanted.codes or wanted.sources):
                break
            await answers.more(node, head, wanted)
        found = self._found()
        late = await self._last_change_searched(node, head, found)
        self._read = await self._reader.read(self._compared(found))
        return self._result(head, found, late)

    def _next(self) -> Round:
        """What the answers so far lead to: holders not read yet, what confirms a grant, and what waits in a timelock."""
        answers, found = self._answers, self._found()
        tree = self._tree(found)
        far = {address for one in self._near() for address in self._owners(one)} - {self._address}
        far |= set(found.roles.values()) if found else set()
        far |= set(to_examine(tree, self._known()))
        examined = sorted(far - answers.codes.keys())[:MAX_EXAMINED]
        reads: set[AnyRead] = {read for one in examined for read in profile(one)}
        reads |= {one.question for grants in self._grants().values() for one in grants}
        reads |= {
            read
            for kind, at in answers.refused
            if kind == "role" and answers.codes.get(at)
            for read in member_reads(at)
        }
        reads |= queue.questions(self._waiting())
        locks = {one.address for one in tree if one.what in QUEUES}
        locks |= {self._address} if self._what(found) in QUEUES else set()
        return Round(
            reads=reads - answers.asked,
            codes=examined,
            role_logs=[one for one in examined if one not in answers.sought["role"]],
            queue_logs=locks - answers.sought["queue"],
        )

    def _known(self) -> Known:
        return Known(self._answers.state, self._answers.codes, self._grants())

    def _grants(self) -> Mapping[Address, Sequence[Grant]]:
        answers = self._answers
        found: dict[Address, Sequence[Grant]] = dict(granted(log for log, *_ in answers.logs["role"]))
        for kind, at in answers.refused:
            if kind == "role" and (listed := members(at, answers.state)):
                found[at] = listed
        return found

    def _tree(self, found: Recognised | None) -> tuple[Authority, ...]:
        return authorities(self._address, found.kind if found else None, _shown(found), self._known())

    def _waiting(self) -> tuple[Pending, ...]:
        return queue.pending(self._answers.logs["queue"])

    def _what(self, found: Recognised | None) -> str | None:
        """What the address is, or the target that it runs."""
        answers = self._answers
        plain = classified(self._address, answers.state, answers.codes)
        if plain.what not in ("contract", "nobody"):
            return plain.what
        target = found.roles.get(Role.IMPLEMENTATION, self._address) if found else self._address
        return what_code_is(answers.codes.get(target, b"")) or (plain.what if answers.codes[self._address] else None)

    async def _last_change_searched(self, node: Node, head: Header, found: Recognised | None) -> Found:
        """The last change where the node refuses the logs of all blocks."""
        answers = self._answers
        sources = tuple(sorted(at for kind, at in answers.refused if kind == "change"))
        if not sources or found is None or found.kind.fixed or any(answers.logs["change"]):
            return Found()
        roles = _shown(found)
        places = _places(found.kind, self._address, roles)
        now = {read: answers.state[read] for read in places if answers.state.get(read)}
        read, value = next(iter(now.items()), (None, None))
        specs = {spec.topic: spec for spec in found.kind.logs if spec.role in TARGETS}

        def counts(one: LoggedChange) -> bool:
            return one[0].topics[0] in CUTS or reports(specs, one[0], roles)

        search = LastChange(
            read=read, now=value, addresses=sources, counts=counts, refusal=answers.refused["change", sources[0]]
        )
        late = await search.search(node, head)
        answers.logs["change"] = sorted([*answers.logs["change"], *late.logs], key=lambda one: (one[1], one[0].index))
        return late

    def _found(self) -> Recognised | None:
        return recognised(every(), self._address, self._answers.codes[self._address], self._answers.state)

    def _near(self) -> set[Address]:
        """Return every address that a kind matching the code finds in a role, and the owner."""
        near = set(self._owners(self._address))
        for kind in every():
            roles = roles_of(kind, self._address, self._answers.codes[self._address], self._answers.state) or {}
            near.update(roles.values())
        return near - {self._address}

    def _second(self, near: set[Address]) -> set[AnyRead]:
        reads = asked_next(every(), self._address, self._answers.codes[self._address], self._answers.state)
        reads |= next_reads(self._address, self._targets(), self._answers.state)
        return reads | {read for one in near for read in profile(one)}

    def _targets(self) -> set[Address]:
        """Return every target that a kind matching the code names."""
        found = (
            roles_of(kind, self._address, self._answers.codes[self._address], self._answers.state) or {}
            for kind in every()
        )
        return {roles[role] for roles in found for role in TARGET_ROLES & roles.keys()}

    def _owners(self, address: Address) -> list[Address]:
        word = self._answers.state.get(CallWord(address, OWNER)) or 0
        return [address_of(word)] if 0 < word < 1 << 160 else []

    def _previous(self) -> list[Address]:
        """Return the last two targets that the proxy's logs report."""
        return list(dict.fromkeys(targets(self._answers.logs["change"], every())))[-2:]

    def _result(self, head: Header, found: Recognised | None, late: Found) -> Inspection:
        answers = self._answers
        kind, roles = found.kind if found else None, _shown(found)
        guards, delay_s = controllers(self._address, kind, roles, answers.state, answers.codes)
        table = _table(kind, self._address, answers.state)
        target = roles.get(Role.IMPLEMENTATION, self._address)
        read = self._read[answers.codes.get(target, b"")].selectors
        tree, what = self._tree(found), self._what(found)
        own_delay_s = classified(self._address, answers.state, answers.codes).delay_s
        return Inspection(
            network=self._network,
            address=self._address,
            block_number=head.number,
            block_time=head.time,
            code_size=len(answers.codes[self._address]),
            kind=kind.name if kind else None,
            source=kind.source if kind else None,
            fixed=bool(kind and kind.fixed),
            roles=roles,
            controllers=guards,
            delay_s=delay_s,
            functions=len(table) if table else None if read is None else len(read),
            facets={facet: list(table.values()).count(facet) for facet in sorted(set(table.values()))},
            since=self._since(kind, roles, late),
            last_change=self._last_change(kind),
            delegated=judged(self._address, {roles[role] for role in TARGET_ROLES & roles.keys()}, answers.state),
            links=self._links(target),
            previous=next(iter(targets(answers.logs["change"], [kind] if kind else [])[-2:-1]), None),
            what=what,
            switches=switches_of(answers.codes.get(target, b"")) if what == "token" else (),
            authorities=tree,
            decided_by=decider(tree, own_delay_s),
            pending=queue.confirmed(self._waiting(), answers.state),
            unchanged_since=late.unchanged_since,
            not_read=self._not_read(),
            event_kind=self._event_kind(kind, roles),
        )

    def _event_kind(self, kind: ProxyKind | None, roles: Mapping[Role, Address]) -> str | None:
        """The kind that upgrades of it are told by: that of the first place which holds its target."""
        if kind is None:
            return None
        held = (
            place.kind
            for place in PLACES.own_places(self._address)
            if place.role in TARGETS & roles.keys()
            and self._answers.state.get(place.read) == int(roles[Role(place.role)], 16)
        )
        return next(held, kind.name)

    def _not_read(self) -> tuple[str, ...]:
        """The kinds of logs that the node refused, in words of the result."""
        refused = {kind for kind, _ in self._answers.refused}
        return tuple(
            word for kind, word in (("change", "logs"), ("role", "roles"), ("queue", "queue")) if kind in refused
        )

    def _since(self, kind: ProxyKind | None, roles: Mapping[Role, Address], late: Found) -> Since | None:
        if kind is None:
            return None
        by_state = late.block_number is not None
        specs = {spec.topic: spec for spec in kind.logs if spec.role in TARGETS}
        logs = [
            one for one in self._answers.logs["change"] if one[0].topics[0] in CUTS or reports(specs, one[0], roles)
        ]
        if late.block_number is not None and not logs:
            return Since(
                block_number=late.block_number,
                block_time=_time(late.time_s),
                transaction="",
                changes=0,
                found_by="state",
            )
        if not logs:
            return None
        log, number, time_s = logs[-1]
        return Since(
            block_number=number,
            block_time=_time(late.time_s if time_s is None else time_s),
            transaction=log.transaction,
            changes=len(logs),
            found_by="state" if by_state else "ranges" if late.logs else "logs",
        )

    def _compared(self, found: Recognised | None) -> list[bytes]:
        """Return the codes to read: of the target, and of the last two targets that logs report."""
        roles = found.roles if found else {}
        addresses = [
            roles.get(Role.IMPLEMENTATION, self._address),
            *targets(self._answers.logs["change"], [found.kind] if found else [])[-2:],
        ]
        return [self._answers.codes.get(one, b"") for one in addresses]

    def _last_change(self, kind: ProxyKind | None) -> CodeChange | None:
        known = targets(self._answers.logs["change"], [kind] if kind else [])
        if len(known) < 2 or not all(one in self._answers.codes for one in known[-2:]):
            return None
        old, new = (self._read[self._answers.codes[one]] for one in known[-2:])
        return changed(old, new, self._links(known[-1]))

    def _links(self, address: Address) -> tuple[str, ...]:
        known = self._network in networks.names() and bool(self._answers.codes.get(address))
        return networks.declared(self._network).links(address) if known else ()


def _table(kind: ProxyKind | None, address: Address, state: StateRead) -> dict[str, Address]:
    for body in kind.tables if kind else ():
        if found := table_of(state, CallBytes(address, body)):
            return found
    return {}


def _shown(found: Recognised | None) -> dict[Role, Address]:
    return {role: at for role, at in found.roles.items() if role != Role.TABLE} if found else {}


def _time(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _places(kind: ProxyKind, address: Address, roles: Mapping[Role, Address]) -> list[AnyRead]:
    """The reads of the places that hold the present target."""
    wanted = TARGETS & roles.keys()
    found: list[AnyRead] = [place.read(address) for place in kind.slots if place.role in wanted]
    holders = {**roles, Role.PROXY: address}
    found += [call.read(holders[call.of], address) for call in kind.calls if call.role in wanted and call.of in holders]
    return found
