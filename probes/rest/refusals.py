"""Classifies a refused answer by its status, headers and body, into one closed set of kinds.

Venue-specific codes belong to the dialects (`Venue.refuse`); these rules hold for every venue. 403, 451 and a CDN's page that
blocks us are about our location, never about the venue's health (docs/venues.md, "Rate limits and refusals").
"""

from __future__ import annotations

import errno
import re
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from probes.readings import Refusal

_BY_STATUS = {
    400: Refusal.BAD_REQUEST,
    401: Refusal.UNAUTHORIZED,
    403: Refusal.WAF_BLOCKED,
    404: Refusal.BAD_REQUEST,
    408: Refusal.OVERLOADED,  # answered: the gateway waited too long for what is behind it
    418: Refusal.BANNED,
    429: Refusal.THROTTLED,
    451: Refusal.GEO_BLOCKED,
    502: Refusal.OVERLOADED,
    503: Refusal.OVERLOADED,
    504: Refusal.OVERLOADED,
}
REDIRECTS = frozenset({300, 301, 302, 303, 307, 308})
"""The statuses that point to another address (RFC 9110 §15.4). None is ever followed."""
_BY_ERRNO = {
    **dict.fromkeys((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.EADDRNOTAVAIL, errno.ENOMEM), Refusal.LOCAL),
    **dict.fromkeys((errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE, errno.ESHUTDOWN), Refusal.RESET),
    errno.ETIMEDOUT: Refusal.TIMEOUT,
}
MAX_STATED_S = 3 * 86400.0
"""The longest wait that a header can state, in seconds: the longest documented ban. Each reader has a lower bound of its own."""
_SAMPLE = 2048
_PAGE = 16_384
"""Of a page more is looked at: its words come after its styles."""
_ORIGIN = frozenset({*range(520, 528), 530})
"""Cloudflare: it cannot reach or understand the venue's servers."""
_CODE_ALONE = re.compile(rb"\s*error code: \d{3,4}\s*$")
"""Cloudflare's answer to a client that does not ask for HTML."""
_CLOUDFLARE = re.compile(rb"(?:error code: |cf-error-code[^>]{0,40}>\s{0,8})(1\d\d\d)\b")
_CLOUDFLARE_SAYS = {
    **dict.fromkeys((1006, 1007, 1008, 1010, 1012, 1020, 1106), Refusal.WAF_BLOCKED),
    1009: Refusal.GEO_BLOCKED,
    1015: Refusal.THROTTLED,
    **dict.fromkeys((1000, 1001, 1002, 1003, 1004, 1014, 1016, 1018, 1023, 1033), Refusal.ORIGIN_DOWN),
}
"""Cloudflare's own errors: this address or client is blocked, its country is, its rate is, or the venue's name leads nowhere."""
_CHALLENGES = (
    b"attention required! | cloudflare",
    b"<title>just a moment...",
    b"checking your browser before accessing",
    b"incapsula incident id",
    b"errors.edgesuite.net",
)
"""Pages of Cloudflare, Imperva and Akamai that want a person, or let nobody of this place in."""
_CLOUDFRONT = b"the request could not be satisfied"
_MAINTENANCE = re.compile(
    rb"(?:under|system|scheduled|planned|server|routine|emergency|in|for) maintenance"
    rb"|maintenance (?:mode|in progress|break|window)|(?:being|system|server|is) upgrad"
)
_SAID = re.compile(rb"<(?:title|h\d|p|body|center|strong|b|div)\b[^>]{0,300}>([^<]{1,300})")
"""The words of a page's own: not those of its links, lists and scripts, where a working site may announce a maintenance."""
_ABOUT_US = frozenset({401, 403, 418, 429, 451})


