"""The kind of each documented refusal (RFC 9110, the venues' API documentation), and the boundaries between kinds."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime

import pytest

from probes import venues
from probes.readings import Refusal
from probes.rest.refusals import by_answer, by_error, is_html, retry_after_s

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_every_2xx_status_is_good_unless_the_body_is_a_web_page(status: int) -> None:
    assert by_answer(status, b'{"code":0}') is None
    assert by_answer(status, b"<html><body>Checking your browser</body></html>") is Refusal.WAF_BLOCKED


@pytest.mark.parametrize("status", [100, 199, 304, 305, 306, 309, 399, 402, 405, 409, 499])
def test_a_status_that_is_neither_2xx_nor_5xx_is_a_bad_request(status: int) -> None:
    assert by_answer(status, b"") is Refusal.BAD_REQUEST


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
def test_a_status_that_points_elsewhere_is_a_redirect_whatever_its_body(status: int) -> None:
    assert by_answer(status, b"") is Refusal.REDIRECTED
    assert by_answer(status, b"<html>maintenance in your country") is Refusal.REDIRECTED
    assert by_answer(status, b"under maintenance") is Refusal.REDIRECTED, "that is no page"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Refusal.BAD_REQUEST),
        (401, Refusal.UNAUTHORIZED),
        (403, Refusal.WAF_BLOCKED),
        (404, Refusal.BAD_REQUEST),
        (418, Refusal.BANNED),
        (429, Refusal.THROTTLED),
        (451, Refusal.GEO_BLOCKED),
        (500, Refusal.VENUE_ERROR),
        (501, Refusal.VENUE_ERROR),
        (502, Refusal.OVERLOADED),
        (503, Refusal.OVERLOADED),
        (504, Refusal.OVERLOADED),
        (505, Refusal.VENUE_ERROR),
        (408, Refusal.OVERLOADED),
        (519, Refusal.VENUE_ERROR),
        (520, Refusal.ORIGIN_DOWN),
        (527, Refusal.ORIGIN_DOWN),
        (528, Refusal.VENUE_ERROR),
        (530, Refusal.ORIGIN_DOWN),
    ],
)
def test_a_bare_status_has_its_kind(status: int, kind: Refusal) -> None:
    assert by_answer(status, b"") is kind
    assert by_answer(status, b"<html>") is kind, "a proxy's page changes nothing of a refusal"


@pytest.mark.parametrize("words", [b"your Country", b"this REGION", b"is restricted"])
def test_only_a_403_that_mentions_a_location_is_a_geo_block(words: bytes) -> None:
    assert by_answer(403, words) is Refusal.GEO_BLOCKED
    assert by_answer(400, words) is Refusal.BAD_REQUEST
    assert by_answer(429, words) is Refusal.THROTTLED
    assert by_answer(200, words) is None


@pytest.mark.parametrize("words", [b"Maintenance", b"system is upgrading", b"UPGRADE"])
def test_only_a_server_error_can_mean_maintenance(words: bytes) -> None:
    for status in (500, 502, 503, 504):
        assert by_answer(status, words) is Refusal.MAINTENANCE
    assert by_answer(499, words) is Refusal.BAD_REQUEST
    assert by_answer(429, words) is Refusal.THROTTLED


def test_only_a_503_that_says_so_means_an_unknown_execution() -> None:
    words = b'{"msg":"Unknown error, please check your request or try again later."}'
    assert by_answer(503, words) is Refusal.EXECUTION_UNKNOWN
    assert by_answer(500, words) is Refusal.VENUE_ERROR
    assert by_answer(502, words) is Refusal.OVERLOADED


PAGE = "<!DOCTYPE html><html><head><title>{}</title></head><body><h1>{}</h1></body></html>"
CLOUDFLARE = (
    "<!DOCTYPE html><html><head><title>Access denied | api.made.example used Cloudflare to restrict access</title>"
    '<link rel="stylesheet" href="/cdn-cgi/styles/main.css" />{}</head><body><div id="cf-error-details"><h1>'
    '<span class="cf-error-type" data-translate="error">Error</span> <span class="cf-error-code">{}</span></h1></div>'
)


@pytest.mark.parametrize("status", [200, 301, 302, 404, 500, 502, 503])
@pytest.mark.parametrize(
    "words", ["System under maintenance", "Scheduled Maintenance", "Maintenance mode", "The system is upgrading"]
)
def test_a_page_of_maintenance_is_maintenance_on_any_documented_path(status: int, words: str) -> None:
    for page in (PAGE.format(words, ""), PAGE.format("Sorry", words), f"<html><body>{words}</body></html>"):
        assert by_answer(status, page.encode()) is Refusal.MAINTENANCE


@pytest.mark.parametrize("status", [401, 403, 418, 429, 451])
def test_a_status_that_is_about_us_stays_about_us_whatever_its_page_says(status: int) -> None:
    assert by_answer(status, PAGE.format("Under maintenance", "").encode()) is by_answer(status, b"")


def test_a_working_site_that_links_to_an_announced_maintenance_is_no_maintenance() -> None:
    site = "<html><title>Trade here</title><ul><li><a href='/news'>System maintenance on Friday</a></li></ul></html>"
    assert by_answer(200, site.encode()) is Refusal.WAF_BLOCKED
    assert by_answer(404, site.encode()) is Refusal.BAD_REQUEST
    assert by_answer(200, b'{"news":"under maintenance"}') is None


@pytest.mark.parametrize("status", [403, 429, 503, 530])
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (1006, Refusal.WAF_BLOCKED),
        (1009, Refusal.GEO_BLOCKED),
        (1015, Refusal.THROTTLED),
        (1016, Refusal.ORIGIN_DOWN),
        (1020, Refusal.WAF_BLOCKED),
        (1033, Refusal.ORIGIN_DOWN),
    ],
)
def test_cloudflares_own_errors_have_their_kinds_in_each_form_and_with_each_status(
    status: int, code: int, kind: Refusal
) -> None:
    assert by_answer(status, f"error code: {code}".encode()) is kind
    assert by_answer(status, CLOUDFLARE.format("", code).encode()) is kind
    assert by_answer(status, CLOUDFLARE.format("<style>" + "x" * 9000 + "</style>", code).encode()) is kind


@pytest.mark.parametrize("code", [b"error code: 1999", b"error code: 521", b'{"msg":"error code: 1015"}'])
def test_other_numbers_and_texts_count_by_their_status(code: bytes) -> None:
    assert by_answer(521, code) is Refusal.ORIGIN_DOWN
    assert by_answer(400, code) is Refusal.BAD_REQUEST


@pytest.mark.parametrize(
    ("status", "page", "kind"),
    [
        (403, "<!DOCTYPE html><title>Attention Required! | Cloudflare</title>", Refusal.WAF_BLOCKED),
        (503, "<!DOCTYPE html><title>Just a moment...</title>", Refusal.WAF_BLOCKED),
        (503, "<html><h1>Checking your browser before accessing api.made.example</h1>", Refusal.WAF_BLOCKED),
        (200, "<html><body>Request unsuccessful. Incapsula incident ID: 1-2</body></html>", Refusal.WAF_BLOCKED),
        (
            403,
            "<!DOCTYPE HTML><TITLE>ERROR: The request could not be satisfied</TITLE><H1>403 ERROR</H1>Request blocked.",
            Refusal.WAF_BLOCKED,
        ),
        (
            403,
            (
                "<!DOCTYPE HTML><TITLE>ERROR: The request could not be satisfied</TITLE>The Amazon CloudFront distribution is "
                "configured to block access from your country."
            ),
            Refusal.GEO_BLOCKED,
        ),
        (502, "<!DOCTYPE HTML><TITLE>ERROR: The request could not be satisfied</TITLE>", Refusal.OVERLOADED),
        (504, "<!DOCTYPE HTML><TITLE>ERROR: The request could not be satisfied</TITLE>", Refusal.OVERLOADED),
        (
            403,
            "<HTML><HEAD><TITLE>Access Denied</TITLE></HEAD>Reference #18.1 https://errors.edgesuite.net/18.1",
            Refusal.WAF_BLOCKED,
        ),
        (503, "<HTML><TITLE>Service Unavailable</TITLE>Reference #11.2", Refusal.OVERLOADED),
    ],
)
def test_the_pages_of_a_cdn_in_front_have_their_kinds(status: int, page: str, kind: Refusal) -> None:
    assert by_answer(status, page.encode()) is kind


def test_only_what_blocks_this_place_is_ours() -> None:
    assert Refusal.WAF_BLOCKED.is_ours
    assert not any(one.is_ours for one in (Refusal.ORIGIN_DOWN, Refusal.MAINTENANCE, Refusal.THROTTLED))


def test_keywords_are_searched_in_the_first_two_kibibytes() -> None:
    assert by_answer(403, b" " * 2041 + b"country") is Refusal.GEO_BLOCKED
    assert by_answer(403, b" " * 2042 + b"country") is Refusal.WAF_BLOCKED


def test_a_web_page_begins_within_the_first_64_bytes() -> None:
    assert is_html(b" " * 59 + b"<HTML>")
    assert not is_html(b" " * 60 + b"<html>")
    assert is_html(b"\n\t <!DocType html>")
    assert not is_html(b"<xml>")
    assert not is_html(b'{"page":"<html>"}')


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TimeoutError("within"), Refusal.TIMEOUT),
        (ssl.SSLZeroReturnError(), Refusal.TLS),
        (ssl.CertificateError(), Refusal.TLS),
        (ConnectionRefusedError(111, "refused"), Refusal.REFUSED),
        (ConnectionResetError(104, "reset"), Refusal.RESET),
        (ConnectionAbortedError(), Refusal.RESET),
        (EOFError(), Refusal.RESET),
        (OSError(113, "no route to host"), Refusal.REFUSED),
        (RuntimeError("other"), Refusal.RESET),
    ],
)
def test_each_network_failure_has_its_kind(error: Exception, kind: Refusal) -> None:
    assert by_error(error) is kind


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        ("0.5", None),
        ("-1", None),
        ("600", 600.0),
        ("1e400", None),
        ("-inf", None),
        ("Sun, 01 Nov 2026 01:00:00 GMT", 3600.0),
        ("Sun, 01 Nov 2026 00:00:00 GMT", 0.0),
        ("Sat, 31 Oct 2026 23:00:00 GMT", 0.0),
        ("tomorrow", None),
        ("   ", None),
    ],
)
def test_retry_after_gives_the_seconds_to_wait_and_is_never_negative(header: str, seconds: float | None) -> None:
    assert retry_after_s({"retry-after": header}, NOW) == seconds


DOCUMENTED = [
    ("binance_usdm", 429, {"retry-after": "30"}, b'{"code":-1003,"msg":"Too many requests"}', Refusal.THROTTLED),
    ("binance_usdm", 418, {}, b'{"code":-1003,"msg":"Way too much; IP banned until 1793491500000."}', Refusal.BANNED),
    ("binance_usdm", 200, {}, b'{"code":-1008,"msg":"Server is currently overloaded"}', Refusal.OVERLOADED),
    ("binance_usdm", 200, {}, b'{"code":-1016,"msg":"This service is no longer available."}', Refusal.MAINTENANCE),
    ("bybit", 403, {}, b"403, access too frequent", Refusal.BANNED),
    ("okx", 200, {}, b'{"code":"50011","msg":"Too Many Requests","data":[]}', Refusal.THROTTLED),
    ("okx", 429, {}, b'{"code":"50011","msg":"Too Many Requests","data":[]}', Refusal.THROTTLED),
    ("okx", 503, {}, b'{"code":"50001","msg":"Service temporarily unavailable","data":[]}', Refusal.MAINTENANCE),
    ("gate", 429, {}, b'{"label":"TOO_MANY_REQUESTS","message":"slow"}', Refusal.THROTTLED),
    ("gate", 200, {}, b'{"label":"TOO_BUSY","message":"busy"}', Refusal.OVERLOADED),
    ("gate", 500, {}, b'{"label":"SERVER_ERROR","message":"x"}', Refusal.VENUE_ERROR),
]


@pytest.mark.parametrize(("venue", "status", "headers", "body", "kind"), DOCUMENTED)
def test_a_documented_refusal_has_its_kind_whatever_its_status(
    venue: str, status: int, headers: dict[str, str], body: bytes, kind: Refusal
) -> None:
    refused = venues.declared(venue).refuse(status, headers, body, NOW)
    assert (refused.kind if refused is not None else by_answer(status, body)) is kind


@pytest.mark.parametrize("venue", ["bybit", "okx", "binance_usdm"])
def test_a_code_of_success_is_no_refusal(venue: str) -> None:
    bodies = {"bybit": b'{"retCode":0,"retMsg":"OK","result":{}}', "okx": b'{"code":"0","msg":"","data":[]}',
              "binance_usdm": b'{"serverTime":1793491200000}'}  # fmt: skip
    assert venues.declared(venue).refuse(200, {}, bodies[venue], NOW) is None
    assert by_answer(200, bodies[venue]) is None


def test_gates_window_end_and_binances_ban_end_are_points_in_time() -> None:
    gate = venues.declared("gate").refuse(
        429, {"x-gate-ratelimit-reset-timestamp": "1793491210"}, b'{"label":"TOO_MANY_REQUESTS","message":"slow"}', NOW
    )
    banned = venues.declared("binance_usdm").refuse(
        418, {}, b'{"code":-1003,"msg":"Way too much; IP banned until 1793491500000."}', NOW
    )
    assert gate is not None
    assert banned is not None
    assert gate.until == datetime.fromtimestamp(1793491210, UTC)
    assert banned.until == datetime.fromtimestamp(1793491500, UTC)
