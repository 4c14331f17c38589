from __future__ import annotations

from chain.blocks.reads import UNKNOWN_FUNCTION, AnyRead, CallWord, StateRead
from chain.blocks.standards import NOBODY
from chain.control.getters import SIGNERS, WHOLE
from chain.events import Address, Role
from chain.inspection.controllers import (
    ADMIN,
    AUTHORITY,
    DELAY,
    MIN_DELAY,
    OWNER,
    THRESHOLD,
    Controller,
    controllers,
    profile,
)
from chain.proxies import kinds
from tests.chain.builders import address

AT, ONE, TWO = address(0xA), address(1), address(2)
KIND = kinds.declared("eip1967_transparent")
CODES = {ONE: b"\1", TWO: b"\1", AT: b"\1"}


def of(
    state: dict[AnyRead, object], codes: dict[Address, bytes] | None = None
) -> tuple[tuple[Controller, ...], int | None]:
    return controllers(AT, KIND, {Role.ADMIN: ONE}, StateRead(state), CODES if codes is None else codes)


def test_a_contract_that_cannot_change_has_no_controller() -> None:
    assert controllers(AT, None, {}, StateRead({}), {}) == ((), None)
    assert controllers(AT, kinds.declared("eip1167"), {}, StateRead({}), {}) == ((), None)


def test_a_timelock_is_recognised_by_either_delay_getter() -> None:
    openzeppelin = of({CallWord(ONE, MIN_DELAY): 60})
    compound = of({CallWord(ONE, DELAY): 90, CallWord(ONE, ADMIN): 5})
    assert [one[1] for one in (openzeppelin, compound)] == [60, 90]
    assert openzeppelin[0] == (Controller(address=ONE, what="timelock", delay_s=60),)


def test_a_delay_without_an_admin_or_an_absurd_delay_is_not_a_timelock() -> None:
    states: list[dict[AnyRead, object]] = [{CallWord(ONE, DELAY): 90}, {CallWord(ONE, MIN_DELAY): 1 << 200}]
    for state in states:
        assert of(state) == ((Controller(address=ONE, what="contract"),), None)


def test_an_account_has_no_delay_and_a_delegating_account_is_an_account() -> None:
    for code in (b"", b"\xef\x01\x00" + bytes(20)):
        assert of({}, {ONE: code}) == ((Controller(address=ONE, what="account"),), 0)


def test_a_renounced_owner_is_nobody() -> None:
    found, delay_s = of({CallWord(ONE, OWNER): 0}, {**CODES, NOBODY: b""})
    assert ([one.what for one in found], delay_s) == (["contract", "nobody"], 0)


def test_the_controller_chain_follows_owners_and_ends_at_an_unread_owner_or_a_cycle() -> None:
    found, delay_s = of({CallWord(ONE, OWNER): 2, CallWord(TWO, THRESHOLD): 3})
    assert found == (Controller(address=ONE, what="contract"), Controller(address=TWO, what="safe", threshold=3))
    assert delay_s == 0
    assert of({CallWord(ONE, OWNER): 7})[0][-1].what == "unread"
    assert of({CallWord(ONE, OWNER): 2, CallWord(TWO, OWNER): 1})[1] is None
    assert of({CallWord(ONE, OWNER): 1 << 200})[1] is None


def test_without_an_admin_the_beacon_owner_controls_or_else_the_proxy_owner() -> None:
    kind = kinds.declared("eip1967_beacon")
    state: dict[AnyRead, object] = {CallWord(TWO, OWNER): 1, CallWord(AT, OWNER): 2}
    assert controllers(AT, kind, {Role.BEACON: TWO}, StateRead(state), {ONE: b""})[0][0].address == ONE
    assert controllers(AT, kind, {}, StateRead(state), {TWO: b""})[0][0].address == TWO
    assert controllers(AT, kind, {}, StateRead({}), {}) == ((), None)


def test_a_profile_reads_the_fields_that_distinguish_controllers() -> None:
    fields = {OWNER, ADMIN, AUTHORITY, MIN_DELAY, DELAY, THRESHOLD, UNKNOWN_FUNCTION, WHOLE[SIGNERS]}
    assert {read.body for read in profile(ONE)} == fields
