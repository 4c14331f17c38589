"""A refusal's kind, by status, body or error: what every venue shares."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.readings import Refusal
from probes.rest.refusals import by_answer, by_error, is_html, retry_after_s
from tests.branches import Reached

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b"{}", None),
        (204, b"", None),
        (200, b"  <!DOCTYPE html><html>", Refusal.WAF_BLOCKED),
        (200, b"<HTML>", Refusal.WAF_BLOCKED),
        (302, b"", Refusal.REDIRECTED),
        (304, b"", Refusal.BAD_REQUEST),
        (400, b"", Refusal.BAD_REQUEST),
        (401, b"", Refusal.UNAUTHORIZED),
        (403, b"Forbidden", Refusal.WAF_BLOCKED),
        (403, b"not available in your COUNTRY", Refusal.GEO_BLOCKED),
        (404, b"", Refusal.BAD_REQUEST),
        (410, b"", Refusal.BAD_REQUEST),
        (418, b"", Refusal.BANNED),
        (429, b"", Refusal.THROTTLED),
        (451, b"", Refusal.GEO_BLOCKED),
        (500, b"", Refusal.VENUE_ERROR),
        (500, b"System upgrade", Refusal.MAINTENANCE),
        (503, b"Unknown error, please check", Refusal.EXECUTION_UNKNOWN),
        (503, b"Service Unavailable", Refusal.OVERLOADED),
        (502, b"<html>bad gateway", Refusal.OVERLOADED),
        (503, b"under maintenance", Refusal.MAINTENANCE),
        (599, b"", Refusal.VENUE_ERROR),
    ],
)
def test_an_answer_has_its_kind(status: int, body: bytes, kind: Refusal | None) -> None:
    assert by_answer(status, body) is kind


a_page = Reached("a web page with a good status")


@given(st.integers(200, 299) | st.integers(100, 999), st.just(b"<html>") | st.binary(max_size=200))
def test_any_answer_except_a_good_one_is_a_refusal(status: int, body: bytes) -> None:
    a_page(200 <= status < 300 and is_html(body))
    assert (by_answer(status, body) is None) == (200 <= status < 300 and not is_html(body))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TimeoutError(), Refusal.TIMEOUT),
        (ssl.SSLError(), Refusal.TLS),
        (ssl.SSLCertVerificationError(), Refusal.TLS),
        (ConnectionRefusedError(), Refusal.REFUSED),
        (ConnectionResetError(), Refusal.RESET),
        (BrokenPipeError(), Refusal.RESET),
        (EOFError(), Refusal.RESET),
        (OSError("no route"), Refusal.REFUSED),
        (ValueError(), Refusal.RESET),
    ],
)
def test_an_error_has_its_kind(error: Exception, kind: Refusal) -> None:
    assert by_error(error) is kind


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("", None),
        ("120", 120.0),
        (" 1.5 ", 1.5),
        ("-3", 0.0),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("Sun, 01 Nov 2026 00:01:00 GMT", 60.0),
        ("Sun, 01 Nov 2020 00:01:00 GMT", 0.0),
        ("Sun, 01 Nov 2026 00:01:00 -0000", None),
        ("Sun, 01 Nov 99999999999999 00:01:00 GMT", None),
    ],
)
def test_retry_after_is_a_number_of_seconds_or_a_date(header: str, seconds: float | None) -> None:
    assert retry_after_s({"retry-after": header}, NOW) == seconds


def test_an_absent_retry_after_gives_no_wait() -> None:
    assert retry_after_s({}, NOW) is None


def test_a_kind_is_ours_when_it_is_no_information_about_the_venue() -> None:
    assert {one for one in Refusal if one.is_ours} == {
        Refusal.GEO_BLOCKED,
        Refusal.WAF_BLOCKED,
        Refusal.UNAUTHORIZED,
        Refusal.BAD_REQUEST,
        Refusal.REDIRECTED,
        Refusal.BUDGET,
    }
