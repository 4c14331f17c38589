"""A refusal's kind, by status, body or error: what every venue shares."""

from __future__ import annotations

import errno
import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.readings import Refusal
from probes.rest.refusals import by_answer, by_error, is_html, retry_after_s
from tests.branches import Reached
from tests.retry_after import CASES, MAX_WAIT_S, NOW


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
        (ssl.SSLEOFError(), Refusal.RESET),
        (OSError(errno.ECONNABORTED, "aborted"), Refusal.RESET),
        (OSError(errno.ESHUTDOWN, "shut down"), Refusal.RESET),
        (OSError(errno.ETIMEDOUT, "timed out"), Refusal.TIMEOUT),
        (OSError(errno.EMFILE, "too many open files"), Refusal.LOCAL),
        (OSError(errno.ENFILE, "too many open files in system"), Refusal.LOCAL),
        (OSError(errno.ENOBUFS, "no buffer space"), Refusal.LOCAL),
        (OSError(errno.EADDRNOTAVAIL, "no port left"), Refusal.LOCAL),
        (OSError(errno.ENOMEM, "no memory"), Refusal.LOCAL),
        (EOFError(), Refusal.RESET),
        (OSError("no route"), Refusal.REFUSED),
        (ValueError(), Refusal.RESET),
    ],
)
def test_an_error_has_its_kind(error: Exception, kind: Refusal) -> None:
    assert by_error(error) is kind


@pytest.mark.parametrize(("header", "seconds"), CASES)
def test_retry_after_is_a_number_of_seconds_or_a_date(header: str, seconds: float | None) -> None:
    assert retry_after_s({"retry-after": header}, NOW) == seconds


@given(st.text(max_size=60) | st.text("0123456789,. GMTSunov:-+e_", max_size=40))
def test_any_header_gives_a_wait_within_three_days_or_none(header: str) -> None:
    seconds = retry_after_s({"retry-after": header}, NOW)
    assert seconds is None or 0.0 <= seconds <= MAX_WAIT_S


def test_an_absent_retry_after_gives_no_wait() -> None:
    assert retry_after_s({}, NOW) is None


def test_a_kind_is_ours_when_it_is_no_information_about_the_venue() -> None:
    assert {one for one in Refusal if one.is_ours} == {
        Refusal.GEO_BLOCKED,
        Refusal.WAF_BLOCKED,
        Refusal.UNAUTHORIZED,
        Refusal.BAD_REQUEST,
        Refusal.REDIRECTED,
        Refusal.LOCAL,
        Refusal.BUDGET,
        Refusal.KEY_RIGHTS,
    }
