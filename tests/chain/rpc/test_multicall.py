"""Packs many reads in one call: the carried code runs in a small EVM and must return what the chain holds."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

from chain.blocks.reads import (
    MAX_ANSWER,
    NO_CODE,
    AccountDelegate,
    AnyRead,
    CallBytes,
    CallWord,
    CodeHash,
    CoinBalance,
    SlotWord,
)
from chain.rpc.errors import Refusal
from chain.rpc.multicall import (
    CALL_GAS,
    MAX_CALLS,
    MAX_CODES,
    MAX_PACKED_ANSWER,
    MAX_SLOTS,
    SINGLE_CALL_GAS,
    Packed,
    plan,
    single_ask,
    single_of,
    unpack,
)
from tests.chain.builders import address, header, topic, words
from tests.chain.rpc.small_evm import Account, SmallEvm

BODY = "0x18160ddd"
INPUT = bytes.fromhex(BODY[2:])
BY_ONE = (address(1), address(2), address(0xFF00FF))


def slots(number: int, at: Sequence[str] = BY_ONE) -> list[AnyRead]:
    return [SlotWord(at[one % len(at)], one * 7 + 1) for one in range(number)]  # type: ignore[arg-type]


def asked(reads: Iterable[AnyRead], accounts: Mapping[Any, Account]) -> tuple[dict[AnyRead, Any], SmallEvm]:
    """Returns the answers of packed calls of these reads for these accounts."""
    evm, found = SmallEvm(accounts), dict[AnyRead, Any]()
    calls, alone = plan(frozenset(reads))
    assert alone == ()
    for call in calls:
        method, [plain, at, overrides] = call.ask(header(9))
        assert (method, at) == ("eth_call", {"blockHash": header(9).hash}), "asked in that very block"
        unpacked = unpack(call, evm.eth_call(plain, overrides))
        assert unpacked is not None
        found |= unpacked
    return found, evm


def answering(*answers: bytes | None) -> tuple[list[AnyRead], list[AnyRead], dict[Any, Account]]:
    """Reads the same answers as words and as bytes, one contract each, together with others."""
    accounts: dict[Any, Account] = {address(at + 1): Account(answers={INPUT: one}) for at, one in enumerate(answers)}
    accounts |= {address(0x1000 + at): Account(answers={INPUT: words(at)}) for at in range(40)}
    calls: list[AnyRead] = [CallWord(address(int(one, 16)), BODY) for one in accounts]
    whole: list[AnyRead] = [CallBytes(address(int(one, 16)), BODY) for one in accounts]
    return calls, whole, accounts


def test_every_slot_returns_the_word_it_holds() -> None:
    dice = random.Random(1)
    reads = slots(300)
    accounts: dict[str, Account] = {one: Account() for one in BY_ONE}
    wanted: dict[AnyRead, int] = {}
    for read in reads:
        assert isinstance(read, SlotWord)
        wanted[read] = dice.choice((0, 1, dice.randrange(1 << 256), (1 << 256) - 1))
        accounts[read.address].storage[read.slot] = wanted[read]
    found, _ = asked(reads, accounts)
    assert found == wanted


def test_the_largest_slots_and_addresses_are_read_too() -> None:
    top, high = (1 << 256) - 1, address((1 << 160) - 1)
    reads = [*slots(24), SlotWord(high, top)]
    found, _ = asked(reads, {high: Account(storage={top: 5})})
    assert found[SlotWord(high, top)] == 5
    assert sum(found.values()) == 5


def test_code_hashes_are_returned_and_a_missing_account_has_no_code() -> None:
    reads: list[AnyRead] = [CodeHash(address(one)) for one in range(1, 31)]
    found, _ = asked(reads, {address(7): Account(code_hash=70), address(30): Account(code_hash=(1 << 256) - 1)})
    assert found == dict.fromkeys(reads, NO_CODE) | {
        CodeHash(address(7)): 70,
        CodeHash(address(30)): (1 << 256) - 1,
    }


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (None, None),
        (b"", None),
        (bytes(31), None),
        (words(5), 5),
        (words((1 << 256) - 1), (1 << 256) - 1),
        (words(5, 6), 5),
        (words(5) + b"\x01", 5),
    ],
)
def test_the_first_word_of_a_call_counts_and_a_shorter_answer_is_missing(
    answer: bytes | None, word: int | None
) -> None:
    calls, _, accounts = answering(answer)
    found, _ = asked(calls, accounts)
    assert found.pop(calls[0], None) == word
    assert sorted(found.values()) == list(range(40)), "the others are not disturbed"


@pytest.mark.parametrize("size", [1, 31, 32, 33, 100, MAX_PACKED_ANSWER - 1, MAX_PACKED_ANSWER])
def test_a_whole_answer_of_up_to_8192_bytes_is_returned_byte_for_byte(size: int) -> None:
    body = b"\x00" + b"\xab" * (size - 1)
    _, whole, accounts = answering(body)
    found, _ = asked(whole, accounts)
    assert found[whole[0]] == body
    assert len(found) == 41


@pytest.mark.parametrize("answer", [None, b"", bytes(8193), bytes(100_000)])
def test_an_empty_oversized_or_failed_answer_is_missing_and_the_others_are_returned(answer: bytes | None) -> None:
    _, whole, accounts = answering(answer)
    found, _ = asked(whole, accounts)
    assert found == {CallBytes(address(0x1000 + at), BODY): words(at) for at in range(40)}


def test_a_contract_that_burns_gas_leaves_enough_gas_for_the_others() -> None:
    accounts = {address(at + 1): Account(answers={INPUT: words(at)}, wants=10**9) for at in range(119)}
    accounts[address(500)] = Account(answers={INPUT: words(77)}, wants=150_000)
    reads: list[AnyRead] = [CallWord(address(int(one, 16)), BODY) for one in accounts]
    found, evm = asked(reads, accounts)
    assert len(evm.given) == 120, "all in one call"
    assert found == {CallWord(address(500), BODY): 77}


@pytest.mark.parametrize("kind", [CallWord, CallBytes])
def test_a_call_that_ran_out_of_gas_among_others_succeeds_when_sent_alone(kind: type[CallWord | CallBytes]) -> None:
    thirsty = kind(address(1), BODY)
    accounts: dict[Any, Account] = {address(1): Account(answers={INPUT: words(9)}, wants=7_000_000)}
    among: list[AnyRead] = [kind(address(at), BODY) for at in range(2, 40)]
    assert thirsty not in asked([thirsty, *among], accounts)[0]
    evm = SmallEvm(accounts)
    method, [call, at, overrides] = single_ask(thirsty, {"blockHash": topic(3)})
    assert (method, at) == ("eth_call", {"blockHash": topic(3)})
    answer = evm.eth_call(call, overrides)
    assert single_of(thirsty, answer) == (9 if kind is CallWord else words(9))
    assert evm.given == [SINGLE_CALL_GAS]


@pytest.mark.parametrize(
    ("size", "there"),
    [(0, False), (8193, True), (MAX_ANSWER - 1, True), (MAX_ANSWER, True), (MAX_ANSWER + 1, False)],
)
def test_a_single_call_returns_at_most_256_kibibytes(size: int, there: bool) -> None:
    read = CallBytes(address(1), BODY)
    evm = SmallEvm({address(1): Account(answers={INPUT: b"\x07" * size})})
    _, [call, _, overrides] = single_ask(read, "latest")
    answer = evm.eth_call(call, overrides)
    assert answer is not None
    assert len(answer) <= 2 + 2 * (32 + 256 * 1024)
    assert single_of(read, answer) == (b"\x07" * size if there else None)


@pytest.mark.parametrize(("answer", "word"), [(None, None), (bytes(31), None), (words(4, 5), 4)])
def test_a_word_requested_alone_is_returned_without_the_bytes_after_it(answer: bytes | None, word: int | None) -> None:
    read = CallWord(address(1), BODY)
    _, [call, _, overrides] = single_ask(read, "latest")
    returned = SmallEvm({address(1): Account(answers={INPUT: answer})}).eth_call(call, overrides)
    assert returned is not None
    assert len(returned) <= 2 + 2 * 64, "untrusted code may return megabytes: a length and a word are enough"
    assert single_of(read, returned) == word


@pytest.mark.parametrize("answer", [None, 7, "0x", "0xzz", "0x" + "00" * 31, "0x" + f"{64:064x}" + "00" * 31])
def test_an_answer_that_is_not_packed_is_no_answer_to_a_single_call(answer: Any) -> None:
    assert single_of(CallWord(address(1), BODY), answer) is None
    assert single_of(CallBytes(address(1), BODY), answer) is None


def kinds_of_calls() -> list[tuple[Packed, str]]:
    """Returns one packed call of each kind with a valid answer."""
    calls, whole, accounts = answering(words(1), b"\x05" * 40)
    codes: list[AnyRead] = [CodeHash(address(one)) for one in range(1, 31)]
    found = []
    for reads in (slots(50), codes, calls, whole):
        [call], _ = plan(frozenset(reads))
        answer = SmallEvm(accounts).eth_call(call.call, call.overrides)
        assert answer is not None
        assert unpack(call, answer) is not None
        found.append((call, answer))
    return found


@pytest.mark.parametrize("spoilt", [None, 5, "0x", "", "0xzz", Refusal(-32602, "too many arguments"), ["0x"]])
def test_a_node_without_state_overrides_has_answered_nothing(spoilt: Any) -> None:
    for call, _ in kinds_of_calls():
        assert unpack(call, spoilt) is None


def test_an_answer_of_another_length_is_rejected() -> None:
    for call, answer in kinds_of_calls():
        for wrong in (answer[:-2], answer + "00", answer[:-64], answer + "00" * 32, answer + answer[2:]):
            assert unpack(call, wrong) is None, call.reads[0]


def test_slots_whose_lengths_do_not_match_their_addresses_are_rejected() -> None:
    [call], _ = plan(frozenset(slots(24, [address(1), address(2)])))
    group = words(12 * 32) + words(*range(1, 13))
    assert unpack(call, "0x" + (group * 2).hex()) == dict(zip(call.reads, [*range(1, 13)] * 2, strict=True))
    for length in (0, 11 * 32, 12 * 32 - 1, 12 * 32 + 1, 13 * 32, (1 << 256) - 1):
        spoilt = words(length) + group[32:]
        assert unpack(call, "0x" + (group + spoilt).hex()) is None
        assert unpack(call, "0x" + (spoilt + group).hex()) is None


def test_a_contract_with_unreadable_slots_makes_the_whole_answer_invalid() -> None:
    """The length is that of no data, or marks a failed call: the words must never become zeros."""
    [call], _ = plan(frozenset(slots(24, [address(1), address(2)])))
    good = words(12 * 32) + words(*range(1, 13))
    for bad in (words(0), words((1 << 256) - 1)):
        assert unpack(call, "0x" + (good + bad).hex()) is None
        assert unpack(call, "0x" + (bad + good).hex()) is None


def test_reads_are_packed_from_24_reads_on() -> None:
    few = slots(23)
    assert plan(frozenset(few)) == ((), tuple(sorted(few, key=repr)))
    calls, alone = plan(frozenset(slots(24)))
    assert (len(calls), alone) == (1, ())
    assert len(calls[0].reads) == 24


@pytest.mark.parametrize(
    ("kind", "most"), [("slot", MAX_SLOTS), ("code", MAX_CODES), ("call", MAX_CALLS), ("answer", MAX_CALLS)]
)
@pytest.mark.parametrize("more", [-1, 0, 1])
def test_a_call_holds_a_bounded_number_of_reads_and_the_rest_go_into_another_call(
    kind: str, most: int, more: int
) -> None:
    make: dict[str, Any] = {
        "slot": lambda at: SlotWord(address(1), at),
        "code": lambda at: CodeHash(address(at)),
        "call": lambda at: CallWord(address(at), BODY),
        "answer": lambda at: CallBytes(address(at), BODY),
    }
    reads = [make[kind](at) for at in range(most + more)]
    calls, alone = plan(frozenset(reads))
    assert alone == ()
    assert [len(one.reads) for one in calls] == ([most, more] if more > 0 else [most + more])
    assert {read for one in calls for read in one.reads} == set(reads)


def test_the_largest_number_of_reads_in_one_call_fits_into_the_gas_of_a_block() -> None:
    reads: list[AnyRead] = [SlotWord(address(1), at) for at in range(3000)]
    found, _ = asked(reads, {address(1): Account(storage={2999: 8})})
    assert (len(found), found[reads[2999]]) == (3000, 8)
    assert (MAX_SLOTS, MAX_CODES, MAX_CALLS) == (3000, 4000, 120)
    assert MAX_CALLS * CALL_GAS < 30_000_000


def test_each_read_of_one_contract_has_its_own_gas() -> None:
    reads: list[AnyRead] = [SlotWord(address(at), 3) for at in range(1, 1200)]
    found, evm = asked(reads, {address(77): Account(storage={3: 8})})
    assert (len(found), sum(found.values())) == (1199, 8)
    assert min(evm.given) >= 2200


def test_reads_that_cannot_be_packed_are_sent_one_by_one_in_a_fixed_order() -> None:
    plain: list[AnyRead] = [CoinBalance(address(3)), AccountDelegate(address(2)), AccountDelegate(address(1))]
    calls: list[AnyRead] = [CallWord(address(1), BODY), CallBytes(address(1), BODY)]
    reads = [*slots(30), CodeHash(address(1)), *calls, *plain]
    for seed in range(3):
        random.Random(seed).shuffle(reads)
        packed, alone = plan.__wrapped__(frozenset(reads))
        assert alone == (AccountDelegate(address(1)), AccountDelegate(address(2)), CoinBalance(address(3)))
        assert [type(one.reads[0]) for one in packed] == [SlotWord, CodeHash, CallBytes]
        assert packed == plan(frozenset(reads))[0]
        assert list(packed[0].reads) == sorted(packed[0].reads, key=repr)


def test_in_a_packed_call_each_item_is_an_address_three_numbers_and_its_input() -> None:
    reads: list[AnyRead] = [
        CallWord(address(0xAA), BODY),
        *(CallBytes(address(at), "0x06fdde03ff") for at in range(30)),
    ]
    [call], _ = plan(frozenset(reads))
    body = bytes.fromhex(call.call["data"][2:])
    answer = bytes(20) + bytes.fromhex("00000005 00002000 00030d40 06fdde03ff")
    assert body[:37] == answer, "5 bytes of input, 8192 of the answer, 200,000 gas"
    assert body[-36:] == bytes.fromhex("00" * 19 + "aa" + "00000004 00000020 00030d40" + "18160ddd")
    assert call.call["to"] == "0x" + "00" * 20
    assert list(call.overrides) == ["0x" + "00" * 20], "nobody's code is replaced but that of nobody"


def test_only_contracts_whose_slots_are_read_have_their_code_replaced() -> None:
    [call], _ = plan(frozenset(slots(30)))
    assert set(call.overrides) == {"0x" + "00" * 20, *BY_ONE}
    assert len({call.overrides[one]["code"] for one in BY_ONE}) == 1
