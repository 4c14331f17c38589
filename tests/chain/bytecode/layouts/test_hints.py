from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from chain.bytecode.code import EMPTY, Code, Record, compiler_of
from chain.bytecode.diff import changed
from chain.bytecode.reader import CodeReader
from chain.bytecode.reader_process import solidity_like
from chain.bytecode.storage_layout import MAX_HINTS, hints
from chain.events.upgrades import LayoutHint
from tests.chain.bytecode.layouts.vaults import built, code_of
from tests.evm.anvil import MODULES, binary

FOUR = MODULES / "@openzeppelin/contracts/build/contracts"
FIVE = MODULES / "openzeppelin-5/build/contracts"
THREE = MODULES.parent / "pools/node_modules/@openzeppelin/contracts/build/contracts"


def records_of(*records: tuple[int, int, str], by: str = "0x11111111") -> tuple[Record, ...]:
    """Records of variables. Each has its own function, which also reads another slot, so that none counts as a getter."""
    both = frozenset({by, "0x22222222"})
    return tuple(Record(slot, offset, kind, reads=both, writes=frozenset({by})) for slot, offset, kind in records)


async def hints_between(old: str, new: str) -> dict[str, tuple[int, str, str]]:
    """Returns the hints between two vaults, by text: slot, old type and new type."""
    read = await CodeReader().read([code_of(old), code_of(new)])
    found = changed(read[code_of(old)], read[code_of(new)]).layout
    assert found is not None
    return {hint.said: (int(hint.slot, 16), hint.old, hint.new) for hint in found}


async def test_added_variables_give_no_hint_and_added_functions_are_listed_with_their_arguments() -> None:
    read = await CodeReader().read([code_of("Vault"), code_of("VaultAppended")])
    found = changed(read[code_of("Vault")], read[code_of("VaultAppended")])
    assert found.layout == ()
    assert found.lost == ()
    assert found.signatures == ("0x28fb6607(address,uint256)", "0x9c8d83bb(address)", "0xddca3f43()")
    assert found.gained == tuple(one.split("(")[0] for one in found.signatures)
    assert (found.old_size, found.new_size) == (len(code_of("Vault")), len(code_of("VaultAppended")))
    assert (found.old_compiler, found.new_compiler) == ("solc 0.8.37", "solc 0.8.37")


async def test_two_variables_that_swapped_slots_give_a_hint_for_each_slot() -> None:
    found = await hints_between("Vault", "VaultReordered")
    assert {slot for slot, _, _ in found.values()} == {1, 2}
    assert (1, "uint256", "mapping(address => uint256)") in found.values()
    assert (2, "mapping(address => uint256)", "uint256") in found.values()
    assert (2, "slot 2", "slot 1") in found.values()  # balanceOf finds it elsewhere


async def test_a_slot_that_holds_two_numbers_instead_of_one_gives_a_hint() -> None:
    assert list((await hints_between("Vault", "VaultRetyped")).values()) == [(1, "uint256", "uint128")]


async def test_a_shorter_gap_gives_hints_for_the_variables_after_it() -> None:
    found = await hints_between("Vault", "VaultShrunk")
    assert set(found.values()) == {(13, "slot 13", "slot 11"), (14, "slot 14", "slot 12")}
    assert all("2 back: a gap or a variable before it shrank" in words for words in found)


async def test_every_hint_names_a_variable_that_the_compiler_moved() -> None:
    for name in ("VaultAppended", "VaultReordered", "VaultRetyped", "VaultShrunk"):
        before, after = built("Vault")["layout"], built(name)["layout"]
        moved = {tuple(place) for label, place in before.items() if after[label] != place and label != "_gap"}
        resized = {(1, 0)} if name == "VaultRetyped" else set()
        read = await CodeReader().read([code_of("Vault"), code_of(name)])
        found = changed(read[code_of("Vault")], read[code_of(name)]).layout
        assert found is not None
        assert {(int(hint.slot, 16), hint.offset) for hint in found} == moved | resized


def shared(older: Path, newer: Path) -> list[str]:
    return sorted({path.name for path in older.glob("*.json")} & {path.name for path in newer.glob("*.json")})


def runtime(path: Path) -> bytes:
    code = json.loads(path.read_text()).get("deployedBytecode", "0x")
    return bytes.fromhex(re.sub("__.{38}", "0" * 40, code).removeprefix("0x"))


