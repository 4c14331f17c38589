"""Reads untrusted code with evmole in its own process: `python -m chain.bytecode.reader_process CPU_S`, codes in, findings out.

evmole is native: it holds the interpreter's lock while it reads, hostile code can keep it busy for minutes and fill the memory,
and a fault in it ends the process. In this process nothing else can be damaged: each code has its own CPU seconds, the process
has a memory limit, and the environment holds no secrets. Findings are written at once, the cheap ones first, so that the
selectors survive if reading the storage takes too long. Without a build of evmole, our own reader finds the selectors.

The process imports little, because an event waits for it. Its lines are plain JSON: `CodeFacts` in `chain/bytecode/reader.py`.
"""

from __future__ import annotations

import json
import signal
import sys
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

MAX_MEMORY = 1 << 30
MAX_FUNCTIONS = 160
"""Functions beyond which storage is not read: the cost grows with them, and no known contract of 24 KB has so many."""
MAX_SELECTORS = 4096
MAX_RECORDS = 1024
MAX_TYPE_CHARACTERS = 256
"""Characters of a type name."""


FREE_MEMORY = b"\x60\x40\x52"
"""PUSH1 0x40, MSTORE: the first instructions of Solidity code, after the pointer (its documentation, "Layout in Memory")."""


def solidity_like(code: bytes) -> bool:
    """Whether the code begins as Solidity code does. Only then do Solidity's hashes explain its storage."""
    return FREE_MEMORY in code[:16]


def read(at: int, code: bytes, emit: Callable[[dict[str, object]], None]) -> None:
    """Emit all findings on a code, in up to four lines."""
    try:
        import evmole
    except ImportError:
        from chain.bytecode.selectors import selectors

        emit({"at": at, "selectors": sorted(selectors(code))[:MAX_SELECTORS]})
        emit({"at": at, "done": True})
        return
    with suppress(BaseException):  # a panic in the library is a BaseException; earlier findings stay valid
        functions = (evmole.contract_info(code, selectors=True).functions or [])[:MAX_SELECTORS]
        emit({"at": at, "selectors": [f"0x{one.selector}" for one in functions]})
        typed = evmole.contract_info(code, selectors=True, arguments=True).functions or []
        known = {f"0x{one.selector}": one.arguments for one in typed[:MAX_SELECTORS] if one.arguments is not None}
        emit({"at": at, "arguments": {one: words for one, words in known.items() if len(words) <= MAX_TYPE_CHARACTERS}})
        if len(functions) <= MAX_FUNCTIONS and solidity_like(code):
            records = evmole.contract_info(code, storage=True).storage or []
            records_out = [
                (
                    one.slot,
                    one.offset,
                    one.type[:MAX_TYPE_CHARACTERS],
                    [f"0x{by}" for by in one.reads],
                    [f"0x{by}" for by in one.writes],
                )
                for one in records[:MAX_RECORDS]
            ]
            emit({"at": at, "storage": records_out})
    emit({"at": at, "done": True})


def main() -> None:
    """Read every line of input, a code in hexadecimal. Each one may take the CPU seconds of the argument."""
    cpu_s = float(sys.argv[1])
    _bounded()

    def emit(found: dict[str, object]) -> None:
        print(json.dumps(found), flush=True)  # noqa: T201 - the output of this process

    for at, line in enumerate(sys.stdin.buffer):
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_PROF, cpu_s)  # its signal, unhandled, ends the process
        read(at, bytes.fromhex(line.strip().decode()), emit)


def _bounded() -> None:
    try:
        import resource
    except ImportError:
        return  # Windows: only the parent's timeout bounds this process
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
