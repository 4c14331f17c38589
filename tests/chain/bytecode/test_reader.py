"""Reads untrusted code in its own process: checks the result, and that hostile code costs no more than its bound."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable

import pytest

from chain.bytecode.reader import MAX_CODE, MAX_KEPT, CodeReader
from chain.bytecode.reader_process import read
from chain.bytecode.selectors import selectors
from tests.chain.bytecode.layouts.vaults import built, code_of
from tests.chain.bytecode.test_selectors import selector_of
from tests.evm.anvil import MODULES, binary

BODY = bytes.fromhex("5b00")


def dispatcher(functions: int, body: Callable[[int], bytes]) -> bytes:
    """Code with this many functions that share one body, built for its offset."""
    head = bytes.fromhex("608060405260003560e01c")
    place = len(head) + functions * 11
    tests = (b"\x80\x63" + (0x11000000 + one).to_bytes(4, "big") + b"\x14\x61" + place.to_bytes(2, "big") + b"\x57"
             for one in range(functions))  # fmt: skip
    return head + b"".join(tests) + body(place)


def branching(times: int, inside: bytes) -> Callable[[int], bytes]:
    """A body that branches and joins again at each word: each one doubles the number of paths."""

    def body(place: int) -> bytes:
        made = bytearray(b"\x5b")
        for word in range(times):
            after = place + len(made) + 7 + len(inside)
            made += bytes([0x60, word % 256, 0x35, 0x61]) + after.to_bytes(2, "big") + b"\x57" + inside + b"\x5b"
        return bytes(made) + b"\x00"

    return body


def looping(place: int) -> bytes:
    """An endless loop over a growing slot number."""
    return bytes.fromhex("5b5f355f54015f555f3561") + place.to_bytes(2, "big") + bytes.fromhex("5700")


HOSTILE = {
    "jump destinations": b"\x5b" * 24_576,
    "jumps": b"\x5b\x36\x61\x00\x00\x57" * 4096,
    "comparisons": bytes.fromhex("806311223344146100005760") * 2048,
    "functions": dispatcher(2200, lambda _: BODY),
    "branches": dispatcher(150, branching(1200, bytes.fromhex("5f50"))),
    "stores": dispatcher(150, branching(1100, bytes.fromhex("60015f55"))),
    "a loop": dispatcher(150, looping),
    "half a push": b"\x7f",
}


async def test_the_reader_reports_all_it_reads_from_a_code() -> None:
    code = code_of("Vault")
    found = (await CodeReader().read([code]))[code]
    assert found.size == len(code)
    assert set(found.selectors or ()) == {
        selector_of(one) for one in built("Vault")["abi"] if one["type"] == "function"
    }
    assert found.arguments["0x70a08231"] == "address"
    assert found.storage is not None
    places = {(record.slot, record.offset, record.type) for record in found.storage}
    assert {(0, 0, "address"), (0, 20, "bool"), (2, 0, "mapping(address => uint256)")} <= places


@pytest.mark.parametrize("name", ["VaultVyper", "VaultVyperDense", "VaultVyperPlain"])
async def test_the_reader_reads_vyper_function_tables_and_ignores_vyper_storage(name: str) -> None:
    code = code_of(name)
    found = (await CodeReader().read([code]))[code]
    assert set(found.selectors or ()) == {selector_of(one) for one in built(name)["abi"] if one["type"] == "function"}
    assert found.storage is None


async def test_hostile_code_delays_no_caller_and_spoils_no_code_read_with_it() -> None:
    good = code_of("Vault")
    pauses = [0.0]

    async def beat() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.01)
            pauses.append(time.perf_counter() - before - 0.01)

    beating = asyncio.create_task(beat())
    found = await CodeReader(cpu_s=1.0, wall_s=20.0).read([good, *HOSTILE.values()])
    beating.cancel()
    assert max(pauses) < 1.0  # evmole itself blocks the interpreter for seconds
    assert found[good].storage is not None
    assert {name: found[code].size for name, code in HOSTILE.items()} == {
        name: len(code) for name, code in HOSTILE.items()
    }
    assert len(found[HOSTILE["functions"]].selectors or ()) == 2200
    assert found[HOSTILE["functions"]].storage is None
    assert len(found[HOSTILE["branches"]].selectors or ()) == 150


async def test_code_that_takes_longer_than_an_event_may_wait_is_not_read() -> None:
    code = HOSTILE["stores"]
    began = time.perf_counter()
    found = (await CodeReader(wall_s=0.001).read([code]))[code]
    assert time.perf_counter() - began < 10
    assert (found.size, found.selectors, found.storage) == (len(code), None, None)


async def test_each_code_is_read_once_and_identified_by_its_content() -> None:
    reader = CodeReader()
    first = await reader.read([code_of("Vault"), b""])
    assert (await reader.read([code_of("Vault")]))[code_of("Vault")] is first[code_of("Vault")]
    assert first[b""].size == 0
    assert first[b""].selectors == frozenset()


async def test_the_memory_of_read_codes_is_bounded() -> None:
    reader = CodeReader()
    await reader.read(bytes([0x60, one % 256, 0x60, one // 256]) for one in range(MAX_KEPT + 8))
    assert len(reader._codes) == MAX_KEPT


async def test_the_reader_reports_only_the_size_of_an_enormous_code() -> None:
    code = code_of("Vault") + bytes(MAX_CODE)
    found = (await CodeReader().read([code]))[code]
    assert (found.size, found.selectors) == (len(code), None)


async def test_the_reading_process_receives_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, str]] = []
    spawn = asyncio.create_subprocess_exec

    async def spy(*words: str, **how: object) -> asyncio.subprocess.Process:
        env = how["env"]
        assert isinstance(env, dict)
        asked.append(env)
        return await spawn(*words, **how)  # type: ignore[arg-type]

    monkeypatch.setenv("STORMWATCH_KEY", "secret")
    monkeypatch.setattr(asyncio, "create_subprocess_exec", spy)
    await CodeReader().read([code_of("Vault")])
    assert asked
    assert all("STORMWATCH_KEY" not in env for env in asked)


def test_without_an_evmole_build_our_own_reader_finds_the_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "evmole", None)
    reports: list[dict[str, object]] = []
    read(3, code_of("Vault"), reports.append)
    assert reports == [{"at": 3, "selectors": sorted(selectors(code_of("Vault")))}, {"at": 3, "done": True}]


def test_our_reader_and_evmole_find_the_same_functions_in_every_npm_contract() -> None:
    binary()  # skips if the npm contracts are not installed
    evmole = pytest.importorskip("evmole", reason="evmole has no build for this machine")
    codes: dict[bytes, str] = {}
    for path in sorted([*MODULES.glob("**/*.json"), *(MODULES.parent / "pools/node_modules").glob("**/*.json")]):
        code = code_in(path.read_bytes())
        if 100 < len(code) <= 24_576:
            codes[code] = path.name
    assert len(codes) > 100
    found = {
        code: {f"0x{one.selector}" for one in evmole.contract_info(code, selectors=True).functions} for code in codes
    }
    differ = {name: found[code] ^ selectors(code) for code, name in codes.items() if found[code] != selectors(code)}
    print(f"{len(codes) - len(differ)} of {len(codes)} codes agree")
    assert differ == {}


def code_in(body: bytes) -> bytes:
    """Returns the deployed code in a build file; None if the file is of another kind or not linked."""
    try:
        built = json.loads(body)
        code = built.get("deployedBytecode") if isinstance(built, dict) else None
        code = code.get("object") if isinstance(code, dict) else code
        return bytes.fromhex(code.removeprefix("0x")) if isinstance(code, str) else b""
    except ValueError:
        return b""
