from __future__ import annotations

import re

import pytest
from eth_hash.auto import keccak

from chain import proxies
from chain.block import AnswerNeed, CallNeed, Need, SlotNeed
from chain.proxy import PROXY, Call, Proof, ProxyKind, Slot, asked_first, asked_next, code_like, recognised, roles_of
from chain.watching import CODE, DELEGATE, TABLE, Form
from tests.chain.made import address

AT, TARGET, BEACON = address(0xA), address(0xB), address(0xC)
SLOTS = {
    "eip1967.proxy.implementation": ("eip1967", "implementation", -1),
    "eip1967.proxy.beacon": ("eip1967_beacon", "beacon", -1),
    "eip1967.proxy.admin": ("eip1967_transparent", "admin", -1),
    "eip1967.proxy.implementation.secondary": ("arbitrum", "secondary", -1),
    "eip3561.proxy.next.logic": ("eip3561", "pending", -1),
    "erc7546.proxy.dictionary": ("eip7546", "dictionary", -1),
    "PROXIABLE": ("eip1822", "implementation", 0),
    "org.zeppelinos.proxy.implementation": ("zos", "implementation", 0),
    "org.zeppelinos.proxy.admin": ("zos", "admin", 0),
    "matic.network.proxy.implementation": ("polygon", "implementation", 0),
    "matic.network.proxy.owner": ("polygon", "admin", 0),
}
LOGS = {
    "Upgraded(address)": ("eip1967", "implementation", 0),
    "BeaconUpgraded(address)": ("eip1967_beacon", "beacon", 0),
    "AdminChanged(address,address)": ("eip1967_transparent", "admin", 1),
    "CodeUpdated(bytes32,address)": ("superfluid", "implementation", 1),
    "ProxyUpdated(address,address)": ("polygon", "implementation", 0),
    "ProxyOwnerUpdate(address,address)": ("polygon", "admin", 0),
    "ChangedMasterCopy(address)": ("safe", "implementation", 0),
    "NewImplementation(address,address)": ("unitroller", "implementation", 1),
    "NewPendingImplementation(address,address)": ("unitroller", "pending", 1),
    "NewAdmin(address,address)": ("unitroller", "admin", 1),
    "ImplementationUpdated(address)": ("sequence", "implementation", 0),
    "UpgradedSecondary(address)": ("arbitrum", "secondary", 0),
    "NextLogicDefined(address,uint256)": ("eip3561", "pending", 0),
    "DictionaryUpgraded(address)": ("eip7546", "dictionary", 0),
    "TargetUpdated(address)": ("synthetix", "implementation", 0),
    "ProxyImplementationUpdated(address,address)": ("eip173", "implementation", 1),
    "OwnershipTransferred(address,address)": ("eip173", "admin", 1),
}


@pytest.mark.parametrize("words", SLOTS)
def test_each_slot_is_the_hash_of_its_words(words: str) -> None:
    kind, role, less = SLOTS[words]
    slot = int.from_bytes(keccak(words.encode()), "big") + less
    assert (role, slot) in {(one.role, one.slot) for one in proxies.declared(kind).slots}


@pytest.mark.parametrize("signature", LOGS)
def test_each_log_is_the_hash_of_its_signature(signature: str) -> None:
    kind, role, position = LOGS[signature]
    topic = "0x" + keccak(signature.encode()).hex()
    assert (role, topic, position) in {(one.role, one.topic, one.position) for one in proxies.declared(kind).told}


def test_every_slot_and_log_declared_is_one_of_these() -> None:
    known = {int.from_bytes(keccak(words.encode()), "big") + less for words, (_, _, less) in SLOTS.items()}
    topics = {"0x" + keccak(signature.encode()).hex() for signature in LOGS}
    for kind in proxies.every():
        assert {one.slot for one in kind.slots if one.slot > 3} <= known, kind.name
        assert {one.topic for one in kind.told} <= topics, kind.name
        assert kind.source.startswith("https://"), kind.name


def test_a_kind_that_is_not_declared_is_an_error() -> None:
    with pytest.raises(KeyError):
        proxies.declared("eip0")


