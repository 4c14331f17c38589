from __future__ import annotations

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from chain.blocks.block import Log
from chain.blocks.standards import NOBODY
from chain.events import Address
from chain.proxies.diamonds import (
    CUTS,
    DIAMOND_CUT,
    ERA_CUT,
    EXTENSION_ADDED,
    EXTENSION_REMOVED,
    EXTENSION_REPLACED,
    EXTENSIONS,
    FACET_SET,
    FACETS,
    FEATURE_UPDATE,
    FUNCTION_UPDATE,
    REMOVE,
    Swap,
    changes_in,
    cut,
    read_table,
    swaps,
)
from tests.branches import Reached
from tests.chain.builders import address, log, topic, words

AT, ONE, TWO = address(0xD), address(1), address(2)
FIRST, SECOND = "0x11223344", "0x55667788"


def after(table: dict[str, Address], one: Log) -> dict[str, Address]:
    """Returns the table after what a log says of it."""
    return cut(table, changes_in(one))


def padded(selector: str) -> int:
    return int(selector, 16) << 224


def cut_body(*changes: tuple[int, int, tuple[str, ...]]) -> bytes:
    """Returns abi.encode(FacetCut[], address, bytes), in the layout of the diamond reference."""
    tuples = [words(facet, action, 96, len(given), *map(padded, given)) for facet, action, given in changes]
    heads, at = [], len(tuples) * 32
    for one in tuples:
        heads.append(at)
        at += len(one)
    array = words(len(tuples), *heads) + b"".join(tuples)
    return words(96, 0, 96 + len(array)) + array + words(0)


def table_body(table: dict[int, tuple[str, ...]]) -> bytes:
    tuples = [words(facet, 64, len(given), *map(padded, given)) for facet, given in table.items()]
    heads, at = [], len(tuples) * 32
    for one in tuples:
        heads.append(at)
        at += len(one)
    return words(32, len(tuples), *heads) + b"".join(tuples)


EXTENSION = "((string,string,address),(bytes4,string)[])"


def extension(facet: int, selectors: tuple[str, ...]) -> object:
    """Returns an extension of thirdweb's dynamic-contracts."""
    functions = [(bytes.fromhex(one[2:]), "a function") for one in selectors]
    return (("a name longer than a word, which is thirty-two bytes", "", address(facet)), functions)


def extensions_body(*given: tuple[int, tuple[str, ...]]) -> bytes:
    return encode([f"{EXTENSION}[]"], [[extension(*one) for one in given]])


def test_the_topics_are_the_hashes_of_their_signatures() -> None:
    assert keccak(b"DiamondCut((address,uint8,bytes4[])[],address,bytes)").hex() == DIAMOND_CUT[2:]
    assert keccak(b"FunctionUpdate(bytes4,address,address,string)").hex() == FUNCTION_UPDATE[2:]
    assert keccak(b"ProxyFunctionUpdated(bytes4,address,address)").hex() == FEATURE_UPDATE[2:]
    assert keccak(b"DiamondCut((address,uint8,bool,bytes4[])[],address,bytes)").hex() == ERA_CUT[2:]


def test_the_topics_and_calls_of_routers_are_the_hashes_of_their_signatures() -> None:
    assert keccak(b"SelectorToFacetSet(bytes4,address)").hex() == FACET_SET[2:]
    for name, topic_ in (("Added", EXTENSION_ADDED), ("Replaced", EXTENSION_REPLACED)):
        assert keccak(f"Extension{name}(string,address,{EXTENSION})".encode()).hex() == topic_[2:]
    assert keccak(f"ExtensionRemoved(string,{EXTENSION})".encode()).hex() == EXTENSION_REMOVED[2:]
    assert (keccak(b"facets()").hex()[:8], keccak(b"getAllExtensions()").hex()[:8]) == (FACETS[2:], EXTENSIONS[2:])


def test_extensions_of_a_router_are_added_replaced_and_removed() -> None:
    body = encode([EXTENSION], [extension(1, (FIRST, SECOND))])
    added = after({}, log(AT, EXTENSION_ADDED, topic(9), topic(1), body=body))
    assert added == {FIRST: ONE, SECOND: ONE}
    body = encode([EXTENSION], [extension(2, (FIRST,))])
    replaced = after(added, log(AT, EXTENSION_REPLACED, topic(9), topic(2), body=body))
    assert replaced == {FIRST: TWO, SECOND: ONE}
    assert after(replaced, log(AT, EXTENSION_REMOVED, topic(9), body=body)) == {SECOND: ONE}


def test_one_function_of_pendles_router_is_set_and_removed() -> None:
    selector = f"{FIRST}{'0' * 56}"
    set_ = after({}, log(AT, FACET_SET, selector, topic(1)))
    assert set_ == {FIRST: ONE}
    assert after(set_, log(AT, FACET_SET, selector, topic(0))) == {}


