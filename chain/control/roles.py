"""Reads who holds which role of a contract: the grants that logs tell, the questions that confirm them, and names of roles. Pure.

A role is 32 bytes, mostly the Keccak-256 of its name (OpenZeppelin AccessControl), or a small number (AccessManager). Logs only
name candidates: what `hasRole` answers counts. Sources: @openzeppelin/contracts 4.9.6 and 5.x, access/; Aave's ACLManager;
Lido; Maker and Polygon for the names.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from chain.blocks.abi import address_of, keccak, selector_of, topic_of
from chain.blocks.block import Log
from chain.blocks.reads import CallBytes, CallWord, StateRead
from chain.control.logs import BY_TOPIC
from chain.events import Address, ControlChange

MAX_GRANTS = 24
"""Grants of one contract that are confirmed, the roles that can grant others first."""
MAX_MEMBERS = 4
"""Members of each role that are asked for where a node gives no logs."""
WORD = 32
ADMIN_ROLE = f"0x{0:064x}"
"""AccessControl's DEFAULT_ADMIN_ROLE, AccessManager's ADMIN_ROLE."""
MAX_NUMBER = (1 << 64) - 1
"""Roles of an AccessManager are numbers up to this one, which is everybody's."""

_NAMES = (
    "ADMIN", "OWNER", "GOVERNOR", "GOVERNANCE", "UPGRADER", "UPGRADE", "PROXY_ADMIN", "TIMELOCK_ADMIN", "PROPOSER",
    "EXECUTOR", "CANCELLER", "MINTER", "MINTER_ADMIN", "BURNER", "PAUSER", "UNPAUSER", "PAUSE", "RESUME", "OPERATOR",
    "GUARDIAN", "KEEPER", "MANAGER", "DEPOSITOR", "PREDICATE", "BLACKLISTER", "FREEZER", "ORACLE", "RELAYER", "RESCUER",
    "WITHDRAWER", "TREASURY", "CONFIGURATOR", "EMERGENCY", "EMERGENCY_ADMIN", "SETTER", "SIGNER", "SNAPSHOT", "URI_SETTER",
    "WHITELIST", "WHITELISTER", "LIQUIDATOR", "STRATEGIST", "VAULT", "CONTROLLER", "DEPLOYER", "TRANSFER",
    "SUPPLY_CONTROLLER", "ASSET_PROTECTION", "CUSTODIAN", "BRIDGE",
)  # fmt: skip
_BARE = ("POOL_ADMIN", "EMERGENCY_ADMIN", "RISK_ADMIN", "FLASH_BORROWER", "BRIDGE", "ASSET_LISTING_ADMIN")
"""Aave's have no suffix."""
_BY_HASH = {f"0x{keccak(name.encode()).hex()}": name for name in (*(f"{one}_ROLE" for one in _NAMES), *_BARE)}
_RULING = frozenset(
    f"{one}_ROLE" for one in ("DEFAULT_ADMIN", "TIMELOCK_ADMIN", "PROPOSER", *_NAMES[: _NAMES.index("PROXY_ADMIN") + 1])
)
_HAS_ROLE, _HAS_NUMBER = selector_of("hasRole(bytes32,address)").hex(), selector_of("hasRole(uint64,address)").hex()
_MEMBER = selector_of("getRoleMember(bytes32,uint256)").hex()
TOPICS = sorted(
    topic_of(f"Role{done}({arguments})")
    for done, arguments in (
        ("Granted", "bytes32,address,address"),
        ("Granted", "uint64,address,uint32,uint48,bool"),
        ("Revoked", "bytes32,address,address"),
        ("Revoked", "uint64,address"),
    )
)
_OF_MANAGERS = frozenset(
    {topic_of("RoleGranted(uint64,address,uint32,uint48,bool)"), topic_of("RoleRevoked(uint64,address)")}
)
_ASKED = ("DEFAULT_ADMIN_ROLE", "PROPOSER_ROLE", "UPGRADER_ROLE", "MINTER_ROLE", "PAUSER_ROLE")
"""Roles whose members are asked for where a node gives no logs."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A role of the contract `at` that a log, or its list of members, gives to `account`. `manager`: the role is a number."""

    at: Address
    role: str
    account: Address
    manager: bool = False

    @property
    def question(self) -> CallWord | CallBytes:
        """The read that says whether it is so; of an AccessManager also how long the account must wait."""
        arguments = f"{self.role[2:]}{int(self.account, 16):064x}"
        if self.manager:
            return CallBytes(self.at, f"0x{_HAS_NUMBER}{arguments}")
        return CallWord(self.at, f"0x{_HAS_ROLE}{arguments}")

    @property
    def name(self) -> str:
        """The role's name."""
        return name_of(self.role, manager=self.manager)

    @property
    def rules(self) -> bool:
        """Whether the role can grant others, upgrade, or start an operation of a timelock, by its name."""
        return self.name in _RULING


def name_of(role: str, *, manager: bool = False) -> str:
    """The name of a role; its number or its 32 bytes where none is known."""
    number = int(role, 16)
    if manager and 0 < number <= MAX_NUMBER:
        return "PUBLIC_ROLE" if number == MAX_NUMBER else f"role {number}"
    if not number:
        return "ADMIN_ROLE" if manager else "DEFAULT_ADMIN_ROLE"
    return _BY_HASH.get(role, f"role {role}")


def granted(logs: Iterable[Log]) -> dict[Address, tuple[Grant, ...]]:
    """By contract, the grants that its logs (in order) have not taken back; ruling roles first, at most `MAX_GRANTS`."""
    found: dict[Address, dict[Grant, None]] = {}
    for log in logs:
        if not log.topics or log.topics[0] not in TOPICS:
            continue
        logged = BY_TOPIC[log.topics[0]](log)
        grant = Grant(log.address, str(logged.role), Address(str(logged.account)), log.topics[0] in _OF_MANAGERS)
        known = found.setdefault(log.address, {})
        if logged.change is ControlChange.ROLE_GRANTED:
            known[grant] = None
        else:
            known.pop(grant, None)
    return {
        at: tuple(sorted(known, key=lambda one: not one.rules)[:MAX_GRANTS]) for at, known in found.items() if known
    }


def member_reads(at: Address) -> dict[CallWord, str]:
    """The reads of the first members of the usual roles of an AccessControlEnumerable, each with its role."""
    hashes = {name: role for role, name in _BY_HASH.items()} | {"DEFAULT_ADMIN_ROLE": ADMIN_ROLE}
    return {
        CallWord(at, f"0x{_MEMBER}{hashes[name][2:]}{number:064x}"): hashes[name]
        for name in _ASKED
        for number in range(MAX_MEMBERS)
    }


def members(at: Address, state: StateRead) -> tuple[Grant, ...]:
    """The grants that the list of members tells."""
    answers = ((role, state.get(read)) for read, role in member_reads(at).items())
    return tuple(Grant(at, role, address_of(word)) for role, word in answers if word is not None and word < 1 << 160)


def held(grant: Grant, state: StateRead) -> bool:
    """Whether the account holds the role; where the contract was not asked or did not answer, the grant counts."""
    question = grant.question
    if isinstance(question, CallBytes):
        answer = state.get(question)
        return answer is None or any(answer[:WORD])
    return state.get(question) != 0


def delay_s_of(grant: Grant, state: StateRead) -> int | None:
    """The seconds that the account must wait for each of its calls (AccessManager); None where there is no such rule."""
    question = grant.question
    answer = state.get(question) if isinstance(question, CallBytes) else None
    return int.from_bytes(answer[WORD : 2 * WORD], "big") if answer and len(answer) >= 2 * WORD else None
