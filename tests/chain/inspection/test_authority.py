"""Who has power over an address, up to the last holder, and who of them needs least to change it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from chain.blocks.abi import selector_of
from chain.blocks.reads import AnyRead, CallBytes, CallWord, StateRead
from chain.blocks.standards import NOBODY
from chain.control.getters import WHOLE
from chain.control.roles import ADMIN_ROLE, Grant
from chain.events import Address, Role
from chain.inspection.authority import (
    MAX_AUTHORITIES,
    MAX_DEPTH,
    Authority,
    Decider,
    Known,
    authorities,
    decider,
    to_examine,
)
from chain.inspection.controllers import ADMIN, AUTHORITY, DELAY, MIN_DELAY, OWNER, THRESHOLD
from chain.inspection.what_it_is import FORMS, SWITCHES, switches_of, timelock_kind, what_code_is
from chain.proxies import kinds
from tests.chain.builders import address, words

PROXY, ADMINS, LOCK, KEY, SAFE, OTHER = (address(number << 100) for number in range(1, 7))
TRANSPARENT, UUPS, BEACON = (kinds.declared(name) for name in ("eip1967_transparent", "eip1967_uups", "eip1967_beacon"))
PROPOSER = Grant(LOCK, "0xb09aa5aeb3702cfd50b6b62bc4532604938f21248a27a1d5ca736082b6819cc1", KEY)
EXECUTOR = Grant(LOCK, "0xd8aa0f3194971a2a116679f7c2090f6939c8d4e01a2a8d7e41d55e5351469e63", NOBODY)
"""As OpenZeppelin's TimelockController publishes both roles."""


def code_with(*functions: str) -> bytes:
    """A dispatcher: DUP1, PUSH4, EQ, PUSH1, JUMPI for each function."""
    return b"".join(b"\x80\x63" + selector_of(one) + b"\x14\x60\0\x57" for one in functions)


def words_of(number: str) -> int:
    return int(number, 16)


def shown(found: tuple[Authority, ...]) -> list[tuple[int, Address, str, str]]:
    return [(one.depth, one.address, one.by, one.what) for one in found]


STATE: dict[AnyRead, object] = {CallWord(ADMINS, OWNER): words_of(LOCK), CallWord(LOCK, MIN_DELAY): 172_800}
CODES = {PROXY: b"\1", ADMINS: code_with(*FORMS["proxy_admin"]), LOCK: b"\1", KEY: b"", OTHER: b"\1"}


def test_the_powers_are_followed_from_the_proxy_over_a_timelock_to_the_key_that_proposes() -> None:
    known = Known(StateRead(STATE), CODES, {LOCK: (PROPOSER, EXECUTOR, Grant(LOCK, ADMIN_ROLE, LOCK))})
    found = authorities(PROXY, TRANSPARENT, {Role.ADMIN: ADMINS}, known)
    assert shown(found) == [
        (0, ADMINS, "admin", "proxy_admin"),
        (1, LOCK, "owner", "timelock"),
        (2, KEY, "PROPOSER_ROLE", "account"),
        (2, NOBODY, "EXECUTOR_ROLE", "anyone"),
        (2, LOCK, "DEFAULT_ADMIN_ROLE", "timelock"),
    ]
    assert [one.decides for one in found] == [True, True, True, False, True]
    assert [one.again for one in found] == [False, False, False, False, True]
    assert decider(found) == Decider(address=KEY, what="account", keys=1, delay_s=172_800)


def test_a_denied_grant_has_no_power_and_holders_of_several_roles_are_one() -> None:
    other = replace(PROPOSER, account=OTHER)
    grants = (PROPOSER, other, replace(EXECUTOR, account=KEY))
    known = Known(StateRead({**STATE, other.question: 0}), CODES, {LOCK: grants})
    found = authorities(PROXY, TRANSPARENT, {Role.ADMIN: ADMINS}, known)
    assert shown(found)[2:] == [(2, KEY, "PROPOSER_ROLE, EXECUTOR_ROLE", "account")]


def test_a_safe_ends_the_path_with_its_signers_and_threshold() -> None:
    signers = words(32, 2, words_of(KEY), words_of(OTHER))
    state: dict[AnyRead, object] = {
        CallWord(PROXY, OWNER): words_of(SAFE), CallWord(SAFE, THRESHOLD): 2, CallBytes(SAFE, WHOLE["signers"]): signers,
    }  # fmt: skip
    [found] = authorities(PROXY, UUPS, {Role.IMPLEMENTATION: OTHER}, Known(StateRead(state), {**CODES, SAFE: b"\1"}))
    assert (found.what, found.threshold, found.signers) == ("safe", 2, (KEY, OTHER))
    assert decider((found,)) == Decider(address=SAFE, what="safe", keys=2, delay_s=0)
    [itself] = authorities(SAFE, kinds.declared("safe"), {}, Known(StateRead(state), {SAFE: b"\1"}))
    assert (itself.by, itself.what, itself.decides) == ("its own keys", "safe", True)


