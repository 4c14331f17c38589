"""Where a timelock executed, the writes of the block tell in whose transaction a place changed; and what stays open. Pure."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chain.blocks.abi import topic_of
from chain.blocks.block import Block, Log
from chain.blocks.reads import AnyRead, CallWord, CodeHash, Reads
from chain.control.timelocks import Executions, marks
from chain.control.timelocks.zodiac_delay import RAN
from chain.detectors.closure import Closure
from chain.detectors.timelocks import Timelocks
from chain.events import Role
from chain.events.upgrades import ContractUpgraded, SeenBy
from tests.chain.builders import address, block, log, topic
from tests.chain.control.timelock_families import FAMILIES, GUARD, UPGRADE_TO, executed, scheduled, upgraded, watching
from tests.chain.detectors import test_upgrades
from tests.chain.detectors.test_closure import FURTHER, OWN, World


@pytest.mark.parametrize("name", FAMILIES)
def test_the_logs_of_an_execution_are_told_from_those_of_an_announcement(name: str) -> None:
    executions, family = Executions(), FAMILIES[name]
    assert family.executed in executions
    assert not any(one in executions for one in family.announced)


def test_what_is_no_execution_is_told_apart() -> None:
    executions = Executions()
    unreadable = log(GUARD, topic_of("CallExecuted(bytes32,uint256,address,uint256,bytes)"), topic(1))
    assert unreadable not in executions
    assert replace(unreadable, topics=()) not in executions
    assert log(GUARD, RAN, topic(7)) in executions
    assert log(GUARD, topic(9)) not in executions
    assert "a log" not in executions


def with_logs(*logs: Log) -> Block:
    return block(9, *logs)


def test_the_writes_of_a_block_are_asked_for_where_a_timelock_executed_and_they_are_missing() -> None:
    path: Closure = World().settled().detector
    ran, said = with_logs(executed(UPGRADE_TO)), with_logs(scheduled(UPGRADE_TO))
    assert path.checks(ran) == Reads(writes=frozenset({OWN, FURTHER}))
    assert path.checks(said) == path.checks(replace(ran, writes=())) == Reads()
    places = test_upgrades.watching()
    assert places.checks(ran).writes == places.reads().writes
    assert places.checks(said) == places.checks(replace(ran, writes=())) == Reads()


def recognised() -> Timelocks:
    """Returns a detector that knows the kind of its timelock."""
    detector = watching()
    answers: dict[AnyRead, object] = {CallWord(GUARD, body): 1 for body in marks()["openzeppelin"]}
    detector.on_block(block(1, state=answers | {CodeHash(GUARD): 5}), ())
    return detector


def joined(detector: Timelocks, event: ContractUpgraded, *logs: Log) -> bool | None:
    [found] = [one for one in detector.on_block(block(2, *logs), (event,)) if isinstance(one, ContractUpgraded)]
    return found.queued


def test_a_pointer_in_another_contract_is_open_unless_a_timelock_moved_it() -> None:
    event = replace(upgraded(), holder=address(0xBE))
    assert joined(recognised(), event) is None
    assert joined(recognised(), event, executed(UPGRADE_TO)) is True
    assert joined(recognised(), replace(event, holder=None)) is False


def test_code_that_changed_past_a_timelock_was_not_announced_and_what_only_behaviour_shows_is_open() -> None:
    code = replace(upgraded(None, Role.CODE), holder=address(0xBE), seen_by=SeenBy.CODE)
    assert joined(recognised(), code) is False
    assert joined(recognised(), replace(upgraded(None), seen_by=SeenBy.BEHAVIOUR)) is None
