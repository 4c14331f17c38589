from __future__ import annotations

import re

import pytest
from eth_hash.auto import keccak

from chain.blocks.reads import UNKNOWN_FUNCTION, AnyRead, CallBytes, CallWord, RunsAs, SlotWord, StateRead
from chain.blocks.standards import NOBODY
from chain.events import Role
from chain.proxies import kinds
from chain.proxies.diamonds import EXTENSIONS, FACETS
from chain.proxies.kind import GetterSpec, Proof, ProxyKind, SlotSpec, code_like
from chain.proxies.places import CODE, DELEGATE, TABLE, PlaceTable
from chain.proxies.recognition import asked_first, asked_next, credible, recognised, roles_of
from tests.chain.builders import address
from tests.chain.proxies.cases import preimages
from tests.chain.proxies.test_diamonds import table_body

AT, TARGET, BEACON = address(0xA), address(0xB), address(0xC)


def abi_string(text: str) -> bytes:
    """Returns a string of two words in the encoding of `abi.encode`."""
    return (32).to_bytes(32, "big") + len(text).to_bytes(32, "big") + text.encode().ljust(64, b"\0")


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
    "aragonOS.appStorage.kernel": ("aragon", "kernel", 0),
    "org.zeppelinos.proxy.owner": ("zos", "admin", 0),
    "OUSD.governor": ("governed", "admin", 0),
    "StarkWare2019.implemntation-slot": ("starkware", "implementation", 0),
    "eip1967.proxy.factory": ("maple", "factory", -1),
    **preimages("SLOTS"),
}
SYNTHETIX_V3 = int.from_bytes(keccak(abi_string("io.synthetix.core-contracts.Proxy")), "big")
LOGS: dict[str, tuple[str, str, int | None]] = {
    "Upgraded(address)": ("eip1967", "implementation", 0),
    "BeaconUpgraded(address)": ("eip1967_beacon", "beacon", 0),
    "AdminChanged(address,address)": ("eip1967_transparent", "admin", 1),
    "CodeUpdated(bytes32,address)": ("superfluid", "implementation", 1),
    "ProxyUpdated(address,address)": ("polygon", "implementation", 0),
    "ProxyOwnerUpdate(address,address)": ("polygon", "admin", 0),
    "ChangedMasterCopy(address)": ("safe", "implementation", 0),
    "NewImplementation(address,address)": ("unitroller", "implementation", 1),
    "NewPendingImplementation(address,address)": ("unitroller", "pending", 1),
    "ImplementationUpdated(address)": ("sequence", "implementation", 0),
    "UpgradedSecondary(address)": ("arbitrum", "secondary", 0),
    "NextLogicDefined(address,uint256)": ("eip3561", "pending", 0),
    "DictionaryUpgraded(address)": ("eip7546", "dictionary", 0),
    "TargetUpdated(address)": ("synthetix", "implementation", 0),
    "ProxyImplementationUpdated(address,address)": ("eip173", "implementation", 1),
    "OwnershipTransferred(address,address)": ("eip173", "admin", 1),
    "ImplementationSet(address)": ("celo", "implementation", 0),
    "OwnerSet(address)": ("celo", "admin", 0),
    "GovernorshipTransferred(address,address)": ("governed", "admin", 1),
    "ImplementationUpgraded(address,bytes)": ("starkware", "implementation", 0),
    "ImplementationAdded(address,bytes,bool)": ("starkware", "pending", 0),
    "Upgraded(uint256,address)": ("owned", "implementation", 0),
    "Upgraded(address,address)": ("synthetix_v3", "implementation", 1),
    "Upgraded(uint256,bytes)": ("maple", "implementation", None),
    "SetApp(bytes32,bytes32,address)": ("aragon", "implementation", 2),
    **preimages("LOGS"),
}


@pytest.mark.parametrize("words", SLOTS)
def test_each_slot_is_the_hash_of_its_documented_text(words: str) -> None:
    kind, role, less = SLOTS[words]
    slot = int.from_bytes(keccak(words.encode()), "big") + less
    assert (role, slot) in {(one.role, one.slot) for one in kinds.declared(kind).slots}


@pytest.mark.parametrize("words", preimages("COMPUTED"))
def test_each_other_slot_is_where_its_document_computes_it(words: str) -> None:
    kind, role, slot = preimages("COMPUTED")[words]
    assert (role, slot) in {(one.role, one.slot) for one in kinds.declared(kind).slots}


@pytest.mark.parametrize("signature", LOGS)
def test_each_log_is_the_hash_of_its_signature(signature: str) -> None:
    kind, role, position = LOGS[signature]
    topic = "0x" + keccak(signature.encode()).hex()
    assert (role, topic, position) in {(one.role, one.topic, one.position) for one in kinds.declared(kind).logs}


