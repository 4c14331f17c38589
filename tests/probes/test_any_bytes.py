"""Whatever bytes a venue sends, a reader returns messages or raises one of its few declared failures, never another.

What it returns is sound: figures are finite, amounts are of a reasonable size, sequence numbers fit in 64 bits.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from math import isfinite
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probes import venues
from tests.probes.cases import BROKEN, NOW, Case, found, title

GOOD = [one for one in found() if one.source["grade"] == "documented"]
PARSED = [one for one in GOOD if one.payload[:1] in (b"{", b"[")]
HUGE = 10**400
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1e308, -1e308, 5e-324, HUGE, -HUGE, 2**63, 2**64, 1e17, "", " ", "nan", "inf", "-Infinity",
    "1e999999999999", "1e-400", "9" * 200, "x" * 5000, "\x00", "1_000", [], {}, [[]], [{}], [None], ["1"], ["1", "2", "3", "4"],
)  # fmt: skip
WHOLE_BODIES = (
    b"", b" ", b"null", b"true", b"0", b'""', b"[]", b"{}", b"[{}]", b"[[]]", b"[null]", b'{"data":[{}]}', b'{"data":[[]]}',
    b'{"code":"0","data":[{}]}', b'{"retCode":0,"result":{"list":[{}]}}', b"<!doctype html><html></html>", b"\xff\xfe\x00",
    b'{"a":"\xff"}', b'{"a":"\\ud800"}', b"NaN", b"Infinity", b"9" * 400, b"[" * 100_000, b'{"data":' * 20_000,
    b'{"z":' + b"[" * 50_000 + b"]" * 50_000 + b"}", b"\xef\xbb\xbf{}", b'{"a":1}{"a":1}',
)  # fmt: skip


def ask(case: Case, body: bytes) -> None:
    """Read; an allowed failure is fine, any other is the test's failure."""
    try:
        words = case.reader(body, case.context)
    except BROKEN:
        return
    for word in words:
        assert_sound(word)


def assert_sound(value: object) -> None:
    """Check that every number in a message is safe to count with."""
    match value:
        case bool() | None | datetime():
            return
        case float():
            assert isfinite(value)
        case int():
            assert abs(value) < 2**64
        case Decimal():
            assert value.is_finite()
            assert abs(value.adjusted()) < 200
        case str():
            value.encode()
        case dict():
            for one in value.values():
                assert_sound(one)
        case list() | tuple():
            for one in value:
                assert_sound(one)
        case _ if is_dataclass(value):
            for field in fields(value):
                assert_sound(getattr(value, field.name))


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterable[tuple[Any, ...]]:
    """The path of everything inside a JSON value."""
    keys: Iterable[Any] = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield (*path, key)
        yield from places(value[key], (*path, key))


def put(value: Any, path: tuple[Any, ...], odd: Any) -> Any:
    """The value with one place changed (or, for `...`, taken away)."""
    changed = json.loads(json.dumps(value))
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    if odd is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = odd
    return changed


@pytest.mark.parametrize("case", GOOD, ids=title)
@pytest.mark.slow
def test_a_body_of_another_form_is_malformed(case: Case) -> None:
    for body in WHOLE_BODIES:
        ask(case, body)


@pytest.mark.parametrize("case", PARSED, ids=title)
@pytest.mark.slow
def test_a_payload_cut_short_is_malformed(case: Case) -> None:
    payload = case.payload
    for end in range(1, len(payload), 7):
        with pytest.raises(BROKEN):
            case.reader(payload[:end], case.context)


@pytest.mark.parametrize("case", PARSED, ids=title)
def test_a_payload_with_one_field_changed_or_missing_is_read_or_malformed(case: Case) -> None:
    whole = json.loads(case.payload)
    for path in places(whole):
        for odd in (..., *ODD):
            ask(case, json.dumps(put(whole, path, odd)).encode())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(ODD),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=8,
)


@pytest.mark.thorough
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(given_case=st.sampled_from(PARSED), draw=st.data())
def test_a_payload_changed_in_many_places_is_read_or_malformed(given_case: Case, draw: st.DataObject) -> None:
    whole = json.loads(given_case.payload)
    for _ in range(draw.draw(st.integers(1, 4))):
        paths = list(places(whole))
        if not paths:
            break
        whole = put(whole, draw.draw(st.sampled_from(paths)), draw.draw(JSON | st.just(...)))
    ask(given_case, json.dumps(whole).encode())


@settings(max_examples=400, deadline=None)
@given(given_case=st.sampled_from(GOOD), draw=st.data())
def test_a_payload_with_bytes_flipped_is_read_or_malformed(given_case: Case, draw: st.DataObject) -> None:
    body = bytearray(given_case.payload)
    for _ in range(draw.draw(st.integers(1, 6))):
        body[draw.draw(st.integers(0, len(body) - 1))] = draw.draw(st.integers(0, 255))
    ask(given_case, bytes(body))


@pytest.mark.parametrize("name", venues.NAMES)
def test_the_search_for_a_refusal_never_fails_on_any_body(name: str) -> None:
    refuse = venues.declared(name).refuse
    bodies = [*WHOLE_BODIES, *(one.payload for one in found() if one.venue == name)]
    bodies += [
        b'{"code":-1003,"msg":"\xff"}',
        b'{"code":' + b"[" * 100_000,
        b'{"label":"\xff"}',
        b'{"code":"0","data":[[1' * 9,
    ]
    for body in bodies:
        for status in (200, 400, 403, 418, 429, 503):
            refuse(status, {"x-gate-ratelimit-reset-timestamp": "1e400"}, body, NOW)
