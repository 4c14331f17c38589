"""The process that reads strangers' code with evmole: `python -m chain.bytecode.reader_process CPU_S`, codes in, findings out.

evmole is native: it holds the interpreter's lock while it reads, hostile code can keep it busy for minutes and fill memory,
and a fault in it would end the process. Here nothing else is at stake: each code has CPU seconds of its own, the whole
process so much memory, and the environment holds no secrets. What is found is told at once, the cheap before the dear, so
that selectors stand even where storage takes too long. Where evmole has no build, selectors are read by our own reader.

It begins with little more than the interpreter, since an event waits for it: lines are plain JSON, `code_reader.Found`.
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
"""Functions beyond which storage is not read: its cost grows with them, and no contract of 24 KB known has so many."""
MAX_SELECTORS = 4096
MAX_RECORDS = 1024
MAX_TYPE_CHARACTERS = 256
"""Characters of a type."""


FREE_MEMORY = b"\x60\x40\x52"
"""PUSH1 0x40, MSTORE: what Solidity's code begins with, behind the pointer itself (its documentation, "Layout in Memory")."""


def solidity_like(code: bytes) -> bool:
    """Whether code begins as Solidity's does. Only then its storage can be read by the hashes that Solidity makes."""
    return FREE_MEMORY in code[:16]


def read(at: int, code: bytes, emit: Callable[[dict[str, object]], None]) -> None:
    """Tell all that is found of a code, in up to four lines."""
    try:
        import evmole
    except ImportError:
        from chain.bytecode.selectors import selectors

        emit({"at": at, "selectors": sorted(selectors(code))[:MAX_SELECTORS]})
        emit({"at": at, "done": True})
        return
    with suppress(BaseException):  # a panic in the library is a BaseException, and says nothing of what was told before
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
    """Read every line, a code in hexadecimal, until the last; each may take so many CPU seconds as the command says."""
    cpu_s = float(sys.argv[1])
    _bounded()

    def emit(found: dict[str, object]) -> None:
        print(json.dumps(found), flush=True)  # noqa: T201 - the way out of this process

    for at, line in enumerate(sys.stdin.buffer):
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_PROF, cpu_s)  # its signal, unhandled, ends the process
        read(at, bytes.fromhex(line.strip().decode()), emit)


def _bounded() -> None:
    try:
        import resource
    except ImportError:
        return  # Windows: the other side's clock is the only bound there
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
