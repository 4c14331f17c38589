"""Runs the few EVM opcodes of the code that an eth_call carries, over accounts in memory.

Follows the Ethereum yellow paper, appendix H. Gas: 2,100 for a cold SLOAD, 2,600 for a call, 3 for anything else. A call that
uses up its gas fails. An account without replaced code answers from a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

WORD = 1 << 256
COLD_SLOT, CALL = 2100, 2600
BLOCK_GAS = 30_000_000


class Halted(Exception):
    """The execution ended without an answer."""


@dataclass(slots=True)
class Account:
    """`answers` by input; None fails. Each answer uses `wants` gas."""

    storage: dict[int, int] = field(default_factory=dict)
    code_hash: int = 0
    answers: dict[bytes, bytes | None] = field(default_factory=dict)
    wants: int = 0


@dataclass(slots=True)
class SmallEvm:
    """`given` is the gas of each inner call, in order."""

    accounts: Mapping[Any, Account]
    given: list[int] = field(default_factory=list)

    def eth_call(self, call: Mapping[str, str], overrides: Mapping[str, Mapping[str, str]]) -> str | None:
        """Returns the answer as a node gives it; None if the execution failed."""
        codes = {address: bytes.fromhex(one["code"][2:]) for address, one in overrides.items()}
        try:
            found, _ = self._to(call["to"], bytes.fromhex(call["data"][2:]), codes, BLOCK_GAS)
        except Halted:
            return None
        return f"0x{found.hex()}"

    def _to(self, address: str, data: bytes, codes: Mapping[str, bytes], gas: int) -> tuple[bytes, int]:
        """Returns the answer of this account and the gas it used."""
        if address in codes:
            return _Frame(self, address, data, codes, gas).run()
        account = self.accounts.get(address, Account())
        answer = account.answers.get(data, b"")
        if answer is None or account.wants > gas:
            raise Halted
        return answer, account.wants

    def inner(self, address: str, data: bytes, codes: Mapping[str, bytes], gas: int) -> tuple[bytes | None, int]:
        """Does the same from within a call: a failure (None) uses all its gas."""
        self.given.append(gas)
        try:
            return self._to(address, data, codes, gas)
        except Halted:
            return None, gas


class _Frame:
    def __init__(self, evm: SmallEvm, me: str, data: bytes, codes: Mapping[str, bytes], gas: int) -> None:
        self.evm, self.me, self.data, self.codes, self.gas, self.whole = evm, me, data, codes, gas, gas
        self.stack: list[int] = []
        self.memory = bytearray()
        self.returned = b""

    def run(self) -> tuple[bytes, int]:
        code, at = self.codes[self.me], 0
        while True:
            op = code[at]
            self.use(3)
            at += 1
            if 0x60 <= op <= 0x7F:
                self.stack.append(int.from_bytes(code[at : at + op - 0x5F], "big"))
                at += op - 0x5F
            elif 0x80 <= op <= 0x8F:
                self.stack.append(self.stack[0x7F - op])
            elif 0x90 <= op <= 0x9F:
                deep = 0x8E - op
                self.stack[-1], self.stack[deep] = self.stack[deep], self.stack[-1]
            elif op in (0x56, 0x57):
                target = self.stack.pop()
                if op == 0x56 or self.stack.pop():
                    assert code[target] == 0x5B, "a jump to where none may go"
                    at = target
            elif op == 0xF3:
                return self.read(self.stack.pop(), self.stack.pop()), self.whole - self.gas
            elif op != 0x5B:
                self.plain(op)

    def plain(self, op: int) -> None:
        """Runs an opcode that takes words and leaves one or none."""
        pop = self.stack.pop
        words: dict[int, Any] = {
            0x01: lambda: (pop() + pop()) % WORD,
            0x03: lambda: (pop() - pop()) % WORD,
            0x10: lambda: int(pop() < pop()),
            0x11: lambda: int(pop() > pop()),
            0x15: lambda: int(not pop()),
            0x16: lambda: pop() & pop(),
            0x19: lambda: WORD - 1 - pop(),
            0x1C: lambda: _shifted(pop(), pop()),
            0x35: lambda: int.from_bytes(self.data[(at := pop()) : at + 32].ljust(32, b"\0"), "big"),
            0x36: lambda: len(self.data),
            0x3D: lambda: len(self.returned),
            0x3F: lambda: self.evm.accounts.get(f"0x{pop():040x}", Account()).code_hash,
            0x54: self.sload,
            0xFA: self.call,
        }
        if op in words:
            self.stack.append(words[op]())
        elif op == 0x50:
            pop()
        elif op == 0x52:
            self.write(pop(), pop().to_bytes(32, "big"))
        elif op in (0x37, 0x3E):
            to, at, size = pop(), pop(), pop()
            source = self.data if op == 0x37 else self.returned
            assert op == 0x37 or at + size <= len(self.returned), "copied beyond what came back"
            self.write(to, source[at : at + size].ljust(size, b"\0"))
        else:
            raise AssertionError(f"opcode {op:#x} is not known here")

    def sload(self) -> int:
        self.use(COLD_SLOT)
        return self.evm.accounts.get(self.me, Account()).storage.get(self.stack.pop(), 0)

    def call(self) -> int:
        """Runs STATICCALL. At most 63/64 of the remaining gas are passed on (EIP-150)."""
        self.use(CALL)
        gas, address, at, size, to, room = (self.stack.pop() for _ in range(6))
        found, used = self.evm.inner(
            f"0x{address:040x}", self.read(at, size), self.codes, min(gas, self.gas - self.gas // 64)
        )
        self.use(used)
        self.returned = found or b""
        self.write(to, self.returned[:room])
        return int(found is not None)

    def use(self, gas: int) -> None:
        self.gas -= gas
        if self.gas < 0:
            raise Halted

    def read(self, at: int, size: int) -> bytes:
        return bytes(self.memory[at : at + size]).ljust(size, b"\0")

    def write(self, at: int, body: bytes) -> None:
        if body:
            self.memory.extend(bytes(max(at + len(body) - len(self.memory), 0)))
            self.memory[at : at + len(body)] = body


def _shifted(by: int, word: int) -> int:
    return word >> by if by < 256 else 0
