"""An answer of an operator's own target is good only if status, body and time are as he said."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from probes.readings import ClaimState, Refusal
from probes.rest.target import BodyCondition, Target, claim_state, judge, path_mistake, pattern_mistake
from probes.tape import HttpExchange

AT = datetime(2026, 11, 28, 12, tzinfo=UTC)
BLOCK = b'{"jsonrpc":"2.0","id":1,"result":"0x12a05f2"}'
"""An answer to eth_blockNumber (Ethereum's JSON-RPC specification): 0x12a05f2 is block 19531250."""


def answer(
    body: bytes = b"{}", status: int | None = 200, took_s: float = 0.1, refusal: Refusal | None = None
) -> HttpExchange:
    return HttpExchange(
        sent_at=AT, received_at=AT + timedelta(seconds=took_s), phases=(), cold=True, status=status, headers={},
        body=body, refusal=refusal, detail="TimeoutError" if refusal else "",
    )  # fmt: skip


def target(*conditions: BodyCondition, url: str = "https://x", **given: Any) -> Target:
    return Target(name="rpc", url=url, conditions=conditions, **given)


def outcome(body: bytes, **condition: Any) -> tuple[Refusal | None, str]:
    return judge(target(BodyCondition(**condition)), answer(body))


def test_a_target_names_itself_and_its_protocol() -> None:
    assert (target().id, target().check, target().is_socket) == ("target:rpc", "http", False)
    assert (target(url="wss://x").check, target(url="ws://x").is_socket) == ("websocket", True)


def test_an_answer_with_the_status_alone_is_good_if_nothing_else_is_asked() -> None:
    assert judge(target(), answer(b"<html>")) == (None, "")


@pytest.mark.parametrize(
    ("status", "refusal"),
    [
        (500, Refusal.UNMET),
        (404, Refusal.UNMET),
        (401, Refusal.UNAUTHORIZED),
        (429, Refusal.THROTTLED),
        (451, Refusal.GEO_BLOCKED),
        (None, Refusal.UNMET),
    ],
)
def test_a_status_that_was_not_named_is_refused_with_it(status: int | None, refusal: Refusal) -> None:
    found, why = judge(target(statuses=(200, 204)), answer(status=status))

    assert found is refusal
    assert why == f"HTTP {status or 0}; allowed: 200, 204"


def test_a_redirect_fails_and_says_so() -> None:
    assert judge(target(), answer(status=302)) == (Refusal.UNMET, "HTTP 302, redirect refused; allowed: 200")


def test_any_named_status_is_good() -> None:
    assert judge(target(statuses=(200, 403)), answer(status=403)) == (None, "")


def test_a_failure_of_the_transport_keeps_its_name() -> None:
    assert judge(target(), answer(refusal=Refusal.TIMEOUT)) == (Refusal.TIMEOUT, "TimeoutError")


@pytest.mark.parametrize(("took_s", "refusal"), [(0.8, None), (0.801, Refusal.SLOW)])
def test_a_good_answer_beyond_its_time_is_slow(took_s: float, refusal: Refusal | None) -> None:
    found, why = judge(target(latency_s=0.8), answer(took_s=took_s))

    assert found is refusal
    assert why == ("" if refusal is None else "took 0.801 s; allowed: 0.8 s")


@pytest.mark.parametrize(
    "condition",
    [
        {"path": "$.result"},
        {"path": "$.result", "least": 19_000_000, "most": 19_531_250},
        {"path": "$.error", "exists": False},
        {"path": "$.jsonrpc", "equals": "2.0"},
        {"path": "$.id", "equals": 1.0},
        {"path": "$.result", "matches": "0x[0-9a-f]+"},
        {"path": "$..result"},
    ],
)
def test_a_block_number_meets_what_it_should(condition: dict[str, Any]) -> None:
    assert outcome(BLOCK, **condition) == (None, "")


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ({"path": "$.error"}, "$.error: not there"),
        ({"path": "$.result", "exists": False}, "$.result: there, and should not be"),
        ({"path": "$.result", "least": 19_531_251}, "$.result: 19531250 below 1.95313e+07"),
        ({"path": "$.result", "most": 19_531_249}, "$.result: 19531250 above 1.95312e+07"),
        ({"path": "$.jsonrpc", "least": 1}, "$.jsonrpc: not a number"),
        ({"path": "$.id", "equals": True}, "$.id: not True"),
        ({"path": "$.jsonrpc", "equals": "1.0"}, "$.jsonrpc: not '1.0'"),
        ({"path": "$.result", "matches": "0x[0-9]+"}, "$.result: does not match"),
        ({"path": "$.id", "matches": "1"}, "$.id: not a text of at most 1000 characters"),
    ],
)
def test_what_a_block_number_does_not_meet_is_named_with_its_path(condition: dict[str, Any], why: str) -> None:
    assert outcome(BLOCK, **condition) == (Refusal.UNMET, why)


@pytest.mark.parametrize("value", [b"true", b"null", b"[]", b'"0x"', b'"12"'])
def test_what_is_no_number_is_within_no_bounds(value: bytes) -> None:
    assert outcome(b'{"a":%s}' % value, path="$.a", least=0)[0] is Refusal.UNMET


