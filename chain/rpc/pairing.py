"""Writes a batch of JSON-RPC requests, and pairs its answers with their requests by id. No I/O.

An answer counts only for the request whose id it repeats with the same type and value (JSON-RPC 2.0 §4.2, §5, §6). The order of
the answers says nothing. An answer that is missing, comes twice, or belongs to no request makes the whole batch malformed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from chain.events.network import NodeFaultKind
from chain.rpc.errors import NodeFailure, Refusal
from chain.rpc.messages import Ask

MAX_SENT = 2 * 1024 * 1024
"""Characters of the requests of one batch, roughly. geth accepts five million, proxies in front of nodes less."""


def written(asks: Sequence[Ask], first_id: int) -> bytes:
    """Encode a batch as JSON-RPC 2.0; the ids count up from `first_id`."""
    return msgspec.json.encode(
        [
            {"jsonrpc": "2.0", "method": method, "params": params, "id": first_id + at}
            for at, (method, params) in enumerate(asks)
        ]
    )


def paired(body: Any, first_id: int, count: int) -> list[Any]:
    """Return the answers in the order of the `count` requests whose ids count up from `first_id`.

    An answer is a result, or a Refusal. Raises NodeFailure: the refusal of the whole batch, or MALFORMED.
    """
    if isinstance(body, list) and len(body) == 1 and isinstance(body[0], dict) and body[0].get("id", 0) is None:
        body = body[0]  # the error of a batch that could not be read has no id
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        raise _answer(body).failure()
    if not isinstance(body, list):
        raise NodeFailure(NodeFaultKind.MALFORMED, "not a list of answers")
    found: dict[int, Any] = {}
    for one in body:
        if not isinstance(one, dict):
            raise NodeFailure(NodeFaultKind.MALFORMED, "not a JSON-RPC answer")
        at = one.get("id")
        if type(at) is not int:
            raise NodeFailure(NodeFaultKind.MALFORMED, f"an answer whose id is a {type(at).__name__}, not a number")
        if not first_id <= at < first_id + count:
            raise NodeFailure(NodeFaultKind.MALFORMED, "an answer to no request of this batch")
        if at in found:
            raise NodeFailure(NodeFaultKind.MALFORMED, "two answers to one request")
        found[at] = _answer(one)
    if len(found) != count:
        raise NodeFailure(NodeFaultKind.MALFORMED, f"{count - len(found)} of {count} requests without an answer")
    return [found[first_id + at] for at in range(count)]


def size_of(ask: Ask) -> int:
    """Estimate the length of a request in characters. Only packed calls and long lists of addresses matter."""
    size = 200
    for parameter in ask[1]:
        if isinstance(parameter, dict):
            size += sum(len(value) if isinstance(value, str) else 120 * len(value) for value in parameter.values())
    return size


def _answer(answer: dict[str, Any]) -> Any:
    error = answer.get("error")
    if error is None:
        if "result" not in answer:
            raise NodeFailure(NodeFaultKind.MALFORMED, "an answer with neither a result nor an error")
        return answer["result"]
    if not isinstance(error, dict) or type(error.get("code")) is not int:
        raise NodeFailure(NodeFaultKind.MALFORMED, "an error without a code")
    return Refusal(error["code"], str(error.get("message", ""))[:500])
