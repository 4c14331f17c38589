"""Keeps the tables of watched diamonds and routers, and turns the logs and answers that change them into events. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from chain.blocks.block import Block, Log
from chain.blocks.reads import AnyRead
from chain.blocks.standards import NOBODY
from chain.events import Address, PlacedEvent, Role
from chain.events.upgrades import ContractUpgraded, SeenBy
from chain.proxies.diamonds import CUTS, changes_in, cut, swaps
from chain.proxies.places import PlaceTable
from chain.proxies.table_claims import answered_table, table_checks, table_steps
from chain.proxies.upgrade_memory import Upgrade, UpgradeMemory, facet_said, upgraded


class FacetTables:
    """The tables in `memory` of the contracts in `watched`, whose loupes `table` names."""

    def __init__(self, table: PlaceTable, watched: frozenset[Address], memory: UpgradeMemory) -> None:
        self._place_table = table
        self._watched = watched
        self._known = memory.tables

    def checks(self, block: Block) -> frozenset[AnyRead]:
        """The reads that may bear out the logs of this block."""
        wanted: set[AnyRead] = set()
        for contract, logs in self._cuts(block).items():
            wanted |= table_checks(block, self._place_table.loupes(contract), self._known.get(contract, {}), logs)
        return frozenset(wanted)

    def on_logs(self, block: Block) -> Iterator[PlacedEvent]:
        """The changes that logs report, as far as the state or a call bears them out, then what else moved in those tables."""
        for contract, logs in self._cuts(block).items():
            loupes = self._place_table.loupes(contract)
            after = answered_table(block, loupes)
            if contract not in self._known:  # what the logs do not speak of was there before
                named = {selector for log in logs for selector in changes_in(log)}
                self._known[contract] = {one: facet for one, facet in (after or {}).items() if one not in named}
            before = self._known[contract]
            for step in table_steps(block, loupes, before, logs):
                kind = CUTS[step.log.topics[0]]
                yield from self.changed(block, contract, kind, cut(self._known[contract], step.done), step.log)
                held = before if after is None else after
                for facet, selector in {facet: selector for selector, facet in step.said.items()}.items():
                    yield facet_said(block, kind, step.log, facet, held.get(selector))
            if after is not None:
                yield from self.changed(block, contract, CUTS[logs[0].topics[0]], after, None)
            if not self._known[contract]:
                del self._known[contract]

    def changed(
        self, block: Block, contract: Address, kind: str, table: Mapping[str, Address], log: Log | None
    ) -> Iterator[ContractUpgraded]:
        """The table is this one from here on, by this log or (None) by the state alone."""
        before, self._known[contract] = self._known.get(contract, {}), dict(table)
        for swap in swaps(before, table):
            upgrade = Upgrade(
                contract=contract,
                kind=kind,
                role=Role.FACET,
                old=swap.old,
                new=swap.new or NOBODY,
                seen_by=SeenBy.SLOT if log is None else SeenBy.LOG,
                at=log,
                gained=swap.selectors if swap.new else (),
                lost=swap.selectors if swap.old else (),
            )
            yield upgraded(block, upgrade)

    def _cuts(self, block: Block) -> dict[Address, list[Log]]:
        found: dict[Address, list[Log]] = {}
        for log in block.logs:
            if log.topics and log.topics[0] in CUTS and log.address in self._watched:
                found.setdefault(log.address, []).append(log)
        return found