def test_the_extensions_of_a_router_are_a_table() -> None:
    assert read_table(extensions_body((1, (FIRST,)), (2, (SECOND,))), EXTENSIONS) == {FIRST: ONE, SECOND: TWO}
    assert read_table(extensions_body(), EXTENSIONS) is None


@pytest.mark.parametrize(
    "body",
    [
        words(32, 1),
        words(32, 1, 1 << 200),
        words(32, 1, 32),
        words(32, 1, 32, 64),
        words(32, 1, 32, 64, 96, 0, 0),
        words(32, 1, 32, 64, 160, 0, 0, 7, 1 << 200),
    ],
)
def test_an_answer_that_holds_no_extensions_is_rejected(body: bytes) -> None:
    assert read_table(body, EXTENSIONS) is None


def test_a_cut_adds_replaces_and_removes() -> None:
    added = after({}, log(AT, DIAMOND_CUT, body=cut_body((1, 0, (FIRST, SECOND)))))
    assert added == {FIRST: ONE, SECOND: ONE}
    replaced = after(added, log(AT, DIAMOND_CUT, body=cut_body((2, 1, (FIRST,)), (0, REMOVE, (SECOND,)))))
    assert replaced == {FIRST: TWO}


def test_one_function_of_an_eip_1538_contract_is_set_and_removed() -> None:
    selector = f"{FIRST}{'0' * 56}"
    given_ = after({}, log(AT, FUNCTION_UPDATE, selector, topic(0), topic(1)))
    assert given_ == {FIRST: ONE}
    assert after(given_, log(AT, FUNCTION_UPDATE, selector, topic(1), topic(0))) == {}


def test_a_cut_with_extra_freezable_flags_is_read() -> None:
    change = words(1, 0, 1, 128, 1, padded(FIRST))
    body = words(96, 0, 0) + words(1, 32) + change
    assert after({}, log(AT, ERA_CUT, body=body)) == {FIRST: ONE}


def test_one_feature_of_0x_is_set_and_removed() -> None:
    selector = f"{FIRST}{'0' * 56}"
    given_ = after({}, log(AT, FEATURE_UPDATE, selector, body=words(0, 1)))
    assert given_ == {FIRST: ONE}
    assert after(given_, log(AT, FEATURE_UPDATE, selector, body=words(1, 0))) == {}


def test_two_tables_differ_by_pairs_of_facets() -> None:
    before, then = {FIRST: ONE, SECOND: ONE}, {FIRST: TWO, "0x99999999": TWO}
    assert swaps(before, then) == [
        Swap(old=None, new=TWO, selectors=("0x99999999",)),
        Swap(old=ONE, new=None, selectors=(SECOND,)),
        Swap(old=ONE, new=TWO, selectors=(FIRST,)),
    ]
    assert swaps(then, then) == []


def test_a_loupe_is_read() -> None:
    assert read_table(table_body({1: (FIRST,), 2: (SECOND,)})) == {FIRST: ONE, SECOND: TWO}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        words(32),
        words(32, 0),
        words(32, 1 << 200),
        words(32, 1, 1 << 200),
        words(32, 1),
        words(32, 1, 32, 5),
        words(32, 1, 32, 5, 1 << 200),
    ],
)
def test_an_answer_that_is_not_a_facet_table_is_rejected(body: bytes) -> None:
    assert read_table(body) is None


@pytest.mark.parametrize("body", [b"", words(32), words(32, 1 << 200), words(32, 1), words(32, 1, 32, 5)])
def test_a_cut_that_cannot_be_read_changes_nothing(body: bytes) -> None:
    assert after({FIRST: ONE}, log(AT, DIAMOND_CUT, body=body)) == {FIRST: ONE}


a_table = Reached("bytes that are a table")
a_router = Reached("bytes that are a router's table")


def spoilt(at: int, words_there: bytes) -> bytes:
    """Returns a valid table with some bytes replaced."""
    body = extensions_body((1, (FIRST,)), (2, (SECOND,))) if at % 2 else table_body({1: (FIRST,), 2: (SECOND,)})
    return body[:at] + words_there + body[at + len(words_there) :]


@given(st.binary(max_size=400) | st.tuples(st.integers(0, 500), st.binary(max_size=2)).map(lambda one: spoilt(*one)))
def test_no_input_bytes_make_the_readers_raise(body: bytes) -> None:
    table = read_table(body)
    a_table(table is not None)
    assert table is None or all(len(selector) <= 10 for selector in table)
    a_router(read_table(body, EXTENSIONS) is not None)
    for topic_ in CUTS:
        assert NOBODY not in after({}, log(AT, topic_, body=body)).values()