def test_the_owner_of_a_transparent_proxys_own_code_does_not_decide() -> None:
    state: dict[AnyRead, object] = {CallWord(PROXY, OWNER): words_of(KEY)}
    known = Known(StateRead(state), {**CODES, ADMINS: b""})
    found = authorities(PROXY, TRANSPARENT, {Role.ADMIN: ADMINS}, known)
    assert [(one.address, one.by, one.decides) for one in found] == [(ADMINS, "admin", True), (KEY, "owner", False)]
    clone = authorities(PROXY, kinds.declared("eip1167"), {Role.IMPLEMENTATION: OTHER}, known)
    assert [(one.address, one.decides) for one in clone] == [(KEY, False)]
    plain = authorities(PROXY, None, {}, known)
    assert [(one.address, one.decides) for one in plain] == [(KEY, True)]
    same = authorities(PROXY, TRANSPARENT, {Role.ADMIN: KEY}, known)
    assert [(one.address, one.by) for one in same] == [(KEY, "admin")], "named once"


def test_the_owner_of_the_beacon_decides() -> None:
    state: dict[AnyRead, object] = {CallWord(OTHER, OWNER): words_of(KEY)}
    found = authorities(PROXY, BEACON, {Role.BEACON: OTHER}, Known(StateRead(state), CODES))
    assert [(one.address, one.by, one.decides) for one in found] == [(KEY, "owner of the beacon", True)]


def test_an_authority_and_a_timelocks_admin_are_followed_and_small_words_are_no_addresses() -> None:
    lock: dict[AnyRead, object] = {
        CallWord(LOCK, DELAY): 60, CallWord(LOCK, ADMIN): words_of(KEY), CallWord(PROXY, AUTHORITY): words_of(LOCK),
        CallWord(PROXY, OWNER): 7, CallWord(PROXY, ADMIN): words_of(OTHER),
    }  # fmt: skip
    found = authorities(PROXY, UUPS, {}, Known(StateRead(lock), CODES))
    assert shown(found) == [(0, LOCK, "authority", "timelock"), (1, KEY, "admin", "account")]


def test_an_access_managers_role_carries_its_delay() -> None:
    grant = Grant(OTHER, ADMIN_ROLE, KEY, manager=True)
    state: dict[AnyRead, object] = {CallWord(PROXY, AUTHORITY): words_of(OTHER), grant.question: words(1, 3600)}
    codes = {**CODES, OTHER: code_with(*FORMS["access_manager"])}
    found = authorities(PROXY, UUPS, {}, Known(StateRead(state), codes, {OTHER: (grant,)}))
    assert shown(found) == [(0, OTHER, "authority", "access_manager"), (1, KEY, "ADMIN_ROLE", "account")]
    assert decider(found) == Decider(address=KEY, what="account", keys=1, delay_s=3600)


def test_nobody_and_the_unknown_are_told_apart_and_the_least_effort_wins() -> None:
    def one(what: str, **more: object) -> Authority:
        plain = Authority(address=KEY, over=PROXY, by="owner", depth=0, what=what)
        return replace(plain, **more)  # type: ignore[arg-type]

    nobody = Decider(address=KEY, what="nobody", keys=0, delay_s=0)
    unknown = Decider(address=KEY, what="contract", keys=None, delay_s=None)
    assert decider(()) is None
    assert decider((one("nobody"),)) == nobody
    assert decider((one("nobody"), one("contract"))) == unknown
    assert decider((one("contract"), one("account"))) == Decider(address=KEY, what="account", keys=1, delay_s=0)
    assert decider((one("account", decides=False),)) is None
    assert decider((one("safe", threshold=3), one("safe", threshold=2))) == Decider(
        address=KEY, what="safe", keys=2, delay_s=0
    )
    lock = one("timelock")
    assert decider((lock, one("account", depth=1))) == Decider(address=KEY, what="account", keys=1, delay_s=None)
    assert decider((one("account"),), 60) == Decider(address=KEY, what="account", keys=1, delay_s=60)


def test_a_renounced_owner_is_nobody_and_an_unread_holder_is_to_be_examined() -> None:
    state: dict[AnyRead, object] = {CallWord(PROXY, OWNER): 0, CallWord(PROXY, AUTHORITY): words_of(SAFE)}
    known = Known(StateRead(state), {**CODES, NOBODY: b""})
    found = authorities(PROXY, UUPS, {}, known)
    assert shown(found) == [(0, NOBODY, "owner", "nobody"), (0, SAFE, "authority", "unread")]
    assert to_examine(found, known) == [SAFE]


def test_a_long_chain_and_a_crowd_are_cut() -> None:
    chain = [address(number << 90) for number in range(1, MAX_DEPTH + 5)]
    state: dict[AnyRead, object] = {CallWord(a, OWNER): words_of(b) for a, b in pairwise(chain)}
    found = authorities(chain[0], None, {}, Known(StateRead(state), dict.fromkeys(chain, b"\1")))
    assert len(found) == MAX_DEPTH
    crowd = tuple(Grant(PROXY, ADMIN_ROLE, address(number << 90)) for number in range(1, MAX_AUTHORITIES + 9))
    assert len(authorities(PROXY, UUPS, {}, Known(StateRead(), CODES, {PROXY: crowd}))) == MAX_AUTHORITIES


def test_a_contract_is_told_by_the_functions_of_its_code() -> None:
    for form, functions in FORMS.items():
        assert what_code_is(code_with(*functions)) == form
    assert what_code_is(b"") is what_code_is(b"\1") is None
    lock = code_with("getMinDelay()", "PROPOSER_ROLE()")
    assert (what_code_is(lock), timelock_kind(lock), timelock_kind(b"\1")) == ("timelock", "openzeppelin", None)
    assert switches_of(code_with("pause()", "blacklist(address)")) == ("pause()", "blacklist(address)")
    assert set(SWITCHES) == set(switches_of(code_with(*SWITCHES)))
