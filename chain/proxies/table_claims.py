"""Judges what logs say of a table of facets: the table that a loupe answers after the block is the fact; without a loupe, a
call of a function shows whose code it runs. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from chain.blocks.block import Block, Log
from chain.blocks.reads import AnyRead, CallBytes, RunsAs
from chain.blocks.standards import NOBODY
from chain.events import Address
from chain.proxies.diamonds import changes_in, read_table

MAX_CALLED = 16
"""Functions of a contract that are called in one block; of the others what the logs say counts."""

Table = Mapping[str, Address]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableStep:
    """What one log did to the table, and what it only said: selectors and their facets (`NOBODY`: removed)."""

    log: Log
    done: Table
    said: Table


def answered_table(block: Block, loupes: Iterable[CallBytes]) -> dict[str, Address] | None:
    """The table after the block; None where no loupe answered one."""
    for loupe in loupes:
        answer = block.state.get(loupe) or block.checked.get(loupe)
        if answer is not None and (table := read_table(answer, loupe.body)) is not None:
            return table
    return None


def table_checks(block: Block, loupes: Sequence[CallBytes], before: Table, logs: Sequence[Log]) -> set[AnyRead]:
    """The reads that may bear out these logs of one contract; none where a loupe has answered."""
    if answered_table(block, loupes) is not None:
        return set()
    said = _said(logs)
    calls = (call for selector in _called(said) for call in _calls(logs[0].address, said, before, selector))
    return {*loupes, *calls}


def table_steps(block: Block, loupes: Sequence[CallBytes], before: Table, logs: Sequence[Log]) -> list[TableStep]:
    """The steps of these logs of one contract, in their order. What a later log undoes counts as done."""
    table, said = answered_table(block, loupes), _said(logs)
    called = _called(said)
    found: list[TableStep] = []
    for at, (log, changes) in enumerate(zip(logs, said, strict=True)):
        first = _firsts(changes)
        done: dict[str, Address] = {}
        for selector, facet in changes.items():
            shown = selector if table is not None or selector in called else first[facet]
            if table is not None:
                holds: Address | None = table.get(shown, NOBODY)
            else:
                holds = _called_facet(log.address, block, _calls(log.address, said, before, shown))
            if holds is None or any(one.get(shown) == holds for one in said[at:]):
                done[selector] = facet
        wrong = {selector: facet for selector, facet in changes.items() if selector not in done}
        found.append(TableStep(log=log, done=done, said=wrong))
    return found


def _said(logs: Sequence[Log]) -> list[dict[str, Address]]:
    return [changes_in(log) for log in logs]


def _firsts(changes: Table) -> dict[Address, str]:
    """The first function of each facet."""
    found: dict[Address, str] = {}
    for selector, facet in changes.items():
        found.setdefault(facet, selector)
    return found


def _called(said: Sequence[Table]) -> list[str]:
    """The functions that are called: first one of each facet of each log, then others."""
    firsts = [selector for changes in said for selector in _firsts(changes).values()]
    others = [selector for changes in said for selector in changes]
    return list(dict.fromkeys([*firsts, *others]))[:MAX_CALLED]


def _calls(contract: Address, said: Sequence[Table], before: Table, selector: str) -> list[RunsAs]:
    """The calls that show which of the named facets a function runs; a facet that is the contract itself cannot be shown."""
    facets = [before.get(selector, NOBODY), *(changes.get(selector, NOBODY) for changes in said)]
    return [RunsAs(contract, one, selector) for one in dict.fromkeys(facets) if one not in (NOBODY, contract)]


def _called_facet(contract: Address, block: Block, calls: Sequence[RunsAs]) -> Address | None:
    """The facet that a call of the function runs; `NOBODY`: none of those named; None: not known."""
    answers = {call.target: _answer(block, call) for call in calls}
    ran = next((facet for facet, by in answers.items() if by in (contract, facet)), None)
    return ran or (None if None in answers.values() or not answers else NOBODY)


def _answer(block: Block, call: RunsAs) -> Address | None:
    found = block.state.get(call)
    return block.checked.get(call) if found is None else found