def by_answer(status: int, body: bytes) -> Refusal | None:
    """The refusal of an HTTP answer, or None for a good one (2xx and not an HTML page)."""
    page = _by_page(status, body[:_PAGE].lower()) if is_html(body) or _CODE_ALONE.match(body) else None
    if page is not None:
        return page
    sample = body[:_SAMPLE].lower()
    if 200 <= status < 300:
        return Refusal.WAF_BLOCKED if is_html(body) else None
    if status in REDIRECTS:
        return Refusal.REDIRECTED
    if status == 403 and (b"country" in sample or b"region" in sample or b"restricted" in sample):
        return Refusal.GEO_BLOCKED
    if status in _ORIGIN:
        return Refusal.ORIGIN_DOWN
    if status >= 500 and (b"maintenance" in sample or b"upgrad" in sample):
        return Refusal.MAINTENANCE
    if status == 503 and b"unknown error" in sample:
        return Refusal.EXECUTION_UNKNOWN
    kind = _BY_STATUS.get(status)
    if kind is not None:
        return kind
    return Refusal.VENUE_ERROR if status >= 500 else Refusal.BAD_REQUEST


def _by_page(status: int, page: bytes) -> Refusal | None:
    """What a page says that stands where an API answer was due, in lower case; None: what its status says.

    A CDN's block or challenge is about this place, whatever its status (Cloudflare's challenges came with 503). A page of
    maintenance counts with a good status, a redirect and 404 too: the path is documented, so whoever answers so is the venue.
    """
    number = _CLOUDFLARE.search(page)
    if number is not None and int(number[1]) in _CLOUDFLARE_SAYS:
        return _CLOUDFLARE_SAYS[int(number[1])]
    if any(one in page for one in _CHALLENGES):
        return Refusal.WAF_BLOCKED
    if _CLOUDFRONT in page and status == 403:
        return Refusal.GEO_BLOCKED if b"country" in page else Refusal.WAF_BLOCKED
    if status not in _ABOUT_US and any(_MAINTENANCE.search(one) for one in _SAID.findall(page)):
        return Refusal.MAINTENANCE
    return None


def is_html(body: bytes) -> bool:
    """Tell whether a body is a web page (of a firewall or proxy) instead of JSON."""
    start = body[:64].lstrip().lower()
    return start.startswith((b"<!doctype", b"<html"))


def by_error(error: BaseException) -> Refusal:
    """The refusal of a failed exchange, by the standard library's errors (aiohttp wraps them; pass the cause)."""
    if isinstance(error, TimeoutError):
        return Refusal.TIMEOUT
    if isinstance(error, ssl.SSLEOFError):  # the connection ended inside TLS, as a reset does
        return Refusal.RESET
    if isinstance(error, ssl.SSLError | ssl.CertificateError):
        return Refusal.TLS
    if isinstance(error, OSError) and error.errno in _BY_ERRNO:
        return _BY_ERRNO[error.errno]
    if isinstance(error, ConnectionRefusedError):
        return Refusal.REFUSED
    if isinstance(error, ConnectionError | EOFError):
        return Refusal.RESET
    return Refusal.REFUSED if isinstance(error, OSError) else Refusal.RESET


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """The seconds of the header Retry-After (lower-case names). None if there is no usable one."""
    return stated_wait_s(headers.get("retry-after", ""), now)


def stated_wait_s(text: str, now: datetime) -> float | None:
    """The seconds that a Retry-After states (RFC 9110 §10.2.3), 0 to MAX_STATED_S: ASCII digits or a date. None if unreadable.

    Several headers, joined by commas, give the longest if all are numbers. A date without a zone is UTC (asctime's format).
    """
    given = [one.strip() for one in text.split(",")]
    if all(one.isascii() and one.isdigit() for one in given):
        return max(_seconds(one) for one in given)
    if len(given) > 2:
        return None
    try:
        due = parsedate_to_datetime(text)
        aware = due if due.tzinfo else due.replace(tzinfo=UTC)
        return min(max((aware - now).total_seconds(), 0.0), MAX_STATED_S)
    except (TypeError, ValueError, OverflowError):
        return None


def _seconds(digits: str) -> float:
    """A decimal number of any length: the reading of a number with very many digits is slow, or fails."""
    significant = digits.lstrip("0")
    return MAX_STATED_S if len(significant) > 6 else min(float(significant or "0"), MAX_STATED_S)
