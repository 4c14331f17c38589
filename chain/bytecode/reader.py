"""Reads untrusted code in a separate process that may crash (chain/bytecode/reader_process.py), and caches the results.

The key of the cache is the hash of the code, never its address: the code at an address can change.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import msgspec

from chain.bytecode.code import EMPTY, Code, Record, compiler_of

MAX_CODE = 128 * 1024
"""Bytes of a code beyond which only its size is reported. Most networks allow 24 KB, a few 100 KB."""
MAX_KEPT = 256
CPU_S = 1.5
"""CPU seconds for one code. Real code of 24 KB takes up to about one."""
WALL_S = 3.0
"""Seconds for all codes of one block, so that the next block never waits longer."""
MAX_LINE = 4 * 1024 * 1024
_PASSED_ON = ("PATH", "PYTHONHOME", "PYTHONUSERBASE", "HOME", "SYSTEMROOT", "APPDATA", "VIRTUAL_ENV")
"""The variables that the process inherits. The others may hold secrets, and the process does not need them."""
_ROOT = str(Path(__file__).parents[2])
"""The folder of this package; `-P` excludes the current folder."""


class CodeFacts(msgspec.Struct):
    """Holds one line of output: findings on code number `at`. `done` marks its last line."""

    at: int
    selectors: list[str] | None = None
    arguments: dict[str, str] | None = None
    storage: list[tuple[str, int, str, list[str], list[str]]] | None = None
    done: bool = False


class CodeReader:
    """Reads codes, each one once. Never raises, whatever the input; an unreadable part is None in the result."""

    def __init__(self, *, cpu_s: float = CPU_S, wall_s: float = WALL_S) -> None:
        self._cpu_s = cpu_s
        self._wall_s = wall_s
        self._codes: OrderedDict[bytes, Code] = OrderedDict()

    async def read(self, codes: Iterable[bytes], blocks: int = 1) -> dict[bytes, Code]:
        """Read these codes, in at most `wall_s` seconds for each block. Returns the result by code."""
        wanted = set(codes)
        found = {code: self._known(code) for code in wanted}
        fresh = sorted(code for code, known in found.items() if known is None)
        read = await self._fresh(fresh, self._wall_s * blocks) if fresh else {}
        for code, one in read.items():
            self._remember(code, one)
        return {code: known or read[code] for code, known in found.items()}

    def _known(self, code: bytes) -> Code | None:
        if not code:
            return EMPTY
        if len(code) > MAX_CODE:
            return Code(size=len(code), compiler=compiler_of(code))
        key = sha256(code).digest()
        if key in self._codes:
            self._codes.move_to_end(key)
        return self._codes.get(key)

    def _remember(self, code: bytes, one: Code) -> None:
        self._codes[sha256(code).digest()] = one
        while len(self._codes) > MAX_KEPT:
            self._codes.popitem(last=False)

    async def _fresh(self, codes: Sequence[bytes], within_s: float) -> dict[bytes, Code]:
        """Read codes in one process after another; each continues where the last one crashed."""
        found = [Code(size=len(code), compiler=compiler_of(code)) for code in codes]
        begin = 0
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(within_s):
                while begin < len(codes):
                    begin = await self._one_process(codes, begin, found)
        return dict(zip(codes, found, strict=True))

    async def _one_process(self, codes: Sequence[bytes], begin: int, found: list[Code]) -> int:
        """Read from `begin` on. Returns the index of the first code that another process must read."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "chain.bytecode.reader_process", str(self._cpu_s)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={name: os.environ[name] for name in _PASSED_ON if name in os.environ} | {"PYTHONPATH": _ROOT},
            limit=MAX_LINE,
        )
        assert process.stdin
        assert process.stdout
        feeding = asyncio.create_task(_feed(process.stdin, codes[begin:]))
        at = begin
        try:
            with suppress(ValueError, msgspec.DecodeError):  # the line is too long or malformed: give this process up
                async for line in process.stdout:
                    one = msgspec.json.decode(line, type=CodeFacts)
                    at = begin + one.at
                    found[at] = _with(found[at], one)
                    if one.done:
                        at += 1
                        if at == len(codes):
                            return at
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
            with suppress(ProcessLookupError):
                process.kill()
            await process.communicate()
        return at + 1


async def _feed(into: asyncio.StreamWriter, codes: Sequence[bytes]) -> None:
    for code in codes:
        into.write(code.hex().encode() + b"\n")
        await into.drain()
    into.close()


def _with(code: Code, found: CodeFacts) -> Code:
    if found.selectors is not None:
        code = replace(code, selectors=frozenset(found.selectors))
    if found.arguments is not None:
        code = replace(code, arguments=found.arguments)
    if found.storage is not None:
        code = replace(
            code,
            storage=tuple(
                Record(int(slot, 16), offset, kind, frozenset(reads), frozenset(writes))
                for slot, offset, kind, reads, writes in found.storage
            ),
        )
    return code
