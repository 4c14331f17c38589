"""Shares one node: good answers are kept, only what was refused is asked again, and a limit once learned is respected."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from chain.events.network import NodeFaultKind
from chain.nodes.node import NodeLimits
from chain.nodes.pace import Pace
from chain.nodes.scheduler import Scheduler
from chain.rpc.errors import AnswerTooLong, ConnectionDropped, NodeFailure, PassingFailure, Refusal
from chain.rpc.messages import Ask
from tests.chain.virtual_time import in_virtual_time

ASKS: list[Ask] = [("eth_getStorageAt", [f"0x{at:x}"]) for at in range(100)]
RIGHT = [params[0] for _, params in ASKS]
THROTTLED = Refusal(-32005, "limit exceeded")


class Service:
    """Answers each request with its first parameter; `refuse` may replace an answer or raise."""

    def __init__(self) -> None:
        self.batches: list[list[Ask]] = []
        self.at_s: list[float] = []
        self.limits = NodeLimits()
        self.open = self.max_open = 0
        self.scheduler = Scheduler(self.send, self.limits, Pace())

    def refuse(self, asks: Sequence[Ask]) -> dict[int, Refusal]:
        return {}

    async def send(self, asks: Sequence[Ask]) -> list[Any]:
        self.batches.append(list(asks))
        self.at_s.append(asyncio.get_running_loop().time())
        self.open += 1
        self.max_open = max(self.max_open, self.open)
        try:
            await asyncio.sleep(0.05)
            refused = self.refuse(asks)
            return [refused.get(at, ask[1][0]) for at, ask in enumerate(asks)]
        finally:
            self.open -= 1

    def asked(self, asks: Sequence[Ask] = ASKS) -> list[Any]:
        return in_virtual_time(lambda: self.scheduler.ask(asks))


def failing(service: Service, asks: Sequence[Ask] = ASKS) -> NodeFailure:
    with pytest.raises(NodeFailure) as failed:
        service.asked(asks)
    return failed.value


def test_of_a_partly_refused_batch_only_the_refused_requests_are_asked_again() -> None:
    class Some(Service):
        def refuse(self, asks: Sequence[Ask]) -> dict[int, Refusal]:
            return {3: THROTTLED, 70: Refusal(429, "Too Many Requests")} if len(self.batches) == 1 else {}

    service = Some()
    assert service.asked() == RIGHT
    assert service.batches == [ASKS, [ASKS[3], ASKS[70]]]
    assert service.at_s[1] >= 0.5, "after a pause"
    assert service.limits.max_asks == 100, "two of a hundred say nothing about the size"


def test_a_rate_counted_by_items_is_learned_and_every_answer_comes_in_its_place() -> None:
    class Counted(Service):
        def refuse(self, asks: Sequence[Ask]) -> dict[int, Refusal]:
            return dict.fromkeys(range(25, len(asks)), THROTTLED)

    service = Counted()
    assert service.asked() == RIGHT
    assert service.limits.max_asks == 25
    assert service.limits.narrow


@pytest.mark.parametrize(("most", "named"), [(3, True), (10, True), (10, False), (50, False)])
def test_a_limit_of_items_is_learned_and_costs_no_answer(most: int, named: bool) -> None:
    class Small(Service):
        def refuse(self, asks: Sequence[Ask]) -> dict[int, Refusal]:
            if len(asks) <= most:
                return {}
            if named:
                raise NodeFailure(NodeFaultKind.BATCH_LIMIT, "", allowed=most)
            raise ConnectionDropped("closed")

    service = Small()
    assert service.asked() == RIGHT
    assert service.limits.max_asks <= most
    before = len(service.batches)
    assert service.asked(ASKS[:most]) == RIGHT[:most]
    assert all(len(one) <= most for one in service.batches[before:]), "what was learned is not asked again"


def test_each_item_that_blames_its_batch_is_asked_again_in_a_smaller_one() -> None:
    class Small(Service):
        def refuse(self, asks: Sequence[Ask]) -> dict[int, Refusal]:
            large = Refusal(-32000, "batch of more than 20 requests")
            return dict.fromkeys(range(len(asks)), large) if len(asks) > 20 else {}

    service = Small()
    assert service.asked() == RIGHT
    assert service.limits.max_asks == 20


def test_answers_that_are_too_large_together_come_in_smaller_batches() -> None:
    class Heavy(Service):
        def refuse(self, asks: Sequence[Ask]) -> dict[int, Refusal]:
            return dict.fromkeys(range(30, len(asks)), Refusal(-32003, "response too large"))

    assert Heavy().asked() == RIGHT


def test_an_answer_that_is_too_large_alone_is_told_as_its_refusal() -> None:
    class Heavy(Service):
        def refuse(self, asks: Sequence[Ask]) -> dict[int, Refusal]:
            return {at: Refusal(-32003, "response too large") for at, ask in enumerate(asks) if ask[1] == ["0x5"]}

    found = Heavy().asked(ASKS[:10])
    assert found[5] == Refusal(-32003, "response too large")
    assert found[:5] + found[6:] == RIGHT[:5] + RIGHT[6:10]


def test_our_own_bound_of_a_body_divides_the_batch_and_blames_nobody() -> None:
    class Long(Service):
        def refuse(self, asks: Sequence[Ask]) -> dict[int, Refusal]:
            if len(asks) > 30:
                raise AnswerTooLong(1000)
            return {}

    service = Long()
    assert service.asked() == RIGHT
    assert service.limits.max_asks == 100


def test_a_refused_range_of_logs_is_left_to_who_asked() -> None:
    class Ranges(Service):
        def refuse(self, asks: Sequence[Ask]) -> dict[int, Refusal]:
            return {0: Refusal(-32005, "query returned more than 10000 results")}

    service = Ranges()
    assert service.asked([("eth_getLogs", ["0x0"])])[0] == Refusal(-32005, "query returned more than 10000 results")
    assert len(service.batches) == 1


def test_a_stated_pause_is_waited_out_and_a_longer_one_fails_with_it() -> None:
    class Waiting(Service):
        rest_s = 3.0

        def refuse(self, asks: Sequence[Ask]) -> dict[int, Refusal]:
            if len(self.batches) == 1:
                raise NodeFailure(NodeFaultKind.THROTTLED, "HTTP 429", self.rest_s)
            return {}

    service = Waiting()
    assert service.asked() == RIGHT
    assert service.at_s[1] == pytest.approx(3.05, abs=0.2)
    assert len(service.batches) == 2
    service = Waiting()
    service.rest_s = 60
    failure = failing(service)
    assert (failure.fault, failure.rest_s) == (NodeFaultKind.THROTTLED, 60)


def test_a_node_that_refuses_everything_for_its_rate_fails_within_bounds() -> None:
    class Closed(Service):
        def refuse(self, asks: Sequence[Ask]) -> dict[int, Refusal]:
            return dict.fromkeys(range(len(asks)), THROTTLED)

    service = Closed()
    assert failing(service).fault is NodeFaultKind.THROTTLED
    assert len(service.batches) < 10
    assert service.at_s[-1] < 60


@pytest.mark.parametrize("failure", [PassingFailure(NodeFaultKind.MALFORMED, "a page"), ConnectionDropped("closed")])
def test_what_passes_is_tried_again_and_what_stays_is_a_failure(failure: NodeFailure) -> None:
    class Shaky(Service):
        good = 3

        def refuse(self, asks: Sequence[Ask]) -> dict[int, Refusal]:
            if len(self.batches) < self.good:
                raise failure
            return {}

    service = Shaky()
    assert service.asked(ASKS[:1]) == RIGHT[:1]
    service = Shaky()
    service.good = 1000
    assert failing(service, ASKS[:1]) is failure
    assert len(service.batches) == 3


def test_a_lie_is_not_tried_again() -> None:
    class Lying(Service):
        def refuse(self, asks: Sequence[Ask]) -> dict[int, Refusal]:
            raise NodeFailure(NodeFaultKind.MALFORMED, "two answers to one request")

    service = Lying()
    assert failing(service).detail == "two answers to one request"
    assert len(service.batches) == 1


def test_a_node_that_takes_one_connection_gets_one() -> None:
    class One(Service):
        def refuse(self, asks: Sequence[Ask]) -> dict[int, Refusal]:
            if self.open > 1:
                raise NodeFailure(NodeFaultKind.THROTTLED, "too many connections")
            return {}

    service = One()
    service.limits.max_asks = 10
    assert service.asked() == RIGHT
    assert service.max_open == 3
    service.max_open = 0
    assert service.asked() == RIGHT
    assert service.max_open < 3


def test_two_callers_share_the_node_and_one_that_gives_up_leaves_its_lane() -> None:
    service = Service()
    service.limits.max_asks = 1

    async def story() -> list[Any]:
        leaving = asyncio.create_task(service.scheduler.ask(ASKS))
        other = asyncio.create_task(service.scheduler.ask(ASKS[:5]))
        await asyncio.sleep(0.01)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        return await other

    assert in_virtual_time(story) == RIGHT[:5]
    assert service.open == 0


@pytest.mark.parametrize("most", [1, 2, 9, 10, 24])
@pytest.mark.parametrize("asks", [11, 16, 30, 49, 51, 100])
@pytest.mark.slow
def test_a_batch_that_a_seconds_allowance_never_covers_becomes_smaller_until_it_does(most: int, asks: int) -> None:
    class Whole(Service):
        def refuse(self, asks: Sequence[Ask]) -> dict[int, Refusal]:
            if len(asks) > most:
                raise NodeFailure(NodeFaultKind.THROTTLED, "HTTP 429")
            return {}

    service, tries = Whole(), 0

    async def story() -> list[Any]:
        nonlocal tries
        while True:
            tries += 1
            try:
                return await service.scheduler.ask(ASKS[:asks])
            except NodeFailure:
                await asyncio.sleep(60)

    assert in_virtual_time(story) == RIGHT[:asks]
    assert tries <= 4
