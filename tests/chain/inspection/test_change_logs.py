"""The logs of a proxy's changes: how they are asked for, what one says, and which targets they name."""

from __future__ import annotations

import pytest

from chain.events import Address, Role
from chain.inspection.change_logs import TOPICS, log_of, logs_ask, reports, targets
from chain.proxies.kind import LogSpec, ProxyKind
from tests.chain.builders import address, log, topic


def answer(**more: object) -> dict[str, object]:
    return {
        "address": "0x" + "AB" * 20, "topics": ["0x" + "CD" * 32], "data": "0x0102", "transactionHash": "0x" + "FE" * 32,
        "logIndex": "0x3", "blockNumber": "0x10", **more,
    }  # fmt: skip


def test_logs_are_asked_for_from_the_first_block_to_the_head() -> None:
    method, [wanted] = logs_ask([address(1)])

    assert (method, wanted["fromBlock"], wanted["toBlock"]) == ("eth_getLogs", "0x0", "latest")
    assert wanted["address"] == [address(1)]
    assert wanted["topics"] == [TOPICS]


def test_a_log_is_read_in_lower_case_with_its_block() -> None:
    log, number, time_s = log_of(answer())

    assert (log.address, log.topics, log.body) == ("0x" + "ab" * 20, ("0x" + "cd" * 32,), b"\x01\x02")
    assert (log.transaction, log.index, number, time_s) == ("0x" + "fe" * 32, 3, 16, None)


def test_the_time_of_the_block_is_read_where_the_node_gives_it() -> None:
    assert log_of(answer(blockTimestamp="0x65"))[2] == 101


@pytest.mark.parametrize("more", [{"logIndex": None}, {"topics": 3}, {"data": "0xzz"}, {"address": None}])
def test_an_answer_that_is_no_log_raises(more: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        log_of(answer(**more))


def test_a_log_without_its_transaction_raises() -> None:
    one = answer(topics=[topic(1)])
    del one["transactionHash"]

    with pytest.raises(KeyError):
        log_of(one)


UPGRADED, ADMIN_CHANGED = topic(0x11), topic(0x12)
PLAIN = LogSpec(role=Role.IMPLEMENTATION, topic=UPGRADED, position=0)
CONFIRMED = LogSpec(role=Role.IMPLEMENTATION, topic=UPGRADED, position=0, confirmed=True)
NAMELESS = LogSpec(role=Role.IMPLEMENTATION, topic=UPGRADED, position=None)


@pytest.mark.parametrize(
    ("spec", "present", "reported"),
    [
        (PLAIN, address(9), True),
        (CONFIRMED, address(2), True),
        (CONFIRMED, address(9), False),
        (NAMELESS, address(9), True),
    ],
)
def test_a_log_that_other_changes_emit_too_counts_only_if_it_names_the_present_target(
    spec: LogSpec, present: Address, reported: bool
) -> None:
    one = log(address(1), UPGRADED, topic(2))

    assert reports({UPGRADED: spec}, one, {Role.IMPLEMENTATION: present}) is reported


def test_a_log_of_another_topic_reports_no_target() -> None:
    assert not reports({UPGRADED: PLAIN}, log(address(1), ADMIN_CHANGED, topic(2)), {})


def test_the_targets_are_those_that_logs_of_a_kind_name_for_sure() -> None:
    first, unsure = topic(0x21), topic(0x22)
    kind = ProxyKind(
        name="made", source="", rank=1,
        logs=(
            LogSpec(role=Role.IMPLEMENTATION, topic=first, position=0),
            LogSpec(role=Role.IMPLEMENTATION, topic=unsure, position=0, confirmed=True),
            LogSpec(role=Role.ADMIN, topic=topic(0x23), position=0),
        ),
    )  # fmt: skip
    logs = [
        log(address(9), at, topic(number)) for number, at in enumerate((first, unsure, topic(0x23), first), start=1)
    ]
    assert targets([(one, 5, None) for one in logs], [kind]) == [address(1), address(4)]
    assert targets([(one, 5, None) for one in logs], []) == []


def test_a_range_of_blocks_is_asked_for_by_its_ends() -> None:
    _, [wanted] = logs_ask([address(1)], 5, 16, [topic(1)])
    assert (wanted["fromBlock"], wanted["toBlock"], wanted["topics"]) == ("0x5", "0x10", [[topic(1)]])