def test_every_declared_slot_and_log_is_covered_by_these_tests() -> None:
    known = {int.from_bytes(keccak(words.encode()), "big") + less for words, (_, _, less) in SLOTS.items()}
    topics = {"0x" + keccak(signature.encode()).hex() for signature in LOGS}
    known |= {SYNTHETIX_V3, *(slot for _, _, slot in preimages("COMPUTED").values())}
    for kind in kinds.every():
        assert {one.slot for one in kind.slots if one.slot > 3} <= known, kind.name
        assert {one.topic for one in kind.logs} <= topics, kind.name
        assert kind.source.startswith("https://"), kind.name


def test_an_undeclared_kind_is_an_error() -> None:
    with pytest.raises(KeyError):
        kinds.declared("eip0")


@pytest.mark.parametrize(
    ("form", "code", "found"),
    [
        ("60<A>5a", "60" + "0b" * 20 + "5a", "0b" * 20),
        ("36<P>5a", "366f" + "0b" * 16 + "5a", "0b" * 16),
        ("36??<A>*", "36ff" + "0b" * 20 + "0a0a", "0b" * 20),
    ],
)
def test_a_code_pattern_is_written_as_the_code_itself(form: str, code: str, found: str) -> None:
    match = code_like(form).search(bytes.fromhex(code))
    assert match is not None
    assert match["implementation"].hex() == found
    assert code_like(form).search(bytes.fromhex("00" + code)) is None


def test_a_vanity_address_with_leading_zeros_is_found_whole() -> None:
    body = bytes.fromhex("363d3d373d3d3d363d6f" + "0b" * 16 + "5af43d82803e903d916027" + "57fd5bf3")
    found = recognised(kinds.every(), AT, body, StateRead({}))
    assert found is not None
    assert (found.kind.name, found.roles) == ("eip1167", {"implementation": "0x00000000" + "0b" * 16})


def kind(**more: object) -> ProxyKind:
    return ProxyKind(**{"name": "made", "source": "https://x", "rank": 1, **more})  # type: ignore[arg-type]


def test_a_role_with_an_empty_or_invalid_address_is_not_filled() -> None:
    declared = kind(slots=(SlotSpec(role=Role.IMPLEMENTATION, slot=5),))
    for word in (0, 1 << 160):
        assert recognised([declared], AT, b"\1", StateRead({SlotWord(AT, 5): word})) is None
    for word in (0xB, 0xB | 7 << 160):  # the EVM ignores the upper bytes of an address
        found = recognised([declared], AT, b"\1", StateRead({SlotWord(AT, 5): word}))
        assert found is not None
        assert found.roles == {"implementation": TARGET}


def test_a_place_that_needs_proof_fills_its_role_only_if_the_target_code_runs() -> None:
    far, own = address(0xB << 90), int(AT, 16)
    declared = kind(
        slots=(SlotSpec(role=Role.IMPLEMENTATION, slot=1, proved=True),),
        calls=(
            GetterSpec(role=Role.SECONDARY, body="0x01", proved=True, forwards=True),
            GetterSpec(role=Role.FACTORY, body="0x02<own>"),
        ),
    )
    state: dict[AnyRead, object] = {SlotWord(AT, 1): int(far, 16), CallWord(AT, "0x01"): int(far, 16)}
    reach = RunsAs(AT, far)
    assert asked_next([declared], AT, b"", StateRead(state)) == {reach}
    assert CallWord(AT, f"0x02{own:064x}") in asked_first([declared], AT)
    assert roles_of(declared, AT, b"", StateRead(state)) == {}
    assert roles_of(declared, AT, b"", StateRead({**state, reach: AT})) == {"implementation": far}
    assert roles_of(declared, AT, b"", StateRead({**state, reach: far})) == {"secondary": far}
    assert roles_of(declared, AT, b"", StateRead({CallWord(AT, f"0x02{own:064x}"): 1 << 160})) == {}


