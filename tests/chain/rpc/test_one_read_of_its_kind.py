"""One read of a kind among many of another has a packed call of its own, which is decoded like any other."""

from __future__ import annotations

import pytest

from chain.blocks.reads import NO_CODE, AnyRead, CallBytes, CallWord, CodeHash, SlotWord
from chain.rpc.multicall import plan, unpack
from tests.chain.builders import address, words

BODY = "0x18160ddd"


@pytest.mark.parametrize(
    ("read", "answer", "value"),
    [
        (CodeHash(address(9)), words(70), 70),
        (CodeHash(address(9)), words(0), NO_CODE),
        (CallWord(address(9), BODY), words(32, 5), 5),
        (CallBytes(address(9), BODY), words(3) + b"abc", b"abc"),
    ],
)
def test_a_packed_call_of_one_read_is_decoded(read: AnyRead, answer: bytes, value: object) -> None:
    slots: list[AnyRead] = [SlotWord(address(1), slot) for slot in range(24)]
    calls, alone = plan(frozenset([*slots, read]))
    assert alone == ()
    [own] = [one for one in calls if read in one.reads]
    assert own.reads == (read,)
    assert unpack(own, "0x" + answer.hex()) == {read: value}


def test_a_packed_call_of_one_slot_is_decoded() -> None:
    read = SlotWord(address(1), 3)
    codes: list[AnyRead] = [CodeHash(address(at)) for at in range(1, 25)]
    [own] = [one for one in plan(frozenset([*codes, read]))[0] if read in one.reads]
    assert unpack(own, "0x" + words(32, 5).hex()) == {read: 5}
