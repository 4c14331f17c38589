"""A header's filter of logs: when it says, with little doubt, that a node left a log out."""

from __future__ import annotations

from dataclasses import replace

from chain.blocks.bloom import mask, suspicious
from chain.blocks.reads import Reads
from tests.chain.builders import address, header, log, topic

WANTED = Reads(addresses=frozenset({address(1)}), topics=frozenset({topic(7)}))


def filtered(*items: str) -> int:
    bits = 0
    for item in items:
        bits |= mask(item)
    return bits


def test_a_header_without_a_filter_accuses_nobody() -> None:
    assert not suspicious(replace(header(1), bloom=0), WANTED, ())


def test_a_filter_that_holds_nothing_we_want_accuses_nobody() -> None:
    other = next(
        bits for number in range(2, 200) if not (bits := filtered(address(number), topic(9))) & filtered(address(1))
    )

    assert not suspicious(replace(header(1), bloom=other), WANTED, ())


def test_a_filter_that_holds_our_address_and_topic_accuses_a_node_that_gives_no_log() -> None:
    head = replace(header(1), bloom=filtered(address(1), topic(7)))

    assert suspicious(head, WANTED, ())
    assert not suspicious(head, WANTED, (log(address(1), topic(7)),))


def test_two_lists_of_reads_are_joined() -> None:
    other = Reads(addresses=frozenset({address(2)}))

    assert (WANTED | other).addresses == {address(1), address(2)}
    assert (WANTED | other).topics == {topic(7)}
