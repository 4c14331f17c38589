from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from eth_hash.auto import keccak

from chain.bytecode.selectors import selectors
from tests.evm.anvil import MODULES, binary

BUILDS = (
    "@openzeppelin/contracts/build/contracts/*.json",
    "openzeppelin-5/build/contracts/*.json",
    "@safe-global/safe-contracts/build/artifacts/contracts/**/*.json",
)
FIRST, SECOND = "0x11223344", "0x55667788"


def typed(argument: dict[str, Any]) -> str:
    if argument["type"].startswith("tuple"):
        return f"({','.join(typed(one) for one in argument['components'])}){argument['type'][5:]}"
    return str(argument["type"])


def selector_of(function: dict[str, Any]) -> str:
    words = f"{function['name']}({','.join(typed(one) for one in function['inputs'])})"
    return "0x" + keccak(words.encode())[:4].hex()


def code_of(path: Path) -> tuple[bytes, set[str]]:
    built = json.loads(path.read_text())
    code = re.sub("__.{38}", "0" * 40, built.get("deployedBytecode", "0x"))
    wanted = {selector_of(one) for one in built.get("abi", []) if one["type"] == "function"}
    return bytes.fromhex(code.removeprefix("0x")), wanted


@pytest.mark.parametrize("builds", BUILDS)
def test_every_function_of_a_real_contract_is_found_and_nothing_else(builds: str) -> None:
    binary()  # skips if the npm contracts are not installed
    found = {path.name: code_of(path) for path in MODULES.glob(builds) if not path.name.endswith(".dbg.json")}
    contracts = {name: one for name, one in found.items() if len(one[0]) > 100 and one[0][0] != 0x73}
    assert len(contracts) > 10
    wrong = {name: selectors(code) ^ wanted for name, (code, wanted) in contracts.items() if selectors(code) != wanted}
    assert wrong == {}


@pytest.mark.parametrize(
    "code",
    [
        "80631122334414600f5780635566778814600f57 00 5b00",  # equal: jump to the body
        "631122334481146012576355667788811460125700 5b00",  # constant first
        "806311223344186009575b806355667788186012575b00",  # unequal: jump to the next test
        "801c 6311223344 14 6010 57 80 00 5b00",  # one function: the selector is not needed any more
        "8063112233441415600a57 5b 80635566778814 15 6014 57 5b00",  # equality negated
    ],
)
def test_each_form_of_dispatcher_is_read(code: str) -> None:
    assert selectors(bytes.fromhex(code.replace(" ", ""))) >= {FIRST}


def test_a_constant_that_splits_the_search_is_not_a_function_and_both_halves_are_read() -> None:
    code = "8063aabbccdd11601557 8063112233441460215700 5b8063556677881460215700 5b00"
    assert selectors(bytes.fromhex(code.replace(" ", ""))) == {FIRST, SECOND}


def test_numbers_bodies_and_embedded_code_are_not_functions() -> None:
    number = "80 62000001 14 600a 57 00 00 00 00"
    carried = "00 80 63 11223344 14 600f 57 5b"
    loop = "5b 6000 56"
    for code in (number, carried, loop, "57", "146000 57", "", "63"):
        assert selectors(bytes.fromhex(code.replace(" ", ""))) == frozenset()
