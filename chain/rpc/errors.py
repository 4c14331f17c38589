"""Classifies the refusals of nodes by the documented texts of clients and services. No I/O.

Texts are compared in lower case and never passed on, because some repeat the request with its key. Sources: geth
(eth/filters, rpc), erigon, reth, nethermind, besu, coreth; Alchemy, Infura, QuickNode, Ankr, Chainstack, BlockPI,
Cloudflare, dRPC, publicnode, as quoted in their docs and in public issue threads.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from chain.events.network import NodeFaultKind

NO_METHOD = -32601
"""The node does not have the method. Source: JSON-RPC 2.0, section 5.1."""


class NodeFailure(Exception):
    """A node did not answer a request. Outside `chain` it appears only as a NodeFault event.

    `rest_s`: seconds that the node asked us to wait. `allowed`: how many requests in a batch it said that it accepts.
    """

    def __init__(
        self, fault: NodeFaultKind, detail: str, rest_s: float | None = None, allowed: int | None = None
    ) -> None:
        super().__init__(fault, detail)
        self.fault = fault
        self.detail = detail
        self.rest_s = rest_s
        self.allowed = allowed


class PassingFailure(NodeFailure):
    """A failure that is often gone at the next try: a gateway's error page, an empty body, a body that was cut short."""


class ConnectionDropped(PassingFailure):
    """The node closed the connection during a request. Some do so when a batch is too large, without a word."""

    def __init__(self, detail: str) -> None:
        super().__init__(NodeFaultKind.UNREACHABLE, detail)


class AnswerTooLong(NodeFailure):
    """An answer exceeds the limit of `max_bytes`."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(NodeFaultKind.MALFORMED, f"more than {max_bytes} bytes")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Holds the error object of one answer in a batch."""

    code: int
    message: str

    def failure(self) -> NodeFailure:
        """Return this refusal as a failure of its kind."""
        kind = kind_of(self.code, self.message)
        allowed = max_asks(self.message) if kind is NodeFaultKind.BATCH_LIMIT else None
        return NodeFailure(kind, f"error {self.code}", allowed=allowed)

    @property
    def oversized(self) -> bool:
        """Whether the answers of the batch together, or this one, exceed what the node sends."""
        text = self.message[:MAX_TEXT].lower()
        return any(word in text for word in OVERSIZED)

    @property
    def unreadable(self) -> bool:
        """Whether the node no longer stores the requested state."""
        return is_pruned(self.message)

    @property
    def halted(self) -> bool:
        """Whether the call ran and ended without an answer."""
        return is_halted(self.message)


def answered(answer: Any) -> Any:
    """Return the answer. Raises NodeFailure if it is a refusal."""
    if isinstance(answer, Refusal):
        raise answer.failure()
    return answer


MAX_STATED_S = 3 * 86400.0
"""The longest wait that a header can state, in seconds. A node is paused for a minute at most (chain/nodes/health.py)."""


def stated_wait_s(text: str, now: datetime) -> float | None:
    """Return the seconds of a Retry-After (RFC 9110 §10.2.3), 0 to MAX_STATED_S: ASCII digits or a date; None if unreadable.

    Several headers, joined by commas, give the longest if all are numbers. A date without a zone is UTC. The probes read the
    header in the same way (`probes/rest/refusals.py`); neither floor may import the other, so one table of cases tests both.
    """
    given = [one.strip() for one in text.split(",")]
    if all(one.isascii() and one.isdigit() for one in given):
        longest = max((one.lstrip("0") for one in given), key=lambda one: (len(one), one))
        return MAX_STATED_S if len(longest) > 6 else min(float(longest or "0"), MAX_STATED_S)
    if len(given) > 2:
        return None
    try:
        due = parsedate_to_datetime(text)
        aware = due if due.tzinfo else due.replace(tzinfo=UTC)
        return min(max((aware - now).total_seconds(), 0.0), MAX_STATED_S)
    except (TypeError, ValueError, OverflowError):
        return None


MAX_TEXT = 500
"""Characters of a refusal that are compared. A node may send any length."""

