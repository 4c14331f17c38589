"""Checks the state of a node after answers and failures, which nodes share a chain, and which logs are accepted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from chain.blocks import bloom
from chain.blocks.block import Header, Log
from chain.events.network import NodeFaultKind
from chain.nodes import forks
from chain.nodes.health import NodeState
from chain.nodes.log_quorum import judge
from chain.rpc.errors import NodeFailure
from tests.chain.builders import NETWORK, START, address, header, log, topic
from tests.chain.simulated import Chain, SimulatedNode

NULL, TIMEOUT = NodeFaultKind.NULL_BLOCK, NodeFaultKind.TIMEOUT


def node_state(**words: Any) -> NodeState:
    return NodeState(SimulatedNode("one", Chain(1)), **words)


def pause_s(one: NodeState) -> float:
    assert one.rest_until is not None
    return (one.rest_until - START).total_seconds()


def test_each_failure_in_a_row_doubles_the_pause_up_to_a_minute() -> None:
    one, found = node_state(), []
    for _ in range(12):
        one.failed(NodeFailure(TIMEOUT, ""), START)
        found.append(pause_s(one))
    assert found == [0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60]
    assert one.failures == 12
    one.succeeded(0.1)
    one.failed(NodeFailure(TIMEOUT, ""), START)
    assert pause_s(one) == 0.5, "an answer makes up for all of them"


@pytest.mark.parametrize("fault", [NodeFaultKind.RANGE_LIMIT, NodeFaultKind.BATCH_LIMIT])
def test_a_node_that_only_asks_for_smaller_requests_did_not_fail(fault: NodeFaultKind) -> None:
    one = node_state()
    one.failed(NodeFailure(fault, ""), START)
    assert (one.failures, one.errors, one.rest_until) == (0, 0.0, None)
    assert one.node.limits.max_asks == (50 if fault is NodeFaultKind.BATCH_LIMIT else 100)


def test_a_claimed_but_missing_block_counts_four_times_if_other_nodes_have_it() -> None:
    one = node_state()
    one.failed(NodeFailure(NULL, ""), START)
    one.succeeded(0.1, claim=True)
    one.failed(NodeFailure(NULL, ""), START)
    assert pause_s(one) == 1, "a claim of a head does not make up for the block before"
    among = node_state()
    among.failed(NodeFailure(NULL, ""), START, alone=False)
    assert (pause_s(among), among.nulls) == (4, 4)
    among.succeeded(0.1)
    among.failed(NodeFailure(TIMEOUT, ""), START, alone=False)
    assert (pause_s(among), among.nulls) == (0.5, 0), "a block does make up for it, and a timeout is no missing block"


def test_a_node_of_another_chain_is_paused_for_a_minute() -> None:
    one = node_state()
    one.failed(NodeFailure(NodeFaultKind.WRONG_CHAIN, ""), START)
    assert pause_s(one) == 60


@pytest.mark.parametrize(("requested", "rest"), [(0.1, 0.5), (0.5, 0.5), (7, 7), (60, 60), (3600, 60), (None, 0.5)])
def test_a_requested_pause_is_respected_up_to_a_minute(requested: float | None, rest: float) -> None:
    one = node_state()
    one.failed(NodeFailure(NodeFaultKind.THROTTLED, "", rest_s=requested), START)
    assert pause_s(one) == rest


def test_a_paused_node_is_available_again_exactly_at_the_end_of_its_pause() -> None:
    one = node_state()
    assert not one.resting(START)
    one.rest_until = START + timedelta(seconds=2)
    moments = (START, START + timedelta(seconds=1.999), START + timedelta(seconds=2), START + timedelta(seconds=3))
    assert [one.resting(now) for now in moments] == [True, True, False, False]


def test_a_node_serves_blocks_up_to_its_head_and_one_never_asked_any_block() -> None:
    one = node_state()
    assert one.reaches(10**9)
    one.head = header(7)
    assert [one.reaches(number) for number in (6, 7, 8)] == [True, True, False]


def test_a_head_is_stalled_since_the_moment_of_its_last_change() -> None:
    one, later = node_state(), START + timedelta(seconds=5)
    assert one.head_age_s(START) == 0
    one.record_head(header(1), START)
    one.record_head(header(1), later)
    assert (one.head_age_s(later), one.head) == (5, header(1))
    one.record_head(header(1, fork=1), later)
    assert one.head_age_s(later) == 0


def test_averages_start_at_the_first_answer_and_then_move_by_a_tenth() -> None:
    one = node_state(errors=0.5)
    one.succeeded(2.0)
    assert one.latency_s == 2.0
    assert one.errors == pytest.approx(0.45)
    one.succeeded(4.0)
    assert one.latency_s == pytest.approx(2.2)
    one.failed(NodeFailure(TIMEOUT, ""), START)
    assert one.errors == pytest.approx(0.405 + (1 - 0.405) * 0.1)


def test_one_rejected_answer_takes_half_of_the_score_and_two_take_all() -> None:
    one = node_state(errors=0.1)
    one.distrust()
    assert one.errors == pytest.approx(0.6)
    one.distrust()
    assert one.errors == 1.0


def test_failures_weigh_more_than_lag_lag_more_than_errors_and_errors_more_than_latency() -> None:
    best_first = [
        node_state(latency_s=0.005), node_state(latency_s=0.4), node_state(errors=0.21), node_state(behind=True),
        node_state(failures=1), node_state(failures=1, behind=True), node_state(failures=2),
    ]  # fmt: skip
    assert all(better.rank < worse.rank for better, worse in pairwise(best_first))
    assert node_state(errors=0.2).rank == node_state().rank, "from more than a fifth on"


def test_latencies_count_in_doublings_from_5_ms_on() -> None:
    assert [node_state(latency_s=one).rank[3] for one in (0.0, 0.001, 0.005, 0.01, 0.02, 0.04)] == [0, 0, 0, 1, 2, 3]
    assert node_state(latency_s=0.1).rank == node_state(latency_s=0.11).rank


def test_health_reports_every_figure_and_a_missing_head_is_none() -> None:
    one = node_state(latency_s=0.3, errors=0.2, behind=True, forked=1, rest_until=START + timedelta(seconds=1))
    found = one.health(START)
    assert (found.node, found.latency_s, found.errors, found.head_number) == ("one", 0.3, 0.2, -1)
    assert (found.behind, found.forked, found.resting) == (True, True, True)
    one.record_head(header(0), START)
    assert one.health(START).head_number == 0
    plain = node_state().health(START)
    assert (plain.behind, plain.forked, plain.resting) == (False, False, False)


def test_a_measurement_states_lag_rest_and_what_was_refused_since_the_last_one() -> None:
    one = node_state(latency_s=0.3, rest_until=START + timedelta(seconds=7))
    one.node.limits.refusals[NodeFaultKind.THROTTLED] += 2
    one.node.limits.paused_s = 1.5
    first = one.measured(NETWORK, 9, START)
    assert (first.node, first.provider, first.latency_s, first.lag_blocks) == ("one", "one", 0.3, None)
    assert (first.rest_s, first.paused_s, first.refusals) == (7, 1.5, ((NodeFaultKind.THROTTLED, 2),))
    one.record_head(header(7), START)
    one.node.limits.refusals[NodeFaultKind.TIMEOUT] += 1
    second = one.measured(NETWORK, 9, START + timedelta(seconds=8))
    assert (second.lag_blocks, second.rest_s, second.paused_s) == (2, 0, 0)
    assert second.refusals == ((NodeFaultKind.TIMEOUT, 1),)
    assert node_state().measured(NETWORK, 9, START).latency_s is None, "it never answered"
    assert node_state().measured(NETWORK, 9, START).rest_s == 0


# --- which nodes are on the same chain


def test_known_heads_or_one_common_next_block_need_no_comparison() -> None:
    tip = header(5)
    held = {header(4).hash, tip.hash}

    def plain(*heads: Header, last: Header | None = tip) -> bool:
        return forks.consistent(heads, lambda one: one.hash in held, last)

    assert plain(tip, header(4))
    assert plain(header(6), header(6), tip)
    assert not plain(header(6), header(6, fork=1)), "two next blocks"
    assert not plain(header(7)), "not the next one"
    assert not plain(header(6, parent_fork=1)), "of another parent"
    assert not plain(header(6), last=None), "nothing was followed yet"
    assert plain(tip, last=None)


def test_nodes_are_compared_at_each_head_and_at_the_tip() -> None:
    assert forks.heights([header(9), header(7), header(9)], header(8)) == (7, 8, 9)
    assert forks.heights([header(9)], None) == (9,)
    assert forks.heights([header(9)], header(0)) == (0, 9)


def chains_of(**seen: Mapping[int, str]) -> list[list[str]]:
    heads = {name: header(max(hashes)) for name, hashes in seen.items()}
    return forks.by_chain(heads, seen)


def test_nodes_with_the_same_hash_at_the_highest_shared_height_are_on_the_same_chain() -> None:
    assert chains_of(a={5: "x"}, b={5: "x", 6: "y"}) == [["b", "a"]], "the highest head first"
    assert chains_of(a={5: "x"}, b={5: "z", 6: "y"}) == [["b"], ["a"]]
    assert chains_of(a={4: "w", 5: "x"}, b={4: "w", 5: "z", 6: "y"}) == [["b"], ["a"]], "below it they may well agree"
    assert chains_of(a={4: "v", 5: "x"}, b={4: "w", 5: "x", 6: "y"}) == [["b", "a"]]
    assert chains_of(a={5: "x"}, b={6: "y"}) == [["b"], ["a"]], "who shares no height cannot be compared"
    assert chains_of(a={5: "x"}, b={5: "z"}, c={5: "x"}) == [["a", "c"], ["b"]]


# --- which logs are accepted

HERE, THERE = address(1), address(2)
FIRST, SECOND, THIRD = (log(HERE, topic(9), index=at) for at in range(3))
MADE_UP = log(THERE, topic(9), index=3)


def filtered() -> Header:
    return replace(header(1), bloom=bloom.mask(HERE) | bloom.mask(topic(9)))


def verdict(**logs: tuple[Log, ...]) -> tuple[tuple[Log, ...], dict[str, str]]:
    found = judge(filtered(), logs, {})
    return found.logs, {name: fault.value for name, fault in found.faults.items()}


TRUNCATED, FORGED = NodeFaultKind.TRUNCATED.value, NodeFaultKind.FORGED.value


def test_logs_that_all_nodes_report_are_accepted_in_order_and_no_node_is_accused() -> None:
    assert verdict(a=(SECOND, FIRST), b=(FIRST, SECOND)) == ((FIRST, SECOND), {})
    assert verdict(a=(), b=()) == ((), {})


def test_of_two_nodes_all_logs_are_accepted_those_of_one_as_disputed_and_nobody_is_named() -> None:
    assert verdict(a=(FIRST,), b=()) == ((FIRST,), {})
    assert verdict(a=(FIRST, SECOND), b=(SECOND, THIRD)) == ((FIRST, SECOND, THIRD), {})
    assert judge(filtered(), {"a": (FIRST, SECOND), "b": (SECOND,)}, {}).disputed == {FIRST}
    assert judge(filtered(), {"a": (FIRST,), "b": (FIRST,)}, {}).disputed == frozenset()


def test_of_three_nodes_two_outvote_one_that_omitted_or_invented_a_log() -> None:
    assert verdict(a=(FIRST,), b=(), c=(FIRST,)) == ((FIRST,), {"b": TRUNCATED})
    assert verdict(a=(FIRST,), b=(FIRST, SECOND), c=(FIRST,)) == ((FIRST,), {"b": FORGED})
    assert verdict(a=(), b=(FIRST,), c=()) == ((), {"b": FORGED})


def test_four_nodes_in_two_equal_groups_have_no_majority() -> None:
    logs, faults = verdict(a=(FIRST,), b=(FIRST,), c=(SECOND,), d=(SECOND,))
    assert logs == (FIRST, SECOND)
    assert faults == {}


def test_a_log_that_the_block_filter_denies_is_rejected_even_if_most_nodes_report_it() -> None:
    logs, faults = verdict(a=(FIRST, MADE_UP), b=(FIRST, MADE_UP), c=(FIRST,))
    assert (logs, faults) == ((FIRST,), {"a": FORGED, "b": FORGED})
    assert verdict(a=(MADE_UP,)) == ((), {"a": FORGED})


def test_without_a_filter_every_log_of_a_majority_is_accepted() -> None:
    found = judge(header(1), {"a": (MADE_UP,), "b": (MADE_UP,), "c": ()}, {})
    assert (found.logs, found.faults) == ((MADE_UP,), {"c": NodeFaultKind.TRUNCATED})
