"""What logs say of a table is measured by the loupe after the block or, without one, by calls of the functions. Pure."""

from __future__ import annotations

from chain.blocks.block import Block
from chain.blocks.reads import AnyRead, CallBytes, RunsAs, StateRead
from chain.blocks.standards import NOBODY
from chain.proxies.diamonds import DIAMOND_CUT, FACETS
from chain.proxies.table_claims import MAX_CALLED, answered_table, table_checks, table_steps
from tests.chain.builders import address, block, log
from tests.chain.proxies.test_diamonds import AT, FIRST, ONE, SECOND, TWO, cut_body, table_body

LOUPE = CallBytes(AT, FACETS)
BEFORE = {FIRST: ONE}


def cuts(*changes: tuple[int, int, tuple[str, ...]], state: dict[AnyRead, object] | None = None) -> Block:
    """Returns a block with one log for each change."""
    logs = (log(AT, DIAMOND_CUT, body=cut_body(one), index=at) for at, one in enumerate(changes))
    return block(5, *logs, state=state)


def steps(found: Block) -> list[tuple[dict[str, str], dict[str, str]]]:
    return [(dict(one.done), dict(one.said)) for one in table_steps(found, [LOUPE], BEFORE, found.logs)]


def test_a_loupe_bears_a_cut_out_or_shows_that_it_was_only_said() -> None:
    done = cuts((2, 1, (FIRST,)), state={LOUPE: table_body({2: (FIRST,)})})
    assert table_checks(done, [LOUPE], BEFORE, done.logs) == set()
    assert steps(done) == [({FIRST: TWO}, {})]
    said = cuts((2, 1, (FIRST,)), state={LOUPE: table_body({1: (FIRST,)})})
    assert steps(said) == [({}, {FIRST: TWO})]
    half = cuts((2, 1, (FIRST, SECOND)), state={LOUPE: table_body({1: (FIRST,), 2: (SECOND,)})})
    assert steps(half) == [({SECOND: TWO}, {FIRST: TWO})]


def test_a_removal_that_the_loupe_still_serves_is_said() -> None:
    kept = cuts((0, 2, (FIRST,)), state={LOUPE: table_body({1: (FIRST,)})})
    assert steps(kept) == [({}, {FIRST: NOBODY})]
    gone = cuts((0, 2, (FIRST,)), state={LOUPE: table_body({2: (SECOND,)})})
    assert steps(gone) == [({FIRST: NOBODY}, {})]


def test_what_a_later_log_undoes_is_done_and_what_follows_the_last_truth_is_said() -> None:
    table: dict[AnyRead, object] = {LOUPE: table_body({1: (FIRST,)})}
    assert steps(cuts((2, 1, (FIRST,)), (1, 1, (FIRST,)), state=table)) == [({FIRST: TWO}, {}), ({FIRST: ONE}, {})]
    assert steps(cuts((1, 1, (FIRST,)), (2, 1, (FIRST,)), state=table)) == [({FIRST: ONE}, {}), ({}, {FIRST: TWO})]


def test_without_a_loupe_a_call_of_the_function_decides() -> None:
    far = address(0xFA << 90)
    change = (0xFA << 90, 1, (FIRST, SECOND))
    found = cuts(change)
    calls = {RunsAs(AT, one, selector) for one, selector in ((ONE, FIRST), (far, FIRST), (far, SECOND))}
    assert table_checks(found, [LOUPE], BEFORE, found.logs) == {LOUPE, *calls}
    ran: dict[AnyRead, object] = {
        RunsAs(AT, ONE, FIRST): NOBODY,
        RunsAs(AT, far, FIRST): AT,
        RunsAs(AT, far, SECOND): far,
    }
    assert steps(cuts(change, state=ran)) == [({FIRST: far, SECOND: far}, {})]
    old: dict[AnyRead, object] = {
        RunsAs(AT, ONE, FIRST): AT,
        RunsAs(AT, far, FIRST): NOBODY,
        RunsAs(AT, far, SECOND): NOBODY,
    }
    checked = Block(**{name: getattr(found, name) for name in found.__slots__} | {"checked": StateRead(old)})
    assert steps(checked) == [({}, {FIRST: far, SECOND: far})]
    unknown: dict[AnyRead, object] = {RunsAs(AT, far, FIRST): NOBODY}
    assert steps(cuts(change, state=unknown)) == [({FIRST: far, SECOND: far}, {})]


def test_a_facet_that_is_the_contract_itself_cannot_be_shown_and_counts() -> None:
    own = cuts((int(AT, 16), 0, (SECOND,)))
    assert table_checks(own, [LOUPE], {}, own.logs) == {LOUPE}
    assert steps(own) == [({SECOND: AT}, {})]


def test_of_many_functions_some_are_called_and_the_others_go_with_the_first_of_their_facet() -> None:
    many = tuple(f"0x{at:08x}" for at in range(1, 40))
    found = cuts((2, 0, many))
    calls = {one for one in table_checks(found, [LOUPE], {}, found.logs) if isinstance(one, RunsAs)}
    assert len(calls) == MAX_CALLED
    nothing: dict[AnyRead, object] = dict.fromkeys(calls, NOBODY)
    assert steps(cuts((2, 0, many), state=nothing)) == [({}, dict.fromkeys(many, TWO))]


def test_an_answer_that_is_no_table_is_none() -> None:
    assert answered_table(block(1, state={LOUPE: b"\1"}), [LOUPE]) is None
