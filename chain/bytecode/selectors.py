"""Finds the functions of a code: the selectors that its dispatcher compares. Pure; used if evmole has no build.

The walk begins at the first instruction. A pushed constant of three or four bytes that is compared for equality (EQ, or SUB
and XOR in Vyper and newer compilers) before a conditional jump is a function, and the walk does not enter its body. All other
jumps to pushed places are followed both ways, because large contracts split their search (GT, LT). Code that this walk does
not reach (bodies, code of other contracts that this one carries) is not read. A selector that begins with two zero bytes
looks like a number and is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

PUSH0, PUSH1, PUSH3, PUSH4, PUSH32 = 0x5F, 0x60, 0x62, 0x63, 0x7F
EQ, SUB, XOR, ISZERO, JUMP, JUMPI = 0x14, 0x03, 0x18, 0x15, 0x56, 0x57
BOUNDARIES = frozenset({0x1C, 0x50, 0x57, 0x5B})
"""SHR, POP, JUMPI, JUMPDEST: one of them precedes the last test of a search, which consumes the selector."""
ENDS = frozenset({0x00, 0xF3, 0xFD, 0xFE, 0xFF})
"""STOP, RETURN, REVERT, INVALID, SELFDESTRUCT."""
DUPS = range(0x80, 0x90)
SMALLEST = 0x10000
MAX_CODE = 256 * 1024


def selectors(code: bytes) -> frozenset[str]:
    """Return the selectors ("0x" and 8 digits) that the code compares with its call data. Code beyond `MAX_CODE` is not read."""
    steps = _steps(code[:MAX_CODE])
    places = {step.place: at for at, step in enumerate(steps)}
    found: set[int] = set()
    open_, walked = [0], set[int]()
    while open_:
        at = open_.pop()
        while at < len(steps) and at not in walked and steps[at].opcode not in ENDS:
            walked.add(at)
            opcode, target = steps[at].opcode, places.get(steps[at - 1].pushed if at else -1)
            selector = _selector(steps, at) if opcode == JUMPI else None
            if selector is not None:
                found.add(selector[0])
            if opcode in (JUMP, JUMPI) and target is not None and not (selector and selector[1]):
                open_.append(target)
            if opcode == JUMP or (selector and not selector[1]):
                break
            at += 1
    return frozenset(f"0x{selector:08x}" for selector in found)


@dataclass(frozen=True, slots=True)
class _Step:
    """Holds an instruction; `pushed` is its constant, -1 if it pushes none."""

    place: int
    opcode: int
    pushed: int


def _steps(code: bytes) -> list[_Step]:
    steps: list[_Step] = []
    at = 0
    while at < len(code):
        opcode = code[at]
        size = opcode - PUSH0 if PUSH0 <= opcode <= PUSH32 else -1
        steps.append(_Step(at, opcode, -1 if size < 0 else int.from_bytes(code[at + 1 : at + 1 + size], "big")))
        at += 1 + max(size, 0)
    return steps


def _selector(steps: Sequence[_Step], jump: int) -> tuple[int, bool] | None:
    """Return the constant that this conditional jump compares with the selector, and whether it jumps if they are equal; None
    if the jump depends on anything else.

    The forms before the pushed place are: DUP, PUSH, compare; PUSH, DUP, compare; the last test PUSH, compare; each with or
    without ISZERO after it.
    """
    at = jump - 2
    negated = at >= 0 and steps[at].opcode == ISZERO
    at -= negated
    if at < 2 or steps[at].opcode not in (EQ, SUB, XOR):
        return None
    pair = steps[at - 2 : at]
    constants = [step.pushed for step in pair if step.opcode in (PUSH3, PUSH4)]
    last = pair[0].opcode in BOUNDARIES and pair[1].opcode in (PUSH3, PUSH4)
    duplicated = last or any(step.opcode in DUPS for step in pair)
    if len(constants) == 1 and duplicated and constants[0] >= SMALLEST:
        return constants[0], (steps[at].opcode == EQ) != negated
    return None