@pytest.mark.parametrize(
    ("form", "code", "found"),
    [
        ("60<A>5a", "60" + "0b" * 20 + "5a", "0b" * 20),
        ("36<P>5a", "366f" + "0b" * 16 + "5a", "0b" * 16),
        ("36??<A>*", "36ff" + "0b" * 20 + "0a0a", "0b" * 20),
    ],
)
def test_code_is_written_as_it_looks(form: str, code: str, found: str) -> None:
    match = code_like(form).search(bytes.fromhex(code))
    assert match is not None
    assert match["implementation"].hex() == found
    assert code_like(form).search(bytes.fromhex("00" + code)) is None


def test_a_vanity_address_is_found_whole() -> None:
    body = bytes.fromhex("363d3d373d3d3d363d6f" + "0b" * 16 + "5af43d82803e903d916027" + "57fd5bf3")
    found = recognised(proxies.every(), AT, body, {})
    assert found is not None
    assert (found.kind.name, found.roles) == ("eip1167", {"implementation": "0x00000000" + "0b" * 16})


def kind(**more: object) -> ProxyKind:
    return ProxyKind(**{"name": "made", "source": "https://x", "rank": 1, **more})  # type: ignore[arg-type]


def test_a_role_that_is_empty_or_no_address_is_not_filled() -> None:
    made = kind(slots=(Slot(role="implementation", slot=5),))
    for word in (0, 1 << 160):
        assert recognised([made], AT, b"\1", {SlotNeed(AT, 5): word}) is None
    assert recognised([made], AT, b"\1", {SlotNeed(AT, 5): 0xB}) is not None


def test_what_a_beacon_answers_is_asked_next_and_a_proof_must_hold_there() -> None:
    beacon = Slot(role="beacon", slot=5)
    made = kind(
        slots=(beacon,),
        calls=(Call(role="implementation", body="0x01", of="beacon"),),
        proofs=(Proof(body="0x02", of="implementation", words=frozenset({7})), Proof(body="0x03")),
    )
    state: dict[Need, int] = {SlotNeed(AT, 5): 0xC}
    assert asked_first([made], AT) == {SlotNeed(AT, 5), CallNeed(AT, "0x03")}
    assert asked_next([made], AT, b"", state) == {CallNeed(BEACON, "0x01")}
    state[CallNeed(BEACON, "0x01")] = 0xB
    assert asked_next([made], AT, b"", state) == {CallNeed(BEACON, "0x01"), CallNeed(TARGET, "0x02")}
    assert recognised([made], AT, b"", state) is None
    state |= {CallNeed(TARGET, "0x02"): 7, CallNeed(AT, "0x03"): 1}
    assert recognised([made], AT, b"", state) is not None


def test_a_proof_of_a_role_that_nobody_has_does_not_hold() -> None:
    made = kind(needs=(), proofs=(Proof(body="0x02", of="admin"),))
    assert recognised([made], AT, b"", {}) is None


def test_code_of_another_form_is_of_no_kind_and_asks_nothing_more() -> None:
    made = kind(code=re.compile(rb"\A\xaa"), calls=(Call(role="implementation", body="0x01"),))
    assert roles_of(made, AT, b"\xbb", {}) is None
    assert asked_next([made], AT, b"\xbb", {}) == set()
    assert roles_of(made, AT, b"\xaa", {CallNeed(AT, "0x01"): 0xB}) == {"implementation": TARGET}


def test_a_call_of_a_role_answers_only_where_the_role_is_filled() -> None:
    made = kind(calls=(Call(role="implementation", body="0x01", of="beacon"),), tables=("0x09",))
    assert roles_of(made, AT, b"", {CallNeed(BEACON, "0x01"): 0xB}) == {}
    assert roles_of(made, AT, b"", {AnswerNeed(AT, "0x09"): 0x101}) == {"table": AT}


def test_the_watched_places_are_those_that_no_other_contract_can_mean() -> None:
    form = Form(proxies.every())
    places = form.fields(AT)
    assert all(where.need.slot > 3 for where in places if isinstance(where.need, SlotNeed))
    assert SlotNeed(AT, int(AT, 16)) in {where.need for where in places}  # Sequence
    assert [where.key for where in places[-3:]] == [TABLE, DELEGATE, CODE]
    assert len({where.key for where in places}) == len({where.need for where in places}) == len(places)
    assert form.asked_roles == {"beacon"}
    assert {where.role for where in form.via("beacon", BEACON)} == {"implementation"}
    assert form.via("admin", BEACON) == []
    assert all(call.of != PROXY or not call.watched for call in proxies.declared("eip1967_beacon").calls)