def test_a_plain_number_is_bounded_too() -> None:
    assert outcome(b'{"a":-1.5}', path="$.a", least=-2, most=-1) == (None, "")
    assert outcome(b'{"a":1e400}', path="$.a", least=0)[0] is Refusal.UNMET


def test_every_value_that_a_path_finds_must_fit() -> None:
    body = b'{"parts":[{"name":"API","status":"up"},{"name":"Site","status":"down"}]}'

    assert outcome(body, path="$.parts[*].status", equals="up")[0] is Refusal.UNMET
    assert outcome(body, path="$.parts[?@.name == 'API'].status", equals="up") == (None, "")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"<html>", "the body is not JSON"),
        (b"", "the body is not JSON"),
        (b'"\xff"', "the body is not JSON"),
        (b"[" * 100_000, "the body is not JSON"),
        (b"7", "$..a: the body is neither an object nor a list"),
        (b'{"b":' * 300 + b"1" + b"}" * 300, "$..a: the body is too deep"),
        (b"[" + b'{"a":1},' * 200 + b"1]", "$..a: more than 100 values"),
    ],
)
def test_a_body_that_cannot_be_judged_meets_nothing(body: bytes, why: str) -> None:
    assert outcome(body, path="$..a") == (Refusal.UNMET, why)


def test_a_long_text_is_not_tried() -> None:
    assert outcome(b'{"a":"%s"}' % (b"x" * 1001), path="$.a", matches="x*")[0] is Refusal.UNMET


def test_the_status_of_a_socket_is_not_judged() -> None:
    assert judge(target(url="ws://x"), answer(status=101)) == (None, "")


def test_what_became_of_a_question() -> None:
    assert claim_state(None) is ClaimState.SPEAKING
    assert claim_state(Refusal.TIMEOUT) is ClaimState.SILENT
    assert claim_state(Refusal.UNMET) is ClaimState.REFUSED


@pytest.mark.parametrize("path", ["$", "$.a[0]", "$['a b']", "$..a", "$.a[?@.b > 1]"])
def test_a_path_of_the_standard_has_no_mistake(path: str) -> None:
    assert path_mistake(path) == ""


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("a.b", "JSONPath"),
        ("$.", "JSONPath"),
        ("", "JSONPath"),
        ("$..a..b", "descent"),
        ("$." + "a" * 200, "200 characters"),
        ("$[?match(@.a, '(x+)+y')]", "JSONPath"),
        ("$[?search(@.a, 'x')]", "JSONPath"),
        ("$.a | $.b", "JSONPath"),
    ],
)
def test_a_mistaken_or_unbounded_path_is_named(path: str, word: str) -> None:
    assert word in path_mistake(path)


@pytest.mark.parametrize("pattern", ["ok", "v[0-9]+\\.[0-9]+", "(?:up|down)", "a\\+b\\)*", "[*+]{2}x{3}", "[(]+"])
def test_a_plain_pattern_has_no_mistake(pattern: str) -> None:
    assert pattern_mistake(pattern) == ""


@pytest.mark.parametrize(
    ("pattern", "word"),
    [
        ("(x+)+y", "repeated group"),
        ("(a|a)*", "repeated group"),
        ("(a)\\1", "back reference"),
        ("(?=a)", "look-around"),
        ("(?P<n>a)", "look-around"),
        (".*.*.*x", "2 open repeats"),
        ("a{2,}b+c*", "2 open repeats"),
        ("[a", "regular expression"),
        ("x" * 201, "200 characters"),
    ],
)
def test_a_pattern_that_could_take_long_is_named(pattern: str, word: str) -> None:
    assert word in pattern_mistake(pattern)


def test_the_dearest_pattern_that_is_allowed_takes_little_time_on_the_longest_text() -> None:
    assert pattern_mistake(".*.*y") == ""
    began = perf_counter()

    assert outcome(b'{"a":"%s"}' % (b"x" * 1000), path="$.a", matches=".*.*y")[0] is Refusal.UNMET
    assert perf_counter() - began < 5.0


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(-(10**500), 10**500) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "b", "0x"]), inner, max_size=4),
    max_leaves=12,
)
CONDITIONS = (
    BodyCondition(path="$..a", least=0, most=10),
    BodyCondition(path="$..b", matches="[0-9a-f]*x?"),
    BodyCondition(path="$[?@.a > 1]", exists=False),
    BodyCondition(path="$.a", equals=1),
)


@given(VALUES)
@example({"a": 10**400})
@example({"a": "0x" + "f" * 64})
def test_any_json_is_judged_and_never_raises(value: Any) -> None:
    for condition in CONDITIONS:
        found, why = outcome(
            json.dumps(value).encode(), **{name: getattr(condition, name) for name in condition.__slots__}
        )
        assert (found is None) is (why == "")


@given(st.binary(max_size=60))
def test_any_bytes_are_judged_and_never_raise(body: bytes) -> None:
    found, why = outcome(body, path="$..a")
    assert found is None or why
