"""Opens call data through nested calls, checked against an independent encoder (eth_abi); hostile bytes give nothing."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from chain.blocks.abi import Unreadable, Words, keccak, selector_of, topic_of
from chain.control import call_data
from chain.control.call_data import CHANGES, ENVELOPES, DecodedCall, Foreseen, foreseen, opened, signed_call
from chain.events import Role
from tests.branches import Reached
from tests.chain.builders import address, words

PROXY, ADMIN, NEW, SAFE, LOCK = address(0xA), address(0xAD), address(2), address(0x5AFE), address(0x71)
UPGRADE = Foreseen(target=PROXY, new=NEW)


def call(signature: str, *arguments: Any) -> bytes:
    types = signature[signature.index("(") + 1 : -1]
    return selector_of(signature) + encode(_split(types), arguments)


def _split(types: str) -> list[str]:
    found, depth = [""], 0
    for letter in types:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            found.append("")
        else:
            found[-1] += letter
    return [one for one in found if one]


UPGRADE_TO = call("upgradeTo(address)", NEW)
BY_ADMIN = call("upgrade(address,address)", PROXY, NEW)
ZERO = b"\0" * 32


def packed(target: str, body: bytes, operation: int = 0) -> bytes:
    return bytes([operation]) + bytes.fromhex(target[2:]) + ZERO + len(body).to_bytes(32, "big") + body


@pytest.mark.parametrize(
    ("target", "body", "found"),
    [
        (PROXY, UPGRADE_TO, [UPGRADE]),
        (PROXY, call("upgradeToAndCall(address,bytes)", NEW, b"x"), [UPGRADE]),
        (ADMIN, BY_ADMIN, [UPGRADE]),
        (ADMIN, call("upgradeAndCall(address,address,bytes)", PROXY, NEW, b"x"), [UPGRADE]),
        (PROXY, call("setImplementation(address)", NEW), [UPGRADE]),
        (PROXY, call("_setImplementation(address,bool,bytes)", NEW, True, b""), [UPGRADE]),
        (PROXY, call("changeMasterCopy(address)", NEW), [UPGRADE]),
        (PROXY, call("_setPendingImplementation(address)", NEW), [Foreseen(target=PROXY, new=NEW, role=Role.PENDING)]),
        (PROXY, call("_acceptImplementation()"), [Foreseen(target=PROXY, new=None)]),
        (NEW, call("_become(address)", PROXY), [UPGRADE]),
        (PROXY, call("setBeacon(address,bytes)", NEW, b""), [Foreseen(target=PROXY, new=NEW, role=Role.BEACON)]),
        (PROXY, call("changeAdmin(address)", NEW), [Foreseen(target=PROXY, new=NEW, role=Role.ADMIN)]),
        (
            ADMIN,
            call("changeProxyAdmin(address,address)", PROXY, NEW),
            [Foreseen(target=PROXY, new=NEW, role=Role.ADMIN)],
        ),
        (PROXY, call("transfer(address,uint256)", NEW, 1), []),
        (PROXY, UPGRADE_TO[:20], []),
        (ADMIN, BY_ADMIN[:40], []),
        (PROXY, b"", []),
    ],
)
def test_each_change_is_read_from_its_own_call(target: Any, body: bytes, found: list[Foreseen]) -> None:
    assert list(foreseen(target, body)) == found


@pytest.mark.parametrize(
    ("cuts", "facets"),
    [
        ([(NEW, 0, [b"abcd"]), (NEW, 1, []), (address(3), 1, [])], [NEW, address(3)]),
        ([(address(0), 2, [b"abcd"])], [None]),
    ],
)
def test_a_diamond_cut_names_the_new_facets(cuts: list[Any], facets: list[Any]) -> None:
    body = call("diamondCut((address,uint8,bytes4[])[],address,bytes)", cuts, address(0), b"")
    assert foreseen(PROXY, body) == tuple(Foreseen(target=PROXY, new=one, role=Role.FACET) for one in facets)


ENVELOPED = {
    "schedule(address,uint256,bytes,bytes32,bytes32,uint256)": (ADMIN, 0, BY_ADMIN, ZERO, ZERO, 60),
    "execute(address,uint256,bytes,bytes32,bytes32)": (ADMIN, 0, BY_ADMIN, ZERO, ZERO),
    "scheduleBatch(address[],uint256[],bytes[],bytes32,bytes32,uint256)": (
        [SAFE, ADMIN], [0, 0], [b"", BY_ADMIN], ZERO, ZERO, 60,
    ),
    "executeBatch(address[],uint256[],bytes[],bytes32,bytes32)": ([ADMIN], [0], [BY_ADMIN], ZERO, ZERO),
    "queueTransaction(address,uint256,string,bytes,uint256)": (ADMIN, 0, "upgrade(address,address)", BY_ADMIN[4:], 9),
    "executeTransaction(address,uint256,string,bytes,uint256)": (ADMIN, 0, "", BY_ADMIN, 9),
    "execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)": (
        ADMIN, 0, BY_ADMIN, 0, 0, 0, 0, SAFE, SAFE, b"signed",
    ),
    "execTransactionFromModule(address,uint256,bytes,uint8)": (ADMIN, 0, BY_ADMIN, 0),
    "multiSend(bytes)": (packed(SAFE, b"") + packed(ADMIN, BY_ADMIN, 1),),
    "propose(address[],uint256[],bytes[],string)": ([ADMIN], [0], [BY_ADMIN], "why"),
    "propose(address[],uint256[],string[],bytes[],string)": (
        [ADMIN, ADMIN], [0, 0], ["", "upgrade(address,address)"], [b"", BY_ADMIN[4:]], "why",
    ),
    "execute(address[],uint256[],bytes[],bytes32)": ([ADMIN], [0], [BY_ADMIN], ZERO),
    "queue(address[],uint256[],bytes[],bytes32)": ([ADMIN], [0], [BY_ADMIN], ZERO),
    "relay(address,uint256,bytes)": (ADMIN, 0, BY_ADMIN),
    "execute(address,uint256,bytes)": (ADMIN, 0, BY_ADMIN),
    "execute(address,bytes)": (ADMIN, BY_ADMIN),
    "schedule(address,bytes,uint48)": (ADMIN, BY_ADMIN, 9),
    "executeBatch((address,uint256,bytes)[])": ([(SAFE, 0, b""), (ADMIN, 0, BY_ADMIN)],),
    "aggregate((address,bytes)[])": ([(SAFE, b""), (ADMIN, BY_ADMIN)],),
    "aggregate3((address,bool,bytes)[])": ([(ADMIN, True, BY_ADMIN)],),
}  # fmt: skip


@pytest.mark.parametrize("signature", sorted(ENVELOPES))
def test_every_envelope_is_opened(signature: str) -> None:
    assert foreseen(LOCK, call(signature, *ENVELOPED[signature])) == (UPGRADE,)


def test_envelopes_are_opened_when_nested_safe_in_batch_in_timelock_in_admin() -> None:
    queued = call("schedule(address,uint256,bytes,bytes32,bytes32,uint256)", ADMIN, 0, BY_ADMIN, ZERO, ZERO, 60)
    batch = call("multiSend(bytes)", packed(LOCK, queued) + packed(PROXY, UPGRADE_TO))
    body = call(
        "execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)",
        LOCK, 0, batch, 1, 0, 0, 0, SAFE, SAFE, b"",
    )  # fmt: skip
    assert foreseen(SAFE, body) == (UPGRADE,)
    assert [one.target for one in opened(SAFE, body)] == [SAFE, LOCK, LOCK, PROXY, ADMIN]


def test_depth_calls_and_bytes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    nested = UPGRADE_TO
    for _ in range(call_data.MAX_DEPTH + 1):
        nested = call("relay(address,uint256,bytes)", PROXY, 0, nested)
    assert foreseen(PROXY, nested) == ()
    many = [(PROXY, UPGRADE_TO)] * 200
    twice = call("aggregate((address,bytes)[])", [(LOCK, call("aggregate((address,bytes)[])", many))] * 3)
    assert len(opened(LOCK, twice)) == call_data.MAX_CALLS
    monkeypatch.setattr(call_data, "MAX_BYTES", len(twice) + 1)
    assert len(opened(LOCK, twice)) == 1


def test_one_blob_referenced_a_thousand_times_costs_no_more_than_the_bound() -> None:
    blob = b"\x5a" * 100_000
    length = 256
    heads = b"".join((32 * length).to_bytes(32, "big") for _ in range(length))
    array = words(length) + heads + len(blob).to_bytes(32, "big") + blob
    targets = words(length) + words(*[1] * length)
    body = words(96, 96, 96 + len(targets)) + targets + array
    found = opened(LOCK, selector_of("propose(address[],uint256[],bytes[],string)") + body)
    assert sum(len(one.body) for one in found) <= call_data.MAX_BYTES


NUMBERS = st.lists(st.sampled_from([0, 1, 4, 32, 64, 96]), min_size=1, max_size=12).map(lambda some: words(*some))
opens = Reached("something opened")
spoilt = Reached("an envelope that cannot be opened any more")


@given(st.sampled_from(sorted([*ENVELOPES, *CHANGES])), st.binary(max_size=600) | NUMBERS)
def test_any_bytes_behind_a_known_selector_are_opened_or_refused(signature: str, body: bytes) -> None:
    found = foreseen(PROXY, selector_of(signature) + body)
    opens(bool(found))
    for one in found:
        assert len(one.target) == 42


@given(st.sampled_from(sorted(ENVELOPED)), st.integers(0, 2000), st.binary(min_size=1, max_size=32))
def test_a_corrupted_envelope_never_raises(signature: str, at: int, spoil: bytes) -> None:
    body = bytearray(call(signature, *ENVELOPED[signature]))
    at %= len(body)
    body[at : at + len(spoil)] = spoil
    found = opened(LOCK, bytes(body))
    assert found[0] == DecodedCall(LOCK, bytes(body))
    spoilt(len(found) == 1)


def test_a_truncated_packed_batch_is_refused_completely() -> None:
    spoilt = packed(PROXY, UPGRADE_TO) + packed(PROXY, b"")[:-1] + b"\x09"
    assert foreseen(LOCK, call("multiSend(bytes)", spoilt)) == ()


def test_a_cut_that_cannot_be_read_is_not_a_change() -> None:
    assert foreseen(PROXY, selector_of("diamondCut((address,uint8,bytes4[])[],address,bytes)") + words(32, 5)) == ()


@pytest.mark.parametrize("position", [3, -1])
def test_reading_beyond_the_end_is_refused(position: int) -> None:
    with pytest.raises(Unreadable):
        Words(words(1, 2, 3)).word(position)


@pytest.mark.parametrize("body", [words(1000), words(32, 100), words(32)])
def test_pointers_and_lengths_beyond_the_end_are_refused(body: bytes) -> None:
    with pytest.raises(Unreadable):
        Words(body).text(0)


def test_arrays_above_the_length_bound_are_refused() -> None:
    with pytest.raises(Unreadable):
        Words(words(32, 257)).array(0)


def test_hashes_are_keccak_256_as_ethereum_uses_it() -> None:
    assert topic_of("Upgraded(address)") == "0xbc7cd75a20ee27fd9adebab32041f755214dbc6bffa90cc0225b39da2e5c2d3b"
    assert selector_of("upgradeTo(address)").hex() == "3659cfe6"
    assert signed_call(PROXY, b"upgradeTo(address)", b"").body == keccak(b"upgradeTo(address)")[:4]
