"""Who holds a role: what logs grant and take back, what the contract confirms, and the names of roles."""

from __future__ import annotations

import pytest
from eth_hash.auto import keccak

from chain.blocks.abi import topic_of
from chain.blocks.reads import AnyRead, CallBytes, CallWord, StateRead
from chain.control.roles import (
    ADMIN_ROLE,
    MAX_GRANTS,
    MAX_NUMBER,
    Grant,
    delay_s_of,
    granted,
    held,
    member_reads,
    members,
    name_of,
)
from tests.chain.builders import address, log, topic, words

AT, ONE, TWO = address(0xA), address(1 << 100), address(2 << 100)
GRANTED, REVOKED = topic_of("RoleGranted(bytes32,address,address)"), topic_of("RoleRevoked(bytes32,address,address)")
MINTER = f"0x{keccak(b'MINTER_ROLE').hex()}"


def account(one: str) -> str:
    return topic(int(one, 16))


def test_what_was_granted_and_not_taken_back_is_held_until_the_contract_denies_it() -> None:
    logs = [
        log(AT, GRANTED, MINTER, account(ONE), account(TWO)),
        log(AT, GRANTED, ADMIN_ROLE, account(TWO), account(TWO)),
        log(AT, GRANTED, ADMIN_ROLE, account(ONE), account(TWO)),
        log(AT, REVOKED, ADMIN_ROLE, account(ONE), account(TWO)),
        log(TWO, REVOKED, ADMIN_ROLE, account(ONE), account(TWO)),
        log(AT),
    ]
    found = granted(logs)
    admin, minter = Grant(AT, ADMIN_ROLE, TWO), Grant(AT, MINTER, ONE)
    assert found == {AT: (admin, minter)}, "ruling roles first"
    assert (admin.name, admin.rules, minter.name, minter.rules) == ("DEFAULT_ADMIN_ROLE", True, "MINTER_ROLE", False)
    assert held(admin, StateRead()), "not asked yet"
    assert held(admin, StateRead({admin.question: 1}))
    assert not held(admin, StateRead({admin.question: 0}))
    # hasRole(bytes32,address), as every ABI of AccessControl has it
    assert admin.question == CallWord(AT, "0x91d14854" + ADMIN_ROLE[2:] + account(TWO)[2:])


def test_a_role_of_an_access_manager_is_a_number_with_a_delay() -> None:
    logged = log(
        AT, topic_of("RoleGranted(uint64,address,uint32,uint48,bool)"), topic(7), account(ONE), body=words(60, 0, 1)
    )
    [grant] = granted([logged])[AT]
    assert (grant.name, grant.rules) == ("role 7", False)
    state: dict[AnyRead, object] = {grant.question: words(1, 60)}
    assert isinstance(grant.question, CallBytes)
    assert (held(grant, StateRead(state)), delay_s_of(grant, StateRead(state))) == (True, 60)
    assert not held(grant, StateRead({grant.question: words(0, 0)}))
    assert held(grant, StateRead())
    assert delay_s_of(grant, StateRead()) is None
    assert delay_s_of(Grant(AT, MINTER, ONE), StateRead()) is None
    gone = log(AT, topic_of("RoleRevoked(uint64,address)"), topic(7), account(ONE))
    assert granted([logged, gone]) == {}


@pytest.mark.parametrize(
    ("role", "manager", "name"),
    [
        (MINTER, False, "MINTER_ROLE"),
        (f"0x{keccak(b'POOL_ADMIN').hex()}", False, "POOL_ADMIN"),
        (ADMIN_ROLE, True, "ADMIN_ROLE"),
        (f"0x{MAX_NUMBER:064x}", True, "PUBLIC_ROLE"),
        ("0x" + "ab" * 32, False, "role 0x" + "ab" * 32),
        ("0x" + "ab" * 32, True, "role 0x" + "ab" * 32),
    ],
)
def test_a_role_is_named_by_its_hash_or_number(role: str, manager: bool, name: str) -> None:
    assert name_of(role, manager=manager) == name


def test_the_members_of_the_usual_roles_are_read_where_there_are_no_logs() -> None:
    first = next(iter(member_reads(AT)))
    assert first.body.startswith("0x9010d07c")  # getRoleMember(bytes32,uint256)
    state: dict[AnyRead, object] = {first: int(ONE, 16)}
    assert members(AT, StateRead(state)) == (Grant(AT, ADMIN_ROLE, ONE),)
    assert members(AT, StateRead({first: 1 << 200})) == ()


def test_a_flood_of_grants_is_cut_and_keeps_the_ruling_roles() -> None:
    many = [log(AT, GRANTED, MINTER, topic(number << 80), account(TWO)) for number in range(1, 100)]
    found = granted([*many, log(AT, GRANTED, ADMIN_ROLE, account(TWO), account(TWO))])[AT]
    assert (len(found), found[0].name) == (MAX_GRANTS, "DEFAULT_ADMIN_ROLE")
