"""Finds the store's DSN, and shows it without its password."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

from monitor.errors import OperatorError
from monitor.store.settings import StoreSettings

ALLOWED = "a PostgreSQL DSN such as postgresql://user@host:5432/stormwatch"


def find(settings: StoreSettings, env: Mapping[str, str]) -> str | None:
    """The DSN, or None for the embedded server. Raises OperatorError for a variable that is not set or an invalid DSN."""
    dsn = settings.dsn
    if settings.dsn_env:
        dsn = env.get(settings.dsn_env, "")
        if not dsn:
            raise OperatorError(
                "store.dsn_env",
                settings.dsn_env,
                "the name of an environment variable that holds the DSN",
                "set that variable, or remove the key to use the embedded server",
            )
    if not dsn:
        return None
    try:
        parts = urlsplit(dsn)
        valid = parts.scheme in ("postgresql", "postgres") and bool(parts.port is None or parts.port > 0)
    except ValueError:
        valid = False
    if not valid:
        raise OperatorError("store.dsn", redacted_dsn(dsn), ALLOWED, "correct it")
    return dsn


def redacted_dsn(dsn: str) -> str:
    """The DSN without password and options: user, host, port and database; "(not a DSN)" if it is not one."""
    try:
        parts = urlsplit(dsn)
        port = parts.port
    except ValueError:
        return "(not a DSN)"
    if parts.scheme not in ("postgresql", "postgres"):
        return "(not a DSN)"
    host = parts.netloc.rpartition("@")[2] or ",".join(parse_qs(parts.query).get("host", []))
    if parts.hostname and port is None and ":" in host and not host.startswith("["):
        host = parts.hostname  # host:password without a user, by mistake
    user = f"{parts.username}@" if parts.username else ""
    return f"{parts.scheme}://{user}{host}{parts.path}"
