"""Posts JSON to a receiver of the operator's, and reads from the answer what becomes of the note.

Redirects are not followed: what is written for one receiver must not reach another. No text of an error leaves here: it would
show the URL, which often holds a key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from urllib.parse import urlsplit

import aiohttp

from monitor.alerting.sink import Delivered, Outcome, Refused, TryAgain
from monitor.alerting.sinks import from_env
from monitor.errors import OperatorError
from monitor.version import stormwatch_version
from probes.rest.refusals import stated_wait_s

RETRIED = frozenset({408, 409, 421, 423, 425, 429})
MAX_AFTER_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Where to post, and for how long to wait for the answer. `clock` gives unix seconds, for a Retry-After that is a date."""

    url: str
    timeout_s: float
    clock: Callable[[], float]

    async def send(self, client: aiohttp.ClientSession, body: bytes, headers: Mapping[str, str] = {}) -> Outcome:
        """POST the body as JSON. Failures of the network or the receiver are outcomes, never raised."""
        sent = {"Content-Type": "application/json", "User-Agent": f"stormwatch/{stormwatch_version()}", **headers}
        timeout = aiohttp.ClientTimeout(total=self.timeout_s)
        try:
            async with client.post(self.url, data=body, headers=sent, timeout=timeout, allow_redirects=False) as answer:
                stated = answer.headers.getall("Retry-After", [])
                return outcome_of(answer.status, ", ".join(stated) if stated else None, self.clock())
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return TryAgain(why=type(error).__name__)


def outcome_of(status: int, retry_after: str | None, now_s: float) -> Outcome:
    """Map a status to an outcome: 2xx delivered; overload, rate limits and 5xx try again; everything else refused."""
    if 200 <= status < 300:
        return Delivered()
    if status in RETRIED or status >= 500:
        return TryAgain(why=f"HTTP {status}", after_s=_after_s(retry_after, now_s))
    return Refused(why=f"HTTP {status}, redirect refused" if 300 <= status < 400 else f"HTTP {status}")


def given_url(url: str, url_env: str, env: Mapping[str, str], key: str) -> str:
    """The URL of a sink's settings: `url`, or what the environment variable `url_env` holds; one of them must be given.

    Raises OperatorError with the settings' `key`; it never shows the URL.
    """
    if bool(url) == bool(url_env):
        raise OperatorError(f"{key}.url", "both" if url else "neither", "url or url_env, one of them", "give one")
    found = url or from_env(f"{key}.url_env", url_env, env)
    try:
        parts = urlsplit(found)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        where = f"{key}.url" if url else f"{key}.url_env"
        raise OperatorError(where, url_env or "(not shown)", "https://… or http://…", "give a complete URL")
    return found


def checked_seconds(value: float, key: str) -> float:
    """A length of time above zero. Raises OperatorError with the settings' `key`."""
    if not 0 < value < inf:
        raise OperatorError(key, value, "more than 0", "raise it")
    return value


def _after_s(text: str | None, now_s: float) -> float | None:
    """Seconds of a Retry-After header (RFC 9110 §10.2.3: seconds or a date), at most an hour; None if unreadable."""
    after_s = None if text is None else stated_wait_s(text, datetime.fromtimestamp(now_s, UTC))
    return None if after_s is None else min(after_s, MAX_AFTER_S)
