"""Checks events of the operator's own: which logs meet their conditions, hostile logs, and the bound of a block."""

from __future__ import annotations

import pytest

from chain.blocks.block import Log
from chain.blocks.reads import Reads
from chain.detectors import custom_events
from chain.detectors.custom_events import MAX_A_BLOCK, CustomEvents
from chain.events import CustomEventSeen
from chain.watch import EventCondition, Watch, WatchedEvent
from tests.chain.builders import address, block, log, topic, words

AT, ELSEWHERE, WHO, OTHER = (address(one) for one in (0xA0, 0xA1, 0xB0, 0xC0))
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
SIGNATURE = "Transfer(address indexed from, address indexed to, uint256 value)"


def watching(*conditions: EventCondition, name: str = "moved") -> CustomEvents:
    rule = WatchedEvent(name=name, signature=SIGNATURE, addresses=(AT,), conditions=conditions)
    return custom_events.make(Watch(events=(rule,)))


def moved(value: int = 10, to: str = OTHER, index: int = 0, at: str = AT) -> Log:
    return log(address(int(at, 16)), TRANSFER, topic(int(WHO, 16)), topic(int(to, 16)), body=words(value), index=index)


def test_an_event_is_reported_with_its_arguments_by_name() -> None:
    detector = watching()
    assert detector.reads() == Reads(addresses=frozenset({AT}), topics=frozenset({TRANSFER}))
    [event] = detector.on_block(block(1, moved(index=4)), ())
    assert isinstance(event, CustomEventSeen)
    assert (event.rule, event.contract, event.place.log_index) == ("moved", AT, 4)
    assert event.signature == "Transfer(address,address,uint256)"
    assert event.arguments == (("from", WHO), ("to", OTHER), ("value", "10"))


def test_arguments_without_a_name_have_a_number_and_texts_are_empty() -> None:
    rule = WatchedEvent(name="said", signature="Said(string,bool)", addresses=(AT,))
    detector = custom_events.make(Watch(events=(rule,)))
    [first] = detector.reads().topics
    [event] = detector.on_block(block(1, log(AT, first, body=words(64, 1, 0))), ())
    assert isinstance(event, CustomEventSeen)
    assert event.arguments == (("1", ""), ("2", "1"))


@pytest.mark.parametrize(
    ("conditions", "met"),
    [
        ((EventCondition(argument=2, above=9),), True),
        ((EventCondition(argument=2, above=10),), False),
        ((EventCondition(argument=2, below=11),), True),
        ((EventCondition(argument=2, below=10),), False),
        ((EventCondition(argument=2, above=1, below=20),), True),
        ((EventCondition(argument=2, equals=10),), True),
        ((EventCondition(argument=2, equals=11),), False),
        ((EventCondition(argument=1, equals=OTHER),), True),
        ((EventCondition(argument=0, equals=OTHER),), False),
        ((EventCondition(argument=1, equals=OTHER), EventCondition(argument=2, above=10)), False),
        ((EventCondition(argument=1, above=1),), False),
    ],
)
def test_all_conditions_must_be_met(conditions: tuple[EventCondition, ...], met: bool) -> None:
    assert bool(watching(*conditions).on_block(block(1, moved()), ())) is met


def test_other_contracts_other_events_and_malformed_logs_are_passed_over() -> None:
    whole = moved()
    short = log(AT, TRANSFER, *whole.topics[1:], body=b"1")
    stray = [moved(at=ELSEWHERE), log(AT), log(AT, topic(1)), log(AT, TRANSFER), short]
    assert watching().on_block(block(1, *stray), ()) == []


def test_a_block_full_of_events_is_cut_and_two_rules_of_one_log_are_two_events() -> None:
    rules = tuple(WatchedEvent(name=name, signature=SIGNATURE, addresses=(AT,)) for name in ("one", "two"))
    detector = custom_events.make(Watch(events=rules))
    found = detector.on_block(block(1, *(moved(index=at) for at in range(MAX_A_BLOCK + 5))), ())
    assert len({one.event_id for one in found}) == len(found) == 2 * MAX_A_BLOCK


def test_without_rules_nothing_is_read_and_nothing_is_remembered() -> None:
    detector = custom_events.make(Watch())
    assert detector.reads() == Reads()
    assert detector.on_block(block(1, moved()), ()) == []
    detector.recall(detector.memory())
    assert detector.memory() == b""
