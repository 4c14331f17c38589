"""The gas that each kind of read is given, as the node sees it in the bytes of the request."""

from __future__ import annotations

from chain.blocks.reads import CallBytes, CallWord, SlotWord
from chain.rpc.multicall import Packed, plan, single_ask
from tests.chain.builders import address

BODY = "0x18160ddd"


def data(call: dict[str, str]) -> bytes:
    return bytes.fromhex(call["data"][2:])


def packed_slots(*contracts: tuple[int, int]) -> Packed:
    """One packed call that reads so many slots of each contract."""
    [call], alone = plan(frozenset(SlotWord(address(at), slot) for at, slots in contracts for slot in range(slots)))
    assert alone == ()
    return call


def test_a_contract_whose_slots_are_read_has_100_000_gas_and_3_000_for_each_slot() -> None:
    sent = data(packed_slots((0xAA, 24), (0xBB, 1)).call)
    first, second = sent[: 32 + 24 * 32], sent[32 + 24 * 32 :]
    assert first[:32] == bytes.fromhex("00" * 19 + "aa" + "00000300 00000300 00029fe0"), "24 words; 172,000 gas"
    assert second == bytes.fromhex("00" * 19 + "bb" + "00000020 00000020 00019258") + bytes(32), "1 word; 103,000 gas"


def test_a_word_that_is_requested_alone_has_eight_million_gas_and_a_word_of_answer() -> None:
    _, [call, _, _] = single_ask(CallWord(address(0xAA), BODY), "latest")
    assert data(call) == bytes.fromhex("00" * 19 + "aa" + "00000004 00000020 007a1200" + "18160ddd")


def test_bytes_that_are_requested_alone_have_eight_million_gas_and_256_kibibytes_of_answer() -> None:
    _, [call, _, _] = single_ask(CallBytes(address(0xAA), BODY), "latest")
    assert data(call) == bytes.fromhex("00" * 19 + "aa" + "00000004 00040000 007a1200" + "18160ddd")
