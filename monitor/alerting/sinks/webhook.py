"""Posts every incident change as signed JSON to a receiver that the operator runs.

The body is the incident change as documented in docs/formats.md. `X-Stormwatch-Signature: t=<unix>,v1=<hex>` is the
HMAC-SHA256 of "<unix>." + body under the shared secret, so that a receiver can refuse forged and replayed bodies;
`Idempotency-Key: incident_id:revision` lets it process a retried one only once. What the receiver missed is told in headers
beside the body, which stays the incident change.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC

import aiohttp
import msgspec

from monitor.alerting.posting import Receiver, checked_seconds, given_url
from monitor.alerting.sink import Note, Outcome
from monitor.alerting.sinks import SinkType, from_env
from monitor.errors import OperatorError

SIGNATURE = "X-Stormwatch-Signature"
MISSED = "X-Stormwatch-Missed"
LOST = "X-Stormwatch-Lost"
REMINDER = "X-Stormwatch-Reminder"

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
        url = given_url(settings.url, settings.url_env, env, key)
        if not settings.secret_env:
            remedy = "name one; bodies are always signed, so that a receiver can detect forged ones"
            raise OperatorError(f"{key}.secret_env", "", "the name of an environment variable", remedy)
        self._secret = from_env(f"{key}.secret_env", settings.secret_env, env).encode()
        timeout_s = checked_seconds(settings.timeout_s, f"{key}.timeout_s")
        self._receiver = Receiver(url=url, timeout_s=timeout_s, clock=clock)
        self._clock = clock

    async def deliver(self, client: aiohttp.ClientSession, note: Note) -> Outcome:
        """POST the change, signed now: a retry has a new time and the same idempotency key."""
        body = _encode(note.change)
        headers = {
            "Idempotency-Key": note.key,
            SIGNATURE: signature(self._secret, body, int(self._clock())),
            **missed_headers(note),
        }
        return await self._receiver.send(client, body, headers)


def signature(secret: bytes, body: bytes, unix_s: int) -> str:
    """The header's value: "t=<unix>,v1=<hex hmac-sha256 of '<unix>.' + body>"."""
    digest = hmac.new(secret, b"%d." % unix_s + body, hashlib.sha256).hexdigest()
    return f"t={unix_s},v1={digest}"


def missed_headers(note: Note) -> dict[str, str]:
    """What the receiver missed before this note, and whether it is a reminder, as headers. Times are RFC 3339 in UTC."""
    headers: dict[str, str] = {}
    if (missed := note.missed) is not None:
        first, last = (f"{one.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for one in (missed.first_at, missed.last_at))
        late = "true" if missed.late else "false"
        headers[MISSED] = f"changes={missed.changes},pages={missed.pages},first={first},last={last},late={late}"
    if note.lost:
        headers[LOST] = str(note.lost)
    if note.reminded_at is not None:
        headers[REMINDER] = f"{note.reminded_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return headers


SINK = SinkType(settings=WebhookSettings, build=WebhookSink)
