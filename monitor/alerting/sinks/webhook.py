"""Posts every incident change as signed JSON to a receiver that the operator runs.

The body is the incident change as documented in docs/formats.md. `X-Stormwatch-Signature: t=<unix>,v1=<hex>` is the
HMAC-SHA256 of "<unix>." + body under the shared secret, so that a receiver can refuse forged and replayed bodies;
`Idempotency-Key: incident_id:revision` lets it process a retried one only once. What the receiver missed is told in headers
beside the body, which stays the incident change. Redirects are not followed: a body signed for one receiver must not reach
another.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

import aiohttp
import msgspec

from monitor.alerting.sink import Delivered, Note, Outcome, Refused, TryAgain
from monitor.alerting.sinks import SinkType, from_env
from monitor.errors import OperatorError
from monitor.version import stormwatch_version
from probes.rest.refusals import stated_wait_s

SIGNATURE = "X-Stormwatch-Signature"
MISSED = "X-Stormwatch-Missed"
LOST = "X-Stormwatch-Lost"
RETRIED = frozenset({408, 409, 421, 423, 425, 429})
MAX_AFTER_S = 3600.0

_encode = msgspec.json.Encoder(order="deterministic").encode


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """`url`, or the environment variable that holds it (such URLs often carry a key); the secret only by variable."""

    url: str = ""
    url_env: str = ""
    secret_env: str = ""
    timeout_s: float = 10.0


class WebhookSink:
    """The webhook sink. `clock` gives unix seconds for the signature."""

    def __init__(
        self,
        settings: WebhookSettings,
        env: Mapping[str, str],
        key: str = "sinks.webhook",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._url = _url(settings, env, key)
        if not settings.secret_env:
            remedy = "name one; bodies are always signed, so that a receiver can detect forged ones"
            raise OperatorError(f"{key}.secret_env", "", "the name of an environment variable", remedy)
        self._secret = from_env(f"{key}.secret_env", settings.secret_env, env).encode()
        if settings.timeout_s <= 0:
            raise OperatorError(f"{key}.timeout_s", settings.timeout_s, "more than 0", "raise it")
        self._timeout = aiohttp.ClientTimeout(total=settings.timeout_s)
        self._clock = clock

    async def deliver(self, client: aiohttp.ClientSession, note: Note) -> Outcome:
        """POST the change, signed now: a retry has a new time and the same idempotency key."""
        body = _encode(note.change)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"stormwatch/{stormwatch_version()}",
            "Idempotency-Key": note.key,
            SIGNATURE: signature(self._secret, body, int(self._clock())),
            **missed_headers(note),
        }
        try:
            async with client.post(
                self._url, data=body, headers=headers, timeout=self._timeout, allow_redirects=False
            ) as answer:
                stated = answer.headers.getall("Retry-After", [])
                return outcome_of(answer.status, ", ".join(stated) if stated else None, self._clock())
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return TryAgain(why=type(error).__name__)  # its text would show the URL


def signature(secret: bytes, body: bytes, unix_s: int) -> str:
    """The header's value: "t=<unix>,v1=<hex hmac-sha256 of '<unix>.' + body>"."""
    digest = hmac.new(secret, b"%d." % unix_s + body, hashlib.sha256).hexdigest()
    return f"t={unix_s},v1={digest}"


def missed_headers(note: Note) -> dict[str, str]:
    """What the receiver missed before this note, as headers; none if it missed nothing. Times are RFC 3339 in UTC."""
    headers: dict[str, str] = {}
    if (missed := note.missed) is not None:
        first, last = (f"{one.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for one in (missed.first_at, missed.last_at))
        late = "true" if missed.late else "false"
        headers[MISSED] = f"changes={missed.changes},pages={missed.pages},first={first},last={last},late={late}"
    if note.lost:
        headers[LOST] = str(note.lost)
    return headers


def outcome_of(status: int, retry_after: str | None, now_s: float) -> Outcome:
    """Map a status to an outcome: 2xx delivered; overload, rate limits and 5xx try again; everything else refused."""
    if 200 <= status < 300:
        return Delivered()
    if status in RETRIED or status >= 500:
        return TryAgain(why=f"HTTP {status}", after_s=_after_s(retry_after, now_s))
    return Refused(why=f"HTTP {status}, redirect refused" if 300 <= status < 400 else f"HTTP {status}")


def _after_s(text: str | None, now_s: float) -> float | None:
    """Seconds of a Retry-After header (RFC 9110 §10.2.3: seconds or a date), at most an hour; None if unreadable."""
    after_s = None if text is None else stated_wait_s(text, datetime.fromtimestamp(now_s, UTC))
    return None if after_s is None else min(after_s, MAX_AFTER_S)


def _url(settings: WebhookSettings, env: Mapping[str, str], key: str) -> str:
    if bool(settings.url) == bool(settings.url_env):
        given = "both" if settings.url else "neither"
        raise OperatorError(f"{key}.url", given, "url or url_env, one of them", "give one")
    url = settings.url or from_env(f"{key}.url_env", settings.url_env, env)
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        where = f"{key}.url" if settings.url else f"{key}.url_env"
        raise OperatorError(where, settings.url_env or "(not shown)", "https://… or http://…", "give a complete URL")
    return url


SINK = SinkType(settings=WebhookSettings, build=WebhookSink)