BATCH = (
    "batch too large",  # geth -32600
    "batch limit",
    "batch of more than",  # dRPC
    "batch size",
    "calls in 1 batch",  # Base's public node: "maximum 10 calls in 1 batch"
    "requests in batch",
    "batch request limit",
)
RANGE = (
    "block range",  # Alchemy, QuickNode, erigon, bor: "exceed maximum block range: 5000"
    "blocks range",  # QuickNode: "limited to a 10,000 blocks range"
    "eth_getlogs is limited",  # QuickNode
    "range is too",  # Ankr: "range is too large, max is 1k blocks"
    "range too large",  # Cloudflare, BlockPI
    "max range",
    "maximum range limit",  # besu
    "too many blocks",  # coreth: "requested too many blocks from 1 to 5000, maximum is set to 2048"
    "blocks distance",
    "block span",
    "ranges over",
    "query returned more",  # Infura: "query returned more than 10000 results"
    "more than 10000 results",
    "max results",  # reth: "query exceeds max results 20000, retry with the range 1-9"
    "too many results",
    "query exceeds",
    "logs matched by query exceeds",
    "response size",  # Alchemy
    "response too large",  # geth -32003
    "response is too big",
    "query timeout",  # Alchemy: "Query timeout exceeded. Consider reducing your block range."
    "query timed out",
    "exceed max addresses",  # geth: "exceed max addresses or topics per search position"
    "exceed max topics",
)
THROTTLED = (
    "rate limit",
    "rate-limit",
    "too many requests",
    "too many connections",
    "compute units",
    "throughput",
    "request limit",
    "requests per second",
    "daily limit",
    "quota",
    "capacity exceeded",
)
BEHIND = ("unknown block", "header not found", "block not found", "resource not found", "after last accepted block")
PRUNED = (
    "missing trie node",
    "pruned",
    "historical state",
    "state not available",
    "state is not available",
    "old data not available",  # erigon
    "required historical state unavailable",  # nitro
    "state at block",
)
HALTED = (
    "revert",
    "out of gas",
    "invalid opcode",
    "opcode not found",
    "invalid jump",
    "stack",
    "outofgas",
    "opcodenotfound",
    "invalidfeopcode",
    "invalidoperandoog",
    "memoryoog",
    "memorylimitoog",
    "gas uint64 overflow",
)
"""Texts for an execution that ended without an answer: geth, nethermind, besu, anvil."""
OVERSIZED = ("response too large", "response is too big", "response size")
"""geth (-32003) and reth (-32008) for the answers of one batch together, services for one answer."""
LIMIT_EXCEEDED = -32005
"""The code of "limit exceeded" (EIP-1474). Nodes use it for rates and, with another text, for ranges."""

_HEXADECIMAL = re.compile(r"\[\s*(0x[0-9a-f]{1,16})\s*,\s*(0x[0-9a-f]{1,16})\s*\]")
_DECIMAL = re.compile(r"range (\d{1,15})-(\d{1,15})")
_COUNT = re.compile(
    r"(?:range[^0-9]{0,24}|up to an? |limited to an? |max is |maximum is set to )([0-9][0-9,]{0,8})(k?)\b"
)
_BATCH_COUNT = re.compile(
    r"(?:more than |maximum |max |limit(?:ed)? (?:is |of |to )|up to )(\d{1,5})|(\d{1,5}) (?:calls|requests) (?:in|per)"
)


def kind_of(code: int, message: str) -> NodeFaultKind:
    """Return the kind of fault that a refusal means."""
    text = message[:MAX_TEXT].lower()
    for kind, words in (
        (NodeFaultKind.BATCH_LIMIT, BATCH),
        (NodeFaultKind.RANGE_LIMIT, RANGE),
        (NodeFaultKind.THROTTLED, THROTTLED),
        (NodeFaultKind.BEHIND, BEHIND),
    ):
        if any(word in text for word in words):
            return kind
    return NodeFaultKind.THROTTLED if code == LIMIT_EXCEEDED else NodeFaultKind.REFUSED


def max_asks(message: str) -> int | None:
    """Return the number of requests that the node accepts in one batch; None if the text names no number."""
    if found := _BATCH_COUNT.search(message[:MAX_TEXT].lower()):
        return max(int(found[1] or found[2]), 1)
    return None


def is_pruned(message: str) -> bool:
    """Whether the node no longer stores the requested state."""
    text = message[:MAX_TEXT].lower()
    return any(word in text for word in PRUNED)


def is_halted(message: str) -> bool:
    """Whether the call ran and failed in the EVM."""
    text = message[:MAX_TEXT].lower()
    return any(word in text for word in HALTED)


def max_blocks(message: str) -> int | None:
    """Return the number of blocks that the node accepts at once; None if the text names no number."""
    text = message[:MAX_TEXT].lower()
    for pattern, base in ((_HEXADECIMAL, 16), (_DECIMAL, 10)):
        if found := pattern.search(text):
            return max(int(found[2], base) - int(found[1], base) + 1, 1)
    if found := _COUNT.search(text):
        return max(int(found[1].replace(",", "")) * (1000 if found[2] else 1), 1)
    return None