@pytest.mark.parametrize(
    ("older", "newer", "differ"),
    [
        # From the OpenZeppelin sources: VestingWallet became Ownable, whose variable lies before its two.
        (FOUR, FIVE, {"VestingWallet.json"}),
        # From 3 (or early 4) on: ERC-165 is no longer in storage, roles are enumerable, ERC721 has another order.
        (
            THREE,
            FOUR,
            {
                "ERC1155.json",
                "ERC1155PresetMinterPauser.json",
                "ERC20PresetMinterPauser.json",
                "ERC721.json",
                "ERC721PresetMinterPauserAutoId.json",
            },
        ),
    ],
)
async def test_between_versions_of_audited_contracts_only_moved_variables_give_hints(
    older: Path, newer: Path, differ: set[str]
) -> None:
    binary()  # skips if the npm contracts are not installed
    names = shared(older, newer)
    assert len(names) > 5
    codes = {(folder, name): runtime(folder / name) for folder in (older, newer) for name in names}
    read = await CodeReader(cpu_s=10.0, wall_s=60.0).read(codes.values())
    changes = {name: changed(read[codes[older, name]], read[codes[newer, name]]) for name in names}
    assert {name for name, change in changes.items() if change.layout} == differ
    assert sum(change.layout is not None for change in changes.values()) > 5


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ((0, 0, "mapping(address => uint256)"), (0, 0, "uint256")),
        ((0, 0, "uint256"), (0, 0, "mapping(address => uint256)")),
        ((0, 0, "address"), (0, 0, "uint256")),
        ((0, 0, "address"), (0, 0, "string")),
        ((0, 16, "uint128"), (0, 0, "address")),
        ((0, 0, "bool"), (0, 0, "bytes4")),
    ],
)
def test_two_uses_that_cannot_be_one_variable_give_a_hint(
    before: tuple[int, int, str], now: tuple[int, int, str]
) -> None:
    [hint] = hints(records_of(before), records_of(now))
    assert (hint.slot, hint.offset, hint.old, hint.new) == ("0x0", before[1], before[2], now[2])
    assert (f"at byte {now[1]}" in hint.said) == (before[1] != now[1])


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ((0, 0, "uint256"), (0, 0, "bytes32")),
        ((0, 0, "bool"), (0, 0, "uint8")),
        ((0, 0, "address"), (0, 0, "uint160")),
        ((0, 0, "string"), (0, 0, "uint256")),  # only its length was read
        ((0, 0, "bytes"), (0, 0, "address[]")),
        ((0, 0, "address"), (0, 20, "bool")),
        ((0, 20, "bool"), (0, 0, "address")),
        ((0, 0, "address"), (1, 0, "uint256")),
        ((0, 0, "unheard of"), (0, 0, "mapping(address => uint256)")),
        ((0, 0, "mapping(address => uint256)"), (0, 0, "unheard of")),
        ((0, 0, "mapping(address => bool)"), (0, 0, "mapping(uint256 => mapping(address => uint256))")),
    ],
)
def test_two_uses_that_may_be_one_variable_give_no_hint(
    before: tuple[int, int, str], now: tuple[int, int, str]
) -> None:
    assert hints(records_of(before), records_of(now)) == ()


def getter(slot: int, kind: str = "uint256", offset: int = 0, *, writes: bool = False) -> tuple[Record, ...]:
    by = frozenset({"0x11111111"})
    return (Record(slot, offset, kind, reads=by, writes=by if writes else frozenset()),)


def test_a_getter_that_reads_another_slot_gives_a_hint_that_explains_the_shift() -> None:
    assert "(3 on: something came before it)" in hints(getter(1), getter(4))[0].said
    assert "(1 back: a gap" in hints(getter(4), getter(3))[0].said
    assert hints(getter(1), getter(1 << 255))[0].said.endswith(hex(1 << 255))  # moved into a namespace
    assert hints(getter(1, "bool"), getter(1, "bool", 20))[0].new == "slot 1 byte 20"


def test_functions_that_write_or_read_another_type_are_not_compared() -> None:
    assert hints(getter(1, writes=True), getter(4)) == ()
    assert hints(getter(1), getter(4, "address")) == ()
    assert hints(getter(1), getter(1)) == ()


def test_hints_are_bounded_and_ordered() -> None:
    many = range(100)
    found = hints(
        records_of(*((slot, 0, "uint256") for slot in many)),
        records_of(*((slot, offset, "bool") for slot in many for offset in (0, 1))),
    )
    assert len(found) == MAX_HINTS
    assert [int(hint.slot, 16) for hint in found] == sorted(int(hint.slot, 16) for hint in found)
    assert isinstance(found[0], LayoutHint)


def test_a_slot_that_one_code_reads_in_two_ways_gives_no_hint() -> None:
    """Two flags written at once look like one number: OpenZeppelin 4.3's Initializable, with the optimizer."""
    merged = records_of((0, 0, "uint16"), (0, 1, "bool"))
    apart = records_of((0, 0, "uint8"), (0, 1, "uint8"))
    assert hints(merged, apart) == hints(apart, merged) == ()


def test_a_slot_that_hostile_code_uses_too_often_is_ignored() -> None:
    crowd = records_of(*((0, 0, "bool") for _ in range(5000)))
    assert hints(records_of((0, 0, "uint256")), crowd) == hints(crowd, records_of((0, 0, "uint256"))) == ()


def test_unknown_facts_about_a_code_are_not_guessed() -> None:
    whole = Code(size=3, selectors=frozenset({"0x11111111"}), storage=())
    unread = Code(size=9)
    assert changed(None, whole).gained is None
    assert changed(None, whole).layout is None
    assert changed(whole, unread).lost is None
    assert (changed(whole, unread).old_size, changed(whole, unread).new_size) == (3, 9)
    emptied = changed(whole, EMPTY)
    assert (emptied.new_size, emptied.lost, emptied.layout) == (0, ("0x11111111",), ())


@pytest.mark.parametrize(
    ("trailer", "compiler"),
    [
        ("a264697066735822" + "00" * 34 + "64736f6c634300081a0033", "solc 0.8.26"),
        ("a165767970657283000304000b", "vyper 0.3.4"),
        ("a1657679706572831918180400", None),  # numbers longer than a byte: no version
        ("64736f6c634300", None),
        ("", None),
    ],
)
def test_the_compiler_version_is_read_from_the_code_trailer(trailer: str, compiler: str | None) -> None:
    assert compiler_of(bytes.fromhex("6080604052" + trailer)) == compiler


def test_the_storage_layout_is_read_only_from_code_that_begins_like_solidity_code() -> None:
    assert solidity_like(code_of("Vault"))
    assert not solidity_like(code_of("VaultVyper"))
