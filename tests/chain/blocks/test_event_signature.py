"""Checks signatures as people write them, and arguments of logs: hostile ones are refused and never misread."""

from __future__ import annotations

import random

import pytest

from chain.blocks.abi import Unreadable
from chain.blocks.event_signature import EventSignature, Value, event_signature
from tests.chain.builders import address, log, topic, words

AT, WHO, OTHER = address(0xA0), address(0xB0), address(0xC0)
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
PAUSED = "0x62e78cea01bee320cd4e420270b5ea74000d11b0c9f74754ebdbfc544b05a258"
"""OpenZeppelin's Pausable, as explorers print it."""


@pytest.mark.parametrize(
    ("text", "canonical", "first"),
    [
        ("Paused(address)", "Paused(address)", PAUSED),
        (
            "Transfer(address indexed from, address indexed to, uint value)",
            "Transfer(address,address,uint256)",
            TRANSFER,
        ),
        (" Transfer ( address , address , uint256 ) ", "Transfer(address,address,uint256)", TRANSFER),
    ],
)
def test_a_signature_has_the_topic_of_its_canonical_form(text: str, canonical: str, first: str) -> None:
    assert (event_signature(text).text, event_signature(text).topic) == (canonical, first)


def test_short_names_of_types_lists_and_no_arguments_are_understood() -> None:
    assert event_signature("Stop()").text == "Stop()"
    assert (
        event_signature("A(uint,int,bytes4,string,bytes,uint8[])").text
        == "A(uint256,int256,bytes4,string,bytes,uint8[])"
    )


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("", "such as Paused"),
        ("Paused", "such as Paused"),
        ("Paused(address", "such as Paused"),
        ("1Paused(address)", "such as Paused"),
        ("A((address,uint256))", "such as Paused"),
        (f"A({'a' * 600})", "such as Paused"),
        ("A(adress)", "types address"),
        ("A(uint7)", "types address"),
        ("A(uint264)", "types address"),
        ("A(uint0)", "types address"),
        ("A(bytes33)", "types address"),
        ("A(bytes0)", "types address"),
        ("A(address,)", "each argument as a type"),
        ("A(address one two)", "each argument as a type"),
        ("A(address 1one)", "each argument as a type"),
        (f"A({','.join(['bool'] * 17)})", "at most 16 arguments"),
        (f"A({','.join(['bool indexed'] * 4)})", "at most 3 indexed"),
    ],
)
def test_what_is_no_signature_is_refused_with_what_is_allowed(text: str, allowed: str) -> None:
    with pytest.raises(ValueError, match=allowed):
        event_signature(text)


def test_an_argument_is_found_by_its_name_or_its_number_from_one_on() -> None:
    signature = event_signature("Moved(address from, uint256)")
    asked = ("from", "1", "2", "3", "0", "", "to")
    assert [signature.position(one) for one in asked] == [0, 0, 1, None, None, None, None]


MIXED = "E(address indexed who, int8 change, bool on, bytes4 id, string words, uint16 indexed part)"


def test_values_are_read_by_type_and_texts_are_not_decoded() -> None:
    body = words((1 << 256) - 5, 1, 0xDEADBEEF << 224, 160, 0)
    said = event_signature(MIXED).values(log(AT, topic(1), topic(int(WHO, 16)), topic(7), body=body))
    assert said == (WHO, -5, 1, "0xdeadbeef", None, 7)


@pytest.mark.parametrize(
    ("kind", "word", "value"),
    [
        ("uint8", 255, 255),
        ("uint8", 256, None),
        ("int8", 127, 127),
        ("int8", 128, None),
        ("int8", (1 << 256) - 128, -128),
        ("int8", (1 << 256) - 129, None),
        ("int256", 1 << 255, -(1 << 255)),
        ("bool", 2, None),
        ("address", 1 << 160, None),
        ("bytes32", 1 << 255, "0x80" + "00" * 31),
        ("bytes1", 1, None),
    ],
)
def test_a_word_beyond_its_type_is_unreadable(kind: str, word: int, value: Value) -> None:
    signature, said = event_signature(f"E({kind})"), log(AT, topic(1), body=words(word))
    if value is not None:
        assert signature.values(said) == (value,)
        return
    with pytest.raises(Unreadable):
        signature.values(said)


def test_without_marks_the_first_arguments_are_taken_as_indexed() -> None:
    signature = event_signature("Transfer(address,address,uint256)")
    at = [topic(int(one, 16)) for one in (WHO, OTHER)]
    for count in (0, 1, 2):
        body = words(*(int(one, 16) for one in (WHO, OTHER)[count:]), 9)
        assert signature.values(log(AT, TRANSFER, *at[:count], body=body)) == (WHO, OTHER, 9)
    with pytest.raises(Unreadable, match="not the indexed"):
        event_signature("E(bool)").values(log(AT, topic(1), topic(1), topic(1)))


def test_with_marks_another_number_of_topics_is_another_event() -> None:
    with pytest.raises(Unreadable, match="not the indexed"):
        event_signature("Transfer(address indexed from, address to)").values(log(AT, TRANSFER, body=words(1, 2)))


def test_random_bytes_are_read_within_their_types_or_refused() -> None:
    dice, read = random.Random(1), 0
    signature: EventSignature = event_signature(MIXED)
    for _ in range(3_000):
        topics = [topic(dice.getrandbits(dice.choice((8, 160, 256)))) for _ in range(dice.randint(0, 3))]
        body = b"".join(words(dice.getrandbits(dice.choice((1, 7, 256)))) for _ in range(dice.randint(0, 6)))
        try:
            who, change, on, kind, said, part = signature.values(
                log(AT, topic(1), *topics, body=body[: dice.randint(0, 192)])
            )
        except Unreadable:
            continue
        read += 1
        assert isinstance(who, str)
        assert len(who) == 42
        assert isinstance(kind, str)
        assert len(kind) == 10
        assert isinstance(change, int)
        assert -128 <= change < 128
        assert on in (0, 1)
        assert said is None
        assert isinstance(part, int)
        assert 0 <= part < 1 << 16
    assert read < 3_000