def test_the_answer_of_a_beacon_is_read_next_and_must_pass_the_proof() -> None:
    beacon = SlotSpec(role=Role.BEACON, slot=5)
    declared = kind(
        slots=(beacon,),
        calls=(GetterSpec(role=Role.IMPLEMENTATION, body="0x01", of=Role.BEACON),),
        proofs=(Proof(body="0x02", of=Role.IMPLEMENTATION, words=frozenset({7})), Proof(body="0x03")),
    )
    state: dict[AnyRead, object] = {SlotWord(AT, 5): 0xC}
    assert asked_first([declared], AT) == {SlotWord(AT, 5), CallWord(AT, "0x03"), CallWord(AT, UNKNOWN_FUNCTION)}
    assert asked_next([declared], AT, b"", StateRead(state)) == {CallWord(BEACON, "0x01")}
    state[CallWord(BEACON, "0x01")] = 0xB
    assert asked_next([declared], AT, b"", StateRead(state)) == {CallWord(BEACON, "0x01"), CallWord(TARGET, "0x02")}
    assert recognised([declared], AT, b"", StateRead(state)) is None
    state |= {CallWord(TARGET, "0x02"): 7, CallWord(AT, "0x03"): 1}
    assert recognised([declared], AT, b"", StateRead(state)) is not None


def test_a_proof_of_an_empty_role_fails() -> None:
    declared = kind(reads=(), proofs=(Proof(body="0x02", of=Role.ADMIN),))
    assert recognised([declared], AT, b"", StateRead({})) is None


def test_code_of_another_form_has_no_kind_and_causes_no_more_reads() -> None:
    declared = kind(code=re.compile(rb"\A\xaa"), calls=(GetterSpec(role=Role.IMPLEMENTATION, body="0x01"),))
    assert roles_of(declared, AT, b"\xbb", StateRead({})) is None
    assert asked_next([declared], AT, b"\xbb", StateRead({})) == set()
    assert roles_of(declared, AT, b"\xaa", StateRead({CallWord(AT, "0x01"): 0xB})) == {"implementation": TARGET}


def test_a_call_to_a_role_is_made_only_if_the_role_is_filled() -> None:
    declared = kind(calls=(GetterSpec(role=Role.IMPLEMENTATION, body="0x01", of=Role.BEACON),), tables=("0x09",))
    assert roles_of(declared, AT, b"", StateRead({CallWord(BEACON, "0x01"): 0xB})) == {}
    table = table_body({1: ("0x11223344",)})
    assert roles_of(declared, AT, b"", StateRead({CallBytes(AT, "0x09"): table})) == {"table": AT}
    assert roles_of(declared, AT, b"", StateRead({CallBytes(AT, "0x09"): b"\x01"})) == {}


def test_no_answer_is_believed_of_a_contract_that_answers_every_call() -> None:
    slot, call, other = SlotWord(AT, 5), CallWord(AT, "0x01"), CallWord(BEACON, "0x01")
    state: dict[AnyRead, object] = {slot: 1, call: 2, CallBytes(AT, "0x09"): b"\x01", other: 3}
    unknown = CallWord(AT, UNKNOWN_FUNCTION)
    assert credible(StateRead({**state, unknown: 0})) == StateRead({**state, unknown: 0})
    assert credible(StateRead({**state, unknown: 7})) == StateRead({slot: 1, other: 3})


def test_without_proof_support_the_getter_of_a_kind_known_by_its_code_is_believed() -> None:
    far = address(0xB << 90)
    calls = (GetterSpec(role=Role.IMPLEMENTATION, body="0x01", proved=True),)
    state: dict[AnyRead, object] = {CallWord(AT, "0x01"): int(far, 16)}
    coded = kind(code=re.compile(rb"\A\xaa"), calls=calls)
    assert roles_of(coded, AT, b"\xaa", StateRead(state)) == {"implementation": far}
    assert roles_of(coded, AT, b"\xaa", StateRead({**state, RunsAs(AT, far): NOBODY})) == {}
    assert roles_of(kind(calls=calls), AT, b"", StateRead(state)) == {}


def test_the_watched_places_are_unambiguous_across_contracts() -> None:
    form = PlaceTable(kinds.every())
    places = form.own_places(AT)
    assert all(where.proved or where.read.slot > 3 for where in places if isinstance(where.read, SlotWord))
    assert {where.read.slot for where in places if isinstance(where.read, SlotWord) and where.read.slot < 4} == {
        0,
        1,
        2,
        3,
    }
    assert SlotWord(AT, int(AT, 16)) in {where.read for where in places}  # Sequence
    assert {where.key for where in places[-4:]} == {TABLE, EXTENSIONS, DELEGATE, CODE}
    assert {one.body for one in form.loupes(AT)} == {FACETS, EXTENSIONS}
    assert len({where.key for where in places}) == len({where.read for where in places}) == len(places)
    assert form.asked_roles == {"beacon", "kernel"}
    assert {where.role for where in form.via(Role.BEACON, BEACON)} == {Role.IMPLEMENTATION}
    assert form.via(Role.ADMIN, BEACON) == []
    assert all(call.of != Role.PROXY or not call.watched for call in kinds.declared("eip1967_beacon").calls)
